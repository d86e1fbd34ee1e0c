"""The water balance of a plant: every stream, and what is wrong with them at an operating point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant.inputs import WATER
from asm_hybrid.plant.layout import EFFLUENT, SETTLER, Tank
from asm_hybrid.plant.plant import Plant

__all__ = [
    "INFLUENT",
    "OVERFLOW",
    "PRIMARY",
    "WASTE",
    "Node",
    "Pipe",
    "Stream",
    "WaterBalance",
    "flows_in",
    "main_streams",
    "overdrawn",
    "pipes",
    "water_balance",
]

INFLUENT, PRIMARY, WASTE = "influent", "primary", "waste"
"""Where streams begin, pass and end, beside tanks, ``settler`` and ``effluent``."""
OVERFLOW = "overflow"
"""What leaves the settler for the effluent."""

TOLERANCE = 1e-9
"""Of a balance, and of a flow that should not be below zero, relative to the largest flow [-]."""


@dataclass(frozen=True, eq=False)
class Pipe:
    """One connection of the flow sheet.

    Attributes
    ----------
    name : str
        ``influent``, ``bypass``, ``primary.outflow``, ``primary.sludge``, ``TANK.outflow``, ``TANK.decant``,
        ``recycle.NAME``, ``return_sludge``, ``wastage`` or ``overflow``. Streams that are split share a name.
    source, target : str
        A tank, or one of ``influent``, ``primary``, ``settler``, ``effluent`` and ``waste``.
    per_input : ndarray, shape (input,)
        Flow in it by unit of every input [-].
    """

    name: str
    source: str
    target: str
    per_input: np.ndarray


@dataclass(frozen=True)
class Stream:
    """A pipe with the water that flows in it.

    Attributes
    ----------
    name, source, target : str
        As in `Pipe`.
    flow : float
        Its flow [m³/d].
    """

    name: str
    source: str
    target: str
    flow: float


@dataclass(frozen=True)
class Node:
    """What comes into and leaves a tank, settler or clarifier, and what it stores.

    Attributes
    ----------
    name : str
        Its name.
    inflow, outflow : float
        Sums of the streams [m³/d].
    stored : float
        By how much its volume grows [m³/d].
    """

    name: str
    inflow: float
    outflow: float
    stored: float

    @property
    def residual(self) -> float:
        """What the balance misses [m³/d]."""
        return self.inflow - self.outflow - self.stored


@dataclass(frozen=True)
class WaterBalance:
    """Streams and nodes of a plant at an operating point.

    Attributes
    ----------
    streams : tuple of Stream
        From the influent on.
    nodes : tuple of Node
        Primary clarifier, tanks and settler, as far as the plant has them.
    findings : tuple of InputError
        What cannot be right.
    """

    streams: tuple[Stream, ...]
    nodes: tuple[Node, ...]
    findings: tuple[InputError, ...]

    def require(self) -> None:
        """Raise the first finding, if there is one."""
        if self.findings:
            raise self.findings[0]


def pipes(plant: Plant) -> tuple[Pipe, ...]:
    """List the connections of a plant, in the order in which the water passes them.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of Pipe
    """
    one = dict(zip(plant.input_index, np.eye(len(plant.inputs)), strict=True))
    return (*_inlets(plant, one), *_outflows(plant), *_recycles(plant, one), *_sludge(plant, one))


def _inlets(plant: Plant, one: dict[str, np.ndarray]) -> Iterator[Pipe]:
    """Yield what comes in and passes the primary clarifier; ``one`` is the unit of every input, ``(input,)``."""
    layout, maps = plant.layout, plant.maps
    entry, start, kept = INFLUENT, INFLUENT, one["Q_in"]
    if layout.primary:
        sludge = layout.primary.sludge
        yield Pipe(INFLUENT, INFLUENT, PRIMARY, one["Q_in"])
        yield Pipe("primary.sludge", PRIMARY, WASTE, sludge * one["Q_in"])
        entry, start, kept = "primary.outflow", PRIMARY, (1.0 - sludge) * one["Q_in"]
    for name, share in zip(layout.tank_names, maps.influent[:, 0], strict=True):
        if share > 0:
            yield Pipe(entry, start, name, share * kept)
    if maps.bypass > 0:
        yield Pipe("bypass", start, EFFLUENT, maps.bypass * kept)


def _outflows(plant: Plant) -> Iterator[Pipe]:
    """Yield the main outflows of the tanks."""
    layout, maps = plant.layout, plant.maps
    main = maps.exchange.copy()
    for spec, recycle in zip(plant.inputs.of_kind("recycle"), layout.recycles, strict=True):
        k = plant.input_index[spec.name]
        main[k, layout.tank_index(recycle.target), layout.tank_index(recycle.source)] -= 1.0
    ends = {SETTLER: maps.to_settler, EFFLUENT: maps.to_effluent}
    for j, tank in enumerate(layout.tanks):
        for target, share in layout.outflow(tank).items():
            if share > 0:
                found = ends[target][:, 0, j] if target in ends else main[:, layout.tank_index(target), j]
                yield Pipe(_outflow(tank), tank.name, target, found)


def _recycles(plant: Plant, one: dict[str, np.ndarray]) -> Iterator[Pipe]:
    for spec, recycle in zip(plant.inputs.of_kind("recycle"), plant.layout.recycles, strict=True):
        yield Pipe(spec.name, recycle.source, recycle.target, one[spec.name])


def _sludge(plant: Plant, one: dict[str, np.ndarray]) -> Iterator[Pipe]:
    """Yield return and waste sludge, and what leaves the settler over the top."""
    layout, maps = plant.layout, plant.maps
    under = np.zeros(len(one))
    if layout.settler:
        for name, share in zip(layout.tank_names, maps.returned[:, 0], strict=True):
            if share > 0:
                yield Pipe("return_sludge", SETTLER, name, share * one["return_sludge"])
        under = one["return_sludge"]
    if layout.settler or layout.waste_from != SETTLER:
        yield Pipe("wastage", layout.waste_from, WASTE, one["wastage"])
    if layout.settler:
        under = under + one["wastage"] if layout.waste_from == SETTLER else under
        yield Pipe(OVERFLOW, SETTLER, EFFLUENT, maps.to_settler.sum((1, 2)) - under)


def _outflow(tank: Tank) -> str:
    return f"{tank.name}.{'decant' if tank.variable else 'outflow'}"


def water_balance(plant: Plant, u: np.ndarray) -> WaterBalance:
    """Work out every stream of a plant at an operating point.

    Parameters
    ----------
    plant : Plant
        The plant.
    u : ndarray, shape (input,)
        Inputs in the order of ``plant.inputs``. What a controller moves counts as it stands there.

    Returns
    -------
    WaterBalance

    Raises
    ------
    InputError
        When the inputs are not as many as the plant has, or not finite.
    """
    u = np.asarray(u, dtype=float)
    if u.shape != (len(plant.inputs),):
        raise InputError(
            f"the inputs have the shape {u.shape}", expected=f"one value for each of the {len(plant.inputs)} inputs"
        )
    if not np.isfinite(u).all():
        name = plant.inputs[int(np.argmin(np.isfinite(u)))].name
        raise InputError(f"the input {name} is {u[plant.input_index[name]]}", expected="a finite number")
    found = pipes(plant)
    streams = flows_in(found, u)
    nodes = _nodes(plant, streams, u)
    flow = dict(zip(plant.input_index, u, strict=True))
    largest = max(abs(s.flow) for s in streams)
    findings = [
        *_negative_inputs(plant, flow),
        *_backward(plant, streams, nodes, TOLERANCE * largest),
        *_dry(plant, found, streams, TOLERANCE * largest),
    ]
    missing = [*_no_settler(plant, flow), *_no_underflow(plant, streams, TOLERANCE * largest)]
    for node in nodes:
        scale = max(abs(node.inflow), abs(node.outflow), abs(node.stored))
        if abs(node.residual) > TOLERANCE * scale and not missing:
            findings.append(
                InputError(
                    f"the water balance of {node.name!r} misses {node.residual:.6g} m3/d",
                    expected=f"at most {TOLERANCE:g} of its flows",
                    fix="report this as an error of the program",
                )
            )
    return WaterBalance(streams, nodes, (*missing, *findings))


def flows_in(found: tuple[Pipe, ...], u: np.ndarray) -> tuple[Stream, ...]:
    """Return the pipes with what flows in them at an operating point.

    Parameters
    ----------
    found : tuple of Pipe
        The pipes.
    u : ndarray, shape (input,)
        Inputs of the plant.

    Returns
    -------
    tuple of Stream
        One a pipe.
    """
    return tuple(Stream(p.name, p.source, p.target, float(p.per_input @ u)) for p in found)


def _nodes(plant: Plant, streams: tuple[Stream, ...], u: np.ndarray) -> tuple[Node, ...]:
    layout = plant.layout
    net = u @ plant.constants.net_inflow[:, 0]
    stored = {t.name: float(net[i]) for i, t in enumerate(layout.tanks) if t.variable}
    names = [*([PRIMARY] if layout.primary else []), *layout.tank_names, *([SETTLER] if layout.settler else [])]
    out = []
    for name in names:
        arrives = sum(s.flow for s in streams if s.target == name)
        leaves = sum(s.flow for s in streams if s.source == name)
        out.append(Node(name, arrives, leaves, stored.get(name, 0.0)))
    return tuple(out)


def _negative_inputs(plant: Plant, flow: dict[str, float]) -> Iterator[InputError]:
    for spec in plant.inputs.of_kind(*WATER):
        if flow[spec.name] < 0:
            yield InputError(f"the flow {spec.name} is {flow[spec.name]:g} m3/d", expected="zero or more")


def _no_settler(plant: Plant, flow: dict[str, float]) -> Iterator[InputError]:
    if plant.layout.settler:
        return
    for name in ("return_sludge", *(["wastage"] if plant.layout.waste_from == SETTLER else [])):
        if flow[name] > 0:
            yield InputError(
                f"{name} is {flow[name]:g} m3/d, but the plant has no settler to draw it from",
                expected="zero without a settler",
                fix="give the plant a settler" + (", or draw the waste from a tank" if name == "wastage" else ""),
            )


def _no_underflow(plant: Plant, streams: tuple[Stream, ...], slack: float) -> Iterator[InputError]:
    if plant.layout.settler and not any(s.flow > slack for s in streams if s.source == SETTLER and s.name != OVERFLOW):
        wasted = plant.layout.waste_from == SETTLER
        yield InputError(
            "nothing is drawn from the settler: the solids that it holds back have no way out",
            expected="return_sludge or wastage from the settler above zero" if wasted else "return_sludge above zero",
            fix="give return_sludge " + ("or wastage " if wasted else "") + "a flow, or the plant no settler: settler: "
            "{type: none}",
        )


def _backward(plant: Plant, streams: tuple[Stream, ...], nodes: tuple[Node, ...], slack: float) -> Iterator[InputError]:
    """Yield the places where more is drawn than arrives, but not those that only follow from them."""
    negative = [s for s in streams if s.flow < -slack]
    for node in nodes:
        leaving = [s for s in streams if s.source == node.name]
        backward = any(s in negative and s.name in main_streams(node.name) for s in leaving)
        pumped = any(s.flow > 0 and s.name not in main_streams(node.name) for s in leaving)
        if backward and pumped and not any(s.target == node.name for s in negative):
            yield overdrawn(node.name, streams)


def main_streams(place: str) -> tuple[str, str]:
    """Return the names of what leaves a place because other water comes in, and is not pumped.

    Parameters
    ----------
    place : str
        A tank, or ``primary`` or ``settler``.

    Returns
    -------
    tuple of (str, str)
        Of the outflow of a tank or clarifier, and of the overflow of a settler.
    """
    return f"{place}.outflow", OVERFLOW


def overdrawn(place: str, streams: tuple[Stream, ...]) -> InputError:
    """Return the message for a tank or settler from which more is drawn than arrives.

    Parameters
    ----------
    place : str
        The tank, or ``settler``.
    streams : tuple of Stream
        All streams, at an operating point.

    Returns
    -------
    InputError
    """
    arrives = sum(s.flow for s in streams if s.target == place)
    pumped = [s for s in streams if s.source == place and s.flow > 0 and s.name not in main_streams(place)]
    drawn, taken = dict.fromkeys(s.name for s in pumped), sum(s.flow for s in pumped)
    what = "effluent" if place == SETTLER else "main outflow"
    return InputError(
        f"{taken:g} m3/d are drawn from {place!r} ({', '.join(drawn)}), where {arrives:g} m3/d arrive: its "
        f"{what} would flow backwards",
        expected=f"at most {arrives:g} m3/d in all",
        fix="lower " + " or ".join(drawn),
    )


def _dry(plant: Plant, found: tuple[Pipe, ...], streams: tuple[Stream, ...], slack: float) -> Iterator[InputError]:
    """Yield the tanks that no water of the influent gets to; without influent, could not get to."""
    fed = streams[0].flow > 0
    sometimes = {t.name for t in plant.layout.tanks if t.variable}
    open_pipes = [
        p
        for p, s in zip(found, streams, strict=True)
        if abs(s.flow) > slack or (p.per_input.any() and (not fed or p.source in sometimes))
    ]
    wet, before = {INFLUENT}, 0
    while len(wet) > before:
        before = len(wet)
        wet |= {p.target for p in open_pipes if p.source in wet}
    for name in plant.layout.tank_names:
        if name not in wet:
            yield InputError(
                f"no water of the influent gets to the tank {name!r}",
                expected="a main stream, a recycle, the influent or the return sludge that enters it",
                fix=f"name {name!r} as a target of one of them, or leave the tank out",
            )
