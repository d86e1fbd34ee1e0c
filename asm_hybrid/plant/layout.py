"""What a plant is made of: tanks, flows, settlers, aeration and control."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.plant.aeration import Aeration, AirLaw
from asm_hybrid.plant.control import Controller
from asm_hybrid.plant.cycle import Cycle
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.plant.settler import IdealSettler, TakacsSettler

__all__ = ["EFFLUENT", "SETTLER", "WHOLE_OFFGAS", "Layout", "Recycle", "Shares", "Tank"]

SETTLER, EFFLUENT, WHOLE_OFFGAS = "settler", "effluent", "offgas"
RESERVED = (
    SETTLER,
    EFFLUENT,
    WHOLE_OFFGAS,
    "influent",
    "recycle",
    "primary",
    "primary_sludge",
    "waste",
    "control",
    "clock",
)
"""Names that no tank can have; nor can it have that of a layer of the settler, such as settler_1."""

Shares = Mapping[str, float]
"""How a stream is split: the share of it that goes to every target [-]."""


@dataclass(frozen=True)
class Tank:
    """One completely mixed tank.

    Attributes
    ----------
    name : str
        Name of the tank.
    volume : float
        Liquid volume [m³]; at the start, if it varies.
    aerated : bool
        Whether oxygen is transferred by the law ``kLa (S_O,sat - S_O)``, with kLa an input.
    air : AirLaw or None
        Gives kLa from an air flow, which is the input then.
    to : Shares or None
        Where the main outflow goes: tanks, ``settler`` or ``effluent``; None for the next tank, from the last one
        the settler.
    variable : bool
        Whether the volume varies: the main outflow is then an input, ``TANK.decant``.
    decanted_solids : float
        Particulate concentration of what is decanted, as a share of that in the tank [-]; for variable tanks.
    """

    name: str
    volume: float
    aerated: bool = False
    air: AirLaw | None = None
    to: Shares | None = None
    variable: bool = False
    decanted_solids: float = 1.0


@dataclass(frozen=True)
class Recycle:
    """A flow of mixed liquor pumped from one tank to another.

    Attributes
    ----------
    name, source, target : str
        Name of the flow, the tank it leaves, the tank it enters.
    delay : float
        Time that the water takes from one to the other [d].
    """

    name: str
    source: str
    target: str
    delay: float = 0.0


@dataclass(frozen=True)
class Layout:
    """The flow sheet: tanks, recycles, primary clarifier, final settler, return and waste sludge, controllers.

    Attributes
    ----------
    tanks : tuple of Tank
        In the order in which the main stream passes them.
    influent_to, return_to : Shares
        Tanks that receive the influent and the return sludge; the influent may also bypass to ``effluent``.
    return_delay : float
        Time that the return sludge takes from the settler to the tanks [d].
    recycles : tuple of Recycle
        Internal recycles.
    settler : IdealSettler, TakacsSettler or None
        The final settler; without one, what flows to the settler is the effluent.
    waste_from : str
        Where the waste sludge is drawn: ``settler``, or a tank.
    primary : PrimaryClarifier or None
        Treats the influent first.
    aeration : Aeration
        Temperature factor of kLa, and saturation.
    controllers : tuple of Controller
        What moves inputs of the plant by what is measured in it.
    cycles : tuple of Cycle
        Time tables of inputs.
    imposed : tuple of (str, str)
        ``(tank, component)`` pairs whose concentration is a measured series, not a state that moves.
    metered : tuple of str
        Tanks with imposed oxygen and no law for their air, whose air flow is measured too; f reads it only where a rate
        names it.
    constants : mapping of str to float
        Values of those inputs that no series supplies, in internal units.
    clock : bool
        Whether the time of day is among the inputs; f does not read it.
    """

    tanks: tuple[Tank, ...]
    influent_to: Shares
    return_to: Shares
    recycles: tuple[Recycle, ...] = ()
    settler: IdealSettler | TakacsSettler | None = field(default_factory=IdealSettler)
    waste_from: str = SETTLER
    primary: PrimaryClarifier | None = None
    aeration: Aeration = field(default_factory=Aeration)
    controllers: tuple[Controller, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    imposed: tuple[tuple[str, str], ...] = ()
    metered: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    clock: bool = False
    return_delay: float = 0.0

    def __post_init__(self) -> None:
        if not self.tanks:
            raise InputError("the plant has no tank", expected="at least one tank")
        seen: set[str] = set()
        for tank in self.tanks:
            if tank.name in seen or tank.name in RESERVED or re.fullmatch(rf"{SETTLER}_\d+", tank.name):
                raise InputError(
                    f"the tank name {tank.name!r} is taken",
                    expected=f"names that differ, and none of {', '.join(RESERVED)}, settler_1, settler_2 …",
                )
            seen.add(tank.name)
            if not tank.volume > 0:
                raise InputError(f"tank {tank.name!r} has a volume of {tank.volume} m3", expected="a volume above zero")
        for what, name, others in self._references():
            self._known(name, what, others)
        for what, shares in self._splits():
            total = sum(shares.values())
            if abs(total - 1.0) > 1e-9 or any(v < 0 for v in shares.values()):
                raise InputError(
                    f"the shares of {what} add to {total:.6g}", expected="shares from 0 to 1 that add to 1"
                )
        for tank in self.tanks:
            if tank.decanted_solids != 1.0 and SETTLER in self.outflow(tank):
                raise InputError(
                    f"tank {tank.name!r} keeps back solids when it is decanted, and its outflow goes to the settler",
                    fix="let it go to the effluent or to a tank, or decant all solids",
                )

    @property
    def at_once(self) -> Layout:
        """The same without delays of streams and dead times of the controllers' sensors."""
        loops = tuple(replace(c, sensor=replace(c.sensor, delay=0.0)) for c in self.controllers)
        recycles = tuple(replace(r, delay=0.0) for r in self.recycles)
        return replace(self, controllers=loops, recycles=recycles, return_delay=0.0)

    def outflow(self, tank: Tank) -> Shares:
        """Return where the main outflow of a tank goes."""
        if tank.to is not None:
            return tank.to
        following = self.tank_index(tank.name) + 1
        if following < len(self.tanks):
            return {self.tanks[following].name: 1.0}
        return {SETTLER if self.settler else EFFLUENT: 1.0}

    def _splits(self) -> Iterator[tuple[str, Shares]]:
        yield "the influent", self.influent_to
        yield "the return sludge", self.return_to
        for tank in self.tanks:
            yield f"the outflow of tank {tank.name!r}", self.outflow(tank)

    def _references(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yield every place that names a tank, the name, and what else may stand there."""
        yield from (("the influent", name, (EFFLUENT,)) for name in self.influent_to)
        yield from (("the return sludge", name, ()) for name in self.return_to)
        ends = (SETTLER, EFFLUENT) if self.settler else (EFFLUENT,)
        for tank in self.tanks:
            yield from ((f"the outflow of tank {tank.name!r}", name, ends) for name in self.outflow(tank))
        for recycle in self.recycles:
            yield f"recycle {recycle.name!r} (from)", recycle.source, ()
            yield f"recycle {recycle.name!r} (to)", recycle.target, ()
        yield "the waste sludge", self.waste_from, (SETTLER,)
        yield from ((f"imposed {component}", tank, ()) for tank, component in self.imposed)

    def _known(self, name: str, what: str, others: Sequence[str]) -> None:
        names = (*self.tank_names, *others)
        if name not in names:
            raise InputError(
                f"{what} names the tank {name!r}, which does not exist",
                expected="one of the tanks " + ", ".join(names),
                fix=nearest(name, names),
            )

    @property
    def tank_names(self) -> tuple[str, ...]:
        """Names of the tanks, in flow order."""
        return tuple(t.name for t in self.tanks)

    def tank_index(self, name: str) -> int:
        """Return the position of a tank in the state."""
        return self.tank_names.index(name)
