"""The flow sheet of a plant as a drawing."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from asm_hybrid.plant import Plant, Tank
from asm_hybrid.plant.settler import TakacsSettler
from asm_hybrid.plant.water import Stream, pipes, water_balance
from asm_hybrid.report.routing import Router, amount
from asm_hybrid.report.sheet import LABEL, TITLE, Frame, Line, Sheet, text_width
from asm_hybrid.report.style import INK, MUTED, drawing, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arrange", "draw_flowsheet"]

LINES = {"main": "#1f5f8b", "sludge": "#8a5a2b", "recycle": "#d1660a", "control": "#7a4fa3", "negative": "#c8102e"}
NAMES = {"main": "water", "sludge": "sludge", "recycle": "recycle", "control": "control", "negative": "flows backwards"}
AERATED, STILL, EDGE = "#d3e9f8", "#e4e7dc", "#5b6675"
ORDER = ("main", "sludge", "recycle", "control")
"""From below to above; where lines of two kinds cross, the upper one bridges the lower."""

HEAD = 0.09
"""Length of an arrowhead [inch]."""


def draw_flowsheet(plant: Plant, u: np.ndarray | None = None, kind: Literal["svg", "png"] = "svg") -> bytes:
    """Draw a plant: tanks, clarifiers, streams and controllers.

    Parameters
    ----------
    plant : Plant
        The plant.
    u : ndarray, shape (input,), optional
        Inputs in the order of ``plant.inputs``. With them, streams are labelled with their flow [m³/d], tanks with
        their aeration, and what cannot be right is marked and named.
    kind : {'svg', 'png'}
        Format.

    Returns
    -------
    bytes
        The same for the same plant and inputs.

    Raises
    ------
    InputError
        When the inputs are not as many as the plant has, or not finite.
    """
    sheet, findings = arrange(plant, u)
    dry = {t for t in plant.layout.tank_names if any(f"to the tank {t!r}" in f for f in findings)}
    with drawing():
        return _paint(plant, sheet, findings, dry, kind)


def arrange(plant: Plant, u: np.ndarray | None = None) -> tuple[Sheet, list[str]]:
    """Give all parts of a flow sheet their place, and say what cannot be right.

    Parameters
    ----------
    plant : Plant
        The plant.
    u : ndarray, shape (input,), optional
        Inputs in the order of ``plant.inputs``. Without them no flow is known, and nothing is found wrong.

    Returns
    -------
    (Sheet, list of str)
        The parts with their coordinates, and a sentence on each flow that cannot be right.

    Raises
    ------
    InputError
        When the inputs are not as many as the plant has, or not finite.
    """
    if u is None:
        streams = tuple(Stream(p.name, p.source, p.target, 0.0) for p in pipes(plant))
        return Sheet(Router(plant, streams, False), _texts(plant, None)), []
    balance = water_balance(plant, u)
    return Sheet(Router(plant, balance.streams, True), _texts(plant, u)), [f.found for f in balance.findings]


def _oxygen(plant: Plant, tank: Tank) -> bool:
    return tank.aerated or tank.air is not None or (tank.name, plant.table.oxygen) in plant.layout.imposed


def _texts(plant: Plant, u: np.ndarray | None) -> dict[str, tuple[str, ...]]:
    """Return what stands in tanks and clarifiers."""
    texts: dict[str, tuple[str, ...]] = {}
    value = dict(zip(plant.input_index, [] if u is None else u, strict=False))
    for tank in plant.layout.tanks:
        kla, air, oxygen = (f"{tank.name}.{k}" for k in ("kla", "air", plant.table.oxygen))
        if tank.aerated:
            how = f"kLa {amount(value[kla])} 1/d" if value else "kLa"
        elif tank.air:
            how = f"air {amount(value[air])} m³/d" if value else "air flow"
        elif _oxygen(plant, tank):
            how = f"{plant.table.oxygen} {value[oxygen]:.3g} given" if value else f"{plant.table.oxygen} given"
        else:
            how = "not aerated"
        texts[tank.name] = (tank.name, f"{amount(tank.volume)} m³" + (", varies" if tank.variable else ""), how)
    if plant.layout.primary:
        texts["primary"] = ("primary", f"{amount(plant.layout.primary.volume)} m³")
    settler = plant.layout.settler
    if isinstance(settler, TakacsSettler):
        texts["settler"] = ("settler", f"{settler.layers} layers, {amount(settler.volume)} m³")
    elif settler:
        texts["settler"] = ("settler", "ideal")
    return texts


def _paint(plant: Plant, sheet: Sheet, findings: Sequence[str], dry: set[str], kind: Literal["svg", "png"]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    left, right, bottom, top = _limits(sheet)
    legend = _legend(plant, sheet)
    needed = sum(0.45 + text_width(text) for text, _ in legend)
    right = max(right, left + min(needed, 5.0))
    rows = _legend_rows(legend, right - left)
    wrapped = [line for f in findings for line in textwrap.wrap(f, max(int((right - left) / 0.068), 30))]
    below = 0.22 * len(rows) + 0.16 * len(wrapped) + (0.1 if wrapped else 0.0) + 0.15
    left, right, bottom, top = left - 0.12, right + 0.12, bottom - below, top + 0.12
    figure = Figure(figsize=(right - left, top - bottom))
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(left, right), ylim=(bottom, top))
    _streams(ax, sheet.lines)
    for tank in plant.layout.tanks:
        _tank(ax, sheet.tanks[tank.name], tank, _oxygen(plant, tank), tank.name in dry)
    _clarifiers(ax, plant, sheet)
    for x, y in sheet.sensors:
        ax.plot([x], [y], "o", ms=6.5, mfc="white", mec=LINES["control"], mew=1.2, zorder=8)
    for note in sheet.notes:
        place: dict[str, Any] = {"ha": note.ha, "va": note.va, "color": LINES[note.kind], "zorder": 9}
        if note.backed:
            place["bbox"] = {"fc": "white", "ec": "none", "pad": 0.5}
        weight = "bold" if note.bold else "normal"
        ax.text(note.x, note.y, note.text, fontsize=TITLE if note.bold else LABEL, fontweight=weight, **place)
    y = bottom + below - 0.2
    for row in rows:
        _legend_row(ax, row, left + 0.12, y)
        y -= 0.22
    for line in wrapped:
        ax.text(left + 0.12, y, line, fontsize=LABEL, color=LINES["negative"], va="center")
        y -= 0.16
    if kind == "svg":
        return svg(figure, f"Flow sheet with {len(plant.layout.tanks)} tanks", "flowsheet").encode()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130, facecolor="white", metadata=cast(Any, {"Software": None}))
    return content.getvalue()


def _limits(sheet: Sheet) -> tuple[float, float, float, float]:
    xs = [x for line in sheet.lines for x, _ in line.points]
    ys = [y for line in sheet.lines for _, y in line.points]
    for note in sheet.notes:
        width = text_width(note.text, TITLE if note.bold else LABEL, note.bold)
        first = note.x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[note.ha]
        xs += [first, first + width]
        ys += [note.y + shift for shift in {"bottom": (0.0, 0.16), "center": (-0.08, 0.08), "top": (-0.16, 0)}[note.va]]
    for frame in (*sheet.tanks.values(), sheet.settler, sheet.primary):
        if frame:
            xs += [frame.left, frame.right]
            ys += [frame.bottom, frame.top + (0.4 if frame is sheet.settler else 0.0)]
    return min(xs), max(xs), min(ys), max(ys)


def _streams(ax: Axes, lines: Sequence[Line]) -> None:
    from matplotlib.patches import Polygon

    for level, kind in enumerate(ORDER):
        same = [line for line in lines if line.kind == kind]
        for line in same:
            cut = [_toward(line.points[0], line.points[1]), *line.points[1:-1], _toward(*line.points[:-3:-1])]
            ax.plot(*zip(*cut, strict=True), color="white", lw=4.0, solid_capstyle="butt", zorder=1 + 0.2 * level)
        for line in same:
            colour = LINES["negative" if line.negative else kind]
            (x1, y1), (x, y) = line.points[-1], _toward(*line.points[:-3:-1])
            dx, dy = x1 - x, y1 - y
            path = [*line.points[:-1], (x1 - 0.8 * dx, y1 - 0.8 * dy)]
            style: dict[str, Any] = {"ls": (0, (3, 2)), "lw": 1.0} if kind == "control" else {"lw": 1.5}
            drawn = ax.plot(*zip(*path, strict=True), color=colour, zorder=1.1 + 0.2 * level, **style)
            drawn[0].set_gid(line.name)
            tip = [(x1, y1), (x1 - dx - 0.4 * dy, y1 - dy + 0.4 * dx), (x1 - dx + 0.4 * dy, y1 - dy - 0.4 * dx)]
            ax.add_patch(Polygon(tip, closed=True, fc=colour, ec="none", zorder=1.15 + 0.2 * level))
        if kind != "control":
            for x, y in _junctions(same):
                ax.plot([x], [y], "o", ms=3.4, mfc=LINES[kind], mec="none", zorder=1.15 + 0.2 * level)


def _toward(end: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the point an arrowhead's length from the end of a line."""
    (x, y), (x1, y1) = end, other
    share = HEAD / max(abs(x1 - x), abs(y1 - y))
    return x + share * (x1 - x), y + share * (y1 - y)


def _junctions(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Return the bends of lines at which they part or meet: three ways go from there."""
    segments = {pair for line in lines for pair in zip(line.points, line.points[1:], strict=False)}
    bends = sorted({p for line in lines for p in line.points[1:-1]})
    out = []
    for x, y in bends:
        ways = set()
        for (x0, y0), (x1, y1) in segments:
            if y0 == y1 == y and min(x0, x1) <= x <= max(x0, x1):
                ways |= {"left"} if min(x0, x1) < x else set()
                ways |= {"right"} if max(x0, x1) > x else set()
            if x0 == x1 == x and min(y0, y1) <= y <= max(y0, y1):
                ways |= {"down"} if min(y0, y1) < y else set()
                ways |= {"up"} if max(y0, y1) > y else set()
        if len(ways) > 2:
            out.append((x, y))
    return out


def _tank(ax: Axes, frame: Frame, tank: Tank, aerated: bool, dry: bool) -> None:
    from matplotlib.patches import Circle, Rectangle

    edge: dict[str, Any] = {"ec": LINES["negative"], "ls": "--", "lw": 1.6} if dry else {"ec": EDGE, "lw": 1.1}
    height = frame.top - frame.bottom
    box = Rectangle((frame.left, frame.bottom), frame.width, height, fc=AERATED if aerated else STILL, zorder=5, **edge)
    box.set_gid(f"tank:{tank.name}")
    ax.add_patch(box)
    if tank.variable:
        level = [frame.bottom + 0.86 * height] * 2
        ax.plot([frame.left, frame.right], level, color=LINES["main"], lw=1.0, ls=(0, (4, 2)), zorder=5.2)
        ax.add_patch(
            Rectangle((frame.left, level[0]), frame.width, frame.top - level[0], fc="white", zorder=5.1, **edge)
        )
    _lines_of_text(ax, frame, frame.top - (0.27 if tank.variable else 0.19))
    if aerated:
        for i in range(7):
            x = frame.left + frame.width * (i + 0.5) / 7
            ax.add_patch(
                Circle((x, frame.bottom + 0.07 + 0.05 * (i % 2)), 0.024, fc="white", ec="#4a90c2", lw=0.7, zorder=6)
            )


def _lines_of_text(ax: Axes, frame: Frame, y: float) -> None:
    for i, text in enumerate(frame.texts):
        colour, weight = (INK, "bold") if i == 0 else (MUTED, "normal")
        style: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 9, "color": colour, "fontweight": weight}
        ax.text(frame.middle, y - 0.18 * i, text, fontsize=TITLE if i == 0 else LABEL, **style)


def _clarifiers(ax: Axes, plant: Plant, sheet: Sheet) -> None:
    from matplotlib.patches import Polygon

    for frame, name in ((sheet.primary, "primary"), (sheet.settler, "settler")):
        if frame is None:
            continue
        shoulder, tip = frame.top - 0.62 * (frame.top - frame.bottom), 0.1
        settler = plant.layout.settler
        if name == "settler":
            shoulder, tip = (
                frame.top - (0.75 if isinstance(settler, TakacsSettler) else 0.5) * (frame.top - frame.bottom),
                0.06,
            )
        left, right, middle = frame.left, frame.right, frame.middle
        outline = [(left, frame.top), (right, frame.top), (right, shoulder), (middle + tip, frame.bottom)]
        outline += [(middle - tip, frame.bottom), (left, shoulder)]
        patch = Polygon(outline, closed=True, fc="#f3efe6", ec=EDGE, lw=1.1, zorder=5)
        patch.set_gid(name)
        ax.add_patch(patch)
        if name == "primary":
            _lines_of_text(ax, frame, frame.top - 0.16)
            continue
        if isinstance(settler, TakacsSettler):
            _layers(ax, frame, shoulder, settler)
        _lines_of_text(ax, frame, frame.top + 0.09 + 0.18 * (len(frame.texts) - 1))


def _layers(ax: Axes, frame: Frame, shoulder: float, settler: TakacsSettler) -> None:
    from matplotlib.patches import Rectangle

    thickness = (frame.top - shoulder) / settler.layers
    for layer in range(settler.layers):
        share = layer / (settler.layers - 1)
        fed = layer == settler.feed_layer - 1
        colour = "#f2d6a8" if fed else tuple(1 - share * (1 - c) for c in (0.80, 0.72, 0.60))
        place = (frame.left, frame.top - (layer + 1) * thickness)
        ax.add_patch(Rectangle(place, frame.width, thickness, fc=colour, ec="#b9ad98", lw=0.6, zorder=5.1))
    box = Rectangle((frame.left, shoulder), frame.width, frame.top - shoulder, fc="none", ec=EDGE, lw=1.1, zorder=5.2)
    ax.add_patch(box)


def _legend(plant: Plant, sheet: Sheet) -> list[tuple[str, str]]:
    """Return the entries of the legend: text, and the colour or kind of line."""
    aerated = [_oxygen(plant, tank) for tank in plant.layout.tanks]
    entries = [("aerated", AERATED)] if any(aerated) else []
    entries += [] if all(aerated) else [("not aerated", STILL)]
    entries += [(NAMES[kind], kind) for kind in ORDER if any(line.kind == kind for line in sheet.lines)]
    entries += [(NAMES["negative"], "negative")] if any(line.negative for line in sheet.lines) else []
    return [*entries, *([("flows in m³/d", "")] if sheet.router.numbers else [])]


def _legend_rows(entries: Sequence[tuple[str, str]], width: float) -> list[list[tuple[str, str]]]:
    rows: list[list[tuple[str, str]]] = [[]]
    used = 0.0
    for entry in entries:
        needed = 0.45 + text_width(entry[0])
        if rows[-1] and used + needed > width + 0.1:
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += needed
    return rows


def _legend_row(ax: Axes, row: Sequence[tuple[str, str]], x: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    for text, what in row:
        if what in LINES:
            style: dict[str, Any] = {"ls": (0, (3, 2)), "lw": 1.0} if what == "control" else {"lw": 1.5}
            ax.plot([x, x + 0.22], [y, y], color=LINES[what], **style)
        elif what:
            ax.add_patch(Rectangle((x, y - 0.05), 0.2, 0.1, fc=what, ec=EDGE, lw=0.7))
        start = x + (0.28 if what else 0.0)
        ax.text(start, y, text, fontsize=LABEL, color=MUTED, va="center")
        x = start + text_width(text) + 0.17
