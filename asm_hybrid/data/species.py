"""Headers that speak of one substance and stand for another: columns that were swapped in the config."""

from __future__ import annotations

import re

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_header"]

HEADERS = {
    "ammonium": r"nh ?[34]|ammon\w*|snh[4x]?",
    "nitrate": r"no ?[3x]|nox|nitra\w*|sno[3x]?",
    "phosphate": r"po ?4|phosphate?s?|ortho ?p|spo4",
    "oxygen": r"do|o2|oxygen|dissolved oxygen",
    "COD": r"cod|csb|dco|czv",
    "TKN": r"tkn",
    "TSS": r"tss|mlss",
    "temperature": r"temp|temperature\w*|t",
    "flow": r"q|flow|flowrate",
}
"""Words of a header that tell a substance or quantity, between other words, digits and signs."""
NAMES = {
    "ammonium": ("S_NH", "S_NH4"),
    "nitrate": ("S_NO", "S_NO2", "S_NO3", "S_NOX", "NOX"),
    "phosphate": ("S_PO4",),
    "oxygen": ("S_O", "S_O2"),
    "COD": ("COD",),
    "TKN": ("TKN",),
    "TSS": ("TSS",),
    "temperature": ("T",),
    "flow": ("Q_in", "return_sludge", "wastage"),
}
"""Model names of the same."""
_WORDS = {what: re.compile(rf"(?:^|(?<=[ _]))(?:{words})(?=$|[ _])") for what, words in HEADERS.items()}


def check_header(target: str, place: Place) -> list[QualityFinding]:
    """Return a warning where the header tells one thing, and the model name another.

    Parameters
    ----------
    target : str
        Name in the model.
    place : Place
        File and header.

    Returns
    -------
    list of QualityFinding
        Empty where either is not known, or the header tells several.
    """
    text = re.sub(r"[^a-z0-9]+|(?<=\D)(?=\d{2,})", " ", place.column.lower()).strip()
    told = [what for what, pattern in _WORDS.items() if pattern.search(text)]
    meant = [what for what, names in NAMES.items() if target.rpartition(".")[2] in names]
    if len(told) != 1 or not meant or told == meant:
        return []
    return [
        place.finding(
            "warning",
            "header",
            f"the header speaks of {told[0]}, and the column stands for {target}, which is {meant[0]}",
            expected="a column whose header and model name are of one substance",
            fix="check whether two columns are swapped in the config; a header that is only named so does no harm",
        )
    ]
