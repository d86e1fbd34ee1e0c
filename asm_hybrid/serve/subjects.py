"""What a user names, as far as it can be told without reading it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from asm_hybrid.artefacts import user_path
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.paths import available_layouts
from asm_hybrid.unpacked import is_zip

__all__ = ["check_subject", "is_run", "is_there", "plant_address"]


def check_subject(subject: str, folder: Path) -> str:
    """Refuse what is neither a shipped layout nor there at all; whether it can be used is found when it is read.

    Parameters
    ----------
    subject : str
        What the user named.
    folder : Path
        The folder from which paths hold.

    Returns
    -------
    str
        The same, with ``~`` replaced by the home folder.

    Raises
    ------
    InputError
        When there is no such thing.
    """
    layouts = available_layouts()
    path = user_path(subject)
    if subject not in layouts and not (subject and is_there(folder / path)):
        known = ", ".join(layouts)
        raise InputError(
            f"{subject!r} is no shipped layout, and there is no file or folder of this name",
            expected=f"one of {known}, the .yaml file of a plant or a config, or a run folder or bundle",
            fix=nearest(subject, layouts),
        )
    return str(path)


def is_run(subject: str, folder: Path) -> bool:
    """Return whether a subject is a run folder or a bundle, by what it looks like.

    Parameters
    ----------
    subject : str
        What the user named.
    folder : Path
        The folder from which paths hold.

    Returns
    -------
    bool
    """
    path = folder / subject
    return is_zip(path) or (path.is_dir() and (path / "config.yaml").is_file())


def plant_address(subject: str) -> str:
    """Return the address of the page of a plant.

    Parameters
    ----------
    subject : str
        What the user named.

    Returns
    -------
    str
    """
    return f"/plant?{urlencode({'of': subject})}"


def is_there(path: Path) -> bool:
    """Return whether there is a file or a folder; a name that is too long, or none at all, is that of nothing.

    Parameters
    ----------
    path : Path
        As the user named it.

    Returns
    -------
    bool
    """
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
