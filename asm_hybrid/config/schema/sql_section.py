"""How a source is read from a database: its address, without secrets, and one query."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from asm_hybrid.config.schema.amounts import Duration
from asm_hybrid.config.schema.section import Section, refuse, written

__all__ = ["SQLITE", "VARIABLE", "SqlSection", "sqlite_path"]

SQLITE = re.compile(r"sqlite(?:\+pysqlite)?:///")
"""How the address of a file of SQLite begins."""

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""What stands for the value of an environment variable in an address."""
_SECRET = re.compile(
    r"[?&;]\s*(?:[\w.-]*(?:password|passwd|pwd|token|secret|credentials?|api_?key)|pass)\s*=([^&;]*)", re.IGNORECASE
)
"""A value that is likely to be a secret, among the parameters of an address."""


def _address(value: str) -> str:
    plain = VARIABLE.sub("", value)
    if "$" in plain:
        raise refuse(
            "the url holds a '$' that names no variable",
            "${NAME} for the value of an environment variable, with letters, digits and '_'",
        )
    if not VARIABLE.match(value) and not re.match(r"[A-Za-z][\w+.-]*://", value):
        raise refuse(
            "the url has no form that SQLAlchemy knows",
            "an address such as sqlite:///plant.db or postgresql://reader:${PLANT_PASSWORD}@host/historian",
        )
    address, _, parameters = value.partition("?")
    account = address.partition("://")[2].rpartition("@")[0]
    secrets = [account.partition(":")[2], *_SECRET.findall("?" + unquote(parameters))]
    if any(VARIABLE.sub("", secret).strip() for secret in secrets):
        raise refuse(
            "the url holds a password, or another secret",
            "secrets in environment variables: the config is copied into run folders, and shared",
            "write ${PLANT_PASSWORD} in its place, and set that variable before asm-hybrid starts",
        )
    return value


def _query(value: str) -> str:
    if not value.strip():
        raise refuse("the query is empty", "one SELECT statement")
    return value.strip()


class SqlSection(Section):
    """One query to a database.

    Attributes
    ----------
    url : str
        Address as SQLAlchemy has it; ``${NAME}`` stands for environment variables.
    query : str
        One statement that selects.
    timeout : float
        Longest time until the whole answer is there [d].
    """

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Address of the database as SQLAlchemy has it, such as sqlite:///plant.db, seen from the config. "
        "${NAME} stands for an environment variable; passwords may stand nowhere else."
    )
    query: Annotated[str, AfterValidator(_query)] = Field(
        description="One SELECT statement; with ORDER BY time, since rows stand in order of time."
    )
    timeout: Duration = Field(
        default=written("2 min"), gt=0, description="Longest time until the whole answer is there [d]."
    )


def sqlite_path(url: str) -> tuple[str, str] | None:
    """Return the beginning of the address of a file of SQLite, and the path.

    Parameters
    ----------
    url : str
        Address as SQLAlchemy has it.

    Returns
    -------
    (str, str) or None
        The path is relative to the config, or absolute; None for another database, and where a variable holds the path.
    """
    found = SQLITE.match(url)
    return (found[0], url[found.end() :]) if found and not VARIABLE.search(url) else None
