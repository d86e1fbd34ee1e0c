"""Designs: which cases a study simulates, the same on every platform for a seed."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import qmc

from asm_hybrid.artefacts import restored, restored_text
from asm_hybrid.errors import InputError, nearest, readable
from asm_hybrid.parallel import Value
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.factors import Factor, Factors
from asm_hybrid.studies.sections import MAX_CASES, DesignSection

__all__ = ["EXTRA", "Design", "make_design"]

EXTRA = 'pip install "asm-hybrid[study]"'
"""What brings the libraries for studies."""
SEEDS = 2**32
"""Seeds that SALib takes."""
MAX_BYTES = 50_000_000
"""Largest list of cases that is read [byte]."""


@dataclass(frozen=True)
class Design:
    """The cases of a study.

    Attributes
    ----------
    cases : DataFrame
        A row a case, a column a factor.
    cube : ndarray, shape (case, factor), or None
        Where the cases lie in the unit cube; None of a list.
    dimensions : tuple of str
        For each dimension of the cube, what varies by it; fitted parameters have one name in common.
    notes : tuple of str
        What is to be said of it.
    """

    cases: pd.DataFrame
    cube: np.ndarray | None
    dimensions: tuple[str, ...]
    notes: tuple[str, ...] = ()


def make_design(study: Study, factors: Factors) -> Design:
    """Return the cases of a study.

    Parameters
    ----------
    study : Study
        The study; its method is not ``search``, whose cases follow from what came out.
    factors : Factors
        Its factors.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        When there are more cases than `MAX_CASES`, the list does not fit the factors, or a library is missing.
    """
    section = study.content.design
    names = tuple(factor.section for factor in factors.columns)
    if section.method == "grid" and factors.fitted is not None and len(factors.fitted.names) > 1:
        raise InputError(
            "fitted parameters are drawn together, and a grid varies each factor by itself",
            where=study.document.where("design", "method"),
            expected="latin_hypercube, sobol, list, morris or sobol_indices",
            fix="or name the parameters as factors of their own: {parameter: mu_A, set: {normal: [0.5, 0.05]}}",
        )
    _check_count(study, factors)
    if section.method == "list":
        return Design(_listed(study, factors), None, names)
    if section.method == "grid":
        places, notes = _grid(section, factors), tuple[str, ...]()
    else:
        places, notes = PLACES[section.method](section, names, study.document.where("design", "method"))
    return Design(factors.values(places, ends=section.method in ("morris", "grid")), places, names, notes)


def _count(section: DesignSection, factors: Factors) -> int:
    """Return how many cases there are."""
    groups = len({factor.section for factor in factors.columns})
    if section.method == "grid":
        return math.prod(_levels(section, factor) for factor in factors.columns)
    if section.method == "morris":
        return (section.trajectories or 0) * (groups + 1)
    if section.method == "sobol_indices":
        return (section.base or 0) * ((2 * groups if section.second_order else groups) + 2)
    return section.cases or 0


def _check_count(study: Study, factors: Factors) -> None:
    section = study.content.design
    number = _count(section, factors)
    if number > MAX_CASES:
        remedy = {"grid": "fewer levels or factors, or latin_hypercube", "morris": "fewer trajectories"}
        raise InputError(
            f"the design has {number:,} cases",
            where=study.document.where("design"),
            expected=f"at most {MAX_CASES:,} cases",
            fix=remedy.get(section.method, "a smaller base, or fewer factors"),
        )


def _levels(section: DesignSection, factor: Factor) -> int:
    """Return how many values a factor has in a grid."""
    own = factor.distribution
    return (len(own.choices) if own is not None else 0) or section.levels or 0


def _grid(section: DesignSection, factors: Factors) -> np.ndarray:
    """Return the places of all combinations, the last factor the fastest: from end to end, each choice once."""
    axes = []
    for factor in factors.columns:
        levels = _levels(section, factor)
        chosen = factor.distribution is not None and factor.distribution.choices
        axes.append((np.arange(levels) + 0.5) / levels if chosen else np.linspace(0.0, 1.0, levels))
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


Places = tuple[np.ndarray, tuple[str, ...]]


def _latin(section: DesignSection, names: Sequence[str], where: str) -> Places:
    return qmc.LatinHypercube(len(names), rng=np.random.default_rng(section.seed)).random(section.cases or 0), ()


def _sobol(section: DesignSection, names: Sequence[str], where: str) -> Places:
    wanted = section.cases or 0
    power = max(wanted - 1, 0).bit_length()
    places = qmc.Sobol(len(names), scramble=True, rng=np.random.default_rng(section.seed)).random_base2(power)[:wanted]
    if wanted == 2**power:
        return places, ()
    return places, (
        f"{wanted} cases of a Sobol sequence are not balanced, as {2 ** (power - 1)} or {2**power} would be, which are "
        "powers of two",
    )


def _morris(section: DesignSection, names: Sequence[str], where: str) -> Places:
    with _extra(where):
        from SALib.sample import morris
    places = morris.sample(_unit(names), section.trajectories, num_levels=section.levels, seed=section.seed % SEEDS)
    return np.asarray(places), ()


def _saltelli(section: DesignSection, names: Sequence[str], where: str) -> Places:
    with _extra(where):
        from SALib.sample import sobol
    second = bool(section.second_order)
    places = sobol.sample(_unit(names), section.base, calc_second_order=second, seed=section.seed % SEEDS)
    return np.asarray(places), ()


PLACES: dict[str, Callable[[DesignSection, Sequence[str], str], Places]] = {
    "latin_hypercube": _latin,
    "sobol": _sobol,
    "morris": _morris,
    "sobol_indices": _saltelli,
}


def _unit(names: Sequence[str]) -> dict[str, object]:
    """Return the unit cube as SALib wants it; dimensions of one name vary together."""
    count = len(names)
    own = {"num_vars": count, "names": [f"x{i}" for i in range(count)], "bounds": [[0.0, 1.0]] * count}
    return own | {"groups": list(names)}


@contextmanager
def _extra(where: str) -> Iterator[None]:
    """Say what brings a library that is missing."""
    try:
        yield
    except ImportError:
        raise InputError(
            "SALib is not installed", where=where, expected="the library that makes this design", fix=EXTRA
        ) from None


def _listed(study: Study, factors: Factors) -> pd.DataFrame:
    """Return the cases of a CSV file: numbers in the unit of each factor."""
    section = study.content.design
    assert section.file is not None
    path, where = study.resolve(section.file), study.document.where("design", "file")
    names = _header(path, where)
    if len(names) == 1 and any(sign in names[0] for sign in ";\t"):
        raise InputError(
            f"the columns are separated by {'a semicolon' if ';' in names[0] else 'a tab'}",
            where=str(path),
            expected="commas between columns, and points in numbers",
            fix="export the table again as CSV with these signs",
        )
    for name in names:
        if name not in factors.names:
            raise InputError(
                f"the column {name!r} is no factor",
                where=str(path),
                expected="a column a factor: " + ", ".join(factors.names),
                fix=nearest(name, factors.names),
            )
    missing = [name for name in factors.names if name not in names]
    if missing or len(names) != len(set(names)):
        raise InputError(
            f"the list has no column {missing[0]!r}" if missing else "two columns have one name",
            where=str(path),
            expected="a column a factor: " + ", ".join(factors.names),
        )
    frame = _rows(path)
    if not 1 <= len(frame) <= MAX_CASES:
        raise InputError(f"the list has {len(frame):,} rows", where=str(path), expected=f"1 to {MAX_CASES:,} cases")
    return pd.DataFrame({f.name: _cells(frame[f.name].tolist(), f, path) for f in factors.columns})


def _header(path: Path, where: str) -> list[str]:
    """Return the names of the columns, before anything is made of rows that may have very many."""
    if not path.is_file():
        raise InputError(f"there is no file {path}", where=where, expected="a CSV file with a column a factor")
    if path.stat().st_size > MAX_BYTES:
        raise InputError("the list is too large", where=str(path), expected=f"at most {MAX_BYTES // 10**6} MB")
    with _a_list(path), path.open(encoding="utf-8-sig", newline="") as stream:
        return [restored_text(name) for name in next(csv.reader(stream), [])]


def _rows(path: Path) -> pd.DataFrame:
    with _a_list(path):
        read = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if not isinstance(read.index, pd.RangeIndex):  # it took the first cells of the rows for their names
        raise InputError(
            "the rows of the list have more cells than its first line",
            where=str(path),
            expected="a cell a factor, and decimal points",
            fix="where a comma stands for the decimal point, write points",
        )
    return restored(read)


def _a_list(path: Path) -> AbstractContextManager[None]:
    return readable("the list of cases cannot be read", where=str(path), expected="a CSV file with a column a factor")


def _cells(cells: Sequence[str], factor: Factor, path: Path) -> list[Value]:
    found: list[Value] = []
    texts = factor.kind == "key" and factor.way == "set"
    for row, cell in enumerate(cells):
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if math.isfinite(number):
            found.append(number)
        elif texts and cell.strip():
            found.append(cell.strip())
        else:
            raise InputError(
                f"{cell!r:.60} is no value of {factor.name}",
                where=f"{path}:{row + 2} ({factor.name})",
                expected=f"a number [{factor.unit or '-'}]",
            )
    return found
