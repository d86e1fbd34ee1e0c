"""The plant of a run with everything open that a client may change: state, inputs, parameters, volumes, and n's output.

What the formats that calculate are written from: the same equations as those of a simulation, as CasADi expressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import casadi
import numpy as np

from asm_hybrid.config import build_fractionation
from asm_hybrid.errors import InputError
from asm_hybrid.export.format import Source
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.open_term import OpenTerm
from asm_hybrid.hybrid.symbolic import SymbolicTerms, member_mask
from asm_hybrid.plant import Plant, casadi_namespace
from asm_hybrid.plant.cycle import Cycle
from asm_hybrid.plant.fractionation import Fractionation
from asm_hybrid.plant.inputs import CLOCK, INFLUENT
from asm_hybrid.plant.namespace import ArrayNamespace, Matrix
from asm_hybrid.scenario.compiled import SHOWN, CompiledPlant
from asm_hybrid.scenario.fitted_subject import OUTPUT, FittedSubject, load_fitted
from asm_hybrid.scenario.momentary import momentary_indicators
from asm_hybrid.scenario.steered_subject import steered

__all__ = ["FROM_SUMS", "Cause", "ExportedPlant", "read_plant"]

XP = casadi_namespace()
FROM_SUMS = "influent.from_sums"
"""The parameter that tells whether the influent comes as measured sums."""
NEVER_BACK = frozenset({"Q_in", "return_sludge", "wastage", "recycle", "decant", "kla", "air"})
"""Kinds of inputs of which nothing is known below zero: water and air flow one way."""
TIME_OF_DAY = "clock.start"
"""The parameter that holds the local time of day at time zero [d]."""


@dataclass(frozen=True)
class _SizedPlant(Plant):
    """A plant whose tanks of constant volume have sizes that are open.

    Attributes
    ----------
    sizes : SX, shape (tank, 1)
        Volumes over those of the layout [-]; one where a volume varies anyway.
    """

    sizes: Any = None

    @property
    def steered(self) -> bool:
        """Whether flows depend on the state or on a size: always."""
        return True

    def growth(self, X: Any, xp: ArrayNamespace[Any]) -> Any:
        own = super().growth(X, xp)
        return self.sizes if own is None else own * self.sizes


@dataclass(frozen=True)
class Cause:
    """Something of which equations are functions.

    Attributes
    ----------
    name, unit : str
        Its name and unit.
    start : float
        Its value at the start.
    text : str
        What it is.
    low, high : float or None
        Its bounds.
    """

    name: str
    unit: str
    start: float
    text: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class ExportedPlant:
    """A fitted plant for use elsewhere.

    Attributes
    ----------
    subject : FittedSubject
        The run.
    name : str
        Its name.
    """

    subject: FittedSubject
    name: str

    @property
    def plant(self) -> Plant:
        """The plant, its sizes as they are."""
        return self.subject.plant

    @cached_property
    def terms(self) -> list[LearntTerm]:
        """The parts of n."""
        term = self.subject.model.term
        return [] if term is None else list(term)

    @cached_property
    def open_terms(self) -> list[OpenTerm]:
        """The parts of n with symbols for what their networks give."""
        return [OpenTerm(term) for term in self.terms]

    @property
    def members(self) -> int:
        """Seeds of n; none without it."""
        return self.terms[0].members if self.terms else 0

    @property
    def best(self) -> int:
        """The seed that validated best, from 1; 0 without n."""
        return self.subject.model.best + 1 if self.terms else 0

    @property
    def notes(self) -> list[str]:
        """What whoever drives the model has to know."""
        found, config = [], self.subject.model.config
        corrected = [*config.corrections.factors, *config.corrections.shifts]
        corrected += [name for name in config.corrections.offsets if name in self.plant.input_index]
        if corrected:
            words = ", ".join(dict.fromkeys(corrected))
            found.append(f"the run corrects what was recorded of {words}: give the model corrected values of these")
        if config.plant.influent.delay:
            found.append(
                f"the concentrations of the influent were measured {1440 * config.plant.influent.delay:g} min before "
                "they arrive: give the model those at the plant"
            )
        if self.subject.silent:
            found.append("n is left out, since validation confirmed nothing of what it learnt: the model is f alone")
        return found

    # What equations are functions of.

    @cached_property
    def first(self) -> int:
        """The knot of the record at which the model starts: the begin of the test block."""
        return self.subject.period(None).first

    @cached_property
    def starts(self) -> np.ndarray:
        """States at the start, of f alone and then of every seed, ``(1 + member, state)``."""
        *members, alone = self.subject.starts(self.first)
        return np.array([alone, *members])[:, self.moving]

    @cached_property
    def parameters(self) -> tuple[Cause, ...]:
        """Parameters of the kinetics as they were fitted, volumes, and how inputs are read."""
        table, layout = self.plant.table, self.plant.layout
        found = [
            Cause(f"kinetics.{q.name}", q.unit, float(value), q.description or q.name, *map(float, q.bounds))
            for q, value in zip(table.parameters, self.subject.parameters, strict=True)
        ]
        found += [Cause(f"{t.name}.volume", "m3", t.volume, f"volume of {t.name}", 0.0) for t in self._sized]
        if self._sums:
            text = "1: the influent comes as measured sums, 0: as components"
            found.append(Cause(FROM_SUMS, "-", 0.0, text, 0.0, 1.0))
        if layout.clock:
            found.append(Cause(TIME_OF_DAY, "d", self._time_of_day, "Local time of day at time zero", 0.0, 1.0))
        return tuple(found)

    @cached_property
    def inputs(self) -> tuple[Cause, ...]:
        """What drives the plant: inputs that no controller, phase or clock gives, and measured sums of the influent."""
        units = {c.name: c.description or c.name for c in self.plant.table.components}
        start = self.subject.knots[self.first]
        given = [
            Cause(
                spec.name,
                spec.unit,
                float(start[i]),
                _in_words(spec.kind, spec.owner, units),
                0.0 if spec.kind in NEVER_BACK else None,
            )
            for i, spec in enumerate(self.plant.inputs)
            if spec.name not in self._moved and spec.kind != "clock"
        ]
        return (*given, *(Cause(f"{INFLUENT}{n}", u, v, f"{n} of the influent") for n, (u, v) in self._sums.items()))

    @cached_property
    def table_inputs(self) -> frozenset[str]:
        """Inputs that time tables give."""
        return frozenset(n for c in self.plant.layout.cycles if not c.states for n in c.inputs)

    @cached_property
    def _moved(self) -> frozenset[str]:
        """Inputs that controllers and phases of unknown length move."""
        moved = {name for c in self.plant.controllers for name in c.sets}
        return frozenset(moved | {n for c in self.plant.layout.cycles if c.states for n in c.inputs})

    @cached_property
    def _sized(self) -> list[Any]:
        """Tanks whose volume is a parameter: not where it varies anyway, nor where rates read it as a constant."""
        read = "here.volume" in self.plant.table.input_names
        return [t for t in self.plant.layout.tanks if not (t.variable or read)]

    @cached_property
    def _volumes(self) -> list[Matrix]:
        """Volumes of the tanks [m³]."""
        _, p, _ = self.symbols
        open_ones = {cause.name: p[i] for i, cause in enumerate(self.parameters)}
        system = self.compiled.system
        return [open_ones.get(f"{t.name}.volume", system.volume(i)) for i, t in enumerate(self.plant.layout.tanks)]

    @cached_property
    def _fractionation(self) -> Fractionation | None:
        return build_fractionation(self.subject.model.config, self.plant.table, self.plant.layout)

    @cached_property
    def _sums(self) -> dict[str, tuple[str, float]]:
        """Measured sums of the influent that are given: their units, and their values at the start."""
        found, table = self._fractionation, self.plant.table
        if found is None:
            return {}
        water = self.subject.knots[self.first][self.plant.inputs.influent]
        sums = found.sums({name: np.array(v) for name, v in zip(table.component_names, water, strict=True)})
        return {n: (table.composites[n].unit, float(sums[n])) for n in found.family.sums if n in found.given}

    def _split(self, found: Fractionation, place: Mapping[str, Matrix]) -> dict[str, Matrix]:
        """Return components of the influent from what is measured of it: the split is linear."""
        given = [n for n in (*found.family.sums, *self.plant.table.component_names) if n in found.given]
        one_each = found.split(dict(zip(given, np.eye(len(given)), strict=True))).components
        measured = casadi.vertcat(*(place[f"{INFLUENT}{name}"] for name in given))
        return {name: casadi.mtimes(casadi.DM(weights).T, measured) for name, weights in one_each.items()}

    @property
    def _time_of_day(self) -> float:
        """Local time of day at the start [d], from the clock's sine and cosine."""
        sin, cos = (self.subject.knots[self.first][self.plant.input_index[name]] for name in CLOCK)
        return float(np.mod(np.arctan2(sin, cos) / (2.0 * np.pi), 1.0))

    # The equations.

    @cached_property
    def symbols(self) -> tuple[Matrix, Matrix, Matrix]:
        """Symbols of inputs, parameters, and what differs between the seeds of n but for its networks."""
        masks = [casadi.vec(t.mask) for t in self.open_terms if t.mask is not None]
        u, p = casadi.SX.sym("u", len(self.inputs)), casadi.SX.sym("p", len(self.parameters))
        return u, p, casadi.vertcat(casadi.SX(0, 1), *masks)

    def masks(self, member: int) -> np.ndarray:
        """Return the values of the last of `symbols` for a seed, from 0."""
        found = [mask.ravel(order="F") for t in self.terms if (mask := member_mask(t, member)) is not None]
        return np.concatenate([np.zeros(0), *found])

    @cached_property
    def time(self) -> Matrix:
        """The symbol of time [d], which only the clock reads."""
        return casadi.SX.sym("t")

    @cached_property
    def compiled(self) -> CompiledPlant:
        """The plant with what it records."""
        _, p, _ = self.symbols
        place, plant = {c.name: p[i] for i, c in enumerate(self.parameters)}, self.plant
        sizes = [place.get(f"{t.name}.volume", casadi.SX(t.volume)) / t.volume for t in plant.layout.tanks]
        sized = _SizedPlant(plant.table, plant.layout, casadi.vertcat(*sizes))
        learnt = SymbolicTerms([t.symbolic for t in self.open_terms]) if self.open_terms else None
        shown = tuple(t for term in self.terms if term.placement.name == OUTPUT for t in term.placement.targets)
        return CompiledPlant(sized, p[: len(plant.table.parameters)], learnt, shown=shown)

    def _own(self, expression: Matrix) -> Matrix:
        """Write an expression of the plant's state and inputs as one of the model's."""
        system, whole = self.compiled.system, casadi.SX.zeros(self.compiled.system.state.numel())
        for k, i in enumerate(self.moving):
            whole[int(i)] = self.state[k]
        (found,) = casadi.substitute([expression], [system.state, system.inputs], [whole, self._plant_inputs])
        return casadi.densify(found)

    @cached_property
    def _plant_inputs(self) -> Matrix:
        """The plant's inputs from the model's."""
        u, p, _ = self.symbols
        place = {cause.name: u[i] for i, cause in enumerate(self.inputs)}
        switches = {cause.name: p[i] for i, cause in enumerate(self.parameters)}
        constants = self.plant.layout.constants
        found = {name: place.get(name, casadi.SX(constants.get(name, 0.0))) for name in self.plant.inputs.names}
        if self._sums:
            assert self._fractionation is not None
            for name, value in self._split(self._fractionation, place).items():
                own = found[f"{INFLUENT}{name}"]
                found[f"{INFLUENT}{name}"] = casadi.if_else(switches[FROM_SUMS] > 0.5, value, own)
        if self.plant.layout.clock:
            turn = 2.0 * np.pi * (self.time + switches[TIME_OF_DAY])
            found |= dict(zip(CLOCK, (casadi.sin(turn), casadi.cos(turn)), strict=True))
        return casadi.vertcat(*(found[name] for name in self.plant.inputs.names))

    @cached_property
    def moving(self) -> np.ndarray:
        """Positions of the states among the plant's: all but imposed concentrations, which are inputs."""
        imposed = {".".join(place) for place in self.plant.layout.imposed}
        return np.array([i for i, name in enumerate(self.plant.rows.names) if name not in imposed])

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(self.plant.rows.names[i] for i in self.moving)

    @cached_property
    def state(self) -> Matrix:
        """Symbols of the states."""
        return casadi.SX.sym("x", len(self.moving))

    @cached_property
    def derivative(self) -> Matrix:
        """dx/dt [unit/d]."""
        return self._own(self.compiled.system.derivative)[self.moving.tolist()]

    @cached_property
    def reads(self) -> list[Matrix]:
        """What every network of n is given, row by row, ``(spot · column,)``."""
        system = self.compiled.system
        return [casadi.vec(self._own(t.read(system.tanks, system.inputs)).T) for t in self.open_terms]

    @property
    def given(self) -> list[Matrix]:
        """Symbols of what every network of n gives, row by row, ``(spot · target,)``."""
        return [casadi.vec(t.given.T) for t in self.open_terms]

    @cached_property
    def outputs(self) -> dict[str, tuple[str, Matrix]]:
        """What a simulation records and no state or input is, and indicators of the moment: unit and expression."""
        taken = {*self.plant.rows.names, *(c.name for c in self.inputs), *(c.name for c in self.parameters)}
        found = {**self.compiled.recorded, **momentary_indicators(self.compiled, self._volumes)}
        return {
            (f"shown.{name.removesuffix(SHOWN)}" if name.endswith(SHOWN) else name): (unit, self._own(e))
            for name, (unit, e) in found.items()
            if name not in taken
        }

    @cached_property
    def events(self) -> tuple[Matrix, list[Matrix]]:
        """Distances from events, and the states after them; see `SymbolicSystem.events`."""
        distances, after = self.compiled.system.events
        if distances is None:
            return casadi.SX(0, 1), []
        return self._own(distances), [self._own(e)[self.moving.tolist()] for e in after]


def read_plant(source: Source) -> ExportedPlant:
    """Read the plant of a run.

    Parameters
    ----------
    source : Source
        The run, and the scenario whose controllers and time tables the plant gets.

    Returns
    -------
    ExportedPlant

    Raises
    ------
    InputError
        When a file is missing or is not the one that was written, or the run has no plant.
    """
    run, subject = source.run, load_fitted(source.run)
    if not subject.has_plant:
        raise InputError(
            "the run is a pure neural model, which has no states of a plant",
            where=str(run),
            expected="a run with f, alone or with n",
            fix="export it as a bundle, which Python loads; or train with mode: hybrid",
        )
    recorded = subject.plant.layout.cycles
    if source.scenario is not None:
        subject = steered(subject, source.scenario, source.case)
    return ExportedPlant(_begun(subject, recorded), subject.model.config.name)


def _begun(subject: FittedSubject, recorded: Sequence[Cycle]) -> FittedSubject:
    """Return a subject whose recorded time tables are at time zero where the record has them at the start."""
    layout = subject.plant.layout
    time = subject.period(None).first * subject.model.grid.interval
    cycles = tuple(c.begun(time) if c in recorded and not c.states else c for c in layout.cycles)
    if cycles == layout.cycles:
        return subject
    return replace(subject, plant=Plant(subject.plant.table, replace(layout, cycles=cycles)))


def _in_words(kind: str, owner: str, components: Mapping[str, str]) -> str:
    """Return what an input is."""
    words = {
        "Q_in": "flow of the influent",
        "T": "temperature of the liquid",
        "return_sludge": "flow of the return sludge",
        "wastage": "flow of the waste sludge",
        "recycle": f"flow of the recycle {owner}",
        "kla": f"oxygen transfer coefficient (kLa) of {owner}",
        "air": f"air flow into {owner}, at 0 degC and 1 atm",
        "decant": f"flow decanted from {owner}",
        "setpoint": f"set point of the controller {owner}",
        "noise": f"noise of the sensor of {owner}",
        "imposed": f"concentration imposed in {owner}",
        "influent": f"{components.get(owner, owner)} in the influent",
    }
    return words[kind]
