"""A plant, or f + n in it, as CasADi expressions, for stiff integrators and optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import casadi
import numpy as np

from asm_hybrid.plant.control import OnOff, tuned_values
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.learnt import Learnt
from asm_hybrid.plant.namespace import Matrix, casadi_namespace
from asm_hybrid.plant.offgas import is_offgas
from asm_hybrid.plant.outlets import effluent, primary_sludge, waste
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.recorded import recorded
from asm_hybrid.plant.switches import switch_distances, switched_values

__all__ = ["PRIMARY_SLUDGE", "SymbolicSystem", "symbolic_system"]

XP = casadi_namespace()

MEAN_TIME = 0.01
"""Time in which the share of time that a controller is on follows, on the way to a steady mean [d]."""

PRIMARY_SLUDGE = "primary_sludge"
"""The place of what leaves a primary clarifier for disposal."""


@dataclass(frozen=True, eq=False)
class SymbolicSystem:
    """``dx/dt = f(x, u) + n(x, u)`` of one plant; all expressions are CasADi SX.

    Attributes
    ----------
    plant : Plant
        f.
    state : SX, shape (state,)
        The active entries of the plant's state, row by row; imposed concentrations are among them and do not move.
    inputs : SX, shape (input,)
        The inputs, in the order of `Plant.inputs`; behind them what arrives late, in that of `Plant.late`.
    X : SX, shape (row, component)
        The state in the plant's shape.
    forcing : Forcing
        As controllers and volumes make it, where there are any.
    derivative : SX, shape (state,)
        dx/dt [unit of the state/d].
    reaction : SX, shape (tank, component)
        What reactions, and n, change in the tanks [unit of the state/d].
    learnt : Learnt or None
        n.
    """

    plant: Plant
    state: Matrix
    inputs: Matrix
    X: Matrix
    forcing: Forcing[Matrix]
    derivative: Matrix
    reaction: Matrix
    learnt: Learnt[Matrix] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the states."""
        return self.plant.rows.names

    @cached_property
    def tanks(self) -> Matrix:
        """Concentrations in the tanks, imposed ones in place, ``(tank, component)``."""
        return self.plant.effective_state(self.X, self.forcing, XP)

    @property
    def ends(self) -> tuple[str, ...]:
        """Places that are no tanks: where water comes in and leaves."""
        return ("effluent", "waste", "influent", *([PRIMARY_SLUDGE] if self.plant.layout.primary else []))

    @property
    def moved(self) -> Matrix:
        """The inputs as n and controllers make them, ``(input,)``."""
        return self.forcing.u

    @property
    def kla(self) -> Matrix:
        """Oxygen transfer coefficients of the tanks [1/d], ``(tank,)``."""
        if self.forcing.loss is None:
            return casadi.SX.zeros(self.plant.tanks)
        return casadi.densify(self.forcing.loss[:, self.plant.table.component_names.index(self.plant.table.oxygen)])

    @property
    def settler_solids(self) -> Matrix:
        """Suspended solids in the layers of the settler, from the top [g/m³], ``(layer,)``; empty without layers."""
        first, last = self.plant.rows.layers
        return self.X[first:last, self.plant.rows.solids_column]

    @cached_property
    def effluent(self) -> tuple[Matrix, Matrix]:
        """Flow [m³/d], ``(1,)``, and concentrations, ``(component,)``, of the effluent."""
        flow, row = effluent(self.plant, self.X, self.forcing, XP)
        return flow, casadi.densify(row.T)

    @cached_property
    def waste(self) -> Matrix:
        """Concentrations of the waste sludge, ``(component,)``."""
        return casadi.densify(waste(self.plant, self.X, self.forcing, XP).T)

    @cached_property
    def primary_sludge(self) -> tuple[Matrix, Matrix]:
        """Flow [m³/d], ``(1,)``, and concentrations, ``(component,)``, of the primary sludge."""
        flow, row = primary_sludge(self.plant, self.X, self.forcing, XP)
        return flow, casadi.densify(row.T)

    def volume(self, tank: int) -> Matrix:
        """Return the volume of a tank [m³], ``(1,)``."""
        found = self.plant.layout.tanks[tank]
        return self.plant.extra(self.X, f"{found.name}.volume", XP) if found.variable else casadi.SX(found.volume)

    def quantity(self, target: str) -> Matrix:
        """Return a component or composite, ``(1,)``: ``PLACE.QUANTITY`` with a tank or one of `ends`; or an off-gas."""
        return self.recorded((target,))

    def recorded(self, targets: Sequence[str]) -> Matrix:
        """Return several quantities as `quantity` does, ``(target,)``; n is written once for all of them."""
        return self._corrected([self._own(target) for target in targets], targets)

    def quantities(self, place: str) -> dict[str, Matrix]:
        """Return all components and composites at a place as `quantity` does, by name."""
        if place in self.ends:
            found = self.plant.quantities.amounts(self._end(place), self.forcing, XP)
        else:
            i = self.plant.layout.tank_index(place)
            found = self.plant.quantities.amounts(XP.block(self.tanks, i, i + 1), self.forcing, XP)
        values = self._corrected(list(found.values()), [f"{place}.{name}" for name in found])
        return {name: values[i] for i, name in enumerate(found)}

    def _own(self, target: str) -> Matrix:
        """Return a quantity without what n adds to it, ``(1,)``."""
        if is_offgas(target):
            return recorded(self.plant, target, self.X, self.tanks, self.forcing, (), XP)
        place, _, name = target.partition(".")
        if place in self.ends:
            return self.plant.quantities.amount(self._end(place), self.forcing, name, XP)
        return self.plant.quantities.in_tank(self.tanks, self.forcing, target, XP)

    def _corrected(self, values: Sequence[Matrix], targets: Sequence[str]) -> Matrix:
        joined = casadi.densify(XP.join(values))
        return joined if self.learnt is None else self.learnt.recorded(joined, targets, self.tanks, self.inputs)

    def _end(self, place: str) -> Matrix:
        """Return concentrations in a row, ``(1, component)``."""
        if place == "influent":
            return casadi.densify(self.plant.influent(self.inputs, XP))
        if place == PRIMARY_SLUDGE:
            return self.primary_sludge[1].T
        return self.effluent[1].T if place == "effluent" else self.waste.T

    @cached_property
    def mean_derivative(self) -> Matrix:
        """dx/dt of the mean of what switches: a mode is the share of time in which a controller is on, ``(state,)``.

        It moves until what is measured is in the middle of the dead band, or it is always on or off.
        """
        found = casadi.SX(self.derivative)
        for controller in self.plant.controllers:
            if isinstance(controller.law, OnOff):
                law, z = controller.law, [self.plant.extra(self.X, name, XP) for name in controller.states]
                value = self.plant.sensed(controller, self.X, self.tanks, self.forcing, XP)
                _, mode, _ = controller.split(z)
                tuned = tuned_values(controller, self.plant.table.parameter_names, self.forcing.parameters, XP)
                share = law.share(mode, controller.seen(z, value, 0.0, XP), XP, tuned)
                found[self.names.index(f"{controller.name}.mode")] = (share - mode) / MEAN_TIME
        return found

    @cached_property
    def events(self) -> tuple[Matrix | None, list[Matrix]]:
        """How far on/off controllers are from switching and cycles from their next phase, and the state after each."""
        given = (self.plant, self.X, self.tanks, self.forcing, XP)
        found = switch_distances(*given)
        after = [self._with(values) for values in switched_values(*given)]
        return (casadi.vertcat(*found), after) if found else (None, [])

    def _with(self, values: dict[str, Matrix]) -> Matrix:
        """Return the state with some entries replaced."""
        changed = casadi.SX(self.state)
        for name, value in values.items():
            changed[self.names.index(name)] = value
        return changed


def symbolic_system(
    plant: Plant, parameters: np.ndarray | Matrix, learnt: Learnt[Matrix] | None = None
) -> SymbolicSystem:
    """Write a plant as CasADi expressions.

    Parameters
    ----------
    plant : Plant
        f.
    parameters : ndarray or SX, shape (parameter,)
        Values of the table's parameters, or symbols for them.
    learnt : Learnt, optional
        One member of a trained n, which acts in the tanks.

    Returns
    -------
    SymbolicSystem
    """
    active = [(int(i), int(j)) for i, j in np.argwhere(plant.rows.active > 0)]
    state, X = casadi.SX.sym("x", len(active)), casadi.SX(*plant.shape)
    for k, place in enumerate(active):
        X[place] = state[k]
    u, p = casadi.SX.sym("u", len(plant.inputs)), parameters
    if not isinstance(p, casadi.SX):
        p = casadi.DM(np.asarray(p, dtype=float))
    late = casadi.SX.sym("late", plant.late[-1].end) if plant.late else None
    forcing = plant.forcing(u, p, XP, learnt, late)
    slopes: list[Matrix] = []
    if plant.steered:
        forcing, slopes = plant.steer(X, forcing, XP)
    tanks = plant.effective_state(X, forcing, XP)
    change = plant.change(tanks, forcing, casadi.sparsify(plant.stoichiometry(p, XP)), XP, learnt)
    whole = plant.assemble(change, X, tanks, forcing, slopes, XP)
    derivative = casadi.vertcat(*(whole[place] for place in active))
    reaction = change - plant.transport(tanks, forcing, XP)
    u = u if late is None else casadi.vertcat(u, late)
    return SymbolicSystem(plant, state, u, X, forcing, derivative, reaction, learnt)
