"""What the command line shows of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from asm_hybrid.report.study_page import PAGE
from asm_hybrid.scenario.summary import NOTHING
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.noted import noted

__all__ = ["print_study"]

WIDTH_IN_FILES = 120
"""Columns of output that goes to a file or a pipe."""
SAID = 8
"""Sentences of one kind that are printed; the page has all."""


def print_study(result: StudyResult, folder: Path) -> None:
    """Print what a study gave: how figures are spread, what is to be said of its cases, and where the rest is.

    Parameters
    ----------
    result : StudyResult
        The study.
    folder : Path
        Its folder.
    """
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(width=WIDTH_IN_FILES, highlight=False)
    for factor in result.factors:
        console.print(f"{factor.name}: {factor.text}", markup=False)
    for note in result.notes:
        console.print(note, markup=False, soft_wrap=True)
    console.print()
    cases = f"{len(result.done)} cases" + (f", {len(result.failed)} more failed" if result.failed else "")
    console.print(f"Figures over {cases}", style="bold", markup=False)
    console.print(_table(result))
    _say(console, "failed", "bold red", [(o.case, (o.error,)) for o in result.failed])
    _say(console, "warning", "yellow", [(o.case, o.notes) for o in result.done])
    console.print(f"page: {folder / PAGE}", markup=False, soft_wrap=True)


def _table(result: StudyResult) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("figure", no_wrap=True)
    for head in ("unit", "base", "lowest", "5 %", "median", "95 %", "highest"):
        table.add_column(head, justify="right", no_wrap=True)
    base = result.base.figures if result.base is not None else {}
    for figure in result.figures:
        values = result.values(figure.name)
        values = values[np.isfinite(values)]
        spread = np.quantile(values, [0.0, 0.05, 0.5, 0.95, 1.0]) if values.size else [np.nan] * 5
        cells = [_shown(value) for value in (base.get(figure.name, np.nan), *spread)]
        table.add_row(escape(figure.name), escape(figure.unit), *cells)
    return table


def _shown(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    value = 0.0 if abs(value) <= NOTHING else value
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _say(console: Console, word: str, style: str, said: list[tuple[int, tuple[str, ...]]]) -> None:
    gathered = noted(said)
    for told in gathered[:SAID]:
        which = ", ".join(map(str, told.cases)) + (", …" if told.count > len(told.cases) else "")
        cases = f"{told.count} case{'s' if told.count > 1 else ''} ({which})"
        console.print(f"{word}, {cases}: {told.text}", style=style, markup=False)
    if len(gathered) > SAID:
        console.print(f"and {len(gathered) - SAID} more such sentences, which the page has", markup=False)
