"""How far measurements scatter about the hybrid beyond what its seeds tell: a part that is constant, one that grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

__all__ = ["Residual", "fit_residual"]

SMALLEST = 1e-6
"""Lowest variance of a part, as a share of the mean square of the errors."""


@dataclass(frozen=True)
class Residual:
    """Standard deviation ``(constant² + (relative · level)²)^½`` of what the spread of the seeds does not explain.

    Attributes
    ----------
    constant : float
        The part that is the same at any level, in the unit of the variable.
    relative : float
        The part that grows with the level, as a share of it [-].
    """

    constant: float
    relative: float = 0.0

    def variance(self, level: np.ndarray) -> np.ndarray:
        """Return its square at some levels, in the squared unit of the variable."""
        return np.asarray(self.constant**2 + (self.relative * level) ** 2)


def fit_residual(error: np.ndarray, spread: np.ndarray, level: np.ndarray) -> Residual:
    """Fit the residual to errors, and let it grow with the level where errors that it has not seen say so.

    A constant residual makes up for what the mean squared error exceeds the mean of `spread` by. One that grows has the
    highest likelihood under normal errors. Both are fitted to each half of the errors, and judged by their likelihood
    on the other half: errors persist, so neighbours would know of each other.

    Parameters
    ----------
    error : ndarray, shape (sample,)
        Errors in the order of time, in the unit of the variable.
    spread : ndarray, shape (sample,)
        Variance between the seeds.
    level : ndarray, shape (sample,)
        What is predicted.

    Returns
    -------
    Residual
    """
    data, half = np.stack([error, spread, level]), len(error) // 2
    halves = [(data[:, :half], data[:, half:]), (data[:, half:], data[:, :half])]
    constant, growing = (
        sum(_misfit(fit(*seen), *unseen) * unseen.shape[1] for seen, unseen in halves) for fit in (_constant, _growing)
    )
    return (_growing if growing < constant else _constant)(error, spread, level)


def _constant(error: np.ndarray, spread: np.ndarray, level: np.ndarray) -> Residual:
    return Residual(max(0.0, float(np.mean(error**2) - np.mean(spread))) ** 0.5)


def _growing(error: np.ndarray, spread: np.ndarray, level: np.ndarray) -> Residual:
    square, typical = float(np.mean(error**2)), float(np.mean(level**2))
    if square == 0.0 or typical == 0.0:
        return _constant(error, spread, level)

    def residual(shares: np.ndarray) -> Residual:
        constant, relative = np.sqrt(np.exp(shares) * square)
        return Residual(float(constant), float(relative / typical**0.5))

    starts = np.log([[0.5, 0.5], [0.05, 1.0], [1.0, 0.05]])
    bounds = [(np.log(SMALLEST), np.log(10.0))] * 2

    def misfit(shares: np.ndarray) -> float:
        return _misfit(residual(shares), error, spread, level)

    found = [minimize(misfit, start, bounds=bounds) for start in starts]
    return residual(min(found, key=lambda result: result.fun).x)


def _misfit(residual: Residual, error: np.ndarray, spread: np.ndarray, level: np.ndarray) -> float:
    """Mean of minus the logarithm of the likelihood, but for a constant."""
    variance = np.maximum(spread + residual.variance(level), np.finfo(float).tiny)
    return float(np.mean(np.log(variance) + error**2 / variance) / 2)
