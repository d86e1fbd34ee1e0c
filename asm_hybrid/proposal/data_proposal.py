"""What is proposed for files of series: as text, as YAML, as a config."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.check_text import check_data
from asm_hybrid.errors import InputError
from asm_hybrid.proposal.answers import Question
from asm_hybrid.proposal.columns import Column
from asm_hybrid.proposal.plants import Change, KnownPlant
from asm_hybrid.proposal.table import TableProposal, interval
from asm_hybrid.text import printable
from asm_hybrid.yamlfile import to_yaml

__all__ = ["DataProposal"]

HOUR, DEFAULT = 60.0, 15.0
"""Distance of knots that is proposed at most, and that of a config that says nothing [min]."""
STEPS = (1.0, 5.0, 10.0, 15.0, 30.0, HOUR)


@dataclass(frozen=True)
class DataProposal:
    """The ``data`` section that is proposed for files, and what has to be asked.

    Attributes
    ----------
    tables : tuple of TableProposal
        Files and sheets with series.
    sources : dict of str to TableProposal
        The same by the name of their source.
    plant : KnownPlant
        The plant beside which they stand.
    left_out : tuple of str
        Sheets that hold no series, and why.
    joined : tuple of Question
        Questions about several columns.
    """

    tables: tuple[TableProposal, ...]
    sources: Mapping[str, TableProposal]
    plant: KnownPlant
    left_out: tuple[str, ...]
    joined: tuple[Question, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """What only a person can answer; empty where the section is complete."""
        zones: list[Question] = []
        others: list[Question] = []
        for question in (q for table in self.tables for q in table.questions):
            (zones if question.kind == "zone" else others).append(question)
        return (*zones[:1], *others, *self.joined)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What has to change in the plant, since columns give it."""
        columns = [c for table in self.tables for c in table.columns if c.target]
        return tuple(change for column in columns for change in self.plant.changes(column.target))

    @cached_property
    def refused(self) -> tuple[str, ...]:
        """Why ``asm-hybrid check`` would refuse the data beside the plant.

        Empty where it would not, where there is no plant, where questions are open, and for files that are too large to
        be read as a whole.
        """
        if self.plant.file is None or self.questions or any(table.grid.size for table in self.tables):
            return ()
        try:
            config = load_config(self.config())
            table = load_kinetics(config)
            report = check_data(config, table, build_layout(config, table), config.name)
        except InputError as error:
            return (str(error),)
        failures = [] if report.failure is None else [str(report.failure)]
        return (*failures, *(f"{f.where}: {f.message}; {f.fix}" for f in report.findings if f.severity == "error"))

    @property
    def yaml(self) -> str:
        """The section ``data``, with what is not used as comments; paths hold from the current folder."""
        return self.section_text(Path())

    @property
    def text(self) -> str:
        """What was understood, what is asked, and the section."""
        lines = [line for name in self.sources for line in (*self._table_lines(name), "")]
        lines += [*self.left_out, *([""] if self.left_out else [])]
        if self.changes:
            lines += ["to be changed in the plant, since columns give it"]
            lines += [f"  {change}" for change in dict.fromkeys(map(str, self.changes))] + [""]
        if self.questions:
            lines += ["questions", *(f"  {line}" for q in self.questions for line in str(q).splitlines()), ""]
        if self.refused:
            lines += ["asm-hybrid check would refuse it"]
            lines += [f"  {line}" for why in self.refused for line in why.splitlines()] + [""]
        return "\n".join([*lines, self.yaml])

    def __str__(self) -> str:
        return self.text

    def config(self, folder: Path | None = None) -> dict[str, Any]:
        """Return a config: the plant, with what has to change, and the data.

        Parameters
        ----------
        folder : Path, optional
            Where it will stand; paths of files hold from there. The current folder without it.

        Returns
        -------
        dict
            Without a plant the section ``data`` alone.
        """
        content = copy.deepcopy(dict(self.plant.content))
        for change in self.changes:
            _apply(content, change)
        return {**content, "data": self.section(folder or Path())}

    def section(self, folder: Path) -> dict[str, Any]:
        """Return the section ``data``, for a config in a folder."""
        sources = {name: _source(table, folder) for name, table in self.sources.items() if _used(table)}
        minutes = self._interval()
        return ({"interval": f"{minutes:g} min"} if minutes != DEFAULT else {}) | {"sources": sources}

    def section_text(self, folder: Path) -> str:
        """Return the section ``data`` as YAML with comments, for a config in a folder."""
        return "\n".join(["data:", *_indented(self._data_lines(folder), 2), ""])

    def write(self, path: Path) -> Path:
        """Write a config, or the section ``data`` alone where there is no plant.

        Parameters
        ----------
        path : Path
            A file that is not there yet.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            If the file is there, or cannot be written.
        """
        if path.exists():
            raise InputError(
                f"{path} is there already",
                expected="a new file, so that nothing is lost",
                fix="name another file, or remove this one",
            )
        content = {key: value for key, value in self.config(path.parent).items() if key != "data"}
        head = to_yaml(content) + "\n" if content else ""
        asked = "".join(f"# {line}\n" for q in self.questions for line in f"to be answered: {q}".splitlines())
        return write_text_atomic(path, asked + head + self.section_text(path.parent))

    def _interval(self) -> float:
        """Return the distance of the knots [min]: that of the fastest input, as far as it is usual."""
        steps = [
            interval(table.clock) * 1440
            for table in self.tables
            if any(c.target and c.role != "observation" for c in table.columns)
        ]
        known = [step for step in steps if np.isfinite(step)]
        if not known:
            return DEFAULT
        return next((step for step in STEPS if step >= 0.99 * max(min(known), DEFAULT)), HOUR)

    def _data_lines(self, folder: Path) -> Iterator[str]:
        minutes = self._interval()
        if minutes != DEFAULT:
            yield f"interval: {minutes:g} min"
        if any(c.noise is not None for table in self.tables for c in table.columns if c.target):
            yield "# noise is an assumption: set it to the error of your sensors"
        yield "sources:"
        for name, table in self.sources.items():
            comment = "" if _used(table) else "# "
            if comment:
                yield f"  # {name}: no column of it can be used yet"
            yield from (f"  {comment}{line}" for line in _source_lines(name, table, folder))

    def _table_lines(self, name: str) -> list[str]:
        table = self.sources[name]
        local = table.clock.local
        lines = [f"{table.grid.label}, {table.rows} rows: source {name}"]
        how = ", ".join(f"{key} {value!r}" for key, value in table.options.items() if key != "sheet")
        lines += [f"  read with {how}"] if how else []
        lines += [f"  {note}" for note in table.notes]
        lines.append(f"  time: {table.clock.section['column']!r}; " + "; ".join(table.clock.notes))
        if local is not None and len(local):
            step = interval(table.clock) * 1440
            lines.append(
                f"  {local.min():%Y-%m-%d %H:%M} to {local.max():%Y-%m-%d %H:%M}, median interval {step:.4g} min"
                + ("" if table.grid.size else _gap_text(local))
            )
        rows: list[tuple[str, ...]] = [("column", "says", "stands for", "unit", "range", "gaps")]
        rows += [_row(column) for column in table.columns]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row, column in zip(rows, (None, *table.columns), strict=True):
            lines.append("  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
            lines += [f"      {note}" for note in (column.notes if column else ())]
        return lines


def _row(column: Column) -> tuple[str, ...]:
    gaps = ""
    if column.holding is not None and column.holding.values.size and column.span:
        gaps = f"{100 * float(np.isnan(column.holding.values).mean()):.1f} %"
    stands = column.target or f"not used: {column.reason}"
    return printable(column.header), column.says, stands, column.unit, column.span, gaps


def _gap_text(local: Any) -> str:
    step = np.diff(np.sort(local.as_unit("us").asi8)) / 8.64e10
    if not step.size:
        return ""
    long = step > max(4 * float(np.median(step)), 0.25)
    return f", {int(long.sum())} gaps, the longest {step.max():.2g} d" if long.any() else ", no gaps"


def _used(table: TableProposal) -> bool:
    return any(column.target for column in table.columns)


def _place(table: TableProposal, folder: Path) -> str:
    path = table.grid.path
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _source(table: TableProposal, folder: Path) -> dict[str, Any]:
    missing = {"missing": table.missing} if table.missing else {}
    return {
        "file": _place(table, folder),
        **table.options,
        "time": dict(table.clock.section),
        **missing,
        "columns": {column.header: _column(column) for column in table.columns if column.target},
    }


def _column(column: Column) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": column.role, "as": column.target, "unit": column.unit}
    plain |= {} if column.noise is None else {"noise": column.noise}
    return plain | ({"exclude": [list(period) for period in column.exclude]} if column.exclude else {})


def _source_lines(name: str, table: TableProposal, folder: Path) -> Iterator[str]:
    content = _source(table, folder)
    columns = content.pop("columns")
    yield f"{name}:"
    yield from _indented(to_yaml(content).splitlines(), 2)
    if "zone" not in table.clock.section and any(q.kind == "zone" for q in table.clock.questions):
        yield "  # time needs a zone: see the questions"
    yield "  columns:"
    for column in table.columns:
        if column.target:
            yield from _indented(to_yaml({column.header: columns[column.header]}).splitlines(), 4)
            yield from (f"      # {note}" for note in column.notes)
        else:
            yield f"    # {printable(column.header) or 'a column without a name'}: {column.reason}"


def _indented(lines: Sequence[str] | Iterator[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


def _apply(content: dict[str, Any], change: Change) -> None:
    """Change a key of a config."""
    here = content
    for key in change.keys[:-1]:
        here = here[key]
    if change.value is None:
        here.pop(change.keys[-1], None)
    else:
        here[change.keys[-1]] = change.value
