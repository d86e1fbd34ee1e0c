"""How the streams of a flow sheet run around its tanks, before any of them has a coordinate.

The tanks stand in rows and columns. Between two columns is a gap with vertical tracks, above and below every row a
channel with horizontal tracks. A point of a route is a pair of references to such places; `Sheet` turns them into
coordinates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from asm_hybrid.plant import Controller, Plant
from asm_hybrid.plant.layout import EFFLUENT, SETTLER
from asm_hybrid.plant.water import INFLUENT, PRIMARY, WASTE, Stream
from asm_hybrid.report.lanes import Lanes, lanes

__all__ = ["Item", "Ref", "Route", "Router", "Text", "amount"]

Ref = tuple[object, ...]
"""A place on one axis, such as ``("gap", 2, key)`` or ``("row", 0)``."""

FEED, OVER, RECYCLE, CONTROL = 0, 1, 2, 3
"""Levels in a channel above a row, from the tanks up; a master controller is a level above the one it sets."""


@dataclass(frozen=True)
class Route:
    """One line of the drawing.

    Attributes
    ----------
    name : str
        ``STREAM:SOURCE:TARGET``, or ``control:NAME``.
    kind : str
        ``main``, ``sludge``, ``recycle`` or ``control``.
    points : tuple of (Ref, Ref)
        References x and y of its points, from begin to end.
    negative : bool
        Whether its flow is known to be below zero.
    """

    name: str
    kind: str
    points: tuple[tuple[Ref, Ref], ...]
    negative: bool = False


@dataclass
class Item:
    """A horizontal line in a channel, with its label.

    Attributes
    ----------
    level : int
        Its level in the channel, counted from the tanks.
    ends : list of Ref
        Places on the x axis that it reaches.
    label, kind : str
        Its label, empty for none, and the kind of its route.
    negative : bool
        As for `Route`.
    anchor : Ref or None
        Where the label begins; None for a free place.
    """

    level: int
    ends: list[Ref]
    label: str = ""
    kind: str = "main"
    negative: bool = False
    anchor: Ref | None = None


@dataclass
class Text:
    """A label at references: in a zone of a gap, or beside a vertical line.

    Attributes
    ----------
    x, y : Ref
        Its place.
    text, kind : str
        What it says, and the kind of the route that it belongs to.
    negative : bool
        As for `Route`.
    """

    x: Ref
    y: Ref
    text: str
    kind: str
    negative: bool


def amount(flow: float) -> str:
    """Return a flow with a space between thousands, to three digits or to one m³/d.

    Parameters
    ----------
    flow : float
        Flow [m3/d]; other figures of the flow sheet are written alike.

    Returns
    -------
    str
        Without the unit.
    """
    text = f"{flow:,.0f}" if abs(flow) >= 99.5 else f"{flow:.3g}"
    return text.replace(",", "\u2009").replace("-", "−")


def between(row: int, other: int) -> range:
    """Return all rows from one to another, whichever is above."""
    return range(min(row, other), max(row, other) + 1)


@dataclass
class Router:
    """All routes of a plant.

    Attributes
    ----------
    plant : Plant
        The plant.
    streams : sequence of Stream
        Its streams.
    numbers : bool
        Whether flows are known, and shown.
    tracks : dict
        Of every gap, the rows that its vertical lines pass.
    items : dict
        Of every channel ``(row, "above" or "below")``, its horizontal lines.
    ports : dict
        Of every ``(tank, "top" or "bottom")``, where lines meet it: identity, and how to sort them.
    over_all : list
        Lines above all rows, with their labels.
    """

    plant: Plant
    streams: Sequence[Stream]
    numbers: bool
    routes: list[Route] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    tracks: dict[int, dict[Ref, set[int]]] = field(default_factory=lambda: defaultdict(dict))
    items: dict[tuple[int, str], dict[Ref, Item]] = field(default_factory=lambda: defaultdict(dict))
    ports: dict[tuple[str, str], dict[Ref, tuple[int, float, float]]] = field(default_factory=lambda: defaultdict(dict))
    over_all: dict[Ref, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lanes: Lanes = lanes(self.plant.layout)
        self.loops = [
            replace(c, sets=(target,), name=c.name if i == 0 else f"{c.name} {i + 1}")
            for c in self.plant.controllers
            for i, target in enumerate(c.sets)
        ]
        self.end = SETTLER if self.plant.layout.settler else EFFLUENT
        tanks = self.plant.layout.tank_names
        self.main = [s for s in self.streams if s.source in tanks and s.name.endswith((".outflow", ".decant"))]
        ends = [s for s in self.main if s.target == self.end]
        self.end_rows = sorted({self.lanes.row[s.source] for s in ends}) or [0]
        self.collected = len(ends) > 1 or any(not self._free_behind(s.source) for s in ends)
        self._influent()
        for stream in self.main:
            self._main(stream)
        for stream in self.streams:
            if stream.name.startswith("recycle."):
                self._recycle(stream)
        self._sludge()
        for controller in self.loops:
            self._control(controller)

    # Bookkeeping

    def gap(self, number: int, key: Ref, rows: Iterable[int]) -> Ref:
        """Return a vertical track in a gap, which passes these rows at least."""
        self.tracks[number].setdefault(key, set()).update(rows)
        return ("gap", number, key)

    def all_rows(self) -> range:
        """Return every row, and the places above and below all."""
        return range(-1, self.lanes.rows + 1)

    def port(self, tank: str, side: str, key: Ref, level: int, other: float, reach: float = 0.0) -> Ref:
        """Return a place on the top or bottom of a tank, for a line from a column to the left or right of it.

        Lines that come back to the same tank go between the others. Labels are to the right of sensors, so that those
        on higher tracks, which reach farther, go to the left.
        """
        distance = other - self.lanes.column[tank]
        order = (0, level, abs(distance)) if distance < 0 else (2, -level, -abs(distance))
        if abs(distance) < 0.1:
            order = (1, -level, distance - reach)
        self.ports[tank, side].setdefault(key, order)
        return ("port", tank, side, key)

    def track(self, row: int, side: str, key: Ref, item: Item) -> Ref:
        """Return a horizontal track in a channel; lines with the same key share it."""
        known = self.items[row, side].setdefault(key, item)
        if known is not item:
            known.ends += item.ends
        return (side, row, key)

    def draw(self, stream: Stream, kind: str, *points: tuple[Ref, Ref]) -> None:
        """Add a route."""
        name = f"{stream.name}:{stream.source}:{stream.target}"
        self.routes.append(Route(name, kind, points, self.numbers and stream.flow < 0))

    def write(self, x: Ref, y: Ref, flow: float, kind: str = "main", title: str = "") -> None:
        """Add the label of a flow: its title, and its value if it is known."""
        text = self.titled(title, flow).strip()
        if text:
            self.texts.append(Text(x, y, text, kind, self.numbers and flow < 0))

    def titled(self, title: str, flow: float) -> str:
        """Return a title with its flow, if flows are known."""
        return f"{title} {amount(flow)}" if self.numbers else title

    def _place(self, tank: str) -> tuple[int, int]:
        return self.lanes.row[tank], self.lanes.column[tank]

    def _free_behind(self, tank: str) -> bool:
        row, column = self._place(tank)
        return self.lanes.clear(row, column + 1, self.lanes.columns)

    # Streams

    def _influent(self) -> None:
        start = PRIMARY if self.plant.layout.primary else INFLUENT
        for stream in self.streams:
            if stream.target == PRIMARY:
                self.draw(stream, "main", (("source",), ("entry",)), (("primary",), ("entry",)))
            if stream.source == PRIMARY and stream.target == WASTE:
                self.draw(stream, "sludge", (("under primary",), ("primary",)), (("under primary",), ("drain",)))
        fed = [s for s in self.streams if s.source == start and s.target not in (WASTE, PRIMARY)]
        tanks = [s for s in fed if s.target != EFFLUENT]
        direct = {s.target for s in tanks if self.lanes.clear(self.lanes.row[s.target], 0, self.lanes.column[s.target])}
        self.entry_rows = sorted(
            {self.lanes.row[t] for t in direct} or {self.lanes.row[s.target] for s in tanks} or {0}
        )
        begin: list[tuple[Ref, Ref]] = [(("entry",), ("entry",))]
        if len(fed) > 1 or not direct:
            begin.append((self.gap(0, ("influent",), self.entry_rows), ("entry",)))
        for stream in tanks:
            row = self.lanes.row[stream.target]
            bus = self.gap(0, ("influent",), [*self.entry_rows, row]) if len(begin) > 1 else ("entry",)
            if stream.target in direct:
                self.draw(stream, "main", *begin, (bus, ("row", row)), (("left", stream.target), ("row", row)))
                if len(fed) > 1 or self.plant.layout.primary:
                    self.write(("zone", 0, 2), ("row", row), stream.flow)
                continue
            key: Ref = ("feed", row)
            port = self.port(stream.target, "top", key, FEED, -1)
            line = self.track(row, "above", key, Item(FEED, [bus, port]))
            self.draw(stream, "main", *begin, (bus, line), (port, line), (port, ("top", row)))
            if len(fed) > 1 or self.plant.layout.primary:
                self.write(port, ("top", row), stream.flow)
        for stream in fed:
            if stream.target == EFFLUENT:
                bus = self.gap(0, ("influent",), [-1, *self.entry_rows])
                self._to_effluent(stream, "bypass", *begin, (bus, ("entry",)))

    def _to_effluent(self, stream: Stream, title: str, *points: tuple[Ref, Ref]) -> None:
        """Lead a stream above all tanks to the effluent."""
        key: Ref = (stream.name, stream.source)
        first, line = points[-1][0], ("over", key)
        self.over_all[key] = Item(
            FEED, [first, ("join",)], self.titled(title, stream.flow), "main", self.numbers and stream.flow < 0
        )
        self.draw(stream, "main", *points, (first, line), (("join",), line), (("join",), ("out",)))

    def _main(self, stream: Stream) -> None:
        row, column = self._place(stream.source)
        leaves = [s for s in self.main if s.source == stream.source]
        begin: tuple[Ref, Ref] = (("right", stream.source), ("row", row))
        if stream is leaves[0]:
            title = "decant" if stream.name.endswith(".decant") else ""
            self.write(("zone", column + 1, 1), ("row", row), sum(s.flow for s in leaves), title=title)
        if stream.target == self.end:
            self._to_end(stream, begin)
            return
        if stream.target == EFFLUENT:
            way = self.gap(column + 1, ("effluent", stream.source), range(-1, row + 1))
            self._to_effluent(stream, f"{stream.source} to effluent", begin, (way, ("row", row)))
            return
        arrives = [s for s in self.main if s.target == stream.target and self._direct(s)]
        to_row, to_column = self._place(stream.target)
        rows = between(row, to_row)
        split = len(leaves) > 1
        if not self._direct(stream):
            way = self.gap(column + 1, ("over", stream.source, stream.target), rows)
            port = self.port(stream.target, "top", ("over", stream.source), OVER, column)
            label = amount(stream.flow) if self.numbers and split else ""
            item = Item(OVER, [way, port], label, "main", self.numbers and stream.flow < 0)
            line = self.track(to_row, "above", ("over", stream.source, stream.target), item)
            self.draw(stream, "main", begin, (way, ("row", row)), (way, line), (port, line), (port, ("top", to_row)))
            return
        if (split or len(arrives) > 1) and stream is arrives[0]:
            self.write(("zone", to_column, 2), ("row", to_row), sum(s.flow for s in arrives))
        end: tuple[Ref, Ref] = (("left", stream.target), ("row", to_row))
        if row == to_row:
            self.draw(stream, "main", begin, end)
            return
        early = self.lanes.clear(to_row, column + 1, to_column) and (
            split or not self.lanes.clear(row, column + 1, to_column)
        )
        key: Ref = ("split", stream.source) if split else ("merge", stream.target)
        way = self.gap(column + 1 if early else to_column, key, rows)
        self.draw(stream, "main", begin, (way, ("row", row)), (way, ("row", to_row)), end)

    def _direct(self, stream: Stream) -> bool:
        """Return whether a main stream between tanks gets to the left side of its target without a channel."""
        (row, column), (to_row, to_column) = self._place(stream.source), self._place(stream.target)
        free = [self.lanes.clear(r, column + 1, to_column) for r in (row, to_row)]
        return to_column > column and (any(free) if row != to_row else all(free))

    def _to_end(self, stream: Stream, begin: tuple[Ref, Ref]) -> None:
        """Lead the main outflow of a tank to the settler, or to the effluent where there is none."""
        (row, column), last = self._place(stream.source), self.lanes.columns
        end: tuple[Ref, Ref] = (("end",), ("end",))
        if not self.collected:
            self.draw(stream, "main", begin, end)
            return
        way = self.gap(last, ("collect",), [row, *self.end_rows])
        collected = [s for s in self.main if s.target == self.end]
        if stream is collected[0] and self.end == SETTLER:
            self.write(("zone", last, 2), ("end",), sum(s.flow for s in collected))
        if self._free_behind(stream.source):
            self.draw(stream, "main", begin, (way, ("row", row)), (way, ("end",)), end)
            return
        up = self.gap(column + 1, ("over", stream.source, self.end), [row])
        label = amount(stream.flow) if self.numbers else ""
        item = Item(OVER, [up, way], label, "main", self.numbers and stream.flow < 0)
        line = self.track(row, "above", ("over", stream.source, self.end), item)
        self.draw(stream, "main", begin, (up, ("row", row)), (up, line), (way, line), (way, ("end",)), end)

    def _recycle(self, stream: Stream) -> None:
        (row, column), (to_row, to_column) = self._place(stream.source), self._place(stream.target)
        label, negative = self.titled(stream.name.partition(".")[2], stream.flow), self.numbers and stream.flow < 0
        out, back = (stream.name, "out"), (stream.name, "in")
        if row == to_row:
            shift = 0.01 if row == to_row and column == to_column else 0.0
            first = self.port(stream.source, "top", out, RECYCLE, to_column + shift)
            last = self.port(stream.target, "top", back, RECYCLE, column - shift)
            line = self.track(row, "above", out, Item(RECYCLE, [first, last], label, "recycle", negative))
            self.draw(stream, "recycle", (first, ("top", row)), (first, line), (last, line), (last, ("top", row)))
            return
        way = self.gap(to_column, (stream.name,), between(row, to_row))
        first = self.port(stream.source, "top", out, RECYCLE, to_column - 0.5)
        last = self.port(stream.target, "top", back, RECYCLE, to_column - 0.5)
        line = self.track(row, "above", out, Item(RECYCLE, [first, way], label, "recycle", negative))
        other = self.track(to_row, "above", back, Item(RECYCLE, [way, last]))
        begin, end = (first, ("top", row)), (last, ("top", to_row))
        self.draw(stream, "recycle", begin, (first, line), (way, line), (way, other), (last, other), end)

    def _sludge(self) -> None:
        """Lead return sludge below all tanks, and waste sludge away."""
        returned = [s for s in self.streams if s.name == "return_sludge"]
        begin: list[tuple[Ref, Ref]] = [(("middle",), ("floor",)), (("middle",), ("return",))]
        for stream in returned:
            row, column = self._place(stream.target)
            if self.lanes.rows == 1:
                port = self.port(stream.target, "bottom", ("return",), FEED, column - 1)
                self.draw(stream, "sludge", *begin, (port, ("return",)), (port, ("bottom", row)))
            elif self.lanes.clear(row, 0, column):
                bus = self.gap(0, ("return",), range(row, self.lanes.rows + 1))
                end = (("left", stream.target), ("low", row))
                self.draw(stream, "sludge", *begin, (bus, ("return",)), (bus, ("low", row)), end)
                if len(returned) > 1:
                    self.write(("zone", 0, 2), ("low", row), stream.flow, "sludge")
                continue
            else:
                bus = self.gap(0, ("return",), range(row, self.lanes.rows + 1))
                port = self.port(stream.target, "bottom", ("return",), FEED, -1)
                line = self.track(row, "below", ("return",), Item(FEED, [bus, port], "", "sludge"))
                self.draw(
                    stream, "sludge", *begin, (bus, ("return",)), (bus, line), (port, line), (port, ("bottom", row))
                )
            if len(returned) > 1:
                self.write(port, ("bottom", row), stream.flow, "sludge")
        for stream in self.streams:
            if stream.name == "wastage" and stream.source == SETTLER:
                self.draw(stream, "sludge", begin[0], (("middle",), ("waste",)), (("exit",), ("waste",)))
            elif stream.name == "wastage":
                row, column = self._place(stream.source)
                port = self.port(stream.source, "bottom", ("waste",), RECYCLE, column + 1)
                self.draw(stream, "sludge", (port, ("bottom", row)), (port, ("drain", row)))

    # Controllers

    def depth(self, controller: Controller) -> int:
        """Return how many controllers stand between this one and the input that is moved in the end."""
        name, _, key = controller.sets[0].rpartition(".")
        below = next((c for c in self.loops if key == "setpoint" and c.name == name), None)
        return 0 if below is None else 1 + self.depth(below)

    def sensor(self, controller: Controller) -> tuple[Ref, Ref, str]:
        """Return the port and the track of a controller's sensor, and its tank."""
        tank, _, _ = controller.measured.partition(".")
        row, column = self._place(tank)
        key: Ref = ("control", controller.name)
        reach = abs(self._goal(controller) - column)
        port = self.port(tank, "top", key, self.level(controller), column - 0.02, reach)
        return port, ("above", row, key), tank

    def _control(self, controller: Controller) -> None:
        port, line, tank = self.sensor(controller)
        row, _ = self._place(tank)
        name, end = controller.name, self._moved(controller, tank)
        text = f"{name}: {controller.measured.partition('.')[2]}"
        self.track(
            row,
            "above",
            ("control", name),
            Item(self.level(controller), [port, *end[:1]], text, "control", anchor=port),
        )
        if not end:
            return
        points, x, y = [(port, ("top", row)), (port, line), (end[0], line)], end[0], line
        for i, ref in enumerate(end[1:]):
            x, y = (x, ref) if i % 2 == 0 else (ref, y)
            points.append((x, y))
        self.routes.append(Route(f"control:{name}", "control", tuple(points)))

    def _goal(self, controller: Controller) -> int:
        """Return the column of what a controller moves."""
        place, _, what = controller.sets[0].rpartition(".")
        if what == "setpoint":
            slave = next(c for c in self.loops if c.name == place)
            place, _, _ = slave.measured.partition(".")
        elif place == "recycle":
            place = next(s.source for s in self.streams if s.name == controller.sets[0])
        elif what in ("return_sludge", "wastage"):
            return self.lanes.columns
        return self.lanes.column.get(place, -1)

    def level(self, controller: Controller) -> int:
        """Return the level of a controller in the channel."""
        return CONTROL + self.depth(controller)

    def _moved(self, controller: Controller, tank: str) -> list[Ref]:
        """Return the way from the track of a controller to what it moves, as references: x, y, x and so on."""
        place, _, what = controller.sets[0].rpartition(".")
        (row, column), layout = self._place(tank), self.plant.layout
        key: Ref = ("control", controller.name)
        if what == "setpoint":
            port, line, slave = self.sensor(next(c for c in self.loops if c.name == place))
            return self._across(controller, row, slave, port, line)
        if what == "decant":
            to_row, to_column = self._place(place)
            return [self.gap(to_column + 1, key, between(row, to_row)), ("row", to_row)]
        if place in layout.tank_names:
            to_row, to_column = self._place(place)
            other = column if column != to_column else to_column + 0.02
            port = self.port(place, "top", (*key, "to"), self.level(controller), other)
            return self._across(controller, row, place, port, ("top", to_row))
        if place == "recycle":
            source = next(s.source for s in self.streams if s.name == controller.sets[0])
            line = ("above", self.lanes.row[source], (controller.sets[0], "out"))
            return self._across(controller, row, source, ("mark", controller.sets[0]), line)
        if controller.sets[0] == "return_sludge":
            return [self.gap(self.lanes.columns, key, self.all_rows()), ("return",)] if layout.settler else []
        if controller.sets[0] == "wastage" and layout.waste_from != SETTLER:
            to_row, to_column = self._place(layout.waste_from)
            way = self.gap(to_column + 1, key, (*between(row, to_row), to_row + 1))
            return [way, ("drained", to_row), ("port", layout.waste_from, "bottom", ("waste",))]
        if controller.sets[0] == "wastage":
            way = self.gap(self.lanes.columns, key, self.all_rows())
            return [way, ("wasted",), ("middle",)] if layout.settler else []
        return [("supply",), ("supply",)]

    def _across(self, controller: Controller, row: int, tank: str, x: Ref, y: Ref) -> list[Ref]:
        """Return the way to a place at or above a tank, through a gap if the tank is in another row."""
        to_row, column = self._place(tank)
        if row == to_row:
            return [x, y]
        key: Ref = ("control", controller.name)
        way = self.gap(column, key, between(row, to_row))
        line = self.track(to_row, "above", (*key, "other"), Item(self.level(controller), [way, x], "", "control"))
        return [way, line, x, y]
