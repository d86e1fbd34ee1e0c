"""The answers to standard changes as tables: f beside the run's own model, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.diagnosis.answers import DISAGREE, FADED, REVERSED
from asm_hybrid.report.style import number, unit_text

__all__ = ["AnswerCell", "AnswerRow", "AnswerTable", "answer_tables"]

_PER_TABLE = 5  # variables beside each other, at most
_NOTHING = 0.02  # of what is told from none: below it a figure is rounding to a reader
_STYLES = {REVERSED: "reversed", DISAGREE: "disagree", FADED: "faded"}


@dataclass(frozen=True)
class AnswerCell:
    """The answers of one variable to one step, as text.

    Attributes
    ----------
    f, own : str
        Answers of f and of the run's own model, with an arrow where they are told from none.
    spread : str
        Range of the seeds; empty with fewer than two.
    finding : str
        What is wrong with them; empty where nothing is.
    style : str
        CSS class of that; empty without.
    """

    f: str
    own: str
    spread: str
    finding: str
    style: str


@dataclass(frozen=True)
class AnswerRow:
    """One step of a change.

    Attributes
    ----------
    change : str
        What is changed; empty in the second of its rows.
    span : int
        Number of rows of the change; zero in the second.
    step : str
        The step.
    cells : tuple of AnswerCell
        One a variable.
    """

    change: str
    span: int
    step: str
    cells: tuple[AnswerCell, ...]


@dataclass(frozen=True)
class AnswerTable:
    """Answers of a few variables.

    Attributes
    ----------
    variables : tuple of (str, str)
        Name and unit of each.
    rows : tuple of AnswerRow
        The steps of all changes.
    """

    variables: tuple[tuple[str, str], ...]
    rows: tuple[AnswerRow, ...]


def answer_tables(frame: pd.DataFrame) -> list[AnswerTable]:
    """Return ``answers.csv`` as tables of text.

    Parameters
    ----------
    frame : DataFrame
        The file.

    Returns
    -------
    list of AnswerTable
        With about as many variables each.
    """
    names = list(dict.fromkeys(frame["variable"]))
    parts = np.array_split(np.arange(len(names)), -(-len(names) // _PER_TABLE))
    return [_table(frame, [names[i] for i in part]) for part in parts]


def _table(frame: pd.DataFrame, names: Sequence[str]) -> AnswerTable:
    units = dict(zip(frame["variable"], frame["unit"], strict=True))
    rows: list[AnswerRow] = []
    for change, steps in frame.groupby("change", sort=False):
        by_step = list(steps.groupby("step", sort=False))
        for k, (step, part) in enumerate(by_step):
            by_name = {row["variable"]: row for row in part.to_dict("records")}
            cells = tuple(_cell(by_name[name]) for name in names)
            shown = str(step).replace("-", "−").replace("degC", "°C")
            rows.append(AnswerRow("" if k else str(change), 0 if k else len(by_step), shown, cells))
    return AnswerTable(tuple((name, unit_text(units[name])) for name in names), tuple(rows))


def _cell(row: Mapping[Hashable, Any]) -> AnswerCell:
    low, high, finding = row["own_low"], row["own_high"], str(row["finding"])
    spread = f"{_signed(low, row['least'])} to {_signed(high, row['least'])}" if low < high else ""
    own = FADED if finding == FADED else _answer(row["own"], row["least"])
    return AnswerCell(_answer(row["f"], row["least"]), own, spread, finding, _STYLES.get(finding, ""))


def _answer(value: float, least: float) -> str:
    arrow = "▲ " if value > least else "▼ " if value < -least else ""
    return arrow + _signed(value, least)


def _signed(value: float, least: float) -> str:
    if not np.isfinite(value):
        return "–"
    if abs(value) <= _NOTHING * least:
        return "0"
    return ("+" if value > 0 else "") + number(value, 2)
