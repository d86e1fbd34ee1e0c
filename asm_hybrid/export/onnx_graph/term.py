"""A trained n as operators of an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from torch import Tensor

from asm_hybrid.export.onnx_graph.graph import Graph, Value
from asm_hybrid.export.onnx_graph.namespace import onnx_namespace
from asm_hybrid.hybrid.ensemble import Ensemble
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.term import Term, Terms

__all__ = ["ACTIVATIONS", "Members", "OnnxTerm", "OnnxTerms", "onnx_terms"]

XP = onnx_namespace()

TINY = 2.0**-53
"""Below the least that a sum with one can be above one."""


def _silu(x: Value) -> Value:
    return x / (1.0 + XP.exp(XP.minimum(-x, 700.0)))


def _softplus(x: Value) -> Value:
    """Return ``ln(1 + exp(x))``; the sum loses the digits of a small exponential, which a quotient brings back [1]_.

    References
    ----------
    .. [1] D. Goldberg (1991), "What every computer scientist should know about floating-point arithmetic", ACM
       Computing Surveys 23, 5-48, theorem 4, https://doi.org/10.1145/103162.103163.
    """
    e = XP.exp(XP.minimum(x, 20.0))
    more = (1.0 + e) - 1.0
    small = XP.where(more > 0.0, XP.log(1.0 + e) * e / XP.maximum(more, TINY), e)
    return XP.where(x > 20.0, x, small)


ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "tanh": XP.tanh,
    "silu": _silu,
    "relu": lambda x: XP.maximum(x, 0.0),
    "softplus": _softplus,
}
"""Those of `asm_hybrid.hybrid.ensemble.ACTIVATIONS`, to the last digits."""


class _OnnxOperations:
    """See :class:`asm_hybrid.hybrid.network.Operations`."""

    def affine(self, x: Value, weight: Value, bias: Value, groups: int = 1) -> Value:
        if groups == 1:
            return XP.matmul(x, weight) + bias
        width = x.shape[-1]
        assert isinstance(width, int)
        n = width // groups
        parts = [
            XP.matmul(self.columns(x, i * n, (i + 1) * n), XP.block(weight, i * n, (i + 1) * n)) for i in range(groups)
        ]
        return x.graph.concat(parts, -1) + bias

    def activation(self, name: str, x: Value) -> Value:
        return ACTIVATIONS[name](x)

    def magnitude(self, x: Value) -> Value:
        return XP.abs(x)

    def times(self, x: Value, factors: np.ndarray) -> Value:
        return x * x.graph.constant(factors)

    def columns(self, x: Value, start: int, stop: int) -> Value:
        return x.graph.gather(x, range(start, stop), -1)


OPERATIONS = _OnnxOperations()


class Members:
    """The members of a network.

    Parameters
    ----------
    ensemble : Ensemble
        All members.
    graph : Graph
        The graph.
    member : Value, optional
        Which member is evaluated, ``(row,)``: from 1, and 0 for none; the model cannot run with another. Without it all
        are, each along an axis before the last two.
    none : float
        What stands for the weights of none. The network is zero where they are.
    """

    def __init__(self, ensemble: Ensemble, graph: Graph, member: Value | None = None, none: float = 0.0) -> None:
        def stacked(w: Tensor) -> Value:
            numbers = _numbers(w)
            first = [] if member is None else [np.full_like(numbers[:1], none)]
            return graph.constant(np.concatenate([*first, numbers]))

        self._network = ensemble.network
        whole = {name: [stacked(w) for w in group] for name, group in ensemble.tensors().items()}
        self._weights: Mapping[str, Sequence[Value]] = self._network.effective(whole, OPERATIONS)
        if member is not None:
            beyond, zero = (graph.constant(np.array(n), "int64") for n in (ensemble.members + 1, 0))
            negative = graph.elementwise("Less", member, zero, kind="bool")  # would count from the last one
            place = graph.elementwise("Where", negative, beyond, member, kind="int64")
            self._weights = {name: [graph.gather(w, place, 0) for w in group] for name, group in self._weights.items()}

    def __call__(self, x: Value) -> Value:
        """Return what they give of scaled inputs ``(…, row, column)``, ``(…, row, target)``."""
        return self._network.forward(x, self._weights, OPERATIONS)


class OnnxTerm(Term[Value]):
    """A `LearntTerm` for the values of a graph.

    Parameters
    ----------
    term : LearntTerm
        The term, trained or not.
    graph : Graph
        The graph.
    member : Value, optional
        See `Members`; with none, n is zero. Without it states and inputs have an axis of length one for the members,
        before those of tank and component.
    """

    xp = XP

    def __init__(self, term: LearntTerm, graph: Graph, member: Value | None = None) -> None:
        self.placement, self.reading, self.mask = term.placement, term.reading, None
        for name in ("mean", "std", "low", "high", "width", "varied", "level"):
            setattr(self, name, _row(getattr(term, name), graph))
        self.signs, self.halves = term.signs, None if term.halves is None else _row(term.halves, graph)
        self.typical, self.place = (graph.constant(_numbers(value)) for value in (term.typical, term.place))
        self._sizes, self._taking_part = _row(term.sizes, graph), graph.constant(_numbers(term.taking_part))
        self._network = Members(term.network, graph, member)

    def evaluate(self, scaled: Value) -> Value:
        """Return z, ``(…, spot, target)``."""
        return self._network(scaled)

    @property
    def sizes(self) -> Value:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._sizes

    @property
    def taking_part(self) -> Value:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._taking_part


class OnnxTerms(Terms[Value]):
    """A `LearntTerms` for the values of a graph.

    Parameters
    ----------
    parts : sequence of OnnxTerm
        The terms.
    """

    def __init__(self, parts: Sequence[OnnxTerm]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[OnnxTerm]:
        return iter(self.parts)


def onnx_terms(terms: LearntTerms, graph: Graph, member: Value | None = None) -> OnnxTerms:
    """Return n for the values of a graph.

    Parameters
    ----------
    terms : LearntTerms
        n, trained or not.
    graph : Graph
        The graph.
    member : Value, optional
        See `OnnxTerm`.

    Returns
    -------
    OnnxTerms
    """
    return OnnxTerms([OnnxTerm(term, graph, member) for term in terms])


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double())


def _row(vector: Tensor, graph: Graph) -> Value:
    """Bring a vector to a graph, ``(1, n)``."""
    return graph.constant(_numbers(vector).reshape(1, -1))
