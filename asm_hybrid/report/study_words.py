"""What a study gave, in sentences that claim no more than their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pandas as pd

from asm_hybrid.report.style import number, percent, unit_text
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.blocks import DRAWN
from asm_hybrid.studies.sensitivity import FEW, kind_of

__all__ = [
    "DESIGNS",
    "asked",
    "between",
    "came_out",
    "design_text",
    "index_text",
    "key_figures",
    "limit_text",
    "sensitivity_text",
    "shown",
]

DESIGNS = {
    "grid": "a full grid",
    "latin_hypercube": "a Latin hypercube",
    "sobol": "a Sobol sequence",
    "sobol_indices": "a design for Sobol indices",
    "morris": "Morris trajectories",
    "list": "a list of cases",
    "search": "a search by what came out before",
}
KEY = 3
"""Figures of which the head of the page speaks."""
ENOUGH = 20
"""Cases from which on it is told what holds 90 % of them."""
TOLD = 0.005
"""Share of the variance from which on it is told that factors act together [-]."""
SMALL = 0.05
"""Share of the variance that is called small [-]."""
DIGITS = 4
NOTHING = 1e-12
"""What is smaller than this is rounding, in every unit."""
Row = Mapping[str, Any]


def _value(value: float) -> str:
    value = shown(value)
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else number(value, DIGITS)


def shown(value: float) -> float:
    """Return a number as it is shown: what is but rounding is zero.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    float
    """
    return 0.0 if abs(value) < NOTHING else value


def index_text(value: float) -> str:
    """Return an index or a correlation with the digits that are worth something.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        Two decimals.
    """
    return "–" if math.isnan(value) else f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _size(value: float) -> str:
    return number(value, 3)


def _unit(unit: str) -> str:
    return "" if unit in ("-", "") else f" {unit_text(unit)}"


def between(low: float, high: float, unit: str = "") -> str:
    """Return an interval in words.

    Parameters
    ----------
    low, high : float
        Its ends; NaN where one is not told.
    unit : str, optional
        Their unit.

    Returns
    -------
    str
        Empty where neither is told.
    """
    text = _unit(unit) if unit else ""
    if math.isnan(low) and math.isnan(high):
        return ""
    if math.isnan(high):
        return f"{_value(low)}{text} or more"
    return f"{_value(high)}{text} or less" if math.isnan(low) else f"{_value(low)} to {_value(high)}{text}"


def _shares(low: float, high: float) -> str:
    return f"{percent(low)} to {percent(high)}"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count:,} cases"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table.

    Parameters
    ----------
    table : DataFrame
        The table.

    Returns
    -------
    list of dict of str to object
        A row each, by column.
    """
    return cast(list[dict[str, Any]], table.to_dict("records"))


def design_text(result: StudyResult) -> str:
    """Return the design in words.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    str
    """
    return DESIGNS.get(result.method, result.method)


def asked(result: StudyResult) -> str:
    """Return what was asked.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    str
        One sentence.
    """
    names = [factor.name for factor in result.factors]
    varied = f"in which {_list(names)} {'vary' if len(names) > 1 else 'varies'}" if names else "in which nothing varies"
    drawn = f"{design_text(result)} with seed {result.seed}" if result.method not in ("grid", "list") else None
    return f"{_cases(len(result.outcomes))} of {result.subject}, {varied}, by {drawn or design_text(result)}."


def key_figures(result: StudyResult) -> list[str]:
    """Return the figures of which the head of the page speaks: those that compete, and the first ones.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    list of str
    """
    names = [*(name for name, _ in result.pareto), *(figure.name for figure in result.figures)]
    return list(dict.fromkeys(names))[: max(KEY, len(result.pareto))]


def came_out(
    result: StudyResult, quantiles: pd.DataFrame, limits: pd.DataFrame, told: pd.DataFrame, front: pd.DataFrame
) -> list[str]:
    """Return what came out.

    Parameters
    ----------
    result : StudyResult
        The study.
    quantiles, limits, told, front : DataFrame
        From `quantile_table`, `exceedance`, `sensitivity` and `pareto_front`.

    Returns
    -------
    list of str
        Some sentences on each matter.
    """
    failed = len(result.failed)
    texts = []
    if failed:
        texts.append(
            f"{_cases(len(result.done))} came out; {failed:,} failed, and nothing that is said below holds for them."
        )
    if not result.done:
        return [f"All {_cases(len(result.outcomes))} failed: nothing can be told."]
    rows = {row["figure"]: row for row in records(quantiles)}
    keys = [name for name in key_figures(result) if name in rows]
    texts += [_figure_text(result, rows[name]) for name in keys]
    texts += [limit_text(result, row) for row in records(limits) if row["above"] > 0]
    texts += _kept_text(result, [row for row in records(limits) if row["above"] == 0])
    texts += [text for name in keys if (text := sensitivity_text(result, name, told))]
    texts += _rough_text(result, keys, told)
    if len(front):
        texts.append(_front_text(result, front))
    return texts


def _kept_text(result: StudyResult, rows: Sequence[Row]) -> list[str]:
    """Return which limits no case exceeds at any time."""
    if not rows:
        return []
    what = _list([f"{row['series']} above {_value(row['limit'])}{_unit(row['unit'])}" for row in rows])
    cases, most = min(row["cases"] for row in rows), max(row["above_high"] for row in rows)
    each = " for each" if len(rows) > 1 else ""
    may = (
        f"; of all such cases, it may be at most {percent(most)}{each} (95 % interval)"
        if result.method in DRAWN
        else ""
    )
    return [f"{what}: at no time in any of {_cases(cases)}{may}."]


def _rough_text(result: StudyResult, figures: Sequence[str], told: pd.DataFrame) -> list[str]:
    """Return that there are few blocks, or cases, for the intervals of sensitivities."""
    rows = told[told["figure"].isin(figures) & told["low"].notna()]
    for figure, used in zip(rows["figure"], rows["used"], strict=True):
        kind = kind_of(result, figure)
        if used < FEW.get(kind, 0):
            what = "cases" if kind == "rank correlation" else "blocks"
            return [f"There are only {used} {what}: take the intervals of what moves the figures as rough."]
    return []


def _figure_text(result: StudyResult, row: Row) -> str:
    name, unit = row["figure"], row["unit"]
    base = "" if math.isnan(row["base"]) else f"; the case without changes gives {_value(row['base'])}{_unit(unit)}"
    if not row["cases"]:
        return f"{name}: no case gives it{base}."
    if row["cases"] == 1:
        return f"{name}: one case gives it, {_value(row['p50'])}{_unit(unit)}{base}."
    if row["min"] == row["max"]:
        return f"{name} is {_value(row['min'])}{_unit(unit)} in all {_cases(row['cases'])}{base}."
    if result.method not in DRAWN:
        ends = f"from {_value(row['min'])} to {_value(row['max'])}{_unit(unit)}"
        return f"{name}: {ends} in these cases, half of them below {_value(row['p50'])}{base}."
    half = between(row["p50_low"], row["p50_high"])
    certain = f"95 % interval {half}" if half else "too few cases for an interval"
    enough = row["cases"] >= ENOUGH
    low, high = (row["p5"], row["p95"]) if enough else (row["min"], row["max"])
    held = f"{'90 % of' if enough else 'all of'} the cases lie from {_value(low)} to {_value(high)}{_unit(unit)}"
    return f"{name}: median {_value(row['p50'])}{_unit(unit)} ({certain}); {held}{base}."


def limit_text(result: StudyResult, row: Row) -> str:
    """Return how often a limit is exceeded that some case exceeds.

    Parameters
    ----------
    result : StudyResult
        The study.
    row : mapping of str to object
        One of `exceedance`.

    Returns
    -------
    str
        A sentence or two.
    """
    drawn = result.method in DRAWN
    what = f"{row['series']} above {_value(row['limit'])}{_unit(row['unit'])}"
    parts = [f"in {percent(row['time'])} of the time ({_over_cases(row, 'time')})"]
    if row["days"] > 0:
        parts.insert(0, f"on {percent(row['days'])} of the days by their means ({_over_cases(row, 'days')})")
    elif row["days"] == 0:
        parts.insert(0, "on no day by its mean")
    cases = f" (95 % interval {_shares(row['above_low'], row['above_high'])})" if drawn else ""
    return f"{what}: {', and '.join(parts)}. {percent(row['above'])}{cases} of the cases are above it at some time."


def _over_cases(row: Row, kind: str) -> str:
    """Return the interval of a share, which is the mean over the cases, and how the cases spread."""
    low, high = row[f"{kind}_low"], row[f"{kind}_high"]
    certain = f"95 % interval {_shares(low, high)}; " if low < high else ""
    spread = f"90 % of the cases {_shares(row[f'{kind}_p5'], row[f'{kind}_p95'])}"
    return f"{certain}{spread}"


def _front_text(result: StudyResult, front: pd.DataFrame) -> str:
    names = [name for name, _ in result.pareto]
    done = len(result.done)
    beaten = "is such that no other beats it" if len(front) == 1 else "are such that no other beats them"
    head = f"{_cases(len(front))} of {done:,} {beaten} in {_list(names)} together"
    ends = []
    for name, direction in result.pareto:
        best = front[name].min() if direction == "min" else front[name].max()
        at = front.loc[front[name] == best, "case"]
        ends.append(f"the {'lowest' if direction == 'min' else 'highest'} {name}, {_value(best)}, in case {at.iloc[0]}")
    return f"{head}: {_list(ends)}. They are the best of these cases, not of all that could be."


def sensitivity_text(result: StudyResult, figure: str, told: pd.DataFrame) -> str:
    """Return which factors move a figure.

    Parameters
    ----------
    result : StudyResult
        The study.
    figure : str
        The figure.
    told : DataFrame
        From `sensitivity`.

    Returns
    -------
    str
        Empty where the design tells none.
    """
    kind = kind_of(result, figure)
    rows = told[told["figure"] == figure]
    if not kind or not len(rows):
        return ""
    valued = rows[rows["value"].notna()]
    if not len(valued):
        return f"What moves {figure} is not told: {rows['why'].iloc[0]}."
    return _TEXTS[kind](figure, valued)


def _leading(rows: pd.DataFrame) -> tuple[list[dict[str, Any]], bool]:
    """Return the rows that may be the first by their intervals, the largest first, and whether there is but one."""
    ordered = records(rows.sort_values("value", ascending=False, kind="stable"))
    first = ordered[0]
    near = [row for row in ordered[1:] if not row["high"] < first["low"]]
    return [first, *near], not near


def _named(rows: Sequence[Row], write: Callable[[float], str] = index_text) -> str:
    """Return factors with the values and intervals of their measure."""
    return _list([f"{row['factor']} ({_with_interval(row, write)})" for row in rows])


def _with_interval(row: Row, write: Callable[[float], str]) -> str:
    value, low, high = (write(row[name]) for name in ("value", "low", "high"))
    return value if math.isnan(row["low"]) or low == value == high else f"{value}; 95 %: {low} to {high}"


def _sobol_text(figure: str, rows: pd.DataFrame) -> str:
    total = rows[rows["measure"] == "ST"]
    leading, alone = _leading(total)
    if alone:
        text = f"The variance of {figure} comes most from {_named(leading)}: its share with all interactions."
    else:
        text = (
            f"Which factor causes most of the variance of {figure} is not told, since intervals overlap; it is one of "
        )
        text += f"{_named(leading)}, by shares with all interactions."
    small = [row["factor"] for row in records(total) if row["high"] < SMALL]
    if small:
        text += f" Less than {percent(SMALL)}{' each' if len(small) > 1 else ''} comes from {_list(small)}."
    return text


def _morris_text(figure: str, rows: pd.DataFrame) -> str:
    leading, alone = _leading(rows[rows["measure"] == "mu_star"])
    what = "by the mean size μ* of its effect over the whole range"
    if alone:
        return f"{figure} is moved most by {_named(leading, _size)}, {what}."
    head = f"Which factor moves {figure} most is not told, since intervals overlap; it is one of"
    return f"{head} {_named(leading, _size)}, {what}."


def _rank_text(figure: str, rows: pd.DataFrame) -> str:
    ordered = records(rows.reindex(rows["value"].abs().sort_values(ascending=False, kind="stable").index))
    if all(math.isnan(row["low"]) for row in ordered):
        return f"Rank correlations of {figure} within these cases: {_named(ordered)}."
    rising = [row for row in ordered if row["low"] > 0]
    falling = [row for row in ordered if row["high"] < 0]
    parts = [f"rises with {_named(rising)}"] if rising else []
    parts += [f"falls with {_named(falling)}"] if falling else []
    unknown = [row["factor"] for row in ordered if not (row["low"] > 0 or row["high"] < 0)]
    text = f"{figure} {' and '.join(parts)}, by rank correlation." if parts else ""
    if unknown:
        text += f"{' ' if parts else ''}Whether {figure} rises or falls with {_list(unknown)} is not told."
    return text


def _grid_text(figure: str, rows: pd.DataFrame) -> str:
    ordered = records(rows[rows["measure"] == "share"].sort_values("value", ascending=False, kind="stable"))
    named = [f"{row['factor']} alone makes {percent(row['value'])}" for row in ordered]
    rest = 1 - sum(row["value"] for row in ordered)
    if rest >= TOLD:
        named.append(f"several factors together {percent(rest)}")
    return f"Of the variance of {figure} within this grid, {_list(named)}."


_TEXTS = {
    "sobol_indices": _sobol_text,
    "morris": _morris_text,
    "rank correlation": _rank_text,
    "grid": _grid_text,
}
