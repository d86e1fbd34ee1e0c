"""The ``data`` section for files that nobody has described."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from asm_hybrid.config.schema.timestamps import TimeSection
from asm_hybrid.errors import InputError, readable
from asm_hybrid.proposal.answers import IGNORED, Answers, Question
from asm_hybrid.proposal.columns import Column
from asm_hybrid.proposal.data_proposal import DataProposal
from asm_hybrid.proposal.grid import open_grids
from asm_hybrid.proposal.plants import known_plant
from asm_hybrid.proposal.table import TableProposal, propose_table
from asm_hybrid.text import same_name
from asm_hybrid.yamlfile import YamlSource

__all__ = ["propose"]


def propose(files: Sequence[Path], plant: YamlSource | None, answers: Answers) -> DataProposal:
    """Look at files of series, and propose the ``data`` section of a config.

    Parameters
    ----------
    files : sequence of Path
        CSV, Excel or Parquet files.
    plant : str, Path, mapping or None
        The plant, a config, or a shipped layout, by which places are told.
    answers : Answers
        What the user has said.

    Returns
    -------
    DataProposal

    Raises
    ------
    InputError
        If a file is none of series, or an answer fits nothing.
    """
    _check(answers)
    known = known_plant(plant)
    tables: list[TableProposal] = []
    left_out: list[str] = []
    for path in files:
        grids = open_grids(path)
        for grid in grids:
            try:
                tables.append(propose_table(grid, known, answers))
            except InputError as error:
                if len(grids) == 1:
                    raise
                left_out.append(f"{grid.label}: left out: {error.found}")
    if not tables:
        raise InputError(
            "no sheet holds a table of series",
            where=str(files[0]) if files else None,
            expected="a table with a row for each time",
            fix="; ".join(left_out) or None,
        )
    headers = [column.header for table in tables for column in table.columns]
    for option, given in (("--as", answers.names), ("--unit", answers.units)):
        for name in given:
            if same_name(name) not in map(same_name, headers):
                raise InputError(
                    f"{option} names the column {name!r}, and no file has it",
                    expected="a column as it is listed: " + ", ".join(map(repr, headers[:20])),
                )
    joined, questions = _joined(tables)
    return DataProposal(
        tuple(joined), dict(zip(_names(joined), joined, strict=True)), known, tuple(left_out), tuple(questions)
    )


def _check(answers: Answers) -> None:
    """Refuse a zone, an origin or a decimal sign that a config would refuse."""
    if answers.decimal not in (None, ".", ","):
        raise InputError(f"--decimal {answers.decimal!r} cannot be used", expected="a point or a comma")
    for key, value, option in (("zone", answers.zone, "--zone"), ("origin", answers.origin, "--origin")):
        if value is not None:
            with readable(f"{option} {value!r} cannot be used", expected="see docs/config.md, stamps and zones"):
                TimeSection.model_validate({"column": "t", "unit": "d", "origin": "2000-01-01"} | {key: value})


def _joined(tables: Sequence[TableProposal]) -> tuple[list[TableProposal], list[Question]]:
    """Return tables in which every input is given once, and what is asked where several columns give it."""
    one_after_another = _one_after_another(tables)
    if one_after_another:
        return list(tables), [one_after_another]
    givers: dict[str, list[Column]] = {}
    for column in (c for table in tables for c in table.columns if c.target and c.role != "observation"):
        givers.setdefault(column.target, []).append(column)
    observed = Counter(c.target for table in tables for c in table.columns if c.target and c.role == "observation")
    questions, twice = [], set()
    for target, columns in givers.items():
        if len(columns) > 1:
            twice.add(target)
            names = [column.header for column in columns]
            options = ", ".join(f"--as '{name}={IGNORED}'" for name in names)
            text = f"{len(names)} columns stand for {target}: which is to be used? Leave the others out"
            questions.append(Question(", ".join(map(repr, names)), text, options))

    def kept(column: Column) -> Column:
        if column.target in twice and column.role != "observation":
            return replace(column, target="", reason=f"several columns stand for {column.target}", missing=())
        if column.role == "observation" and observed[column.target] > 1:
            note = f"{observed[column.target]} columns stand for {column.target}: each is taken for a sensor of its own"
            return replace(column, notes=(*column.notes, note))
        return column

    return [replace(table, columns=tuple(map(kept, table.columns))) for table in tables], questions


def _one_after_another(tables: Sequence[TableProposal]) -> Question | None:
    """Return what is said of files with the same columns, one after another in time."""
    used = [tuple(sorted(c.target for c in table.columns if c.target)) for table in tables]
    alike = [t for t, targets in zip(tables, used, strict=True) if targets and used.count(targets) > 1]
    if len(alike) < 2 or any(table.clock.local is None for table in alike):
        return None
    spans = sorted((t.clock.local.min(), t.clock.local.max(), t.grid.label) for t in alike if t.clock.local is not None)
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        return None
    names = ", ".join(label for _, _, label in spans)
    text = "these hold the same columns, one after another in time; a source is one file: put their rows into one"
    return Question(names, text)


def _names(tables: Iterable[TableProposal]) -> list[str]:
    """Return names of the sources, by file and sheet."""
    names: list[str] = []
    for table in tables:
        stem = str(table.grid.options.get("sheet") or table.grid.path.stem)
        plain = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_").lower() or "source"
        name, count = plain, 2
        while name in names:
            name, count = f"{plain}_{count}", count + 1
        names.append(name)
    return names
