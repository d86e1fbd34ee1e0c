"""What the page shows of a run, read in the process beside the server.

The server imports this module, but for its types alone; what needs torch is imported when a function is called.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from asm_hybrid.serve.run_view import Curve, PageSeries, RunView, Stretch

if TYPE_CHECKING:
    import pandas as pd

    from asm_hybrid.report.run_record import Summary

__all__ = ["compared", "read_run"]

MOST = 40_000
"""Samples of a series that are sent; a longer one is drawn with fewer that keep every peak."""
BLOCKS = {"train": "train", "validate": "validate", "test": "test"}
"""Blocks that are marked, by their names in the files."""
OUTSIDE = "outside of what training saw"
FADED = "n fades: far outside of training"
EACH = "%Y-%m-%dT%H:%M:%S"
REPORT, PICTURE = "report.html", "plot.svg"


def read_run(source: str) -> RunView:
    """Read a run.

    Parameters
    ----------
    source : str
        A run folder, a bundle, or a zip of either.

    Returns
    -------
    RunView

    Raises
    ------
    InputError
        When it holds no finished run, or a file is missing or is not the one that was written.
    """
    from asm_hybrid.jobs import EquationRun, open_run

    job = open_run(source)
    return _equations(job.result()) if isinstance(job, EquationRun) else _plant(job.fitted(), source)


def compared(sources: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[str]]:
    """Lay runs side by side, as ``asm-hybrid compare`` does.

    Parameters
    ----------
    sources : sequence of str
        Run folders, two or more.

    Returns
    -------
    (tuple of str, list of tuple of str, list of str)
        Headings, rows, and what is said of the runs.

    Raises
    ------
    InputError
        When they cannot be compared.
    """
    from asm_hybrid.jobs import open_run
    from asm_hybrid.report.compare import COLUMNS, compare_runs, told_apart
    from asm_hybrid.report.model_style import model_title
    from asm_hybrid.report.style import number, unit_text

    folders = [open_run(source).fitted() for source in sources]
    table = compare_runs(folders)
    runs = [name for name in table.columns if name not in COLUMNS]

    def cell(value: Any) -> str:
        return "–" if value is None or value != value else value if isinstance(value, str) else number(float(value))

    rows = [
        (
            " ".join(filter(None, (row["what"], row["variable"]))),
            unit_text(row["unit"]),
            model_title(row["model"]) if row["model"] else "",
            *(cell(row[name]) for name in runs),
        )
        for row in table.to_dict("records")
    ]
    return ("What", "Unit", "Model", *runs), rows, told_apart(folders)


def _equations(result: Any) -> RunView:
    """Return the run of a generic ODE: its text and its picture."""
    picture = result.picture  # checked
    return RunView(
        folder=str(result.folder),
        name=result.name,
        kind="equations",
        text=result.text.strip(),
        files=(picture.name,),
        notes=("This is the run of a generic ODE: it has no plant, no verdict and no diagnosis.",),
    )


def _plant(folder: Path, source: str) -> RunView:
    from asm_hybrid.manifest import read_manifest
    from asm_hybrid.notebook.run_result import RunResult
    from asm_hybrid.report import run_files
    from asm_hybrid.report.run_page import chapter_style, checked_facts, render_chapters
    from asm_hybrid.training.record_departures import record_departures

    RunResult(folder).refuse_stopped()
    facts = checked_facts(folder)
    summary = run_files.read_summary(folder)
    clock = run_files.display_zone(run_files.read_config(folder)[0])
    series, name, shown = _series(folder, summary, clock)
    left = record_departures(folder)
    stretches = [Stretch(BLOCKS[b], shown(a), shown(e)) for b, (a, e) in facts.blocks.items() if b in BLOCKS]
    for title, spans in ((OUTSIDE, left.outside), (FADED, left.faded)):
        stretches += [Stretch(title, shown(a), shown(e)) for a, e in spans]
    return RunView(
        folder=str(folder),
        name=summary.name,
        kind="plant",
        description=facts.description,
        facts=facts.head,
        chapters=render_chapters(folder),
        style=chapter_style(".ah-report"),
        clock=name,
        series=tuple(series),
        stretches=tuple(stretches),
        files=(REPORT,) if REPORT in read_manifest(folder) else (),
    )
