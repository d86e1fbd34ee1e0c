"""The public data sets, from Python."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from asm_hybrid.datasets.catalogue import find_set, load_catalogue, set_rows
from asm_hybrid.datasets.getting import FetchedSet, get_set
from asm_hybrid.paths import as_path

__all__ = ["get_data", "list_data"]


def list_data() -> pd.DataFrame:
    """Return the public data sets that the program knows.

    Returns
    -------
    DataFrame
        ``name``, ``title``, ``fit`` (what it is good for), ``period``, ``step``, ``size`` [byte], ``licence``,
        ``redistribution``, ``doi``, ``link``, and ``way``: how it gets here.
    """
    return pd.DataFrame(set_rows(load_catalogue()))


def get_data(name: str, out: str | Path | None = None, *, accept_licence: bool = False) -> FetchedSet:
    """Download a public data set from where it is published, and check it.

    Parameters
    ----------
    name : str
        A name of `list_data`.
    out : str or Path, optional
        Its folder; one of its name in the current folder without it.
    accept_licence : bool
        That you have read its terms and keep to them, where they restrict what may be done with it.

    Returns
    -------
    FetchedSet
        Folder, files with checksums, and what was done.

    Raises
    ------
    InputError
        If there is no such set, its terms are not accepted, or a file cannot be got or is another than described.
    """
    folder = None if out is None else as_path(out, "the path of a folder")
    return get_set(find_set(name, load_catalogue()), folder, accept=lambda _: accept_licence)
