"""Names and texts: what no file of ours can hold, when two spellings are one name, processes and numbers in words."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["figure", "printable", "process_words", "same_name", "unusable_character"]

_UNUSABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""What XML 1.0 forbids or discourages [1]_: SVG, HTML and the description of an FMU are made of it; and the signs that
turn the direction of writing, by which a text reads otherwise than it is.

.. [1] W3C (2008): Extensible Markup Language (XML) 1.0, fifth edition, section 2.2.
"""
_LINE = re.compile("[\t\n\r]")

_DONE_TO = {
    "growth": "of",
    "decay": "of",
    "lysis": "of",
    "respiration": "of",
    "storage": "of",
    "hydrolysis": "of",
    "oxidation": "of",
    "uptake": "of",
    "release": "of",
    "reduction": "by",
    "denitrification": "with",
}
"""What is done, and the word before what it is done to, or by."""
_EATEN = ("fermentable", "fermentation", "substrate", "substrates")
_ACRONYMS = {"pha": "PHA", "pp": "PP", "pao": "PAO"}


def unusable_character(text: str, *, one_line: bool = False) -> str | None:
    """Return the first character of a text that no report can show.

    Parameters
    ----------
    text : str
        A name, a title, a description.
    one_line : bool
        Whether tabs and line breaks are unusable too, as they are in names.

    Returns
    -------
    str or None
        Its code point, as ``U+0007``; None when there is none.
    """
    found = _UNUSABLE.search(text) or (_LINE.search(text) if one_line else None)
    return f"U+{ord(found.group()):04X}" if found else None


def printable(text: str) -> str:
    """Return a text on one line, without characters that no report can show.

    Parameters
    ----------
    text : str
        A name, a header, a cell.

    Returns
    -------
    str
        With single spaces.
    """
    return " ".join(_UNUSABLE.sub("", text).split())


def same_name(text: str) -> str:
    """Return the form in which two spellings of a name are equal to a reader's eye.

    Composed and decomposed letters, the micro sign and the Greek mu, ``m³`` and ``m3``, spaces of any kind and number
    are alike; characters that are not seen do not count.

    Parameters
    ----------
    text : str
        A header.

    Returns
    -------
    str
        Unicode form NFKC, with single spaces.
    """
    plain = unicodedata.normalize("NFKC", text)
    spaced = "".join(" " if c.isspace() else c for c in plain)
    seen = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return " ".join(seen.split())


def process_words(name: str) -> str:
    """Return the name of a process as one says it: ``aerobic_growth_autotrophs``, aerobic growth of autotrophs.

    Parameters
    ----------
    name : str
        Its name in a table.

    Returns
    -------
    str
    """
    words = [_ACRONYMS.get(word, word) for word in name.split("_")]
    for i, word in enumerate(words[:-1]):
        if word in _DONE_TO:
            between = "on" if word == "growth" and words[i + 1] in _EATEN else _DONE_TO[word]
            return " ".join([*words[: i + 1], between, *words[i + 1 :]])
    return " ".join(words)


def figure(value: float, digits: int = 3) -> str:
    """Return a number for a sentence: without an exponent where that can be.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Significant digits.

    Returns
    -------
    str
    """
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if 1e3 <= abs(rounded) < 1e9 else f"{rounded:.{digits}g}"
