"""Shipped layouts, compiled, for the tests of plant and scenarios."""

from __future__ import annotations

from functools import cache

import numpy as np

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant


@cache
def layout_plant(name: str) -> Plant:
    """Return a shipped layout."""
    file = load_plant(name)
    table = load_kinetics(file)
    return Plant(table, build_layout(file, table))


@cache
def compiled_layout(name: str) -> CompiledPlant:
    """Return a shipped layout with default parameters, ready to be simulated."""
    plant = layout_plant(name)
    return CompiledPlant(plant, np.array([p.default for p in plant.table.parameters]))


def positive(plant: Plant) -> np.ndarray:
    """Return which states cannot be negative: volumes, solids, and what some rate reads, in tanks and settler.

    Alkalinity limits nothing in ASM1 and may fall below zero, which stands for mineral acidity.
    """
    read = {n for n, limits in zip(plant.table.component_names, plant.limiting, strict=True) if limits}
    read |= {"volume", "flow", "TSS"}
    loops = [*plant.layout.controllers, *plant.layout.cycles]
    others = {name for loop in loops for name in loop.states}
    return np.array([n not in others and n.partition(".")[2] in read for n in plant.rows.names])
