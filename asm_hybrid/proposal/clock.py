"""How a table tells the time: its columns, the format or the unit, and what it says of the zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.config.schema.timestamps import TimeSection
from asm_hybrid.data.clocks import check_clock, shifting_place
from asm_hybrid.data.findings import Place
from asm_hybrid.data.numbers import to_floats
from asm_hybrid.data.stamp_formats import fitting_formats, read_formatted, with_offset
from asm_hybrid.data.stamps import joined_columns, likely_unit, parse_stamps
from asm_hybrid.data.words import plain_words
from asm_hybrid.errors import InputError
from asm_hybrid.proposal.answers import IGNORED, Answers, Question
from asm_hybrid.proposal.shape import cell_kind
from asm_hybrid.text import same_name

__all__ = ["Clock", "find_clock"]

LOOK = 200
"""Cells of a column that are looked at to find that of time."""
MOST = 0.9
"""Share of them that have to be stamps."""
OFFSETS = 7500.0
"""Largest range of the differences of two columns of stamps that tell the same time in two zones, one with summer time
[s]."""
TIME_WORDS = re.compile(
    r"\b(?:time|times|timestamp|date|datetime|datum|zeit|zeitpunkt|zeitstempel|uhrzeit|tijd|tijdstip|heure|horodatage|"
    r"fecha|hora|data|dia|stamp|t|days|day|epoch|unix)\b|时间|日期|时刻"
)
FOLLOWS = "the logger follows summer time, so that its zone is a place"
SAYS_UTC = re.compile(r"\b(?:utc|gmt)\b")
ELAPSED = {"d": "d day days", "h": "h hour hours hr", "min": "min minute minutes", "s": "s sec second seconds"}
_UNIT_WORDS = {word: unit for unit, words in ELAPSED.items() for word in words.split()}


@dataclass(frozen=True)
class Clock:
    """How a table tells the time.

    Attributes
    ----------
    positions : tuple of int
        The column of time, or those of date and time.
    section : dict
        The section ``time`` of the source, as far as it is known.
    local : DatetimeIndex or None
        Stamps as the file writes them, or in UTC where it tells an offset; None where they cannot be read yet.
    notes : tuple of str
        What was understood, and by what evidence.
    questions : tuple of Question
        What has to be asked.
    """

    positions: tuple[int, ...]
    section: dict[str, Any]
    local: pd.DatetimeIndex | None = None
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass
class _Reading:
    """What is found out step by step."""

    header: list[str]
    section: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    @property
    def words(self) -> str:
        return plain_words(" ".join(self.header))


def find_clock(header: Sequence[str], cells: pd.DataFrame, decimal: str, answers: Answers, where: str) -> Clock:
    """Find out how a table tells the time.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    cells : DataFrame
        The table, by position.
    decimal : str
        Its decimal sign.
    answers : Answers
        What the user has said.
    where : str
        The table, for messages.

    Returns
    -------
    Clock

    Raises
    ------
    InputError
        If no column tells the time.
    """
    left_out = {i for i, name in enumerate(header) if answers.name(name) == IGNORED}
    positions = _positions(header, cells, decimal, left_out)
    if not positions:
        raise InputError(
            "no column tells the time",
            where=where,
            expected="a column of stamps such as 2023-02-20 00:15, of date and time, or of numbers headed 'time'",
            fix="name the column of time so that it can be told, such as 'time'",
        )
    reading = _Reading([header[i] for i in positions])
    reading.section["column"] = reading.header[0] if len(positions) == 1 else reading.header
    column = cells.iloc[:, list(positions)]
    local = _stamps(column, decimal, answers, reading, where)
    risen = local
    if local is not None and len(local) > 1 and local[::-1].is_monotonic_increasing and local[0] > local[-1]:
        risen = local[::-1]
        reading.notes.append("the newest row comes first")
    if "zone" not in reading.section and not _carries_offset(column, reading.section):
        _zone(risen, answers, reading)
    if local is not None:
        rows = column.iloc[:, 0].dropna().index
        others = {header[i]: cells.iloc[:, i] for i in range(len(header)) if i not in (*positions, *left_out)}
        for name, other in others.items():
            if len(rows) == len(local) and _kinds(other).get("stamp", 0) >= MOST and _own_clock(other, rows, local):
                reading.questions.append(_ask_clock(name, reading.header))
    return Clock(positions, reading.section, local, tuple(reading.notes), tuple(reading.questions))


def _own_clock(other: pd.Series, rows: pd.Index, local: pd.DatetimeIndex) -> bool:
    """Return whether a second column of stamps tells another time than the first, and not only by an offset."""
    filled = other.dropna()
    filled = filled[filled.astype(str).str.strip() != ""]
    if not filled.index.isin(rows).all():
        return True
    if not pd.api.types.is_datetime64_any_dtype(filled.dtype):
        text = filled.astype(str).str.strip()
        forms, carries = fitting_formats(text), with_offset(text)
        if not forms or carries.any() != carries.all():
            return False
        filled = read_formatted(text, forms[0], utc=_has_offset(forms[0], text))
    times = pd.DatetimeIndex(filled)
    first = pd.DatetimeIndex(local[rows.get_indexer(filled.index)])
    apart = (times.tz_localize(None) - first.tz_localize(None)).total_seconds()
    return bool(np.ptp(apart) > OFFSETS)


def _ask_clock(name: str, first: Sequence[str]) -> Question:
    text = (
        f"a second column of times beside {' + '.join(first)!r}, which tells others: do the columns beside it belong "
        "to it? Then they are a table of their own: put it into a file or sheet of its own"
    )
    option = f"--as '{name}={IGNORED}' if all columns belong to {' + '.join(first)!r}"
    return Question(name, text, "" if same_name(name) in map(same_name, first) else option)


def _kinds(column: pd.Series) -> dict[str, float]:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return {"stamp": 1.0}
    some = column.dropna().head(LOOK)
    kinds = [cell_kind(str(cell)) for cell in some]
    return {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)} if kinds else {}


def _positions(header: Sequence[str], cells: pd.DataFrame, decimal: str, left_out: set[int]) -> tuple[int, ...]:
    kinds = [{} if i in left_out else _kinds(cells.iloc[:, i]) for i in range(cells.shape[1])]
    stamps = [
        i for i, kind in enumerate(kinds) if kind.get("stamp", 0) + kind.get("clock", 0) >= MOST and "stamp" in kind
    ]
    clocks = [i for i, kind in enumerate(kinds) if kind.get("clock", 0) >= MOST]
    if stamps:
        utc = [i for i in stamps if SAYS_UTC.search(plain_words(header[i]))]
        chosen = (utc or stamps)[0]
        following = [i for i in clocks if i != chosen]
        if following and _dates_alone(cells.iloc[:, chosen]):
            return chosen, following[0]
        return (chosen,)
    named = [i for i, name in enumerate(header) if i not in left_out and TIME_WORDS.search(plain_words(name))]
    for i in named:
        numbers = to_floats(cells.iloc[:, i].dropna(), decimal)
        if numbers.size and np.isfinite(numbers).all() and (np.diff(numbers) >= 0).sum() >= 0.5 * (numbers.size - 1):
            return (i,)
    return ()


def _dates_alone(column: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return bool((column.dropna() == column.dropna().dt.normalize()).all())
    return not any(":" in str(cell) and "00:00:00" not in str(cell) for cell in column.dropna().head(LOOK))


def _stamps(
    column: pd.DataFrame, decimal: str, answers: Answers, reading: _Reading, where: str
) -> pd.DatetimeIndex | None:
    one = column.iloc[:, 0] if column.shape[1] == 1 else joined_columns(column)
    one = one.dropna()
    if pd.api.types.is_datetime64_any_dtype(one.dtype):
        reading.notes.append("dates of the file's own kind")
        return pd.DatetimeIndex(one)
    numbers = to_floats(one, decimal)
    if np.isfinite(numbers).all() and not _compact(one):
        return _numeric(one, numbers, decimal, answers, reading, where)
    text = one.astype(str).str.strip()
    if one.map(type).nunique() > 1:
        reading.questions.append(
            Question(
                reading.header[0],
                "some cells are dates of Excel and some are text, as where Excel read stamps of another country: their "
                "day and month are swapped; export the file again as CSV, without opening it in Excel",
            )
        )
        return None
    form = _format(text, answers, reading)
    if form is None:
        return None
    carries = with_offset(text)
    if carries.any() and not carries.all():
        some, others = text[carries].iloc[0], text[~carries].iloc[0]
        found = f"some stamps carry an offset from UTC, such as {some!r}, and others do not, such as {others!r}"
        reading.questions.append(Question(reading.header[0], f"{found}: write all in the same form"))
        return None
    reading.section["format"] = form
    stamps = read_formatted(text, form, utc=_has_offset(form, text))
    return pd.DatetimeIndex(stamps)


def _compact(column: pd.Series) -> bool:
    return bool(column.astype(str).str.fullmatch(r"(?:19|20)\d{6}(?:\d{4}|\d{6})?").all())


def _has_offset(form: str, text: pd.Series) -> bool:
    return "%z" in form or bool(form == "ISO8601" and with_offset(text).all())


def _carries_offset(column: pd.DataFrame, section: dict[str, Any]) -> bool:
    first = column.iloc[:, 0]
    if isinstance(first.dtype, pd.DatetimeTZDtype):
        return True
    return "format" in section and _has_offset(section["format"], first.dropna().astype(str).str.strip())


def _numeric(
    one: pd.Series, numbers: np.ndarray, decimal: str, answers: Answers, reading: _Reading, where: str
) -> pd.DatetimeIndex | None:
    """Read time that is a number: since 1970, days of a spreadsheet, or since a time that has to be asked for."""
    likely = likely_unit(numbers)
    if likely:
        unit, origin, zone_name = likely
        reading.section |= {"unit": unit, "origin": origin}
        what = f"numbers of this size are {unit} since {origin}"
        if zone_name:
            reading.section["zone"] = zone_name
            what += ", which are in UTC"
        reading.notes.append(what)
    else:
        unit = next((_UNIT_WORDS[w] for w in reversed(reading.words.split()) if w in _UNIT_WORDS), "")
        if answers.origin is None or not unit:
            reading.questions.append(
                Question(
                    reading.header[0],
                    f"time is a number, from {numbers.min():g} to {numbers.max():g}{' ' + unit if unit else ''}: which "
                    "stamp is zero"
                    + (
                        "?"
                        if unit
                        else ", and which unit (d, h, min, s) has it? Name it in the header, such as 'time [d]'"
                    ),
                    "--origin 'YYYY-MM-DD HH:MM'",
                )
            )
            return None
        reading.section |= {"unit": unit, "origin": answers.origin}
    plain = {"column": reading.header[0], "unit": unit, "origin": reading.section["origin"], "zone": "UTC"}
    time = TimeSection.model_validate(plain)
    place = Place(where, reading.header[0], "", np.asarray(one.index, dtype=np.int64))
    return parse_stamps(one.to_frame(), time, place, where, decimal).tz_localize(None)


def _format(text: pd.Series, answers: Answers, reading: _Reading) -> str | None:
    """Return the format of stamps; None where it has to be asked for."""
    fitting = fitting_formats(text)
    if not fitting:
        reading.questions.append(
            Question(reading.header[0], f"the stamps, such as {text.iloc[0]!r}, have no format that is known", "")
        )
        return None
    first = _order(fitting[0])
    other = [form for form in fitting if _order(form) != first]
    if not other:
        reading.notes.append(f"stamps such as {text.iloc[0]!r}" + _evidence(text, fitting[0]))
        return fitting[0]
    if answers.day_first is not None:
        wanted = "dm" if answers.day_first else "md"
        return next((form for form in fitting if _order(form) == wanted), fitting[0])
    orders = {_order(form): form for form in reversed(fitting)}
    smooth = {order: _in_order(text, form) for order, form in orders.items()}
    if sum(smooth.values()) == 1:
        order = next(o for o, yes in smooth.items() if yes)
        said = "day first" if order == "dm" else "month first"
        reading.notes.append(f"stamps such as {text.iloc[0]!r}, {said}: read otherwise, time goes back and forth")
        return orders[order]
    reading.questions.append(
        Question(
            reading.header[0],
            f"in {text.iloc[0]!r} day and month cannot be told apart, and no day of the file is above 12: which comes "
            "first?",
            "--day-first or --month-first",
        )
    )
    return None


def _order(form: str) -> str:
    return "".join(code[1] for code in re.findall(r"%[dm]", form)) if "%Y%m%d" not in form else ""


def _evidence(text: pd.Series, form: str) -> str:
    if _order(form) not in ("dm", "md") or form.startswith(("%Y", "%y")):
        return ""
    said, place = ("day first", 0) if _order(form) == "dm" else ("month first", 1)
    high = text[text.str.extract(r"^(\d{1,2})\D(\d{1,2})", expand=True)[place].astype(float) > 12]
    return f", {said}, as {high.iloc[0]!r} shows" if len(high) else f", {said}"


def _in_order(text: pd.Series, form: str) -> bool:
    """Return whether stamps read by a format run on without a jump that is far longer than usual."""
    step = np.diff(read_formatted(text, form, utc=False).to_numpy().astype("datetime64[s]").astype(np.int64))
    step = -step if np.median(step) < 0 else step
    back = int((step < 0).sum())
    if back > 1 or not step.size:
        return False
    return bool(step.max() <= max(20 * np.median(np.abs(step)), 86400 * 7))


def _zone(local: pd.DatetimeIndex | None, answers: Answers, reading: _Reading) -> None:
    """Set the zone that the user or the header tells, or ask for it with what the stamps show."""
    seen = summer_time(local) if local is not None else ""
    if seen:
        reading.notes.append(seen)
    if answers.zone is not None:
        reading.section["zone"] = answers.zone
    elif SAYS_UTC.search(reading.words):
        reading.section["zone"] = "UTC"
        reading.notes.append("the header says UTC")
    else:
        reading.questions.append(
            Question(
                " + ".join(reading.header),
                "in which time zone are the stamps? A place such as Europe/Amsterdam where the clock of the logger "
                "shifts in summer, an offset such as +01:00 where it does not, or UTC",
                "--zone ZONE",
                kind="zone",
            )
        )


def summer_time(local: pd.DatetimeIndex) -> str:
    """Return what stamps show of summer time.

    Parameters
    ----------
    local : DatetimeIndex
        Stamps without a zone, in the order of the file.

    Returns
    -------
    str
        A sentence; empty where they show nothing.
    """
    if local.tz is not None or len(local) < 3:
        return ""
    step = np.diff(local.as_unit("us").asi8) / 3.6e9
    for i in map(int, np.flatnonzero(step <= 0)):
        if step[i] >= -1.0:
            place = shifting_place(local[i + 1].round("s"), forward=False)
            if place:
                hour = f"the hour around {local[i + 1]:%Y-%m-%d %H:%M} stands twice"
                return f"{hour}, as where clocks go back, then in {place}: {FOLLOWS}"
    if (step <= 0).any():
        return ""
    found = check_clock(local.tz_localize("UTC"), "UTC", Place("", "", "", np.arange(len(local))))
    if found:
        return f"{found[0].message.split(';')[0]}: {FOLLOWS}"
    return ""
