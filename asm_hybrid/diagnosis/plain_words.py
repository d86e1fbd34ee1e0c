"""Quantities and explanations in the words of an engineer."""

from __future__ import annotations

from asm_hybrid.text import process_words

__all__ = ["FAMILIES", "explanation_title", "family_of", "figure", "quantity_words"]

FAMILIES = {
    "kinetics": "kinetics",
    "lacking": "a process that f lacks",
    "influent": "influent",
    "flows": "flows",
    "oxygen": "oxygen",
    "sensors": "sensors",
}
"""Families of explanations, and how they are called."""
_OF_PREFIX = {
    "process": "kinetics",
    "lacking": "lacking",
    "influent": "influent",
    "flow": "flows",
    "oxygen": "oxygen",
    "aeration": "oxygen",
    "sensor": "sensors",
}
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
    words = _QUANTITIES.get(name, name)
    return f"{words} ({name})" if symbol and "_" in name and words != name else words


def family_of(name: str) -> str | None:
    """Return the family of an explanation; None of ``nothing`` and ``everything``.

    Parameters
    ----------
    name : str
        Its name, as ``flow.wastage``.

    Returns
    -------
    str or None
        A key of `FAMILIES`.
    """
    return _OF_PREFIX.get(name.partition(".")[0])


def explanation_title(name: str) -> str:
    """Return an explanation in words: ``sensor.NH4.drift``, drift of the sensor NH4.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    str
    """
    kind, _, rest = name.partition(".")
    if kind == "process":
        return process_words(rest)
    if kind == "flow":
        return {"Q_in": "influent flow", "return_sludge": "return sludge flow", "wastage": "wastage flow"}.get(
            rest, f"flow of the recycle {rest}"
        )
    if kind == "influent":
        titles = {"timing": "timing of the influent's composition", "flow_timing": "timing of the influent flow"}
        words = {"N": "nitrogen"}
        return titles.get(rest, f"{words.get(rest, rest)} of the influent")
    if kind == "oxygen":
        return f"zero of the oxygen sensor in {rest}"
    if kind == "aeration":
        return f"aeration of {rest}"
    if kind == "sensor":
        label, _, what = rest.rpartition(".")
        return f"{'offset' if what == 'bias' else what} of the sensor {label}"
    return (rest or name).replace("_", " ")


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
