"""A simulation as a notebook sees it, of a plant or with a fitted model: all cases in data frames of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.cards import card, listed, note, tabulated
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.scenario.cases import Case, PlantScenarios
from asm_hybrid.scenario.summary import effect_warnings, indicator_table, main_rows, said

__all__ = ["Simulation"]

SHOWN = 20
"""Rows of a table that are shown."""


@dataclass(frozen=True, repr=False, eq=False)
class Simulation:
    """A base case, and what scenarios make of it; of a plant, or of a fitted model.

    Attributes
    ----------
    found : PlantScenarios
        The simulation.
    folder : Path or None
        Where files were written; None where nothing was.
    """

    found: PlantScenarios
    folder: Path | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases, ``base`` first."""
        return tuple(case.name for case in self.found.cases)

    @property
    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """What each case changes, in words."""
        return {case.name: case.changes for case in self.found.cases}

    @property
    def series(self) -> pd.DataFrame:
        """Everything recorded, by ``case`` and ``time``; one column a quantity, whose unit `units` gives.

        The time is in days from the start for a plant, and UTC where the record of a run is simulated. With several
        members of n the values are medians, and ``QUANTITY low`` and ``QUANTITY high`` their range; where f alone was
        simulated beside them, ``QUANTITY f alone`` is its value.
        """
        return self._by_case([self._columns(case) for case in self.found.cases])

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the quantities in `series`."""
        return {name: unit for case in self.found.cases for name, unit in case.record.units.items()}

    @property
    def indicators(self) -> pd.DataFrame:
        """What came out: a row an indicator, with its ``unit``, its ``description``, and one column a case.

        Of a fitted model with the range of the members, f alone and the differences, see `indicator_table`.
        """
        return indicator_table(self.found.cases).set_index("indicator")

    @property
    def states(self) -> pd.DataFrame | None:
        """States of the plant by ``case`` and ``time``, one column a state, such as ``tank_1.S_NH``.

        In the units of the kinetics table; None for a pure neural model, which has none.
        """
        if not self.found.cases[0].record.states.size:
            return None
        names = [plant.rows.names for plant in self.found.plants]
        frames = [
            dict(zip(own, c.record.states.T, strict=True)) for own, c in zip(names, self.found.cases, strict=True)
        ]
        return self._by_case(frames)

    @property
    def outside_hours(self) -> Mapping[str, float]:
        """Hours in which each case leaves what training saw; none of a plant."""
        return {case.name: case.outside_hours for case in self.found.cases if case.trust is not None}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may make figures wrong, a sentence each."""
        findings = (str(finding) for finding in self.found.findings)
        return (*findings, *effect_warnings(self.found.cases), *said(self.found.cases, "warnings"))

    @staticmethod
    def _columns(case: Case) -> dict[str, np.ndarray]:
        found = {}
        for name, values in case.record.columns.items():
            found[name] = values
            if case.low is not None and case.high is not None:
                low, high = case.low.columns[name], case.high.columns[name]
                if (high > low).any():
                    found |= {f"{name} low": low, f"{name} high": high}
            if case.alone is not None:
                found[f"{name} f alone"] = case.alone.record.columns[name]
        return found

    def _by_case(self, columns: Sequence[Mapping[str, np.ndarray]]) -> pd.DataFrame:
        frames = []
        for own, case in zip(columns, self.found.cases, strict=True):
            stamps = self.found.stamps(case.record.times)
            index = pd.Index(case.record.times, name="time") if stamps is None else stamps.rename("time")
            frames.append(pd.DataFrame(dict(own), index=index))
        return pd.concat(frames, keys=self.cases, names=["case"])

    @property
    def _title(self) -> str:
        return self.found.name

    @property
    def _rows(self) -> Sequence[Sequence[str]]:
        """Label, unit, and values of all cases, of the main indicators."""
        return [
            [unit_text(row.label), row.unit, *(number(v, 4) for v in row.values)] for row in main_rows(self.found.cases)
        ]

    @property
    def _notes(self) -> tuple[str, ...]:
        return tuple(f"{case}: {'; '.join(words)}" for case, words in self.changes.items() if words)

    def __repr__(self) -> str:
        rows = [f"  {label} [{unit}]: {', '.join(values)}" for label, unit, *values in self._rows[:SHOWN]]
        head = f"{type(self).__name__} {self._title}: {', '.join(self.cases)}"
        return "\n".join([head, *(f"  {text}" for text in self._notes), *rows])

    def _repr_html_(self) -> str:
        rows = [[label, *values, unit_text(unit)] for label, unit, *values in self._rows]
        header = ["", *self.cases, "Unit"]
        return card(
            f"Simulation of {self._title}",
            *(note(text) for text in self._notes),
            tabulated(header, rows[:SHOWN], self._caption(len(rows)), text=frozenset({0, len(header) - 1})),
            listed(self.warnings, "warning", "warnings"),
            note(str(self.folder)) if self.folder else "",
        )

    def _caption(self, count: int) -> str:
        return f"The first {SHOWN} of {count}" if count > SHOWN else ""
