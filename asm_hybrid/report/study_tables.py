"""The tables of a study, for files."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from asm_hybrid.studies import StudyResult, exceedance, fan, pareto_front, quantile_table, sensitivity
from asm_hybrid.studies.uncertainty import series_names

__all__ = ["study_tables"]


def study_tables(result: StudyResult) -> dict[str, pd.DataFrame]:
    """Return the tables of a study.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    dict of str to DataFrame
        ``results``: a row a case with ``case``, factors and figures as ``NAME [UNIT]``, ``error`` and ``notes``.
        ``quantiles``, ``sensitivity``, ``exceedance`` and ``pareto`` as `quantile_table`, `sensitivity`, `exceedance`
        and `pareto_front` give them, and ``bands``, what `fan` gives, after ``series`` and ``unit``. ``series``: a row
        a case and time, with a column a series as ``NAME [UNIT]``; the case without changes has the number -1. Those
        without rows are left out, but for ``results``.

    Raises
    ------
    InputError
        When SALib, which the design needs, is not installed.
    """
    tables = {
        "results": _results(result),
        "quantiles": quantile_table(result),
        "sensitivity": sensitivity(result),
        "exceedance": exceedance(result),
        "pareto": pareto_front(result),
        "bands": _bands(result),
        "series": _series(result),
    }
    return {name: table for name, table in tables.items() if len(table) or name == "results"}


def _headers(pairs: Iterable[tuple[str, str]], taken: Iterable[str] = ()) -> list[str]:
    """Return headers with units; one that is taken is marked."""
    found = list(taken)
    for name, unit in pairs:
        header = f"{name} [{unit}]"
        while header in found:
            header += " figure"
        found.append(header)
    return found[len(list(taken)) :]


def _results(result: StudyResult) -> pd.DataFrame:
    columns: dict[str, object] = {"case": [outcome.case for outcome in result.outcomes]}
    factors = _headers((factor.name, factor.unit) for factor in result.factors)
    for header, factor in zip(factors, result.factors, strict=True):
        columns[header] = result.design[factor.name].to_numpy()
    figures = _headers(((figure.name, figure.unit) for figure in result.figures), factors)
    for header, figure in zip(figures, result.figures, strict=True):
        columns[header] = result.values(figure.name)
    columns["error"] = [" ".join(outcome.error.split()) for outcome in result.outcomes]
    columns["notes"] = [" ".join(outcome.notes) for outcome in result.outcomes]
    return pd.DataFrame(columns)


def _times(result: StudyResult) -> tuple[str, pd.Index]:
    """Return header and values of a column of times."""
    if result.origin is None:
        return "time [d]", pd.Index(result.times)
    stamps = result.origin + pd.to_timedelta(np.round(result.times * 86400), unit="s")
    return "time", stamps.tz_convert("UTC")


def _bands(result: StudyResult) -> pd.DataFrame:
    header, times = _times(result)
    parts = []
    for name in series_names(result):
        table = fan(result, name)
        if len(table):
            parts.append(table.drop(columns="time"))
            parts[-1].insert(0, header, times)
            parts[-1].insert(0, "unit", result.units.get(name, "-"))
            parts[-1].insert(0, "series", name)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _series(result: StudyResult) -> pd.DataFrame:
    names = series_names(result)
    header, times = _times(result)
    shown = [*([result.base] if result.base else []), *result.done]
    shown = [outcome for outcome in shown if any(name in outcome.series for name in names)]
    if not shown or not result.times.size:
        return pd.DataFrame()
    headers = _headers((name, result.units.get(name, "-")) for name in names)
    gap = np.full(result.times.shape, np.nan)
    columns: dict[str, object] = {
        "case": np.repeat([outcome.case if outcome is not result.base else -1 for outcome in shown], result.times.size),
        header: times[np.tile(np.arange(len(times)), len(shown))],
    }
    for own, name in zip(headers, names, strict=True):
        columns[own] = np.concatenate([outcome.series.get(name, gap) for outcome in shown])
    return pd.DataFrame(columns)
