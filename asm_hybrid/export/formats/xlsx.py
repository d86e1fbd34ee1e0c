"""The workbook: parameters, the Gujer matrix with live rates, what was learnt, scores and indicators."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import write_bytes_atomic
from asm_hybrid.export.format import Format, Source
from asm_hybrid.export.workbook.book import model_workbook

__all__ = ["FORMAT"]


def _write(source: Source, stem: Path) -> list[str]:
    """Write the workbook of a run."""
    run = source.run
    content, notes = model_workbook(run)
    write_bytes_atomic(stem.with_name(f"{stem.name}{FORMAT.endings[0]}"), content)
    return notes


FORMAT = Format(
    name="xlsx",
    order=1,
    summary="a workbook: parameters, Gujer matrix with live rates at a state that you type, what was learnt, scores",
    endings=("-model.xlsx",),
    write=_write,
    opens="open {path} in Excel or LibreOffice",
)
