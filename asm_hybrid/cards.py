"""HTML that a notebook shows of an object: compact, escaped, without colours of its own for text or ground.

Text takes the colour of the notebook, and lines are half transparent, so that light and dark ones look right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from asm_hybrid.errors import InputError

__all__ = ["Shown", "card", "folded", "listed", "note", "paragraph", "picture", "preformatted", "tabulated"]

UNBROKEN = 24
"""Letters of a cell of words that may not be broken."""
STYLE = """<style>
.asmh{font:13px/1.45 system-ui,"Segoe UI",Roboto,sans-serif;color:inherit;max-width:68em;margin:.3em 0}
.asmh h4{font-size:1.1em;font-weight:600;margin:0 0 .15em}
.asmh p{margin:.25em 0}
.asmh .muted{opacity:.7}
.asmh div.wide{overflow-x:auto}
.asmh table{border-collapse:collapse;border:0;margin:.45em 0;font-size:1em;font-variant-numeric:tabular-nums;
width:auto;table-layout:auto;background:none}
.asmh caption{caption-side:top;text-align:left;padding:0 0 .15em;opacity:.7;color:inherit;white-space:nowrap}
.asmh table th,.asmh table td{padding:.14em 1.2em .14em 0;border:0;border-bottom:1px solid rgba(128,128,128,.28);
text-align:right;white-space:nowrap;background:none;color:inherit;vertical-align:baseline;max-width:none}
.asmh table th{font-weight:600}
.asmh table tr>:first-child,.asmh table .text{text-align:left}
.asmh table td.long{white-space:normal}
.asmh table tr,.asmh table tr:nth-child(even),.asmh table tr:hover{background:none}
.asmh b{font-weight:650}
.asmh ul{margin:.25em 0;padding-left:1.3em}
.asmh summary{cursor:pointer}
.asmh img{background:#fff;border-radius:4px;padding:.4em;margin:.45em 0;max-width:100%;box-sizing:border-box;
display:block}
.asmh pre{font-size:.92em;line-height:1.35;background:none;color:inherit;overflow-x:auto}
</style>"""


class Shown(ABC):
    """What shows itself; where its files are gone or damaged, it says that in place of raising."""

    @abstractmethod
    def _described(self) -> str:
        """Return it as plain text."""

    @abstractmethod
    def _card(self) -> str:
        """Return it as HTML."""

    def __repr__(self) -> str:
        try:
            return self._described()
        except InputError as error:
            return f"{type(self).__name__}: {error}"

    def _repr_html_(self) -> str:
        try:
            return self._card()
        except InputError as error:
            return card(f"{type(self).__name__} that cannot be read", preformatted(str(error)))


def card(title: str, *parts: str) -> str:
    """Return a result: its title, and parts made by the other functions here.

    Parameters
    ----------
    title : str
        Plain text.
    *parts : str
        HTML.

    Returns
    -------
    str
        One element, with its style.
    """
    return f'{STYLE}<div class="asmh"><h4>{escape(title)}</h4>{"".join(parts)}</div>'


def paragraph(text: str) -> str:
    """Return plain text as a paragraph.

    Parameters
    ----------
    text : str
        Plain text.

    Returns
    -------
    str
        HTML; empty where there is no text.
    """
    return f"<p>{escape(text)}</p>" if text else ""


def note(text: str) -> str:
    """Return plain text that steps back.

    Parameters
    ----------
    text : str
        Plain text.

    Returns
    -------
    str
        HTML; empty where there is no text.
    """
    return f'<p class="muted">{escape(text)}</p>' if text else ""


def tabulated(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    *,
    bold: frozenset[tuple[int, int]] = frozenset(),
    text: frozenset[int] = frozenset({0}),
) -> str:
    """Return a table; nothing where it has no row.

    Parameters
    ----------
    header : sequence of str, (column,)
        Plain text.
    rows : sequence of sequences of str, (row, column)
        Plain text.
    caption : str
        Stands above it.
    bold : set of (row, column)
        Cells that stand out.
    text : set of int
        Columns of words, which are aligned to the left.

    Returns
    -------
    str
    """
    if not rows:
        return ""

    def cell(kind: str, column: int, value: str, *, strong: bool = False) -> str:
        classes = ("text long" if len(value) > UNBROKEN else "text") if column in text else "figure"
        content = f"<b>{escape(value)}</b>" if strong else escape(value)
        return f'<{kind} class="{classes}">{content}</{kind}>'

    head = "".join(cell("th", j, name) for j, name in enumerate(header))
    body = "".join(
        f"<tr>{''.join(cell('td', j, value, strong=(i, j) in bold) for j, value in enumerate(row))}</tr>"
        for i, row in enumerate(rows)
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def listed(texts: Sequence[str], one: str, many: str, shown: int = 3) -> str:
    """Return sentences as a list, folded up where there are more than `shown`.

    Parameters
    ----------
    texts : sequence of str
        Plain text.
    one, many : str
        What one of them, and several, are called.
    shown : int
        How many stand there open.

    Returns
    -------
    str
    """
    if not texts:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    title = f"{len(texts)} {one if len(texts) == 1 else many}"
    return folded(title, f"<ul>{items}</ul>", opened=len(texts) <= shown)


def folded(title: str, content: str, *, opened: bool = False) -> str:
    """Return HTML that a click unfolds.

    Parameters
    ----------
    title : str
        Plain text, which is always seen.
    content : str
        HTML.
    opened : bool
        Whether it is unfolded at first.

    Returns
    -------
    str
    """
    return f"<details{' open' if opened else ''}><summary>{escape(title)}</summary>{content}</details>"


def preformatted(text: str) -> str:
    """Return plain text as it stands, in letters of one width.

    Parameters
    ----------
    text : str
        Plain text.

    Returns
    -------
    str
        HTML.
    """
    return f"<pre>{escape(text)}</pre>"


def picture(svg: str, what: str) -> str:
    """Return a drawing in dark ink, on white ground.

    Parameters
    ----------
    svg : str
        The drawing. It becomes an image of its own, so that its names do not meet those of other drawings.
    what : str
        What it shows, for screen readers; plain text.

    Returns
    -------
    str
    """
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{escape(what)}" src="data:image/svg+xml;base64,{data}">'
