"""From the record of a plant to its key performance indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant, TakacsSettler
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.inputs import SAMPLE
from asm_hybrid.scenario.kpi import Indicator, evaluate
from asm_hybrid.scenario.kpi_factors import Factors, evaluate_factors
from asm_hybrid.scenario.kpi_series import PlantSeries, Stream, TankSeries, cut_window

__all__ = ["counted", "plant_series", "score"]

AMMONIUM = ("S_NH", "S_NH4")
NITRATE = ("NOX", "S_NO", "S_NO3", "S_NOX")
"""Names that tables have for ammonium, and for nitrate and nitrite."""

INFLUENT_BOD = 0.65
"""BOD5 of biodegradable COD in sewage [-] (BSM1)."""


def plant_series(plant: Plant, record: PlantRecord, parameters: Mapping[str, float], *, held: bool) -> PlantSeries:
    """Return what the indicators are made from.

    Parameters
    ----------
    plant : Plant
        The plant.
    record : PlantRecord
        Its simulation.
    parameters : mapping of str to float
        Values of the table's parameters; ``f_BOD`` is read.
    held : bool
        Whether every sample counts for the interval that follows, as in the benchmarks; the last one is then dropped.

    Returns
    -------
    PlantSeries

    Raises
    ------
    InputError
        When the table lacks a composite or component that the indicators need.
    """
    cut = slice(None, -1) if held else slice(None)
    c = {name: values[cut] for name, values in record.columns.items()}
    zero = np.zeros_like(record.times[cut])
    layout, settler = plant.layout, plant.layout.settler
    inventory = sum((t.volume * _column(c, f"{t.name}.TSS") for t in layout.tanks), zero)
    if isinstance(settler, TakacsSettler):
        layer = settler.volume / settler.layers
        inventory = inventory + sum((layer * c[f"settler_{i + 1}.TSS"] for i in range(settler.layers)), zero)
    air = [c[f"{t.name}.air"] for t in layout.tanks if t.air]
    sewage = _quantities(plant, c, "influent")
    if "BOD5" in sewage:
        sewage["BOD5"] = sewage["BOD5"] * (INFLUENT_BOD / parameters["f_BOD"])
    return PlantSeries(
        time=record.times[cut],
        effluent=Stream(c["effluent.flow"], _quantities(plant, c, "effluent")),
        tanks=tuple(TankSeries(t.name, t.volume, c[f"{t.name}.kla"], c["saturation"]) for t in layout.tanks),
        recycle=sum((c[f"recycle.{r.name}"] for r in layout.recycles), zero),
        return_sludge=c["return_sludge"],
        wastage=c["wastage"],
        held_until=float(record.times[-1]) if held else None,
        influent=Stream(c["Q_in"], sewage),
        waste_tss=_column(c, "waste.TSS"),
        inventory=inventory,
        air=sum(air[1:], air[0]) if air else None,
    )


def counted(plant: Plant, record: PlantRecord, parameters: Mapping[str, float], start: float) -> PlantSeries:
    """Return the part of a record that counts for the indicators: every sample from a time on; see `score`."""
    series = plant_series(plant, record, parameters, held=True)
    return cut_window(series, start, float(record.times[-1]) + SAMPLE)


def score(
    plant: Plant,
    record: PlantRecord,
    parameters: Mapping[str, float],
    start: float,
    limits: Mapping[str, float],
    factors: Factors | None = None,
) -> tuple[Indicator, ...]:
    """Return the indicators of a simulation from a time on.

    Parameters
    ----------
    plant : Plant
        The plant.
    record : PlantRecord
        Its simulation.
    parameters : mapping of str to float
        Values of the table's parameters.
    start : float
        Time from which on the record counts [d].
    limits : mapping of str to float
        Effluent limits [g/m3] by quantity; those of quantities that the table does not have are left out.
    factors : Factors, optional
        Prices and emission factors.

    Returns
    -------
    tuple of Indicator
    """
    window = counted(plant, record, parameters, start)
    found = evaluate(window, {name: limit for name, limit in limits.items() if name in window.effluent.concentrations})
    return found if factors is None else (*found, *evaluate_factors(window, factors))


def _quantities(plant: Plant, columns: Mapping[str, np.ndarray], place: str) -> dict[str, np.ndarray]:
    found = {name: columns[f"{place}.{name}"] for name in plant.table.composites}
    for short, names in (("NH4", AMMONIUM), ("NO3", NITRATE)):
        found[short] = _first(columns, place, names)
    return found


def _first(columns: Mapping[str, np.ndarray], place: str, names: Sequence[str]) -> np.ndarray:
    for name in names:
        if f"{place}.{name}" in columns:
            return columns[f"{place}.{name}"]
    raise InputError(
        f"the kinetics table has none of {', '.join(names)}",
        expected="one of them, from which effluent quality follows",
    )


def _column(columns: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in columns:
        raise InputError(f"the kinetics table has no {name.partition('.')[2]}, from which sludge production follows")
    return columns[name]
