"""Cases for the benchmarks of studies: BSM1 from its steady state, under a step of flow and temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.parallel import Evaluate, Outcome, Value
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.simulation_inputs import assemble_inputs

__all__ = ["draw_cases", "open_bsm1", "same"]

SERIES = ("effluent.S_NH", "effluent.S_NO", "effluent.TSS")


def open_bsm1(days: float) -> Evaluate:
    """Compile BSM1, and return what simulates a case for so many days."""
    file = load_plant("bsm1")
    table = load_kinetics(file)
    plant = Plant(table, build_layout(file, table))
    compiled = CompiledPlant(plant, np.array([p.default for p in table.parameters]))
    constant = assemble_inputs(plant, days).mean
    start = compiled.steady_state(constant).state

    def evaluate(number: int, case: Mapping[str, Value]) -> Outcome:
        inputs = assemble_inputs(plant, days)
        for name, factor in case.items():
            inputs.begin[:, plant.input_index[name]] *= float(factor)
        record = compiled.simulate(start, inputs)
        series = {name: record.columns[name] for name in SERIES}
        return Outcome(number, {f"{name} mean": float(np.mean(v)) for name, v in series.items()}, series)

    return evaluate


def draw_cases(count: int, seed: int) -> list[dict[str, Value]]:
    """Draw factors of flow and temperature."""
    rng = np.random.default_rng(seed)
    factors = rng.uniform([0.7, 0.8], [1.4, 1.2], size=(count, 2))
    return [{"Q_in": float(flow), "T": float(temperature)} for flow, temperature in factors]


def same(one: list[Outcome], other: list[Outcome]) -> bool:
    """Return whether outcomes are the same to the bit, the time they took apart."""

    def bits(outcome: Outcome) -> tuple[Any, ...]:
        figures = {name: np.float64(value).tobytes() for name, value in outcome.figures.items()}
        series = {name: values.tobytes() for name, values in outcome.series.items()}
        return outcome.case, figures, series, outcome.notes, outcome.error

    return [bits(outcome) for outcome in one] == [bits(outcome) for outcome in other]
