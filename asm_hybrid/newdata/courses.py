"""The models of a run that go on over later data, and the states at which they can go on: kept beside the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from asm_hybrid import __version__
from asm_hybrid.artefacts import WritingError, make_folder, write_bytes_atomic
from asm_hybrid.data import Observation
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.manifest import read_manifest
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.compared_model import OpenLoop
from asm_hybrid.training.fitted import MODEL_FILES
from asm_hybrid.training.recorded_run import RunRecord
from asm_hybrid.training.sensors import between_knots
from asm_hybrid.training.simulation_models import SETTLING, NeuralModel, PlantModel, without_gradients
from asm_hybrid.training.windows import interpolate_outputs, recorded_points

__all__ = ["Course", "Kept", "Passed", "courses_of", "kept_in", "state_before"]

FOLDER = "predictions"
"""In the run folder: results, and what is kept."""


@dataclass(frozen=True, eq=False)
class Course:
    """A model of a run that goes on.

    Attributes
    ----------
    name : str
        See `asm_hybrid.training.compared_model.ComparedModel`.
    start : Tensor, shape (member, …)
        States at the first knot of the record.
    model : PlantModel or NeuralModel
        The model, on the knots of the run.
    show : callable
        From outputs and the distance of two points [d] to what sensors show.
    between : bool
        Whether they show at knots what was between them.
    """

    name: str
    start: Tensor
    model: PlantModel | NeuralModel
    show: Callable[[Tensor, float], Tensor]
    between: bool = False

    def simulate(self, x0: Tensor, inputs: np.ndarray, points: int, *, reached: bool) -> Solution:
        """Run from states over inputs ``(knot, input)``.

        Parameters
        ----------
        x0 : Tensor, shape (member, …)
            States at the first knot.
        inputs : ndarray, shape (knot, input)
            Inputs.
        points : int
            Recorded points from knot to knot; a neural ODE has one.
        reached : bool
            Whether the states were reached under these inputs, so that nothing has to settle.

        Returns
        -------
        Solution
            With the states at the knots.
        """
        model = self.model
        if isinstance(model, PlantModel):
            grid = replace(model.grid, points=points)
            model = replace(model, grid=grid, settling=1 if reached else SETTLING)
        return without_gradients(model).simulate(x0, torch.as_tensor(inputs), record_knots=True)


@dataclass(frozen=True, eq=False)
class Passed:
    """A model over a stretch of time.

    Attributes
    ----------
    loop : OpenLoop
        At the measurements, with the states at the knots.
    shown : ndarray, shape (member, knot, variable)
        What the sensors show at the knots.
    """

    loop: OpenLoop
    shown: np.ndarray


def pass_over(
    course: Course, x0: Tensor, inputs: np.ndarray, observations: tuple[Observation, ...], *, reached: bool
) -> Passed:
    """Run a model over inputs, and read it at measurements.

    Parameters
    ----------
    course : Course
        The model.
    x0 : Tensor, shape (member, …)
        States at the first knot.
    inputs : ndarray, shape (knot, input)
        Inputs.
    observations : tuple of Observation
        One a variable of the run; times [d] from the first knot.
    reached : bool
        See `Course.simulate`.

    Returns
    -------
    Passed

    Raises
    ------
    SimulationError
        When a member diverges.
    """
    grid = course.model.grid
    neural = isinstance(course.model, NeuralModel)
    points = 1 if neural else recorded_points(observations, grid.interval, grid.substeps, between=course.between)
    found = course.simulate(x0, inputs, points, reached=reached)
    if not bool(found.ok.all()):
        raise SimulationError(
            f"the simulation of the {course.name} model leaves the finite numbers: check the inputs for values far "
            "outside the record of the run"
        )
    with torch.no_grad():
        shown = np.asarray(course.show(found.outputs, grid.interval / points))
    values = interpolate_outputs(shown, observations, grid.interval, points)
    return Passed(OpenLoop(tuple(values), found.knots), shown[..., ::points, :])


def courses_of(record: RunRecord) -> tuple[Course, ...]:
    """Return the run's own model, and f alone where that is another.

    Parameters
    ----------
    record : RunRecord
        The run.

    Returns
    -------
    tuple of Course
        The own model first.

    Raises
    ------
    InputError
        When the run was stopped before its neural model was there.
    """
    model, found = record.model, []
    between = between_knots(model.sensors.specs, model.grid.interval)
    if model.config.model.mode == "neural":
        if model.neural is None or model.neural_start is None:
            raise InputError(
                "the run was stopped before its neural model was there",
                where=str(record.folder),
                expected="a finished run",
                fix=f"end it with `asm-hybrid train --resume {record.folder}`",
            )
        start = model.neural_start.expand(model.neural.network.members, -1)
        found.append(Course(record.own.name, start, NeuralModel(model.neural, model.grid), lambda y, _: y))
    elif model.term is not None:
        start = model.start[1].expand(model.term.members, -1, -1)
        found.append(Course(record.own.name, start, model.hybrid(), model.sensors.read, between))
    return (*found, Course(record.alone.name, model.start[1:], model.recalibrated(), model.sensors.of_f, between))


@dataclass(frozen=True, eq=False)
class Kept:
    """What is kept of the simulation of a record.

    Attributes
    ----------
    knots : ndarray of int, shape (kept,)
        Knots a day apart, and the last one.
    states : mapping of str to Tensor, shape (member, kept, …)
        States there, by model.
    values : mapping of str to tuple of ndarray, each (member, sample)
        Open-loop predictions at the measurements of the record, one a variable, by model.
    """

    knots: np.ndarray
    states: Mapping[str, Tensor]
    values: Mapping[str, tuple[np.ndarray, ...]]


def kept_in(record: RunRecord, courses: tuple[Course, ...]) -> Kept:
    """Return the states of a run's models along its record: those that an earlier call has kept, or simulated now.

    Parameters
    ----------
    record : RunRecord
        The run.
    courses : tuple of Course
        Its models.

    Returns
    -------
    Kept
    """
    tensors = kept_tensors(record, "record", lambda: _simulated(record, courses))
    return Kept(
        tensors["knots"].numpy(),
        {c.name: tensors[f"{c.name}.states"] for c in courses},
        {c.name: tuple(tensors[f"{c.name}.values.{i}"].numpy() for i in range(len(record.variables))) for c in courses},
    )


def kept_tensors(record: RunRecord, name: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return what an earlier call has kept in the run folder under a name, or make and keep it.

    The name of the file holds the digest of the model's files and that of its content, so that neither another model
    nor a damaged file is taken for it. A folder that cannot be written keeps nothing.

    Parameters
    ----------
    record : RunRecord
        The run.
    name : str
        What it is.
    make : callable
        Makes it.

    Returns
    -------
    dict of str to Tensor
    """
    manifest = read_manifest(record.folder)
    own = {file: manifest.get(file) for file in (*MODEL_FILES, "predictions.csv", "summary.json")}
    key = hashlib.sha256(json.dumps([__version__, own]).encode()).hexdigest()[:16]
    folder = record.folder / FOLDER
    for path in sorted(folder.glob(f".{name}-{key}-*.safetensors")):
        with suppress(OSError):
            content = path.read_bytes()
            if path.stem.endswith(_digest(content)):
                return load_tensors(content)
    content = save_tensors({k: v.contiguous() for k, v in make().items()})
    with suppress(WritingError):
        make_folder(folder)
        for old in folder.glob(f".{name}-*.safetensors"):
            old.unlink(missing_ok=True)
        write_bytes_atomic(folder / f".{name}-{key}-{_digest(content)}.safetensors", content)
    return load_tensors(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _simulated(record: RunRecord, courses: tuple[Course, ...]) -> dict[str, Tensor]:
    """Simulate the record."""
    knots = np.unique([*range(0, record.last + 1, max(1, round(1.0 / record.interval))), record.last])
    out = {"knots": torch.as_tensor(knots)}
    for course in courses:
        passed = pass_over(course, course.start, record.inputs, record.variables, reached=False)
        assert passed.loop.trajectory is not None
        out[f"{course.name}.states"] = passed.loop.trajectory[:, torch.as_tensor(knots)]
        for i, values in enumerate(passed.loop.values):
            out[f"{course.name}.values.{i}"] = torch.as_tensor(values)
    return out


def state_before(kept: Kept, knot: int) -> int:
    """Return which state is the last that is not after a knot.

    Parameters
    ----------
    kept : Kept
        The states.
    knot : int
        The knot.

    Returns
    -------
    int
        Position in `Kept.knots`; that of the first one where all are later.
    """
    return max(0, int(np.searchsorted(kept.knots, knot, side="right")) - 1)
