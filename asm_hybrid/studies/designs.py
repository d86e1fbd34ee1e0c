"""Designs: which cases a study simulates, the same on every platform for a seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import qmc

from asm_hybrid.artefacts import restored
from asm_hybrid.errors import InputError, nearest, readable
from asm_hybrid.parallel import Value
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.factors import Factor, Factors
from asm_hybrid.studies.sections import MAX_CASES, DesignSection

__all__ = ["EXTRA", "make_design"]

EXTRA = 'pip install "asm-hybrid[study]"'
"""What brings the libraries for studies."""
MAX_BYTES = 50_000_000
"""Largest list of cases that is read [byte]."""
APART = ("grid", "morris", "sobol_indices")
"""Methods that want every factor to vary by itself."""


def make_design(study: Study, factors: Factors) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the cases of a study.

    Parameters
    ----------
    study : Study
        The study; its method is not ``search``, whose cases follow from what came out.
    factors : Factors
        Its factors.

    Returns
    -------
    design : DataFrame
        A row a case, a column a factor.
    notes : tuple of str
        What is to be said of it.

    Raises
    ------
    InputError
        When there are more cases than `MAX_CASES`, the list does not fit the factors, or a library is missing.
    """
    section = study.content.design
    if section.method in APART and factors.fitted is not None and len(factors.fitted.names) > 1:
        raise InputError(
            f"fitted parameters are drawn together, and the method {section.method!r} varies each factor by itself",
            where=study.document.where("design", "method"),
            expected="latin_hypercube, sobol or list",
            fix="or name the parameters as factors of their own: {parameter: mu_A, set: {normal: [0.5, 0.05]}}",
        )
    _check_count(study, factors)
    if section.method == "list":
        return _listed(study, factors), ()
    if section.method == "grid":
        return _grid(section, factors), ()
    count = len(factors.columns)
    places, notes = PLACES[section.method](section, count, study.document.where("design", "method"))
    return factors.values(places, ends=section.method == "morris"), notes


def _count(section: DesignSection, factors: Factors) -> int:
    """Return how many cases there are."""
    count = len(factors.columns)
    if section.method == "grid":
        return math.prod(_levels(section, factor) for factor in factors.columns)
    if section.method == "morris":
        return (section.trajectories or 0) * (count + 1)
    if section.method == "sobol_indices":
        return (section.base or 0) * (count + 2)
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
    assert factor.distribution is not None
    assert section.levels is not None
    return len(factor.distribution.choices) or section.levels


def _grid(section: DesignSection, factors: Factors) -> pd.DataFrame:
    """Return all combinations, the last factor the fastest; values from end to end, at equal shares of a normal one."""
    columns: list[list[Value]] = []
    for factor in factors.columns:
        assert factor.distribution is not None
        levels = _levels(section, factor)
        middle = (np.arange(levels) + 0.5) / levels
        places = (
            middle if factor.distribution.choices or factor.distribution.kind == "normal" else np.linspace(0, 1, levels)
        )
        columns.append(factor.distribution.values(places))
    rows = np.stack([g.ravel() for g in np.meshgrid(*(np.arange(len(c)) for c in columns), indexing="ij")], axis=1)
    return pd.DataFrame(
        {
            name: [column[i] for i in rows[:, k]]
            for k, (name, column) in enumerate(zip(factors.names, columns, strict=True))
        }
    )


Places = tuple[np.ndarray, tuple[str, ...]]


def _latin(section: DesignSection, count: int, where: str) -> Places:
    return qmc.LatinHypercube(count, rng=np.random.default_rng(section.seed)).random(section.cases or 0), ()


def _sobol(section: DesignSection, count: int, where: str) -> Places:
    wanted = section.cases or 0
    power = max(wanted - 1, 0).bit_length()
    places = qmc.Sobol(count, scramble=True, rng=np.random.default_rng(section.seed)).random_base2(power)[:wanted]
    if wanted == 2**power:
        return places, ()
    return places, (
        f"{wanted} cases of a Sobol sequence are not balanced, as {2 ** (power - 1)} or {2**power} would be, which are "
        "powers of two",
    )


def _morris(section: DesignSection, count: int, where: str) -> Places:
    with _extra(where):
        from SALib.sample import morris
    found = morris.sample(_unit(count), section.trajectories, num_levels=section.levels, seed=section.seed % 2**32)
    return np.asarray(found), ()


def _saltelli(section: DesignSection, count: int, where: str) -> Places:
    with _extra(where):
        from SALib.sample import sobol
    found = sobol.sample(_unit(count), section.base, calc_second_order=False, seed=section.seed % 2**32)
    return np.asarray(found), ()


PLACES: dict[str, Callable[[DesignSection, int, str], Places]] = {
    "latin_hypercube": _latin,
    "sobol": _sobol,
    "morris": _morris,
    "sobol_indices": _saltelli,
}


def _unit(count: int) -> dict[str, object]:
    return {"num_vars": count, "names": [f"x{i}" for i in range(count)], "bounds": [[0.0, 1.0]] * count}


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
    frame = _read(path, where)
    names = list(frame.columns)
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
    if not 1 <= len(frame) <= MAX_CASES:
        raise InputError(f"the list has {len(frame):,} rows", where=str(path), expected=f"1 to {MAX_CASES:,} cases")
    return pd.DataFrame({f.name: _cells(frame[f.name].tolist(), f, path) for f in factors.columns})


def _read(path: Path, where: str) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"there is no file {path}", where=where, expected="a CSV file with a column a factor")
    if path.stat().st_size > MAX_BYTES:
        raise InputError("the list is too large", where=str(path), expected=f"at most {MAX_BYTES // 10**6} MB")
    with readable("the list of cases cannot be read", where=str(path), expected="a CSV file with a column a factor"):
        return restored(pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig"))


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
