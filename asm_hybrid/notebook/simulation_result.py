"""A simulation as a notebook sees it, of a plant or with a fitted model: all cases in data frames of one shape."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from asm_hybrid.cards import card, listed, note, tabulated
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.scenario.plants import BASE, PlantScenarios, indicator_table
from asm_hybrid.scenario.run_scenario import ScenarioResult
from asm_hybrid.scenario.summary import main_rows, said

__all__ = ["FittedSimulation", "PlantSimulation", "Simulation"]

SHOWN = 20
"""Rows of a table that are shown."""


class Simulation(ABC):
    """A base case, and what scenarios make of it.

    Attributes
    ----------
    folder : Path or None
        Where files were written; None where nothing was.
    """

    folder: Path | None

    @property
    @abstractmethod
    def cases(self) -> tuple[str, ...]:
        """Names of the cases, ``base`` first."""

    @property
    @abstractmethod
    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """What each case changes, in words."""

    @property
    @abstractmethod
    def series(self) -> pd.DataFrame:
        """Everything recorded, by ``case`` and ``time``; one column a quantity, whose unit `units` gives.

        The time is in days from the start for a plant, and UTC for a fitted model.
        """

    @property
    @abstractmethod
    def units(self) -> Mapping[str, str]:
        """Units of the quantities in `series`."""

    @property
    @abstractmethod
    def indicators(self) -> pd.DataFrame:
        """What came out: a row an indicator, with its ``unit``, its ``description``, and one column a case."""

    @property
    @abstractmethod
    def states(self) -> pd.DataFrame | None:
        """States of the plant by ``case`` and ``time``, one column a state, such as ``tank_1.S_NH``.

        In the units of the kinetics table; None for a pure neural model, which has none.
        """

    @property
    @abstractmethod
    def warnings(self) -> tuple[str, ...]:
        """What may make figures wrong, a sentence each."""

    @property
    @abstractmethod
    def _title(self) -> str: ...

    @property
    @abstractmethod
    def _rows(self) -> Sequence[Sequence[str]]:
        """Label, unit, and values of all cases, of the main indicators."""

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


@dataclass(frozen=True, repr=False, eq=False)
class PlantSimulation(Simulation):
    """The simulation of a plant; see `Simulation` for what all have.

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
        """Everything recorded every 15 min, by ``case`` and ``time`` [d]; one column a quantity."""
        frames = [
            pd.DataFrame(dict(c.record.columns), index=pd.Index(c.record.times, name="time")) for c in self.found.cases
        ]
        return pd.concat(frames, keys=self.cases, names=["case"])

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the quantities in `series`."""
        return dict(self.found.cases[0].record.units)

    @property
    def indicators(self) -> pd.DataFrame:
        """Indicators from the day on at which they count, by name: ``unit``, ``description``, and one column a case."""
        return indicator_table(self.found.cases).set_index("indicator")

    @property
    def states(self) -> pd.DataFrame:
        """States of the plant by ``case`` and ``time`` [d], in the units of the kinetics table."""
        names = self.found.plant.rows.names
        frames = [
            pd.DataFrame(c.record.states, columns=names, index=pd.Index(c.record.times, name="time"))
            for c in self.found.cases
        ]
        return pd.concat(frames, keys=self.cases, names=["case"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may make figures wrong, a sentence each."""
        return (*(str(finding) for finding in self.found.findings), *said(self.found.cases, "warnings"))

    @property
    def _title(self) -> str:
        return self.found.name

    @property
    def _rows(self) -> Sequence[Sequence[str]]:
        return [
            [unit_text(row.label), row.unit, *(number(v, 4) for v in row.values)] for row in main_rows(self.found.cases)
        ]


@dataclass(frozen=True, repr=False, eq=False)
class FittedSimulation(Simulation):
    """Scenarios of a fitted model; see `Simulation` for what all have.

    Attributes
    ----------
    run : Path
        The run.
    found : tuple of ScenarioResult
        One a scenario.
    folder : Path or None
        Where files were written; None where nothing was.
    """

    run: Path
    found: tuple[ScenarioResult, ...]
    folder: Path | None = None

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases, ``base`` first."""
        return (BASE, *(case.name for case in self.found))

    @property
    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """What each case changes, in words."""
        return {BASE: (), **{case.name: case.changes for case in self.found}}

    @property
    def series(self) -> pd.DataFrame:
        """Quantities over the period by ``case`` and ``time`` (UTC): medians of the seeds.

        Where a run has several seeds, ``QUANTITY low`` and ``QUANTITY high`` are their range.
        """
        frames = [_own(self.found[0], BASE), *(_own(case, "scenario") for case in self.found)]
        return pd.concat(frames, keys=self.cases, names=["case"])

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the quantities in `series`."""
        table = self.found[0].table
        return dict(zip(table["quantity"], table["unit"], strict=True))

    @property
    def indicators(self) -> pd.DataFrame:
        """Means over the period by quantity: ``unit``, ``description``, and one column a case."""
        first = self.found[0].table.set_index("quantity")
        means = {case.name: case.table.set_index("quantity")["scenario"] for case in self.found}
        weighted = [
            "mean, weighted by flow" if name.startswith("effluent.") else "mean in time" for name in first.index
        ]
        return first[["unit"]].assign(description=weighted, base=first["base"], **means)

    @property
    def states(self) -> pd.DataFrame | None:
        """States of the plant, of the best seed, by ``case`` and ``time`` (UTC), in the units of the kinetics table."""
        found = [case.states for case in self.found if case.states is not None]
        if not found:
            return None
        return pd.concat([found[0][0], *(own for _, own in found)], keys=self.cases, names=["case"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may make figures wrong, a sentence each, and for how long the trained range is left."""
        left = tuple(
            f"{case.name}: outside its trained range for {number(case.outside_hours)} h"
            for case in self.found
            if case.outside_hours
        )
        return (*left, *dict.fromkeys(text for case in self.found for text in case.warnings))

    @property
    def _title(self) -> str:
        return str(self.run)

    @property
    def _rows(self) -> Sequence[Sequence[str]]:
        table = self.indicators
        values = table[list(self.cases)].to_numpy(dtype=float)
        names, units = table.index, table["unit"]
        return [
            [str(name), str(unit), *(number(v, 4) for v in row)]
            for name, unit, row in zip(names, units, values, strict=True)
        ]


def _own(case: ScenarioResult, which: str) -> pd.DataFrame:
    """Return the columns of the base case, or of the scenario, under their quantities."""
    times = pd.Index(pd.to_datetime(case.series["time"], utc=True, format="ISO8601"), name="time")
    endings = {f" {which}": "", f" {which} low": " low", f" {which} high": " high"}
    columns = {
        name.removesuffix(end) + new: case.series[name].to_numpy()
        for name in case.series.columns
        for end, new in endings.items()
        if name.endswith(end)
    }
    return pd.DataFrame(columns, index=times)
