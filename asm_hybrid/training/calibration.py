"""Recalibration of f: bounded, gradient-based least squares over the open-loop simulation, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.training.profile_likelihood import ROUNDS, Profile, profile_widths

__all__ = ["Calibration", "Interval", "calibrate"]

DIFFERENCE = 1e-4
"""Step of the finite differences in the logarithm of a parameter. The simulation is a smooth function of the parameters
(fixed steps, no random numbers), so a forward difference of this size errs by about its own size."""

REFUSED = 1e6
"""Residual, in units of noise, that stands for one of a simulation that failed; the search turns back there."""

AT_BOUND = 1e-3
"""A parameter counts as at its bound within this share of its range in the logarithm."""

CLOSE = 0.95
"""Correlation from which two parameters stand for each other."""


@dataclass(frozen=True)
class Interval:
    """The profile-likelihood interval of one parameter.

    Attributes
    ----------
    low, high : float
        Its ends, in the unit of the parameter.
    open : str
        Which bound it runs into: ``lower``, ``upper``, ``both`` or ``none``.
    checked : bool
        Whether simulations confirmed the ends.
    """

    low: float
    high: float
    open: str
    checked: bool


@dataclass(frozen=True)
class Calibration:
    """The outcome of a recalibration.

    Attributes
    ----------
    names : tuple of str
        The parameters that were free.
    values, std_errors : ndarray, shape (parameter,)
        Estimates and their linearised standard errors; NaN where a parameter is not identifiable.
    correlation : ndarray, shape (parameter, parameter)
        Linearised correlation of the estimates.
    at_bound : tuple of bool
        Whether the estimate lies at a bound.
    cost : float
        Mean squared residual in units of sensor noise.
    evaluations : int
        Batches of simulations of the calibration block.
    profile : Profile
        The profile-likelihood intervals, in the logarithms of the parameters.
    """

    names: tuple[str, ...]
    values: np.ndarray
    std_errors: np.ndarray
    correlation: np.ndarray
    at_bound: tuple[bool, ...]
    cost: float
    evaluations: int
    profile: Profile

    def interval(self, index: int) -> Interval:
        """Return the interval of a parameter."""
        profile = self.profile
        open_ = {(False, False): "none", (True, False): "lower", (False, True): "upper", (True, True): "both"}
        return Interval(
            low=float(np.exp(profile.low[index])),
            high=float(np.exp(profile.high[index])),
            open=open_[profile.low_open[index], profile.high_open[index]],
            checked=profile.checked[index],
        )

    @property
    def close_pairs(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs of parameters that stand for each other, with their correlation."""
        found = []
        for i, a in enumerate(self.names):
            for j in range(i):
                r = float(self.correlation[j, i])
                if abs(r) > CLOSE:
                    found.append((self.names[j], a, r))
        return tuple(found)

    def warnings(self) -> list[str]:
        """Return what a user should know about the estimates."""
        found = []
        at_bound = [n for n, b in zip(self.names, self.at_bound, strict=True) if b]
        if at_bound:
            found.append(
                f"calibrated parameters at a bound: {', '.join(at_bound)}: f compensates for something it lacks, "
                "or the data do not determine them"
            )
        unknown = [n for i, n in enumerate(self.names) if self.interval(i).open == "both"]
        if unknown:
            found.append(
                f"the data do not determine {', '.join(unknown)}: the simulation hardly changes from bound to bound; "
                "calibrate fewer parameters"
            )
        if self.close_pairs:
            named = ", ".join(f"{a} and {b} ({r:+.2f})" for a, b, r in self.close_pairs)
            found.append(f"strongly correlated estimates: {named}: one can stand for the other; calibrate one of them")
        return found


def calibrate(
    names: Sequence[str],
    start: np.ndarray,
    bounds: np.ndarray,
    residuals: Callable[[Tensor], np.ndarray],
    *,
    max_evaluations: int = 12,
    report: Callable[[int, float, np.ndarray], None] | None = None,
) -> Calibration:
    """Fit parameters by trust-region least squares in their logarithms.

    The simulations for the value and for all derivatives run as one batch, so a gradient costs no more time than a
    simulation of a small plant. The profile widths take no more simulations than the search itself.

    Parameters
    ----------
    names : sequence of str
        Parameters to fit.
    start : ndarray, shape (parameter,)
        Where to begin.
    bounds : ndarray, shape (parameter, 2)
        Lowest and highest value; all positive.
    residuals : callable
        From parameter sets ``(set, parameter)`` to residuals in units of noise, ``(set, sample)``.
    max_evaluations : int
        Bound on the number of batches.
    report : callable, optional
        Called with the number of the evaluation, the mean squared residual and the values.

    Returns
    -------
    Calibration

    Raises
    ------
    SimulationError
        When the simulation fails at the start.
    """
    low, high = np.log(bounds).T
    margin = 1e-9 * (high - low)
    guess = np.clip(np.log(start), low + margin, high - margin)
    cache: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
    evaluations = 0

    def evaluate(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        nonlocal evaluations
        key = x.tobytes()
        if key not in cache:
            signs = np.where(x + DIFFERENCE > high, -1.0, 1.0)
            sets = np.exp(np.vstack([x, x + np.diag(signs * DIFFERENCE)]))
            try:
                found = residuals(torch.as_tensor(sets))
            except SimulationError:
                if not cache:
                    raise
                found = np.full((len(sets), len(next(iter(cache.values()))[0])), np.nan)
            if not np.isfinite(found).all():
                if not cache:
                    shown = ", ".join(f"{n} = {v:.4g}" for n, v in zip(names, np.exp(x), strict=True))
                    raise SimulationError(f"the simulation of the calibration block diverges at {shown}")
                found = np.where(np.isfinite(found), found, REFUSED)
            evaluations += 1
            cache[key] = found[0], (found[1:] - found[0]).T / (signs * DIFFERENCE)
            if report is not None:
                report(evaluations, float(np.mean(found[0] ** 2)), np.exp(x))
        return cache[key]

    def value(x: np.ndarray) -> np.ndarray:
        return evaluate(x)[0]

    def derivative(x: np.ndarray) -> np.ndarray:
        return evaluate(x)[1]

    from scipy.optimize import least_squares  # slow to load, and for training alone

    result = least_squares(
        value,
        guess,
        jac=derivative,
        bounds=(low, high),
        method="trf",
        xtol=1e-3,
        ftol=1e-4,
        max_nfev=max_evaluations,
    )
    residual, slope = evaluate(result.x)
    covariance = np.linalg.pinv(slope.T @ slope) * (residual @ residual) / max(1, len(residual) - len(names))
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.outer(spread, spread)
    values = np.exp(result.x)
    spread = np.where(spread > 0, spread, np.nan)
    edge = AT_BOUND * (high - low)

    def simulated(x: np.ndarray) -> np.ndarray:
        try:
            return residuals(torch.as_tensor(np.exp(x)))
        except SimulationError:
            return np.full((len(x), len(residual)), np.nan)

    rounds = min(ROUNDS, evaluations // 2)
    profile = profile_widths(result.x, residual, slope, np.column_stack([low, high]), simulated, rounds)
    return Calibration(
        names=tuple(names),
        values=values,
        std_errors=spread * values,
        correlation=correlation,
        at_bound=tuple(bool(v) for v in (result.x - low < edge) | (high - result.x < edge)),
        cost=float(np.mean(residual**2)),
        evaluations=evaluations,
        profile=profile,
    )
