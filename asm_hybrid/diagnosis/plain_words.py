"""Quantities and explanations in the words of an engineer."""

from __future__ import annotations

from asm_hybrid.kinetics.gases import OFFGAS
from asm_hybrid.text import process_words

__all__ = ["FAMILIES", "explanation_title", "held_words", "quantity_words"]

FAMILIES = {
    "kinetics": "kinetics",
    "lacking": "a process that f lacks",
    "influent": "influent",
    "flows": "flows",
    "oxygen": "oxygen",
    "sensors": "sensors",
}
"""Families of explanations, and how they are called."""
_QUANTITIES = {
    "S_O": "oxygen",
    "S_O2": "oxygen",
    "S_NH": "ammonium",
    "S_NH4": "ammonium",
    "S_NO": "nitrate",
    "S_NO3": "nitrate",
    "S_NOX": "nitrate",
    "S_NO2": "nitrite",
    "S_N2O": "nitrous oxide",
    "S_ALK": "alkalinity",
    "S_PO4": "phosphate",
    "S_S": "readily biodegradable substrate",
    "S_F": "fermentable substrate",
    "S_A": "fermentation products",
    "X_S": "slowly biodegradable substrate",
    "TSS": "total suspended solids",
    "VSS": "volatile suspended solids",
    "COD": "COD",
    "SCOD": "soluble COD",
    "BOD5": "BOD5",
    "TKN": "Kjeldahl nitrogen",
    "TN": "total nitrogen",
    "TP": "total phosphorus",
    "T": "temperature",
    "Q_in": "influent flow",
}


def quantity_words(name: str, *, symbol: bool = True) -> str:
    """Return the name of a quantity in words, with its symbol: alkalinity (S_ALK).

    Parameters
    ----------
    name : str
        A component, a composite, or what n reads, as ``load.COD``.
    symbol : bool
        Whether the symbol stands behind.

    Returns
    -------
    str
        The name itself where there are no words for it.
    """
    head, _, rest = name.rpartition(".")
    if head == "load":
        return f"load of {quantity_words(rest, symbol=symbol)}"
    if name.startswith(OFFGAS):
        return f"{quantity_words(name.removeprefix(OFFGAS), symbol=symbol)} in the off-gas"
    words = _QUANTITIES.get(name, name)
    return f"{words} ({name})" if symbol and "_" in name and words != name else words


def explanation_title(name: str, title: str | None = None) -> str:
    """Return an explanation in words.

    Parameters
    ----------
    name : str
        Its name, as ``flow.wastage``.
    title : str, optional
        Its title; processes are called as `process_words` has them.

    Returns
    -------
    str
    """
    kind, _, rest = name.partition(".")
    return process_words(rest) if kind == "process" else title or (rest or name).replace("_", " ").replace(".", " ")


def held_words(share: float) -> str:
    """Return how much of a gain a law holds, in words.

    Parameters
    ----------
    share : float
        Its gain over that of what it is measured by [-]. Far above one where that has gained next to nothing.

    Returns
    -------
    str
        What follows "it keeps".
    """
    if share > 1:
        return "the whole gain, and more"
    return f"{100 * share:.0f} % of the gain" if share > 0 else "none of the gain"
