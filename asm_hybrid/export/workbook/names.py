"""Names of cells that every spreadsheet takes for names."""

from __future__ import annotations

import re

__all__ = ["CellNames"]

BUILT_IN = (
    "Auto_Activate",
    "Auto_Close",
    "Auto_Deactivate",
    "Auto_Open",
    "Consolidate_Area",
    "Data_Form",
    "Print_Area",
    "Print_Titles",
    "Sheet_Title",
)
"""Names with an underscore to which Excel gives a meaning of its own."""
LONGEST = 200
"""Characters of a name; Excel takes 255."""


class CellNames:
    """Gives names to cells, each once.

    A name with an underscore behind its first letter is never the address of a cell (``T1``, ``R1C1``, ``R``), a
    constant (``TRUE``) or a function; so one without gets an underscore at its end. Spreadsheets do not tell capitals
    from small letters: of ``K_h`` and ``k_h`` the second becomes ``k_h_2``.
    """

    def __init__(self) -> None:
        self._taken = {name.lower() for name in BUILT_IN}

    def new(self, text: str) -> str:
        """Return the name for a text, and keep it from others.

        Parameters
        ----------
        text : str
            Such as ``mu_H`` or ``here.volume``.

        Returns
        -------
        str
            Letters, digits and underscores of ASCII, a letter first.
        """
        stem = re.sub(r"\W", "_", text, flags=re.ASCII)[:LONGEST]
        stem = stem if re.match("[A-Za-z]", stem) else f"n_{stem}"
        stem = stem if "_" in stem else f"{stem}_"
        number, name = 1, stem
        while name.lower() in self._taken:
            number += 1
            name = f"{stem.rstrip('_')}_{number}"
        self._taken.add(name.lower())
        return name
