"""Runs of small plants that were not trained, written in C, compiled, and beside them what simulates in Python."""

from __future__ import annotations

import ctypes
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from c_toys import Library, Model

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.export.described import Described, describe
from asm_hybrid.export.exported_plant import ExportedPlant, read_plant
from asm_hybrid.export.format import Source
from asm_hybrid.export.model_in_c import ModelInC
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant
from asm_hybrid.plant.inputs import CLOCK
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.fitted_subject import OUTPUT, FittedSubject, load_fitted

BENCHMARKS = str(Path(__file__).parent.parent / "benchmarks")
SEWAGE = {"S_I": 30, "X_I": 50, "X_S": 180, "S_ND": 6, "X_ND": 9, "S_ALK": 7, "S_PO4": 6, "S_A": 20, "S_S": 70}
SEWAGE |= {"S_F": 50, "S_NH": 30, "S_NH4": 30, "X_BH": 25, "X_H": 25}
PROBE = """\
#include "model.c"

int ah_jacobian(ah_model *m, double *values);
int ah_time_slope(ah_model *m, double *values);

int ah_jacobian(ah_model *m, double *values)
{
    return model_jacobian(m, m->time, m->x, values);
}

int ah_time_slope(ah_model *m, double *values)
{
    return model_time_slope(m, m->time, m->x, values);
}
"""
"""What the solver uses and `model.h` does not show."""


def composition(kinetics: str) -> dict[str, float]:
    """Return the influent of a table."""
    return {name: float(SEWAGE.get(name, 0.0)) for name in load_table(kinetics).component_names}


def config_of(kinetics: str, plant: Mapping[str, Any], network: Mapping[str, Any], **data: Any) -> dict[str, Any]:
    """Return a config of a plant; its columns are what is imposed and what is observed."""
    columns = data.pop("columns", {})
    return {
        "name": "tiny",
        "device": "cpu",
        "model": {"kinetics": kinetics, "mode": "hybrid"},
        "plant": {"temperature": 16.0, **plant},
        "data": {
            "interval": "30 min",
            "sources": {
                "online": {
                    "file": "none.csv",
                    "time": {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"},
                    "columns": columns,
                }
            },
            "blocks": {"train": [0.0, 0.3], "validate": [0.35, 0.45], "test": [0.5, 1.0]},
            **data,
        },
        "network": dict(network),
        "training": {"seeds": [1, 2], "step": "30 min"},
    }


def observed(name: str) -> dict[str, dict[str, Any]]:
    """Return a column."""
    return {name: {"role": "observation", "as": name, "unit": "g/m3", "noise": 0.2}}


@dataclass(frozen=True)
class Case:
    """A small plant: its config, and what of it is changed once it has its n, as a scenario does."""

    config: Mapping[str, Any]
    changes: Mapping[str, Any] = field(default_factory=dict)
    means: Mapping[str, float] = field(default_factory=dict)
    masked: bool = False


class Steered(FittedSubject):
    """The n of a run in a plant with controllers or cycles, from a cold start."""

    @cached_property
    def knots(self) -> np.ndarray:
        table = pd.read_csv(self.run / "inputs.csv")
        constants = self.plant.layout.constants
        columns = [
            table[n] if n in table else np.full(len(table), constants.get(n, 0.0)) for n in self.plant.inputs.names
        ]
        return np.stack(columns, axis=-1)

    def starts(self, first: int) -> tuple[np.ndarray, ...]:
        own = CompiledPlant(self.plant, self.parameters).start(self.knots[first])
        return (own,) * (self.model.members + 1)


@dataclass(frozen=True, eq=False)
class Built:
    """A plant in C, and the same in Python."""

    plant: ExportedPlant
    described: Described
    library: Library
    folder: Path

    @property
    def subject(self) -> FittedSubject:
        return self.plant.subject

    def model(self) -> Model:
        d = self.described
        return Model(self.library, len(d.states), len(d.inputs), len(d.parameters))

    @cached_property
    def seeds(self) -> list[CompiledPlant]:
        """f alone, and f with each seed of n."""
        return self.compiled(self.subject.plant, self.subject.parameters, self.subject.model.term)

    def compiled(self, plant: Plant, parameters: np.ndarray, term: Any) -> list[CompiledPlant]:
        shown = tuple(t for part in term for t in part.placement.targets if part.placement.name == OUTPUT)
        members = [CompiledPlant(plant, parameters, symbolic_term(term, i), shown=shown) for i in range(term.members)]
        return [CompiledPlant(plant, parameters), *members]

    @cached_property
    def pattern(self) -> np.ndarray:
        return ModelInC(self.plant).pattern

    def inputs(self, u: np.ndarray, time: float) -> np.ndarray:
        """Return the inputs of the plant at a time of the model, from those of the model."""
        plant, given = self.subject.plant, dict(zip((v.name for v in self.described.inputs), u, strict=True))
        turn = 2 * np.pi * (self.plant.first * self.subject.interval + time)
        given |= dict(zip(CLOCK, (np.sin(turn), np.cos(turn)), strict=True))
        for cycle in plant.layout.cycles:
            if not cycle.states:
                given |= {n: cycle.values(n, np.array([time]))[0] for n in cycle.inputs}
        return np.array([given.get(n, plant.layout.constants.get(n, 0.0)) for n in plant.inputs.names])

    def state(self, x: np.ndarray) -> np.ndarray:
        """Return the state of the plant from that of the model; what is imposed is no state."""
        found = np.zeros(len(self.subject.plant.rows.names))
        found[self.plant.moving] = x
        return found

    def call(self, model: Model, name: str, count: int, *given: np.ndarray | None) -> np.ndarray:
        """Return what a function of the model gives."""
        out = np.full(max(count, 1), np.nan)
        pointers = [None if a is None else a.ctypes.data_as(ctypes.c_void_p) for a in (*given, out)]
        assert getattr(model.calls, f"ah_{name}")(model.handle, *pointers) == 0, model.message
        return out[:count]

    def along(
        self, model: Model, dx: np.ndarray | None, du: np.ndarray | None = None, dp: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the derivatives of dx/dt and of the outputs along a direction."""
        d = self.described
        found = [np.full(len(d.states), np.nan), np.full(len(d.outputs), np.nan)]
        given = [None if a is None else np.ascontiguousarray(a, dtype=float) for a in (dx, du, dp)]
        pointers = [None if a is None else a.ctypes.data_as(ctypes.c_void_p) for a in (*given, *found)]
        assert model.calls.ah_directional(model.handle, *pointers) == 0, model.message
        return found[0], found[1]


def build(case: Case, folder: Path) -> Built:
    """Write the run of a case, its plant in C, and compile it."""
    sys.path.insert(0, BENCHMARKS)
    try:
        write_run: Callable[..., Path] = importlib.import_module("untrained").write_run
    finally:
        sys.path.remove(BENCHMARKS)
    means = dict(case.means)
    run = write_run(dict(case.config), folder / "run", 2.0, means, dict.fromkeys(("Q_in", *means), 0.3))
    plant = read_plant(Source(run))
    if case.changes:
        subject = load_fitted(run)
        file = load_config({**case.config, "plant": {**case.config["plant"], **case.changes}})
        changed = Plant(subject.plant.table, build_layout(file, subject.plant.table))
        plant = replace(plant, subject=Steered(file, changed, subject.fitted(changed, file), run))
    if case.masked:
        for term in plant.terms:
            columns = torch.arange(term.placement.width)
            term.mask = torch.stack([columns % 2 == m % 2 for m in range(plant.members)]).unsqueeze(1).double()
    described = describe(plant)
    for name, text in {**described.sources, "probe.c": PROBE}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Built(plant, described, Library.of(folder, "probe.c", "-O0"), folder)
