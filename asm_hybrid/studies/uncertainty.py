"""How wide the cases lie: quantiles of figures, bands of series, and how often limits are exceeded."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from asm_hybrid.studies.blocks import block_size, independent, quantile_interval, resampled, share_interval
from asm_hybrid.studies.result import StudyResult

__all__ = ["LEVELS", "day_numbers", "exceedance", "fan", "quantile_table", "sample_weights", "series_names"]

LEVELS = (5, 25, 50, 75, 95)
"""Quantiles that are told [%]: two of them hold 90 %, two 50 % of the cases."""
VIOLATION_SHARE = "{} violation share"
"""Name of the indicator that is the share of the time above a limit [%]."""
_WHOLE_DAY = 23 / 24
_COARSE = 0.25
_ROUNDING = 1e-6


def quantile_table(result: StudyResult) -> pd.DataFrame:
    """Return how the figures are distributed over the cases.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    DataFrame
        A row a figure: ``figure``, ``unit``, ``cases`` that give it, ``base``, ``mean``, ``min``, ``p5``, ``p25``,
        ``p50``, ``p75``, ``p95``, ``max``, and for ``p5``, ``p50`` and ``p95`` also ``p5_low``, ``p5_high`` and so on,
        the ends of their 95 % intervals; NaN where the cases are too few, or are not drawn from distributions.
    """
    rows = []
    for figure in result.figures:
        values = result.values(figure.name)
        known = values[np.isfinite(values)]
        base = result.base.figures.get(figure.name, np.nan) if result.base else np.nan
        row: dict[str, object] = {"figure": figure.name, "unit": figure.unit, "cases": known.size, "base": base}
        some = known if known.size else np.array([np.nan])
        row |= {"mean": some.mean(), "min": some.min()}
        row |= {f"p{level}": np.quantile(some, level / 100) for level in LEVELS} | {"max": some.max()}
        count = independent(result, values)
        for level in (5, 50, 95):
            row[f"p{level}_low"], row[f"p{level}_high"] = quantile_interval(known, level / 100, count)
        rows.append(row)
    return pd.DataFrame(rows)


def series_names(result: StudyResult) -> list[str]:
    """Return the series that any case gives.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    list of str
        In the order of the first case that gives them.
    """
    return list(dict.fromkeys(name for outcome in result.done for name in outcome.series))


def _all(result: StudyResult, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of the cases that give a series without gaps, and the series, (case, time)."""
    shape = result.times.shape
    found = {o.case: o.series[name] for o in result.done if name in o.series}
    found = {case: v for case, v in found.items() if v.shape == shape and np.isfinite(v).all()}
    return np.array(list(found), dtype=int), np.array(list(found.values())).reshape(len(found), *shape)


def fan(result: StudyResult, name: str) -> pd.DataFrame:
    """Return the bands of a series over the cases.

    Parameters
    ----------
    result : StudyResult
        The study.
    name : str
        The series.

    Returns
    -------
    DataFrame
        ``time`` [d], ``p5``, ``p25``, ``p50``, ``p75``, ``p95`` over the cases at each time, and ``base``, which is NaN
        without a base case; empty where no case gives the series without gaps.
    """
    _, values = _all(result, name)
    if not len(values):
        return pd.DataFrame(columns=["time", *(f"p{level}" for level in LEVELS), "base"], dtype=float)
    columns = dict(zip((f"p{v}" for v in LEVELS), np.quantile(values, np.array(LEVELS) / 100, axis=0), strict=True))
    base = result.base.series.get(name) if result.base else None
    return pd.DataFrame({"time": result.times, **columns, "base": np.nan if base is None else base})


def sample_weights(times: np.ndarray, start: float) -> np.ndarray:
    """Return the time for which samples count, as the indicators count it.

    Parameters
    ----------
    times : ndarray, shape (time,)
        Times of the samples [d].
    start : float
        Time from which on they count [d].

    Returns
    -------
    ndarray, shape (time,)
        Each sample counts until the next, so that the last counts nothing, and those before the start neither [d].
    """
    weights = np.append(np.diff(times), 0.0)
    weights[times <= start - _ROUNDING] = 0.0
    return weights


def day_numbers(result: StudyResult) -> np.ndarray:
    """Return the day to which each sample belongs.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    ndarray of int, shape (time,)
        From zero: calendar days in the zone of the study, or days from the time at which the series begin to count. -1
        where the day is not covered, which takes 23 hours of samples, or the sample does not count. -1 everywhere where
        samples lie more than six hours apart.
    """
    times, weights = result.times, sample_weights(result.times, result.score_from)
    if times.size < 2 or np.diff(times).max() > _COARSE + _ROUNDING:
        return np.full(times.size, -1)
    if result.origin is None:
        days = np.floor(times - result.score_from + _ROUNDING).astype(int)
    else:
        stamps = result.origin + pd.to_timedelta(np.round(times * 86400), unit="s")
        days = stamps.tz_convert(ZoneInfo(result.zone)).tz_localize(None).normalize().asi8
    _, days = np.unique(days, return_inverse=True)
    covered = np.bincount(days, weights=weights)[days] >= _WHOLE_DAY - _ROUNDING
    kept = covered & (weights > 0)
    found = np.full(times.size, -1)
    found[kept] = np.unique(days[kept], return_inverse=True)[1]
    return found


def exceedance(result: StudyResult) -> pd.DataFrame:
    """Return how often series lie above their limits.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    DataFrame
        A row a limit: ``series``, ``unit``, ``limit``, ``cases`` that tell; then shares [-].
        ``time`` is the share of the time above the limit: of the indicator ``NAME violation share`` where the cases
        give it, else of the samples of the series, each of which counts until the next. ``days`` is the share of the
        whole days whose mean over time is above it, ``whole_days`` their number. Of both: the mean over the cases, the
        ends ``_low`` and ``_high`` of its 95 % interval by bootstrap over cases, and ``_p5``, ``_p50`` and ``_p95`` of
        the cases. ``above`` is the share of the cases with any time above the limit, with ``above_low`` and
        ``above_high`` after Clopper and Pearson. Intervals are NaN where cases are not drawn from distributions.
    """
    found = (_exceeding(result, name, limit) for name, limit in result.limits.items())
    return pd.DataFrame([row for row in found if row is not None])


def _exceeding(result: StudyResult, name: str, limit: float) -> dict[str, object] | None:
    share = result.values(VIOLATION_SHARE.format(name)) / 100
    cases, values = _all(result, name)
    weights = sample_weights(result.times, result.score_from)
    of_days, whole = np.full(len(result.outcomes), np.nan), 0
    if len(values) and weights.sum() > 0:
        if not np.isfinite(share).any():
            share[cases] = (values > limit) @ weights / weights.sum()
        days = day_numbers(result)
        whole = int(days.max()) + 1
        if whole:
            inside = np.eye(whole)[days[days >= 0]] * weights[days >= 0, None]
            of_days[cases] = (values[:, days >= 0] @ inside / inside.sum(axis=0) > limit).mean(axis=1)
    if not np.isfinite(share).any():
        return None
    row: dict[str, object] = {"series": name, "unit": result.units.get(name, "-"), "limit": limit}
    row |= {"cases": int(np.isfinite(share).sum()), **_spread(result, "time", share), "whole_days": whole}
    row |= _spread(result, "days", of_days)
    known = share[np.isfinite(share)]
    count, above = independent(result, share), float((known > 0).mean())
    return row | {"above": above} | dict(zip(("above_low", "above_high"), _of_cases(above, count), strict=True))


def _of_cases(share: float, count: int) -> tuple[float, float]:
    return share_interval(share * count, count)


def _spread(result: StudyResult, name: str, shares: np.ndarray) -> dict[str, float]:
    """Return mean, its interval, and quantiles over the cases."""
    known = np.isfinite(shares)
    if not known.any():
        return {f"{name}{end}": np.nan for end in ("", "_low", "_high", "_p5", "_p50", "_p95")}
    blocks = shares.reshape(-1, block_size(result))
    sums, counts = np.nansum(blocks, axis=1), np.isfinite(blocks).sum(axis=1)
    sums, counts = sums[counts > 0], counts[counts > 0]
    low, high = np.nan, np.nan
    if independent(result, shares) > 1:
        low, high = resampled(lambda drawn: drawn @ sums / (drawn @ counts), sums.size, result.seed)
    p5, p50, p95 = np.quantile(shares[known], [0.05, 0.5, 0.95])
    values = (shares[known].mean(), low, high, p5, p50, p95)
    return dict(
        zip((f"{name}{e}" for e in ("", "_low", "_high", "_p5", "_p50", "_p95")), map(float, values), strict=True)
    )
