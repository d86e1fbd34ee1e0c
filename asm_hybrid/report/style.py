"""Colours, names and number formats of the report, and SVG that is the same byte for byte on every call."""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import matplotlib
from markupsafe import Markup

from asm_hybrid.text import process_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "INK",
    "MUTED",
    "drawing",
    "duration",
    "embed",
    "number",
    "percent",
    "plain",
    "sentence",
    "svg",
    "unit_text",
]

INK = "#1b2430"
MUTED = "#5b6675"

_RC: dict[str, Any] = {
    "svg.hashsalt": "asm-hybrid",
    "svg.fonttype": "none",  # real text: legible at any zoom, found by a search
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that the layout is the same everywhere
    "font.size": 8.5,
    "text.parse_math": False,  # a name with two dollar signs is a name
    "text.color": INK,
    "axes.edgecolor": "#b8c0cb",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e6eaef",
    "grid.linewidth": 0.7,
    "xtick.color": "#b8c0cb",
    "ytick.color": "#b8c0cb",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.4,
    "lines.solid_joinstyle": "round",
    "path.simplify": False,  # would drop the zero-length strokes that draw the dots
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "figure.constrained_layout.use": True,
}
_LINES: dict[str, Any] = {
    "path.simplify": True,
    "path.simplify_threshold": 0.25,  # how far a line may be from its points [pixel; point in SVG]
    "figure.constrained_layout.use": False,
}
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_METADATA: dict[str, str | None] = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def drawing(*, lines: bool = False) -> Iterator[None]:
    """Draw with the report's settings, whatever the user's matplotlibrc says.

    Parameters
    ----------
    lines : bool
        Whether there are no dots, so that lines may be drawn with fewer points, and the layout is fixed by the figure.

    Yields
    ------
    None
        At the end the user's settings are back.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        cast(dict[str, Any], matplotlib.rcParams).update(_RC | (_LINES if lines else {}))
        yield


def svg(figure: Figure, title: str, prefix: str) -> Markup:
    """Return a figure as SVG to be put into HTML.

    Parameters
    ----------
    figure : Figure
        Drawn within `drawing`.
    title : str
        What the figure shows, for screen readers.
    prefix : str
        Put before each id, so that figures on one page do not collide.

    Returns
    -------
    Markup
        One ``<svg>`` element without XML declaration, comments, metadata or dates.
    """
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata=_METADATA)
    return embed(stream.getvalue(), title, prefix)


def embed(text: str | bytes, title: str, prefix: str) -> Markup:
    """Return a drawing that is SVG already, ready for HTML.

    Parameters
    ----------
    text : str or bytes
        The drawing.
    title : str
        What it shows, for screen readers.
    prefix : str
        Put before each id, so that drawings on one page do not collide.

    Returns
    -------
    Markup
        One ``<svg>`` element, as `svg` returns it.
    """
    root = ElementTree.fromstring(text)
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key in ("d", "x", "y"):
                element.set(key, _DECIMALS.sub(r"\1", value))  # to a hundredth of a point, finer than any screen shows
            elif key == "id":
                element.set(key, f"{prefix}-{value}")
            elif key == f"{{{_XLINK}}}href" and value.startswith("#"):
                element.set(key, f"#{prefix}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, re.sub(r"url\(#", f"url(#{prefix}-", value))
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.set("role", "img")
    root.set("aria-label", title)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def plain(name: str) -> str:
    """Return a process name as words; what is a symbol, such as S_NH, mu_A and tank.S_NH, stays one.

    Parameters
    ----------
    name : str
        A process, parameter, component or variable.

    Returns
    -------
    str
    """
    return name if re.match(r"[A-Z]+_|[a-z]{1,3}_|.*\.", name) else process_words(name)


def unit_text(unit: str) -> str:
    """Return a unit with superscripts: ``g N/m3`` becomes ``g N/m³``.

    Parameters
    ----------
    unit : str
        In ASCII, as files have it.

    Returns
    -------
    str
    """
    return re.sub(r"\bm([23])\b", lambda found: "m" + "²³"[int(found[1]) - 2], unit).replace("degC", "°C")


def sentence(text: str) -> str:
    """Return a sentence with superscripts and true minus signs, in which no date and no percentage is broken.

    Parameters
    ----------
    text : str
        In ASCII, as files have it.

    Returns
    -------
    str
    """
    unbroken = re.sub(r"\b(\d{4})-(\d\d)-(\d\d)\b", "\\1\u2011\\2\u2011\\3", unit_text(text))
    return re.sub(r"(?<![\w.])-(?=\d)", "−", re.sub(r"(?<=\d) %", "\u00a0%", unbroken))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with a true minus sign.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        Significant digits.

    Returns
    -------
    str
        A dash where there is no finite number.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    places = f".{max(digits - 1 - exponent, 0)}f" if -4 <= exponent < 6 else f".{digits - 1}e"
    return format(value, places).replace("-", "−")


def percent(share: float | None) -> str:
    """Return a share in percent, without sign for zero.

    Parameters
    ----------
    share : float or None
        The share [-].

    Returns
    -------
    str
        A dash where there is no finite share.
    """
    if share is None or not math.isfinite(share):
        return "–"
    value = 100 * share
    text = f"{value:.0f}" if abs(value) >= 0.95 else f"{value:.1f}"
    return ("0" if float(text) == 0 else text.replace("-", "−")) + " %"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    Parameters
    ----------
    seconds : float
        The time [s].

    Returns
    -------
    str
        In seconds, minutes or hours, with the unit.
    """
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
