"""Names of variables as the standard's naming convention 'structured' has them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["structured_names"]

_RESERVED = ("time", "member")


def structured_names(names: Iterable[str]) -> list[str]:
    """Return names that the convention 'structured' allows without quotes.

    What stands between points becomes an identifier: accents are dropped, other letters are written as ``u`` and their
    number in Unicode, and any other sign becomes an underscore. A name that is taken gets ``_2``, ``_3`` and so on.

    Parameters
    ----------
    names : iterable of str
        Such as ``tank 1.S_NH``.

    Returns
    -------
    list of str
        Such as ``tank_1.S_NH``, no two of them equal.
    """
    taken, found = set(_RESERVED), []
    for name in names:
        plain = ".".join(_identifier(part) for part in name.split("."))
        free, number = plain, 2
        while free in taken:
            free, number = f"{plain}_{number}", number + 1
        taken.add(free)
        found.append(free)
    return found


def _identifier(part: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", part) if not unicodedata.combining(c))
    plain = "".join(c if c.isascii() or not c.isalpha() else f"u{ord(c):X}" for c in plain)
    plain = re.sub(r"[^A-Za-z0-9_]", "_", plain)
    return plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"
