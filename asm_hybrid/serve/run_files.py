"""Which files of a run the browser may open, and how: never more than the few that are named here."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from fastapi import Response
from nicegui import app

from asm_hybrid.serve.program import Program

__all__ = ["file_address", "readable_file", "register"]

PATH = "/run-file"
TYPES = {"report.html": "text/html; charset=utf-8", "plot.svg": "image/svg+xml", "progress.png": "image/png"}
"""The files, and what they are."""
ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a file may do in the browser: be looked at. A run may come from a stranger."""


def file_address(folder: str | Path, name: str, version: float = 0.0) -> str:
    """Return the address of a file of a run.

    Parameters
    ----------
    folder : str or Path
        The run folder.
    name : str
        The file.
    version : float
        Changes with the file, so that the browser asks again.

    Returns
    -------
    str
    """
    return f"{PATH}?{urlencode({'folder': str(folder), 'name': name, 'version': version})}"


def readable_file(folder: str, name: str) -> Path | None:
    """Return a file of a run that may be opened.

    Parameters
    ----------
    folder, name : str
        As the browser asks for them.

    Returns
    -------
    Path or None
        None for any other file, for one that lies elsewhere by a link, and where the folder holds no run.
    """
    path = Path(folder) / name
    if name not in TYPES or "\0" in folder or not (Path(folder) / "config.yaml").is_file():
        return None
    try:
        inside = path.is_file() and path.resolve().parent == Path(folder).resolve()
    except OSError:
        return None
    return path if inside else None


def register(program: Program) -> None:
    """Register the address of the files.

    Parameters
    ----------
    program : Program
        What was opened.
    """

    @app.get(PATH)
    def _file(folder: str, name: str) -> Response:
        path = readable_file(folder, name)
        try:
            content = path.read_bytes() if path is not None else None
        except OSError:
            content = None
        headers = {"Content-Security-Policy": ALONE, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        if content is None:
            text = "There is no such file of a run: it was deleted or moved, or is not one that this page shows."
            return Response(text, status_code=404, media_type="text/plain", headers=headers)
        return Response(content, media_type=TYPES[name], headers=headers)
