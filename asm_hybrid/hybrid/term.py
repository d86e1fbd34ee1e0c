"""Where n acts: on process rates, their parameters, the derivatives themselves, or the measured variables."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.network import EnsembleMLP
from asm_hybrid.kinetics import Table, check_factored
from asm_hybrid.plant import ArrayNamespace, Plant, torch_namespace

__all__ = ["LearntTerm", "TermScaling", "TermSpec", "feature_maps"]

Array = Any

XP = torch_namespace()

LOG_LIMIT = float(np.log(10.0))
"""A learnt factor stays between 1/10 and 10."""

FADE_START, FADE_END = 0.5, 1.5
"""Distances from the trained range, in widths of that range, at which n begins to fade and is gone."""


KINDS = {"rates": "process", "state": "component", "parameters": "parameter", "output": "variable"}
"""What n changes, by placement."""


@dataclass(frozen=True)
class TermSpec:
    """What n is: settings that a config names and an export repeats.

    Attributes
    ----------
    placement : str
        A key of :data:`KINDS`: ``rates``, ``state``, ``parameters`` or ``output``.
    form : str
        ``multiplicative`` or ``additive``; used by ``rates``.
    inputs : tuple of str
        Components of the tank, and ``T``, that n reads.
    targets : tuple of str
        Processes (placement ``rates``), components (``state``), parameters of rates (``parameters``) or measured
        variables (``output``), ``TANK.QUANTITY`` or ``effluent.QUANTITY``, that n may change.
    hidden : tuple of int
        Widths of the hidden layers.
    activation : str
        Name of the activation.
    seeds : tuple of int
        Seeds of the members.
    """

    placement: str
    form: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    hidden: tuple[int, ...]
    activation: str
    seeds: tuple[int, ...]

    @property
    def kind(self) -> str:
        """``process``, ``component``, ``parameter`` or ``variable``: what a target is."""
        return KINDS[self.placement]

    def universe(self, table: Table) -> tuple[str, ...]:
        """Return what the last axis of n stands for: all processes or components, else the targets."""
        names = {"rates": table.process_names, "state": table.component_names}
        return names.get(self.placement, self.targets)


@dataclass(frozen=True)
class TermScaling:
    """Typical sizes along the trajectory of f over the training block; all tensors are float64.

    Attributes
    ----------
    mean, std, low, high : Tensor, shape (input,)
        Statistics of what n reads.
    typical : Tensor, shape (target,)
        Mean size of what n may change, or the standard deviation of the measured variables [table units].
    level : Tensor, shape (component,)
        Mean concentrations, which set where the gates close.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    typical: Tensor
    level: Tensor


class LearntTerm(nn.Module):
    """The learnt term of one plant, for all tanks alike.

    With ``z`` the output of the network and ``g`` the guard that fades to zero outside the trained range:

    - ``rates``, multiplicative: ``ρ exp(L tanh(g z / L))`` with ``L = ln 10``;
    - ``rates``, additive: ``ρ + gate · typical · g z``, the gate closing where a component of the process runs out;
    - ``state``: ``dX/dt + gate · typical · g z``, the gate closing where the component itself runs out;
    - ``parameters``: ``p exp(L tanh(g z / L))`` in the rates, tank by tank; the stoichiometry stays as it is;
    - ``output``: ``h(X) + typical · g z`` for a measured variable, with g and z of its tank, of the last one for the
      effluent; the states are those of f.

    Parameters
    ----------
    spec : TermSpec
        The settings.
    plant : Plant
        The plant, whose names are resolved here.
    scaling : TermScaling
        Typical sizes.
    participants : ndarray of bool, shape (process, component)
        Which component takes part in which process.

    Attributes
    ----------
    positions : tuple of int
        Of the targets among the parameters of the table; empty in the other placements.
    places : tuple of pairs of int
        Tank and target where n acts.
    mask : Tensor or None
        Multiplies n, broadcast against ``(member, …, tank, target of the plant)``: zeros switch parts of n off.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    typical: Tensor
    level: Tensor
    place: Tensor
    participants: Tensor
    read: Tensor
    drive: Tensor
    at: Tensor

    def __init__(self, spec: TermSpec, plant: Plant, scaling: TermScaling, participants: np.ndarray) -> None:
        super().__init__()
        self.spec = spec
        for item in fields(scaling):
            self.register_buffer(item.name, getattr(scaling, item.name).clone())
        read, drive = feature_maps(plant, spec.inputs)
        self.register_buffer("read", read, persistent=False)
        self.register_buffer("drive", drive, persistent=False)
        self._driven = bool(drive.any())
        universe = list(spec.universe(plant.table))
        self.positions: tuple[int, ...] = ()
        if spec.placement == "parameters":
            for target in spec.targets:
                check_factored(plant.table, target)
            self.positions = tuple(plant.table.parameter_names.index(t) for t in spec.targets)
        self.places = _places(spec, plant)
        at = torch.zeros(plant.tanks, len(spec.targets), dtype=torch.float64)
        for tank, i in self.places:
            at[tank, i] = 1.0
        self.register_buffer("at", at, persistent=False)
        self._targets = [universe.index(t) for t in spec.targets]
        place = torch.zeros(len(self._targets), len(universe), dtype=torch.float64)
        place[range(len(self._targets)), self._targets] = 1.0
        self.register_buffer("place", place)
        self.register_buffer("participants", torch.as_tensor(participants, dtype=torch.float64))
        sizes = [len(spec.inputs), *spec.hidden, len(spec.targets)]
        self.network = EnsembleMLP(sizes, spec.activation, spec.seeds)
        self._everywhere = self._targets == list(range(len(universe)))
        self.mask: Tensor | None = None

    def member(self, index: int) -> LearntTerm:
        """Return the term with one member of its network."""
        out = copy.deepcopy(self)
        out.network = self.network.member(index)
        return out

    @property
    def multiplies(self) -> bool:
        """Whether n is a factor on the rates."""
        return self.spec.placement == "rates" and self.spec.form == "multiplicative"

    def features(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n reads, unscaled, ``(…, tank, input)``."""
        found = X @ self.read
        return found + (u @ self.drive).unsqueeze(-2) if self._driven else found

    def guard(self, features: Tensor) -> Tensor:
        """Return one inside the trained range, falling to zero well outside it, ``(…, tank, 1)``."""
        middle, width = (self.high + self.low) / 2, (self.high - self.low).clamp(min=1e-9)
        worst = ((features - middle).abs() / width).amax(dim=-1, keepdim=True) - 0.5
        return cast(Tensor, faded(worst, XP))

    def outputs(self, X: Tensor, u: Tensor) -> Tensor:
        """Return ``g z``, ``(member, …, tank, target of the plant)``; for the last axis see `TermSpec.universe`."""
        features = self.features(X, u)
        z: Tensor = self.network((features - self.mean) / self.std) * self.guard(features)
        if not self._everywhere:
            z = z @ self.place
        return z if self.mask is None else z * self.mask

    def factors(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the learnt factors on rates or parameters, ``(member, …, tank, target of the plant)``."""
        return cast(Tensor, bounded(self.outputs(X, u), XP))

    def adjusted(self, p: Sequence[Tensor], X: Tensor, u: Tensor) -> Sequence[Tensor]:
        """Return the parameters that the rates of the hybrid model use, each to broadcast against ``(…, tank)``."""
        if self.spec.placement != "parameters":
            return p
        return multiplied(p, self.positions, XP.columns(self.factors(X, u)))

    def additions(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n adds to rates or derivatives, ``(member, …, tank, target of the plant)``."""
        open_: Tensor = gate(X, self.level, XP)
        if self.spec.placement == "rates":
            open_ = torch.exp(torch.log(open_.clamp(min=1e-12)) @ self.participants.T)
        return open_ * self.outputs(X, u) * (self.typical @ self.place)

    def rates(self, rho: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """Return the rates that the hybrid model uses, ``(member, …, tank, process)``."""
        if self.multiplies:
            return rho * self.factors(X, u)
        return rho + self.additions(X, u) if self.spec.placement == "rates" else rho

    def corrections(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n adds to the measured variables, ``(member, …, target)``."""
        return (self.outputs(X, u) * self.at).sum(-2) * self.typical

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the mean square of n per member, ``(member,)``; what the penalty weighs."""
        z = self.outputs(X, u)
        if self.spec.placement == "output":
            z = (z * self.at).sum(-2)
        return z.square().flatten(1).mean(dim=1)


def faded(distance: Array, xp: ArrayNamespace) -> Array:
    """Return the guard [-] at a distance outside the trained range [widths of that range]."""
    left = xp.minimum(xp.maximum((FADE_END - distance) / (FADE_END - FADE_START), 0.0), 1.0)
    return left * left * (3.0 - 2.0 * left)


def bounded(z: Array, xp: ArrayNamespace) -> Array:
    """Return the factor on a rate or parameter [-]."""
    return xp.exp(LOG_LIMIT * xp.tanh(z / LOG_LIMIT))


def multiplied(p: Sequence[Array], positions: Sequence[int], factors: Sequence[Array]) -> list[Array]:
    """Return parameters of which some are multiplied by factors ``(…, tank)`` [-]."""
    out = list(p)
    for position, factor in zip(positions, factors, strict=True):
        out[position] = out[position] * factor
    return out


def gate(X: Array, level: Array, xp: ArrayNamespace) -> Array:
    """Return how much of a component is left for an addition [-]: zero without any, near one at its mean level."""
    X = xp.maximum(X, 0.0)
    return X / (X + 0.05 * level + 1e-6)


def _places(spec: TermSpec, plant: Plant) -> tuple[tuple[int, int], ...]:
    """Return tank and target where n acts."""
    if spec.placement != "output":
        return tuple((tank, i) for tank in range(plant.tanks) for i in range(len(spec.targets)))
    found = []
    for i, target in enumerate(spec.targets):
        place, _ = plant.observation(target)
        found.append((plant.tanks - 1 if place == "effluent" else plant.layout.tank_index(place), i))
    return tuple(found)


def feature_maps(plant: Plant, inputs: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return the matrices that pick what n reads.

    Parameters
    ----------
    plant : Plant
        The plant.
    inputs : sequence of str
        Components, and ``T``.

    Returns
    -------
    tuple of Tensor
        From the state of a tank, ``(component, input)``, and from the inputs of the plant, ``(plant input, input)``.
    """
    read = torch.zeros(plant.shape[1], len(inputs), dtype=torch.float64)
    drive = torch.zeros(len(plant.inputs), len(inputs), dtype=torch.float64)
    for i, name in enumerate(inputs):
        if name == "T":
            drive[plant.input_index["T"], i] = 1.0
        else:
            read[plant.table.component_names.index(name), i] = 1.0
    return read, drive
