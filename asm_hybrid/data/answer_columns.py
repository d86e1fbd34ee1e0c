"""The columns of a database's answer: from what its driver gives to a Parquet file, without a guess at any cell."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from asm_hybrid.errors import InputError

__all__ = ["AnswerColumn", "parquet_of"]

_STAMP, _ZONED = pa.timestamp("us"), pa.timestamp("us", tz="UTC")
_LARGE = 2**63
"""Whole numbers that no column of them can hold."""


class AnswerColumn:
    """One column of an answer, of which the rows come in parts.

    Parameters
    ----------
    name : str
        Its header.
    decimal : str
        Decimal sign of text in this source, which numbers beside text get too.

    Attributes
    ----------
    name : str
        Its header.
    """

    def __init__(self, name: str, decimal: str) -> None:
        self.name, self._decimal = name, decimal
        self._parts: list[pa.Array] = []

    @property
    def size(self) -> int:
        """Memory that it takes [byte]."""
        return sum(part.nbytes for part in self._parts)

    def take(self, cells: Sequence[Any], where: str) -> None:
        """Add the cells of the next rows.

        Parameters
        ----------
        cells : sequence
            As the driver gives them.
        where : str
            The query, for messages.

        Raises
        ------
        InputError
            If a cell is neither a number, a text, a time nor empty.
        """
        kinds = {type(cell) for cell in cells if cell is not None}
        if kinds <= {bool}:
            part = pa.array(cells, pa.bool_() if kinds else pa.null())
        elif kinds <= {int} and all(-_LARGE <= cell < _LARGE for cell in cells if cell is not None):
            part = pa.array(cells, pa.int64())
        elif kinds <= {int, float, Decimal}:
            part = pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
        elif all(issubclass(kind, date) for kind in kinds):
            part = self._times(cells, where)
        elif kinds <= {int, float, Decimal, str, time}:
            part = pa.array([None if cell is None else self._text(cell) for cell in cells], pa.string())
        else:
            raise self._refused(", ".join(sorted(kind.__name__ for kind in kinds)), where)
        self._parts.append(part)

    def _text(self, cell: Any) -> str:
        return cell if isinstance(cell, str) else str(cell).replace(".", self._decimal)

    def _refused(self, found: str, where: str) -> InputError:
        return InputError(
            f"the column {self.name!r} of the answer holds {found}",
            where=where,
            expected="numbers, text, times, or nothing",
            fix="leave the column out of the query, or convert it there by CAST",
        )

    def _times(self, cells: Sequence[Any], where: str) -> pa.Array:
        """Return times: in UTC where they carry an offset, as they are where they do not, dates as their midnights."""
        found = [
            cell if isinstance(cell, datetime) or cell is None else datetime(cell.year, cell.month, cell.day)
            for cell in cells
        ]
        offsets = {cell.tzinfo is not None for cell in found if cell is not None}
        if len(offsets) > 1:
            raise self._mixed(where)
        if True in offsets:
            return pa.array([cell if cell is None else cell.astimezone(UTC) for cell in found], _ZONED)
        return pa.array(found, _STAMP)

    def _mixed(self, where: str) -> InputError:
        return InputError(
            f"some times in the column {self.name!r} of the answer carry an offset from UTC, others none",
            where=where,
            expected="an offset in every stamp, or in none",
            fix="convert the column in the query, for instance by AT TIME ZONE 'UTC'",
        )

    def whole(self, where: str) -> pa.ChunkedArray:
        """Return the column; numbers beside text become text.

        Parameters
        ----------
        where : str
            The query, for messages.

        Returns
        -------
        ChunkedArray

        Raises
        ------
        InputError
            If times stand beside something else.
        """
        kinds = {part.type for part in self._parts} - {pa.null()}
        if len(kinds) <= 1:
            kind = next(iter(kinds), pa.null())
        elif kinds <= {pa.int64(), pa.float64()}:
            kind = pa.float64()
        elif kinds <= {pa.int64(), pa.float64(), pa.string()}:
            kind = pa.string()
        elif kinds == {_STAMP, _ZONED}:
            raise self._mixed(where)
        else:
            raise self._refused(", ".join(sorted(map(str, kinds))), where)
        return pa.chunked_array([self._cast(part, kind) for part in self._parts], kind)

    def _cast(self, part: pa.Array, kind: pa.DataType) -> pa.Array:
        if kind == pa.string() and pa.types.is_floating(part.type):
            return pa.array([None if cell is None else self._text(cell) for cell in part.to_pylist()], kind)
        return part.cast(kind)


def parquet_of(columns: Sequence[AnswerColumn], where: str) -> bytes:
    """Return an answer as a Parquet file.

    Parameters
    ----------
    columns : sequence of AnswerColumn
        The columns.
    where : str
        The query, for messages.

    Returns
    -------
    bytes
    """
    arrays = [column.whole(where) for column in columns]
    buffer = io.BytesIO()
    table = pa.Table.from_arrays(arrays, names=[column.name for column in columns])
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()
