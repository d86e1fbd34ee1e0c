"""Indicators of all cases side by side, in groups, with their difference to the base case."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from asm_hybrid.scenario.cases import Case, quantiles
from asm_hybrid.scenario.scoring import MEASURED
from asm_hybrid.scenario.trust import other_models

__all__ = [
    "NOTHING",
    "SILENT",
    "UNTOLD",
    "IndicatorRow",
    "by_f",
    "effect_warnings",
    "indicator_groups",
    "indicator_rows",
    "indicator_table",
    "is_main",
    "main_rows",
    "said",
]

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
    "cost total",
    "CO2e total",
    "offgas.S_N2O mean",
    "N2O emission factor",
    *(f"effluent.{name} mean" for name in ("NH4", "NO3", "TN", "TP", "COD", "BOD5", "TSS")),
)
"""What is looked at first; shares of time above a limit follow."""
SHARE = " violation share"
SILENT = "in this run n found nothing that validation confirms and is zero: what is simulated is recalibrated f"
"""What is to be said of a hybrid run without an n, as part of a sentence."""
OPTIONAL = ("external carbon", "mixing energy")
"""Left out of the main ones where they are zero in all cases."""
OTHER = "Other"
ORDER = (
    "Measured quantities, means over time",
    "Indices",
    "Energy and air",
    "Energy, cost and CO2e by the given factors",
    "Sludge and chemicals",
    "Off-gas",
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
UNTOLD = 5e-4
"""Difference to the base case that is none in the digits that are shown [-]."""


@dataclass(frozen=True)
class IndicatorRow:
    """One indicator in all cases.

    Attributes
    ----------
    name, unit, description : str
        As in `Indicator`.
    values : tuple of float
        Its value in each case, the base case first; NaN in a case that has none. The median where n has members.
    members : tuple of tuple of float
        Its value by case and member of n; empty where n has one.
    alone : tuple of float
        Its value by case with f alone; empty where that was not simulated.
    by_f : tuple of bool
        By case, whether the difference to the base case is told by f alone, see `by_f`.
    held : float
        Share of the members within their range [-].
    """

    name: str
    unit: str
    description: str
    values: tuple[float, ...]
    members: tuple[tuple[float, ...], ...] = ()
    alone: tuple[float, ...] = ()
    by_f: tuple[bool, ...] = ()
    held: float = 1.0

    @property
    def label(self) -> str:
        """Its name, or what it is where the name alone does not tell the limit."""
        return self.description.removeprefix("share of the ") if self.name.endswith(SHARE) else self.name

    @property
    def ranges(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper end of the range of the members, by case; empty where there is one."""
        return tuple(quantiles(own, self.held) for own in self.members)

    @property
    def changes(self) -> tuple[float | None, ...]:
        """Difference of each case to the base case, by the size of the latter [-]; None where that is zero.

        With members the median of their own differences. Where n is off in one of the two, the difference of f alone.
        """
        return tuple(
            self.alone_changes[k] if k < len(self.by_f) and self.by_f[k] else self._own(k)
            for k in range(len(self.values))
        )

    @property
    def alone_changes(self) -> tuple[float | None, ...]:
        """The same of f alone; empty where that was not simulated."""
        return tuple(_change(self.alone[0], value) for value in self.alone)

    def change_range(self, case: int) -> tuple[float, float] | None:
        """Range of the differences of the members to their own base case [-].

        None with one member, where any has none, and where the difference is told by f alone.
        """
        if not self.members or (self.by_f and self.by_f[case]):
            return None
        found = self._members_own(case)
        return quantiles(found, self.held) if found else None

    def disputed(self, case: int) -> bool:
        """Whether the members answer with both signs, so that their median says nothing of the direction."""
        limits = self.change_range(case)
        return limits is not None and limits[0] < -UNTOLD and limits[1] > UNTOLD

    def _own(self, case: int) -> float | None:
        if not self.members:
            return _change(self.values[0], self.values[case])
        found = self._members_own(case)
        return float(np.median(found)) if found else None

    def _members_own(self, case: int) -> list[float]:
        """Return the difference of every member to its own base case; none where one cannot be told."""
        found = [_change(base, value) for base, value in zip(self.members[0], self.members[case], strict=True)]
        known = [change for change in found if change is not None]
        return known if len(known) == len(found) else []


def _change(base: float, value: float) -> float | None:
    return (value - base) / abs(base) if base and math.isfinite(value - base) else None


GROUPS: tuple[tuple[str, Callable[[IndicatorRow], bool]], ...] = (
    ("Measured quantities, means over time", lambda row: row.description.startswith(MEASURED)),
    ("Energy, cost and CO2e by the given factors", lambda row: row.name.startswith(("energy ", "cost ", "CO2e "))),
    ("By the original formulas of the benchmark", lambda row: row.name.endswith(" original")),
    ("Effluent limits", lambda row: " violation " in row.name),
    ("Influent", lambda row: row.name.startswith(("influent", "IQI"))),
    ("Off-gas", lambda row: row.name.startswith(("offgas.", "N2O "))),
    ("Effluent means, weighted by flow", lambda row: row.name.endswith(" mean") or row.name == "effluent flow"),
    ("Effluent 95 percentiles", lambda row: row.name.endswith(" 95 %")),
    ("Effluent loads", lambda row: row.name.endswith(" load")),
    ("Indices", lambda row: row.name in ("EQI", "OCI")),
    ("Energy and air", lambda row: row.name.endswith(" energy") or row.name == "air flow"),
    ("Sludge and chemicals", lambda row: "sludge" in row.name or row.name == "external carbon"),
)
"""Groups, and what belongs to each; the first that fits is taken."""


def by_f(cases: Sequence[Case]) -> tuple[bool, ...]:
    """Return for which cases the effect of the changes is told by f alone.

    Where n is off in a case and on in the base case, or the reverse, their difference is that of two models and no
    effect.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    tuple of bool
    """
    base = cases[0].trust
    return tuple(
        base is not None and case.trust is not None and case.alone is not None and other_models(case.trust, base) > 0.0
        for case in cases
    )


def effect_warnings(cases: Sequence[Case]) -> list[str]:
    """Return what is to be said of the trust in cases: what they leave, and why f answers alone.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    list of str
        A sentence each, behind the name of its case.
    """
    found, base = [], cases[0].trust
    for case, alone in zip(cases, by_f(cases), strict=True):
        if case.trust is not None and case.trust.hours:
            found.append(f"{case.name}: {case.trust.text}")
        if alone and case.trust is not None and base is not None:
            hours = other_models(case.trust, base)
            found.append(
                f"{case.name}: for {hours:.3g} h n fades in this case or in the base case, and not in the other. Their "
                "difference would be that of two models, so what is given as the difference to the base case is that "
                "of f alone against f alone"
            )
    return found


def indicator_rows(cases: Sequence[Case]) -> list[IndicatorRow]:
    """Return all indicators that any case has.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    list of IndicatorRow
    """
    known = {i.name: i for case in cases for i in case.indicators}
    values = [{i.name: i.value for i in case.indicators} for case in cases]
    members = [[{i.name: i.value for i in own} for own in case.members] for case in cases]
    alone = [{i.name: i.value for i in case.alone.indicators} for case in cases if case.alone is not None]
    told = by_f(cases)
    return [
        IndicatorRow(
            name,
            one.unit,
            one.description,
            tuple(_value(given, name) for given in values),
            tuple(tuple(_value(own, name) for own in case) for case in members) if all(members) else (),
            tuple(_value(given, name) for given in alone) if len(alone) == len(cases) else (),
            told,
            cases[0].held,
        )
        for name, one in known.items()
    ]


def _value(given: Mapping[str, float], name: str) -> float:
    value = given.get(name, math.nan)
    return 0.0 if abs(value) <= NOTHING else value


def indicator_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the indicators of all cases.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    DataFrame
        A row an indicator: ``indicator``, ``unit``, ``description``, and a column a case; NaN where a case has none.
        With several members of n also ``CASE low`` and ``CASE high``; where f alone was simulated ``CASE f alone``;
        then ``CASE change [%]``, with several members ``CASE change low [%]`` and ``CASE change high [%]``, and
        ``CASE change of f alone [%]`` in their place where n is off in one of the two.
    """
    rows, told = indicator_rows(cases), by_f(cases)
    table: dict[str, list[Any]] = {
        "indicator": [row.name for row in rows],
        "unit": [row.unit for row in rows],
        "description": [row.description for row in rows],
    }
    fitted = any(case.trust is not None for case in cases)
    for k, case in enumerate(cases):
        table[case.name] = [row.values[k] for row in rows]
        if case.members:
            table[f"{case.name} low"] = [row.ranges[k][0] for row in rows]
            table[f"{case.name} high"] = [row.ranges[k][1] for row in rows]
        if case.alone is not None:
            table[f"{case.name} f alone"] = [row.alone[k] for row in rows]
        if fitted and k:
            what = "change of f alone [%]" if told[k] else "change [%]"
            changes = [row.changes[k] for row in rows]
            table[f"{case.name} {what}"] = [np.nan if c is None else 100.0 * c for c in changes]
            if case.members and not told[k]:
                limits = [row.change_range(k) or (np.nan, np.nan) for row in rows]
                table[f"{case.name} change low [%]"] = [100.0 * low for low, _ in limits]
                table[f"{case.name} change high [%]"] = [100.0 * high for _, high in limits]
    return pd.DataFrame(table)


def is_main(name: str, description: str) -> bool:
    """Return whether an indicator is one of those to look at first.

    Parameters
    ----------
    name, description : str
        As in `Indicator`.

    Returns
    -------
    bool
        Of the means of measured quantities, those of `MAIN`, and the shares of time above limits.
    """
    return description.startswith(MEASURED) or name in MAIN or name.endswith(SHARE)


def main_rows(cases: Sequence[Case]) -> list[IndicatorRow]:
    """Return the indicators to look at first.

    Parameters
    ----------
    cases : sequence of Case
        The cases, the base case first.

    Returns
    -------
    list of IndicatorRow
        The means of measured quantities, those of `MAIN` that the cases have, but for optional ones that are zero, and
        the shares of time above limits.
    """
    rows = {row.name: row for row in indicator_rows(cases)}
    found = [row for row in rows.values() if row.description.startswith(MEASURED)]
    found += [rows[name] for name in MAIN if name in rows and (name not in OPTIONAL or any(rows[name].values))]
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
    for row in indicator_rows(cases):
        groups[next((name for name, fits in GROUPS if fits(row)), OTHER)].append(row)
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
