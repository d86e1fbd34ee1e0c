"""Whether a table has a row for each value of each tag, and which of its columns hold what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.data.header_units import cell_unit
from asm_hybrid.data.words import plain_words, vocabulary
from asm_hybrid.proposal.shape import cell_kind
from asm_hybrid.proposal.statuses import GOOD

__all__ = ["LongForm", "find_long"]

VALUE = (
    "value",
    "values",
    "val",
    "wert",
    "messwert",
    "waarde",
    "valeur",
    "valor",
    "result",
    "pv",
    "数值",
    "值",
    "测量值",
)
MOST_TAGS = 5000
SHARE = 0.9


@dataclass(frozen=True)
class LongForm:
    """A table with a row for each value of each tag.

    Attributes
    ----------
    tag, value : int
        Positions of the columns of tags and values.
    section : dict
        The section ``long`` of the source.
    rows : dict of str to ndarray
        Positions of the rows of every tag.
    units, words : dict of str to str
        What columns beside say of a tag: its unit, its description.
    used : tuple of int
        Columns that are accounted for, apart from those of time.
    """

    tag: int
    value: int
    section: Mapping[str, Any]
    rows: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    words: Mapping[str, str]
    used: tuple[int, ...]


def find_long(header: Sequence[str], cells: pd.DataFrame) -> LongForm | None:
    """Return how a table tells tags and values, if it has a row for each value of each tag.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    cells : DataFrame
        The table, by position.

    Returns
    -------
    LongForm or None
        None for a table with a column for each variable.
    """
    if len(cells) < 4 or cells.shape[1] > 20:
        return None
    texts = [cells.iloc[:, i].map(lambda c: "" if pd.isna(c) else str(c).strip()) for i in range(cells.shape[1])]
    kinds = [_kind(text) for text in texts]
    values = [i for i, kind in enumerate(kinds) if kind == "number" and plain_words(header[i]) in VALUE]
    if len(values) != 1 or "stamp" not in kinds:
        return None
    stamps = texts[kinds.index("stamp")]
    tag = next((i for i, kind in enumerate(kinds) if kind == "word" and _tells_rows_apart(texts[i], stamps)), None)
    if tag is None:
        return None
    rows = {
        str(name): np.asarray(place)
        for name, place in texts[tag].reset_index(drop=True).groupby(texts[tag].to_numpy()).groups.items()
    }
    rows.pop("", None)
    section: dict[str, Any] = {"tag": header[tag], "value": header[values[0]]}
    used = [tag, values[0]]
    units: dict[str, str] = {}
    words: dict[str, str] = {}
    for i, text in enumerate(texts):
        if i in used or kinds[i] == "stamp":
            continue
        if vocabulary("status").find(plain_words(header[i])):
            good = [word for word in dict.fromkeys(text) if word and word.casefold() in GOOD]
            if good:
                section |= {"quality": header[i], "good": [int(word) if word.isdigit() else word for word in good]}
                used.append(i)
        elif kinds[i] == "word":
            said = {name: list(dict.fromkeys(text.iloc[place])) for name, place in rows.items()}
            is_unit = sum(all(map(cell_unit, cells)) for cells in said.values()) >= 0.5 * len(said)
            if is_unit or all(len(cells) == 1 for cells in said.values()):  # of several units of a tag none is known
                (units if is_unit else words).update({name: " and ".join(cells[:2]) for name, cells in said.items()})
                used.append(i)
    return LongForm(tag, values[0], section, rows, units, words, tuple(used))


def _kind(text: pd.Series) -> str:
    some = [cell_kind(cell) for cell in text[text != ""].head(500)]
    return max(set(some), key=some.count) if some else ""


def _tells_rows_apart(tags: pd.Series, stamps: pd.Series) -> bool:
    """Return whether rows of one stamp differ in their tag."""
    count = tags[tags != ""].nunique()
    if not 1 < count <= min(MOST_TAGS, len(tags) / 2):
        return False
    pairs = pd.Series(list(zip(tags, stamps, strict=True)))
    return bool(stamps.duplicated(keep=False).mean() >= 0.5 and not pairs.duplicated().mean() > 1 - SHARE)
