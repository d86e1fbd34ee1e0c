"""One run of a generic neural ODE [1]_ from its config to its folder: fit through the solver, and extrapolation.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366 (the spiral).
.. [2] C. Rackauckas, M. Innes, Y. Ma, J. Bettencourt, L. White, V. Dixit (2019), "DiffEqFlux.jl - A Julia Library for
   Neural Differential Equations", https://arxiv.org/abs/1902.02376 (Lotka-Volterra through the solver, the spiral).
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from asm_hybrid import __version__
from asm_hybrid.artefacts import write_bytes_atomic, write_csv_atomic, write_json_atomic, write_text_atomic
from asm_hybrid.equations.config import OdeConfig, load_ode_config
from asm_hybrid.equations.delayed import Before, check_delays, delays_told, delays_written, lags_in_data
from asm_hybrid.equations.descent import descend
from asm_hybrid.equations.noisy import NoisyRun, check_without_noise
from asm_hybrid.equations.problem import Problem, TableField, linear_fit, make_problem, truth_of
from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.ensemble import EnsembleMLP
from asm_hybrid.manifest import write_manifest
from asm_hybrid.solver.solve import Field, OdeSolution, StiffnessWarning, solve
from asm_hybrid.training.progress import Progress, Silent
from asm_hybrid.training.run_folder import MetricsLog, create_run_folder, environment
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["OdeOutcome", "describe_ode", "train_ode"]

SHOWN = 201
"""Times at which curves are written, and extrapolations scored."""


@dataclass(frozen=True)
class OdeOutcome:
    """What a run left behind.

    Attributes
    ----------
    folder : Path
        The run folder.
    summary : dict
        Content of ``summary.json``.
    interrupted : bool
        Whether the user stopped it.
    """

    folder: Path
    summary: dict[str, Any]
    interrupted: bool


class _OdeRun:
    """The fit of one problem; keeps the best parameters."""

    def __init__(self, config: OdeConfig) -> None:
        check_without_noise(config)
        check_delays(config)
        self.config = config
        self.truth, self.before = truth_of(config), Before(config)
        self.problem: Problem = make_problem(config, self.exact)
        self.field = self.problem.field
        self.start = self._present()
        self.best, self.kept = math.inf, dict(self.start)
        self.iterations = 0

    def exact(self, x0: Tensor, times: Tensor) -> Tensor:
        """Return the states of the truth, ``(k, …, n)``."""
        section = self.config.data.truth
        assert self.truth is not None
        assert section is not None
        past = self.before.arguments(list((section.delays or {}).values()), x0)
        return cast(Tensor, solve(self.truth, x0, times, rtol=1e-10, atol=1e-12, **past).states)

    def path(self, x0: Tensor, times: Tensor) -> Tensor:
        """Solve with the present parameters; return the states, ``(k, …, n)``."""
        past = self.before.arguments(self.field.delays_now(), x0)
        return cast(Tensor, self._solved(self._right_side(), x0, times, past).states)

    def _right_side(self) -> Field:
        """Return f; what depends on the parameters alone is worked out once where gradients go through the steps."""
        if self.config.solver.adjoint == "discrete":
            return self.field.right_side()
        return lambda t, x: self.field.right_side()(t, x)

    def _solved(self, f: Field, x0: Tensor, times: Tensor, past: dict[str, Any]) -> OdeSolution:
        """Solve as the config says."""
        s, mass = self.config.solver, self.config.mass
        extra = past if s.adjoint == "discrete" else {"adjoint": s.adjoint, "parameters": self.field.parameters()}
        return solve(f, x0, times, method=s.method, rtol=s.rtol, atol=s.atol, steps=s.steps, mass=mass, **extra)

    def _mean(self, residual: Tensor) -> Tensor:
        return residual.square().mean() if self.config.training.loss == "squared" else residual.abs().mean()

    def loss(self) -> Tensor:
        """Return the mean residual over the data, along one solution from the initial state."""
        seen = torch.isfinite(self.problem.values)
        return self._mean((self.path(self.problem.x0, self.problem.times) - self.problem.values)[seen])

    def segment_loss(self) -> Tensor:
        """Return the mean residual where every solution starts at a datum and ends at the next.

        All are solved side by side on [0, 1], each with its own rate, ``du/ds = Δt f(t_i + s Δt, u)``. States a delay
        ago are those of the data.
        """
        times, values = self.problem.times, self.problem.values
        step = (times[1:] - times[:-1]).unsqueeze(-1)
        f = self._right_side()
        unit = torch.tensor([0.0, 1.0], dtype=torch.float64)
        delays = self.field.delays_now()
        if delays:
            lags = lags_in_data(delays, times, values, self.before.of(self.problem.x0))
            right = lambda s, x: step * f(s, x, lags(times[:-1] + s * step.squeeze(-1)))  # noqa: E731
        else:
            right = lambda s, x: step * f(s, x)  # noqa: E731
        solution = self._solved(right, values[:-1], unit, {})
        return self._mean(cast(Tensor, solution.states)[-1] - values[1:])

    def keep(self, loss: float) -> None:
        """Keep the present parameters if they are the best so far."""
        if loss < self.best:
            self.best, self.kept = loss, self._present()

    def _present(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.field.state_dict().items()}

    def fit(self, log: MetricsLog, progress: Progress) -> None:
        """Descend; the field holds the best parameters at the end, however it ends."""
        training = self.config.training
        stages = [("segments", self.segment_loss)] * training.segment_iterations
        stages += [("whole", self.loss)] * training.iterations
        progress.stage("fitting through the solver", len(stages))
        try:
            for stage, value in descend(self.field.parameters(), stages, training.learning_rate):
                if stage == "whole":
                    self.keep(value)
                else:
                    self.kept = self._present()
                log.write({"stage": stage, "iteration": self.iterations, "loss": value} | self._parameters())
                self.iterations += 1
                progress.advance(f"loss {value:.3g}")
            with torch.no_grad():
                value = float(self.loss())
            self.keep(value)
            log.write({"stage": "whole", "iteration": len(stages), "loss": value} | self._parameters())
        finally:
            self.field.load_state_dict(self.kept)

    def _parameters(self) -> dict[str, Any]:
        values = self.fitted()
        return {"parameters": values} if values else {}

    def fitted(self) -> dict[str, float]:
        """Return the present values of the fitted parameters and delays."""
        return {name: float(value.detach()) for name, value in self.field.learnt_values().items()}

    def curve_times(self) -> Tensor:
        """Return the times of the curves, ``(SHOWN,)``."""
        return torch.linspace(*self.config.span, SHOWN, dtype=torch.float64)


def train_ode(config_path: YamlSource, out: Path | None = None, progress: Progress | None = None) -> OdeOutcome:
    """Fit the right-hand side of a config through the solver, score it, and write the run folder.

    Parameters
    ----------
    config_path : str, Path or mapping
        A config with the key ``ode``.
    out : Path, optional
        The run folder, new or empty; a dated one below ``runs`` without it.
    progress : Progress, optional
        Receiver of progress.

    Returns
    -------
    OdeOutcome

    Raises
    ------
    InputError
        When config or folder cannot be used; nothing is written then.
    SimulationError
        When a solution fails; the best parameters so far are in the folder then.
    """
    with ExitStack() as held:
        return _train(load_ode_config(config_path), out, progress or Silent(), held)


def _train(config: OdeConfig, out: Path | None, progress: Progress, held: ExitStack) -> OdeOutcome:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = _run_of(config)
        folder = create_run_folder(out, config.name, held)
        began = time.perf_counter()
        log = MetricsLog(folder / "metrics.jsonl")
        stopped, failure = "failed", None
        try:
            with (
                warnings.catch_warnings()
            ):  # what is stiff on the way need not be so at the end, which is looked at again
                warnings.simplefilter("ignore", StiffnessWarning)
                run.fit(log, progress)
            stopped = "finished"
        except KeyboardInterrupt:
            stopped = "interrupted"
        except SimulationError as error:
            failure = error
        finally:
            log.close()
            _write_model(folder, run)
        if failure is not None:
            raise SimulationError(f"{failure}\n  the best parameters so far are saved in {folder}")
        progress.stage("scoring")
        summary = _summary(folder, run) | {
            "stopped": stopped,
            "seconds": round(time.perf_counter() - began, 2),
        }
        write_json_atomic(folder / "summary.json", summary)
        write_manifest(folder)
    finally:
        torch.set_num_threads(threads)
    return OdeOutcome(folder, summary, stopped == "interrupted")


def _run_of(config: OdeConfig) -> _OdeRun | NoisyRun:
    return _OdeRun(config) if config.ode.diffusion is None else NoisyRun(config)


def _write_model(folder: Path, run: _OdeRun | NoisyRun) -> None:
    """Write the config, the machine, and the best parameters."""
    write_text_atomic(folder / "config.yaml", run.config.source_text)
    write_json_atomic(folder / "environment.json", environment(torch.device("cpu")))
    ode = run.config.ode
    sections: dict[str, Any] = dict(ode.fit or ode.delays or {})
    constants = (ode.diffusion.constants if ode.diffusion else None) or {}
    sections |= {f"diffusion.{name}": section for name, section in constants.items()}
    rows = [
        {"name": k, "unit": "-", "start": sections[k].start, "fitted": value, "bounds": list(sections[k].bounds)}
        for k, value in run.fitted().items()
    ]
    if ode.table is not None:
        table = run.config.table()
        write_text_atomic(folder / "table.yaml", table.text)
        units = {p.name: p.unit for p in table.parameters}
        rows = [row | {"unit": units.get(row["name"], "-")} for row in rows]
    if rows:
        write_json_atomic(folder / "parameters.json", {"parameters": rows})
    if any(isinstance(part, EnsembleMLP) for part in run.field.modules()):
        content = {k: v.contiguous() for k, v in run.field.state_dict().items()}
        write_bytes_atomic(folder / "weights.safetensors", save_tensors(content))


def _rmse(found: Tensor, expected: Tensor) -> float:
    return float((found - expected)[torch.isfinite(expected)].square().mean().sqrt())


def _score(folder: Path, run: _OdeRun) -> dict[str, Any]:
    """Write the curves, and return the scores."""
    config, problem, grid = run.config, run.problem, run.curve_times()
    frames: list[pd.DataFrame] = []

    def add(series: str, number: int, times: Tensor, values: Tensor) -> None:
        columns: dict[str, Any] = {"series": series, "trajectory": number, "time": times.tolist()}
        columns |= dict(zip(config.states, values.T.tolist(), strict=True))
        frames.append(pd.DataFrame(columns))

    scores: dict[str, Any] = {}
    with torch.no_grad():
        add("data", 0, problem.times, problem.values)
        found = run.path(problem.x0, problem.times)
        scores["data"] = {"model": _rmse(found, problem.values)}
        add("model", 0, grid, run.path(problem.x0, grid))
        if isinstance(run.field, TableField):
            run.field.load_state_dict(run.start)
            add("start", 0, grid, run.path(problem.x0, grid))
            scores["data"]["start"] = _rmse(run.path(problem.x0, problem.times), problem.values)
            run.field.load_state_dict(run.kept)
        if run.truth is not None:
            slope = linear_fit(problem.times, problem.values)
            add("truth", 0, grid, run.exact(problem.x0, grid))
            scores["data"] |= _baselines(problem.x0, problem.times, problem.values, slope)
        if len(problem.others):
            truth, model = run.exact(problem.others, grid), run.path(problem.others, grid)
            rows = []
            for i, x0 in enumerate(problem.others):
                add("truth", i + 1, grid, truth[:, i])
                add("model", i + 1, grid, model[:, i])
                row = {"model": _rmse(model[:, i], truth[:, i])} | _baselines(x0, grid, truth[:, i], slope)
                rows.append({"initial": x0.tolist(), "rmse": row})
            median = {k: statistics.median(r["rmse"][k] for r in rows) for k in ("model", "constant", "linear")}
            scores["extrapolation"] = {"median": median, "trajectories": rows}
    write_csv_atomic(folder / "predictions.csv", pd.concat(frames, ignore_index=True))
    return {"scores": scores} | delays_written(config, run.fitted())


def _summary(folder: Path, run: _OdeRun | NoisyRun) -> dict[str, Any]:
    """Write the curves, and return the summary."""
    config = run.config
    own = run.score(folder) if isinstance(run, NoisyRun) else _score(folder, run)
    return {
        "kind": "ode",
        "name": config.name,
        "version": __version__,
        "states": list(config.states),
        "units": _units(config),
        "seed": config.training.seed,
        "iterations": run.iterations,
        "loss": run.best,
    } | own


def _units(config: OdeConfig) -> dict[str, str]:
    """Return the unit of every state; those of a network have none."""
    if config.ode.table is None:
        return dict.fromkeys(config.states, "-")
    return {c.name: c.unit for c in config.table().components}


def _baselines(x0: Tensor, times: Tensor, expected: Tensor, slope: Tensor) -> dict[str, float]:
    """Score the constant initial state, and ``du/dt = u B``."""
    moved = torch.linalg.matrix_exp((times - times[0])[:, None, None] * slope)
    return {"constant": _rmse(x0.expand_as(expected), expected), "linear": _rmse(x0 @ moved, expected)}


def describe_ode(config_path: YamlSource) -> list[str]:
    """Check a config without training, and say what it means.

    Parameters
    ----------
    config_path : str, Path or mapping
        A config with the key ``ode``.

    Returns
    -------
    list of str
        Plain text.
    """
    config = load_ode_config(config_path)
    run = _run_of(config)
    drift = run.drift if isinstance(run, NoisyRun) else run.field
    size = sum(p.numel() for p in drift.parameters())
    what = f"table {config.ode.table}" if config.ode.network is None else "a network"
    what += "".join(f", {line}" for line in delays_told(config))
    sought = config.ode.algebraic or ()
    states = ", ".join(
        f"{name} (algebraic) from {value:g}" if name in sought else f"{name} from {value:g}"
        for name, value in config.initial.items()
    )
    return [
        f"{source_name(config_path)}: {config.name}",
        f"  right-hand side: {what}, {size} parameters to fit",
        f"  states: {states}",
        f"  span: {config.span[0]:g} to {config.span[1]:g}, solved by {config.solver.method}",
        *(run.told() if isinstance(run, NoisyRun) else _told(run)),
    ]


def _told(run: _OdeRun) -> list[str]:
    """Say what the data are."""
    with torch.no_grad():
        loss = float(run.loss())
    seen = int(torch.isfinite(run.problem.values).sum())
    return [
        f"  data: {len(run.problem.times)} times, {seen} values; loss at the start {loss:.4g}",
        f"  extrapolations: {len(run.problem.others)}",
    ]
