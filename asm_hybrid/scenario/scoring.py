"""From the record of a plant to its key performance indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from asm_hybrid.plant import Plant, TakacsSettler
from asm_hybrid.plant.layout import WHOLE_OFFGAS
from asm_hybrid.scenario.compiled import SHOWN, PlantRecord
from asm_hybrid.scenario.kpi import Indicator, evaluate
from asm_hybrid.scenario.kpi_factors import Factors, evaluate_factors
from asm_hybrid.scenario.kpi_series import Emission, PlantSeries, Side, Stream, TankSeries, cut_window
from asm_hybrid.scenario.left_out import affordable, left_out
from asm_hybrid.scenario.negative import BELOW
from asm_hybrid.scenario.simulation_inputs import SAMPLE

__all__ = [
    "MEASURED",
    "NAMES",
    "Score",
    "counted",
    "may_be_limited",
    "measured_means",
    "plant_series",
    "score",
    "stream_quantities",
]

Column = TypeVar("Column")

MEASURED = "mean over time of "
"""How the description of the mean of a measured quantity begins."""

NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"NH4": ("S_NH", "S_NH4"), "NO3": ("NOX", "S_NO", "S_NO3", "S_NOX")}
)
"""Names that tables have for ammonium, and for nitrate and nitrite."""

INFLUENT_BOD = 0.65
"""BOD5 of biodegradable COD in sewage [-] (BSM1)."""
BOD_SHARE = "f_BOD"
"""The parameter of tables by which BOD5 of the effluent is made."""


@dataclass(frozen=True)
class Score:
    """What a simulation is worth.

    Attributes
    ----------
    indicators : tuple of Indicator
        What can be told.
    left_out : tuple of str
        What cannot, and why, a sentence each.
    """

    indicators: tuple[Indicator, ...]
    left_out: tuple[str, ...]


def plant_series(
    plant: Plant,
    record: PlantRecord,
    parameters: Mapping[str, float],
    *,
    held: bool,
    kind: type[PlantSeries] = PlantSeries,
) -> PlantSeries:
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
    kind : type
        The class to make; one of expressions for an optimisation.

    Returns
    -------
    PlantSeries
        Without the quantities that the table lacks.
    """
    cut = slice(None, -1) if held else slice(None)
    c = {name: values[cut] for name, values in record.columns.items()}
    zero = np.zeros_like(record.times[cut])
    layout, settler = plant.layout, plant.layout.settler
    volumes = {t.name: c[f"{t.name}.volume"] if t.variable else t.volume for t in layout.tanks}
    solid, inventory = "TSS" in plant.table.composites, None
    if solid:
        inventory = sum((volumes[t.name] * c[f"{t.name}.TSS"] for t in layout.tanks), zero)
        if layout.primary:
            inventory = inventory + layout.primary.volume * c["primary.TSS"]
    if inventory is not None and isinstance(settler, TakacsSettler):
        layer = settler.volume / settler.layers
        inventory = inventory + sum((layer * c[f"settler_{i + 1}.TSS"] for i in range(settler.layers)), zero)
    air = [] if plant.held else [c[f"{t.name}.air"] for t in layout.tanks if t.air]
    sewage = stream_quantities(plant, c, "influent")
    if "BOD5" in sewage and parameters.get(BOD_SHARE, 0.0) > 0.0:
        sewage["BOD5"] = sewage["BOD5"] * (INFLUENT_BOD / parameters[BOD_SHARE])
    else:
        sewage.pop("BOD5", None)
    return kind(
        time=record.times[cut],
        effluent=Stream(c["effluent.flow"], stream_quantities(plant, c, "effluent")),
        tanks=tuple(TankSeries(t.name, volumes[t.name], c[f"{t.name}.kla"], c["saturation"]) for t in layout.tanks),
        recycle=sum((c[spec.name] for spec in plant.inputs.of_kind("recycle")), zero),
        return_sludge=c["return_sludge"],
        wastage=c["wastage"],
        held_until=float(record.times[-1]) if held else None,
        influent=Stream(c["Q_in"], sewage),
        waste_tss=c["waste.TSS"] if solid else None,
        inventory=inventory,
        primary_sludge=c["primary_sludge.flow"] if layout.primary else None,
        primary_tss=c["primary_sludge.TSS"] if layout.primary and solid else None,
        air=sum(air[1:], air[0]) if air else None,
        offgas=_offgas(plant, record, cut),
    )


def _offgas(plant: Plant, record: PlantRecord, cut: slice) -> dict[str, Emission]:
    """Return the gases that leave the whole plant, by component."""
    found = {gas.component: f"{WHOLE_OFFGAS}.{gas.component}" for gas in plant.table.gases}
    return {
        name: Emission(record.units[column], record.columns[column][cut])
        for name, column in found.items()
        if column in record.columns
    }


def counted(plant: Plant, record: PlantRecord, parameters: Mapping[str, float], start: float) -> PlantSeries:
    """Return the part of a record that counts for the indicators.

    Parameters
    ----------
    plant, record, parameters, start
        As in `score`.

    Returns
    -------
    PlantSeries
        Every sample from `start` on.
    """
    series = plant_series(plant, record, parameters, held=True)
    window = cut_window(series, start, float(record.times[-1]) + SAMPLE)
    inside = np.isin(record.times, window.time)
    effluent = replace(window.effluent, negative=_negative(plant, record, "effluent", inside))
    influent = replace(window.stream("influent"), negative=_negative(plant, record, "influent", inside))
    return replace(window, effluent=effluent, influent=influent)


def score(
    plant: Plant,
    record: PlantRecord,
    parameters: Mapping[str, float],
    start: float,
    limits: Mapping[str, float],
    factors: Factors | None = None,
) -> Score:
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
    Score
    """
    window = counted(plant, record, parameters, start)
    found = evaluate(window, {name: limit for name, limit in limits.items() if name in window.effluent.concentrations})
    reasons = left_out(window, plant.table)
    if factors is None:
        return Score(found, reasons)
    paid, more = affordable(window, factors)
    return Score((*found, *evaluate_factors(window, paid)), (*reasons, *more))


def measured_means(record: PlantRecord, targets: Sequence[str], start: float) -> tuple[Indicator, ...]:
    """Return the means over time of measured quantities.

    Parameters
    ----------
    record : PlantRecord
        A simulation.
    targets : sequence of str
        The quantities; what n adds to them as they are measured is in the means.
    start : float
        Time from which on the record counts [d].

    Returns
    -------
    tuple of Indicator
    """
    counts = record.times >= start - 1e-9
    found = []
    for target in targets:
        values = record.columns.get(target + SHOWN, record.columns.get(target))
        if values is not None:
            mean, unit = float(values[counts].mean()), record.units[target]
            found.append(Indicator(f"{target} over time", mean, unit, MEASURED + target))
    return tuple(found)


def _negative(plant: Plant, record: PlantRecord, place: Side, inside: np.ndarray) -> frozenset[str]:
    """Return the quantities of a stream that are sums with a component below zero."""
    low = {n for n in plant.table.component_names if (record.columns[f"{place}.{n}"][inside] < BELOW).any()}
    found = {name for name, sums in plant.table.composites.items() if low & set(sums.weights)}
    short = {name for name, options in NAMES.items() if low & {_first(record.columns, place, options)}}
    return frozenset(found | short)


def stream_quantities(plant: Plant, columns: Mapping[str, Column], place: str) -> dict[str, Column]:
    """Return the measured quantities at a place, those of the indicators by their short names too.

    Parameters
    ----------
    plant : Plant
        The plant.
    columns : mapping of str to array
        What is recorded, by name; arrays of any kind.
    place : str
        Such as ``effluent``.

    Returns
    -------
    dict of str to array
    """
    found = {name: columns[f"{place}.{name}"] for name in plant.table.composites}
    for short, names in NAMES.items():
        name = _first(columns, place, names)
        if name is not None:
            found[short] = columns[f"{place}.{name}"]
    return found


def may_be_limited(plant: Plant) -> tuple[str, ...]:
    """Return what of an effluent may have a limit.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of str
        Composites of its table, and the names of `NAMES` that it has.
    """
    components = set(plant.table.component_names)
    short = [name for name, names in NAMES.items() if components & set(names)]
    return tuple(dict.fromkeys((*plant.table.composites, *short)))


def _first(columns: Mapping[str, object], place: str, names: Sequence[str]) -> str | None:
    """Return the first of some names that a place has."""
    return next((name for name in names if f"{place}.{name}" in columns), None)
