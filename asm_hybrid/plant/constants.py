"""Constant arrays of a plant, made once from its table and layout."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.rate_inputs import of_the_tank
from asm_hybrid.plant.flows import FlowMaps, flow_maps
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.state_rows import Rows

__all__ = ["Constants"]


@dataclass(frozen=True, eq=False)
class Constants:
    """What the equations of a plant need and no input changes.

    Attributes
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.
    rows : Rows
        What stands where in a state.
    inputs : PlantInputs
        The inputs.
    """

    table: Table
    layout: Layout
    rows: Rows
    inputs: PlantInputs

    @property
    def tanks(self) -> int:
        """Number of tanks."""
        return self.rows.tanks

    @cached_property
    def particulate(self) -> np.ndarray:
        """One for particulate components, zero for soluble ones, ``(component,)``."""
        return np.array([float(c.phase == "particulate") for c in self.table.components])

    @cached_property
    def limiting(self) -> np.ndarray:
        """One for components that some rate depends on, zero for the others and an alkalinity, ``(component,)``."""
        read = {s.name for process in self.table.processes for s in process.rate.value.free_symbols}
        free = self.table.equilibrium.signed if self.table.equilibrium else ()
        return np.array([float(n in read and n not in free) for n in self.table.component_names])

    @cached_property
    def free(self) -> np.ndarray:
        """Zero where a concentration is imposed by a series, one elsewhere, ``(tank, component)``."""
        mask = np.ones((self.tanks, len(self.table.components)))
        for tank, component in self.layout.imposed:
            mask[self.layout.tank_index(tank), self.table.component_names.index(component)] = 0.0
        return mask

    @cached_property
    def imposed_map(self) -> np.ndarray:
        """What one unit of every input imposes on the tanks, ``(input, tank, component)``."""
        out = np.zeros((len(self.inputs), *self.free.shape))
        for spec, (tank, component) in zip(self.inputs.of_kind("imposed"), self.layout.imposed, strict=True):
            row = self.layout.tank_index(tank), self.table.component_names.index(component)
            out[(self.inputs.positions[spec.name], *row)] = 1.0
        return out

    @cached_property
    def maps(self) -> FlowMaps:
        """Where the water goes."""
        return flow_maps(self.layout, self.inputs)

    @cached_property
    def volumes(self) -> np.ndarray:
        """Volumes of the tanks, at the start where they vary [m³], ``(tank, 1)``."""
        return np.array([[t.volume] for t in self.layout.tanks])

    @cached_property
    def exchange(self) -> np.ndarray:
        """`FlowMaps.exchange` by volume [1/m³], without what late recycles bring, ``(input, tank, tank)``."""
        found = self.maps.exchange.copy()
        for recycle in self.layout.recycles:
            if recycle.delay > 0.0:
                place = self.layout.tank_index(recycle.target), self.layout.tank_index(recycle.source)
                found[(self.inputs.positions[f"recycle.{recycle.name}"], *place)] -= 1.0
        return np.asarray(found / self.volumes)

    @cached_property
    def arrival(self) -> list[np.ndarray]:
        """Share of every late stream that a tank receives, by volume [1/m³], ``(tank, 1)`` each."""
        targets = [self.layout.tank_index(r.target) for r in self.layout.recycles if r.delay > 0.0]
        found = [self.unit_columns[i] / self.volumes for i in targets]
        return [*found, self.returned] if self.layout.return_delay > 0.0 else found

    @cached_property
    def entry(self) -> np.ndarray:
        """Share of the treated influent by volume [1/m³], ``(tank, 1)``."""
        return np.asarray(self.maps.influent / self.volumes)

    @cached_property
    def returned(self) -> np.ndarray:
        """Share of the return sludge by volume [1/m³], ``(tank, 1)``."""
        return np.asarray(self.maps.returned / self.volumes)

    @cached_property
    def here(self) -> list[np.ndarray]:
        """What the rates of the table read of their tank, in the order of `Table.inputs`, ``(tank,)`` each."""
        return [self._of_tanks[name] for name in of_the_tank(self.table.inputs)]

    @property
    def _of_tanks(self) -> dict[str, np.ndarray]:
        """What a rate may read of its tank, ``(tank,)`` each; see `asm_hybrid.kinetics.rate_inputs.HERE`."""
        fed = {t.name for t in self.layout.tanks if t.aerated or t.air}
        imposed = {t for t, component in self.layout.imposed if component == self.table.oxygen and t not in fed}
        off = {n for n in fed if 0.0 in (self.layout.constants.get(f"{n}.{what}") for what in ("kla", "air"))}
        supplied = imposed | set(self.layout.metered) | (fed - off)
        aerated = np.array([float(name in supplied) for name in self.layout.tank_names])
        return {
            "here.volume": self.volumes[:, 0],
            "here.influent": self.maps.influent[:, 0],
            "here.returned": self.maps.returned[:, 0],
            "here.aerated": aerated,
            "here.unaerated": 1.0 - aerated,
        }

    @cached_property
    def kept(self) -> np.ndarray:
        """Solids that stay when water is decanted, and do not come to the next tank [1/m³], ``(input, tank, tank)``."""
        share = np.array([1.0 - t.decanted_solids for t in self.layout.tanks])
        places = np.eye(self.tanks) - self.maps.shares.T
        return np.asarray(np.einsum("kui,ji->kji", self.maps.decanted * share, places) / self.volumes)

    @cached_property
    def aeration(self) -> tuple[np.ndarray, np.ndarray] | None:
        """What picks the kLa of every tank, ``(input, tank, 1)``, and kLa over that of oxygen, ``(1, component)``."""
        if not any(t.aerated or t.air for t in self.layout.tanks):
            return None
        pick = np.zeros((len(self.inputs), self.tanks, 1))
        for spec in self.inputs.of_kind("kla"):
            pick[self.inputs.positions[spec.name], self.layout.tank_index(spec.owner), 0] = 1.0
        ratios = {gas.component: gas.kla_ratio for gas in self.table.gases} | {self.table.oxygen: 1.0}
        return pick, np.array([[ratios.get(name, 0.0) for name in self.table.component_names]])

    @cached_property
    def solids(self) -> np.ndarray:
        """`particulate` for every tank, ``(tank, component)``."""
        return np.tile(self.particulate, (self.tanks, 1))

    @cached_property
    def solid_row(self) -> np.ndarray:
        """`particulate` as a row, ``(1, component)``."""
        return self.particulate[None]

    @cached_property
    def soluble_row(self) -> np.ndarray:
        """One for soluble components, as a row, ``(1, component)``."""
        return np.asarray(1.0 - self.particulate[None])

    @cached_property
    def decanted_solids(self) -> np.ndarray:
        """What of a concentration leaves with the main outflow [-], ``(tank, component)``."""
        share = np.array([[t.decanted_solids if t.variable else 1.0] for t in self.layout.tanks])
        return np.asarray(1.0 - self.particulate[None] * (1.0 - share))

    @cached_property
    def unit_columns(self) -> list[np.ndarray]:
        """One for one tank, zero for the others, ``(tank, 1)`` each."""
        return [column[:, None] for column in np.eye(self.tanks)]

    @cached_property
    def every_tank(self) -> np.ndarray:
        """One for every tank, ``(tank, 1)``."""
        return np.ones((self.tanks, 1))

    @cached_property
    def temperature_laws(self) -> tuple[np.ndarray, np.ndarray]:
        """Logarithm of θ and reference temperature [°C] of every parameter, ``(parameter,)`` each."""
        laws = [(q.theta or 1.0, q.T_ref or 0.0) for q in self.table.parameters]
        return np.log([theta for theta, _ in laws]), np.array([reference for _, reference in laws])

    @cached_property
    def constant_volumes(self) -> np.ndarray:
        """One for tanks of constant volume, ``(tank, 1)``."""
        return np.array([[float(not t.variable)] for t in self.layout.tanks])

    @cached_property
    def net_inflow(self) -> np.ndarray:
        """Water that stays in a tank by unit of every input flow [-], ``(input, 1, tank)``."""
        return np.asarray(self.maps.inflow - self.maps.outflow)

    @cached_property
    def solids_mark(self) -> np.ndarray:
        """One in the column that holds the suspended solids of a layer, ``(1, component)``."""
        return np.array([[float(i == self.rows.solids_column) for i in range(len(self.table.components))]])
