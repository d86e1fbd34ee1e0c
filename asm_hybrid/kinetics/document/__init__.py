"""The documentation of a table, from the table itself: Gujer matrix, rates, components, parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.document.latex import latex_text
from asm_hybrid.kinetics.document.markdown import markdown_text
from asm_hybrid.kinetics.document.page import html_text
from asm_hybrid.kinetics.document.table_checks import check_text
from asm_hybrid.kinetics.document.table_record import json_text, table_record
from asm_hybrid.kinetics.document.text import gujer_text
from asm_hybrid.kinetics.table import Table

__all__ = ["FORMATS", "check_text", "document_table", "format_of", "gujer_text", "table_record"]

FORMATS: dict[str, Callable[[Table], str]] = {
    "text": gujer_text,
    "markdown": markdown_text,
    "html": html_text,
    "latex": latex_text,
    "json": json_text,
}
"""What writes a table, by format."""

_SUFFIXES = {".md": "markdown", ".html": "html", ".htm": "html", ".tex": "latex", ".json": "json"}


def format_of(path: Path) -> str:
    """Return the format that the end of a file's name stands for.

    Parameters
    ----------
    path : Path
        The file, which need not exist.

    Returns
    -------
    str
        One of `FORMATS`; ``"text"`` where the end stands for none.
    """
    return _SUFFIXES.get(path.suffix.lower(), "text")


def document_table(table: Table, form: str = "text") -> str:
    """Return the documentation of a table.

    Parameters
    ----------
    table : Table
        The reactions.
    form : str
        One of `FORMATS`.

    Returns
    -------
    str
        The document, without a line end behind it.

    Raises
    ------
    InputError
        For a format that is not known.
    """
    if form not in FORMATS:
        raise InputError(
            f"the format {form!r} is not known",
            where="--format",
            expected=", ".join(FORMATS),
            fix=nearest(form, FORMATS),
        )
    return FORMATS[form](table).rstrip("\n")
