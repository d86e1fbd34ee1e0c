"""What drives a plant: which inputs it has, in which order, their units, and what each of them is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, overload

from asm_hybrid.kinetics import Table
from asm_hybrid.plant.control import PI
from asm_hybrid.plant.layout import Layout

__all__ = ["CLOCK", "INFLUENT", "WATER", "InputKind", "InputSpec", "PlantInputs"]

InputKind = Literal[
    "Q_in",
    "T",
    "return_sludge",
    "wastage",
    "recycle",
    "kla",
    "air",
    "decant",
    "setpoint",
    "noise",
    "imposed",
    "influent",
    "clock",
]
"""What an input is; see `PlantInputs`."""

WATER: tuple[InputKind, ...] = ("Q_in", "return_sludge", "wastage", "recycle", "decant")
"""The inputs that are flows of water [m³/d]."""
CLOCK = ("clock.sin", "clock.cos")
"""Sine and cosine of the local time of day, inputs of a plant whose n reads it [-]."""
INFLUENT = "influent."
"""With which the names of the influent's concentrations begin."""


@dataclass(frozen=True)
class InputSpec:
    """One entry of the input vector ``u(t)``.

    Attributes
    ----------
    name, unit : str
        Its name and internal unit.
    kind : InputKind
        What it is.
    owner : str
        The recycle, tank, controller or component that it belongs to; empty for inputs of the whole plant.
    """

    name: str
    unit: str
    kind: InputKind
    owner: str = ""


@dataclass(frozen=True)
class PlantInputs(Sequence[InputSpec]):
    """The inputs of a plant, in the order of the input vector ``u``.

    By kind, in this order:

    - ``Q_in``, the flow of the influent [m³/d], and ``T``, the temperature of the liquid [°C];
    - ``return_sludge`` and ``wastage`` [m³/d], and a ``recycle.NAME`` [m³/d] for every recycle;
    - ``TANK.kla`` [1/d] for tanks that are aerated by it;
    - ``TANK.air`` [m³/d at 0 °C and 1 atm] for tanks with an air law, and for metered ones;
    - ``TANK.decant`` [m³/d] for tanks whose volume varies;
    - ``CONTROLLER.setpoint`` and ``CONTROLLER.noise``, in the unit of what is measured;
    - ``TANK.COMPONENT`` for imposed states, then ``influent.COMPONENT`` for every component, in its unit;
    - `CLOCK`, where n reads the time of day.

    Attributes
    ----------
    specs : tuple of InputSpec
        One entry an input.
    """

    specs: tuple[InputSpec, ...]

    @staticmethod
    def of(layout: Layout, table: Table) -> PlantInputs:
        """Return the inputs of a layout that is filled with the reactions of a table."""
        return PlantInputs(tuple(_specs(layout, {c.name: c.unit for c in table.components})))

    @overload
    def __getitem__(self, index: int) -> InputSpec: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[InputSpec, ...]: ...
    def __getitem__(self, index: int | slice) -> InputSpec | tuple[InputSpec, ...]:
        return self.specs[index]

    def __len__(self) -> int:
        return len(self.specs)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(spec.name for spec in self.specs)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of every input by name."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def units(self) -> dict[str, str]:
        """Internal unit of every input by name."""
        return {spec.name: spec.unit for spec in self.specs}

    @cached_property
    def influent(self) -> slice:
        """Positions of the concentrations of the influent, in the order of the components."""
        places = [i for i, spec in enumerate(self.specs) if spec.kind == "influent"]
        return slice(places[0], places[-1] + 1)

    def of_kind(self, *kinds: InputKind) -> tuple[InputSpec, ...]:
        """Return the inputs of some kinds, in their order."""
        return tuple(spec for spec in self.specs if spec.kind in kinds)

    def owned(self, owner: str, kind: InputKind) -> InputSpec | None:
        """Return the input of a kind that a recycle, tank, controller or component has; None where it has none."""
        return next((spec for spec in self.of_kind(kind) if spec.owner == owner), None)


def _specs(layout: Layout, units: dict[str, str]) -> Iterator[InputSpec]:
    yield InputSpec("Q_in", "m3/d", "Q_in")
    yield InputSpec("T", "degC", "T")
    yield InputSpec("return_sludge", "m3/d", "return_sludge")
    yield InputSpec("wastage", "m3/d", "wastage")
    yield from (InputSpec(f"recycle.{r.name}", "m3/d", "recycle", r.name) for r in layout.recycles)
    yield from (InputSpec(f"{t.name}.kla", "1/d", "kla", t.name) for t in layout.tanks if t.aerated)
    blown = (t for t in layout.tanks if t.air or t.name in layout.metered)
    yield from (InputSpec(f"{t.name}.air", "m3/d", "air", t.name) for t in blown)
    yield from (InputSpec(f"{t.name}.decant", "m3/d", "decant", t.name) for t in layout.tanks if t.variable)
    for controller in layout.controllers:
        if isinstance(controller.law, PI):
            yield InputSpec(f"{controller.name}.setpoint", controller.unit, "setpoint", controller.name)
        if controller.sensor.noise > 0:
            yield InputSpec(f"{controller.name}.noise", controller.unit, "noise", controller.name)
    yield from (InputSpec(f"{tank}.{name}", units[name], "imposed", tank) for tank, name in layout.imposed)
    yield from (InputSpec(f"{INFLUENT}{name}", unit, "influent", name) for name, unit in units.items())
    yield from (InputSpec(name, "1", "clock") for name in CLOCK if layout.clock)
