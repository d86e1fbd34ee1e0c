"""The stages of a training run: start, calibration, f over the record, n, and the pure neural ODE."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import Config
from asm_hybrid.data import Dataset
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.calibration import Calibration, calibrate
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.fit import FitResult, FitSettings, fit
from asm_hybrid.training.fitted import FittedModel, make_grid
from asm_hybrid.training.learning import learn
from asm_hybrid.training.observation import robust
from asm_hybrid.training.progress import Progress, span
from asm_hybrid.training.run_folder import MetricsLog
from asm_hybrid.training.sensors import Sensors, sensor_specs
from asm_hybrid.training.shooting import Shooting
from asm_hybrid.training.simulation_models import NeuralModel, PlantModel, SimulationModel, start_state
from asm_hybrid.training.windows import Windows, interpolate_outputs, make_windows, recorded_points

__all__ = ["Stages", "choose_device"]


def choose_device(name: str, where: str = "device") -> torch.device:
    """Return the device that a config asks for; `where` is said of it in the message.

    Raises
    ------
    InputError
        When ``cuda`` is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "the config asks for a CUDA device, and this machine offers none",
            where=where,
            expected="auto, cpu or cuda",
            fix="set device: auto, or install a CUDA build of torch",
        )
    return torch.device(name)


class Stages:
    """The stages of a run over one dataset; keeps the best model so far, so that it can be saved at any time.

    What takes long is kept in checkpoints. A run that is resumed goes through all stages again, and takes from there
    what it had worked out.

    Parameters
    ----------
    config, plant, dataset
        What is trained.
    progress : Progress
        Receiver of progress.
    checkpoints : Checkpoints
        Of the run folder.
    log : MetricsLog
        Of the run folder.
    earlier : FittedModel, optional
        What another run has learnt, from which this one starts.
    """

    def __init__(
        self,
        config: Config,
        plant: Plant,
        dataset: Dataset,
        progress: Progress,
        checkpoints: Checkpoints,
        log: MetricsLog,
        earlier: FittedModel | None = None,
    ) -> None:
        self.config, self.plant, self.dataset, self.progress = config, plant, dataset, progress
        self.checkpoints, self.log, self.earlier = checkpoints, log, earlier
        self.device = choose_device(config.device)
        grid = make_grid(config)
        points = recorded_points(dataset.observations, grid.interval, grid.substeps)
        self.grid = replace(grid, points=points)
        self.observed = {o.label: o.target for o in dataset.observations}
        self.inputs = torch.as_tensor(dataset.inputs, dtype=torch.float64, device=self.device)
        self.blocks = {name: (max(start, config.training.warmup), end) for name, (start, end) in dataset.blocks.items()}
        self.seconds = checkpoints.seconds
        self._clock: Callable[[], dict[str, float]] = lambda: self.seconds
        self.fits: dict[str, FitResult] = {}
        self.calibration: Calibration | None = None
        self.warnings: list[str] = []
        defaults = self._defaults()
        noise = torch.tensor([o.noise for o in dataset.observations], dtype=torch.float64)
        self.model = FittedModel(
            config=config,
            plant=plant,
            grid=self.grid,
            targets=tuple(self.observed.values()),
            labels=tuple(self.observed),
            defaults=defaults,
            parameters=defaults.clone() if earlier is None else earlier.parameters.to(self.device).clone(),
            start=torch.zeros(2, *plant.shape, dtype=torch.float64, device=self.device),
            sensors=Sensors(sensor_specs(config), noise, len(config.training.seeds)).to(self.device),
            begin=dataset.to_stamp(dataset.times[0]),
        )
        self.trajectory = torch.empty(0)
        self.step_error: dict[str, float] = {}
        self.gradient_error: float | None = None
        self.stopped = "finished"

    def _defaults(self) -> Tensor:
        overrides = self.config.parameter_values(self.plant.table)
        values = [overrides.get(p.name, p.default) for p in self.plant.table.parameters]
        return torch.tensor(values, dtype=torch.float64, device=self.device)

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        """Do a part of the run; its time is added to what it took before the run was stopped."""
        before, begin = self.seconds.get(name, 0.0), time.perf_counter()
        self._clock = lambda: {**self.seconds, name: round(before + time.perf_counter() - begin, 2)}
        found = work()
        self.seconds = self._clock()
        return found

    def _keep(self, stage: str, tensors: dict[str, Tensor], facts: dict[str, Any] | None = None) -> None:
        """Save what a stage has worked out."""
        more = {"records": self.log.position, "log": self.log.text, "seconds": self._clock()}
        self.checkpoints.save(stage, tensors, (facts or {}) | more)

    def _remembered(self, stage: str, function: Callable[[Tensor], np.ndarray]) -> Callable[[Tensor], np.ndarray]:
        """Return a function that answers from the checkpoint of a stage, call by call, as far as that goes."""
        saved = self.checkpoints.load(stage)
        known = dict(saved.tensors) if saved else {}
        calls = 0

        def answer(sets: Tensor) -> np.ndarray:
            nonlocal calls
            asked, found = f"asked.{calls}", f"found.{calls}"
            calls += 1
            if asked not in known or not torch.equal(known[asked], sets):
                known[found] = torch.as_tensor(function(sets)).clone(memory_format=torch.contiguous_format)
                known[asked] = sets
                self._keep(stage, known)
            return np.asarray(known[found])

        return answer

    @property
    def typical_inputs(self) -> Tensor:
        """Mean inputs over the first ten days, under which the plant is brought to a steady state."""
        knots = max(2, min(len(self.inputs), round(10.0 / self.grid.interval)))
        return self.inputs[:knots].mean(0)

    def find_start(self) -> None:
        """Bring f to its steady start, with default parameters."""
        system = PlantSystem(self.plant, self.model.defaults, self.model.targets)
        try:
            found = start_state(system, self.typical_inputs)[0]
        except SimulationError as error:
            raise SimulationError(
                f"{error}, for f with its default parameters under the mean inputs of the first ten days; check "
                "volumes, flows and the units of the influent"
            ) from None
        recalibrated = found
        if self.earlier is not None:
            system = PlantSystem(self.plant, self.model.parameters, self.model.targets)
            recalibrated = start_state(system, self.typical_inputs, found.unsqueeze(0))[0]
        self.model.start = torch.stack([found, recalibrated])

    def calibrate(self) -> None:
        """Recalibrate f on its block."""
        chosen = self.config.calibration_bounds(self.plant.table)
        if not chosen or "calibration" not in self.config.training.stages:
            return
        names = list(chosen)
        index = [self.plant.table.parameter_names.index(n) for n in names]
        begin, end = self.blocks["calibrate"]
        last = min(len(self.inputs) - 1, int(np.ceil(end / self.grid.interval)))
        inputs, starts = self.inputs[: last + 1], self.model.start[:1]
        used = [(np.asarray(o.times) >= begin) & (np.asarray(o.times) <= end) for o in self.dataset.observations]

        def residuals(sets: Tensor) -> np.ndarray:
            full = self.model.parameters.repeat(len(sets), 1)
            full[:, index] = sets.to(self.device)
            system = PlantSystem(self.plant, full, self.model.targets)
            with torch.no_grad():
                first = start_state(system, self.typical_inputs, starts)
                solution = PlantModel(system, self.grid).simulate(first, inputs)
            shown = self.model.sensors.known(solution.outputs, self.grid.spacing)
            found = interpolate_outputs(
                np.asarray(shown.cpu()),
                self.dataset.observations,
                self.grid.interval,
                self.grid.points,
            )
            parts = [
                o.error(y)[..., u] / o.noise for y, o, u in zip(found, self.dataset.observations, used, strict=True)
            ]
            return np.asarray(robust(torch.as_tensor(np.concatenate(parts, axis=-1)), self.config.training.loss))

        evaluations = self.config.training.calibration_evaluations

        least = np.inf

        def apply(values: np.ndarray) -> None:
            self.model.parameters[index] = torch.as_tensor(values, device=self.device)
            system = PlantSystem(self.plant, self.model.parameters, self.model.targets)
            self.model.start[1] = start_state(system, self.typical_inputs, starts)[0]

        def report(evaluation: int, cost: float, values: np.ndarray) -> None:
            nonlocal least
            if cost < least:
                least = cost
                apply(values)
            self.log.write(
                {"stage": "calibration", "evaluation": evaluation, "loss": cost}
                | {"parameters": dict(zip(names, values.tolist(), strict=True))}
            )
            self.progress.advance(f"mean squared residual {cost:.4g}")

        self.progress.stage("recalibrating f", evaluations)
        self.calibration = calibrate(
            names,
            np.asarray(self.model.parameters[index].cpu()),
            np.array([chosen[n] for n in names]),
            self._remembered("calibration", residuals),
            max_evaluations=evaluations,
            report=report,
        )
        apply(self.calibration.values)

    def run_f(self) -> Solution:
        """Simulate f, by default and recalibrated, over the record."""
        self.progress.stage("simulating f over the record")
        saved = self.checkpoints.load("f")
        if saved is not None:
            with self.checkpoints.readable("f"):
                solution = Solution(**{name: t.to(self.device) for name, t in saved.tensors.items()})
        else:
            with torch.no_grad():
                solution = self.model.mechanistic().simulate(self.model.start, self.inputs, record_knots=True)
            self._keep("f", {k: v for k, v in vars(solution).items() if v is not None})
        if not bool(solution.ok.all()):
            which = ["default", "recalibrated"][int((~solution.ok).nonzero()[0])]
            raise SimulationError(
                f"f with its {which} parameters diverges over the record; a smaller training.step may help"
            )
        assert solution.knots is not None
        self.trajectory = solution.knots[1]
        return solution

    def check_step(self) -> None:
        """Measure what the solver's step costs: recalibrated f over two days, against a third of the step."""
        first = round(self.blocks["train"][0] / self.grid.interval)
        inputs = self.inputs[first : first + round(2.0 / self.grid.interval) + 1]
        model = self.model.recalibrated()
        fine = PlantModel(model.system, replace(self.grid, substeps=3 * self.grid.substeps))
        with torch.no_grad():
            coarse = model.simulate(self.trajectory[first], inputs).outputs
            error = (coarse - fine.simulate(self.trajectory[first], inputs).outputs).abs().amax(0)
        for o, size in zip(self.dataset.observations, error.tolist(), strict=True):
            self.step_error[o.label] = size
            if not size <= 0.25 * o.noise:
                change = f"by up to {size:.2g} {o.unit}" if math.isfinite(size) else "beyond all numbers"
                self.warnings.append(
                    f"the step of the solver changes {o.label} {change}, against a sensor noise of {o.noise:.2g}: "
                    "set a smaller training.step"
                )

    def _settings(self, iterations: int, carry_from: float, carries_adjoint: bool) -> FitSettings:
        training = self.config.training
        return FitSettings(
            iterations=iterations,
            batch=training.batch,
            learning_rate=training.learning_rate,
            optimiser=training.optimiser,
            validate_every=training.validate_every,
            patience=training.patience,
            seeds=tuple(training.seeds),
            carry_from=carry_from,
            carries_adjoint=carries_adjoint,
        )

    def windows(self, points: int, length: int, *, lead: bool = False) -> tuple[Windows, Windows]:
        """Return windows of the training block, and one from its end to that of the validation block.

        Parameters
        ----------
        points : int
            Recorded points per knot interval.
        length : int
            Knot intervals in a window.
        lead : bool, optional
            Whether windows without samples go before those of the training block.
        """
        train = make_windows(self.dataset, self.blocks["train"], length, points, self.device, lead=lead)
        begin = (int(train.starts[-1]) + train.length) * self.grid.interval
        start, end = self.blocks["validate"]
        everything = round((end - begin) / self.grid.interval)
        validate = make_windows(self.dataset, (begin, end), everything, points, self.device, samples_from=start)
        loss = self.config.training.loss
        return replace(train, loss=loss), replace(validate, loss=loss)

    def validation(
        self, model: SimulationModel, origin: Tensor, windows: tuple[Windows, Windows]
    ) -> Callable[[], tuple[Tensor, Tensor]]:
        """Return what simulates the record from its begin to the end of the validation block.

        Parameters
        ----------
        model : SimulationModel
            The model.
        origin : Tensor, shape (member, …)
            Its states at the begin of the record.
        windows : pair of Windows
            The training block and the validation block.

        Returns
        -------
        callable
            Gives the validation loss of every member and the states at the starts of the training windows.
        """
        train, validation = windows
        alone = torch.tensor([0], device=self.device)
        held_out = validation.inputs(self.inputs, alone)[0]
        before = self.inputs[: int(validation.starts[0]) + 1]
        count = validation.counts(alone).sum().clamp(min=1)

        def validate() -> tuple[Tensor, Tensor]:
            path = model.simulate(origin, before, record_knots=True)
            assert path.knots is not None
            outputs = model.simulate(path.final, held_out).outputs.unsqueeze(1)
            loss = validation.residuals(outputs, alone).square().flatten(1).sum(1) / count
            return torch.where(torch.isfinite(loss), loss, torch.inf), path.knots[:, train.starts]

        return validate

    def fit(
        self,
        name: str,
        module: torch.nn.Module,
        model: SimulationModel,
        origin: Tensor,
        starts: Tensor,
        windows: tuple[Windows, Windows],
        *,
        iterations: int,
        key: str,
        title: str = "",
        done: int = 0,
        carry_from: float = 0.0,
        carries_adjoint: bool = False,
        penalty: Callable[[Tensor, Tensor], Tensor] | None = None,
        shooting: Shooting | None = None,
    ) -> FitResult:
        """Descend, from where a checkpoint under `key` has left off; `done` gradient steps have gone before.

        `origin` has the states of the members at the begin of the record, ``(member, …)``. The other parameters are
        those of :func:`asm_hybrid.training.fit.fit`.
        """
        train = windows[0]

        def report(record: dict[str, Any]) -> None:
            self.log.write({"stage": name} | record | {"iteration": done + record["iteration"]})
            note = "loss " + span(record["loss"])
            if "validation" in record:
                self._last = f", validation {span(record['validation'])}, best {span(record['best'])}"
            self.progress.advance(note + self._last)

        self._last = ""
        self.progress.stage(f"fitting {title or name}", iterations)
        saved = self.checkpoints.load(key)
        if saved is not None:
            with self.checkpoints.readable(key):
                self.log.position, done_before = int(saved.facts["records"]), int(saved.facts["iteration"])
            for _ in range(done_before):
                self.progress.advance()
        result = fit(
            module,
            model,
            self.inputs,
            train,
            starts,
            self._settings(iterations, carry_from, carries_adjoint),
            self.validation(model, origin, windows),
            penalty=penalty,
            report=report,
            describe_failure=lambda index, outputs: self._describe(train, index, outputs),
            shooting=shooting,
            saved=saved,
            save=lambda tensors, facts: self._keep(key, tensors, facts),
        )
        self.fits[name] = result
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
        if result.skipped:
            self.warnings.append(f"{result.skipped} windows diverged while {name} was fitted, and were skipped")
        return result

    def _describe(self, windows: Windows, index: Tensor, outputs: Tensor) -> str:
        """Say where the outputs ``(member, window, step, variable)`` of some windows left the finite numbers."""
        chosen = self.config.calibration_bounds(self.plant.table)
        values = dict(zip(self.plant.table.parameter_names, self.model.parameters.tolist(), strict=True))
        shown = ", ".join(f"{n} = {values[n]:.4g}" for n in chosen) or "the default parameters"
        where = ""
        bad = ~torch.isfinite(outputs.detach())
        if bool(bad.any()):
            step = int(bad.any(-1).flatten(0, 1).any(0).nonzero()[0])
            _, window, variable = bad[:, :, step].nonzero()[0].tolist()
            steps = (outputs.shape[2] - 1) / windows.length
            knot = int(windows.starts[index[window]]) + step / steps
            stamp = self.dataset.to_stamp(knot * self.grid.interval)
            where = f"first {self.model.labels[variable]} at {stamp:%Y-%m-%d %H:%M}, "
        return f"{where}with {shown}; a smaller learning_rate or step may help"

    def fit_term(self) -> None:
        """Learn n inside the plant."""
        learn(self)

    def fit_neural(self) -> None:
        """Fit the pure neural ODE on the measured variables; as a baseline it may fail, and then has no score."""
        first, last = self.blocks["train"]
        network = self.config.network
        knots = self.grid.interval * torch.arange(len(self.inputs), dtype=torch.float64)
        observations = self.dataset.observations
        measured = np.column_stack([np.interp(knots, o.times - o.period / 2, o.values) for o in observations])
        series = torch.as_tensor(measured, device=self.device)
        begin, end = round(first / self.grid.interval), round(last / self.grid.interval)
        seen, driven = series[begin:end], self.inputs[begin:end]
        std = driven.std(0)
        ode = NeuralODE(
            seen.mean(0),
            seen.std(0).clamp(min=1e-9),
            driven.mean(0),
            torch.where(std > 0, std, torch.zeros_like(std)).clamp(min=1e-12),
            tuple(network.hidden),
            network.activation,
            tuple(self.config.training.seeds),
        ).to(self.device)
        training = self.config.training
        windows = self.windows(1, max(1, round(training.window / self.grid.interval)))
        members = ode.network.members
        starts = series[windows[0].starts].repeat(members, 1, 1)
        self.model.neural_start, self.model.neural = series[0], ode
        try:
            self.fit(
                "the pure neural ODE",
                ode,
                NeuralModel(ode, self.grid),
                series[0].expand(members, -1),
                starts,
                windows,
                iterations=training.iterations,
                key="ODE",
                carry_from=0.5,
            )
        except SimulationError as error:
            if self.config.model.mode == "neural":
                raise
            self.warnings.append(f"the pure neural ODE could not be fitted ({error})")
