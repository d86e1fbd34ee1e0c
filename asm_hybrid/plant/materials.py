"""Whether a plant conserves matter: every component and every conserved material, over the whole flow sheet.

What comes in, reacts and is exchanged with the air leaves or stays::

    inflow + reaction + exchange - outflow - storage = 0

at every moment, for every component, and so for COD, N, P and charge. The five terms are worked out from the streams
and the derivative of the state, not from the matrices that make it. Of a conserved material the reactions make nothing,
as far as the coefficients of the table are exact; what rounded ones make is told apart, as `made`.

Solids in a layered settler have no composition of their own (see :class:`TakacsSettler`): that of the feed of the
moment is taken for them. What its change makes appear or vanish is told apart, as `recomposed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import casadi
import numpy as np

from asm_hybrid.kinetics.contents import material_contents
from asm_hybrid.plant.casadi_plant import SymbolicSystem
from asm_hybrid.plant.namespace import Matrix, casadi_namespace
from asm_hybrid.plant.offgas import KILO, emission
from asm_hybrid.plant.outlets import departing
from asm_hybrid.plant.settler import TINY, TakacsSettler

__all__ = ["NOTHING", "Closure", "MaterialBalance"]
XP = casadi_namespace()
NOTHING = 1e-6
"""Share of what a plant holds that is no turnover: less passes through only by rounding [1/d]."""


@dataclass(frozen=True)
class Closure:
    """How far the balance of one component or material closes over a record.

    Attributes
    ----------
    name : str
        The component, or COD, N, P or charge.
    turnover : float
        What passes through, reacts, is exchanged or stored, the largest of them, and `NOTHING` of what is held at
        least [unit m3/d].
    missed : float
        Mean of what the balance misses, without sign, by the turnover [-].
    made : float
        Of a conserved material, what the reactions make, by the turnover [-].
    recomposed : float
        What appears in a layered settler, since its solids take the composition of the feed, by the turnover [-].
    """

    name: str
    turnover: float
    missed: float
    made: float = 0.0
    recomposed: float = 0.0


@dataclass(frozen=True, eq=False)
class MaterialBalance:
    """The balance of one plant.

    Attributes
    ----------
    system : SymbolicSystem
        The plant's equations.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    """

    system: SymbolicSystem
    parameters: np.ndarray

    def close(self, times: np.ndarray, states: np.ndarray, inputs: np.ndarray) -> tuple[Closure, ...]:
        """Return how far the balances close.

        Parameters
        ----------
        times : ndarray, shape (k,)
            Times of the states [d]; one alone stands for itself.
        states, inputs : ndarray, shape (k, n) and (k, m)
            States, in the order of `Rows.names`, and inputs.

        Returns
        -------
        tuple of Closure
            The conserved materials, then the components.
        """
        table = self.system.plant.table
        count = len(table.components)
        values = np.array(self.terms(states.T, inputs.T)).T
        came, reacted, exchanged, left, stored, ratio = (values[:, i * count : (i + 1) * count] for i in range(6))
        solids = values[:, -1]
        missed = came + reacted + exchanged - left - stored
        free = np.array([c not in {c for _, c in self.system.plant.layout.imposed} for c in table.component_names])
        exchanged, missed = np.where(free, exchanged, exchanged - missed), np.where(free, missed, 0.0)
        weights = _weights(times)
        sizes = np.stack([weights @ np.abs(part) for part in (came, reacted, exchanged, left, stored)])
        contents = material_contents(table, self.parameters)
        made = (*(contents @ (weights @ reacted)), *np.zeros(count))
        held = NOTHING * np.abs(np.array(self._held(states[0], inputs[0]))).ravel()
        most = np.maximum(sizes.max(axis=0), held)
        turnovers = (*(np.abs(contents) @ most), *most)
        errors = (*(weights @ np.abs(missed @ contents.T)), *(weights @ np.abs(missed)))
        appeared = _recomposed(times, solids, ratio)
        moved = (*(contents @ appeared), *appeared)
        names = (*table.materials, *table.component_names)
        return tuple(
            Closure(name, float(size), _share(error, size), _share(more, size), _share(appears, size))
            for name, size, error, more, appears in zip(names, turnovers, errors, made, moved, strict=True)
        )

    @cached_property
    def _held(self) -> Any:
        """`stored` as a function of numbers."""
        return casadi.Function("held", [self.system.state, self.system.inputs], [self.stored])

    @cached_property
    def stored(self) -> Matrix:
        """What tanks, primary clarifier and settler hold of every component, ``(component,)``; solids in layers not."""
        system, plant = self.system, self.system.plant
        found = sum(system.volume(i) * system.tanks[i, :] for i in range(plant.tanks))
        if plant.layout.primary:
            found += plant.layout.primary.volume * system.X[plant.tanks, :]
        if isinstance(plant.layout.settler, TakacsSettler):
            first, last = plant.rows.layers
            layer = plant.layout.settler.volume / plant.layout.settler.layers
            found += layer * casadi.sum1(system.X[first:last, :]) * casadi.DM(1.0 - plant.particulate[None])
        return casadi.densify(found.T)

    @cached_property
    def _piped(self) -> Matrix:
        """What streams with a delay take up beyond what they bring [unit m3/d], ``(1, component)``."""
        system, plant = self.system, self.system.plant
        found = casadi.SX.zeros(1, len(plant.table.components))
        if not plant.constants.arrival:
            return found
        sets_out, arrives = departing(plant, system.X, system.forcing, XP), system.forcing.late
        assert arrives is not None
        for stream, _ in zip(plant.late, plant.constants.arrival, strict=False):
            change = XP.segment(sets_out, stream.begin, stream.end) - XP.segment(arrives, stream.begin, stream.end)
            found += plant.input(system.moved, stream.name, XP) * change
        return found

    def taken_up(self, times: np.ndarray, states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Return what streams with a delay take up beyond what they bring, on average.

        Parameters
        ----------
        times : ndarray, shape (k,)
            Times [d].
        states, inputs : ndarray, shape (k, n) and (k, m)
            States and inputs there.

        Returns
        -------
        ndarray, shape (material + component,)
            Of conserved materials, then of components [unit m3/d].
        """
        function = casadi.Function("piped", [self.system.state, self.system.inputs], [casadi.densify(self._piped.T)])
        mean = _weights(times) @ np.array(function(states.T, inputs.T)).T
        return np.concatenate([material_contents(self.system.plant.table, self.parameters) @ mean, mean])

    def terms(self, states: Matrix, inputs: Matrix) -> Matrix:
        """Return the terms of the balance one below the other, ``(6 component + 1, k)``.

        Parameters
        ----------
        states, inputs : array, shape (n, k) and (m, k)
            Numbers or symbols, a column a time.

        Returns
        -------
        array
            Inflow, reaction, exchange, outflow and storage of every component [unit m3/d], the composition of settled
            solids [unit/(g TSS)], and the mass of these [g TSS].
        """
        return self._function(states, inputs)

    @cached_property
    def _function(self) -> Any:
        system = self.system
        plant, u, X = system.plant, system.moved, system.X
        count, rows = len(plant.table.components), plant.rows
        slope = casadi.SX.zeros(*plant.shape)
        for k, (i, j) in enumerate(np.argwhere(rows.active > 0)):
            slope[int(i), int(j)] = system.derivative[k]
        volumes = [system.volume(i) for i in range(plant.tanks)]
        came = plant.input(u, "Q_in", XP) * plant.influent(u, XP)
        flow, conc = system.effluent
        left = flow * conc.T
        if plant.layout.settler or plant.layout.waste_from in plant.layout.tank_names:
            left = left + plant.input(u, "wastage", XP) * system.waste.T
        reacted, stored, exchanged = (casadi.SX.zeros(1, count) for _ in range(3))
        names = plant.table.component_names
        oxygen = names.index(plant.table.oxygen) if plant.table.oxygen else None
        saturation = plant.saturation(u, XP)
        if plant.table.gases and system.forcing.loss is not None:
            leaves = emission(plant, X, system.tanks, system.forcing, XP)
            for gas in plant.table.gases:
                j = names.index(gas.component)
                exchanged[j] -= casadi.sum1(leaves[:, j]) / KILO
        for i, (tank, volume) in enumerate(zip(plant.layout.tanks, volumes, strict=True)):
            reacted += volume * system.reaction[i, :]
            stored += volume * slope[i, :]
            if tank.variable:
                place = rows.extra.index(f"{tank.name}.volume")
                grows = slope[rows.layers[1] + place // count, place % count]
                stored += grows * X[i, :]
            if oxygen is not None:
                exchanged[oxygen] += volume * system.kla[i] * (saturation - system.tanks[i, oxygen])
        stored += self._piped
        if plant.layout.primary:
            sludge, held = system.primary_sludge
            left = left + sludge * held.T
            stored += plant.layout.primary.volume * slope[plant.tanks, :]
        ratio, solids = casadi.SX.zeros(1, count), casadi.SX(0)
        if isinstance(plant.layout.settler, TakacsSettler):
            first, last = rows.layers
            layer, column = plant.layout.settler.volume / plant.layout.settler.layers, rows.solids_column
            feed = XP.matmul(system.forcing.feed, system.tanks)
            fed = casadi.fmax(plant.quantities.amount(feed, system.forcing, "TSS", XP), TINY)
            solid = casadi.DM(plant.particulate[None])
            ratio = feed * solid / fed
            solids = layer * casadi.sum1(X[first:last, column])
            settled = layer * casadi.sum1(slope[first:last, :])
            stored += settled * (1 - solid) + settled[column] * ratio
        parts = [came, reacted, exchanged, left, stored, ratio, solids]
        return casadi.Function(
            "balance", [system.state, system.inputs], [casadi.vertcat(*(casadi.densify(p.T) for p in parts))]
        )


def _weights(times: np.ndarray) -> np.ndarray:
    if len(times) == 1:
        return np.ones(1)
    steps = np.diff(times)
    found = np.append(steps, 0.0) + np.append(0.0, steps)
    return np.asarray(found / found.sum())


def _recomposed(times: np.ndarray, solids: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Return what appears by the day in settled solids, whose composition changes, ``(component,)``."""
    fed = ratio.sum(axis=1) > 0.0
    if fed.sum() < 2:
        return np.zeros(ratio.shape[1])
    solids, ratio = solids[fed], ratio[fed]
    middle = (solids[1:] + solids[:-1]) / 2
    return np.asarray(middle @ np.diff(ratio, axis=0) / (times[-1] - times[0]))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0.0 else 0.0
