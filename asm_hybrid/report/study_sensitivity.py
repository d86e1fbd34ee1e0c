"""What moves the figures of a study, as its page shows it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.report.study_bars import interval_bar
from asm_hybrid.report.study_words import index_text, key_figures, records, sensitivity_text
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.sensitivity import kind_of

__all__ = ["sensitivity_parts", "untold"]

MEASURES = {
    "S1": "alone (S1)",
    "ST": "with interactions (ST)",
    "S2": "together (S2)",
    "mu_star": "mean size μ*",
    "mu": "mean μ",
    "sigma": "spread σ",
    "share": "alone",
    "total share": "with interactions",
    "rank correlation": "rank correlation",
}
PAIRS = "S2"
ROUNDING = 1e-9
"""Share of the largest effect below which one is rounding."""
SIZES = ("mu_star", "mu", "sigma")
"""Measures in the unit of the figure."""
EXPLAINED = {
    "sobol_indices": "Shares of the variance over the distributions of the factors: that a factor causes alone, and "
    "with all interactions in which it takes part. An estimate may lie below 0 or above 1: it is as rough as its "
    "interval.",
    "morris": "Effects of one factor at a time, scaled up to the whole range of its distribution, in the unit of the "
    "figure: mean size μ*, mean μ, and spread σ. A σ as large as μ* tells of curvature or of interactions, but not of "
    "which.",
    "grid": "Shares of the variance within this grid, in which every value of a factor weighs the same. They are exact "
    "for the grid, so that they have no interval, and say nothing of values between or beyond.",
    "rank correlation": "Correlations of ranks, from −1 to 1: strength and direction of a rising or falling relation. "
    "They are no shares of the variance, and a relation that rises and falls may have none. Factors that are "
    "correlated with each other stand for each other. Of two texts, the second in the alphabet counts as the higher.",
}


def sensitivity_parts(result: StudyResult, told: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each figure what moves it, as the page shows it.

    Parameters
    ----------
    result : StudyResult
        The study.
    told : DataFrame
        From `asm_hybrid.studies.sensitivity`.

    Returns
    -------
    list of dict
        Of the figures of which anything is told, those of which the head speaks first: ``name``, ``unit``, ``text``,
        ``explained``, ``measures``, ``lines`` (factor and a cell a measure), ``pairs`` (factors and their cell),
        ``untold`` (why there is no value), ``used``, ``left_out``, and ``what`` these are.
    """
    first = key_figures(result)
    figures = sorted(result.figures, key=lambda f: first.index(f.name) if f.name in first else len(first))
    parts = []
    for figure in figures:
        rows, kind = told[told["figure"] == figure.name], kind_of(result, figure.name)
        if not rows["value"].notna().any():
            continue
        own, pairs = rows[rows["measure"] != PAIRS], rows[rows["measure"] == PAIRS]
        measures = list(dict.fromkeys(own["measure"]))
        scales = _scales(kind, own)
        lines = []
        for factor in _by_size(own, measures[0]):
            cells = {row["measure"]: row for row in records(own[own["factor"] == factor])}
            lines.append((factor, [_cell(cells[measure], scales[measure]) for measure in measures]))
        parts.append(
            {
                "name": figure.name,
                "unit": unit_text(figure.unit),
                "text": sensitivity_text(result, figure.name, told),
                "explained": EXPLAINED[kind],
                "measures": [MEASURES[measure] for measure in measures],
                "lines": lines,
                "pairs": [(row["factor"], _cell(row, (0.0, 1.0))) for row in _sorted(pairs)],
                "untold": _without_value(own),
                "used": int(rows["used"].iloc[0]),
                "left_out": int(rows["left_out"].iloc[0]),
                "what": "cases" if kind in ("rank correlation", "grid") else "blocks",
            }
        )
    return parts


def _scales(kind: str, rows: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the ends of the bars of each measure."""
    if kind != "morris":
        return dict.fromkeys(rows["measure"], (-1.0 if kind == "rank correlation" else 0.0, 1.0))
    reach = float(np.nanmax(np.abs(rows[["value", "low", "high"]].to_numpy(float)))) or 1.0
    return {measure: (-reach if measure == "mu" else 0.0, reach) for measure in rows["measure"]}


def _without_value(rows: pd.DataFrame) -> list[str]:
    """Return why there is no value, a sentence a factor."""
    own = rows[rows["value"].isna()]
    found = []
    for factor, part in own.groupby("factor", sort=False):
        which = "" if len(part) == rows["measure"].nunique() else " and ".join(MEASURES[m] for m in part["measure"])
        found.append(f"{factor}{', ' if which else ''}{which}: not told, since {part['why'].iloc[0]}.")
    return found


def untold(told: pd.DataFrame) -> list[tuple[str, str]]:
    """Return figures of which nothing is told, by the reason.

    Parameters
    ----------
    told : DataFrame
        From `asm_hybrid.studies.sensitivity`.

    Returns
    -------
    list of (str, str)
        The reason, and names.
    """
    found: dict[str, list[str]] = {}
    for figure, rows in told.groupby("figure", sort=False):
        if rows["value"].isna().all():
            found.setdefault(str(rows["why"].iloc[0]), []).append(str(figure))
    return [(why, ", ".join(figures)) for why, figures in found.items()]


def _sorted(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows, the one with the largest value first; those without a value last."""
    order = rows["value"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return records(rows.reindex(order))


def _by_size(rows: pd.DataFrame, measure: str) -> list[str]:
    """Return the factors, the one with the largest measure first; those without a value last."""
    return [row["factor"] for row in _sorted(rows[rows["measure"] == measure])]


def _cell(row: dict[str, Any], scale: tuple[float, float]) -> dict[str, Any]:
    low, high = row["low"], row["high"]
    if math.isnan(row["value"]):
        return {"value": "–", "interval": "", "bar": ""}

    def write(value: float) -> str:
        if row["measure"] not in SIZES:
            return index_text(value)
        return number(value if abs(value) > ROUNDING * scale[1] else 0.0, 3)

    interval = "" if math.isnan(low) else f"{write(low)} to {write(high)}"
    return {"value": write(row["value"]), "interval": interval, "bar": interval_bar(row["value"], low, high, scale)}
