"""Indicators of all cases side by side, in groups, with their difference to the base case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asm_hybrid.scenario.plants import Case

__all__ = ["IndicatorRow", "indicator_groups", "main_rows", "said"]

MAIN = (
    "EQI",
    "OCI",
    "aeration energy",
    "pumping energy",
    "mixing energy",
    "air flow",
    "external carbon",
    "sludge production",
    "primary sludge",
    *(f"effluent.{name} mean" for name in ("NH4", "NO3", "TN", "TP", "COD", "BOD5", "TSS")),
)
"""What is looked at first; shares of time above a limit follow."""
SHARE = " violation share"
OPTIONAL = ("external carbon", "mixing energy")
"""Left out of the main ones where they are zero in all cases."""
OTHER = "Other"
GROUPS = (
    ("By the original formulas of the benchmark", lambda name: name.endswith(" original")),
    ("Effluent limits", lambda name: " violation " in name),
    ("Influent", lambda name: name.startswith(("influent", "IQI"))),
    ("Effluent means, weighted by flow", lambda name: name.endswith(" mean") or name == "effluent flow"),
    ("Effluent 95 percentiles", lambda name: name.endswith(" 95 %")),
    ("Effluent loads", lambda name: name.endswith(" load")),
    ("Indices", lambda name: name in ("EQI", "OCI")),
    ("Energy and air", lambda name: name.endswith(" energy") or name == "air flow"),
    ("Sludge and chemicals", lambda name: "sludge" in name or name == "external carbon"),
)
"""Groups, and what belongs to each; the first that fits is taken."""
ORDER = (
    "Indices",
    "Energy and air",
    "Sludge and chemicals",
    "Effluent means, weighted by flow",
    "Effluent limits",
    "Effluent 95 percentiles",
    "Effluent loads",
    OTHER,
    "Influent",
    "By the original formulas of the benchmark",
)
NOTHING = 1e-6
"""What is smaller than this is rounding, in every unit of an indicator."""


@dataclass(frozen=True)
class IndicatorRow:
    """One indicator in all cases.

    Attributes
    ----------
    name, unit, description : str
        As in `Indicator`.
    values : tuple of float
        Its value in each case, the base case first; NaN in a case that has none.
    """

    name: str
    unit: str
    description: str
    values: tuple[float, ...]

    @property
    def label(self) -> str:
        """Its name, or what it is where the name alone does not tell the limit."""
        return self.description.removeprefix("share of the ") if self.name.endswith(SHARE) else self.name

    @property
    def changes(self) -> tuple[float | None, ...]:
        """Difference of each case to the base case, by the size of the latter [-]; None where that is zero."""
        base = self.values[0]
        return tuple(
            (value - base) / abs(base) if base and math.isfinite(value - base) else None for value in self.values
        )


def _rows(cases: Sequence[Case]) -> list[IndicatorRow]:
    known = {i.name: i for case in cases for i in case.indicators}
    values = [{i.name: i.value for i in case.indicators} for case in cases]
    rows = []
    for name, one in known.items():
        found = tuple(given.get(name, math.nan) for given in values)
        rounded = tuple(0.0 if abs(value) <= NOTHING else value for value in found)
        rows.append(IndicatorRow(name, one.unit, one.description, rounded))
    return rows


def main_rows(cases: Sequence[Case]) -> list[IndicatorRow]:
    """Return the indicators to look at first.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    list of IndicatorRow
        Those of `MAIN` that the cases have, but for optional ones that are zero, and the shares of time above limits.
    """
    rows = {row.name: row for row in _rows(cases)}
    found = [rows[name] for name in MAIN if name in rows and (name not in OPTIONAL or any(rows[name].values))]
    return found + [row for name, row in rows.items() if name.endswith(SHARE)]


def indicator_groups(cases: Sequence[Case]) -> dict[str, list[IndicatorRow]]:
    """Return all indicators by group.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    dict of str to list of IndicatorRow
        Groups that are not empty, in the order of `ORDER`.
    """
    groups: dict[str, list[IndicatorRow]] = {name: [] for name in ORDER}
    for row in _rows(cases):
        groups[next((name for name, fits in GROUPS if fits(row.name)), OTHER)].append(row)
    return {name: rows for name, rows in groups.items() if rows}


def said(cases: Sequence[Case], what: Literal["warnings", "left_out", "balance"]) -> list[str]:
    """Return what is said of the cases.

    Parameters
    ----------
    cases : sequence of Case
        The cases.
    what : {'warnings', 'left_out', 'balance'}
        Which attribute of `Case`.

    Returns
    -------
    list of str
        Each sentence once; behind the names of its cases where there are several.
    """
    found: dict[str, list[str]] = {}
    for case in cases:
        texts = getattr(case, what)
        for text in (texts,) if isinstance(texts, str) else texts:
            found.setdefault(text, []).append(case.name)
    if len(cases) == 1:
        return [text for text in found if text]
    every = "all cases"
    return [
        f"{every if len(names) == len(cases) else ', '.join(names)}: {text}" for text, names in found.items() if text
    ]
