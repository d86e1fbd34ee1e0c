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

__all__ = ["PREFIX", "fractionate"]

Values = NDArray[np.float64]

PREFIX = "influent."


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
        name.removeprefix(PREFIX): np.broadcast_to(np.asarray(values, dtype=np.float64), times.shape)
        for name, values in known.items()
        if name.startswith(PREFIX)
    }
    split = fractionation.split(measured)
    findings = []
    for problem in fractionation.problems(measured, split):
        columns = [series[f"{PREFIX}{name}"] for name in problem.measured if f"{PREFIX}{name}" in series]
        message, rows = problem.found, ""
        if problem.amount is not None:
            bad = problem.amount < 0
            message = _message(problem, fractionation, measured, bad, origin, times)
            rows = _rows(columns, times[bad]) if columns else ""
        place = columns and max(columns, key=lambda c: c[1].size)[0].place
        file = place.file if place else config.where("plant", "influent", "composition")
        headers = ", ".join(s.header for s, _ in columns)
        findings.append(
            QualityFinding(
                problem.severity, file, headers, rows, "fractionation", message, problem.expected, problem.fix
            )
        )
    return {f"{PREFIX}{name}": values for name, values in split.components.items()}, findings


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
