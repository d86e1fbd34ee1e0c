"""The cells of a Parquet file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from asm_hybrid.data.headers import Choose
from asm_hybrid.data.limits import check_size
from asm_hybrid.errors import readable

__all__ = ["read_parquet"]


def read_parquet(raw: bytes, path: Path, choose: Choose) -> tuple[list[str], pd.DataFrame]:
    """Return the header of a Parquet file, and its used columns.

    Parameters
    ----------
    raw : bytes
        The file.
    path : Path
        Its name, for messages.
    choose : callable
        Finds the used columns, see `asm_hybrid.data.headers`.

    Returns
    -------
    header : list of str
        Every column.
    cells : DataFrame
        The used columns by position; the index holds row numbers, from 1. Rows without a value in them are left out.
    """
    guard = readable(
        "not a readable Parquet file",
        where=str(path),
        expected="a file in the Parquet format",
        fix="export or copy the file again; its ending must tell its format",
    )
    with guard:
        file = pq.ParquetFile(pa.BufferReader(raw), page_checksum_verification=True)
        header = [str(name) for name in file.schema_arrow.names]
        check_size(file.metadata.num_rows, len(header), str(path))
        chosen = choose(header, ())
        names = list(dict.fromkeys(file.schema_arrow.names[i] for i in chosen))
        # what pandas wrote about its index and types is of no use here, but tells when it is damaged
        json.loads((file.schema_arrow.metadata or {}).get(b"pandas", b"{}").decode())
        content = file.read(columns=names).replace_schema_metadata(None)
        content.validate(full=True)
        cells = pd.DataFrame({k: _plain(content.column(header[i])) for k, i in enumerate(chosen)})
    cells = cells.set_axis(np.arange(1, len(cells) + 1), axis="index")
    return header, cells[cells.notna().any(axis="columns")]


def _plain(column: pa.ChunkedArray) -> pd.Series:
    """Return a column without the types that pandas would make of categories, and with one kind of NaN.

    A file may hold any bit pattern of NaN; at a signalling one numpy warns of an invalid value.
    """
    kind = column.type
    values = column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
    found = pd.Series(values.to_pandas())
    return found.mask(found.isna()) if pa.types.is_floating(kind) else found
