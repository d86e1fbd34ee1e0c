"""Recalibration of f on its block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import calibration_bounds
from asm_hybrid.training.calibration import USUAL, Calibration, calibrate
from asm_hybrid.training.first_state import FIRST_BOUND, FIRST_SPREAD, FirstState, steady_states
from asm_hybrid.training.kalman_likelihood import NoiseFound
from asm_hybrid.training.observation import robust
from asm_hybrid.training.persistence import Samples
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.sensors import BIAS_BOUND, BIAS_SPREAD, DELAY_BOUND, DELAY_SPREAD, Sensors, delay_name
from asm_hybrid.training.simulation_models import PlantModel, without_gradients
from asm_hybrid.training.unknowns import Unknowns
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["CalibratedF", "calibrate_f", "remembered", "uncalibrated_f"]


@dataclass(frozen=True)
class CalibratedF:
    """f with the parameters that were found.

    Attributes
    ----------
    parameters : Tensor, shape (parameter,)
        Parameters.
    start : Tensor, shape (2, row, component)
        States at the begin of the record: the steady state with the default parameters; and that with these parameters,
        with as much more or less of every particulate component as the calibration has found.
    biases : Tensor, shape (column,)
        Offsets of the sensors that were found beside them, in the columns' units; zero where none is learnt.
    delays : Tensor, shape (column,)
        Their dead times, given or found likewise [d].
    calibration : Calibration or None
        The outcome of the search; None as long as it has not ended, or where nothing is calibrated.
    noises : tuple of NoiseFound
        The noises of the states that were found beside the parameters, where calibration is by likelihood.
    """

    parameters: Tensor
    start: Tensor
    biases: Tensor
    delays: Tensor
    calibration: Calibration | None = None
    noises: tuple[NoiseFound, ...] = ()

    def sensor_ends(self, labels: Sequence[str], noise: Tensor) -> dict[str, tuple[float, float]]:
        """Return the ends of the 95 % intervals of biases and dead times that were found; see `Sensors.table`.

        Parameters
        ----------
        labels : sequence of str
            The columns.
        noise : Tensor, shape (column,)
            The noise of their sensors, in their units.
        """
        if self.calibration is None:
            return {}
        ends, sizes = self.calibration.ends_beside(), dict(zip(labels, noise.tolist(), strict=True))
        sizes |= {delay_name(label): 1440.0 * DELAY_SPREAD for label in labels}
        return {name: (low * sizes[name], high * sizes[name]) for name, (low, high) in ends.items() if name in sizes}


def uncalibrated_f(context: RunContext) -> CalibratedF:
    """Return f as a run begins with it.

    Parameters
    ----------
    context : RunContext
        The run.

    Returns
    -------
    CalibratedF
        With the default parameters, or those of an earlier run, with its biases and dead times of the same sensors; and
        zeros for the steady states.
    """
    earlier, sensors = context.warm_start, context.new_sensors()
    first = context.defaults if earlier is None else earlier.parameters
    if earlier is not None and earlier.sensors.specs == sensors.specs:
        sensors = earlier.sensors.to(context.device)
    start = torch.zeros(2, *context.plant.shape, dtype=torch.float64, device=context.device)
    return CalibratedF(first.to(context.device).clone(), start, sensors.beside_f.clone(), sensors.delays.clone())


def calibrate_f(context: RunContext, f: CalibratedF, keep: Callable[[CalibratedF], None]) -> CalibratedF:
    """Recalibrate f, where the config asks for it.

    Parameters
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f at its steady start.
    keep : callable
        Gets f with the best parameters so far.

    Returns
    -------
    CalibratedF
        With the best parameters, the state that the record begins with, and the biases of the sensors; as it was where
        nothing is calibrated.
    """
    task = CalibrationTask(context, f)
    if not task.names or "calibration" not in context.config.training.stages:
        return f
    evaluations = context.config.training.calibration_evaluations
    least = np.inf

    def report(evaluation: int, cost: float, place: np.ndarray) -> None:
        nonlocal least
        if cost < least:
            least = cost
            keep(task.moved(place))
        shown = dict(task.unknowns.shown(place))
        context.log.write({"stage": "calibration", "evaluation": evaluation, "loss": cost, "parameters": shown})
        context.progress.advance(f"mean squared residual {cost:.4g}")

    context.progress.stage("recalibrating f", min(USUAL, evaluations))
    found = calibrate(
        task.unknowns, task.start, task.residuals, task.samples, max_evaluations=evaluations, report=report
    )
    return replace(task.moved(found.place), calibration=found)


@dataclass(eq=False)
class CalibrationTask:
    """The calibration of f on its block: unknowns, residuals, and what a place stands for.

    Attributes
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f at its steady start.
    """

    context: RunContext
    f: CalibratedF
    _remembered: Callable[[Tensor], np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self._remembered = remembered(self.context, "calibration", self._simulated)

    @cached_property
    def _bounds(self) -> dict[str, tuple[float, float]]:
        return calibration_bounds(self.context.config, self.context.plant.table)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters that are calibrated."""
        return tuple(self._bounds)

    @cached_property
    def _index(self) -> list[int]:
        return [self.context.plant.table.parameter_names.index(n) for n in self.names]

    @cached_property
    def _first(self) -> FirstState:
        """Factors on the state at the begin; none under an n, which cannot undo what f as it is has bent there."""
        return FirstState(self.context.plant, free=self.context.config.model.mode == "mechanistic")

    @cached_property
    def _sensors(self) -> Sensors:
        return self.context.new_sensors()

    @cached_property
    def _noise(self) -> Tensor:
        return self._sensors.noise

    @cached_property
    def _biased(self) -> list[int]:
        """The columns whose bias is learnt."""
        return [i for i, s in enumerate(self._sensors.specs) if s.bias]

    @cached_property
    def _late(self) -> list[int]:
        """The columns whose dead time is learnt."""
        return [i for i, s in enumerate(self._sensors.specs) if s.learns_delay]

    @cached_property
    def unknowns(self) -> Unknowns:
        """Parameters in logarithms, factors on the first state too, dead times over their spread, biases over noise."""
        defaults = np.asarray(self.context.defaults[self._index].cpu())
        own = Unknowns.of_parameters(self.names, defaults, np.array(list(self._bounds.values())))
        own = own.with_more(self._first.names, FIRST_SPREAD, FIRST_BOUND, optional=True)
        late = [delay_name(self.context.labels[i]) for i in self._late]
        own = own.with_more(late, 1.0, DELAY_BOUND, low=0.0, profiled=True)
        labels = [self.context.labels[i] for i in self._biased]
        return own.with_more(labels, BIAS_SPREAD, BIAS_BOUND * BIAS_SPREAD, profiled=True)

    @cached_property
    def _simulates(self) -> int:
        """How many unknowns, the first ones, need a simulation."""
        return len(self.names) + len(self._first.names)

    @cached_property
    def _reads(self) -> int:
        """How many, these and the dead times, need to read one."""
        return self._simulates + len(self._late)

    @property
    def start(self) -> np.ndarray:
        """Where the search begins, ``(unknown,)``."""
        x = np.zeros(len(self.unknowns))
        x[: len(self.names)] = np.log(np.asarray(self.f.parameters[self._index].cpu()))
        x[self._simulates : self._reads] = np.asarray(self.f.delays[self._late].cpu()) / DELAY_SPREAD
        x[self._reads :] = np.asarray((self.f.biases / self._noise)[self._biased].cpu())
        return x

    @cached_property
    def _used(self) -> list[np.ndarray]:
        """Which samples of every column lie in the calibration block."""
        begin, end = self.context.blocks["calibrate"]
        return [(o.times >= begin) & (o.times <= end) for o in self.context.dataset.observations]

    @cached_property
    def samples(self) -> Samples:
        """When and by what was measured what the residuals are of."""
        observations = self.context.dataset.observations
        return Samples(
            np.concatenate([o.times[u] for o, u in zip(observations, self._used, strict=True)]),
            np.concatenate([np.full(int(u.sum()), i) for i, u in enumerate(self._used)]),
        )

    def moved(self, place: np.ndarray) -> CalibratedF:
        """Return f at a place of the search."""
        context = self.context
        parameters, start, biases = self.f.parameters.clone(), self.f.start.clone(), self.f.biases.clone()
        x = torch.as_tensor(place, device=context.device)
        parameters[self._index] = torch.exp(x[: len(self.names)])
        steady = self._steady(parameters.unsqueeze(0))
        start[1] = self._first.moved(steady, x[len(self.names) : self._simulates].unsqueeze(0))[0]
        biases[self._biased] = x[self._reads :] * self._noise[self._biased]
        return CalibratedF(parameters, start, biases, self._delays(x.unsqueeze(0))[0])

    def _delays(self, places: Tensor) -> Tensor:
        """Return the dead times at places ``(set, unknown)``, ``(set, column)`` [d]."""
        delays = self.f.delays.repeat(len(places), 1)
        delays[:, self._late] = DELAY_SPREAD * places[:, self._simulates : self._reads]
        return delays

    def residuals(self, places: np.ndarray) -> np.ndarray:
        """Return residuals in units of noise, ``(set, sample)``, not finite where a simulation fails.

        Parameters
        ----------
        places : ndarray, shape (set, unknown)
            Places of the search. Those that differ in biases or dead times alone are simulated once.

        Returns
        -------
        ndarray, shape (set, sample)
        """
        own, which = np.unique(places[:, : self._reads], axis=0, return_inverse=True)
        shown = self._remembered(torch.as_tensor(own))[which.reshape(-1)]
        parts, at, offset = [], 0, np.zeros((len(places), len(self._used)))
        offset[:, self._biased] = places[:, self._reads :]
        for i, (o, used) in enumerate(zip(self.context.dataset.observations, self._used, strict=True)):
            predicted = np.zeros((len(places), len(used)))
            predicted[:, used] = shown[:, at : at + int(used.sum())] + o.noise * offset[:, i : i + 1]
            at += int(used.sum())
            parts.append(o.error(predicted)[:, used] / o.noise)
        return np.asarray(robust(torch.as_tensor(np.concatenate(parts, axis=-1)), self.context.config.training.loss))

    def _steady(self, parameters: Tensor) -> Tensor:
        context = self.context
        return steady_states(context.system(parameters), context.typical_inputs, self.f.start[:1], context.grid)

    def _simulated(self, sets: Tensor) -> np.ndarray:
        """Return what the sensors show if they have no bias, at the samples of the block, ``(set, sample)``."""
        context, grid, observations = self.context, self.context.grid, self.context.dataset.observations
        x = sets.to(context.device)
        if self._late:
            own, whose = torch.unique(x[:, : self._simulates], dim=0, return_inverse=True)
        else:
            own, whose = x, torch.arange(len(x), device=x.device)
        full = self.f.parameters.repeat(len(own), 1)
        full[:, self._index] = torch.exp(own[:, : len(self.names)])
        distinct, which = torch.unique(full, dim=0, return_inverse=True)
        steady = self._steady(distinct)[which]
        last = min(len(context.inputs) - 1, int(np.ceil(context.blocks["calibrate"][1] / grid.interval)))
        first = self._first.moved(steady, own[:, len(self.names) : self._simulates])
        able = torch.isfinite(first).flatten(1).all(1)
        out = np.full((len(sets), len(self.samples.times)), np.nan)
        if able.any():
            model = without_gradients(PlantModel(context.system(full[able]), grid))
            outputs = model.simulate(first[able], context.inputs[: last + 1]).outputs
            slow, read = self._sensors.slowed(outputs, grid.spacing), able[whose]
            slow = slow[(able.cumsum(0) - 1)[whose[read]]]
            shown = np.asarray(self._sensors.late_by(slow, self._delays(x[read]), grid.spacing).cpu())
            found = interpolate_outputs(shown, observations, grid.interval, grid.points)
            out[read.cpu().numpy()] = np.concatenate(
                [y[..., u] for y, u in zip(found, self._used, strict=True)], axis=-1
            )
        return out


def remembered(
    context: RunContext, stage: str, function: Callable[[Tensor], np.ndarray]
) -> Callable[[Tensor], np.ndarray]:
    """Return a function that answers from the checkpoints of a stage, one a call, as far as they go.

    Parameters
    ----------
    context : RunContext
        The run.
    stage : str
        Name of the stage.
    function : callable
        From sets ``(set, unknown)`` to what is found with each.

    Returns
    -------
    callable
        The same, which remembers.
    """
    calls = 0

    def answer(sets: Tensor) -> np.ndarray:
        nonlocal calls
        calls += 1
        place = f"{stage}-{calls}"
        saved = context.checkpoints.load(place)
        if saved is not None and "asked" in saved.tensors and torch.equal(saved.tensors["asked"], sets):
            return np.asarray(saved.tensors["found"])
        found = torch.as_tensor(function(sets)).clone(memory_format=torch.contiguous_format)
        context.save(place, {"asked": sets, "found": found})
        return np.asarray(found)

    return answer
