"""What a database answers to the query of a source, as a Parquet file: asked once for each config that is loaded."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import make_folder, write_bytes_atomic
from asm_hybrid.config import Config
from asm_hybrid.data.answer_columns import AnswerColumn, parquet_of
from asm_hybrid.data.database import Database, find_database
from asm_hybrid.data.limits import MAX_BYTES, check_size, too_large
from asm_hybrid.data.statement import check_select
from asm_hybrid.errors import AsmHybridError, InputError

__all__ = ["answer_of", "keep_answers"]

FOLDER = "answers"
"""In a run folder: what databases have answered."""

ROWS = 20_000
"""Rows that are fetched at a time."""
MAX_MEMORY = 2_000_000_000
"""Largest answer, as it lies in memory [byte]."""
SECONDS = 86400
MAX_NAME = 40
"""Letters of a source that stand in the name of the file of its answer."""


def answer_of(config: Config, name: str) -> bytes:
    """Return the answer to the query of a source.

    Parameters
    ----------
    config : Config
        The config.
    name : str
        The source, which has a query and no file.

    Returns
    -------
    bytes
        A Parquet file. The same for every copy of this config.

    Raises
    ------
    InputError
        If the query would change something, or the database cannot be reached, refuses the query, answers with nothing,
        with too much, or not in time.
    """
    section = config.data.sources[name].sql
    assert section is not None
    if section not in config.answers:
        check_select(section.query, config.where("data", "sources", name, "sql", "query"))
        config.answers[section] = _Asking(config, name, find_database(config, name)).wait(section.timeout * SECONDS)
    return config.answers[section]


def keep_answers(config: Config, folder: Path) -> Config:
    """Write what databases have answered into a folder.

    Parameters
    ----------
    config : Config
        The config.
    folder : Path
        A run folder.

    Returns
    -------
    Config
        With these files beside the queries, which are not asked again.
    """
    sources = dict(config.data.sources)
    for i, (name, source) in enumerate(sources.items(), start=1):
        if source.file is None:
            plain = re.sub(r"\W+", "_", name, flags=re.ASCII)[:MAX_NAME]
            path = folder / FOLDER / f"{i}-{plain}.parquet"
            make_folder(path.parent)
            write_bytes_atomic(path, answer_of(config, name))
            sources[name] = source.model_copy(update={"file": str(path.absolute())})
    return config.model_copy(update={"data": config.data.model_copy(update={"sources": sources})})


def _quietly(call: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        call()


class _Asking:
    """A query in a thread of its own, so that a server that does not answer holds up nobody for longer than agreed."""

    def __init__(self, config: Config, name: str, database: Database) -> None:
        source = config.data.sources[name]
        assert source.sql is not None
        self._query, self._decimal = source.sql.query, source.decimal
        self._label, self._where = config.source_label(name), config.where("data", "sources", name, "sql", "query")
        self._database = database
        self._answer: bytes | None = None
        self._error: BaseException | None = None
        self._connection: Any = None
        self._asked = False
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self._label, daemon=True)

    def wait(self, seconds: float) -> bytes:
        """Return the answer, or raise what kept it from coming."""
        self._thread.start()
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._given_up.set()
            self._interrupt()
            raise InputError(
                f"the database has not answered within {seconds:.4g} s",
                where=self._where,
                expected="an answer within the key timeout of the query",
                fix="check that the server can be reached; ask for fewer rows, or set a longer timeout: 10 min",
            )
        if isinstance(self._error, AsmHybridError):
            raise self._error
        if self._error is not None:
            raise self._failed(self._error) from None
        assert self._answer is not None
        return self._answer

    def _interrupt(self) -> None:
        """Tell the driver to stop, if it can be told."""
        raw = getattr(getattr(self._connection, "connection", None), "dbapi_connection", None)
        for way in ("interrupt", "cancel"):
            if hasattr(raw, way):
                threading.Thread(target=_quietly, args=(getattr(raw, way),), daemon=True).start()
                return

    def _run(self) -> None:
        try:
            with self._database.reading() as connection:
                self._connection = connection
                self._answer = self._fetch(connection)
        except BaseException as error:
            self._error = error
        finally:
            self._connection = None

    def _fetch(self, connection: Any) -> bytes:
        """Return the answer, read in parts, so that no answer takes the memory of the machine."""
        self._asked = True
        result = connection.execution_options(stream_results=True, no_parameters=True).exec_driver_sql(self._query)
        headers: Any = result.keys()
        columns = [AnswerColumn(str(header), self._decimal) for header in headers]
        rows = 0
        while part := result.fetchmany(ROWS):
            if self._given_up.is_set():
                raise TimeoutError
            rows += len(part)
            check_size(rows, len(columns), self._label)
            for column, cells in zip(columns, zip(*part, strict=True), strict=True):
                column.take(cells, self._where)
            if sum(column.size for column in columns) > MAX_MEMORY:
                raise too_large(MAX_MEMORY, self._label)
        if not rows:
            raise InputError(
                "the query has no row for an answer",
                where=self._where,
                expected="rows with time and values",
                fix="check the conditions of the query in a client of the database",
            )
        answer = parquet_of(columns, self._where)
        if len(answer) > MAX_BYTES:
            raise too_large(MAX_BYTES, self._label)
        return answer

    def _failed(self, error: BaseException) -> InputError:
        """Return the error for what a driver says, without secrets."""
        words = self._database.hidden(str(getattr(error, "orig", None) or error)) or type(error).__name__
        if self._asked:
            return InputError(
                f"the database refuses the query: {words}",
                where=self._where,
                expected="a query in the words of this database, on tables that the user may read",
                fix="try it in a client of the database",
            )
        return InputError(
            f"the database cannot be reached: {words}",
            where=self._database.where,
            expected="a server that answers, a user that it knows, and the password",
            fix="check the address, the network, and the values of the environment variables",
        )
