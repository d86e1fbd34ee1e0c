"""What the command line shows of an optimisation."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from asm_hybrid.optimisation.result import Optimum
from asm_hybrid.report.optimisation_page import PAGE
from asm_hybrid.report.optimisation_words import said, verdict

__all__ = ["print_optimum"]

WIDTH_IN_FILES = 120
"""Columns of output that goes to a file or a pipe."""
STYLES = {"win": "bold green", "mixed": "bold yellow", "loss": "bold red"}


def print_optimum(result: Optimum, folder: Path) -> None:
    """Print what an optimisation gave: what may be claimed, decisions, limits, and where the rest is.

    Parameters
    ----------
    result : Optimum
        The optimisation.
    folder : Path
        Its folder.
    """
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(width=WIDTH_IN_FILES, highlight=False)
    kind, title, text = verdict(result)
    console.print(title, style=STYLES[kind], markup=False)
    console.print(text, markup=False)
    for line in said(result):
        console.print(f"{line}.", markup=False, soft_wrap=True)
    if result.factors:
        table = _table("decision", "present", "optimum", "unit")
        for factor in result.factors:
            before = result.present.get(factor.name)
            value = result.decisions[factor.name]
            shown = value if isinstance(value, str) else f"{value:.4g}"
            table.add_row(escape(factor.name), "–" if before is None else f"{before:.4g}", escape(shown), factor.unit)
        console.print(table)
    if result.limits:
        table = _table("limit", "at most", "present", "optimum", "unit", "")
        for limit in result.limits:
            numbers = [f"{value:.4g}" for value in (limit.bound, limit.present, limit.optimum)]
            table.add_row(escape(limit.name), *numbers, limit.unit, "kept" if limit.kept else "exceeded")
        console.print(table)
    console.print(f"page: {folder / PAGE}", markup=False, soft_wrap=True)


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for k, head in enumerate(heads):
        table.add_column(head, justify="right" if 0 < k < len(heads) - 1 and head != "unit" else "left", no_wrap=True)
    return table
