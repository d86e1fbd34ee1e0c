"""What the command line shows of public data sets: the list, one of them, and how a download goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from asm_hybrid.datasets import download
from asm_hybrid.datasets.catalogue import find_set, load_catalogue, set_lines, size_text
from asm_hybrid.datasets.entries import Catalogue
from asm_hybrid.datasets.getting import get_set

__all__ = ["print_get", "print_sets"]

QUESTION = "Have you read these terms, and do you keep to them?"
COLUMNS = ("what", "good for", "step", "size", "licence", "how")
NARROW, LEFT_OUT = 110, ("step", "how")
"""Width below which the list leaves out columns, which stand in what is told of one set."""
WIDTH_IN_FILES = 120
"""Columns of output that goes to a file or a pipe."""


def print_sets(name: str | None) -> None:
    """Print the data sets, or all about one.

    Parameters
    ----------
    name : str or None
        The one.
    """
    catalogue = load_catalogue()
    if name is None:
        _print_all(catalogue)
    else:
        typer.echo("\n".join(set_lines(find_set(name, catalogue))))


def _print_all(catalogue: Catalogue) -> None:
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(width=WIDTH_IN_FILES, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("name", no_wrap=True)
    shown = [header for header in COLUMNS if console.width >= NARROW or header not in LEFT_OUT]
    for header in shown:
        table.add_column(header)
    for one in catalogue.sets:
        size = size_text(one.size) if one.files else ""
        cells = dict(zip(COLUMNS, (one.title, one.fit, one.step or "", size, one.licence.name, one.way), strict=True))
        table.add_row(one.name, *(cells[header] for header in shown))
    console.print(table)
    console.print(
        "All about one, with its DOI: asm-hybrid data list NAME. To get one: asm-hybrid data get NAME", markup=False
    )


def print_get(name: str, out: Path | None, accepted: bool) -> None:
    """Get a data set, and print what was done.

    Parameters
    ----------
    name : str
        The set.
    out : Path or None
        Its folder.
    accepted : bool
        Whether its terms are accepted already; else they are asked for at a terminal.
    """
    one = find_set(name, load_catalogue())
    console = Console(highlight=False)

    def accept(terms: str) -> bool:
        typer.echo(terms)
        return accepted or (console.is_terminal and typer.confirm(QUESTION))

    with _bars(console) as bars:
        found = get_set(one, out, accept=accept, progress=bars)
    typer.echo("\n".join(found.said))
    typer.echo(f"folder: {found.folder}" if found.files else "nothing was downloaded")


@contextmanager
def _bars(console: Console) -> Iterator[download.Progresses | None]:
    """Give what shows how downloads go on, at a terminal."""
    if not console.is_terminal:
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    bars = Progress(*columns, console=console, transient=True)

    def begin(name: str) -> download.Progress:
        bars.start()
        task = bars.add_task(name, total=None)
        return lambda come, total: bars.update(task, completed=come, total=total or None)

    try:
        yield begin
    finally:
        bars.stop()
