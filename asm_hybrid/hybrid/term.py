"""One learnt term: a network in one placement."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.network import EnsembleMLP
from asm_hybrid.hybrid.network_inputs import Reading
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.kinetics import check_factored
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import ArrayNamespace, Plant, torch_namespace

__all__ = ["LearntTerm"]

XP = torch_namespace()

LOG_LIMIT = float(np.log(10.0))
"""A learnt factor stays between 1/10 and 10."""

ROUNDED = 0.01
"""Root mean square of n below which its penalty is smooth."""

FADE_START, FADE_END = 0.5, 1.5
"""Distances from the trained range, in widths of that range, at which n begins to fade and is gone."""


class LearntTerm(nn.Module):
    """The learnt term of one plant in one placement, one network for all tanks.

    With ``z`` the output of the network and ``g`` the guard that fades to zero outside the trained range:

    - ``rates``, multiplicative: ``ρ exp(L tanh(g z / L))`` with ``L = ln 10``;
    - ``rates``, additive: ``ρ + gate · typical · g z``, the gate closing where a component of the process runs out;
    - ``state``: ``dX/dt + gate · typical · g z``, the gate closing where the component itself runs out;
    - ``parameters``: ``p exp(L tanh(g z / L))`` in the rates, tank by tank; the stoichiometry stays as it is;
    - ``forcing``: ``C exp(L tanh(g z / L))`` for concentrations C of the influent, so for its loads;
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
        Spot and target where n acts; spots are tanks, or the one at the influent.
    mask : Tensor or None
        Multiplies n, broadcast against ``(member, …, spot, target of the plant)``: zeros switch parts of n off.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    typical: Tensor
    level: Tensor
    place: Tensor
    participants: Tensor
    at: Tensor
    driven_at: Tensor

    def __init__(self, spec: TermSpec, plant: Plant, scaling: TermScaling, participants: np.ndarray) -> None:
        super().__init__()
        self.spec = spec
        for item in fields(scaling):
            self.register_buffer(item.name, getattr(scaling, item.name).clone())
        spots = spec.spots(plant)
        self.reading = Reading(plant, spec.inputs, spots)
        universe = list(spec.universe(plant.table))
        self.positions: tuple[int, ...] = ()
        if spec.placement == "parameters":
            for target in spec.targets:
                check_factored(plant.table, target)
            self.positions = tuple(plant.table.parameter_names.index(t) for t in spec.targets)
        self.places = _places(spec, plant)
        at = torch.zeros(len(spots), len(spec.targets), dtype=torch.float64)
        for spot, i in self.places:
            at[spot, i] = 1.0
        self.register_buffer("at", at, persistent=False)
        driven_at = torch.zeros(len(spec.targets), len(plant.inputs), dtype=torch.float64)
        if spec.placement == "forcing":
            driven_at[range(len(spec.targets)), [plant.input_index[t] for t in spec.targets]] = 1.0
        self.register_buffer("driven_at", driven_at, persistent=False)
        self._targets = [universe.index(t) for t in spec.targets]
        place = torch.zeros(len(self._targets), len(universe), dtype=torch.float64)
        place[range(len(self._targets)), self._targets] = 1.0
        self.register_buffer("place", place)
        self.register_buffer("participants", torch.as_tensor(participants, dtype=torch.float64))
        sizes = [len(spec.inputs), *spec.hidden, len(spec.targets)]
        self.network = EnsembleMLP(sizes, spec.activation, spec.seeds)
        self._everywhere = self._targets == list(range(len(universe)))
        self.mask: Tensor | None = None

    @property
    def members(self) -> int:
        """Number of members."""
        return self.network.members

    def member(self, index: int) -> LearntTerm:
        """Return the term with one member of its network."""
        out = copy.deepcopy(self)
        out.network = self.network.member(index)
        return out

    @property
    def multiplies(self) -> bool:
        """Whether n is a factor on the rates."""
        return self.spec.placement == "rates" and self.spec.form == "multiplicative"

    def sloped(self, slopes: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """Return slopes of the rates, ``(member, …, tank, process, component)``, n held, from those of f's rates."""
        return slopes * self.factors(X, u).unsqueeze(-1) if self.multiplies else slopes

    def features(self, X: Tensor | None, u: Tensor) -> Tensor:
        """Return what n reads, unscaled, ``(…, spot, input)``."""
        return cast(Tensor, self.reading(X, u))

    def guard(self, features: Tensor) -> Tensor:
        """Return one inside the trained range, falling to zero well outside it, ``(…, spot, 1)``."""
        return faded(self.distances(features).amax(dim=-1, keepdim=True), XP)

    def distances(self, features: Tensor) -> Tensor:
        """Return how far what n reads lies outside its trained range, in widths of that, ``(…, spot, input)``."""
        middle, width = (self.high + self.low) / 2, (self.high - self.low).clamp(min=1e-9)
        return (features - middle).abs() / width - 0.5

    def outputs(self, X: Tensor | None, u: Tensor) -> Tensor:
        """Return ``g z``, ``(member, …, spot, target of the plant)``; for the last axis see `TermSpec.universe`.

        States lead with the member axis; at the influent, where there are none, every member reads the same inputs.
        """
        features = self.features(X, u)
        if X is None:
            features = features.expand(self.members, *features.shape)
        z: Tensor = self.network((features - self.mean) / self.std) * self.guard(features)
        if not self._everywhere:
            z = z @ self.place
        return z if self.mask is None else z * self.mask

    def factors(self, X: Tensor | None, u: Tensor) -> Tensor:
        """Return the learnt factors on rates, parameters or influent, ``(member, …, spot, target of the plant)``."""
        return bounded(self.outputs(X, u), XP)

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

    def changed(self, change: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """Return the derivative of the tanks, from that with the rates of the hybrid, ``(member, …, component)``."""
        return change + self.additions(X, u) if self.spec.placement == "state" else change

    def driven(self, u: Tensor) -> Tensor:
        """Return the inputs that drive the hybrid, ``(member, …, plant input)``; those of f in other placements."""
        if self.spec.placement != "forcing":
            return u
        return u * (1.0 + (self.factors(None, u).squeeze(-2) - 1.0) @ self.driven_at)

    def corrections(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n adds to the measured variables, ``(member, …, target)``."""
        return (self.outputs(X, u) * self.at).sum(-2) * self.typical

    def recorded(self, outputs: Tensor, targets: Sequence[str], X: Tensor, u: Tensor) -> Tensor:
        """Return recorded quantities ``(member, …, output)`` of the hybrid, from those of f."""
        if self.spec.placement != "output":
            return outputs
        pick = [[float(learnt == recorded) for recorded in targets] for learnt in self.spec.targets]
        return outputs + self.corrections(X, u) @ outputs.new_tensor(pick)

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the root mean square of n, summed over the targets [-], ``(member,)``; what the penalty weighs.

        It is a group lasso [1]_: a target for which the data do not call is held at nothing, and the others are free.
        The mean is over all spots, states and times, and the root is rounded off below `ROUNDED`.

        References
        ----------
        .. [1] M. Yuan, Y. Lin (2006), "Model selection and estimation in regression with grouped variables", J. R.
           Stat. Soc. B 68, 49-67, https://doi.org/10.1111/j.1467-9868.2005.00532.x.
        """
        z = self.outputs(None if self.spec.placement == "forcing" else X, u)
        if self.spec.placement == "output":
            z = (z * self.at).sum(-2)
        mean = z.square().reshape(self.members, -1, z.shape[-1]).mean(dim=1)
        return ((mean + ROUNDED**2).sqrt() - ROUNDED).sum(-1)

    def outside(self, X: Tensor, u: Tensor) -> Tensor:
        """Return where n fades, since what it reads lies outside the trained range, bool ``(…, spot, input)``.

        Never at a spot where n does not act.
        """
        features = self.features(None if self.spec.placement == "forcing" else X, u)
        return (self.distances(features) > FADE_START) & (self.at > 0).any(-1, keepdim=True)


def faded(distance: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return the guard [-] at a distance outside the trained range [widths of that range]."""
    left = xp.minimum(xp.maximum((FADE_END - distance) / (FADE_END - FADE_START), 0.0), 1.0)
    return left * left * (3.0 - 2.0 * left)


def bounded(z: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return the factor on a rate or parameter [-]."""
    return xp.exp(LOG_LIMIT * xp.tanh(z / LOG_LIMIT))


def multiplied(p: Sequence[Array], positions: Sequence[int], factors: Sequence[Array]) -> list[Array]:
    """Return parameters of which some are multiplied by factors ``(…, tank)`` [-]."""
    out = list(p)
    for position, factor in zip(positions, factors, strict=True):
        out[position] = out[position] * factor
    return out


def gate(X: Array, level: Array, xp: ArrayNamespace[Array]) -> Array:
    """Return how much of a component is left for an addition [-]: zero without any, near one at its mean level."""
    X = xp.maximum(X, 0.0)
    return X / (X + 0.05 * level + 1e-6)


def _places(spec: TermSpec, plant: Plant) -> tuple[tuple[int, int], ...]:
    """Return spot and target where n acts."""
    if spec.placement != "output":
        return tuple((spot, i) for spot in range(len(spec.spots(plant))) for i in range(len(spec.targets)))
    found = []
    for i, target in enumerate(spec.targets):
        place, _ = plant.observation(target)
        found.append((plant.tanks - 1 if place == "effluent" else plant.layout.tank_index(place), i))
    return tuple(found)
