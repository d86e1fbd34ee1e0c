"""One column of a table: what it holds, what it stands for, and what is asked about it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place
from asm_hybrid.data.numbers import parse_numbers, to_floats
from asm_hybrid.data.sentinels import sentinels
from asm_hybrid.data.words import plain_words, vocabulary
from asm_hybrid.errors import InputError
from asm_hybrid.proposal.answers import IGNORED, Answers, Question
from asm_hybrid.proposal.naming import Meaning, meaning
from asm_hybrid.proposal.placing import Placed, place
from asm_hybrid.proposal.plants import KnownPlant
from asm_hybrid.proposal.usual import noise, usual
from asm_hybrid.units import conversion, without_substances

__all__ = ["Column", "Holding", "hold", "propose_column"]

Values = NDArray[np.float64]
SHOWN = 4
"""Words of a column that a message shows."""
MOSTLY = 0.5
"""Share of the cells that have to be numbers in a column of numbers."""
_DAMAGED = re.compile(r"=|[<>~±]?\s*[-+]?[.,]?\d")
"""How a cell begins that was meant to be a number, or a formula: it is no word for 'no value'."""
_PERIOD = re.compile(r"\b(?:1|2|5|10|15|20|30|60) ?min\b(?= |$)")
"""Minutes over which a logger takes means, as in ``NH4 15 min``."""
ASSUMED = "mg/L"
"""Unit of concentrations that tell none, where their values fit."""


@dataclass(frozen=True)
class Holding:
    """What the cells of a column hold.

    Attributes
    ----------
    values : float array, (row,)
        Numbers; NaN where there is none.
    words : dict of str to int
        Cells that are no numbers, and how often.
    sentinels : tuple of float
        Numbers that stand for no value.
    filled : int
        Cells that are not empty.
    limits : int
        Cells such as ``<0.05``, which tell a limit.
    """

    values: Values
    words: dict[str, int]
    sentinels: tuple[float, ...]
    filled: int
    limits: int = 0

    @property
    def numeric(self) -> bool:
        """Whether it is a column of numbers."""
        return self.filled > 0 and sum(self.words.values()) <= (1 - MOSTLY) * self.filled

    @property
    def constant(self) -> bool:
        """Whether all numbers are the same."""
        finite = self.values[np.isfinite(self.values)]
        return finite.size > 1 and bool(np.ptp(finite) == 0)


@dataclass(frozen=True)
class Column:
    """What is proposed for a column.

    Attributes
    ----------
    header : str
        Its name.
    says : str
        What its name says.
    target, role, unit : str
        As the config writes them; `target` is empty where it is not used.
    noise : float or None
        Error of an observation, in the unit of the column.
    reason : str
        Why it is not used.
    question : Question or None
        What has to be asked.
    notes : tuple of str
        What is assumed, or odd.
    span : str
        Its lowest and highest value.
    missing : tuple of float or str
        Cells that stand for no value.
    exclude : tuple of (str, str)
        Periods that a column of status does not call good.
    unknown : bool
        Whether it holds numbers under a name of which nothing is known.
    """

    header: str
    says: str = ""
    target: str = ""
    role: str = ""
    unit: str = ""
    noise: float | None = None
    reason: str = ""
    question: Question | None = None
    notes: tuple[str, ...] = ()
    span: str = ""
    missing: tuple[float | str, ...] = ()
    exclude: tuple[tuple[str, str], ...] = ()
    unknown: bool = False
    holding: Holding | None = field(default=None, repr=False, compare=False)


def hold(cells: pd.Series, decimal: str, thousands: str) -> Holding:
    """Read the cells of a column.

    Parameters
    ----------
    cells : Series
        As the file holds them.
    decimal, thousands : str
        Its decimal sign, and the sign between thousands.

    Returns
    -------
    Holding
    """
    empty = np.asarray(cells.isna(), dtype=bool)
    values, words, limits = to_floats(cells, decimal), Counter[str](), 0
    if (np.isnan(values) & ~empty).any():
        where = Place("", "", "", np.arange(len(cells)))
        values, beyond, _ = parse_numbers(cells, (), where, decimal=decimal, thousands=thousands, limits=True)
        limits = int((beyond != 0).sum())
        empty = empty | np.array([isinstance(cell, str) and not cell.strip() for cell in cells], dtype=bool)
        words.update(str(cell).strip() for cell in cells[np.isnan(values) & ~empty])
    certain = [found.rows for found in sentinels(values) if found.certain]
    absent = tuple(float(number) for rows in certain for number in np.unique(values[rows]))
    values = np.where(np.isin(values, absent), np.nan, values)
    return Holding(values, dict(words), absent, int((~empty).sum()), limits)


def propose_column(
    header: str, unit_cell: str, holding: Holding, plant: KnownPlant, answers: Answers, described: str = ""
) -> Column:
    """Propose what a column stands for.

    Parameters
    ----------
    header, unit_cell : str
        Its name, and what stands in the row of units.
    holding : Holding
        What its cells hold.
    plant : KnownPlant
        The plant.
    answers : Answers
        What the user has said.
    described : str
        What the file says of it beside its name.

    Returns
    -------
    Column
    """
    said = meaning(f"{header} {described}".strip(), unit_cell)
    given = answers.name(header)
    column = Column(header, _says(said), unit=said.unit.text if said.unit else "", span=_span(holding), holding=holding)
    if given == IGNORED:
        return replace(column, reason="left out by --as")
    if not holding.filled:
        return replace(column, reason="the column is empty")
    if not holding.numeric:
        return replace(column, reason=_text_reason(header, holding))
    if cell := next(filter(_DAMAGED.match, holding.words), ""):
        count = sum(holding.words.values())
        return replace(column, reason=f"{count} cells such as {cell[:30]!r} are no numbers; correct them in the file")
    column = replace(
        column,
        missing=(*holding.words, *holding.sentinels),
        notes=tuple(_missing_notes(holding)),
    )
    placed = Placed(given) if given else place(said, plant)
    if not given and placed and (what := _extreme(said.words)):
        return replace(column, reason=f"the {what}: no value of a time", missing=())
    if placed is None:
        if holding.constant or vocabulary("status").find(plain_words(header)):
            why = "nothing in its name is known, and all its values are the same" if holding.constant else "a status"
            return replace(column, reason=why, missing=())
        return replace(column, reason="nothing in its name is known", unknown=True, missing=())
    if placed.question:
        option = f"--as '{header}={placed.answer}', or --as '{header}={IGNORED}'"
        return replace(column, reason="not clear", question=Question(header, placed.question, option), missing=())
    fault = placed.reason or plant.fault(placed.target)
    if fault:
        if given:
            raise InputError(f"--as gives the column {header!r} the name {given!r}: {fault}")
        return replace(column, reason=fault, missing=())
    return _with_unit(column, said, placed.target, holding, plant, answers.unit(header))


def _extreme(words: str) -> str:
    """Return what a header says of a period that is no mean; empty where it says nothing of the kind."""
    found = vocabulary("statistics").find(_PERIOD.sub(" ", words))
    names = [f.name for f in found]
    return "" if "mean" in names else next(iter(names), "")


def _with_unit(column: Column, said: Meaning, target: str, holding: Holding, plant: KnownPlant, given: str) -> Column:
    """Find the unit of a column, and doubt it where its values are unusual."""
    internal, bounds = plant.unit(target), usual(target, plant.volume)
    stated = given or (said.unit.text if said.unit else "")
    notes = list(column.notes)
    values = holding.values[np.isfinite(holding.values)]
    if internal == "m3/d" and values.any():  # a pump may rest most of the time
        values = values[values != 0]
    median = float(np.median(values)) if values.size else np.nan
    if not stated and said.unread:
        text = f"the unit in {said.unread[:60]!r} is not known, and values around {median:.4g}: which unit?"
        return _ask_unit(column, text, "UNIT")
    if not stated:
        assumed = "degC" if target == "T" else ASSUMED if internal.startswith("g ") and internal.endswith("/m3") else ""
        if not assumed or not _fits(median, assumed, internal, bounds):
            return _ask_unit(column, f"it has no unit, and values around {median:.4g}: which unit?", internal)
        notes.append(f"no unit is stated; taken as {assumed}, which its values fit")
        stated = assumed
    unit, why = _convertible(stated, internal)
    if why:
        if given:
            raise InputError(f"--unit gives the column {column.header!r} the unit {given!r}: {why}")
        return replace(column, reason=f"in {stated}, which is no unit of {target}: {why}", missing=())
    if not given and not _fits(median, unit, internal, bounds):
        low, high = bounds or (0, 0)
        factor, offset = conversion(unit, internal)
        shown = f"values around {median:.4g} {unit} are doubtful for {said.quantity or target}"
        edges = f"{(low - offset) / factor:.3g} to {(high - offset) / factor:.3g} {unit}"
        return _ask_unit(column, f"{shown}, which is usually {edges}: which unit is right?", unit)
    if _plain_mass(unit) and internal.startswith(("g N/", "g P/")):
        notes.append(f"no substance is named in {unit}: taken as {internal[2]}")
    role = plant.role(target)
    if holding.limits and role != "observation":
        text = (
            f"{holding.limits} cells tell a limit, such as '<0.5'; what drives the plant has to be a number: write one"
        )
        return replace(column, reason="some cells tell a limit", question=Question(column.header, text), missing=())
    if holding.limits:
        notes.append(f"'<' or '>' in {holding.limits} cells: beyond that limit")
    error = _noise(target, unit, internal) if role == "observation" else None
    return replace(column, target=target, role=role, unit=unit, noise=error, notes=tuple(notes))


def _ask_unit(column: Column, text: str, example: str) -> Column:
    option = f"--unit '{column.header}={example}'"
    return replace(column, reason="its unit is not clear", question=Question(column.header, text, option), missing=())


def _convertible(stated: str, internal: str) -> tuple[str, str]:
    """Return the unit as the config takes it, or why it cannot."""
    try:
        conversion(stated, internal)
        return stated, ""
    except InputError as error:
        plain = without_substances(stated)
        try:
            conversion(plain, internal)
        except InputError:
            return stated, error.found
        if internal.startswith("g COD") and "O2" in stated:
            return plain, ""
        return stated, error.found


def _plain_mass(unit: str) -> bool:
    return without_substances(unit) == unit and "g/" in unit.replace(" ", "")


def _fits(median: float, unit: str, internal: str, bounds: tuple[float, float] | None) -> bool:
    if bounds is None or not np.isfinite(median):
        return True
    factor, offset = conversion(unit, internal)
    return bounds[0] <= median * factor + offset <= bounds[1]


def _noise(target: str, unit: str, internal: str) -> float:
    factor, _ = conversion(unit, internal)
    return float(f"{(noise(target) or 1.0) / factor:.2g}")


def _says(said: Meaning) -> str:
    places = ", ".join(p.replace("_", " ") for p in (*said.streams, *said.kinds))
    what = " and ".join(said.quantities) or "?"
    return f"{what} ({places})" if places else what


def _span(holding: Holding) -> str:
    finite = holding.values[np.isfinite(holding.values)]
    if not finite.size:
        return ""
    return f"{finite.min():.4g} … {finite.max():.4g}"


def _text_reason(header: str, holding: Holding) -> str:
    most = sorted(holding.words.items(), key=lambda pair: -pair[1])[:SHOWN]
    shown = ", ".join(f"{word[:20]!r} ({count})" for word, count in most)
    more = ", …" if len(holding.words) > SHOWN else ""
    what = "a status, in words" if vocabulary("status").find(plain_words(header)) else "words, no numbers"
    return f"{what}: {shown}{more}"


def _missing_notes(holding: Holding) -> list[str]:
    notes = [f"{word[:20]!r} in {count} cells: no value" for word, count in list(holding.words.items())[:SHOWN]]
    return notes + [f"{number:g} is a logger's word for 'no value'" for number in holding.sentinels]
