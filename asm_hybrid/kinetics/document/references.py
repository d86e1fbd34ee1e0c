"""The list of references of a table, from ``references.bib``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from asm_hybrid.kinetics.table import Table

__all__ = ["Reference", "cited", "parse_bibliography"]

BIBLIOGRAPHY = Path(__file__).parents[1] / "tables" / "references.bib"
"""The bibliography of the shipped tables; a user's table may cite from it too."""

_ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", "c": "\u0327"}
_ACCENTS |= {"v": "\u030c", "u": "\u0306", "H": "\u030b", "r": "\u030a", ".": "\u0307", "k": "\u0328"}
_LETTERS = {"ss": "ß", "o": "ø", "O": "Ø", "ae": "æ", "AE": "Æ", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł", "i": "ı"}
_ACCENT = re.compile(r"""\\(?:(["'`^~=.])|([cvuHrk])(?=[\s{]))\s*(?:\{\s*(\\?[A-Za-z])\s*\}|(\\?[A-Za-z]))""")
_FIELD = re.compile(r'\s*,?\s*(\w+)\s*=\s*(\{|"[^"]*"|\w+)')
_LETTER = re.compile(r"\\(ss|ae|AE|aa|AA|o|O|l|L|i)(?![A-Za-z])\s*")


@dataclass(frozen=True)
class Reference:
    """A published source.

    Attributes
    ----------
    key : str
        How tables name it.
    text : str
        Authors, year, title, and where it appeared.
    link : str
        Its address, or nothing.
    """

    key: str
    text: str
    link: str = ""


def cited(table: Table) -> dict[str, Reference]:
    """Return the references that a table, its parameters and its gases name.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    dict of str to Reference
        By key, in the order in which they are named; without sources that are mere words.
    """
    known = _shipped()
    constants = table.equilibrium.sources if table.equilibrium else ()
    named = [table.source, *(p.source for p in table.parameters), *(gas.source for gas in table.gases), *constants]
    return {key: known[key] for key in dict.fromkeys(named) if key in known}


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Reference]:
    return parse_bibliography(BIBLIOGRAPHY.read_text(encoding="utf-8"))


def parse_bibliography(text: str) -> dict[str, Reference]:
    """Read a bibliography.

    Parameters
    ----------
    text : str
        Entries in BibTeX, with values in braces or quotes.

    Returns
    -------
    dict of str to Reference
        By key.
    """
    out = {}
    for match in re.finditer(r"^\s*@(\w+)\s*\{\s*([^\s,{}]+)\s*,", text, re.MULTILINE):
        fields = {name: _plain(value) for name, value in _fields(text, match.end())}
        link = f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url", "")
        out[match[2]] = Reference(match[2], _sentence(fields), link)
    return out


def _fields(text: str, at: int) -> Iterator[tuple[str, str]]:
    """Yield the fields of the entry that begins at a position; values stand in braces, in quotes, or bare."""
    while match := _FIELD.match(text, at):
        name, value = match[1].lower(), match[2]
        at = match.end()
        if value == "{":
            start, depth = at, 1
            while depth and at < len(text):
                depth += {"{": 1, "}": -1}.get(text[at], 0)
                at += 1
            value = text[start : at - 1]
        yield name, value.strip('"')


def _plain(value: str) -> str:
    """Return a BibTeX value as text."""

    def accented(match: re.Match[str]) -> str:
        letter = (match[3] or match[4]).lstrip("\\")
        return unicodedata.normalize("NFC", letter + _ACCENTS[match[1] or match[2]])

    value = _LETTER.sub(lambda m: _LETTERS[m[1]], _ACCENT.sub(accented, value))
    value = re.sub(r"\\([&%$#_])", r"\1", value).replace("---", "\u2014").replace("--", "\u2013").replace("~", " ")
    return " ".join(re.sub(r"[{}]", "", value).split())


def _sentence(fields: Mapping[str, str]) -> str:
    names = [n.strip() for n in re.split(r"\s+and\s+", fields.get("author") or fields.get("editor", "")) if n.strip()]
    authors = " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
    journal = fields.get("journal") or fields.get("booktitle", "")
    if journal and "volume" in fields:
        journal += f" {fields['volume']}" + (f"({fields['number']})" if "number" in fields else "")
    report = ""
    if not journal and "number" in fields:
        report = f"{fields.get('type', 'Report')} {fields['number']}"
    place = (journal, fields.get("pages", ""), report, fields.get("school", ""), fields.get("institution", ""))
    where = ", ".join(filter(None, (*place, fields.get("publisher", ""), fields.get("address", ""))))
    year = f"({fields['year']})" if "year" in fields else ""
    head = " ".join(filter(None, (authors, year)))
    parts = [head, fields.get("title", ""), where, fields.get("howpublished", ""), fields.get("note", "")]
    return " ".join(p if p[-1] in ".!?" else f"{p}." for p in parts if p)
