"""What a plant is made of and what follows from that alone: its table and layout, inputs, rows, constants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from asm_hybrid.kinetics import Kinetics, Table, compile_table
from asm_hybrid.plant.constants import Constants
from asm_hybrid.plant.control import Controller, sorted_controllers
from asm_hybrid.plant.fit_of_table import check_fit
from asm_hybrid.plant.flows import FlowMaps
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.late import LateSignal, late_signals
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.quantities import Quantities
from asm_hybrid.plant.state_rows import Rows
from asm_hybrid.plant.worked_out import WorkedOut

__all__ = ["PlantParts"]


@dataclass(frozen=True)
class PlantParts(WorkedOut):
    """A layout of tanks filled with the reactions of a kinetics table.

    Attributes
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.
    """

    table: Table
    layout: Layout

    def __post_init__(self) -> None:
        check_fit(self.table, self.layout, self.inputs, self.rows, self.quantities)

    @cached_property
    def kinetics(self) -> Kinetics:
        """Functions generated from the table."""
        return compile_table(self.table)

    @cached_property
    def inputs(self) -> PlantInputs:
        """Entries of the input vector ``u``."""
        return PlantInputs.of(self.layout, self.table)

    @property
    def input_index(self) -> dict[str, int]:
        """Position of every input in ``u``."""
        return self.inputs.positions

    @cached_property
    def rows(self) -> Rows:
        """What stands where in the state."""
        return Rows(self.table, self.layout)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and of components in a state."""
        return self.rows.count, len(self.table.components)

    @property
    def tanks(self) -> int:
        """Number of tanks, which are the first rows of a state."""
        return len(self.layout.tanks)

    @cached_property
    def controllers(self) -> list[Controller]:
        """The controllers, every one behind the one that sets its setpoint."""
        return sorted_controllers(self.layout.controllers)

    @cached_property
    def constants(self) -> Constants:
        """Constant arrays."""
        return Constants(self.table, self.layout, self.rows, self.inputs)

    @cached_property
    def quantities(self) -> Quantities:
        """What can be measured in its water."""
        return Quantities(self.table, self.kinetics, self.layout.tank_names)

    @property
    def maps(self) -> FlowMaps:
        """Where the water goes."""
        return self.constants.maps

    @property
    def particulate(self) -> np.ndarray:
        """One for particulate components, zero for soluble ones, ``(component,)``."""
        return self.constants.particulate

    @property
    def limiting(self) -> np.ndarray:
        """One for components that some rate depends on, zero for the others, ``(component,)``."""
        return self.constants.limiting

    @property
    def free(self) -> np.ndarray:
        """Zero where a concentration is imposed by a series, one elsewhere, ``(tank, component)``."""
        return self.constants.free

    @cached_property
    def late(self) -> tuple[LateSignal, ...]:
        """What arrives late: streams with a delay, then what sensors of controllers with a dead time show."""
        return late_signals(self.layout, self.shape[1])

    @property
    def at_once(self) -> Self:
        """The same plant where nothing is late; it has the same steady states."""
        return replace(self, layout=self.layout.at_once) if self.late else self

    @property
    def steered(self) -> bool:
        """Whether flows or aeration depend on the state: through controllers, cycles, or volumes that vary."""
        cycles = any(cycle.states for cycle in self.layout.cycles)
        return bool(self.controllers) or cycles or any(t.variable for t in self.layout.tanks)

    @property
    def held(self) -> tuple[str, ...]:
        """Tanks whose oxygen is imposed, by aeration that is not given."""
        given = {t.name for t in self.layout.tanks if t.aerated or t.air}
        return tuple(t for t, component in self.layout.imposed if component == self.table.oxygen and t not in given)
