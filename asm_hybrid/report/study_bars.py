"""Small drawings in the cells of a study's tables: a value with its interval, and how cases spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

__all__ = ["interval_bar", "spread_bar"]

WIDTH, HEIGHT = 150, 16
_ROOM = 3


def _svg(content: str) -> Markup:
    return Markup(
        f'<svg class="bar" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">'
        f"{content}</svg>"
    )


def _at(value: float, scale: tuple[float, float]) -> float:
    """Return where a value stands, within the drawing."""
    share = (value - scale[0]) / (scale[1] - scale[0]) if scale[1] > scale[0] else 0.5
    return round(_ROOM + min(max(share, 0.0), 1.0) * (WIDTH - 2 * _ROOM), 1)


def interval_bar(value: float, low: float, high: float, scale: tuple[float, float]) -> Markup:
    """Draw a value as a bar from zero, with its interval.

    Parameters
    ----------
    value : float
        The value.
    low, high : float
        Ends of its interval; NaN without one.
    scale : tuple of float
        Values at both ends of the drawing, zero among them; what lies beyond is drawn at the end.

    Returns
    -------
    Markup
        An ``<svg>`` element, hidden from screen readers since the numbers stand beside it.
    """
    zero, end, middle = _at(0.0, scale), _at(value, scale), HEIGHT / 2
    parts = [f'<rect x="{min(zero, end)}" y="3" width="{round(abs(end - zero), 1)}" height="10" class="fill"/>']
    parts.append(f'<path d="M{zero} 0V{HEIGHT}" class="zero"/>')
    if not (math.isnan(low) or math.isnan(high)):
        left, right = _at(low, scale), _at(high, scale)
        parts.append(f'<path d="M{left} {middle}H{right}M{left} 4V12M{right} 4V12" class="whisker"/>')
    return _svg("".join(parts))


def spread_bar(row: Mapping[str, Any]) -> Markup:
    """Draw how the cases spread between their lowest and their highest value.

    Parameters
    ----------
    row : mapping of str to object
        One of `asm_hybrid.studies.quantile_table`.

    Returns
    -------
    Markup
        An ``<svg>`` element, or nothing without values.
    """
    if not math.isfinite(row["min"]) or not math.isfinite(row["max"]):
        return Markup("")
    known = [row["min"], row["max"], *([row["base"]] if math.isfinite(row["base"]) else [])]
    scale = (min(known), max(known))
    x = {name: _at(row[name], scale) for name in ("min", "p5", "p25", "p50", "p75", "p95", "max")}
    parts = [f'<path d="M{x["min"]} 8H{x["max"]}" class="thin"/>']
    for low, high, css in (("p5", "p95", "wide"), ("p25", "p75", "fill")):
        width = max(round(x[high] - x[low], 1), 1)
        parts.append(f'<rect x="{x[low]}" y="3" width="{width}" height="10" class="{css}"/>')
    parts.append(f'<path d="M{x["p50"]} 1V15" class="whisker"/>')
    if math.isfinite(row["base"]):
        parts.append(f'<circle cx="{_at(row["base"], scale)}" cy="8" r="3" class="base"/>')
    return _svg("".join(parts))
