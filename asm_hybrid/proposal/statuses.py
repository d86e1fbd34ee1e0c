"""Columns that say of the values on their left whether they are good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from asm_hybrid.data.words import plain_words, vocabulary
from asm_hybrid.proposal.columns import Column

__all__ = ["GOOD", "with_statuses"]

GOOD = (
    *("good", "ok", "valid", "normal", "gut", "goed", "bon", "bonne", "valide", "bueno", "bom", "正常", "好", "192"),
    *("192.0", ""),
)
"""Words and numbers by which historians call a value good, and no word; 192 is that of OPC."""
MOST = 40
"""Most periods that are listed for a column."""


def with_statuses(
    columns: Mapping[int, Column], header: Sequence[str], cells: pd.DataFrame, local: pd.DatetimeIndex | None
) -> list[Column]:
    """Return columns with the periods that a status beside them does not call good.

    Parameters
    ----------
    columns : mapping of int to Column
        Columns by position.
    header : sequence of str
        Names of all columns.
    cells : DataFrame
        The table, by position.
    local : DatetimeIndex or None
        Its stamps, as the file writes them; None where they are not known.

    Returns
    -------
    list of Column
    """
    found = dict(columns)
    for i, status in columns.items():
        measured = found.get(i - 1)
        if measured is None or not measured.target or not vocabulary("status").find(plain_words(header[i])):
            continue
        words = cells.iloc[:, i].map(lambda cell: "" if pd.isna(cell) else str(cell).strip())
        bad = ~words.str.casefold().isin(GOOD).to_numpy()
        if bad.mean() > 0.5:
            found[i] = replace(
                status, notes=("which of its words mean a good value is not known: all values are used",)
            )
            continue
        if measured.holding is not None:
            bad &= np.isfinite(measured.holding.values)
        if bad.any():
            found[i - 1] = _without(measured, header[i], words[bad].iloc[0], bad, local)
    return [found[i] for i in sorted(found)]


def _without(column: Column, status: str, word: str, bad: np.ndarray, local: pd.DatetimeIndex | None) -> Column:
    """Return a column without the periods in which its values are not good."""
    said = f"{int(bad.sum())} values are not called good by {status!r}, as {word!r}"
    edges = np.diff(np.concatenate([[0], bad.astype(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    if local is None or len(local) != len(bad) or len(begins) > MOST:
        return replace(
            column, notes=(*column.notes, f"{said}: empty them in the file, since they are used as they are")
        )
    shown = local.strftime("%Y-%m-%d %H:%M:%S")
    pairs = (sorted((shown[int(a)], shown[int(b)])) for a, b in zip(begins, ends, strict=True))
    periods = tuple((begin, end) for begin, end in pairs)
    return replace(column, exclude=periods, notes=(*column.notes, f"{said}: left out"))
