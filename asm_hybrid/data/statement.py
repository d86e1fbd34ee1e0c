"""What an SQL text does, as far as it can be told without a database: whether it is one statement that selects."""

from __future__ import annotations

import re

from asm_hybrid.errors import InputError

__all__ = ["check_select"]

_COMMENT = r"--(?=\s|$)[^\n]*|/\*(?!!|M!)(?:(?!/\*).)*?\*/"
"""Comments that all databases take for one: MySQL reads ``--1`` as a number, and runs ``/*! … */``; PostgreSQL nests
them."""
_QUOTED = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|\$(\w*)\$.*?\$\1\$"
"""Texts, and names between quotes."""
_EITHER = re.compile(f"{_QUOTED}|(?P<comment>{_COMMENT})", re.DOTALL)
_CHANGES = re.compile(
    r"\b(insert|update|delete|merge|into|create|alter|drop|grant|revoke|exec|execute|set|truncate(?=\s+table\b))\b",
    re.IGNORECASE,
)
"""Words that stand in statements that change something, of which some need no ';' before them."""


def check_select(query: str, where: str) -> None:
    """Refuse an SQL text that is not one statement that selects.

    Parameters
    ----------
    query : str
        The text.
    where : str
        Its place in the config, for messages.

    Raises
    ------
    InputError
        If it has another statement, or could change something. The database is asked to read only as well.
    """
    bare = _EITHER.sub(lambda found: " " if found["comment"] else " x ", query)
    plain = bare.strip().rstrip(";").strip()
    if mark := re.search(r"--|/\*|\*/", plain):
        raise InputError(
            f"the query holds a {mark[0]!r} that not all databases read alike",
            where=where,
            expected="'-- ' with a space before a comment, and comments between '/*' and '*/' that hold no other",
            fix="remove the comment",
        )
    if re.search(r"\\['\"`]", query):
        raise InputError(
            "the query holds a backslash before a quote, which not all databases read alike",
            where=where,
            expected="a quote within a text written twice: 'd''eau'",
        )
    first = re.match(r"[(\s]*(\w*)", plain)
    word = first[1] if first else ""
    if word == "x" or word.lower() not in ("select", "with", "values", "table"):
        begin = "" if word == "x" else f" and begins with {word.upper()[:20]!r}"
        raise InputError(
            f"the query does not select{begin}",
            where=where,
            expected="one SELECT statement, which may begin with WITH; nothing in a database is changed",
        )
    if ";" in plain:
        raise InputError("the query holds several statements", where=where, expected="one SELECT statement")
    if change := _CHANGES.search(plain):
        raise InputError(
            f"the query holds the word {change[1].upper()}, by which a statement changes something",
            where=where,
            expected="one SELECT statement; nothing in a database is changed",
            fix=f'a column of that name stands between quotes: "{change[1]}"',
        )
