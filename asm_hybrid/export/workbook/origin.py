"""What the fitted plant does over the test block: the state that a workbook begins with, and the indicators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import casadi
import numpy as np

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.export.workbook.point import Point
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.rate_inputs import HERE, of_the_tank
from asm_hybrid.plant import Plant, casadi_namespace
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.scenario.summary import IndicatorRow, indicator_groups

__all__ = ["Origin", "origin_of"]

WARM = 20.0
"""Temperature where the run has none that could be told [degC]."""


@dataclass(frozen=True)
class Origin:
    """What a simulation of the run gave.

    Attributes
    ----------
    point : Point
        The mean state of one tank, and mean inputs.
    period : str
        Over what, in words.
    indicators : mapping of str to list of IndicatorRow
        Indicators by group.
    notes : tuple of str
        What could not be told, and why.
    """

    point: Point
    period: str = ""
    indicators: Mapping[str, list[IndicatorRow]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def origin_of(run: Path, table: Table, tank: str | None = None) -> Origin:
    """Simulate the plant of a run over its test block.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    table : Table
        The table of the run, or one with the same components whose rates read more.
    tank : str, optional
        The tank whose mean state is taken; the last without it.

    Returns
    -------
    Origin
        A state of zeros, and notes, where the plant cannot be simulated.
    """
    try:
        found = simulate_run(run)
    except AsmHybridError as error:
        words = " ".join(str(error).split())
        return Origin(
            _nothing(table), notes=(f"The fitted plant could not be simulated, so indicators are left out: {words}",)
        )
    indicators, notes = indicator_groups(found.cases), (*found.cases[0].warnings, *found.cases[0].left_out)
    columns, layout = found.cases[0].record.columns, found.plant.layout
    means = {
        name: {
            c: _rounded(float(np.mean(columns[f"{name}.{c}"])))
            for c in table.component_names
            if f"{name}.{c}" in columns
        }
        for name in layout.tank_names
    }
    full = {name: own for name, own in means.items() if len(own) == len(table.components)}
    if not full:
        return Origin(_nothing(table), found.influent, indicators, notes)
    chosen = tank if tank in full else list(full)[-1]
    temperature, inputs = _inputs(found, Plant(table, layout), layout.tank_names.index(chosen))
    words = f"means of the fitted plant in {chosen} over the test block"
    return Origin(Point(temperature, full[chosen], inputs, words, full), found.influent, indicators, notes)


def _nothing(table: Table) -> Point:
    """Return a point without a state."""
    zeros = dict.fromkeys(table.component_names, 0.0)
    return Point(WARM, zeros, dict.fromkeys(table.input_names, 0.0), "zero: type a state")


def _inputs(found: PlantScenarios, plant: Plant, tank: int) -> tuple[float, dict[str, float]]:
    """Return the temperature, and what rates read of the plant and of one tank, at the mean inputs."""
    columns, table, xp = found.cases[0].record.columns, plant.table, casadi_namespace()
    u = casadi.DM([float(np.mean(columns[name])) for name in plant.inputs.names])
    values = [found.parameters.get(p.name, p.default) for p in table.parameters]
    read = np.array(plant.forcing(u, casadi.DM(values), xp).parameters).ravel()[len(values) :]
    shared = [name for name in table.input_names if name not in HERE]
    own = [float(entry[tank]) for entry in plant.constants.here]
    inputs = dict(zip(shared, read.tolist(), strict=True)) | dict(zip(of_the_tank(table.inputs), own, strict=True))
    return _rounded(float(u[plant.input_index["T"]])), {name: _rounded(value) for name, value in inputs.items()}


def _rounded(value: float) -> float:
    """Return a number as a user would type it."""
    return float(f"{value:.5g}")
