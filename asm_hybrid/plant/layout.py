"""What a plant is made of: tanks, flows, aeration, and the inputs that drive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asm_hybrid.errors import InputError, nearest

__all__ = ["InputSpec", "Layout", "Recycle", "Tank"]


@dataclass(frozen=True)
class Tank:
    """One completely mixed tank.

    Attributes
    ----------
    name : str
        Name of the tank.
    volume : float
        Liquid volume [m³].
    aerated : bool
        Whether oxygen is transferred by the law ``kLa (S_O,sat - S_O)``.
    """

    name: str
    volume: float
    aerated: bool = False


@dataclass(frozen=True)
class Recycle:
    """A flow of mixed liquor taken from one tank to another.

    Attributes
    ----------
    name, source, target : str
        Name of the flow, the tank it leaves, the tank it enters.
    """

    name: str
    source: str
    target: str


@dataclass(frozen=True)
class InputSpec:
    """One entry of the input vector ``u(t)``: its name and internal unit."""

    name: str
    unit: str


@dataclass(frozen=True)
class Layout:
    """The flow sheet: tanks in series, recycles, an ideal settler with return and waste sludge.

    Attributes
    ----------
    tanks : tuple of Tank
        In the order in which the main stream passes them.
    influent_to, return_to : str
        Tanks that receive the influent and the return sludge.
    recycles : tuple of Recycle
        Internal recycles.
    non_settleable : float
        Share of the settler's solids load that leaves with the effluent [-].
    imposed : tuple of (str, str)
        ``(tank, component)`` pairs whose concentration is a measured series, not a state that moves.
    constants : mapping of str to float
        Values of those inputs that no series supplies, in internal units.
    """

    tanks: tuple[Tank, ...]
    influent_to: str
    return_to: str
    recycles: tuple[Recycle, ...] = ()
    non_settleable: float = 0.0
    imposed: tuple[tuple[str, str], ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tanks:
            raise InputError("the plant has no tank", expected="at least one tank")
        seen: set[str] = set()
        for tank in self.tanks:
            if tank.name in seen or tank.name in ("effluent", "influent", "recycle"):
                raise InputError(
                    f"the tank name {tank.name!r} is taken",
                    expected="names that differ, and not 'influent', 'effluent' or 'recycle'",
                )
            seen.add(tank.name)
            if not tank.volume > 0:
                raise InputError(f"tank {tank.name!r} has a volume of {tank.volume} m3", expected="a volume above zero")
        for what, name in self._references():
            self._known(name, what)
        if not 0 <= self.non_settleable < 1:
            raise InputError(
                f"non_settleable is {self.non_settleable}", expected="a share from 0 up to, not including, 1"
            )
        for tank_name, component in self.imposed:
            if any(t.name == tank_name and t.aerated for t in self.tanks) and component.startswith("S_O"):
                raise InputError(
                    f"tank {tank_name!r} has both an imposed {component} and a kLa",
                    fix="drop the kla of that tank, or give the oxygen column the role 'observation'",
                )

    def _references(self) -> list[tuple[str, str]]:
        out = [("the influent", self.influent_to), ("the return sludge", self.return_to)]
        for recycle in self.recycles:
            out += [(f"recycle {recycle.name!r} (from)", recycle.source)]
            out += [(f"recycle {recycle.name!r} (to)", recycle.target)]
        return out + [(f"imposed {c}", t) for t, c in self.imposed]

    def _known(self, name: str, what: str) -> None:
        if name not in self.tank_names:
            raise InputError(
                f"{what} names the tank {name!r}, which does not exist",
                expected="one of the tanks " + ", ".join(self.tank_names),
                fix=nearest(name, self.tank_names),
            )

    @property
    def tank_names(self) -> tuple[str, ...]:
        """Names of the tanks, in flow order."""
        return tuple(t.name for t in self.tanks)

    def tank_index(self, name: str) -> int:
        """Return the position of a tank in the state."""
        return self.tank_names.index(name)

    def inputs(self, components: Mapping[str, str] | Sequence[tuple[str, str]]) -> tuple[InputSpec, ...]:
        """Return every input the plant needs, in the order of the input vector.

        Parameters
        ----------
        components : mapping of str to str
            Component names with their internal unit.

        Returns
        -------
        tuple of InputSpec
            ``Q_in`` [m³/d], ``T`` [°C], ``return_sludge`` and ``wastage`` [m³/d], ``recycle.NAME`` [m³/d],
            ``TANK.kla`` [1/d] for aerated tanks, ``TANK.COMPONENT`` for imposed states, and
            ``influent.COMPONENT`` for every component.
        """
        units = dict(components)
        specs = [InputSpec("Q_in", "m3/d"), InputSpec("T", "degC")]
        specs += [InputSpec("return_sludge", "m3/d"), InputSpec("wastage", "m3/d")]
        specs += [InputSpec(f"recycle.{r.name}", "m3/d") for r in self.recycles]
        specs += [InputSpec(f"{t.name}.kla", "1/d") for t in self.tanks if t.aerated]
        specs += [InputSpec(f"{t}.{c}", units[c]) for t, c in self.imposed]
        specs += [InputSpec(f"influent.{name}", unit) for name, unit in units.items()]
        return tuple(specs)
