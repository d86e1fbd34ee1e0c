"""Symbols of components and parameters: made from their names, or read from the LaTeX that a table gives."""

from __future__ import annotations

import re

from asm_hybrid.kinetics.document.nodes import Mark, Name, Node, Number, Row, Script

__all__ = ["name_symbol", "parse_symbol"]

_SMALL = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega"
)
_CAPITAL = "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
_LETTERS = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"

GREEK = dict(zip([*_SMALL.split(), *_CAPITAL.split()], _LETTERS, strict=True))
"""Letters that LaTeX knows by name."""

_MOLECULES = "O2 N2 N2O NO2 NO3 NH3 NH4 HNO2 PO4 SO4 H2 H2S CO2 CH4 HCO3"
FORMULAE = frozenset(_MOLECULES.split())
"""Indices whose digits are set lower, as chemists do."""

MAX_SYMBOL = 80
"""Longest symbol that is read [character]."""

_TOKEN = re.compile(r"\\[A-Za-z]+|\\,|[A-Za-z]|[0-9]+|[_^{}, +\-'()*]")
_STYLES = frozenset({"\\mathrm", "\\mathit", "\\text", "\\textrm", "\\rm"})


def name_symbol(name: str) -> Node:
    """Return the symbol that a name stands for: ``mu_H`` is μ with the index H, ``K_NH4`` K with the index NH₄.

    Parameters
    ----------
    name : str
        Name of a component or parameter, with ``_`` before every index.

    Returns
    -------
    Node
    """
    head, *indices = name.split("_")
    letters, digits = re.fullmatch(r"(.*?)([0-9]*)", head).groups()  # type: ignore[union-attr]  # matches any text
    if not letters or (digits and len(letters) > 1 and letters not in GREEK):
        letters, digits = head, ""
    base = Name(GREEK[letters], f"\\{letters}") if letters in GREEK else Name(letters, letters)
    parts: list[Node] = [Number(digits)] if digits else []
    for index in filter(None, indices):
        parts += [*([Mark(",")] if parts else []), _index(index)]
    return Script(base, below=parts[0] if len(parts) == 1 else Row(tuple(parts))) if parts else base


def _index(text: str) -> Node:
    if text in GREEK:
        return Name(GREEK[text], f"\\{text}", index=True)
    if text.isdigit():
        return Number(text)
    if text not in FORMULAE:
        return Name(text, text, index=True)
    pieces: list[Node] = []
    for letters, digits in re.findall(r"([A-Z][a-z]?)([0-9]*)", text):
        atom = Name(letters, letters, index=True)
        pieces.append(Script(atom, below=Number(digits)) if digits else atom)
    return pieces[0] if len(pieces) == 1 else Row(tuple(pieces))


def parse_symbol(text: str) -> Node | None:
    r"""Read a symbol that a table gives in LaTeX.

    Parameters
    ----------
    text : str
        Letters, digits, Greek letters by name, indices, exponents, signs, and ``\mathrm``.

    Returns
    -------
    Node or None
        The symbol; None for anything else, so that no other command gets into a document.
    """
    tokens = _TOKEN.findall(text)
    if not text.strip() or len(text) > MAX_SYMBOL or "".join(tokens) != text:
        return None
    try:
        reader = _SymbolReader(tokens)
        node = reader.row(index=False)
    except ValueError:
        return None
    return node if reader.at == len(tokens) else None


class _SymbolReader:
    """Reads tokens of LaTeX; raises ValueError for what it does not know."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = [t for t in tokens if t not in (" ", "\\,")], 0
        tokens[:] = self.tokens

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise ValueError
        self.at += 1
        return self.tokens[self.at - 1]

    def row(self, index: bool) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "}"):
            parts.append(self.scripted(index))
        if not parts:
            raise ValueError
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def group(self, index: bool) -> Node:
        """Read one token, or what stands in braces."""
        if self.peek() != "{":
            return self.atom(index)
        self.take()
        inner = self.row(index)
        if self.take() != "}":
            raise ValueError
        return inner

    def scripted(self, index: bool) -> Node:
        base = self.group(index)
        scripts: dict[str, Node] = {}
        while self.peek() in ("_", "^"):
            mark = self.take()
            if mark in scripts:
                raise ValueError
            scripts[mark] = self.group(index=True)
        return Script(base, scripts.get("_"), scripts.get("^")) if scripts else base

    def atom(self, index: bool) -> Node:
        token = self.take()
        if token in _STYLES:
            return self.group(index)
        if token[1:] in GREEK and token[0] == "\\":
            return Name(GREEK[token[1:]], token, index)
        if token.isdigit():
            return Number(token)
        if token.isalpha():
            letters = token
            while index and self.peek().isalpha():
                letters += self.take()
            return Name(letters, letters, index)
        if token in ",+-'()*":
            return Mark(token)
        raise ValueError
