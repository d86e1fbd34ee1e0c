"""What a run knows of the parameters that it calibrated: estimates, their covariance, and their bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asm_hybrid.artefacts import read_json
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.studies.distributions import rounded, truncated_normal

__all__ = ["FittedParameters", "load_fitted_parameters"]

FILE = "parameters.json"
LEAST = 1e-9
"""Share of a variance that is left of it at least, where estimates are correlated to the last digit [-]."""


@dataclass(frozen=True)
class FittedParameters:
    """Calibrated parameters.

    Attributes
    ----------
    names, units : tuple of str
        Names of the parameters, and their units.
    values, deviations : ndarray, shape (parameter,)
        Estimates, and the standard deviations of their logarithms.
    correlation : ndarray, shape (parameter, parameter)
        Correlation of the logarithms.
    low, high : ndarray, shape (parameter,)
        Bounds of the calibration.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: np.ndarray
    deviations: np.ndarray
    correlation: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def draw(self, places: np.ndarray) -> list[list[float]]:
        """Return values of all parameters, for places in the unit cube.

        The logarithms are normal, as the calibration has it, and lie within its bounds: each is drawn given those
        before it, and what would lie beyond a bound is spread within.

        Parameters
        ----------
        places : ndarray, shape (case, parameter)
            Places from 0 to 1.

        Returns
        -------
        list of list of float
            One a parameter, with a value a case.
        """
        covariance = self.correlation * np.outer(self.deviations, self.deviations)
        root, z = _root(covariance), np.zeros_like(places)
        centre, low, high = np.log(self.values), np.log(self.low), np.log(self.high)
        found = []
        for i in range(len(self.names)):
            mean = centre[i] + z[:, :i] @ root[i, :i]
            x = truncated_normal(places[:, i], mean, root[i, i], low[i], high[i])
            z[:, i] = (x - mean) / root[i, i]
            found.append(rounded(np.clip(np.exp(x), self.low[i], self.high[i])))
        return found


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return the lower triangular root of a covariance, of which rounding may have made less than none."""
    eigen, axes = np.linalg.eigh(covariance)
    eigen = np.maximum(eigen, LEAST * eigen.max())
    return np.linalg.cholesky((axes * eigen) @ axes.T)


def load_fitted_parameters(run: Path, where: str) -> FittedParameters:
    """Read what a run knows of its calibrated parameters.

    Parameters
    ----------
    run : Path
        Its folder.
    where : str
        Place in the study file, for messages.

    Returns
    -------
    FittedParameters

    Raises
    ------
    InputError
        When it calibrated none, or does not say how sure it is; with the remedy.
    """
    path = run / FILE
    if not path.is_file():
        raise _none(f"{run} holds no {FILE}", where)
    verify_manifest(run, [FILE])
    content = read_json(path)
    rows = [row for row in content["parameters"] if row.get("calibrated")]
    if not rows:
        raise _none(f"the run {run} calibrated no parameter", where)
    names = tuple(str(row["name"]) for row in rows)
    lacking = [row["name"] for row in rows if row.get("std_error") is None or row.get("lower") is None]
    correlations = content.get("correlations") or {}
    lacking += [a for a in names if any(correlations.get(a, {}).get(b) is None for b in names) and a not in lacking]
    if lacking:
        raise _none(f"the run {run} does not say how sure {', '.join(lacking)} are", where)
    values = np.array([float(row["value"]) for row in rows])
    return FittedParameters(
        names,
        tuple(str(row["unit"]) for row in rows),
        values,
        np.array([float(row["std_error"]) for row in rows]) / values,
        np.array([[float(correlations[a][b]) for b in names] for a in names]),
        np.array([float(row["lower"]) for row in rows]),
        np.array([float(row["upper"]) for row in rows]),
    )


def _none(found: str, where: str) -> InputError:
    return InputError(
        found,
        where=where,
        expected="a run that calibrated parameters, with their standard errors and correlations",
        fix="name such a run by 'run', train with model.calibrate, or state distributions: "
        "{parameter: mu_A, set: {normal: [0.5, 0.05]}}",
    )
