"""n in torch: its weights, typical sizes, and members, as modules that train, save and load."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.ensemble import Ensemble
from asm_hybrid.hybrid.network_inputs import Reading
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.term import FADE_START, Term, Terms
from asm_hybrid.plant import Plant, torch_namespace

__all__ = ["LearntTerm", "LearntTerms"]

ROUNDED = 0.01
"""Root mean square of n below which its penalty is smooth."""
PROBES = 64
"""Points within the trained range at which n is looked at."""


class LearntTerm(nn.Module, Term[Tensor]):
    """A term with all members of its network. States, and all that n gives, lead with the member axis.

    At the influent, where there are no states, every member reads the same inputs.

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
    network : Ensemble
        The network.
    at : Tensor, shape (spot, target)
        One where n acts.
    mask : Tensor or None
        Broadcast against ``(member, …, spot, column of n)``.
    """

    xp = torch_namespace()
    participants: Tensor
    at: Tensor

    def __init__(self, spec: TermSpec, plant: Plant, scaling: TermScaling, participants: np.ndarray) -> None:
        super().__init__()
        self.spec, self.placement = spec, spec.placed(plant)
        for item in fields(scaling):
            value = getattr(scaling, item.name)
            self.register_buffer(item.name, None if value is None else value.clone())
        self.reading = Reading(plant, spec.inputs, self.placement.spots)
        self.register_buffer("at", torch.as_tensor(self.placement.acts_at(), dtype=torch.float64), persistent=False)
        place = torch.zeros(len(spec.targets), self.placement.width, dtype=torch.float64)
        place[range(len(spec.targets)), self.placement.columns] = 1.0
        self.register_buffer("place", place)
        self.register_buffer("participants", torch.as_tensor(participants, dtype=torch.float64))
        self.network = Ensemble(spec.architecture(plant), spec.seeds)
        self.signs = self.network.network.signs
        self.mask: Tensor | None = None
        self._own_at_mean: Tensor | None = None

    @property
    def members(self) -> int:
        """Number of members."""
        return self.network.members

    @property
    def unvaried(self) -> tuple[str, ...]:
        """What it reads and has not seen vary."""
        return tuple(n for n, v in zip(self.spec.inputs, self.varied.tolist(), strict=True) if not v)

    def member(self, index: int) -> LearntTerm:
        """Return the term with one member of its network."""
        out = copy.deepcopy(self)
        out.network = self.network.member(index)
        return out

    def evaluate(self, scaled: Tensor) -> Tensor:
        """Return z, ``(member, …, spot, target)``."""
        if not self.placement.in_tanks:
            scaled = scaled.expand(self.members, *scaled.shape)
        return cast(Tensor, self.network(scaled))

    @property
    def silent(self) -> bool:
        """Whether n is zero with all members, as at the start of a fit."""
        generator = torch.Generator().manual_seed(0)
        shares = torch.rand(PROBES, 1, len(self.spec.inputs), dtype=torch.float64, generator=generator)
        features = self.low + (self.high - self.low) * shares.to(self.low.device)
        with torch.no_grad():
            return not bool(self.network(self.scaled(features).expand(self.members, -1, -1, -1)).any())

    def inside(self, features: Tensor) -> bool:
        """See :class:`~asm_hybrid.hybrid.term.Term`; asked where the answer costs less than what it saves."""
        if features.device.type != "cpu" or torch.compiler.is_compiling():
            return False
        with torch.no_grad():
            return bool(self.distances(features).max() <= FADE_START)

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """Evaluate within with the weights as they are now, what follows from them alone being worked out once."""
        with self.network.fixed():
            if self.signs is not None and self.halves is not None and self.signs.weakenings:
                self._own_at_mean = super()._at_mean()
            try:
                yield
            finally:
                self._own_at_mean = None

    def _at_mean(self) -> Tensor:
        return super()._at_mean() if self._own_at_mean is None else self._own_at_mean

    @property
    def sizes(self) -> Tensor:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self.typical @ self.place

    @property
    def taking_part(self) -> Tensor:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self.participants.T

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the root mean square of n, summed over the targets [-], ``(member,)``; what the penalty weighs.

        It is a group lasso [1]_: a target for which the data do not call is held at nothing, and the others are free.
        The mean is over all spots, states and times, and the root is rounded off below `ROUNDED`.

        References
        ----------
        .. [1] M. Yuan, Y. Lin (2006), "Model selection and estimation in regression with grouped variables", J. R.
           Stat. Soc. B 68, 49-67, https://doi.org/10.1111/j.1467-9868.2005.00532.x.
        """
        z = self.placement.acting(self, self.outputs(X, u))
        mean = z.square().reshape(self.members, -1, z.shape[-1]).mean(dim=1)
        return ((mean + ROUNDED**2).sqrt() - ROUNDED).sum(-1)

    def outside(self, X: Tensor, u: Tensor) -> Tensor:
        """Return where n fades, since what it reads lies outside the trained range, bool ``(…, spot, input)``.

        Never at a spot where n does not act.
        """
        found = self.distances(self.features(X, u)) > FADE_START
        return found & (self.at > 0).any(-1, keepdim=True)


class LearntTerms(nn.Module, Terms[Tensor]):
    """n as a whole: one term a placement.

    Parameters
    ----------
    terms : sequence of LearntTerm
        With the same members.
    """

    def __init__(self, terms: Sequence[LearntTerm]) -> None:
        super().__init__()
        self.by_kind = nn.ModuleDict({term.spec.kind: term for term in terms})

    def __iter__(self) -> Iterator[LearntTerm]:
        return iter(cast("list[LearntTerm]", list(self.by_kind.values())))

    @property
    def members(self) -> int:
        """Number of members."""
        return next(iter(self)).members

    @property
    def silent(self) -> bool:
        """Whether n is zero in all placements, with all members: the model is f then."""
        return all(term.silent for term in self)

    def member(self, index: int) -> LearntTerms:
        """Return the terms with one member of their networks."""
        return LearntTerms([term.member(index) for term in self])

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """See `LearntTerm.fixed`."""
        with ExitStack() as stack:
            for term in self:
                stack.enter_context(term.fixed())
            yield

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the sum of the sizes of the terms, ``(member,)``."""
        sizes = [term.size(X, u) for term in self]
        return sum(sizes[1:], sizes[0])
