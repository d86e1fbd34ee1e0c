"""Connections to databases: addresses with their secrets, which no message shows, and nothing but reading."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from asm_hybrid.config import Config
from asm_hybrid.config.schema.sql_section import SQLITE, VARIABLE
from asm_hybrid.errors import InputError, nearest

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Database", "find_database"]

HIDDEN = "***"
CONNECT = 15
"""Longest time until a server answers at all [s], where its driver can be told."""
SHOWN = 300
"""Characters of what a driver says that a message shows."""


@dataclass(frozen=True)
class Database:
    """A database of a config.

    Attributes
    ----------
    address : str
        With secrets.
    secrets : tuple of str
        What no message may show.
    where : str
        Place of the address in the config.
    file : Path or None
        The file of SQLite.
    """

    address: str
    secrets: tuple[str, ...]
    where: str
    file: Path | None

    def hidden(self, text: str) -> str:
        """Return a text without secrets.

        Parameters
        ----------
        text : str
            What a driver says.

        Returns
        -------
        str
            On one line, in short.
        """
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return " ".join(text.split())[:SHOWN]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Connect in a transaction that reads only, and ends without a trace.

        Yields
        ------
        Connection

        Raises
        ------
        InputError
            If SQLAlchemy or the driver is not installed, or the address is none.
        Exception
            What the driver raises when the database cannot be reached.
        """
        try:
            import sqlalchemy as sa
        except ModuleNotFoundError:
            raise InputError(
                "SQLAlchemy is not installed", where=self.where, fix="pip install 'asm-hybrid[sql]'"
            ) from None
        engine = self._engine(sa)
        try:
            with engine.connect() as connection:
                dialect = engine.dialect.name
                if dialect == "postgresql":
                    connection = connection.execution_options(postgresql_readonly=True)
                elif dialect in ("mysql", "mariadb"):
                    connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
                    connection.rollback()
                try:
                    yield connection
                finally:
                    connection.rollback()
        finally:
            engine.dispose()

    def _engine(self, sa: Any) -> Any:
        """Return SQLAlchemy's engine, before any connection."""
        if self.file is not None:
            path = f"file:{quote(self.file.as_posix())}?mode=ro"
            return sa.create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect(path, uri=True, timeout=CONNECT, check_same_thread=False),
                poolclass=sa.pool.NullPool,
            )
        try:
            address = sa.make_url(self.address)
            if address.drivername == "postgresql":
                address = address.set(drivername="postgresql+psycopg")
            more = {"connect_args": {"connect_timeout": CONNECT}} if address.drivername in _TIMED else {}
            return sa.create_engine(address, poolclass=sa.pool.NullPool, hide_parameters=True, **more)
        except sa.exc.NoSuchModuleError as error:
            raise InputError(
                f"SQLAlchemy does not know the database of the url ({self.hidden(str(error))})",
                where=self.where,
                expected="an address such as sqlite:///plant.db or postgresql://reader:${PLANT_PASSWORD}@host/historian",
                fix="correct the name before '://', or install the dialect of this database",
            ) from None
        except ModuleNotFoundError as error:
            own = error.name == "psycopg"
            raise InputError(
                f"the driver of the database, {error.name}, is not installed",
                where=self.where,
                fix="pip install 'asm-hybrid[postgresql]'" if own else "install it by pip",
            ) from None
        except (sa.exc.ArgumentError, ValueError, TypeError) as error:
            raise InputError(
                "the url is no address that SQLAlchemy reads"
                + ("" if self.secrets else f" ({self.hidden(str(error))})"),
                where=self.where,
                expected="DATABASE://USER:${PASSWORD}@HOST:PORT/NAME",
            ) from None


_TIMED = ("postgresql+psycopg", "postgresql+psycopg2", "mysql+pymysql", "mysql+mysqldb", "mariadb+pymysql")
"""Drivers with the argument ``connect_timeout`` [s]."""


def find_database(config: Config, name: str) -> Database:
    """Return the database of a source, with the values of its environment variables.

    Parameters
    ----------
    config : Config
        The config.
    name : str
        The source.

    Returns
    -------
    Database

    Raises
    ------
    InputError
        If a variable is not set, or there is no such file of SQLite.
    """
    section = config.data.sources[name].sql
    assert section is not None
    where = config.where("data", "sources", name, "sql", "url")
    values = {}
    for variable in VARIABLE.findall(section.url):
        if variable not in os.environ:
            raise InputError(
                f"the environment variable {variable} of the url is not set",
                where=where,
                expected="a variable for each ${NAME}",
                fix=f"set it before asm-hybrid starts, for instance: export {variable}=…",
            )
        values[variable] = os.environ[variable]
    whole = VARIABLE.match(section.url)
    begin, rest = (values[whole[1]], section.url[whole.end() :]) if whole else ("", section.url)
    own_file = SQLITE.match(begin or rest)
    address = begin + VARIABLE.sub(
        lambda found: values[found[1]] if own_file else quote(values[found[1]], safe=""), rest
    )
    secrets = [value for value in values.values() if value]
    secrets += [quote(value, safe="") for value in secrets]
    if password := re.match(r"[^:/]+://[^@]*?:(.*)@", address):
        secrets += [password[1], unquote(password[1])]  # drivers are given, and tell, the plain one
    if not own_file and address.partition("://")[2].partition("?")[0].count("@") > 1:
        raise InputError(
            "the url holds an '@' in its user or password, so that a part of it would be taken for the server",
            where=where,
            expected="one '@', before the server",
            fix="write %40 for the other, or give the password as a variable of its own, ${PLANT_PASSWORD}",
        )
    file = None
    if own_file:
        file = config.resolve(address[own_file.end() :].partition("?")[0])
        _check_file(file, where)
    return Database(address, tuple(filter(None, secrets)), where, file)


def _check_file(file: Path, where: str) -> None:
    """Refuse a file of SQLite that is not there, which SQLite would create."""
    if file.is_file():
        return
    kin = []
    with contextlib.suppress(OSError):
        kin = sorted(p.name for p in file.parent.iterdir() if p.suffix in (".db", ".sqlite", ".sqlite3"))
    raise InputError(
        f"{file} is no file" if file.exists() else f"the file {file} does not exist",
        where=where,
        expected="a database of SQLite; its path is relative to the config, or absolute after four slashes",
        fix=nearest(file.name, kin) if kin else "check the path",
    )
