"""Scores of a run as CSV."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.export.format import Format, as_written, read_tables, refuse_occupied

__all__ = ["FORMAT"]


def _write(run: Path, out: Path) -> None:
    refuse_occupied(out)
    _, summary = read_tables(run)
    lines = ["block,variable,model,rmse"]
    with as_written("a list of scores", run):
        for block, variables in summary["scores"].items():
            for variable, models in variables.items():
                lines += [f"{block},{variable},{model},{score['rmse']}" for model, score in models.items()]
    write_text_atomic(out, "\n".join(lines) + "\n")


FORMAT = Format(name="scores", order=3, summary="the scores (CSV)", ending="-scores.csv", write=_write)
