"""From the header of a file to the columns that a config uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.text import printable, same_name
from asm_hybrid.yamlfile import to_yaml

__all__ = ["PREVIEW", "Choose", "Rows", "chooser", "grouped", "used_headers"]

Rows = Sequence[tuple[int, Sequence[str]]]
"""Numbers and cells of the first rows of a file."""
Choose = Callable[[Sequence[str], Rows], list[int]]
"""Of the header, and the first rows of the file, the positions of the used columns."""

PREVIEW = 30
"""Rows at the begin of a file among which the header is sought."""
SHOWN = 100
"""Longest header that a message offers."""
SHOWN_OTHERS = 8
"""Most headers that a message lists."""


def grouped(header: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Return headers with the group that each stands in before it.

    Parameters
    ----------
    header : sequence of str
        Cells of the header.
    groups : sequence of str
        Cells of the row above that names groups; an empty one belongs to the group on its left, as under merged cells.

    Returns
    -------
    list of str
        A column without a name has that of a group which stands right above it, as in cells that are merged upwards, or
        none.
    """
    names, group = [], ""
    for i, name in enumerate(header):
        above = groups[i].strip() if i < len(groups) else ""
        group = above or group
        names.append(f"{group} {name}".strip() if name else above)
    return names


def used_headers(source: SourceSection) -> list[str]:
    """Return the headers that are read.

    Parameters
    ----------
    source : SourceSection
        One source of a config.

    Returns
    -------
    list of str
        Those of time first, then those that are not ignored.
    """
    return [*source.time.columns, *_value_keys(source)]


def _value_keys(source: SourceSection) -> dict[str, tuple[str, str]]:
    """Return the headers that are read apart from those of time, with the keys that name them."""
    if source.long is not None:
        return {header: ("long", key) for key, header in source.long.headers.items()}
    return {header: ("columns", header) for header, column in source.columns.items() if column.role != "ignored"}


def _unread_keys(source: SourceSection) -> dict[str, tuple[str, str]]:
    """Return the headers that are not read, but have to be there."""
    if source.long is not None:
        return {}
    return {header: ("columns", header) for header, column in source.columns.items() if column.role == "ignored"}


def chooser(config: Config, name: str, path: Path) -> Choose:
    """Return the function that finds the columns of one source in a header.

    Headers are compared by `same_name`, so that they may differ in spaces and in the form of their characters.

    Parameters
    ----------
    config : Config
        The config.
    name : str
        The source.
    path : Path
        The file.

    Returns
    -------
    callable
        Raises `InputError` for a column that is missing or stands twice.
    """
    source = config.data.sources[name]

    def choose(header: Sequence[str], preview: Rows) -> list[int]:
        plain = [same_name(h) for h in header]
        keys = {h: ("time", "column") for h in source.time.columns}
        for column, key in (_value_keys(source) | _unread_keys(source)).items():
            keys.setdefault(column, key)
        for column, key in keys.items():
            places = [i for i, h in enumerate(plain) if h == same_name(column)]
            where = config.where("data", "sources", name, *key)
            if not places:
                raise _missing(column, header, preview, source, path, where)
            if len(places) > 1 and column in used_headers(source):
                raise _twice(column, [header[i] for i in places], places, path, where)
        return [plain.index(same_name(column)) for column in used_headers(source)]

    return choose


def _missing(
    column: str, header: Sequence[str], preview: Rows, source: SourceSection, path: Path, where: str
) -> InputError:
    wanted = {same_name(h) for h in (*used_headers(source), *_unread_keys(source))}
    if source.long is not None and (there := [h for h in source.columns if same_name(h) in map(same_name, header)]):
        return InputError(
            f"{path} has no column {column!r}, but a column {there[0]!r}: it has a column for each variable",
            where=where,
            expected="with 'long', a row for each value of each tag",
            fix="remove 'long' from the source",
        )
    if source.long is None and (tag := printable(_tag_column(wanted, header, preview, source))):
        others = [printable(h) for h in header if same_name(h) not in wanted and printable(h) != tag]
        section = to_yaml({"long": {"tag": tag, "value": others[0] if len(others) == 1 else "VALUE"}}).strip()
        return InputError(
            f"{path} has no column {column!r}, but the column {tag!r} holds such names: the file has a row for each "
            "value of each tag",
            where=where,
            expected="a column for each variable, or the key 'long', which names the columns of tag and value",
            fix=f"add {section} to the source, where the columns keep their tags as keys"
            + (f"; VALUE is one of {', '.join(others[:SHOWN_OTHERS])}" if len(others) > 1 else ""),
        )
    found = [(sum(h in wanted for h in map(same_name, cells)), row) for row, cells in preview]
    most, row = max(found, key=lambda pair: pair[0], default=(0, 0))
    if row != source.header_row and most > len(wanted.intersection(map(same_name, header))):
        shown = ", ".join(printable(h) for h in header if h)[:SHOWN] or "empty"
        return InputError(
            f"row {source.header_row} of {path} ({shown}) is not the header: row {row} is",
            where=where,
            expected=f"the header in row {source.header_row}",
            fix=f"add header_row: {row} to the source, or remove the lines above the header",
        )
    return InputError(
        f"{path} has no column {column!r}",
        where=where,
        expected="the name of a column of the answer"
        if source.file is None
        else f"the header of a column in row {source.header_row} of that file",
        fix=_header_fix(column, header, source),
    )


def _tag_column(wanted: set[str], header: Sequence[str], preview: Rows, source: SourceSection) -> str:
    """Return the header of a column in whose cells the names of wanted columns stand; empty if there is none."""
    for i, name in enumerate(header):
        cells = [cells[i] for row, cells in preview if row > source.header_row and len(cells) > i]
        if sum(same_name(cell) in wanted for cell in cells) > 1:
            return name
    return ""


def _header_fix(column: str, header: Sequence[str], source: SourceSection) -> str:
    if len(header) == 1:
        for separator, shown in ((";", '";"'), ("\t", '"\\t"'), (",", '","'), ("|", '"|"')):
            if separator != source.separator and separator in header[0]:
                return f"the cells seem to be separated otherwise: add separator: {shown} to the source"
    return nearest(column, [printable(h) for h in header if h and len(h) <= SHOWN])


def _twice(column: str, headers: Sequence[str], places: Sequence[int], path: Path, where: str) -> InputError:
    listed = ", ".join(str(i + 1) for i in places)
    if len(set(headers)) == 1:
        found = f"{path} has {len(places)} columns named {column!r}, at positions {listed}"
    else:
        found = f"{path} has {len(places)} columns whose names look like {column!r}, at positions {listed}"
    return InputError(
        found, where=where, expected="headers that differ", fix="rename one of them in the file, or by AS in the query"
    )
