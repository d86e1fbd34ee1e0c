"""A flow sheet as SVG whose tanks, settlers, streams and controllers can be chosen by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from asm_hybrid.plant import Plant
from asm_hybrid.plant.settler import TakacsSettler
from asm_hybrid.report.flowsheet import AERATED, EDGE, LINES, STILL
from asm_hybrid.report.sheet import LABEL, TITLE, Frame, Line, Note, Sheet, text_width
from asm_hybrid.report.style import INK, MUTED
from asm_hybrid.serve.places import place_of_line

__all__ = ["svg_of_sheet"]

INCH, POINT = 100.0, 100.0 / 72.0
"""Units of the drawing in an inch, and in a point."""
MARGIN = 0.15
"""Around everything [inch]."""
HEAD = 0.09
"""Length of an arrowhead [inch]."""
Point = tuple[float, float]
At = Callable[[Point], Point]


def svg_of_sheet(plant: Plant, sheet: Sheet, labels: dict[str, str], findings: Sequence[str] = ()) -> str:
    """Return the drawing.

    Parameters
    ----------
    plant : Plant
        The plant.
    sheet : Sheet
        From `asm_hybrid.report.flowsheet.arrange`.
    labels : dict of str to str
        What each place is called, by its name; a part whose place is not among them cannot be chosen.
    findings : sequence of str
        What cannot be right in the flows, a sentence each.

    Returns
    -------
    str
        One ``svg`` element, and a paragraph a finding. A part that can be chosen has its place as ``data-place``.
    """
    left, right, bottom, top = _limits(sheet)
    width, height = (right - left) * INCH, (top - bottom) * INCH

    def at(point: Point) -> Point:
        return round((point[0] - left) * INCH, 1), round((top - point[1]) * INCH, 1)

    order = ("main", "sludge", "recycle", "control")
    lines = [_stream(line, at, labels) for kind in order for line in sheet.lines if line.kind == kind]
    boxes = [_tank(plant, name, frame, at, labels) for name, frame in sheet.tanks.items()]
    if sheet.primary:
        boxes.append(_clarifier("primary", sheet.primary, at, labels, 0.62, inside=True))
    if sheet.settler:
        share = 0.75 if isinstance(plant.layout.settler, TakacsSettler) else 0.5
        boxes.append(_clarifier("settler", sheet.settler, at, labels, share, inside=False))
    spots = [_sensor(at(point)) for point in sheet.sensors]
    notes = [_note(note, at) for note in sheet.notes]
    inner = "".join([*lines, *boxes, *spots, *notes])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" class="ah-sheet" role="group" '
        f'aria-label="Flow sheet" style="min-width:{width * 0.7:.0f}px; max-width:{width * 1.2:.0f}px">{inner}</svg>'
        + "".join(f'<p class="ah-message warning">{escape(text)}</p>' for text in findings)
    )


def _limits(sheet: Sheet) -> tuple[float, float, float, float]:
    xs = [x for line in sheet.lines for x, _ in line.points]
    ys = [y for line in sheet.lines for _, y in line.points]
    for note in sheet.notes:
        width = text_width(note.text, TITLE if note.bold else LABEL, note.bold) * 1.1
        first = note.x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[note.ha]
        xs += [first, first + width]
        ys += [note.y - 0.16, note.y + 0.16]
    for frame in (*sheet.tanks.values(), sheet.settler, sheet.primary):
        if frame:
            xs += [frame.left, frame.right]
            ys += [frame.bottom, frame.top + (0.4 if frame is sheet.settler else 0.0)]
    return min(xs) - MARGIN, max(xs) + MARGIN, min(ys) - MARGIN, max(ys) + MARGIN


def _part(place: str | None, labels: dict[str, str], inner: str, more: str = "") -> str:
    if place is None or place not in labels:
        return f"<g>{inner}</g>"
    label = escape(f"{labels[place]}{more}")
    return (
        f'<g class="ah-part" role="button" tabindex="0" data-place="{escape(place)}" aria-label="{label}" '
        f'aria-pressed="false"><title>{label}</title>{inner}</g>'
    )


def _stream(line: Line, at: At, labels: dict[str, str]) -> str:
    colour = LINES["negative" if line.negative else line.kind]
    (x0, y0), (x1, y1) = line.points[-2:]
    share = HEAD / max(abs(x1 - x0), abs(y1 - y0))
    dx, dy = share * (x1 - x0), share * (y1 - y0)
    path = _points(at(p) for p in (*line.points[:-1], (x1 - 0.8 * dx, y1 - 0.8 * dy)))
    tip = _points(
        at(p) for p in ((x1, y1), (x1 - dx - 0.4 * dy, y1 - dy + 0.4 * dx), (x1 - dx + 0.4 * dy, y1 - dy - 0.4 * dx))
    )
    dashes = ' stroke-dasharray="5 3"' if line.kind == "control" else ""
    drawn = (
        f'<polyline points="{path}" fill="none" stroke="#fff" stroke-width="5"/>'
        f'<polyline class="ah-hit" points="{path}"/>'
        f'<polyline class="ah-line" points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        f'<polygon points="{tip}" fill="{colour}"/>'
    )
    return _part(place_of_line(line.name), labels, drawn)


def _tank(plant: Plant, name: str, frame: Frame, at: At, labels: dict[str, str]) -> str:
    tank = next(t for t in plant.layout.tanks if t.name == name)
    imposed = (name, plant.table.oxygen) in plant.layout.imposed
    fill = AERATED if tank.aerated or tank.air is not None or imposed else STILL
    (x, y), (x1, y1) = at((frame.left, frame.top)), at((frame.right, frame.bottom))
    size = f'width="{x1 - x:.1f}" height="{y1 - y:.1f}"'
    box = f'<rect class="ah-box" x="{x}" y="{y}" {size} fill="{fill}" stroke="{EDGE}"/>'
    bubbles = "".join(
        f'<circle cx="{x + (x1 - x) * (i + 0.5) / 7:.1f}" cy="{y1 - 7 - 5 * (i % 2):.1f}" r="2.4" fill="#fff" '
        'stroke="#4a90c2" stroke-width=".8"/>'
        for i in range(7 if fill == AERATED else 0)
    )
    texts = _texts(frame.texts, (x + x1) / 2, y + 19)
    return _part(f"tank:{name}", labels, box + bubbles + texts, ", " + ", ".join(frame.texts[1:]))


def _clarifier(name: str, frame: Frame, at: At, labels: dict[str, str], share: float, *, inside: bool) -> str:
    shoulder, tip = frame.top - share * (frame.top - frame.bottom), 0.08
    outline = [
        (frame.left, frame.top), (frame.right, frame.top), (frame.right, shoulder), (frame.middle + tip, frame.bottom),
        (frame.middle - tip, frame.bottom), (frame.left, shoulder),
    ]  # fmt: skip
    shape = f'<polygon class="ah-box" points="{_points(map(at, outline))}" fill="#f3efe6" stroke="{EDGE}"/>'
    x, y = at((frame.middle, frame.top))
    first = y + 19 if inside else y - 10 - 18 * (len(frame.texts) - 1)
    return _part(name, labels, shape + _texts(frame.texts, x, first), ", " + ", ".join(frame.texts[1:]))


def _texts(texts: Sequence[str], x: float, y: float) -> str:
    return "".join(
        f'<text x="{x:.1f}" y="{y + 18 * i:.1f}" text-anchor="middle" dominant-baseline="middle" '
        f'font-size="{(TITLE if i == 0 else LABEL) * POINT:.1f}" fill="{INK if i == 0 else MUTED}" '
        f'font-weight="{700 if i == 0 else 400}">{escape(text)}</text>'
        for i, text in enumerate(texts)
    )


def _sensor(point: Point) -> str:
    return (
        f'<circle cx="{point[0]}" cy="{point[1]}" r="4.5" fill="#fff" stroke="{LINES["control"]}" stroke-width="1.6"/>'
    )


def _note(note: Note, at: At) -> str:
    x, y = at((note.x, note.y))
    anchor = {"left": "start", "center": "middle", "right": "end"}[note.ha]
    base = {"bottom": "auto", "center": "middle", "top": "hanging"}[note.va]
    size = (TITLE if note.bold else LABEL) * POINT
    halo = ' paint-order="stroke" stroke="#fff" stroke-width="4"'
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" dominant-baseline="{base}" font-size="{size:.1f}" '
        f'fill="{LINES[note.kind]}" font-weight="{700 if note.bold else 400}"{halo} '
        f'aria-hidden="true" pointer-events="none">{escape(note.text)}</text>'
    )


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
