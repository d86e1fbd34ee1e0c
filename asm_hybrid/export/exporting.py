"""Exporting a run in a format that is chosen by its name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.export.format import Format
from asm_hybrid.registry import discover

__all__ = ["available_formats", "export_run"]


@cache
def available_formats() -> Mapping[str, Format]:
    """Return the export formats by name, in order."""
    return discover("asm_hybrid.export.formats", "FORMAT", Format)


def export_run(run: str | Path, name: str = "bundle", out: str | Path | None = None) -> Path:
    """Export the fitted model of a run for use elsewhere.

    Parameters
    ----------
    run : str or Path
        A run folder of a plant, or a bundle.
    name : str
        Name of the format.
    out : str or Path, optional
        What to write; beside the run without it, under its name with the ending of the format.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    InputError
        If the format is not known, a file of the run is missing or differs from the manifest, or `out` holds something
        or cannot be written.
    """
    formats = available_formats()
    if name not in formats:
        raise InputError(
            f"the export format {name!r} is not known",
            expected="one of " + ", ".join(formats),
            fix=nearest(name, formats),
        )
    chosen, run = formats[name], Path(run)
    target = Path(out) if out is not None else run.resolve().with_name(run.resolve().name + chosen.ending)
    chosen.write(run, target)
    return target
