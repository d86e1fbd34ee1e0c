"""Energy, costs and emissions of a simulation, by factors that the user gives.

References
----------
.. [1] IPCC (2019), "2019 Refinement to the 2006 IPCC Guidelines for National Greenhouse Gas Inventories", vol. 5,
   ch. 6, table 6.8A: 0.016 kg N2O-N per kg N that enters a centralised aerobic plant.
.. [2] IPCC (2021), "Climate Change 2021: The Physical Science Basis", table 7.15: N2O warms 273 times as much as CO2
   over 100 years, doi:10.1017/9781009157896.009.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.kpi import NITROUS_OXIDE, Indicator, carbon_mass, load
from asm_hybrid.scenario.kpi_energy import aeration_energy, mixing_energy, pumping_energy
from asm_hybrid.scenario.kpi_series import PlantSeries
from asm_hybrid.scenario.kpi_sludge import sludge_production

__all__ = ["Factors", "N2OFactor", "evaluate_factors", "worked_out"]

N2O_PER_N = 44 / 28
"""Mass of N2O by that of its nitrogen [kg N2O/kg N]."""


@dataclass(frozen=True)
class N2OFactor:
    """How much of some nitrogen leaves as N2O.

    Attributes
    ----------
    value : float
        Share [kg N2O-N/kg N]. Measured plants differ by orders of magnitude.
    of : {'influent', 'removed', 'denitrified'}
        Of which nitrogen: total nitrogen of the influent, that less total nitrogen of the effluent, or what the plant
        denitrifies.
    chosen : bool
        Whether somebody chose it; what the plant itself strips goes before a factor that nobody chose.
    """

    value: float
    of: Literal["influent", "removed", "denitrified"]
    chosen: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:
            raise InputError(f"the N2O factor is {self.value:g} kg N2O-N/kg N", expected="a share from 0 to 1")


@dataclass(frozen=True)
class Factors:
    """Prices and emission factors. None leaves a part out: prices, and emissions of a grid, have no honest default.

    Attributes
    ----------
    currency : str
        Unit of all prices.
    energy_price : float or None
        Price of electricity [currency/kWh].
    sludge_price : float or None
        Price to dispose of sludge [currency/t TSS].
    carbon_price : float or None
        Price of external carbon [currency/kg COD].
    charges : mapping of str to float
        Charges on what is discharged [currency/kg], by quantity of the effluent.
    energy_co2e : float or None
        Emission of electricity [kg CO2e/kWh].
    sludge_co2e : float or None
        Emission of the disposal of sludge [kg CO2e/t TSS].
    carbon_co2e : float or None
        Emission of external carbon, made and oxidised [kg CO2e/kg COD].
    n2o : N2OFactor or None
        N2O from the tanks. Default: what the plant strips of it, where the table has the gas S_N2O; else 0.016 of the
        nitrogen of the influent [1]_.
    gwp_n2o : float
        Global warming potential of N2O over 100 years [kg CO2e/kg N2O]. Default: 273 [2]_.
    air_energy : float or None
        Energy for air [kWh/m3 at standard conditions]. Where it and the air flow are given, they make the energy for
        aeration; otherwise kLa does, as in the benchmark models.
    """

    currency: str = "EUR"
    energy_price: float | None = None
    sludge_price: float | None = None
    carbon_price: float | None = None
    charges: Mapping[str, float] = field(default_factory=dict)
    energy_co2e: float | None = None
    sludge_co2e: float | None = None
    carbon_co2e: float | None = None
    n2o: N2OFactor | None = N2OFactor(0.016, "influent", chosen=False)
    gwp_n2o: float = 273.0
    air_energy: float | None = None

    def __post_init__(self) -> None:
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, int | float)}
        numbers |= {f"the charge on {name}": value for name, value in self.charges.items()}
        for name, value in numbers.items():
            if not isfinite(value):
                raise InputError(f"{name} is {value}", expected="a finite number, or None to leave it out")


def evaluate_factors(series: PlantSeries, factors: Factors) -> tuple[Indicator, ...]:
    """Return energy, costs and emissions, each with its parts.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    factors : Factors
        Prices and emission factors.

    Returns
    -------
    tuple of Indicator
        ``energy PART`` [kWh/d], ``cost PART`` [currency/d] and ``CO2e PART`` [kg CO2e/d], and their sums, whose
        descriptions name the parts. A part without a factor is left out, and so is a sum without parts.

    Raises
    ------
    InputError
        If the series lack what a factor needs.
    """
    energy: dict[str, float | None] = {
        "aeration": _aeration(series, factors),
        "pumping": pumping_energy(series),
        "mixing": mixing_energy(series),
    }
    total = sum(value for value in energy.values() if value is not None)
    parts: dict[str, float | None] = {
        "energy": _times(factors.energy_price, total),
        "sludge": None if factors.sludge_price is None else factors.sludge_price * sludge_production(series) / 1000,
        "external carbon": _times(factors.carbon_price, carbon_mass(series)),
    }
    parts |= {f"charge on {q}": price * load(series, "effluent", q) for q, price in factors.charges.items()}
    gases: dict[str, float | None] = {
        "energy": _times(factors.energy_co2e, total),
        "N2O": None if factors.n2o is None else _n2o(series, factors, factors.n2o) * factors.gwp_n2o,
        "sludge": None if factors.sludge_co2e is None else factors.sludge_co2e * sludge_production(series) / 1000,
        "external carbon": _times(factors.carbon_co2e, carbon_mass(series)),
    }
    return (
        *_rows("energy", energy, "kWh/d"),
        *_rows("cost", parts, f"{factors.currency}/d"),
        *_rows("CO2e", gases, "kg CO2e/d"),
    )


def _aeration(series: PlantSeries, factors: Factors) -> float:
    if series.air is None or factors.air_energy is None:
        return aeration_energy(series)
    return factors.air_energy * series.mean(series.air)


def _times(factor: float | None, amount: float) -> float | None:
    return None if factor is None else factor * amount


def worked_out(series: PlantSeries, factors: Factors) -> bool:
    """Return whether N2O is what the plant strips of it, and not by a factor.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    factors : Factors
        Prices and emission factors.

    Returns
    -------
    bool
    """
    return factors.n2o is not None and not factors.n2o.chosen and NITROUS_OXIDE in series.offgas


def _n2o(series: PlantSeries, factors: Factors, factor: N2OFactor) -> float:
    """Return N2O from the tanks [kg N2O/d]."""
    if worked_out(series, factors):
        return N2O_PER_N * series.mean(series.offgas[NITROUS_OXIDE].values)
    if factor.of == "denitrified":
        if series.denitrified is None:
            raise InputError(
                "the N2O factor is one of the denitrified nitrogen, which the series lack",
                expected="denitrified [g N/d]",
                fix="give the factor of the nitrogen of the influent, or n2o=None to leave N2O out",
            )
        nitrogen = series.mean(series.denitrified) / 1000
    elif series.influent is None:
        raise InputError(
            f"the N2O factor is one of the nitrogen {'removed' if factor.of == 'removed' else 'of the influent'}, and "
            "the series have no influent",
            expected="flow and TN of the influent",
            fix="give the influent, or n2o=None to leave N2O out",
        )
    else:
        left = load(series, "effluent", "TN") if factor.of == "removed" else 0.0
        nitrogen = load(series, "influent", "TN") - left
    return factor.value * N2O_PER_N * nitrogen


def _rows(name: str, parts: Mapping[str, float | None], unit: str) -> list[Indicator]:
    given = {part: value for part, value in parts.items() if value is not None}
    rows = [Indicator(f"{name} {part}", value, unit, f"{name} of {part}") for part, value in given.items()]
    if rows:
        left_out = [part for part in parts if part not in given]
        text = f"sum of {', '.join(given)}" + (f"; without {', '.join(left_out)}" if left_out else "")
        rows.append(Indicator(f"{name} total", sum(given.values()), unit, text))
    return rows
