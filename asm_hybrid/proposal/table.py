"""One table of a file: its shape, its clock, and its columns, as a source of a config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.data.limits import MAX_BYTES
from asm_hybrid.errors import InputError
from asm_hybrid.proposal.answers import Answers, Question
from asm_hybrid.proposal.clock import Clock, find_clock
from asm_hybrid.proposal.columns import Column, hold, propose_column
from asm_hybrid.proposal.grid import Grid
from asm_hybrid.proposal.longform import LongForm, find_long
from asm_hybrid.proposal.naming import meaning
from asm_hybrid.proposal.plants import KnownPlant
from asm_hybrid.proposal.shape import find_shape
from asm_hybrid.proposal.signs import find_signs
from asm_hybrid.proposal.statuses import with_statuses
from asm_hybrid.text import printable, same_name

__all__ = ["TableProposal", "interval", "propose_table"]


@dataclass(frozen=True)
class TableProposal:
    """What is proposed for a table.

    Attributes
    ----------
    grid : Grid
        The table.
    options : dict
        Keys of the source but file, time, missing and columns.
    clock : Clock
        How it tells the time.
    columns : tuple of Column
        All columns but those of time.
    rows : int
        Samples.
    notes : tuple of str
        What was understood of the table as a whole.
    asked : tuple of Question
        What has to be asked of the table as a whole.
    """

    grid: Grid
    options: Mapping[str, Any]
    clock: Clock
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...]
    asked: tuple[Question, ...] = ()

    @property
    def questions(self) -> list[Question]:
        """What has to be asked."""
        asked = [*self.clock.questions, *self.asked, *(c.question for c in self.columns if c.question)]
        if self.grid.size > MAX_BYTES:
            text = f"a source holds at most {MAX_BYTES // 1_000_000} MB: split the file, or save it as Parquet"
            asked.append(Question(str(self.grid.path), text))
        unknown = [c.header for c in self.columns if c.unknown]
        if unknown:
            about = ", ".join(repr(name) for name in unknown)
            option = f"--as '{unknown[0]}=NAME' or --as '{unknown[0]}=ignored'"
            asked.append(Question(about, "numbers under a name of which nothing is known: what is measured?", option))
        return asked

    @property
    def missing(self) -> list[float | str]:
        """Cells that stand for no value."""
        return list(dict.fromkeys(m for c in self.columns for m in c.missing))


def propose_table(grid: Grid, plant: KnownPlant, answers: Answers) -> TableProposal:
    """Propose a source for a table.

    Parameters
    ----------
    grid : Grid
        The table.
    plant : KnownPlant
        The plant.
    answers : Answers
        What the user has said.

    Returns
    -------
    TableProposal

    Raises
    ------
    InputError
        If it is no table of series.
    """

    def understood(name: str, unit: str) -> int:
        said = meaning(name, unit)
        return bool(said.quantities) + bool(said.streams or said.kinds)

    shape = find_shape(grid, understood)
    header, cells = grid.read(**shape.options)
    header = [printable(name) for name in header]
    if cells.empty:
        raise InputError("the file has no row of data", where=grid.label, expected="a header and rows")
    options = dict(grid.options) | shape.options
    notes = list(shape.notes)
    if grid.size:
        notes += [f"{grid.size / 1e6:.0f} MB: its begin, pieces of it and its end were read, {len(cells)} rows"]
        options.pop("last_row", None)
    signs = find_signs(cells, answers.decimal)
    options |= {"decimal": signs.decimal} if signs.decimal != "." else {}
    options |= {"thousands": signs.thousands} if signs.thousands else {}
    asked = () if not signs.doubt else (_ask_signs(header[signs.column], signs.doubt),)
    long = find_long(header, cells)
    if long is not None:
        return replace(_long_table(grid, options, header, cells, long, plant, answers), asked=asked)
    clock = find_clock(header, cells, signs.decimal, answers, grid.label)
    units = [*shape.units, *[""] * len(header)]
    columns = {
        i: propose_column(name, units[i], hold(cells.iloc[:, i], signs.decimal, signs.thousands), plant, answers)
        for i, name in enumerate(header)
        if i not in clock.positions and (name or cells.iloc[:, i].notna().any())
    }
    checked = _apart(with_statuses(columns, header, cells, clock.local), header)
    return TableProposal(grid, options, clock, tuple(checked), len(cells), tuple(notes), asked)


def _ask_signs(header: str, number: str) -> Question:
    text = (
        f"{number!r} may be a number with decimals or one above 999, and no cell of the file tells: which is the "
        "decimal sign?"
    )
    return Question(header, text, "--decimal . or --decimal ,")


def _long_table(
    grid: Grid,
    options: dict[str, Any],
    header: Sequence[str],
    cells: pd.DataFrame,
    long: LongForm,
    plant: KnownPlant,
    answers: Answers,
) -> TableProposal:
    """Propose a source for a table with a row for each value of each tag."""
    signs = options.get("decimal", "."), options.get("thousands", "")
    most = max(long.rows.values(), key=len)
    clock = find_clock(header, cells.iloc[most], signs[0], answers, grid.label)
    columns = [
        propose_column(
            tag,
            long.units.get(tag, ""),
            hold(cells.iloc[place, long.value].infer_objects(), *signs),
            plant,
            answers,
            long.words.get(tag, ""),
        )
        for tag, place in long.rows.items()
    ]
    left = [name for i, name in enumerate(header) if i not in (*long.used, *clock.positions)]
    columns += [Column(name, reason="no use of it in a table with a row for each value") for name in left]
    notes = (f"a row for each value of each of {len(long.rows)} tags",)
    return TableProposal(grid, {**options, "long": dict(long.section)}, clock, tuple(columns), len(cells), notes)


def _apart(columns: Sequence[Column], header: Sequence[str]) -> list[Column]:
    """Return columns, without a use for those that another one is named like."""
    names = Counter(map(same_name, header))
    out = []
    for column in columns:
        twice = names[same_name(column.header)] > 1
        if not column.header:
            column = replace(column, reason="it has no name", target="", question=None, unknown=False, missing=())
        elif twice and (column.target or column.question or column.unknown):
            why = f"{names[same_name(column.header)]} columns have this name: rename them in the file"
            column = replace(column, reason=why, target="", question=None, unknown=False, missing=())
        out.append(column)
    return out


def interval(clock: Clock) -> float:
    """Return the usual distance of samples.

    Parameters
    ----------
    clock : Clock
        What is known of the stamps.

    Returns
    -------
    float
        The median [d]; NaN where the stamps are not known.
    """
    if clock.local is None or len(clock.local) < 2:
        return np.nan
    step = np.diff(np.unique(clock.local.as_unit("us").asi8)) / 8.64e10
    return float(np.median(step))
