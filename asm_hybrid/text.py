"""Names and texts of the user's: what no file of ours can hold, and when two spellings are one name."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["printable", "same_name", "unusable_character"]

_UNUSABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""What XML 1.0 forbids or discourages [1]_: SVG, HTML and the description of an FMU are made of it; and the signs that
turn the direction of writing, by which a text reads otherwise than it is.

.. [1] W3C (2008): Extensible Markup Language (XML) 1.0, fifth edition, section 2.2.
"""
_LINE = re.compile("[\t\n\r]")


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
