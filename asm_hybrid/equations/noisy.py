"""The fit of a generic ODE with noise: data from a truth with noise, likelihood, and how well ensembles fit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from asm_hybrid.artefacts import write_csv_atomic
from asm_hybrid.equations.config import OdeConfig
from asm_hybrid.equations.delayed import check_delays
from asm_hybrid.equations.descent import descend
from asm_hybrid.equations.diffusion import LearntDiffusion, Rate, unlikeliness
from asm_hybrid.equations.problem import NetworkField, TableField, data_times, make_field, truth_of
from asm_hybrid.equations.slopes import written_slopes
from asm_hybrid.errors import InputError
from asm_hybrid.solver.methods import check_method
from asm_hybrid.solver.noise import Noise, check_noise
from asm_hybrid.solver.solve import solve
from asm_hybrid.training.progress import Progress
from asm_hybrid.training.run_folder import MetricsLog

__all__ = ["QUANTILES", "NoisyRun", "check_without_noise"]

QUANTILES = {"5 %": 0.05, "50 %": 0.5, "95 %": 0.95}
"""What of an ensemble is compared."""
PATHS = 1000
"""Paths of the ensembles that are compared with the data."""
FINE = 100
"""Steps of the truth from datum to datum."""
SHOWN = 41
"""States at which drift and diffusion are written."""


class NoisyRun:
    """The fit of one equation with noise; keeps the best parameters.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Attributes
    ----------
    drift : TableField or NetworkField
        f.
    field : ModuleDict
        f and g.
    times : Tensor, shape (k,)
        Times of the data.
    values : Tensor, shape (k, path, n)
        The data.
    best : float
        The smallest loss.
    kept : dict of str to Tensor
        The parameters then.
    iterations : int
        Steps that were taken.
    """

    def __init__(self, config: OdeConfig) -> None:
        _check(config)
        self.config, truth, names = config, config.data.truth, config.states
        assert truth is not None
        assert truth.diffusion is not None
        assert config.ode.diffusion is not None
        slopes = truth_of(config)
        spread = written_slopes(truth.diffusion, names, (), lambda n: config.where("data", "truth", "diffusion", n))
        assert slopes is not None
        self.truth: tuple[Rate, Rate] = (lambda x: cast(Tensor, slopes(None, x))), (lambda x: spread(None, x))
        self.times = data_times(config, torch.Generator().manual_seed(config.training.seed))
        self.x0 = torch.tensor(list(config.initial.values()), dtype=torch.float64)
        self.values = self._of_truth(truth.paths or 1, config.training.seed)
        self.drift: TableField | NetworkField = make_field(config)
        self.diffusion = LearntDiffusion(config.ode.diffusion, names, config.training.seed + 1)
        self.diffusion.scale(self.times, self.values)
        if isinstance(self.drift, NetworkField):
            seen = self.drift.features(self.values).square().mean((0, 1)).sqrt()
            speed = (self.values[1:] - self.values[:-1]).abs().sum(0).mean(0) / (self.times[-1] - self.times[0])
            self.drift.seen, self.drift.speed = (torch.where(s > 0, s, 1.0) for s in (seen, speed))
        self.field = nn.ModuleDict({"drift": self.drift, "diffusion": self.diffusion})
        self.start = self._present()
        self.best, self.kept = math.inf, dict(self.start)
        self.iterations = 0

    def _present(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.field.state_dict().items()}

    def _now(self) -> tuple[Rate, Rate]:
        """Return f and g as they are now."""
        f = self.drift.right_side()
        return (lambda x: cast(Tensor, f(None, x))), self.diffusion.now()

    def loss(self) -> Tensor:
        """Return the negative logarithm of the likelihood, on average over the data."""
        return unlikeliness(*self._now(), self.times, self.values, self.config.solver.steps or 1)

    def fit(self, log: MetricsLog, progress: Progress) -> None:
        """Descend; the field holds the best parameters at the end, however it ends."""
        training = self.config.training
        stages = [("paths", self.loss)] * training.iterations
        progress.stage("fitting to paths", len(stages))
        try:
            for stage, value in descend(self.field.parameters(), stages, training.learning_rate):
                self._keep(log, stage, value)
                self.iterations += 1
                progress.advance(f"loss {value:.4g}")
            with torch.no_grad():
                self._keep(log, "paths", float(self.loss()))
        finally:
            self.field.load_state_dict(self.kept)

    def _keep(self, log: MetricsLog, stage: str, value: float) -> None:
        if value < self.best:
            self.best, self.kept = value, self._present()
        values = self.fitted()
        log.write(
            {"stage": stage, "iteration": self.iterations, "loss": value} | ({"parameters": values} if values else {})
        )

    def fitted(self) -> dict[str, float]:
        """Return the present values of the fitted parameters, and of constants as ``diffusion.STATE``."""
        found = {name: float(value.detach()) for name, value in self.drift.learnt_values().items()}
        own = self.diffusion.learnt_values()
        return found | {f"diffusion.{name}": float(value.detach()) for name, value in own.items()}

    def told(self) -> list[str]:
        """Say what is fitted, before it is trained."""
        with torch.no_grad():
            loss = float(self.loss())
        what = "a network" if self.diffusion.network is not None else "constants"
        return [
            f"  noise: {what}, {sum(p.numel() for p in self.diffusion.parameters())} parameters to fit",
            f"  data: {self.values.shape[1]} paths at {len(self.times)} times; loss at the start {loss:.4g}",
        ]

    def score(self, folder: Path) -> dict[str, Any]:
        """Write ensembles, drift and diffusion, and return what the summary says of them.

        Parameters
        ----------
        folder : Path
            Gets ``predictions.csv`` with the paths of the data and quantiles of ensembles, and ``noise.csv`` with drift
            and diffusion along every state, the others at their medians.

        Returns
        -------
        dict
            ``scores``: RMSE of the 5, 50 and 95 % quantiles of ensembles against those of the data, over all times.
            ``noise``: mean error of the diffusion and its mean by state, over the middle 98 % of the data.
        """
        with torch.no_grad():
            ensembles = {"model": self._ensemble(*self._now()), "linear noise": self._ensemble(*self._linear())}
            if self.fitted():
                self.field.load_state_dict(self.start)
                ensembles["start"] = self._ensemble(*self._now())
                self.field.load_state_dict(self.kept)
            ensembles["truth"] = self._of_truth(PATHS, self.config.training.seed + 2)
            ensembles["constant"] = self.x0.expand(len(self.times), 1, -1)
            curves = self._curves()
        data = _quantiles(self.values)
        levels = {name: _quantiles(found) for name, found in ensembles.items()}
        self._write(folder, {"data": data, **{k: levels[k] for k in ("model", "truth")}})
        write_csv_atomic(folder / "noise.csv", curves)
        scores = {name: float((found - data).square().mean().sqrt()) for name, found in levels.items()}
        errors = (curves["diffusion"] - curves["true diffusion"]).abs().groupby(curves["state"], sort=False).mean()
        means = curves.groupby("state", sort=False)["true diffusion"].mean()
        noise = {name: {"error": float(errors[name]), "mean": float(means[name])} for name in self.config.states}
        return {"scores": {"data": scores}, "paths": self.values.shape[1], "noise": noise}

    def _of_truth(self, paths: int, seed: int) -> Tensor:
        f, g = self.truth
        return self._solved(f, g, paths, seed, method="euler_maruyama", steps=FINE)

    def _ensemble(self, f: Rate, g: Rate) -> Tensor:
        s = self.config.solver
        return self._solved(f, g, PATHS, self.config.training.seed + 3, method=s.method, steps=s.steps)

    def _solved(self, f: Rate, g: Rate, paths: int, seed: int, **how: Any) -> Tensor:
        """Return an ensemble at the times of the data, ``(k, path, n)``."""
        drift, noise = (lambda t, x: f(x)), (lambda t, x: g(x))
        found = solve(drift, self.x0, self.times, diffusion=noise, paths=paths, seed=seed, stiffness=False, **how)
        return cast(Tensor, found.states)

    def _linear(self) -> tuple[Rate, Rate]:
        """Return drift and diffusion of ``du = (c + u B) dt + s dW`` by least squares."""
        length = (self.times[1:] - self.times[:-1])[:, None, None]
        moved = ((self.values[1:] - self.values[:-1]) / length).flatten(0, 1)
        before = self.values[:-1].flatten(0, 1)
        known = torch.cat([torch.ones_like(before[:, :1]), before], -1)
        found = torch.linalg.lstsq(known, moved, driver="gelsd").solution
        rest = (moved - known @ found).reshape(self.values[1:].shape) * length.sqrt()
        level = rest.square().mean((0, 1)).sqrt()
        return (lambda x: found[0] + x @ found[1:]), (lambda x: level.expand_as(x))

    def _curves(self) -> pd.DataFrame:
        """Return drift and diffusion of model and truth along every state."""
        seen, frames = self.values.flatten(0, 1), []
        for i, name in enumerate(self.config.states):
            low, high = torch.quantile(seen[:, i], torch.tensor([0.01, 0.99], dtype=torch.float64)).tolist()
            x = seen.median(0).values.repeat(SHOWN, 1)
            x[:, i] = torch.linspace(low, high, SHOWN, dtype=torch.float64)
            f, g = self._now()
            columns = {"drift": f(x), "true drift": self.truth[0](x)}
            columns |= {"diffusion": g(x), "true diffusion": self.truth[1](x).abs()}
            own = {key: value[:, i].numpy() for key, value in columns.items()}
            frames.append(pd.DataFrame({"state": name, "value": x[:, i].numpy()} | own))
        return pd.concat(frames, ignore_index=True)

    def _write(self, folder: Path, levels: dict[str, Tensor]) -> None:
        names, times = self.config.states, self.times.numpy()
        frames = [
            pd.DataFrame({"series": "data", "trajectory": i, "time": times} | _columns(names, self.values[:, i]))
            for i in range(self.values.shape[1])
        ]
        for series, found in levels.items():
            frames += [
                pd.DataFrame({"series": f"{series} {level}", "trajectory": 0, "time": times} | _columns(names, values))
                for level, values in zip(QUANTILES, found, strict=True)
            ]
        write_csv_atomic(folder / "predictions.csv", pd.concat(frames, ignore_index=True))


def _columns(names: tuple[str, ...], values: Tensor) -> dict[str, np.ndarray]:
    return dict(zip(names, values.numpy().T, strict=True))


def _quantiles(values: Tensor) -> Tensor:
    """Return the quantiles of paths, ``(quantile, k, n)``."""
    return torch.quantile(values, torch.tensor(list(QUANTILES.values()), dtype=torch.float64), dim=1)


def check_without_noise(config: OdeConfig) -> None:
    """Refuse a truth with noise where the right-hand side has none.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Raises
    ------
    InputError
        With file and line.
    """
    truth = config.data.truth
    for key in ("diffusion", "paths"):
        if truth is not None and getattr(truth, key) is not None:
            raise InputError(
                f"the truth has {key!r}, and the right-hand side has no noise",
                where=config.where("data", "truth", key),
                expected="ode.diffusion, which is fitted to it",
                fix=f"add diffusion under ode, or remove {key!r}",
            )


def _check(config: OdeConfig) -> None:
    """Refuse what does not go with noise."""
    ode, truth, where = config.ode, config.data.truth, config.where
    assert ode.diffusion is not None
    if truth is None or truth.diffusion is None or truth.paths is None:
        missing = "paths" if truth is not None and truth.diffusion is not None else "diffusion"
        raise InputError(
            f"ode.diffusion is given, and data.truth.{missing} is not",
            where=where("ode", "diffusion"),
            expected="data of several paths, made by a truth with noise: data.truth.diffusion and data.truth.paths",
            fix=f"add {missing} under data.truth",
        )
    for keys, given in (
        (("data", "truth", "noise"), truth.noise),
        (("ode", "delays"), ode.delays),
        (("data", "truth", "delays"), truth.delays),
        (("ode", "algebraic"), ode.algebraic),
        (("extrapolation",), config.extrapolation),
        (("training", "segment_iterations"), config.training.segment_iterations),
        (("solver", "adjoint"), config.solver.adjoint != "discrete"),
    ):
        if given:
            raise InputError(
                f"{keys[-1]!r} is given, and ode.diffusion too",
                where=where(*keys),
                expected="one of them",
                fix="remove it: " + _WHY.get(keys[-1], "it is not solved with noise"),
            )
    check_delays(config)
    for keys, names in (
        (("ode", "diffusion", "constants"), ode.diffusion.constants),
        (("data", "truth", "diffusion"), truth.diffusion),
    ):
        if names is not None and set(names) != set(config.states):
            raise InputError(
                f"{keys[-1]!r} does not name the states",
                where=where(*keys),
                expected="an entry for each of " + ", ".join(config.states),
                fix="a state without noise of its own has no law that its data could be measured by",
            )
    _check_solver(config)


_WHY = {
    "noise": "errors of measurement would be taken for noise of the states",
    "segment_iterations": "every datum is a start already; 'iterations' are all there are",
    "adjoint": "likelihoods are differentiated through the steps of the moments",
    "extrapolation": "ensembles are compared with the data alone",
}


def _check_solver(config: OdeConfig) -> None:
    solver, where = config.solver, config.where
    for key in ("rtol", "atol"):
        if key in solver.model_fields_set:
            raise InputError(
                f"{key!r} is given, and ode.diffusion too",
                where=where("solver", key),
                expected="'method' and 'steps': steps with noise are fixed",
                fix="remove it",
            )
    if config.training.loss != "squared":
        raise InputError(
            f"the loss is {config.training.loss!r}, and ode.diffusion is given",
            where=where("training", "loss"),
            expected="no loss: parameters are those under which the data are most likely",
            fix="remove it",
        )
    at = where("solver", "method")
    check_method(solver.method, solver.steps, at, noisy=True)
    method = check_noise(Noise(lambda t, x: x, "diagonal", "ito", None), solver.method, at)
    mixed = config.ode.diffusion is not None and config.ode.diffusion.network is not None and len(config.states) > 1
    if method.corrected and mixed:
        raise InputError(
            f"{solver.method} is used with a network of several states as diffusion",
            where=at,
            expected="a method that does not differentiate the diffusion",
            fix="use implicit_euler_maruyama" if method.implicit else "use euler_maruyama",
        )
