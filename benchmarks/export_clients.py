"""The clients of exported files: each loads and runs one as its user would, and tells how far it is from our own plant.

FMPy for FMUs, onnxruntime for ONNX, LibreOffice for the workbook, a C compiler for C, `load_model` for the bundle.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import casadi
import numpy as np
import torch

from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import TakacsSettler, casadi_namespace
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.fitted_subject import FittedSubject, load_fitted
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.steered_subject import steered
from asm_hybrid.training import load_model, read_inputs

__all__ = ["CLIENTS", "DAY", "Off", "Run", "distance", "farthest"]

DAY = 86400.0
STEP = 1.0 / 96.0
"""Distance of two results of a day [d]."""
LEAST = 1e-3
"""Size that counts for a smaller one [unit of the state]."""
NEAR, KINKS = 1e-4, 1e-3
"""Limits of `distance`: ten times the relative tolerance of our own simulation; and where the CVODE of FMPy has to step
over the kinks that the fluxes of layered settlers have."""
STATES = 100
"""Random states at which right-hand sides are compared."""
ROOT = Path(__file__).parent.parent


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over time of any state, over its largest size."""
    return float(_distances(found, expected).max())


def farthest(found: np.ndarray, expected: np.ndarray) -> int:
    """Return the state of the largest difference; see `distance`."""
    return int(_distances(found, expected).argmax())


def _distances(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(found - expected).max(axis=0) / np.maximum(np.abs(expected).max(axis=0), LEAST))


@dataclass(frozen=True, eq=False)
class Run:
    """A run, and what our own plant makes of it.

    Attributes
    ----------
    folder : Path
        Its folder.
    scenario : mapping, optional
        Controllers and time tables that its plant gets.
    """

    folder: Path
    scenario: dict[str, Any] | None = None

    @cached_property
    def subject(self) -> FittedSubject:
        """The plant with its n."""
        found = load_fitted(self.folder)
        return found if self.scenario is None else steered(found, self.scenario)

    @cached_property
    def own(self) -> CompiledPlant:
        """The plant with the best seed, compiled."""
        term = self.subject.model.term
        learnt = None if term is None else symbolic_term(term, self.subject.model.best)
        return CompiledPlant(self.subject.plant, self.subject.parameters, learnt)

    @cached_property
    def exact(self) -> CompiledPlant:
        """The same, integrated to 1e-9."""
        return replace(self.own, tolerance=1e-9, absolute=1e-12)

    @cached_property
    def first(self) -> int:
        """The knot at which exported models start."""
        return int(self.subject.period(None).first)

    @cached_property
    def start(self) -> np.ndarray:
        """The state there, of the best seed."""
        starts = self.subject.starts(self.first)
        return np.asarray(starts[-1 if self.subject.model.term is None else self.subject.model.best])

    @cached_property
    def states(self) -> list[str]:
        """Names of the states: what is imposed is none."""
        imposed = {".".join(place) for place in self.subject.plant.layout.imposed}
        return [name for name in self.subject.plant.rows.names if name not in imposed]

    @cached_property
    def day(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Times [d] and everything by name over a day with the inputs of its start, but for those of time tables."""
        plant, held = self.subject.plant, self.subject.knots[self.first]
        times, cycles = np.arange(97) * STEP, plant.layout.cycles
        for cycle in cycles:
            edges = cycle.edges(1.0)
            times = np.union1d(times, edges[(edges > 1e-9) & (edges < 1.0 - 1e-9)])
        times = times[np.concatenate([[True], np.diff(times) > 1e-9])]
        u = np.tile(held, (len(times) - 1, 1))
        for cycle in cycles:
            for name in cycle.inputs:
                u[:, plant.input_index[name]] = cycle.values(name, times[:-1])
        if plant.layout.clock:
            raise NotImplementedError("the time of day moves")
        record = self.exact.simulate(self.start, InputSeries(times, u, None))
        return record.times, {**record.columns, **dict(zip(plant.rows.names, record.states.T, strict=True))}

    def compared(self, found: dict[str, np.ndarray], names: Sequence[str]) -> float:
        """Return the distance of a day that a client gives, but for its start: not all switch there what is due."""
        _, expected = self.day
        columns = [[source[name][1:] for name in names] for source in (found, expected)]
        return distance(*(np.transpose(part) for part in columns))


@dataclass(frozen=True)
class Off:
    """How far a client's numbers are from ours, and how far they may be."""

    size: float
    limit: float


def run_c(run: Run, paths: Sequence[Path]) -> Off:
    """Compile the example with all warnings as errors, run it, and compare its day."""
    (folder,) = paths
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("there is no C compiler")
    program, flags = folder / "day", ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"]
    sources = [str(folder / name) for name in ("main.c", "model.c")]
    subprocess.run([compiler, *flags, "-o", str(program), *sources, "-lm"], check=True, capture_output=True, text=True)
    text = subprocess.run([str(program)], check=True, capture_output=True, text=True).stdout
    program.unlink()
    lines = text.splitlines()
    labels = [label.partition(" [")[0] for label in re.split(r"\s{2,}", lines[0].strip())[1:]]
    rows = np.array([line.split() for line in lines[1:]], dtype=float)
    return Off(run.compared(dict(zip(labels, rows.T[1:], strict=True)), labels), NEAR)


def run_fmu(run: Run, paths: Sequence[Path]) -> Off:
    """Let FMPy check the description and simulate a day of both versions in both ways."""
    fmpy, validation = importlib.import_module("fmpy"), importlib.import_module("fmpy.validation")
    layered = isinstance(run.subject.plant.layout.settler, TakacsSettler)
    ways = {"CoSimulation": (None, NEAR), "ModelExchange": (1e-8, KINKS if layered else NEAR)}
    found = []
    for path in paths:
        problems = validation.validate_fmu(str(path))
        if problems:
            raise ValueError(f"FMPy finds in {path.name}: {problems}")
        for kind, (tolerance, limit) in ways.items():
            day = fmpy.simulate_fmu(
                str(path),
                fmi_type=kind,
                stop_time=DAY,
                output_interval=DAY * STEP,
                relative_tolerance=tolerance,
                record_events=False,
                output=run.states,
            )
            found.append(Off(run.compared({name: day[name] for name in run.states}, run.states), limit))
    return max(found, key=lambda off: off.size / off.limit)


def run_onnx(run: Run, paths: Sequence[Path]) -> Off:
    """Compare n and dx/dt in onnxruntime with torch, at random states."""
    onnxruntime = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    model, rng, worst = run.subject.model, np.random.default_rng(0), 0.0
    active = model.plant.rows.active > 0
    x = model.start[1] * torch.as_tensor(rng.uniform(0.1, 2.0, (STATES, *active.shape)))
    u = torch.as_tensor(run.subject.knots[rng.integers(0, len(run.subject.knots), STATES)])
    given = {"x": x.numpy()[:, active], "u": u.numpy()}
    for path in paths:
        session = onnxruntime.InferenceSession(str(path), options)
        names = [output.name for output in session.get_outputs()]
        values = dict(zip(names, session.run(names, given), strict=True))
        with torch.no_grad():
            for name, expected in _by_torch(model, x, u, names).items():
                size = np.maximum(np.abs(expected), np.median(np.abs(expected), axis=0))
                worst = max(worst, float((np.abs(values[name] - expected) / np.maximum(size, 1e-9)).max()))
    return Off(worst, 1e-12)


def _by_torch(model: Any, x: torch.Tensor, u: torch.Tensor, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what outputs of an ONNX model are by torch: dx/dt, or what networks give."""
    active = model.plant.rows.active > 0
    if "dxdt" in names:
        term = None if model.term is None else model.term.member(model.best)
        system = PlantSystem(model.plant, model.parameters, model.targets, term)
        forcing = system.forcing(u)
        found = system.derivative(x if term is None else x[None], forcing)
        return {"dxdt": found.reshape(x.shape).numpy()[:, active]}
    tanks = PlantSystem(model.plant, model.parameters, model.targets).along(x, u).X
    networks = {}
    for term in model.term:
        features = term.features(tanks.expand(term.members, *tanks.shape), u)
        network = term.evaluate(term.scaled(features))
        networks[f"{term.placement.name}_network"] = network.movedim(0, 1).numpy()
    return networks


def run_xlsx(run: Run, paths: Sequence[Path]) -> Off:
    """Let LibreOffice work the workbook out anew, at the state in it and at one typed, and compare the rates."""
    sys.path.append(str(ROOT / "tests" / "export"))
    try:
        office = importlib.import_module("office")
    finally:
        sys.path.pop()
    (path,) = paths
    content, rng, worst = path.read_bytes(), np.random.default_rng(0), 0.0
    plant, xp = run.subject.plant, casadi_namespace()
    names, read = plant.table.component_names, (*plant.table.component_names, "T")
    state = {str(row[0]): row[3] for row in office.sheet_rows(content, "State") if row and row[0] in read}
    typing = {name: float(value) * rng.uniform(0.3, 1.5) + 0.01 for name, value in state.items()}
    books = {"as": content, "typed": office.typed(content, typing)}
    place = path.with_name("office")
    place.mkdir()
    found = office.recalculated(books, place)
    shutil.rmtree(place)
    for book, values in (("as", state), ("typed", typing)):
        rates = {row[0]: row[1] for row in office.sheet_rows(found[book], "Rates") if row}
        u = run.subject.knots[run.first].copy()
        u[plant.input_index["T"]] = values["T"]
        X = casadi.DM([[float(values[name]) for name in names]] * plant.tanks)
        forcing = plant.forcing(casadi.DM(u), casadi.DM(run.subject.parameters), xp)
        expected = np.array(casadi.DM(plant.rates(X, forcing, xp)))[-1]
        own = np.array([float(rates[process.name]) for process in plant.table.processes])
        worst = max(worst, float(np.max(np.abs(own - expected) / np.maximum(np.abs(expected), 1e-12))))
    return Off(worst, 1e-9)


def run_bundle(run: Run, paths: Sequence[Path]) -> Off:
    """Load the folder and the zip, and compare what they predict for the record."""
    record = read_inputs(run.folder)
    expected = load_model(run.folder).predict(record.iloc[:24]).to_numpy()
    found = [load_model(path).predict(read_inputs(path).iloc[:24]).to_numpy() for path in paths]
    return Off(max(float(np.abs(values - expected).max()) for values in found), 0.0)


def run_kinetics(run: Run, paths: Sequence[Path]) -> Off:
    """Load the table, and compare its defaults with the fitted values."""
    (path,) = paths
    table = load_table(path)
    own = dict(zip(run.subject.plant.table.parameter_names, run.subject.parameters, strict=True))
    missed = (abs(p.default - own[p.name]) / max(abs(own[p.name]), 1e-12) for p in table.parameters)
    return Off(max(missed), 0.0)


CLIENTS: dict[str, Callable[[Run, Sequence[Path]], Off]] = {
    "bundle": run_bundle,
    "kinetics": run_kinetics,
    "xlsx": run_xlsx,
    "fmu": run_fmu,
    "onnx": run_onnx,
    "c": run_c,
}
"""By format."""
