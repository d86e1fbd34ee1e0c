"""What drives the learnt factor on one process: effects of every input of n, and when they matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from asm_hybrid.diagnosis.conditions import Conditions, when_it_matters
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.network_inputs import reading_unit
from asm_hybrid.training import FittedModel

__all__ = ["accumulated_effects", "drivers", "shares_of_variance"]

EDGES = 21
"""Values of an input at which its accumulated effect is told, as quantiles."""
BINS = 12
"""Groups of equally many times in which the learnt factor is told over its driver."""
KNOTS = 8
"""Quantiles between which the smooth of one driver runs in lines."""
FOLDS = 5
"""Folds of whole days."""
EVEN = 1e-6
"""Spread of a logarithm of the factor from which on it counts as varying [-]."""


def drivers(
    model: FittedModel,
    X: Tensor,
    u: Tensor,
    stamps: pd.DatetimeIndex,
    process: str,
    tank: str | None = None,
    *,
    over: str | None = None,
    zone: str = "UTC",
) -> dict[str, Any]:
    """Say what drives the factor that n has learnt on the rate of one process, and when it matters.

    All seeds are evaluated along one and the same trajectory. Effects are accumulated local effects [1]_: unlike
    partial dependence they never ask n for a state that the plant does not have, such as much ammonium with much
    nitrate.

    Parameters
    ----------
    model : FittedModel
        A fitted model with n on the rates of processes, as factors.
    X : Tensor, shape (time, tank, component)
        States of the hybrid.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    stamps : DatetimeIndex
        These times, UTC.
    process : str
        The process.
    tank : str, optional
        The tank; without it, the one in which n moves the rate most.
    over : str, optional
        What is taken for the driver, if n reads it; without it, the input that explains most.
    zone : str
        Time zone of the hours of day.

    Returns
    -------
    dict
        ``process``, ``tank``; ``inputs``, the one that explains most first, each with ``name``, ``unit``, ``share`` (of
        the variance of the logarithm of the factor that it explains alone, median of the seeds [-]), ``low`` and
        ``high`` (range of the seeds), ``x`` [unit], ``effect`` (of the logarithm of the factor, one list a seed) and
        ``density`` (share of the time by unit of x); ``driver`` and its ``share``; ``in_rate``, whether
        the rate of f depends on it by itself; ``curve``, the factor over the driver: ``x``, ``factor`` (median of the
        seeds), ``low`` and ``high`` (their range), ``density``, ``unit``; and ``when``, see
        `asm_hybrid.diagnosis.conditions.when_it_matters`. The driver is None where the factor does not vary.

    Raises
    ------
    InputError
        If n has no factor on this process, or acts otherwise; the message says what to train instead.

    References
    ----------
    .. [1] D. W. Apley, J. Zhu (2020), "Visualizing the effects of predictor variables in black box supervised learning
       models", J. R. Stat. Soc. B 82, 1059-1086, https://doi.org/10.1111/rssb.12377.
    """
    term, column = _factor_of(model, process)
    with torch.no_grad():
        f = model.recalibrated().system.along(X, u)
        features = term.features(f.X, u).expand(term.members, *X.shape[:-1], len(term.spec.inputs))
        logs = np.asarray(term.log_factors(features)[..., column])
    rates = np.asarray(f.rates[..., column])
    spot = _tank(model, process, tank, logs, rates)
    own, factor = rates[:, spot], logs[..., spot]
    days = np.asarray((stamps - stamps[0].floor("D")) // pd.Timedelta(days=1))
    read = features[0, :, spot].numpy()
    shares = shares_of_variance(read, factor, days)
    effects = accumulated_effects(term, features[:, :, [spot]], column)
    inputs = []
    for i, name in enumerate(term.spec.inputs):
        x, effect = effects[i]
        inputs.append(
            {
                "name": name,
                "unit": reading_unit(model.plant, name),
                "share": float(np.median(shares[:, i])),
                "low": float(shares[:, i].min()),
                "high": float(shares[:, i].max()),
                "x": x.tolist(),
                "effect": effect.tolist(),
                "density": _density(read[:, i], x).tolist(),
            }
        )
    varies = bool(factor.std(axis=1).max() > EVEN)
    first = max(inputs, key=lambda row: (row["name"] == over, row["share"])) if varies else None
    place = model.plant.layout.tank_names[spot]
    conditions = Conditions.of(model, f, stamps, zone)
    effect = np.median(own * (np.exp(factor) - 1.0), axis=0)
    return {
        "process": process,
        "tank": place,
        "driver": first["name"] if first else None,
        "share": first["share"] if first else 0.0,
        "in_rate": first is not None and _in_rate(model, process, first["name"]),
        "curve": _curve(read[:, term.spec.inputs.index(first["name"])], factor, first["unit"]) if first else None,
        "inputs": sorted(inputs, key=lambda row: -row["share"]),
        "when": when_it_matters(conditions, effect, spot, None if first is None else first["name"]),
    }


def accumulated_effects(term: LearntTerm, features: Tensor, column: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the accumulated local effects of everything that n reads on the logarithm of one factor.

    Within each of `EDGES` - 1 groups of equally many times the input is moved from the lower end of the group to its
    upper end, all else kept as it was then; the mean changes add up, and their mean over all times is zero.

    Parameters
    ----------
    term : LearntTerm
        n with all its members.
    features : Tensor, shape (member, time, 1, input)
        What n reads in one tank; the same for all members.
    column : int
        Position of the process in the last axis of n.

    Returns
    -------
    list of (ndarray, ndarray)
        For each input its values ``(edge,)`` and the effects there ``(member, edge)`` [-].
    """
    found = []
    for i in range(features.shape[-1]):
        values = features[0, :, 0, i].numpy()
        edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, EDGES)))
        if len(edges) < 2:
            found.append((edges, np.zeros((term.members, len(edges)))))
            continue
        group = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
        ends = []
        for end in (edges[:-1], edges[1:]):
            moved = features.clone()
            moved[..., 0, i] = torch.as_tensor(end[group])
            with torch.no_grad():
                ends.append(np.asarray(term.log_factors(moved)[..., 0, column]))
        counts = np.bincount(group, minlength=len(edges) - 1)
        sums = np.stack([np.bincount(group, d, len(edges) - 1) for d in ends[1] - ends[0]])
        steps = sums / np.maximum(counts, 1)
        total = np.concatenate([np.zeros((len(steps), 1)), steps.cumsum(axis=1)], axis=1)
        middle = (total[:, :-1] + total[:, 1:]) / 2
        found.append((edges, total - (middle @ counts / counts.sum())[:, None]))
    return found


def shares_of_variance(read: np.ndarray, factor: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the share of the variance of a logarithm of a factor that each input explains alone.

    For each input lines between `KNOTS` quantiles are fitted by least squares, on all days but those of one of `FOLDS`
    folds, and judged on that one.

    Parameters
    ----------
    read : ndarray, shape (time, input)
        What n reads.
    factor : ndarray, shape (member, time)
        Logarithms of the factor.
    days : ndarray of int, shape (time,)
        The day of each time; day by day the folds take turns.

    Returns
    -------
    ndarray, shape (member, input)
        R² on the days that were left out [-], zero where it is below, or where the factor or the input does not vary.
    """
    fold = np.unique(days, return_inverse=True)[1] % FOLDS
    out = np.zeros((len(factor), read.shape[1]))
    spread = np.array([np.square(row - row.mean()).sum() for row in factor])
    for i in range(read.shape[1]):
        knots = np.unique(np.quantile(read[:, i], np.linspace(0.0, 1.0, KNOTS)))
        if len(knots) < 2:
            continue
        basis = np.stack([np.interp(read[:, i], knots, row) for row in np.eye(len(knots))], axis=1)
        left = np.zeros_like(factor)
        for k in np.unique(fold):
            inside = fold != k
            if not inside.any():
                break
            weights = np.linalg.lstsq(basis[inside], factor[:, inside].T, rcond=None)[0]
            left[:, ~inside] = factor[:, ~inside] - (basis[~inside] @ weights).T
        else:
            unexplained = np.square(left).sum(axis=1)
            known = spread > EVEN**2 * factor.shape[1]
            out[known, i] = np.maximum(1.0 - unexplained[known] / spread[known], 0.0)
    return out


def _factor_of(model: FittedModel, process: str) -> tuple[LearntTerm, int]:
    """Return the term of n that multiplies the rate of a process, and its column there."""
    names = model.plant.table.process_names
    if process not in names:
        raise InputError(
            f"{process!r} is not a process of {model.plant.table.name}",
            expected="one of its processes",
            fix=nearest(process, names),
        )
    if model.term is None:
        raise InputError(
            "the run has no n, so that nothing tells what drives a process",
            expected="a run of the mode hybrid",
            fix="set model.mode: hybrid and network.placement: rates, and train again",
        )
    terms = [term for term in model.term if term.spec.placement == "rates"]
    if not terms or terms[0].placement.options["form"] != "multiplicative":
        placed = ", ".join(term.spec.placement for term in model.term)
        found = f"n has the placement {placed}" if not terms else "n is added to the rates"
        raise InputError(
            f"{found}, so that there is no factor on a rate whose driver could be told",
            expected="n as a factor on the rates of processes",
            fix="set network.placement: rates with form: multiplicative, and train again",
        )
    if process not in terms[0].spec.targets:
        raise InputError(
            f"n may not change {process}",
            expected="one of " + ", ".join(terms[0].spec.targets),
            fix=f"add {process} to network.processes, and train again",
        )
    return terms[0], names.index(process)


def _tank(model: FittedModel, process: str, tank: str | None, logs: np.ndarray, rates: np.ndarray) -> int:
    """Return the tank that is asked for, or that in which n moves the rate most."""
    names = model.plant.layout.tank_names
    if tank is None:
        changes = rates * (np.exp(logs) - 1.0)
        return int(np.square(changes).mean(axis=(0, 1)).argmax())
    if tank not in names:
        raise InputError(
            f"{tank!r} is not a tank of the plant, so that nothing drives {process} there",
            expected="one of " + ", ".join(names),
            fix=nearest(tank, names),
        )
    return names.index(tank)


def _in_rate(model: FittedModel, process: str, name: str) -> bool:
    """Return whether the rate of a process depends on something by itself."""
    table = model.plant.table
    symbols = {str(s) for s in table.processes[table.process_names.index(process)].rate.value.free_symbols}
    warm = {p.name for p in table.parameters if p.theta is not None}
    return bool(symbols & warm) if name == "T" else name in symbols


def _curve(values: np.ndarray, factor: np.ndarray, unit: str) -> dict[str, Any]:
    """Return the learnt factor over its driver, in groups of equally many times."""
    order = np.array_split(np.argsort(values, kind="stable"), min(BINS, len(values)))
    x = np.array([values[group].mean() for group in order])
    found = np.exp(np.stack([factor[:, group].mean(axis=1) for group in order], axis=1))
    rows: Sequence[tuple[str, np.ndarray]] = (
        ("x", x),
        ("factor", np.median(found, axis=0)),
        ("low", found.min(axis=0)),
        ("high", found.max(axis=0)),
        ("density", _density(values, x)),
    )
    return {name: row.tolist() for name, row in rows} | {"unit": unit}


def _density(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the share of the values by unit of x around each x, that is up to the middle to its neighbours."""
    if len(x) < 2:
        return np.ones(len(x))
    ends = np.concatenate([[values.min()], (x[:-1] + x[1:]) / 2, [values.max()]])
    counts = np.histogram(values, ends)[0]
    widths = np.diff(ends)
    return np.where(widths > 0, counts / np.where(widths > 0, widths, 1.0), 0.0) / len(values)
