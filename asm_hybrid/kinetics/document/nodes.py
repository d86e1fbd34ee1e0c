"""The tree that mathematics is made of, and how LaTeX and MathML write it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Brackets", "Fraction", "Mark", "Name", "Node", "Number", "Operator", "Product", "Row", "Script"]

_MINUS, _PRIME = "\u2212", "\u2032"
_MARKS = {"-": _MINUS, "'": _PRIME}


class Node:
    """A piece of mathematics.

    Attributes
    ----------
    latex, mathml, width : callable
        Write the piece, or measure it; each kind of piece has its own.
    """

    def latex(self) -> str:
        """Return it as LaTeX, for math mode."""
        raise NotImplementedError

    def mathml(self) -> str:
        """Return it as one element of presentation MathML."""
        raise NotImplementedError

    def width(self) -> float:
        """Return about how wide it is set, in letters."""
        raise NotImplementedError


@dataclass(frozen=True)
class Name(Node):
    """Letters: one is set in italics, several upright, and those of an index upright in MathML.

    Attributes
    ----------
    text, command : str
        What is read, and how LaTeX writes it.
    index : bool
        Whether it stands in an index.
    """

    text: str
    command: str
    index: bool = False

    def latex(self) -> str:
        """Return it as LaTeX."""
        if self.index or len(self.text) == 1 or self.command.startswith("\\"):
            return self.command
        escaped = self.command.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"

    def mathml(self) -> str:
        """Return it as MathML."""
        upright = ' mathvariant="normal"' if self.index and len(self.text) == 1 else ""
        return f"<mi{upright}>{self.text}</mi>"

    def width(self) -> float:
        """Return its width."""
        return len(self.text)


@dataclass(frozen=True)
class Number(Node):
    """A number as the table has it.

    Attributes
    ----------
    text : str
        Digits, with the point or sign that they have.
    """

    text: str

    def latex(self) -> str:
        """Return it as LaTeX."""
        return self.text

    def mathml(self) -> str:
        """Return it as MathML."""
        return f"<mn>{self.text}</mn>".replace("-", _MINUS)

    def width(self) -> float:
        """Return its width."""
        return len(self.text)


@dataclass(frozen=True)
class Operator(Node):
    """A plus, minus, equals sign or comma between two pieces.

    Attributes
    ----------
    sign : str
        The sign, in ASCII.
    """

    sign: str

    def latex(self) -> str:
        """Return it as LaTeX."""
        return ", " if self.sign == "," else f" {self.sign} "

    def mathml(self) -> str:
        """Return it as MathML."""
        return f"<mo>{_MARKS.get(self.sign, self.sign)}</mo>"

    def width(self) -> float:
        """Return its width."""
        return 0.5 if self.sign == "," else 2.0


@dataclass(frozen=True)
class Mark(Node):
    """A sign within a symbol, such as the plus of an ion.

    Attributes
    ----------
    sign : str
        The sign, in ASCII.
    """

    sign: str

    def latex(self) -> str:
        """Return it as LaTeX."""
        return self.sign

    def mathml(self) -> str:
        """Return it as MathML."""
        return f'<mo lspace="0" rspace="0">{_MARKS.get(self.sign, self.sign)}</mo>'

    def width(self) -> float:
        """Return its width."""
        return 0.6


@dataclass(frozen=True)
class Row(Node):
    """Pieces side by side.

    Attributes
    ----------
    parts : tuple of Node
        From left to right.
    """

    parts: tuple[Node, ...]

    def latex(self) -> str:
        """Return it as LaTeX; a sign that nothing precedes has no space around it."""
        text = "".join(p.latex() for p in self.parts).strip()
        first = self.parts[0] if self.parts else None
        return text.replace(" ", "", 1) if isinstance(first, Operator) and first.sign in "+-" else text

    def mathml(self) -> str:
        """Return it as MathML."""
        return "<mrow>" + "".join(p.mathml() for p in self.parts) + "</mrow>"

    def width(self) -> float:
        """Return its width."""
        return sum(p.width() for p in self.parts)


@dataclass(frozen=True)
class Fraction(Node):
    """One piece above another.

    Attributes
    ----------
    above, below : Node
        Numerator and denominator.
    """

    above: Node
    below: Node

    def latex(self) -> str:
        """Return it as LaTeX."""
        return rf"\frac{{{self.above.latex()}}}{{{self.below.latex()}}}"

    def mathml(self) -> str:
        """Return it as MathML."""
        return f"<mfrac>{self.above.mathml()}{self.below.mathml()}</mfrac>"

    def width(self) -> float:
        """Return its width."""
        return max(self.above.width(), self.below.width()) + 0.5


@dataclass(frozen=True)
class Script(Node):
    """A piece with an index, an exponent, or both.

    Attributes
    ----------
    base : Node
        What has them.
    below, above : Node or None
        Index and exponent; one of the two at least.
    """

    base: Node
    below: Node | None = None
    above: Node | None = None

    def latex(self) -> str:
        """Return it as LaTeX."""
        base = self.base.latex()
        if isinstance(self.base, Script):
            base = f"{{{base}}}"
        for mark, part in (("_", self.below), ("^", self.above)):
            if part is not None:
                text = part.latex()
                base += f"{mark}{text}" if len(text) == 1 else f"{mark}{{{text}}}"
        return base

    def mathml(self) -> str:
        """Return it as MathML."""
        tag = {(True, False): "msub", (False, True): "msup", (True, True): "msubsup"}[
            self.below is not None, self.above is not None
        ]
        parts = [self.base, *(p for p in (self.below, self.above) if p is not None)]
        return f"<{tag}>" + "".join(p.mathml() for p in parts) + f"</{tag}>"

    def width(self) -> float:
        """Return its width."""
        return self.base.width() + 0.7 * max(p.width() for p in (self.below, self.above) if p is not None)


@dataclass(frozen=True)
class Brackets(Node):
    """A piece in round brackets that grow with it.

    Attributes
    ----------
    inner : Node
        What stands in them.
    """

    inner: Node

    def latex(self) -> str:
        """Return it as LaTeX; LaTeX needs no growing brackets where there is no fraction."""
        text = self.inner.latex()
        return rf"\left({text}\right)" if r"\frac" in text else f"({text})"

    def mathml(self) -> str:
        """Return it as MathML."""
        inner = self.inner.mathml()
        fixed = "" if "<mfrac>" in inner else ' stretchy="false"'
        left = f'<mo form="prefix" lspace="0" rspace="0"{fixed}>(</mo>'
        right = f'<mo form="postfix" lspace="0" rspace="0"{fixed}>)</mo>'
        return f"<mrow>{left}{inner}{right}</mrow>"

    def width(self) -> float:
        """Return its width."""
        return self.inner.width() + 1


@dataclass(frozen=True)
class Product(Node):
    """Factors; with dots between them where one is a fraction, or where a product could be read as one name.

    Attributes
    ----------
    factors : tuple of Node
        From left to right; one or more.
    """

    factors: tuple[Node, ...]

    def latex(self) -> str:
        """Return it as LaTeX."""
        return self._joined([f.latex() for f in self.factors], r" \cdot ", " ")

    def mathml(self) -> str:
        """Return it as MathML."""
        dot, space = "<mo>\u22c5</mo>", '<mspace width="0.14em"></mspace>'
        return "<mrow>" + self._joined([f.mathml() for f in self.factors], dot, space) + "</mrow>"

    def width(self) -> float:
        """Return its width."""
        return sum(f.width() for f in self.factors) + 0.6 * (len(self.factors) - 1)

    def _joined(self, texts: list[str], dot: str, space: str) -> str:
        dots = any(isinstance(f, Fraction) for f in self.factors)
        out = texts[0]
        for left, right, text in zip(self.factors, self.factors[1:], texts[1:], strict=False):
            out += (dot if dots or not _juxtaposed(left, right) else space) + text
        return out


def _juxtaposed(left: Node, right: Node) -> bool:
    """Tell whether two factors read well without a sign between them."""
    if isinstance(left, Number):
        return _one_letter(right) or isinstance(right, Brackets)
    return _one_letter(left) and _one_letter(right)


def _one_letter(node: Node) -> bool:
    base = node.base if isinstance(node, Script) else node
    return isinstance(base, Name) and len(base.text) == 1
