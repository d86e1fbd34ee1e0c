"""Coordinates of a flow sheet: tracks are packed into gaps and channels, and every reference gets its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from asm_hybrid.plant.layout import EFFLUENT
from asm_hybrid.plant.settler import TakacsSettler
from asm_hybrid.report.routing import Item, Ref, Route, Router, amount

__all__ = ["BOX", "LABEL", "Frame", "Line", "Note", "Sheet", "text_width"]

BOX, PITCH, FIRST, GAP = 0.92, 0.27, 0.30, 0.16
"""Height of a tank; distance of horizontal tracks, of the first from the tank, and of vertical tracks [inch]."""

LABEL, TITLE = 7.5, 8.5
"""Sizes of labels and of names [point]."""

LINE_HEIGHT = 0.16
"""Of text [inch]."""

Point = tuple[float, float]


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = LABEL, bold: bool = False) -> float:
    """Return the width of a text [inch]."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0]) / 72.0


@dataclass(frozen=True)
class Line:
    """A stream or a control line.

    Attributes
    ----------
    name, kind : str
        As for `asm_hybrid.report.routing.Route`.
    points : tuple of (float, float)
        Its points x, y [inch].
    negative : bool
        Whether its flow is known to be below zero.
    """

    name: str
    kind: str
    points: tuple[Point, ...]
    negative: bool


@dataclass(frozen=True)
class Note:
    """A text at a place, aligned there.

    Attributes
    ----------
    x, y : float
        The place [inch].
    text : str
        What it says.
    kind : str
        Kind of line whose colour it has, or ``negative``.
    ha, va : str
        Alignment, as matplotlib names it.
    bold, backed : bool
        Whether it is bold, and whether it has a white ground over a line that it crosses.
    """

    x: float
    y: float
    text: str
    kind: str = "main"
    ha: str = "center"
    va: str = "bottom"
    bold: bool = False
    backed: bool = False


@dataclass(frozen=True)
class Frame:
    """A box with text lines.

    Attributes
    ----------
    left, right, top, bottom : float
        Its sides [inch].
    texts : tuple of str
        The first is its name.
    """

    left: float
    right: float
    top: float
    bottom: float
    texts: tuple[str, ...] = ()

    @property
    def middle(self) -> float:
        """Its middle from left to right."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        """Its width."""
        return self.right - self.left


def packed(spans: Iterable[tuple[Ref, float, float]], margin: float) -> dict[Ref, int]:
    """Put intervals on as few tracks as their order allows, and return the track of each."""
    tracks: list[list[tuple[float, float]]] = []
    found: dict[Ref, int] = {}
    for key, low, high in spans:
        free = (i for i, track in enumerate(tracks) if all(high + margin < a or b + margin < low for a, b in track))
        found[key] = next(free, len(tracks))
        if found[key] == len(tracks):
            tracks.append([])
        tracks[found[key]].append((low, high))
    return found


@dataclass
class Sheet:
    """A flow sheet with coordinates [inch], x to the right and y upward.

    Attributes
    ----------
    router : Router
        The routes.
    texts : mapping of str to tuple of str
        What stands in every tank; also ``primary`` and ``settler``, where there are any.
    """

    router: Router
    texts: Mapping[str, tuple[str, ...]]
    lines: list[Line] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    tanks: dict[str, Frame] = field(default_factory=dict)
    primary: Frame | None = None
    settler: Frame | None = None
    sensors: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layout, self.lanes = self.router.plant.layout, self.router.lanes
        self.x: dict[Ref, float] = {}
        self.y: dict[Ref, float] = {}
        self._columns()
        self._rows()
        self._ends()
        self.lines = [self._line(route) for route in self.router.routes]
        self._labels()

    # From left to right

    def _columns(self) -> None:
        supply = 0.5 + (0.3 if any(x == ("supply",) for r in self.router.routes for x, _ in r.points) else 0.0)
        self.x[("source",)], self.x[("supply",)], x = 0.0, supply / 2, supply
        self.x[("entry",)] = 0.0
        if self.layout.primary:
            width = max(1.1, self._text_width("primary") + 0.2)
            self.x[("primary",)], self.x[("under primary",)] = x, x + width / 2
            x += width
            self.x[("entry",)] = x
        self.edges: dict[str, Point] = {}
        for column in range(self.lanes.columns + 1):
            x = self._gap(column, x)
            if column == self.lanes.columns:
                break
            names = self.lanes.in_column(column)
            width = max(max(self._text_width(n) + 0.24, 0.2 * self._ports(n)) for n in names)
            width = max(width, 1.15)
            for name in names:
                self.edges[name] = (x, x + width)
                self.x["left", name], self.x["right", name] = x, x + width
                for side in ("top", "bottom"):
                    ports = sorted(self.router.ports[name, side].items(), key=lambda entry: entry[1])
                    for i, (key, _) in enumerate(ports):
                        self.x["port", name, side, key] = x + width * (i + 1) / (len(ports) + 1)
            x += width
        joined = bool(self.router.over_all)
        self.x[("end",)] = x
        if self.layout.settler:
            width = max(1.2, self._text_width("settler") + 0.1)
            self.x[("middle",)] = x + width / 2
            x += width
            room = text_width(amount(self._flow("overflow"))) + 0.15 if joined and self.router.numbers else 0.2
            self.x[("out label",)], x = x + 0.05 + room / 2, x + room
        self.x[("join",)] = x + 0.1
        self.x[("exit",)] = x + (0.4 if joined else 0.15) + 0.1
        if not self.layout.settler:
            self.x[("end",)] = self.x[("exit",)]
        for stream in self.router.streams:
            if stream.name.startswith("recycle."):
                item = self._item_of(stream.name, self.lanes.row[stream.source])
                first, last = (self.x[ref] for ref in item.ends[:2])
                shift = min(0.22, 0.37 * abs(last - first))
                self.x["mark", stream.name] = first + (shift if last > first else -shift)

    def _item_of(self, stream: str, row: int) -> Item:
        return self.router.items[row, "above"][stream, "out"]

    def _flow(self, name: str) -> float:
        return sum(s.flow for s in self.router.streams if s.name == name)

    def _ports(self, tank: str) -> int:
        return 1 + max(len(self.router.ports[tank, side]) for side in ("top", "bottom"))

    def _text_width(self, name: str) -> float:
        return max(text_width(t, TITLE if i == 0 else LABEL, i == 0) for i, t in enumerate(self.texts[name]))

    def _gap(self, number: int, x: float) -> float:
        """Place the tracks and label zones of a gap that begins at x, and return where it ends."""
        tracks = self.router.tracks[number]
        found = packed(((key, min(rows), max(rows)) for key, rows in tracks.items()), 0.0)
        count = max(found.values(), default=-1) + 1
        zones = {1: 0.0, 2: 0.0}
        for text in self.router.texts:
            if text.x[:2] == ("zone", number):
                zone = int(str(text.x[2]))
                zones[zone] = max(zones[zone], text_width(text.text) + 0.1)
        if not count:
            width = max(*zones.values(), 0.25)
            self.x["zone", number, 1] = self.x["zone", number, 2] = x + 0.06 + width / 2
            return x + 0.06 + width + 0.16
        self.x["zone", number, 1] = x + 0.06 + zones[1] / 2
        first = x + 0.06 + max(zones[1], 0.04) + 0.06
        for key, track in found.items():
            self.x["gap", number, key] = first + track * GAP
        end = first + (count - 1) * GAP
        self.x["zone", number, 2] = end + 0.04 + zones[2] / 2
        return end + 0.04 + max(zones[2], 0.04) + 0.16

    # From top to bottom

    def _rows(self) -> None:
        y = 0.0
        drained = {self.lanes.row[t] for t, side in self.router.ports if ("waste",) in self.router.ports[t, side]}
        for row in range(self.lanes.rows):
            above, below = (self._packed_channel(row, side) for side in ("above", "below"))
            count = max(above.values(), default=-1) + 1
            y -= FIRST + PITCH * (count - 1) + LINE_HEIGHT + 0.06 if count else 0.1
            for key, track in above.items():
                self.y["above", row, key] = y + FIRST + PITCH * track
            self.y["top", row], self.y["row", row], self.y["bottom", row] = y, y - BOX / 2, y - BOX
            self.y["low", row] = y - BOX + 0.16
            y -= BOX
            for name in self.lanes.row:
                if self.lanes.row[name] == row:
                    left, right = self.edges[name]
                    self.tanks[name] = Frame(left, right, y + BOX, y, self.texts[name])
            for key, track in below.items():
                self.y["below", row, key] = y - FIRST - PITCH * track
            if below:
                y -= FIRST + PITCH * max(below.values())
            if row in drained:
                self.y["drained", row], self.y["drain", row] = y - 0.18, y - 0.36
                y -= 0.36 + 2 * LINE_HEIGHT + 0.06
            y -= 0.12
        self.floor = y

    def _packed_channel(self, row: int, side: str) -> dict[Ref, int]:
        items, found, base = self.router.items[row, side], dict[Ref, int](), 0
        for level in sorted({item.level for item in items.values()}):
            spans = [(key, *self._span(item)) for key, item in items.items() if item.level == level]
            spans.sort(key=lambda entry: entry[2] - entry[1])
            tracks = packed(spans, 0.06)
            found.update({key: base + track for key, track in tracks.items()})
            base += max(tracks.values()) + 1
        return found

    def _span(self, item: Item) -> Point:
        xs, width = [self.x[ref] for ref in item.ends], text_width(item.label) + 0.08 if item.label else 0.0
        if item.anchor is not None:
            first = self.x[item.anchor]
            return min(xs), max(*xs, first + 0.1 + width)
        middle = (min(xs) + max(xs)) / 2
        return min(*xs, middle - width / 2), max(*xs, middle + width / 2)

    def _mean(self, rows: Sequence[int]) -> float:
        return sum(self.y["row", r] for r in rows) / len(rows)

    def _ends(self) -> None:
        """Place the clarifiers, and what lies above and below all rows."""
        self.y[("end",)], self.y[("entry",)] = self._mean(self.router.end_rows), self._mean(self.router.entry_rows)
        self.y[("supply",)] = self.y[("entry",)]
        floor, ceiling, feed = self.floor, 0.0, self.y[("end",)]
        if self.layout.primary:
            left, y = self.x[("primary",)], self.y[("entry",)]
            self.primary = Frame(left, self.x[("entry",)], y + 0.34, y - 0.5, self.texts["primary"])
            self.y[("primary",)], self.y[("drain",)] = y - 0.5, y - 0.85
        self.y[("out",)] = feed
        settler = self.layout.settler
        if settler:
            height = 1.8 if isinstance(settler, TakacsSettler) else 0.95
            share = (settler.feed_layer - 0.5) / settler.layers * 0.75 if isinstance(settler, TakacsSettler) else 0.3
            top, left, middle = feed + height * share, self.x[("end",)], self.x[("middle",)]
            self.settler = Frame(left, 2 * middle - left, top, top - height, self.texts["settler"])
            self.y[("out",)], self.y[("floor",)] = top - 0.12, top - height
            floor, ceiling = min(floor, top - height), top + LINE_HEIGHT * len(self.texts["settler"]) + 0.1
        self.y[("return",)] = floor - 0.18
        self.y[("waste",)], self.y[("wasted",)] = floor - 0.5, floor - 0.34
        for i, key in enumerate(self.router.over_all):
            self.y["over", key] = max(0.0, ceiling) + 0.12 + PITCH * i

    # Lines and labels

    def _line(self, route: Route) -> Line:
        points = [(self.x[x], self.y[y]) for x, y in route.points]
        kept = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
        if route.kind == "control":
            self.sensors.append(kept[1])
        return Line(route.name, route.kind, tuple(kept), route.negative)

    def _labels(self) -> None:
        for text in self.router.texts:
            x, y, kind = self.x[text.x], self.y[text.y], "negative" if text.negative else text.kind
            if text.x[0] == "zone":
                self.notes.append(Note(x, y + 0.03, text.text, kind))
            else:
                shift = 0.16 if text.y[0] == "top" else -0.16
                self.notes.append(Note(x - 0.05, y + shift, text.text, kind, "right", "center"))
        for (row, side), items in self.router.items.items():
            for key, item in items.items():
                self._item_label(item, self.y[side, row, key])
        for key, item in self.router.over_all.items():
            self._item_label(item, self.y["over", key])
        self._terminals()

    def _item_label(self, item: Item, y: float) -> None:
        if not item.label:
            return
        xs, width = [self.x[ref] for ref in item.ends], text_width(item.label)
        kind = "negative" if item.negative else item.kind
        if item.anchor is not None:
            x = self.x[item.anchor]
            if all(points[0] != x for points in self.sensors):
                self.sensors.append((x, y))
            crossed = [any(low < b < low + width for b in self._verticals(y)) for low in (x + 0.09, x - 0.09 - width)]
            shift, ha = (-0.09, "right") if crossed == [True, False] else (0.09, "left")
            self.notes.append(Note(x + shift, y + 0.03, item.label, kind, ha, backed=all(crossed)))
            return
        blocked = self._verticals(y)
        x = free_place(min(xs), max(xs), width, blocked)
        backed = any(abs(b - x) < width / 2 for b in blocked)
        self.notes.append(Note(x, y + 0.03, item.label, kind, backed=backed))

    def _verticals(self, y: float) -> list[float]:
        """Return where vertical lines cross a label that stands on a height."""
        return [
            a[0]
            for line in self.lines
            for a, b in zip(line.points, line.points[1:], strict=False)
            if a[0] == b[0] and min(a[1], b[1]) < y + LINE_HEIGHT and max(a[1], b[1]) > y + 0.02
        ]

    def _terminals(self) -> None:
        """Name what comes into and leaves the plant."""
        titled = self.router.titled
        streams, numbers = self.router.streams, self.router.numbers
        source = sum(s.flow for s in streams if s.source == "influent")
        out = sum(s.flow for s in streams if s.target == EFFLUENT)
        self._terminal(("source",), ("entry",), "influent", source, "main", -1)
        self._terminal(("exit",), ("out",), "effluent", out, "main", 1)
        if self.settler:
            overflow = next(s for s in streams if s.name == "overflow")
            name, y = "overflow:settler:effluent", self.y[("out",)]
            points = ((self.settler.right, y), (self.x[("exit",)], y))
            self.lines.append(Line(name, "main", points, numbers and overflow.flow < 0))
            if self.router.over_all and numbers:
                kind = "negative" if overflow.flow < 0 else "main"
                self.notes.append(Note(self.x[("out label",)], y + 0.03, amount(overflow.flow), kind))
            total, kind = self._flow("return_sludge"), "sludge"
            kind = "negative" if numbers and total < 0 else kind
            y, x = self.y[("return",)], self.x[("middle",)]
            x = min([x, *(a for a in self._verticals(y - 0.03) if self.x["zone", self.lanes.columns, 1] < a)]) - 0.12
            self.notes.append(Note(x, y - 0.04, titled("return sludge", total), kind, "right", "top"))
        for stream in streams:
            if stream.name == "wastage" and self.settler and stream.source == "settler":
                self._terminal(("exit",), ("waste",), "wastage", stream.flow, "sludge", 1)
            elif stream.name == "wastage":
                row = self.lanes.row[stream.source]
                port = ("port", stream.source, "bottom", ("waste",))
                self._terminal(port, ("drain", row), "wastage", stream.flow, "sludge", 0)
            elif stream.name == "primary.sludge":
                self._terminal(("under primary",), ("drain",), "primary sludge", stream.flow, "sludge", 0)

    def _terminal(self, x: Ref, y: Ref, title: str, flow: float, kind: str, side: int) -> None:
        """Write a name and a flow left (-1), below (0) or right (1) of the end of a line."""
        px, py = self.x[x] + 0.07 * side, self.y[y]
        kind = "negative" if self.router.numbers and flow < 0 else kind
        ha = ("right", "center", "left")[side + 1]
        if not self.router.numbers:
            self.notes.append(
                Note(px, py - (0.05 if side == 0 else 0), title, kind, ha, "center" if side else "top", True)
            )
            return
        py -= 0.05 + LINE_HEIGHT if side == 0 else 0.0
        self.notes.append(Note(px, py + 0.015, title, kind, ha, "bottom", True))
        self.notes.append(Note(px, py - 0.015, amount(flow), kind, ha, "top"))


def free_place(low: float, high: float, width: float, blocked: Sequence[float]) -> float:
    """Return the middle of a label between two ends, near their middle and away from what is blocked."""
    middle, room = (low + high) / 2, max((high - low - width) / 2 - 0.04, 0.0)
    places = sorted((middle + room * i / 20 for i in range(-20, 21)), key=lambda x: abs(x - middle))

    def distance(x: float) -> float:
        return min((abs(b - x) - width / 2 for b in blocked if low - 0.01 < b < high + 0.01), default=1.0)

    return next((x for x in places if distance(x) > 0.03), max(places, key=distance))
