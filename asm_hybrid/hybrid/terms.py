"""n as a whole: one learnt term for each placement, acting together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from torch import Tensor, nn

from asm_hybrid.hybrid.term import LearntTerm

__all__ = ["LearntTerms"]


class LearntTerms(nn.Module):
    """Terms in different placements; offers to a model what a single one offers.

    Parameters
    ----------
    terms : sequence of LearntTerm
        One a placement, with the same members.
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

    def member(self, index: int) -> LearntTerms:
        """Return the terms with one member of their networks."""
        return LearntTerms([term.member(index) for term in self])

    def adjusted(self, p: Sequence[Tensor], X: Tensor, u: Tensor) -> Sequence[Tensor]:
        """See :meth:`LearntTerm.adjusted`."""
        for term in self:
            p = term.adjusted(p, X, u)
        return p

    def rates(self, rho: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """See :meth:`LearntTerm.rates`."""
        for term in self:
            rho = term.rates(rho, X, u)
        return rho

    def sloped(self, slopes: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """See :meth:`LearntTerm.sloped`."""
        for term in self:
            slopes = term.sloped(slopes, X, u)
        return slopes

    def changed(self, change: Tensor, X: Tensor, u: Tensor) -> Tensor:
        """See :meth:`LearntTerm.changed`."""
        for term in self:
            change = term.changed(change, X, u)
        return change

    def driven(self, u: Tensor) -> Tensor:
        """See :meth:`LearntTerm.driven`."""
        for term in self:
            u = term.driven(u)
        return u

    def recorded(self, outputs: Tensor, targets: Sequence[str], X: Tensor, u: Tensor) -> Tensor:
        """See :meth:`LearntTerm.recorded`."""
        for term in self:
            outputs = term.recorded(outputs, targets, X, u)
        return outputs

    def size(self, X: Tensor, u: Tensor) -> Tensor:
        """Return the sum of the sizes of the terms, ``(member,)``."""
        sizes = [term.size(X, u) for term in self]
        return sum(sizes[1:], sizes[0])
