"""Measured sums of the influent, on the knots, to components; with times and rows of what cannot be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.data.findings import QualityFinding, row_summary
from asm_hybrid.data.knots import TOLERANCE
from asm_hybrid.data.series import Series
from asm_hybrid.plant.fractionation import Fractionation, Problem
from asm_hybrid.plant.inputs import INFLUENT

__all__ = ["fractionate"]

Values = NDArray[np.float64]

APART = 4.0
"""Ratio of the distances between samples from which on two columns are not of the same samples [-]."""


def fractionate(
    config: Config,
    fractionation: Fractionation,
    known: Mapping[str, Values | float],
    series: Mapping[str, tuple[Series, Values]],
    origin: pd.Timestamp,
    times: Values,
) -> tuple[dict[str, Values], list[QualityFinding]]:
    """Return the components of the influent.

    Parameters
    ----------
    config : Config
        The config.
    fractionation : Fractionation
        How the sums are split.
    known : mapping of str to float array, (knot,), or float
        Inputs that columns or constants give, by name, in internal units.
    series : mapping of str to (Series, float array)
        Columns by the input they give, with the times of their rows [d].
    origin : Timestamp
        Time zero, UTC.
    times : float array, (knot,)
        Times of the knots [d].

    Returns
    -------
    components : dict of str to float array, (knot,)
        Inputs by name, ``influent.X_S`` and the like.
    findings : list of QualityFinding
        Kind ``fractionation``; with an error among them a component is negative.
    """
    measured = {
        name.removeprefix(INFLUENT): np.broadcast_to(np.asarray(values, dtype=np.float64), times.shape)
        for name, values in known.items()
        if name.startswith(INFLUENT)
    }
    split = fractionation.split(measured)
    findings = []
    for problem in fractionation.problems(measured, split):
        columns = [series[f"{INFLUENT}{name}"] for name in problem.measured if f"{INFLUENT}{name}" in series]
        message, rows = problem.found, ""
        if problem.amount is not None:
            bad = problem.amount < 0
            message = _message(problem, fractionation, measured, bad, origin, times)
            rows = _rows(columns, times[bad]) if columns else ""
        place = columns and max(columns, key=lambda c: c[1].size)[0].place
        file = place.file if place else config.where("plant", "influent", "composition")
        headers = ", ".join(s.header if s.place.file == file else f"{s.header} ({s.place.file})" for s, _ in columns)
        fix = _apart(columns, problem.measured) + problem.fix
        findings.append(
            QualityFinding(problem.severity, file, headers, rows, "fractionation", message, problem.expected, fix)
        )
    return {f"{INFLUENT}{name}": values for name, values in split.components.items()}, findings


def _apart(columns: list[tuple[Series, Values]], measured: tuple[str, ...]) -> str:
    """Return the first remedy where some columns come far more often than others; empty otherwise."""
    steps = {s.header: float(np.median(np.diff(days[~np.isnan(s.values)]))) for s, days in columns if days.size > 1}
    if len(steps) < 2 or max(steps.values()) < APART * min(steps.values()):
        return ""
    slow, fast = max(steps, key=lambda h: steps[h]), min(steps, key=lambda h: steps[h])
    kept = ", or keep it and give S_ND and X_ND under composition in the place of TKN" if "S_NH" in measured else ""
    return (
        f"{slow} has a value every {24 * steps[slow]:.3g} h and {fast} every {24 * steps[fast]:.3g} h, and a mean does "
        f"not fit the peaks: take both from the same samples{kept}; else "
    )


def _message(
    problem: Problem,
    fractionation: Fractionation,
    measured: Mapping[str, Values],
    bad: NDArray[np.bool_],
    origin: pd.Timestamp,
    times: Values,
) -> str:
    """Return what was found at the worst knot, with the measured values there."""
    assert problem.amount is not None
    worst = int(np.argmin(problem.amount))
    unit = fractionation.units[problem.measured[0]]
    found = problem.found.format(amount=f"{problem.amount[worst]:.3g} {unit}")
    stamp = (origin + pd.Timedelta(days=float(times[worst]))).round("s")
    values = ", ".join(f"{name} {measured[name][worst]:.4g}" for name in problem.measured)
    count = f", the worst of {bad.sum()} of {bad.size} knots" if bad.sum() > 1 else ""
    return f"{found} at {stamp:%Y-%m-%d %H:%M} UTC ({values}){count}"


def _rows(columns: list[tuple[Series, Values]], bad: Values) -> str:
    """Return the rows of the column with the most rows that are in force at the bad times."""
    series, days = max(columns, key=lambda c: c[1].size)
    valid = ~np.isnan(series.values)
    index = np.searchsorted(days[valid], bad + TOLERANCE, side="right") - 1
    return row_summary(np.unique(series.place.rows[valid][np.clip(index, 0, None)]))
