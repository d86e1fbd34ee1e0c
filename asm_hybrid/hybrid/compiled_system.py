"""f + n as CasADi functions of numbers, for integration without gradients: what `PlantSystem` is in torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import casadi
import numpy as np
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.open_term import OpenTerm, flat_weights
from asm_hybrid.hybrid.symbolic import SymbolicTerms, member_weights
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant import TakacsSettler, casadi_namespace, layer_slopes, other_slopes, rate_arguments, recorded
from asm_hybrid.plant.casadi_plant import SymbolicSystem, symbolic_system
from asm_hybrid.plant.elimination import Elimination
from asm_hybrid.plant.namespace import Matrix

__all__ = ["CompiledSystem", "open_values", "structure"]

XP = casadi_namespace()

Division = tuple[Matrix, Callable[[Matrix, Matrix], None]]
"""Factors ``(factor,)``, and what divides a part of a state ``(row, component)`` in place, given values for them."""


@dataclass(frozen=True, eq=False)
class CompiledSystem:
    """The equations of a `PlantSystem` for one member and one case.

    States are the active entries of the plant's, ``(state,)``. What differs between members and sets of parameters is
    an argument of every function, ``(value,)``, see `open_values`: one compiled function serves all, and all systems
    of the same `structure`.

    Attributes
    ----------
    system : PlantSystem
        The equations in torch.
    """

    system: PlantSystem

    def __post_init__(self) -> None:
        if self.system.switches is not None:
            raise InputError(
                f"{self.system.switches.names[0]!r} switches by what is measured, and the compiled steps do not",
                expected="a plant whose controllers move without steps, and whose phases end by time",
                fix="simulate a scenario: there it is integrated by CVODES, with its switches",
            )

    @cached_property
    def _terms(self) -> list[OpenTerm]:
        return [OpenTerm(term) for term in _parts(self.system)]

    @cached_property
    def _learnt(self) -> SymbolicTerms | None:
        return SymbolicTerms([term.symbolic for term in self._terms]) if self._terms else None

    @cached_property
    def _parameters(self) -> Matrix:
        return casadi.SX.sym("p", len(self.system.plant.table.parameters))

    @cached_property
    def _symbols(self) -> SymbolicSystem:
        return symbolic_system(self.system.plant, self._parameters, self._learnt)

    @property
    def active(self) -> np.ndarray:
        """Which entries of the plant's state are states, bool ``(row, component)``."""
        return self.system.plant.rows.active > 0

    @property
    def floor(self) -> np.ndarray:
        """See `PlantSystem`, ``(state,)``."""
        rows = np.broadcast_to(np.asarray(self.system.floor.cpu()), self.active.shape)
        return np.asarray(rows[self.active])

    @cached_property
    def derivative(self) -> Matrix:
        """From state, inputs and values to dx/dt [unit/d], ``(state,)``."""
        return self._function("derivative", [self._symbols.derivative])

    @cached_property
    def begin(self) -> Matrix:
        """From state, inputs, values and ``1 / (h γ)`` [1/d] to the factors that `solve` takes, and to dx/dt."""
        shift, parts = self._divisions
        factors = casadi.vertcat(*(factors for factors, _ in parts))
        return self._function("begin", [factors, self._symbols.derivative], [shift])

    @cached_property
    def output(self) -> Matrix:
        """From state, inputs and values to the recorded quantities, ``(target,)``."""
        s, targets = self._symbols, self.system.targets
        found = casadi.vertcat(*(self._recorded(target) for target in targets))
        if self._learnt is not None:
            found = self._learnt.recorded(found, targets, s.tanks, s.inputs)
        return self._function("output", [found])

    @cached_property
    def acidity(self) -> Matrix | None:
        """From state, inputs and values to the pH of the tanks, ``(tank,)``; None where the table has none."""
        s, plant = self._symbols, self.system.plant
        if plant.table.equilibrium is None:
            return None
        found = plant.quantities.of_equilibrium(XP.columns(s.tanks), XP.entries(s.forcing.parameters), XP)
        return self._function("acidity", [found[PH]])

    def _recorded(self, target: str) -> Matrix:
        """Return what f gives of a quantity, a composite by the parameters at their reference temperatures."""
        s = self._symbols
        return recorded(self.system.plant, target, s.X, s.tanks, s.forcing, XP.entries(self._parameters), XP)

    def _function(self, name: str, results: Sequence[Matrix], more: Sequence[Matrix] = ()) -> Matrix:
        """Return a function of state, inputs, values and more, with the networks evaluated where results need them."""
        s, terms = self._symbols, self._terms
        plain = casadi.vertcat(self._parameters, *(casadi.vec(t.mask) for t in terms if t.mask is not None))
        given = [casadi.vec(term.given) for term in terms]
        results = [casadi.densify(r) for r in results]
        own = casadi.Function(name, [s.state, s.inputs, plain, *given, *more], results, {"cse": True})
        read = casadi.Function("read", [s.state, s.inputs], [term.read(s.tanks, s.inputs) for term in terms])
        x, u, *others = (casadi.MX.sym(name, *symbol.shape) for symbol in (s.state, s.inputs, *more))
        sizes = [plain.numel(), *(term.network.numel_in(1) for term in terms)]
        values = casadi.MX.sym("values", sum(sizes))
        known, *weights = casadi.vertsplit(values, np.cumsum([0, *sizes]).tolist())
        reads = read.call([x, u])
        found = [
            term.network(r, w) if casadi.depends_on(casadi.vertcat(*map(casadi.vec, results)), symbols) else 0.0
            for term, r, w, symbols in zip(terms, reads, weights, given, strict=True)
        ]
        return casadi.Function(name, [x, u, values, *others], own.call([x, u, known, *found, *others]))

    @cached_property
    def solve(self) -> Matrix:
        """From factors and a right side ``(state,)`` to what `PlantSystem.solve` gives, ``(state,)``."""
        _, parts = self._divisions
        sizes = [factors.numel() for factors, _ in parts]
        factors, right = casadi.SX.sym("factors", sum(sizes)), casadi.SX.sym("right", int(self.active.sum()))
        places, state = [(int(i), int(j)) for i, j in np.argwhere(self.active)], casadi.SX(*self.active.shape)
        for k, place in enumerate(places):
            state[place] = right[k]
        for (_, divide), own in zip(parts, casadi.vertsplit(factors, np.cumsum([0, *sizes]).tolist()), strict=True):
            divide(own, state)
        found = casadi.vertcat(*(state[place] for place in places))
        return casadi.Function("solve", [factors, right], [casadi.densify(found)])

    @cached_property
    def _divisions(self) -> tuple[Matrix, list[Division]]:
        """The symbol for ``1 / (h γ)``, and what the state is divided by, one after the other; see `PlantSystem`."""
        s, shift, plant = self._symbols, casadi.SX.sym("shift"), self.system.plant
        forcing, rows, components = s.forcing, plant.rows, range(plant.shape[1])
        particulate = [j for j in components if plant.particulate[j] > 0]
        soluble = [j for j in components if j not in particulate]
        tanks, eye = range(plant.tanks), casadi.SX.eye(plant.tanks)
        if forcing.thickening is None:
            parts = [_across(eye - forcing.flows / shift, tanks, components)]
        else:
            thick = forcing.flows + forcing.thickening
            parts = [
                _across(eye - forcing.flows / shift, tanks, soluble),
                _across(eye - thick / shift, tanks, particulate),
            ]
        eye = shift * casadi.SX.eye(len(components))
        parts += [_within(eye - block, i, plant.free[i]) for i, block in enumerate(self._blocks)]
        own, others = other_slopes(plant, s.X, s.tanks, forcing, XP)
        if rows.primary is not None and own is not None:
            parts.append(_scaled(1.0 / (shift - own), rows.primary))
        if isinstance(plant.layout.settler, TakacsSettler):
            water, solids = layer_slopes(plant, plant.layout.settler, s.X, s.tanks, forcing, XP)
            layers = range(*rows.layers)
            eye = shift * casadi.SX.eye(len(layers))
            parts += [_across(eye - water, layers, soluble), _across(eye - solids, layers, [rows.solids_column])]
        for i, row in enumerate(range(rows.layers[1], rows.count)):
            slopes = others if isinstance(others, float) else others[i, :].T
            parts.append(_scaled(1.0 / (shift - slopes), row))
        return shift, parts

    @property
    def _blocks(self) -> list[Matrix]:
        """What reactions and aeration add to df/dX [1/d], n held, one block ``(component, component)`` a tank."""
        s, plant = self._symbols, self.system.plant
        forcing = s.forcing
        parameters = rate_arguments(plant.constants, s.tanks, forcing, XP, self._learnt)
        factor = casadi.SX.ones(plant.tanks, len(plant.table.processes))
        if self._learnt is not None:
            factor = self._learnt.sloped(factor, s.tanks, forcing.seen)
        stoichiometry = casadi.sparsify(plant.stoichiometry(self._parameters, XP))
        slopes = plant.kinetics.rate_jacobian(s.tanks, parameters, XP)
        blocks = []
        for tank in range(plant.tanks):
            own = casadi.SX(*stoichiometry.shape)
            for i, row in enumerate(slopes):
                for j, value in enumerate(row):
                    if value is not None:
                        value = casadi.SX(value)
                        own[i, j] = (value if value.is_scalar() else value[tank]) * factor[tank, i]
            block = casadi.mtimes(stoichiometry.T, own)
            if forcing.loss is not None:
                block = block - casadi.diag(forcing.loss[tank, :].T)
            free = casadi.DM(plant.free[tank])
            blocks.append(casadi.sparsify(block * casadi.mtimes(free, free.T)))
        return blocks


def structure(system: PlantSystem) -> Hashable:
    """Return all that the functions of a `CompiledSystem` depend on, but for the plant.

    Parameters
    ----------
    system : PlantSystem
        The equations in torch.

    Returns
    -------
    hashable
        Two systems in one plant for which this is equal have the same functions.
    """
    terms = (
        (repr(term.spec), term.mask is None, *((n, _numbers(b).tobytes()) for n, b in term.named_buffers()))
        for term in _parts(system)
    )
    return (system.targets, *terms)


def open_values(system: PlantSystem, lead: Sequence[int]) -> Callable[[tuple[int, ...]], np.ndarray]:
    """Return what the functions of a `CompiledSystem` take as values, as the system has them now.

    Parameters
    ----------
    system : PlantSystem
        The equations in torch.
    lead : sequence of int
        Leading axes of the states; the first one is that of the members where there is an n.

    Returns
    -------
    callable
        From a place in these axes to the values there, ``(value,)``: parameters, masks and weights.
    """
    terms = _parts(system)
    given = _numbers(system.parameters)
    given = np.broadcast_to(given, (*lead, given.shape[-1]))
    masks = [
        np.broadcast_to(_spread(term), (*lead, *_spread(term).shape[-2:])) for term in terms if term.mask is not None
    ]
    members = terms[0].members if terms else 1
    if members > 1 and tuple(lead[:1]) != (members,):
        raise ValueError(f"states with the leading axes {tuple(lead)} for {members} members")
    weights = [[flat_weights(member_weights(term.network, m)) for term in terms] for m in range(members)]

    def values(place: tuple[int, ...]) -> np.ndarray:
        own = weights[place[0] if members > 1 else 0]
        return np.concatenate([given[place], *(mask[place].ravel(order="F") for mask in masks), *own])

    return values


def _parts(system: PlantSystem) -> list[LearntTerm]:
    """Return the terms of n."""
    term = system.term
    return [] if term is None else list(term) if isinstance(term, LearntTerms) else [term]


def _spread(term: LearntTerm) -> np.ndarray:
    """Return the mask of a term for states, ``(…, spot, column of n)``, without the axis of time that inputs have."""
    assert term.mask is not None
    mask, spots = _numbers(term.mask), len(term.placement.spots)
    mask = mask.squeeze(-3) if not term.placement.in_tanks and mask.ndim > 3 else mask
    return np.broadcast_to(mask, (*mask.shape[:-2], spots, mask.shape[-1]))


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double())


def _across(matrix: Matrix, rows: Sequence[int], columns: Sequence[int]) -> Division:
    """Return the division of columns of some rows by a matrix ``(row, row)``."""
    elimination, columns = Elimination.of(casadi.sparsify(matrix)), list(columns)

    def divide(factors: Matrix, state: Matrix) -> None:
        found = elimination.solve(factors, [state[i, columns] for i in rows])
        for i, row in zip(rows, found, strict=True):
            state[i, columns] = row

    return elimination.factors, divide


def _within(matrix: Matrix, row: int, free: np.ndarray) -> Division:
    """Return the division of a row by a matrix ``(component, component)``; nothing moves what is not free."""
    elimination = Elimination.of(casadi.sparsify(matrix))

    def divide(factors: Matrix, state: Matrix) -> None:
        right = [state[row, j] * float(free[j]) for j in range(len(free))]
        state[row, :] = casadi.horzcat(*elimination.solve(factors, right))

    return elimination.factors, divide


def _scaled(factor: Matrix, row: int) -> Division:
    """Return the multiplication of a row by a factor, or by one a column."""

    def divide(factors: Matrix, state: Matrix) -> None:
        state[row, :] = state[row, :] * factors.T

    return casadi.SX(factor), divide
