"""The operations of the plant's equations as operators of an ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asm_hybrid.export.onnx_graph.graph import Graph, Value
from asm_hybrid.plant import ArrayNamespace

__all__ = ["onnx_namespace"]


class _OnnxNamespace:
    """See :class:`asm_hybrid.plant.namespace.ArrayNamespace`."""

    def exp(self, x: Value) -> Value:
        return x.graph.elementwise("Exp", x)

    def log(self, x: Value) -> Value:
        return x.graph.elementwise("Log", x)

    def tanh(self, x: Value) -> Value:
        return x.graph.elementwise("Tanh", x)

    def abs(self, x: Value) -> Value:
        return x.graph.elementwise("Abs", x)

    def maximum(self, x: Value | float, y: Value | float) -> Value:
        return _graph(x, y).elementwise("Max", x, y)

    def minimum(self, x: Value | float, y: Value | float) -> Value:
        return _graph(x, y).elementwise("Min", x, y)

    def where(self, condition: Value, x: Value | float, y: Value | float) -> Value:
        return condition.graph.elementwise("Where", condition, x, y)

    def unrecorded(self, x: Value) -> Value:
        return x

    def held(self, x: Value) -> Value:
        return x

    def nonnegative(self, X: Value | Sequence[Value]) -> Sequence[Value]:
        if isinstance(X, Value):
            return self.columns(self.maximum(X, 0.0))
        return [self.maximum(column, 0.0) for column in X]

    def columns(self, x: Value) -> Sequence[Value]:
        return tuple(x.graph.gather(x, i, -1) for i in range(_length(x, -1)))

    def stack(self, columns: Sequence[Value]) -> Value:
        graph = columns[0].graph
        return graph.concat([graph.unsqueeze(c, -1) for c in columns], -1)

    def rows(self, rows: Sequence[Value]) -> Value:
        return rows[0].graph.concat(rows, -2)

    def entries(self, u: Value) -> Sequence[Value]:
        return tuple(self.entry(u, i) for i in range(_length(u, -1)))

    def entry(self, u: Value, index: int) -> Value:
        return u.graph.gather(u, [index], -1)

    def segment(self, u: Value, start: int, stop: int) -> Value:
        return self.row(u.graph.gather(u, range(start, stop), -1))

    def combine(self, u: Value, matrices: Value) -> Value:
        assert matrices.data is not None
        n, *inner = matrices.data.shape
        graph, kept = u.graph, len(u.shape) - 1
        found = graph.matmul(u, graph.constant(matrices.data.reshape(n, -1)))
        return graph.tail(found, kept, inner)

    def column(self, x: Value) -> Value:
        return x.graph.unsqueeze(x, -1)

    def scale(self, x: Value, factors: Value) -> Value:
        return x * factors

    def matmul(self, a: Value, b: Value) -> Value:
        return a.graph.matmul(a, b)

    def constant(self, value: np.ndarray, like: Value) -> Value:
        return like.graph.constant(value)

    def block(self, x: Value, start: int, stop: int) -> Value:
        return x.graph.gather(x, range(start, stop), -2)

    def flat(self, x: Value) -> Value:
        return x.graph.tail(x, len(x.shape) - 2, [_length(x, -2) * _length(x, -1)])

    def join(self, entries: Sequence[Value]) -> Value:
        return entries[0].graph.concat(entries, -1)

    def row(self, vector: Value) -> Value:
        return vector.graph.unsqueeze(vector, -2)

    def total(self, row: Value) -> Value:
        return row.graph.reduce("ReduceSum", row, keep=False)

    def largest(self, x: Value) -> Value:
        return x.graph.reduce("ReduceMax", x, keep=True)

    def largest_of(self, x: Value, picks: np.ndarray) -> Value:
        chosen = x.graph.constant(picks)
        return x.graph.reduce("ReduceMax", self.row(x) * chosen - (1.0 - chosen), keep=False)

    def beside(self, x: Value, y: Value) -> Value:
        return x.graph.concat([x, y], -1)


def _graph(x: Value | float, y: Value | float) -> Graph:
    found = x if isinstance(x, Value) else y
    assert isinstance(found, Value)
    return found.graph


def _length(x: Value, axis: int) -> int:
    """Return the length of an axis that is known."""
    found = x.shape[axis]
    assert isinstance(found, int)
    return found


def onnx_namespace() -> ArrayNamespace[Value]:
    """Return the operations for the values of a graph.

    Returns
    -------
    ArrayNamespace
        For values with any leading axes.
    """
    return _OnnxNamespace()
