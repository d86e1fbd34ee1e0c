"""Key performance indicators, as the benchmark simulation models define them, for any plant.

Two sets of formulas are in use: the original ones of the COST benchmark [2]_ and the updated ones of BSM1 and BSM2
[1]_, [3]_. Without a word the updated ones are meant.

References
----------
.. [1] J. Alex, L. Benedetti, J. Copp, K. V. Gernaey, U. Jeppsson, I. Nopens, M. N. Pons, J. P. Steyer, P. Vanrolleghem
   (2018), "Benchmark Simulation Model no. 1 (BSM1)", IWA Task Group on Benchmarking of Control Strategies, section 6;
   and perf_plant.m of the same group, which the figures published with it come from.
.. [2] J. B. Copp, ed. (2002), "The COST Simulation Benchmark: Description and Simulator Manual", Office for Official
   Publications of the European Communities, Luxembourg, ISBN 92-894-1658-0.
.. [3] K. V. Gernaey, U. Jeppsson, P. A. Vanrolleghem, J. B. Copp, eds. (2014), "Benchmarking of Control Strategies for
   Wastewater Treatment Plants", IWA Scientific and Technical Report 23, IWA Publishing, doi:10.2166/9781780401171.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.kpi_energy import (
    ORIGINAL_PUMPING,
    PUMPING,
    aeration_energy,
    mixing_energy,
    original_aeration_energy,
    pumping_energy,
)
from asm_hybrid.scenario.kpi_series import PlantSeries, Side, Values
from asm_hybrid.scenario.kpi_sludge import primary_sludge, sludge_production

__all__ = [
    "BSM_LIMITS",
    "ORIGINAL_QUALITY",
    "QUALITY",
    "Indicator",
    "Violation",
    "can_index",
    "carbon_mass",
    "emission_factor",
    "evaluate",
    "flow_weighted_mean",
    "flows",
    "load",
    "operation_indicators",
    "operational_cost_index",
    "percentile",
    "quality_index",
    "violation",
]

QUALITY: Mapping[str, float] = MappingProxyType({"TSS": 2.0, "COD": 1.0, "TKN": 30.0, "NO3": 10.0, "BOD5": 2.0})
"""Weights of the quality index [g pollution units/g] [1]_, [3]_."""
ORIGINAL_QUALITY: Mapping[str, float] = MappingProxyType({**QUALITY, "TKN": 20.0, "NO3": 20.0})
"""Original weights of the quality index [g pollution units/g] [2]_."""
BSM_LIMITS: Mapping[str, float] = MappingProxyType({"TN": 18.0, "COD": 100.0, "NH4": 4.0, "TSS": 30.0, "BOD5": 10.0})
"""Effluent limits of the benchmark plants [g/m3] [1]_, [2]_."""

NITROUS_OXIDE = "S_N2O"
"""Component of tables that is dissolved N2O [g N/m3]."""

INDICES: tuple[tuple[Side, str], ...] = (("effluent", "EQI"), ("influent", "IQI"))
"""Quality indices by stream."""
WASTED = "wasted, and stored in the plant"
SUBSTANCES = {"TSS": " TSS", "COD": " COD", "BOD5": " BOD", "TP": " P"} | dict.fromkeys(
    ("TKN", "TN", "NH4", "NO3"), " N"
)


@dataclass(frozen=True)
class Indicator:
    """One result.

    Attributes
    ----------
    name : str
        Its name, such as ``EQI`` or ``effluent.TN load``.
    value : float
        Its value.
    unit : str
        Unit of the value.
    description : str
        What it is, in a sentence.
    """

    name: str
    value: float
    unit: str
    description: str


@dataclass(frozen=True)
class Violation:
    """How often and for how long a concentration is above its limit.

    Attributes
    ----------
    duration : float
        Time above the limit [d].
    share : float
        The same, of the time covered [%].
    occasions : int
        Number of times without a break above the limit [-].
    longest : float
        The longest of them [d].
    """

    duration: float
    share: float
    occasions: int
    longest: float


def load(series: PlantSeries, side: Side, quantity: str) -> float:
    """Return the mean load of a quantity [kg/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    side : {'effluent', 'influent'}
        Which water.
    quantity : str
        Name of a concentration.

    Returns
    -------
    float
        Mean of flow times concentration over time [1]_.
    """
    return series.mean(series.stream(side).flow * series.concentration(side, quantity)) / 1000


def flow_weighted_mean(series: PlantSeries, side: Side, quantity: str) -> float:
    """Return the mean of a concentration, weighted by the flow [g/m3].

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    side : {'effluent', 'influent'}
        Which water.
    quantity : str
        Name of a concentration.

    Returns
    -------
    float
        Load by flow [1]_.

    Raises
    ------
    InputError
        If no water flows.
    """
    flow = series.mean(series.stream(side).flow)
    if not flow > 0:
        raise InputError(f"the mean flow of the {side} is {flow:g} m3/d", expected="a flow above zero")
    return 1000 * load(series, side, quantity) / flow


def quality_index(series: PlantSeries, side: Side, weights: Mapping[str, float] = QUALITY) -> float:
    """Return the effluent or the influent quality index [kg pollution units/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    side : {'effluent', 'influent'}
        EQI or IQI.
    weights : mapping of str to float
        What a gram of each quantity counts [g pollution units/g]: `QUALITY` [1]_ or `ORIGINAL_QUALITY` [2]_.

    Returns
    -------
    float
        Σ weight × mean load.
    """
    return sum(weight * load(series, side, quantity) for quantity, weight in weights.items())


def can_index(series: PlantSeries, side: Side) -> bool:
    """Return whether the quality index of a stream can be told: it flows, all that counts is there and not negative.

    Parameters
    ----------
    series, side
        As in `load`.

    Returns
    -------
    bool
    """
    stream = series.stream(side)
    return flows(series, side) and all(q in stream.concentrations and q not in stream.negative for q in QUALITY)


def flows(series: PlantSeries, side: Side) -> bool:
    """Return whether a stream has water, without which it has no concentrations.

    Parameters
    ----------
    series, side
        As in `load`.

    Returns
    -------
    bool
    """
    return series.mean(series.stream(side).flow) > 0


def carbon_mass(series: PlantSeries) -> float:
    """Return the external carbon [kg COD/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
        Mean dose [1]_; zero where none is given.
    """
    return 0.0 if series.carbon is None else series.mean(series.carbon) / 1000


def operational_cost_index(series: PlantSeries, *, original: bool = False) -> float:
    """Return the operational cost index [-].

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    original : bool
        Whether the energies for aeration and pumping are the original ones.

    Returns
    -------
    float
        AE + PE + ME [kWh/d] + 5 SP [kg TSS/d] + 3 EC [kg COD/d] [1]_, [3]_. The mixers count in both variants, as in
        the figures published with BSM1.
    """
    aeration = original_aeration_energy(series) if original else aeration_energy(series)
    pumping = pumping_energy(series, ORIGINAL_PUMPING if original else PUMPING)
    return aeration + pumping + mixing_energy(series) + 5 * sludge_production(series) + 3 * carbon_mass(series)


def percentile(series: PlantSeries, values: Values, percent: float = 95.0) -> float:
    """Return the value that is not exceeded during a share of the time, in the unit of the values.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    values : float array, (time,)
        Values at its times.
    percent : float
        The share [%].

    Returns
    -------
    float
        Sorted values lie in the middle of their share of the time, with straight lines between: for equal intervals,
        prctile of MATLAB, by which the 95 percentiles of the benchmark are made [1]_.
    """
    order = np.argsort(values, kind="stable")
    weights = series.weights[order]
    return float(np.interp(percent / 100 * series.days, np.cumsum(weights) - weights / 2, values[order]))


def violation(series: PlantSeries, quantity: str, limit: float) -> Violation:
    """Return how often and for how long an effluent concentration is above its limit.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    quantity : str
        Name of a concentration.
    limit : float
        The limit [g/m3].

    Returns
    -------
    Violation
        Samples above the limit count with their time; those that follow each other are one occasion [1]_.
    """
    above = series.concentration("effluent", quantity) > limit
    begins = above & ~np.append(False, above[:-1])
    occasion = np.cumsum(begins)[above]
    lasting = np.bincount(occasion, weights=series.weights[above], minlength=1)
    duration = float(lasting.sum())
    return Violation(duration, 100 * duration / series.days, int(begins.sum()), float(lasting.max()))


def evaluate(series: PlantSeries, limits: Mapping[str, float] = BSM_LIMITS) -> tuple[Indicator, ...]:
    """Return all indicators that the series allow.

    Parameters
    ----------
    series : PlantSeries
        A simulation; see `cut_window` for a part of it.
    limits : mapping of str to float
        Effluent limits [g/m3].

    Returns
    -------
    tuple of Indicator
        EQI and IQI where all that they weigh is given and never below zero; sludge production and OCI where there are
        solids of waste sludge and inventory. Of a stream without water its flow alone.

    Raises
    ------
    InputError
        If a quantity that has a limit is missing.
    """
    rows: list[Indicator] = []
    for side, name in INDICES:
        if (side == "effluent" or series.influent is not None) and can_index(series, side):
            text = f"{side} quality index"
            more = ", in pollution units" if side == "effluent" else ""
            original = quality_index(series, side, ORIGINAL_QUALITY)
            rows.append(Indicator(name, quality_index(series, side), "kg PU/d", text + more))
            rows.append(Indicator(f"{name} original", original, "kg PU/d", f"{text} by the original weights"))
    rows += operation_indicators(series)
    rows += _emissions(series)
    for side in ("effluent", "influent"):
        rows += _concentrations(series, side) if side == "effluent" or series.influent is not None else []
    for quantity, limit in limits.items() if flows(series, "effluent") else ():
        rows += _violations(series, quantity, limit)
    return tuple(rows)


def operation_indicators(series: PlantSeries) -> list[Indicator]:
    """Return energies, external carbon, air, sludge and cost indices, as far as the series allow.

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    list of Indicator
    """
    energies = [
        Indicator("aeration energy", aeration_energy(series), "kWh/d", "energy for aeration, 1.8 kg O2/kWh"),
        Indicator(
            "aeration energy original",
            original_aeration_energy(series),
            "kWh/d",
            "energy for aeration by the original formula",
        ),
        Indicator("mixing energy", mixing_energy(series), "kWh/d", "energy for mixers where kLa is below 20 1/d"),
    ]
    rows = [
        *energies,
        Indicator(
            "pumping energy", pumping_energy(series), "kWh/d", "energy for recycles, return, waste and primary sludge"
        ),
        Indicator(
            "pumping energy original",
            pumping_energy(series, ORIGINAL_PUMPING),
            "kWh/d",
            "energy for pumping, 0.04 kWh/m3 for all flows",
        ),
        Indicator("external carbon", carbon_mass(series), "kg COD/d", "external carbon dosed"),
    ]
    if series.air is not None:
        rows.append(Indicator("air flow", series.mean(series.air), "m3/d", "mean air flow at standard conditions"))
    if series.waste_tss is None or series.inventory is None:
        return rows
    sludge, primary = sludge_production(series), primary_sludge(series)
    parts = [
        Indicator("primary sludge", primary, "kg TSS/d", "solids in the sludge of the primary clarifier"),
        Indicator("secondary sludge", sludge - primary, "kg TSS/d", "sludge wasted, and stored in the plant"),
    ]
    what = "primary, wasted, and stored in the plant" if series.primary_sludge is not None else WASTED
    return [
        *rows,
        Indicator("sludge production", sludge, "kg TSS/d", f"sludge for disposal: {what}"),
        *(parts if series.primary_sludge is not None else []),
        *_total(series, sludge),
        *_indices(series),
    ]


def _emissions(series: PlantSeries) -> list[Indicator]:
    """Return the gases that leave with the air, and N2O by the nitrogen that comes in."""
    rows = []
    for name, gas in series.offgas.items():
        text = f"mean {name} that leaves with the air, less what the air brings"
        rows.append(Indicator(f"offgas.{name} mean", series.mean(gas.values), gas.unit, text))
    factor = emission_factor(series)
    if factor is not None:
        text = "N2O that leaves with the air, of the total nitrogen of the influent"
        rows.append(Indicator("N2O emission factor", factor, "%", text))
    return rows


def emission_factor(series: PlantSeries) -> float | None:
    """Return the nitrogen that leaves as N2O with the air, of the total nitrogen of the influent [%].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float or None
        None where the table has no gas S_N2O, or the influent no total nitrogen.
    """
    if NITROUS_OXIDE not in series.offgas or series.influent is None:
        return None
    influent = series.influent
    if "TN" not in influent.concentrations or "TN" in influent.negative or not load(series, "influent", "TN") > 0.0:
        return None
    return 100 * series.mean(series.offgas[NITROUS_OXIDE].values) / load(series, "influent", "TN")


def _indices(series: PlantSeries) -> list[Indicator]:
    return [
        Indicator("OCI", operational_cost_index(series), "-", "operational cost index: AE + PE + ME + 5 SP + 3 EC"),
        Indicator(
            "OCI original",
            operational_cost_index(series, original=True),
            "-",
            "operational cost index by the original energies for aeration and pumping",
        ),
    ]


def _total(series: PlantSeries, sludge: float) -> list[Indicator]:
    if "TSS" not in series.effluent.concentrations:
        return []
    total = sludge + load(series, "effluent", "TSS")
    text = "sludge for disposal, and solids in the effluent"
    return [Indicator("total sludge production", total, "kg TSS/d", text)]


def _concentrations(series: PlantSeries, side: Side) -> list[Indicator]:
    stream = series.stream(side)
    rows = [Indicator(f"{side} flow", series.mean(stream.flow), "m3/d", f"mean flow of the {side}")]
    for quantity, values in stream.concentrations.items() if flows(series, side) else ():
        name, substance = f"{side}.{quantity}", SUBSTANCES.get(quantity, "")
        mean = flow_weighted_mean(series, side, quantity)
        rows += [
            Indicator(f"{name} mean", mean, f"g{substance}/m3", f"mean {quantity} of the {side}, weighted by flow"),
            Indicator(f"{name} load", load(series, side, quantity), f"kg{substance}/d", f"load of {quantity}"),
        ]
        if side == "effluent":
            text = f"{quantity} that the {side} does not exceed in 95 % of the time"
            rows.append(Indicator(f"{name} 95 %", percentile(series, values), f"g{substance}/m3", text))
    return rows


def _violations(series: PlantSeries, quantity: str, limit: float) -> list[Indicator]:
    found, name = violation(series, quantity, limit), f"effluent.{quantity} violation"
    above = f"{quantity} above {limit:g} g{SUBSTANCES.get(quantity, '')}/m3"
    return [
        Indicator(f"{name} duration", found.duration, "d", f"time with {above}"),
        Indicator(f"{name} share", found.share, "%", f"share of the time with {above}"),
        Indicator(f"{name} occasions", found.occasions, "-", f"number of times without a break with {above}"),
        Indicator(f"{name} longest", found.longest, "d", f"longest time without a break with {above}"),
    ]
