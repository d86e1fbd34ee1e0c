"""The words by which files name quantities and places, and how they are found in a header."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asm_hybrid.yamlfile import load_yaml

__all__ = ["Found", "Vocabulary", "plain_words", "vocabulary"]

LONG = 5
"""Letters from which on a word may be a part of another."""
_CASED = ("DO", "OD")
_STEP = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=\d)(?=[A-Z][a-z])"
    r"|(?<=[\u4e00-\u9fff])(?=[A-Za-z])|(?<=[A-Za-z\d])(?=[\u4e00-\u9fff])"
)
"""Where a word begins in the midst of another: InfluentFlow, 好氧池DO."""
_DOTTED = re.compile(r"\b([A-Za-z])\.([A-Za-z])\b\.?")
"""An abbreviation with dots: O.D."""


def plain_words(text: str) -> str:
    """Return a header as words: small letters without accents, with a space for every other sign.

    Parameters
    ----------
    text : str
        A header, or a word of the table.

    Returns
    -------
    str
        ``"NH4-N Belebung_2"`` is ``"nh4 n belebung 2"``; DO and OD, for oxygen, keep their capitals, since "do" is a
        word of Portuguese.
    """
    parts = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    words = re.sub(r"[\W_]+", " ", _STEP.sub(" ", _DOTTED.sub(r"\1\2", bare)))
    words = re.sub(r"\b(DO|OD)(\d)\b", r"\1 \2", words)
    return " ".join(word if word in _CASED else word.casefold() for word in words.split())


@dataclass(frozen=True)
class Found:
    """A word that was found in a header.

    Attributes
    ----------
    name : str
        What it stands for.
    begin, end : int
        Where it stands in the words of the header.
    """

    name: str
    begin: int
    end: int


class Vocabulary:
    """Finds words in headers; of words that begin at one place the longest is taken.

    Parameters
    ----------
    table : mapping of str to sequence of str
        Words by what they stand for.
    """

    def __init__(self, table: Mapping[str, Iterable[str]]) -> None:
        self._meaning = {plain_words(word): name for name, words in table.items() for word in words}
        ordered = sorted(self._meaning, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_alternative, ordered)))

    def find(self, words: str) -> list[Found]:
        """Return what is found in the words of a header, in their order.

        Parameters
        ----------
        words : str
            See `plain_words`.

        Returns
        -------
        list of Found
        """
        return [Found(self._meaning[m.group()], m.start(), m.end()) for m in self._pattern.finditer(words)]


@cache
def vocabulary(part: str) -> Vocabulary:
    """Return a part of the table of words.

    Parameters
    ----------
    part : str
        ``"quantities"``, ``"places"``, ``"status"`` or ``"statistics"``.

    Returns
    -------
    Vocabulary
    """
    return Vocabulary(load_yaml(Path(__file__).with_name("words.yaml")).data[part])


def _alternative(word: str) -> str:
    if not word.isascii() or (len(word) >= LONG and " " not in word):
        return re.escape(word)
    return rf"(?<![a-zA-Z0-9]){re.escape(word)}(?![a-zA-Z{'0-9' if word[-1].isdigit() else ''}])"
