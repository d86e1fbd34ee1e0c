"""The commented config that ``asm-hybrid init`` writes."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["template_text", "write_template"]

FILE_NAME = "config.yaml"


def template_text() -> str:
    """Return the commented config.

    Returns
    -------
    str
        YAML.
    """
    return (files("asm_hybrid.config") / "templates" / FILE_NAME).read_text(encoding="utf-8")


def write_template(directory: str | Path) -> Path:
    """Write the commented config into a folder.

    Parameters
    ----------
    directory : path
        The folder; made when it does not exist.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    InputError
        If the folder has such a file already, or cannot be written.
    """
    target = Path(directory) / FILE_NAME
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as stream:
            stream.write(template_text())
    except FileExistsError:
        raise InputError(
            "the file exists already" if target.exists() else "the path is a file, not a folder",
            where=str(target),
            expected="a folder without a config.yaml",
            fix="choose another folder, or move the file away",
        ) from None
    except OSError as error:
        raise InputError(
            f"the folder cannot be written: {error.strerror or error}",
            where=str(target.parent),
            expected="a folder in which you may write",
        ) from None
    return target
