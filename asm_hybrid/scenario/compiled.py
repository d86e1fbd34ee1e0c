"""One plant, compiled: steady states and simulations by CVODES, with everything that is of interest recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import casadi
import numpy as np

from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant import Plant, casadi_namespace, offgas_targets, target_unit
from asm_hybrid.plant.acidity import check_acidity
from asm_hybrid.plant.casadi_plant import PRIMARY_SLUDGE, SymbolicSystem, symbolic_system
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.plant.outlets import departing
from asm_hybrid.scenario.late_streams import integrate_late, intervals_of_a_piece
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.solver.cvodes import CHUNK, CompiledProblem, SteadyState

if TYPE_CHECKING:
    from asm_hybrid.plant.learnt import Learnt
    from asm_hybrid.plant.namespace import Matrix

__all__ = ["SHOWN", "VARYING", "CompiledPlant", "PlantRecord"]

SHOWN = " shown"
"""What stands behind a recorded quantity in the name of what n, added to measurements, makes of it."""
NEARLY_SATURATED = 0.1
"""Least lack of oxygen, as a share of saturation, from which the kLa that holds an imposed oxygen is worked out [-]."""

TOLERANCE = 1e-5
"""Relative tolerance of the integration. Where volumes are constant, masses are sums of states, which the integrator
conserves whatever the tolerance."""
VARYING = 1e-9
"""The same where volumes vary: masses are products of states then, and conserved no better than these."""


@dataclass(frozen=True)
class PlantRecord:
    """What a simulation gave.

    Attributes
    ----------
    times : ndarray, shape (k,)
        Times [d], at equal distances, mostly of 15 min.
    states : ndarray, shape (k, n)
        States, in the order of `Rows.names`; imposed ones as they are imposed.
    columns : mapping of str to ndarray, shape (k,)
        Everything recorded, by name: inputs as controllers make them, ``TANK.X``, ``effluent.X`` and ``waste.X`` with
        components and composites, ``effluent.flow``, ``TANK.kla`` (a given one before the factor of temperature; that
        which holds the oxygen where this is imposed), ``TANK.volume`` where it varies, ``saturation``,
        ``settler_LAYER.TSS``; where the table has gases, ``TANK.offgas_X`` and ``offgas.X``, what leaves with the air;
        with a primary clarifier ``primary.X`` and ``primary_sludge.X`` with components and
        composites, and ``primary_sludge.flow``; where n is added to measured quantities, ``QUANTITY shown`` is one with
        n, and the quantity itself is that of the states.
    units : mapping of str to str
        Their units.
    late : ndarray or None, shape (k, entry)
        What arrives late, in the order of `Plant.late`; None where nothing does.
    """

    times: np.ndarray
    states: np.ndarray
    columns: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    late: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class CompiledPlant:
    """A plant with numeric parameters, ready to be simulated.

    Attributes
    ----------
    plant : Plant
        f.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    learnt : Learnt, optional
        One member of a trained n.
    tolerance : float or None
        Relative tolerance of the integration; without it 1e-5, and `VARYING` where volumes vary.
    absolute : float
        Absolute tolerance of the integration.
    shown : tuple of str
        Quantities that n corrects as they are measured, and not as states.
    steps : callable, optional
        Integrates in the place of CVODES: from a state and inputs to the states at all their times.
    """

    plant: Plant
    parameters: np.ndarray
    learnt: Learnt[Matrix] | None = None
    tolerance: float | None = None
    absolute: float = 1e-13
    shown: tuple[str, ...] = ()
    steps: Callable[[np.ndarray, InputSeries], np.ndarray] | None = None

    @cached_property
    def system(self) -> SymbolicSystem:
        """The equations."""
        return symbolic_system(self.plant, self.parameters, self.learnt)

    @cached_property
    def problem(self) -> CompiledProblem:
        """The equations, and what integrates them."""
        system = self.system
        events, after = system.events
        return CompiledProblem(
            system.state,
            system.inputs,
            system.derivative,
            system.names,
            events,
            after,
            chunk=intervals_of_a_piece(self.plant.late) if self.plant.late else CHUNK,
            tolerance=self.tolerance or (VARYING if any(t.variable for t in self.plant.layout.tanks) else TOLERANCE),
            absolute=self.absolute,
        )

    def steady_state(self, inputs: np.ndarray, start: np.ndarray | None = None) -> SteadyState:
        """Return the steady state under constant inputs.

        Parameters
        ----------
        inputs : ndarray, shape (m,)
            The inputs.
        start : ndarray, shape (n,), optional
            Where to begin; from a cold start without it.

        Raises
        ------
        SimulationError
            When none is found.
        """
        start = self.start(inputs) if start is None else start
        return self.at_once.problem.steady_state(start, inputs)

    @cached_property
    def at_once(self) -> CompiledPlant:
        """The same where nothing is late, which has the same steady states."""
        return replace(self, plant=self.plant.at_once) if self.plant.late else self

    @cached_property
    def departing(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        """What gives what sets out to arrive late, from states ``(k, n)`` and inputs ``(k, m + entry)``."""
        system = self.system
        sets_out = casadi.densify(departing(self.plant, system.X, system.forcing, casadi_namespace()))
        function = casadi.Function("departing", [system.state, system.inputs], [casadi.vec(sets_out)])
        return lambda states, inputs: np.array(function(states.T, inputs.T)).T

    def start(self, inputs: np.ndarray) -> np.ndarray:
        """Return a cold start, ``(n,)``."""
        named = {spec.name: float(v) for spec, v in zip(self.plant.inputs, inputs, strict=True)}
        return cold_start(self.plant, named)[self.plant.rows.active > 0]

    def simulate(
        self, start: np.ndarray, inputs: InputSeries, progress: Callable[[float], None] | None = None
    ) -> PlantRecord:
        """Simulate from a state over a series of inputs.

        Parameters
        ----------
        start : ndarray, shape (n,)
            The state at the first time.
        inputs : InputSeries
            The inputs.
        progress : callable, optional
            Called with the share that is done.

        Returns
        -------
        PlantRecord

        Raises
        ------
        SimulationError
            When the integration fails.
        """
        index = inputs.sampled
        if self.plant.late:
            states, late = integrate_late(self.problem, self.departing, self.plant.late, start, inputs, progress)
            given = np.hstack([inputs.at(index), late[index]])
            return replace(self.record(inputs.times[index], states[index], given), late=late[index])
        if self.steps is not None:
            states = self.steps(start, inputs)
        else:
            states = self.problem.run(start, inputs.times, inputs.begin, inputs.end, progress=progress)
        return self.record(inputs.times[index], states[index], inputs.at(index))

    def record(self, times: np.ndarray, states: np.ndarray, inputs: np.ndarray) -> PlantRecord:
        """Work out everything that is recorded, from states ``(k, n)`` and inputs ``(k, m)``, what is late behind."""
        names, units, function = self._outputs
        values, states = np.array(function(states.T, inputs.T)).T, states.copy()
        if self.plant.table.equilibrium is not None:
            self._check_acidity(times, dict(zip(names, values.T, strict=True)))
        for place in self.plant.layout.imposed:  # what is imposed stands where the state does not move
            name = ".".join(place)
            states[:, self.plant.rows.names.index(name)] = values[:, names.index(name)]
        return PlantRecord(
            times=times,
            states=states,
            columns={name: values[:, i] for i, name in enumerate(names)},
            units=dict(zip(names, units, strict=True)),
        )

    def _check_acidity(self, times: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Refuse states whose charges balance at no pH."""
        tanks, table = self.plant.layout.tank_names, self.plant.table
        pH = np.stack([columns[f"{tank}.{PH}"] for tank in tanks], axis=-1)
        water = np.stack([np.stack([columns[f"{t}.{n}"] for n in table.component_names], axis=-1) for t in tanks], 1)
        check_acidity(table, tanks, pH, water, times)

    @cached_property
    def _outputs(self) -> tuple[list[str], list[str], Any]:
        """Names and units of what is recorded, and the function that gives it."""
        found = self.recorded
        expression = casadi.vertcat(*(casadi.densify(e) for _, e in found.values()))
        function = casadi.Function("outputs", [self.system.state, self.system.inputs], [expression])
        return list(found), [u for u, _ in found.values()], function

    @cached_property
    def recorded(self) -> dict[str, tuple[str, Matrix]]:
        """Everything that is recorded by name, its unit and its expression, as `PlantRecord.columns` has it."""
        plant, table = self.plant, self.plant.table
        system = replace(self.system, learnt=None)  # what is recorded is that of the states, which hold n already
        found: dict[str, tuple[str, Any]] = {}
        for i, spec in enumerate(plant.inputs):
            if spec.kind not in ("influent", "noise"):
                found[spec.name] = (spec.unit, system.moved[i])
        unit = table.units
        for place in (*plant.layout.tank_names, *system.ends):
            found |= {f"{place}.{name}": (unit[name], value) for name, value in system.quantities(place).items()}
        found["effluent.flow"] = ("m3/d", system.effluent[0])
        gases = offgas_targets(table, plant.layout)
        if gases:
            values = system.recorded(gases)
            found |= {name: (target_unit(table, name), values[i]) for i, name in enumerate(gases)}
        if self.shown:
            corrected = self.system.recorded(self.shown)
            for i, name in enumerate(self.shown):
                found[name + SHOWN] = (target_unit(table, name), corrected[i])
        holding = self._holding_kla(system)
        for i, tank in enumerate(plant.layout.tanks):
            found.setdefault(f"{tank.name}.kla", ("1/d", holding.get(tank.name, system.kla[i])))
            if tank.variable:
                found[f"{tank.name}.volume"] = ("m3", system.volume(i))
        if plant.layout.primary:
            found[f"{PRIMARY_SLUDGE}.flow"] = ("m3/d", system.primary_sludge[0])
            water = system.X[plant.tanks, :]
            amounts = plant.quantities.amounts(water, system.forcing, casadi_namespace())
            found |= {f"primary.{name}": (unit[name], value) for name, value in amounts.items()}
        found["saturation"] = ("g O2/m3", plant.saturation(system.inputs, casadi_namespace()))
        for i in range(system.settler_solids.numel()):
            found[f"settler_{i + 1}.TSS"] = ("g TSS/m3", system.settler_solids[i])
        return found

    def _holding_kla(self, system: SymbolicSystem) -> dict[str, Matrix]:
        """Return the kLa [1/d] that holds the oxygen of tanks in which it is imposed, by the name of the tank.

        What flows and reactions take is what the air brings; what the water stores of it is left out, since it evens
        out over days. Like a given kLa it stands before the factor of temperature.
        """
        plant, xp = self.plant, casadi_namespace()
        if not plant.held:
            return {}
        oxygen, temperature = plant.table.oxygen, plant.input(system.moved, "T", xp)
        saturation = plant.saturation(system.moved, xp)
        carried, found = plant.transport(system.tanks, system.forcing, xp), {}
        j = plant.table.component_names.index(oxygen)
        for tank in plant.held:
            i = plant.layout.tank_index(tank)
            taken = casadi.fmax(-(carried[i, j] + system.reaction[i, j]), 0.0)
            lack = casadi.fmax(saturation - system.tanks[i, j], NEARLY_SATURATED * saturation)
            found[tank] = taken / lack / plant.layout.aeration.factor(temperature, xp)
        return found
