"""Which factor moves which figure, and how surely this is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.errors import InputError
from asm_hybrid.studies.blocks import CONFIDENCE, RESAMPLES, resampled, whole_blocks
from asm_hybrid.studies.ranks import rank_correlations
from asm_hybrid.studies.result import StudyResult

__all__ = ["COLUMNS", "FEW", "MEASURES", "constant", "kind_of", "sensitivity"]

COLUMNS = ("figure", "factor", "measure", "value", "low", "high", "used", "left_out", "why")
MEASURES = {
    "sobol_indices": ("S1", "ST"),
    "morris": ("mu_star", "mu", "sigma"),
    "grid": ("share", "total share"),
    "latin_hypercube": ("rank correlation",),
    "sobol": ("rank correlation",),
    "list": ("rank correlation",),
}
"""What is told of each factor, by design; nothing of a search, whose cases depend on what came out before."""
FEW = {"sobol_indices": 64, "morris": 10, "rank correlation": 20}
"""Blocks, or cases, below which an interval by bootstrap is rough."""
_CONSTANT = 1e-9
_CHOICES = 2


@dataclass(frozen=True)
class _Told:
    """Value and interval of one measure of one factor; or why there is none."""

    factor: str
    measure: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    why: str = ""


def constant(values: np.ndarray) -> bool:
    """Return whether values are the same but for rounding.

    Parameters
    ----------
    values : ndarray, shape (case,)
        Finite values, one at least.

    Returns
    -------
    bool
    """
    return bool(np.ptp(values) <= _CONSTANT * np.abs(values).max())


def kind_of(result: StudyResult, figure: str) -> str:
    """Return by what the sensitivity of a figure is told.

    Parameters
    ----------
    result : StudyResult
        The study.
    figure : str
        The figure.

    Returns
    -------
    str
        ``sobol_indices``, ``morris``, ``grid``, ``rank correlation``, or nothing for a search. A grid with a case that
        does not give the figure is balanced no more, so that rank correlations stand in its place.
    """
    if result.method in ("sobol_indices", "morris"):
        return result.method
    if result.method == "grid" and _full(result) and np.isfinite(result.values(figure)).all():
        return "grid"
    return "" if result.method not in MEASURES else "rank correlation"


def sensitivity(result: StudyResult) -> pd.DataFrame:
    """Return how much each factor moves each figure.

    ``sobol_indices`` give the shares of the variance that a factor causes alone, ``S1``, and with all that it takes
    part in, ``ST``, and with ``second_order`` what two factors cause together, ``S2`` [1]_. ``morris`` gives the mean
    size of the elementary effects, ``mu_star``, their mean ``mu`` and their standard deviation ``sigma``, in the unit
    of the figure for the whole range of the factor [2]_. A full ``grid`` gives the exact shares of the variance within
    this grid, ``share`` alone and ``total share``. Other designs give the rank correlation, which is no share of the
    variance: it tells direction and strength of a rising or falling relation.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    DataFrame
        A row for each figure, factor and measure: ``figure``, ``factor`` (two names with `` × `` between them for
        ``S2``), ``measure``, ``value``, ``low`` and ``high``, the ends of a 95 % interval by bootstrap over blocks or
        cases, ``used`` and ``left_out``, blocks or cases, and ``why`` where there is no value. A block with a case that
        failed, or does not give the figure, is left out as a whole.

    Raises
    ------
    InputError
        When SALib is not installed, or the design is not made of whole blocks.

    References
    ----------
    .. [1] A. Saltelli et al. (2010), Variance based sensitivity analysis of model output, Computer Physics
       Communications 181, 259-270. https://doi.org/10.1016/j.cpc.2009.09.018
    .. [2] F. Campolongo, J. Cariboni and A. Saltelli (2007), An effective screening design for sensitivity analysis of
       large models, Environmental Modelling & Software 22, 1509-1518. https://doi.org/10.1016/j.envsoft.2006.10.004
    """
    rows = [row for figure in result.figures for row in _figure(result, figure.name)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _figure(result: StudyResult, figure: str) -> Iterator[tuple[Any, ...]]:
    kind, values = kind_of(result, figure), result.values(figure)
    if not kind:
        return
    blocks = whole_blocks(result, values)
    all_blocks = values.size // blocks.shape[1]
    tell, measures, names = _WAYS[kind], MEASURES.get(kind, (kind,)), _names(result, kind)
    if not blocks.size:
        why = "no case gives it" if blocks.shape[1] == 1 else "every block has a case that failed or does not give it"
    elif len(blocks) == 1 and kind != "grid":
        why = "one block tells nothing of the others" if blocks.shape[1] > 1 else "one case tells no difference"
    else:
        why = "it is the same in all cases" if constant(values[blocks]) else ""
    found = [_Told(f, m, why=why) for f in names for m in measures] if why else tell(result, values, blocks)
    for told in found:
        ends = (told.value, told.low, told.high)
        yield figure, told.factor, told.measure, *ends, len(blocks), all_blocks - len(blocks), told.why


def _names(result: StudyResult, kind: str) -> list[str]:
    if kind in ("sobol_indices", "morris"):
        return list(dict.fromkeys(result.dimensions))
    return [factor.name for factor in result.factors]


def _problem(result: StudyResult) -> dict[str, Any]:
    count = len(result.dimensions)
    names = [f"x{i}" for i in range(count)]
    return {"num_vars": count, "names": names, "groups": list(result.dimensions), "bounds": [[0.0, 1.0]] * count}


def _salib(name: str) -> ModuleType:
    try:
        return import_module(f"SALib.analyze.{name}")
    except ModuleNotFoundError as error:
        raise InputError(
            "SALib, which tells the sensitivities of this design, is not installed",
            fix='pip install "asm-hybrid[study]"',
        ) from error


def _sobol(result: StudyResult, values: np.ndarray, blocks: np.ndarray) -> Iterator[_Told]:
    found = _salib("sobol").analyze(
        _problem(result),
        values[blocks].ravel(),
        calc_second_order=result.second_order,
        num_resamples=RESAMPLES,
        conf_level=CONFIDENCE,
        keep_resamples=True,
        seed=1 + abs(result.seed),  # SALib takes zero for none
    )
    names, tail = _names(result, "sobol_indices"), (1 - CONFIDENCE) / 2
    for measure in MEASURES["sobol_indices"]:
        low, high = np.quantile(found[f"{measure}_conf_all"], [tail, 1 - tail], axis=0)
        for k, name in enumerate(names):
            yield _Told(name, measure, float(found[measure][k]), float(low[k]), float(high[k]))
    if result.second_order:
        for i, j in itertools.combinations(range(len(names)), 2):
            value, half = float(found["S2"][i, j]), float(found["S2_conf"][i, j])
            yield _Told(f"{names[i]} × {names[j]}", "S2", value, value - half, value + half)


def _morris(result: StudyResult, values: np.ndarray, blocks: np.ndarray) -> Iterator[_Told]:
    assert result.cube is not None
    cube, y = result.cube[blocks], values[blocks]
    steps = np.diff(cube, axis=1)
    step = float(np.abs(steps).max())
    found = _salib("morris").analyze(
        _problem(result),
        cube.reshape(-1, cube.shape[2]),
        y.ravel(),
        num_resamples=2,  # its interval is of mu_star alone
        num_levels=round(2 * step / (2 * step - 1)),
    )
    for k, name in enumerate(_names(result, "morris")):
        members = [i for i, own in enumerate(result.dimensions) if own == name]
        moves = steps[:, :, members]
        where = np.abs(moves).max(axis=2).argmax(axis=1)
        trajectory = np.arange(len(blocks))
        effects = np.diff(y, axis=1)[trajectory, where] / step * np.sign(moves[trajectory, where, 0])
        columns = np.stack([np.abs(effects), effects, effects**2], axis=1)

        def statistics(drawn: np.ndarray, columns: np.ndarray = columns) -> np.ndarray:
            count = drawn.sum(axis=1)
            size, mean, square = (drawn @ columns / count[:, None]).T
            spread = np.sqrt(np.maximum(square - mean**2, 0) * count / np.maximum(count - 1, 1))
            return np.stack([size, mean, spread], axis=1)

        low, high = resampled(statistics, len(blocks), result.seed)
        for i, measure in enumerate(MEASURES["morris"]):
            if measure != "mu_star" and len(members) > 1:
                yield _Told(name, measure, why="its parameters vary together, so that an effect has no direction")
            else:
                yield _Told(name, measure, float(found[measure][k]), float(low[i]), float(high[i]))


def _correlations(result: StudyResult, values: np.ndarray, blocks: np.ndarray) -> Iterator[_Told]:
    cases, measure = blocks[:, 0], "rank correlation"
    columns, why = [], {}
    for factor in result.factors:
        column = result.design[factor.name].iloc[cases]
        codes, kinds = pd.factorize(column, sort=True)
        columns.append(codes.astype(float) if factor.choice else column.to_numpy(float))
        if len(kinds) < _CHOICES:
            why[factor.name] = "it is the same in all these cases"
        elif factor.choice and len(kinds) > _CHOICES:
            why[factor.name] = "its values are texts, which have no order"
    yield from (_Told(name, measure, why=reason) for name, reason in why.items())
    names = [factor.name for factor in result.factors if factor.name not in why]
    if not names:
        return
    kept = [k for k, factor in enumerate(result.factors) if factor.name in names]
    x, y = np.stack(columns, axis=1)[:, kept], values[cases]
    value = rank_correlations(x, y, np.ones((1, len(cases))))[0]
    low, high = np.full((2, len(names)), np.nan)
    if result.method != "grid":
        low, high = resampled(lambda drawn: rank_correlations(x, y, drawn), len(cases), result.seed)
    for k, name in enumerate(names):
        yield _Told(name, measure, float(value[k]), float(low[k]), float(high[k]))


def _grid_sizes(result: StudyResult) -> list[int]:
    return [result.design[factor.name].nunique() for factor in result.factors]


def _full(result: StudyResult) -> bool:
    """Return whether every combination of the values occurs once."""
    own = result.design[[factor.name for factor in result.factors]]
    return not own.duplicated().any() and len(own) == int(np.prod(_grid_sizes(result)))


def _grid(result: StudyResult, values: np.ndarray, blocks: np.ndarray) -> Iterator[_Told]:
    codes = [pd.factorize(result.design[factor.name])[0] for factor in result.factors]
    table = np.empty(_grid_sizes(result))
    table[tuple(codes)] = values
    axes = tuple(range(table.ndim))
    for k, factor in enumerate(result.factors):
        others = tuple(i for i in axes if i != k)
        if table.shape[k] == 1:
            for measure in MEASURES["grid"]:
                yield _Told(factor.name, measure, why="it has one value in the grid")
            continue
        alone = table.mean(axis=others).var() / table.var()
        yield _Told(factor.name, "share", float(alone))
        yield _Told(factor.name, "total share", float(table.var(axis=k).mean() / table.var()))


_WAYS: dict[str, Callable[[StudyResult, np.ndarray, np.ndarray], Iterator[_Told]]] = {
    "sobol_indices": _sobol,
    "morris": _morris,
    "grid": _grid,
    "rank correlation": _correlations,
}
