"""What stands where in the state of a plant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.kinetics import Table
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.settler import TakacsSettler

__all__ = ["Rows"]


@dataclass(frozen=True)
class Rows:
    """The rows of a state ``(row, component)``, one below the other.

    Tanks come first, one row each. A primary clarifier has one row. A layer of a settler has one row: solubles in their
    columns, suspended solids in the column of the first particulate component, the others unused. Volumes that vary,
    the smoothed flow of a primary clarifier and the states of controllers and cycles fill the last rows from the left.

    Attributes
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.
    """

    table: Table
    layout: Layout

    @property
    def tanks(self) -> int:
        """Number of tanks."""
        return len(self.layout.tanks)

    @property
    def primary(self) -> int | None:
        """The row of the primary clarifier."""
        return self.tanks if self.layout.primary else None

    @property
    def layers(self) -> tuple[int, int]:
        """First row of the settler's layers, and the one behind the last."""
        first, settler = self.tanks + (self.primary is not None), self.layout.settler
        return first, first + (settler.layers if isinstance(settler, TakacsSettler) else 0)

    @cached_property
    def solids_column(self) -> int:
        """The column that holds the suspended solids of a layer; the first one where a table has no solids."""
        return next((i for i, c in enumerate(self.table.components) if c.phase == "particulate"), 0)

    @cached_property
    def extra(self) -> tuple[str, ...]:
        """States that are no concentrations, in their order."""
        volumes = [f"{t.name}.volume" for t in self.layout.tanks if t.variable]
        smoothed = ["primary.flow"] if self.layout.primary else []
        loops = [c.states for c in self.layout.controllers] + [c.states for c in self.layout.cycles]
        return (*volumes, *smoothed, *(name for states in loops for name in states))

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.layers[1] + -(-len(self.extra) // len(self.table.components))

    @cached_property
    def active(self) -> np.ndarray:
        """One for entries that are states, zero for those not used, ``(row, component)``."""
        mask = np.ones((self.count, len(self.table.components)))
        first, last = self.layers
        for i, component in enumerate(self.table.components):
            if component.phase == "particulate" and i != self.solids_column:
                mask[first:last, i] = 0.0
        tail = mask[last:].reshape(-1)
        tail[len(self.extra) :] = 0.0
        mask[last:] = tail.reshape(mask[last:].shape)
        return mask

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the states, in the order of the active entries."""
        places = list(self.layout.tank_names) + (["primary"] if self.layout.primary else [])
        names = [f"{place}.{c}" for place in places for c in self.table.component_names]
        first, last = self.layers
        for layer in range(1, last - first + 1):
            for i, component in enumerate(self.table.components):
                if i == self.solids_column:
                    names.append(f"settler_{layer}.TSS")
                elif component.phase != "particulate":
                    names.append(f"settler_{layer}.{component.name}")
        return (*names, *self.extra)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Units of the states, in the order of `names`."""
        known = {c.name: c.unit for c in self.table.components} | {"TSS": "g TSS/m3"}
        concentrations = self.names[: len(self.names) - len(self.extra)]
        return (*(known[n.partition(".")[2]] for n in concentrations), *(self._extra_units[n] for n in self.extra))

    @property
    def _extra_units(self) -> dict[str, str]:
        """Units of states that are no concentrations, by name."""
        found = {name: "m3/d" if name == "primary.flow" else "m3" for name in self.extra}
        moved = PlantInputs.of(self.layout, self.table).units
        for c in self.layout.controllers:
            own = moved[c.sets[0]]
            kinds = {"sensor": c.unit, "integral": own, "mode": "-", "actuator": own}
            found |= {name: kinds[name.rpartition(".")[2].partition("_")[0]] for name in c.states}
        for cycle in self.layout.cycles:
            found |= dict(zip(cycle.states, ("-", "d"), strict=False))
        return found
