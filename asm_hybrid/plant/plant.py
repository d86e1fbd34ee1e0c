"""The mechanistic model f: reactions and transport in the plant's tanks.

The equations stand once, for torch and CasADi alike (see :mod:`asm_hybrid.plant.namespace`). With the state ``X`` of
shape ``(…, tank, component)`` and the inputs ``u`` of shape ``(…, input)``::

    dX/dt = M(u) X + R(u) X_particulate + inflow(u) + kLa (S_O,sat - S_O) + ρ(X, p) S

Tanks are in series; ``M`` holds what every flow carries between and out of the tanks, ``R`` the thickening of the
particulate components in the ideal settler.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Kinetics, Table, compile_table
from asm_hybrid.plant.aeration import oxygen_saturation
from asm_hybrid.plant.layout import InputSpec, Layout
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["Forcing", "Plant"]

Array = Any


@dataclass(frozen=True)
class Forcing:
    """What inputs and temperature make of the plant at one time; holds no state.

    Attributes
    ----------
    u : array, shape (…, input)
        The inputs.
    parameters : array, shape (…, parameter)
        Parameters at the temperature of the liquid.
    flows : array, shape (…, tank, tank)
        Transport of all components [1/d].
    thickening : array, shape (…, tank, tank)
        Extra transport of particulate components by the settler [1/d].
    source : array, shape (…, tank, component)
        Inflow, and oxygen transfer into water without oxygen [g/(m³ d)].
    loss : array or None, shape (…, tank, component)
        Slope of the oxygen transfer with the state [1/d]; None without aeration.
    imposed : array or None, shape (…, tank, component)
        Imposed concentrations, zero elsewhere; None where nothing is imposed.
    """

    u: Array
    parameters: Array
    flows: Array
    thickening: Array
    source: Array
    loss: Array | None
    imposed: Array | None


@dataclass(frozen=True)
class Plant:
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
        aerated = [t.name for t in self.layout.tanks if t.aerated]
        if aerated and self.table.oxygen is None:
            raise InputError(
                f"tank {aerated[0]!r} has a kla, but the table {self.table.name!r} names no dissolved oxygen",
                fix="name it in the table (oxygen: S_O), or drop the kla",
            )

    @cached_property
    def kinetics(self) -> Kinetics:
        """Functions generated from the table."""
        return compile_table(self.table)

    @cached_property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Entries of the input vector ``u``."""
        return self.layout.inputs({c.name: c.unit for c in self.table.components})

    @cached_property
    def input_index(self) -> dict[str, int]:
        """Position of every input in ``u``."""
        return {spec.name: i for i, spec in enumerate(self.inputs)}

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of tanks and components."""
        return len(self.layout.tanks), len(self.table.components)

    @cached_property
    def particulate(self) -> np.ndarray:
        """One for particulate components, zero for soluble ones, ``(component,)``."""
        return np.array([float(c.phase == "particulate") for c in self.table.components])

    @cached_property
    def limiting(self) -> np.ndarray:
        """One for components that some rate depends on, zero for the others, ``(component,)``."""
        read = {s.name for process in self.table.processes for s in process.rate.value.free_symbols}
        return np.array([float(n in read) for n in self.table.component_names])

    @cached_property
    def free(self) -> np.ndarray:
        """Zero where a concentration is imposed by a series, one elsewhere, ``(tank, component)``."""
        mask = np.ones(self.shape)
        for tank, component in self.layout.imposed:
            mask[self.layout.tank_index(tank), self.table.component_names.index(component)] = 0.0
        return mask

    @cached_property
    def _imposed_map(self) -> np.ndarray:
        out = np.zeros((len(self.inputs), *self.shape))
        for tank, component in self.layout.imposed:
            row = self.layout.tank_index(tank), self.table.component_names.index(component)
            out[(self.input_index[f"{tank}.{component}"], *row)] = 1.0
        return out

    @cached_property
    def _flow_map(self) -> np.ndarray:
        """What one unit of every flow does to the tanks [1/m³], ``(input, tank, tank)``."""
        layout, n = self.layout, len(self.layout.tanks)
        out = np.zeros((len(self.inputs), n, n))
        volume = np.array([t.volume for t in layout.tanks])

        def path(flow: str, first: int, last: int) -> np.ndarray:
            """Let a flow that entered tank ``first`` run down the series and leave from tank ``last``."""
            matrix: np.ndarray = out[self.input_index[flow]]
            for k in range(min(first, last), max(first, last)):
                sign = 1.0 if first <= last else -1.0
                matrix[k, k] -= sign
                matrix[k + 1, k] += sign
            return matrix

        last = n - 1
        entry = layout.tank_index(layout.influent_to)
        path("Q_in", entry, last)[last, last] -= 1.0
        target = layout.tank_index(layout.return_to)
        matrix = path("return_sludge", target, last)
        matrix[last, last] -= 1.0
        matrix[target, last] += 1.0
        for recycle in layout.recycles:
            source, target = layout.tank_index(recycle.source), layout.tank_index(recycle.target)
            matrix = path(f"recycle.{recycle.name}", target, source)
            matrix[source, source] -= 1.0
            matrix[target, source] += 1.0
        return np.asarray(out / volume[:, None])

    @cached_property
    def _entry_vector(self) -> np.ndarray:
        tank = self.layout.tank_index(self.layout.influent_to)
        vector = np.zeros((len(self.layout.tanks), 1))
        vector[tank] = 1.0 / self.layout.tanks[tank].volume
        return vector

    @cached_property
    def _return_matrix(self) -> np.ndarray:
        n = len(self.layout.tanks)
        matrix = np.zeros((n, n))
        tank = self.layout.tank_index(self.layout.return_to)
        matrix[tank, n - 1] = 1.0 / self.layout.tanks[tank].volume
        return matrix

    @cached_property
    def _aeration(self) -> tuple[np.ndarray, np.ndarray] | None:
        aerated = [t.name for t in self.layout.tanks if t.aerated]
        if not aerated:
            return None
        pick = np.zeros((len(self.inputs), len(self.layout.tanks), 1))
        for name in aerated:
            pick[self.input_index[f"{name}.kla"], self.layout.tank_index(name), 0] = 1.0
        oxygen = np.array([[float(n == self.table.oxygen) for n in self.table.component_names]])
        return pick, oxygen

    @cached_property
    def _solids(self) -> np.ndarray:
        return np.tile(self.particulate, (self.shape[0], 1))

    def forcing(self, u: Array, p: Array, xp: ArrayNamespace) -> Forcing:
        """Work out all that does not depend on the state.

        Parameters
        ----------
        u : array, shape (…, input)
            Inputs.
        p : array, shape (…, parameter)
            Parameter values at the reference temperature of each parameter.
        xp : ArrayNamespace
            Array operations.

        Returns
        -------
        Forcing
        """
        temperature = xp.entry(u, self.input_index["T"])
        log_theta, reference = (xp.constant(a, u) for a in self._temperature_laws)
        flows, thickening = self._flow_matrices(u, xp)
        first = self.input_index[f"influent.{self.table.component_names[0]}"]
        inflow = xp.column(xp.entry(u, self.input_index["Q_in"])) * xp.segment(u, first, first + self.shape[1])
        source, loss = xp.matmul(xp.constant(self._entry_vector, u), inflow), None
        if self._aeration is not None:
            pick, oxygen = (xp.constant(a, u) for a in self._aeration)
            loss = xp.matmul(xp.combine(u, pick), oxygen)
            source = source + loss * xp.column(oxygen_saturation(temperature, xp))
        return Forcing(
            u=u,
            parameters=p * xp.exp(log_theta * (temperature - reference)),
            flows=flows,
            thickening=thickening,
            source=source,
            loss=loss,
            imposed=xp.combine(u, xp.constant(self._imposed_map, u)) if self.layout.imposed else None,
        )

    @cached_property
    def _temperature_laws(self) -> tuple[np.ndarray, np.ndarray]:
        laws = [(q.theta or 1.0, q.T_ref or 0.0) for q in self.table.parameters]
        return np.log([theta for theta, _ in laws]), np.array([reference for _, reference in laws])

    def effective_state(self, X: Array, forcing: Forcing, xp: ArrayNamespace) -> Array:
        """Put the imposed concentrations in the place of the states they replace, ``(…, tank, component)``."""
        if forcing.imposed is None:
            return X
        return X * xp.constant(self.free, X) + forcing.imposed

    def rates(self, X: Array, forcing: Forcing, xp: ArrayNamespace) -> Array:
        """Return the process rates ρ, ``(…, tank, process)``, at effective states [table units]."""
        values = self.kinetics.rates(X, xp.entries(forcing.parameters), xp)
        return xp.stack(values)

    def settler_ratio(self, u: Array, xp: ArrayNamespace) -> Array:
        """Return the thickening X_return / X_feed of the ideal settler [-], ``(…, 1)``.

        The settler has no volume and no reaction. A share ``non_settleable`` of the solids load leaves with the
        effluent, the rest with return and waste sludge.
        """
        under = xp.entry(u, self.input_index["return_sludge"]) + xp.entry(u, self.input_index["wastage"])
        feed = xp.entry(u, self.input_index["Q_in"]) + xp.entry(u, self.input_index["return_sludge"])
        return (1.0 - self.layout.non_settleable) * feed / xp.maximum(under, 1e-9)

    def effluent_ratio(self, u: Array, xp: ArrayNamespace) -> Array:
        """Return X_effluent / X_feed of the ideal settler [-], ``(…, 1)``."""
        feed = xp.entry(u, self.input_index["Q_in"]) + xp.entry(u, self.input_index["return_sludge"])
        out = xp.entry(u, self.input_index["Q_in"]) - xp.entry(u, self.input_index["wastage"])
        return self.layout.non_settleable * feed / xp.maximum(out, 1e-9)

    def _flow_matrices(self, u: Array, xp: ArrayNamespace) -> tuple[Array, Array]:
        flows = xp.combine(u, xp.constant(self._flow_map, u))
        extra = xp.entry(u, self.input_index["return_sludge"]) * (self.settler_ratio(u, xp) - 1.0)
        return flows, xp.column(extra) * xp.constant(self._return_matrix, u)

    def transport(self, X: Array, forcing: Forcing, xp: ArrayNamespace) -> Array:
        """Return what flows and aeration change [g/(m³ d)], ``(…, tank, component)``."""
        solids = X * xp.constant(self._solids, X)
        out = xp.matmul(forcing.flows, X) + xp.matmul(forcing.thickening, solids) + forcing.source
        return out if forcing.loss is None else out - forcing.loss * X

    def stoichiometry(self, p: Array, xp: ArrayNamespace) -> Array:
        """Return S, ``(…, process, component)``; depends on the parameters alone."""
        entries = xp.entries(p)
        zero = entries[0] * 0.0
        rows = self.kinetics.stoichiometry(entries, xp)
        return xp.rows([xp.stack([zero if v is None else v + zero for v in row]) for row in rows])

    def derivative(self, X: Array, forcing: Forcing, stoichiometry: Array, xp: ArrayNamespace) -> Array:
        """Return f(X; p) [g/(m³ d)], ``(…, tank, component)``; zero where a concentration is imposed."""
        X = self.effective_state(X, forcing, xp)
        change = self.transport(X, forcing, xp) + xp.matmul(self.rates(X, forcing, xp), stoichiometry)
        return change * xp.constant(self.free, X)

    def observation(self, target: str) -> tuple[str, str]:
        """Split ``tank.quantity`` or ``effluent.quantity`` and check both names.

        Raises
        ------
        InputError
            When the place or the quantity is not known.
        """
        place, _, quantity = target.partition(".")
        places = (*self.layout.tank_names, "effluent")
        if place not in places:
            raise InputError(
                f"the observation {target!r} is at {place!r}, which the plant does not have",
                expected="TANK.COMPONENT or effluent.COMPONENT",
                fix=nearest(place, places),
            )
        quantities = (*self.table.component_names, *self.table.composites)
        if quantity not in quantities:
            raise InputError(
                f"the observation {target!r} is of {quantity!r}, which the model {self.table.name!r} does not have",
                expected="a component or a composite of the table",
                fix=nearest(quantity, quantities),
            )
        return place, quantity
