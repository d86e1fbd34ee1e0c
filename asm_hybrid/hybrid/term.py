"""Where n acts: on the process rates, or on the derivatives themselves."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.network import EnsembleMLP
from asm_hybrid.plant import Plant

__all__ = ["LearntTerm", "TermScaling", "TermSpec", "ordered_inputs"]

LOG_LIMIT = float(np.log(10.0))
"""A learnt factor on a rate stays between 1/10 and 10."""

FADE_START, FADE_END = 0.5, 1.5
"""Distances from the trained range, in widths of that range, at which n begins to fade and is gone."""


@dataclass(frozen=True)
class TermSpec:
    """What n is: settings that a config names and an export repeats.

    Attributes
    ----------
    placement : str
        ``rates`` or ``state``.
    form : str
        ``multiplicative`` or ``additive``; used by ``rates``.
    inputs : tuple of str
        Components of the tank, and ``T``, that n reads.
    targets : tuple of str
        Processes (placement ``rates``) or components (``state``) that n may change.
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


@dataclass(frozen=True)
class TermScaling:
    """Typical sizes along the trajectory of f over the training block; all tensors are float64.

    Attributes
    ----------
    mean, std, low, high : Tensor, shape (input,)
        Statistics of what n reads.
    typical : Tensor, shape (target,)
        Mean size of the rates that n may change [table units].
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
    - ``state``: ``dX/dt + gate · typical · g z``, the gate closing where the component itself runs out.

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
    mask : float or Tensor
        Multiplies n, broadcast against ``(member, …, tank, process or component)``: zeros switch parts of n off.
    """

    def __init__(self, spec: TermSpec, plant: Plant, scaling: TermScaling, participants: np.ndarray) -> None:
        super().__init__()
        self.spec = spec
        names = list(plant.table.component_names)
        for item in fields(scaling):
            self.register_buffer(item.name, getattr(scaling, item.name).clone())
        self._columns = [names.index(n) for n in spec.inputs if n != "T"]
        self._reads_temperature = "T" in spec.inputs
        self._temperature = plant.input_index["T"]
        order = [n for n in spec.inputs if n != "T"] + ["T"] * self._reads_temperature
        if list(spec.inputs) != order:
            raise ValueError(f"inputs must name components first and T last, not {spec.inputs}")
        universe = list(plant.table.process_names) if spec.placement == "rates" else names
        self._targets = [universe.index(t) for t in spec.targets]
        place = torch.zeros(len(self._targets), len(universe), dtype=torch.float64)
        place[range(len(self._targets)), self._targets] = 1.0
        self.register_buffer("place", place)
        self.register_buffer("participants", torch.as_tensor(participants, dtype=torch.float64))
        sizes = [len(spec.inputs), *spec.hidden, len(spec.targets)]
        self.network = EnsembleMLP(sizes, spec.activation, spec.seeds)
        self.mask: Tensor | float = 1.0

    def member(self, index: int) -> LearntTerm:
        """Return the term with one member of its network."""
        out = copy.deepcopy(self)
        out.network = self.network.member(index)
        return out

    def features(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n reads, unscaled, ``(…, tank, input)``."""
        parts = X[..., self._columns]
        if self._reads_temperature:
            temperature = u[..., None, self._temperature : self._temperature + 1]
            shape = torch.broadcast_shapes(parts.shape[:-1], temperature.shape[:-1])
            parts = torch.cat([parts.expand(*shape, -1), temperature.expand(*shape, -1)], dim=-1)
        return parts

    def guard(self, features: Tensor) -> Tensor:
        """Return one inside the trained range, falling to zero well outside it, ``(…, tank, 1)``."""
        width = (self.high - self.low).clamp(min=1e-9)
        distance = torch.maximum(self.low - features, features - self.high) / width
        worst = distance.amax(dim=-1, keepdim=True)
        left = ((FADE_END - worst) / (FADE_END - FADE_START)).clamp(0.0, 1.0)
        return left * left * (3.0 - 2.0 * left)

    def outputs(self, X: Tensor, u: Tensor) -> Tensor:
        """Return ``g z`` for every process or component, ``(member, …, tank, target of the plant)``."""
        features = self.features(X, u)
        z = self.network((features - self.mean) / self.std)
        return ((self.guard(features) * z) @ self.place) * self.mask

    def factors(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the learnt factors on the rates, ``(member, …, tank, process)``."""
        return torch.exp(LOG_LIMIT * torch.tanh(self.outputs(X, u) / LOG_LIMIT))

    def additions(self, X: Tensor, u: Tensor) -> Tensor:
        """Return what n adds to rates or derivatives, ``(member, …, tank, process or component)``."""
        filled = X.clamp(min=0.0)
        filled = filled / (filled + 0.05 * self.level + 1e-6)
        if self.spec.placement == "rates":
            filled = torch.exp(torch.log(filled.clamp(min=1e-12)) @ self.participants.T)
        return filled * self.outputs(X, u) * (self.typical @ self.place)

    def rates(self, rho: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """Return the rates that the hybrid model uses, ``(member, …, tank, process)``."""
        if self.spec.placement != "rates":
            return rho
        if self.spec.form == "multiplicative":
            return rho * self.factors(X, u)
        return rho + self.additions(X, u)

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the mean square of n per member, ``(member,)``; what the penalty weighs."""
        z = self.outputs(X, u)
        return z.square().flatten(1).mean(dim=1)


def ordered_inputs(names: Sequence[str]) -> tuple[str, ...]:
    """Order input names as :class:`LearntTerm` reads them: components first, ``T`` last."""
    return tuple(n for n in names if n != "T") + (("T",) if "T" in names else ())
