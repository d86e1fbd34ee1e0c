"""The workbook: parameters, the Gujer matrix with live rates, what was learnt, scores and indicators."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.export.workbook.book import model_workbook

__all__ = ["ENDING", "write_workbook"]

ENDING = "-model.xlsx"


def write_workbook(run: Path, stem: Path) -> list[str]:
    """Write the workbook of a run.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    stem : Path
        What the file is named by, without its ending.

    Returns
    -------
    list of str
        What the user should know of it.

    Raises
    ------
    InputError
        If a file of the run is missing or not the one that was written, or the run makes no workbook.
    """
    content, notes = model_workbook(run)
    write_bytes_atomic(stem.with_name(stem.name + ENDING), content)
    return notes
