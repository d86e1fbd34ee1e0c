"""Prediction bands of the hybrid in simulation, and how many measurements a band holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from asm_hybrid.data.censoring import ABOVE, BELOW, censored_error

__all__ = [
    "HALF_WIDTH",
    "LEVEL",
    "Band",
    "band_around",
    "band_summary",
    "coverage",
    "coverage_warnings",
    "held",
    "prediction_band",
]

LEVEL = 0.9
"""Share of the measurements that a band is made to hold [-]."""
HALF_WIDTH = 1.6449
"""Half the width of the middle 90 % of a normal distribution, in standard deviations."""
ENOUGH = 20
"""Validation samples below which a variable has no band, and forecasts below which nothing is said of theirs."""
BELIEVED = (0.80, 0.97)
"""Coverage on the test block outside of which a warning is given [-]."""
LARGE = 2.0
"""Errors, in sensor noises, from which on it is the model that errs, not the sensor [-]."""


@dataclass(frozen=True)
class Band:
    """Where the measurements of one variable are expected.

    Attributes
    ----------
    centre, low, high : ndarray, shape (sample,)
        Median of the seeds and limits at the measurements, in the unit of the variable.
    residual : float
        Standard deviation of what the spread of the seeds does not explain, from the validation block.
    """

    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    residual: float


def prediction_band(
    measured: np.ndarray, members: np.ndarray, validation: np.ndarray, censored: np.ndarray | None = None
) -> Band | None:
    """Return the band ``median ± 1.645 (spread² + residual²)^½``.

    The spread is the standard deviation over the seeds at that moment. The squared residual is what the mean square of
    the errors in the validation block exceeds the mean square of the spread by.

    Parameters
    ----------
    measured : ndarray, shape (sample,)
        Measurements.
    members : ndarray, shape (seed, sample)
        Simulations; a seed that diverged is left out.
    validation : ndarray of bool, shape (sample,)
        Which samples belong to the validation block; no other is read.
    censored : ndarray of int, shape (sample,), optional
        Where a sample lies beyond a limit of the sensor, which `measured` holds: it errs by what the median falls short
        of going beyond that.

    Returns
    -------
    Band or None
        Not below zero. None where there are fewer than `ENOUGH` validation samples, or all seeds diverged.
    """
    members = members[np.isfinite(members).all(axis=1)]
    if not len(members) or validation.sum() < ENOUGH:
        return None
    centre = np.median(members, axis=0)
    spread = members.var(axis=0, ddof=1) if len(members) > 1 else np.zeros_like(centre)
    error = centre - measured
    if censored is not None:
        error = censored_error(error, censored)
    square = np.mean(error[validation] ** 2) - np.mean(spread[validation])
    return band_around(members, max(0.0, float(square)) ** 0.5)


def band_around(members: np.ndarray, residual: float) -> Band:
    """Return the band ``median ± 1.645 (spread² + residual²)^½`` around simulations.

    Parameters
    ----------
    members : ndarray, shape (seed, sample)
        Simulations.
    residual : float
        Standard deviation of what the spread of the seeds does not explain.

    Returns
    -------
    Band
        Not below zero.
    """
    centre = np.median(members, axis=0)
    spread = members.var(axis=0, ddof=1) if len(members) > 1 else np.zeros_like(centre)
    half = HALF_WIDTH * np.sqrt(spread + residual**2)
    return Band(centre, np.maximum(centre - half, 0.0), np.maximum(centre + half, 0.0), residual)


def coverage(measured: np.ndarray, low: np.ndarray, high: np.ndarray, censored: np.ndarray | None = None) -> float:
    """Return the share of measurements between two limits.

    One beyond a limit of the sensor is held if the band reaches beyond that.

    Parameters
    ----------
    measured : ndarray, shape (sample,)
        Measurements.
    low, high : ndarray, shape (sample,)
        The limits.
    censored : ndarray of int, shape (sample,), optional
        Which measurements are limits of the sensor.

    Returns
    -------
    float
        The share [-].
    """
    above, below = measured >= low, measured <= high
    if censored is not None:
        above, below = above | (censored == ABOVE), below | (censored == BELOW)
    return float((above & below).mean())


def held(
    measured: np.ndarray,
    centre: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    censored: np.ndarray | None = None,
) -> dict[str, Any]:
    """Return how well a band holds measurements, for ``summary.json``.

    Parameters
    ----------
    measured : ndarray, shape (sample,)
        Measurements.
    centre, low, high : ndarray, shape (sample,)
        The band.
    censored : ndarray of int, shape (sample,), optional
        Which measurements are limits of the sensor.

    Returns
    -------
    dict of str to object
        ``coverage`` [-]; ``width``, its mean, and ``bias`` of its centre, in the unit of the variable; ``n``.
    """
    error = centre - measured if censored is None else censored_error(centre - measured, censored)
    return {
        "coverage": coverage(measured, low, high, censored),
        "width": float((high - low).mean()),
        "bias": float(error.mean()),
        "n": len(measured),
    }


def band_summary(
    measured: Mapping[str, np.ndarray],
    bands: Mapping[str, Band],
    blocks: Mapping[str, np.ndarray],
    censored: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Any]:
    """Return level, residuals and measured coverage by variable and block, for ``summary.json``.

    Parameters
    ----------
    measured : mapping of str to ndarray, shape (sample,)
        Measurements by variable.
    bands : mapping of str to Band
        Bands by variable.
    blocks : mapping of str to ndarray of str, shape (sample,)
        The block of each measurement, by variable.
    censored : mapping of str to ndarray of int, shape (sample,), optional
        Which measurements are limits of the sensor, by variable.

    Returns
    -------
    dict of str to object
        ``level`` [-], and ``variables``: ``residual`` in the unit of the variable, and what `held` returns by block.
    """
    variables = {}
    for name, band in bands.items():
        rows = {}
        for block in ("validate", "test"):
            inside = blocks[name] == block
            if inside.any():
                limits = censored[name][inside] if censored else None
                around = band.centre[inside], band.low[inside], band.high[inside]
                rows[block] = held(measured[name][inside], *around, limits)
        variables[name] = {"residual": band.residual, **rows}
    return {"level": LEVEL, "variables": variables}


def coverage_warnings(
    summary: Mapping[str, Any], forecast: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return a sentence for each band that holds far more or fewer test measurements than it should, and why.

    Parameters
    ----------
    summary : mapping
        What `band_summary` returns, or nothing.
    forecast : mapping
        ``test`` of the bands of forecasts: what `held` returns by horizon and variable; or nothing.
    variables : mapping
        ``unit`` and ``noise`` of every variable.

    Returns
    -------
    list of str
        Nothing of a band whose coverage lies within `BELIEVED`.
    """
    found = [
        (
            (name, name, row["test"]),
            "errors on the test block are larger than on the validation block: do not trust its width",
            "its width is that of a few large errors on the validation block"
            if row.get("validate", {}).get("coverage", 0.0) > BELIEVED[1]
            else "errors on the test block are smaller than on the validation block, from which it has its width",
        )
        for name, row in summary.get("variables", {}).items()
        if "test" in row
    ] + [
        (
            (name, f"{name} at {horizon}", row),
            "errors grow faster than it follows",
            "errors fall faster than it follows",
        )
        for horizon, bands in forecast.items()
        for name, row in bands.items()
        if row["n"] >= ENOUGH
    ]
    return [
        f"the {100 * LEVEL:.0f} % band of {title} holds {100 * row['coverage']:.0f} % of the test measurements: "
        + (
            _narrow(row, few, **variables[name])
            if row["coverage"] < BELIEVED[0]
            else _wide(row, many, **variables[name])
        )
        for (name, title, row), few, many in found
        if not BELIEVED[0] <= row["coverage"] <= BELIEVED[1]
    ]


def _narrow(row: Mapping[str, Any], why: str, unit: str, noise: float) -> str:
    return f"{why}; {_bias(row, unit, noise)}" if _biased(row, noise) else why


def _wide(row: Mapping[str, Any], why: str, unit: str, noise: float) -> str:
    """Say why a band holds more than it should: all fits in where a model errs much, and a bias most of all."""
    if _biased(row, noise):
        return f"it is wide since the model errs; {_bias(row, unit, noise)}"
    size = row["width"] / (2 * HALF_WIDTH * noise)
    return why if size < LARGE else f"{why}; it stands for errors of {size:.2g} times the noise of the sensor"


def _biased(row: Mapping[str, Any], noise: float) -> bool:
    return bool(abs(row["bias"]) >= LARGE * noise)


def _bias(row: Mapping[str, Any], unit: str, noise: float) -> str:
    high = "high" if row["bias"] > 0 else "low"
    size = abs(row["bias"])
    return f"it is {size:.2g} {unit} too {high} there on average, {size / noise:.2g} times the noise of the sensor"
