"""A graph of ONNX operators that is written by computing with its values, all numbers in double precision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

__all__ = ["BATCH", "OPSET", "Dim", "Graph", "Shape", "Value", "common_shape"]

Dim = int | str
"""Length of an axis; a name where it is known only when the model runs."""
Shape = tuple[Dim, ...]

BATCH = "batch"
"""The axis of states and inputs. An axis of any other name has one entry, or as many as this one."""
OPSET, FORMAT_VERSION = 18, 8
"""Version of the operators, the first with the axes of ``ReduceMax`` as an input, and of the file that goes with it."""

_KINDS = {"double": np.float64, "int64": np.int64, "bool": np.bool_}


@dataclass(frozen=True, eq=False)
class Value:
    """One array of a graph.

    Attributes
    ----------
    graph : Graph
        The graph it belongs to.
    op : str
        The operator that gives it; ``input`` and ``constant`` for what none gives.
    inputs : tuple of Value
        What the operator takes.
    attributes : tuple of (str, object)
        Its attributes.
    shape : tuple of int or str
        Its shape.
    kind : str
        ``double``, ``int64`` or ``bool``.
    name : str
        The name of an input; empty otherwise.
    data : ndarray or None
        Of a constant its value, of an input what stands for it where none is given.
    """

    graph: Graph
    op: str
    inputs: tuple[Value, ...]
    attributes: tuple[tuple[str, Any], ...]
    shape: Shape
    kind: str = "double"
    name: str = ""
    data: np.ndarray | None = None

    def __neg__(self) -> Value:
        return self.graph.elementwise("Neg", self)

    def __add__(self, other: Value | float, /) -> Value:
        return self.graph.elementwise("Add", self, other)

    def __radd__(self, other: float, /) -> Value:
        return self.graph.elementwise("Add", other, self)

    def __sub__(self, other: Value | float, /) -> Value:
        return self.graph.elementwise("Sub", self, other)

    def __rsub__(self, other: float, /) -> Value:
        return self.graph.elementwise("Sub", other, self)

    def __mul__(self, other: Value | float, /) -> Value:
        return self.graph.elementwise("Mul", self, other)

    def __rmul__(self, other: float, /) -> Value:
        return self.graph.elementwise("Mul", other, self)

    def __truediv__(self, other: Value | float, /) -> Value:
        return self.graph.elementwise("Div", self, other)

    def __rtruediv__(self, other: float, /) -> Value:
        return self.graph.elementwise("Div", other, self)

    def __pow__(self, exponent: int, /) -> Value:
        return self.graph.elementwise("Pow", self, float(exponent))

    def __gt__(self, other: Value | float, /) -> Value:
        return self.graph.elementwise("Greater", self, other, kind="bool")


class Graph:
    """Operators in the order in which they were asked for; what was asked for before is found again.

    Attributes
    ----------
    values : list of Value
        All values, each behind those that it is made of.
    """

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[Any, Value] = {}

    def input(self, name: str, shape: Shape, *, kind: str = "double", default: np.ndarray | None = None) -> Value:
        """Return an input of the graph; one with a default need not be given."""
        return self._put(("input", name), Value(self, "input", (), (), shape, kind, name, default))

    def constant(self, value: np.ndarray | float, kind: str = "double") -> Value:
        """Return a constant."""
        data: np.ndarray = np.array(value, dtype=_KINDS[kind], order="C")
        found = Value(self, "constant", (), (), data.shape, kind, data=data)
        return self._put(("constant", kind, data.shape, data.tobytes()), found)

    def add(
        self, op: str, inputs: Sequence[Value], shape: Shape, *, kind: str = "double", **attributes: object
    ) -> Value:
        """Return what an operator makes of values."""
        own = tuple(sorted(attributes.items()))
        value = Value(self, op, tuple(inputs), own, shape, kind)
        return self._put((op, *map(id, inputs), own), value)

    def elementwise(self, op: str, *operands: Value | float, kind: str = "double") -> Value:
        """Return what an operator makes of values that broadcast."""
        values = [v if isinstance(v, Value) else self.constant(float(v)) for v in operands]
        return self.add(op, values, common_shape(v.shape for v in values), kind=kind)

    def gather(self, x: Value, index: int | Sequence[int] | Value, axis: int) -> Value:
        """Return entries along an axis; a single number takes the axis away."""
        places = index if isinstance(index, Value) else self.constant(np.asarray(index), "int64")
        axis %= len(x.shape)
        return self.add("Gather", [x, places], (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]), axis=axis)

    def unsqueeze(self, x: Value, axis: int) -> Value:
        """Return a value with one more axis of length one."""
        axis %= len(x.shape) + 1
        return self.add("Unsqueeze", [x, self._axes(axis)], (*x.shape[:axis], 1, *x.shape[axis:]))

    def squeeze(self, x: Value, axis: int) -> Value:
        """Return a value without an axis of length one."""
        axis %= len(x.shape)
        return self.add("Squeeze", [x, self._axes(axis)], (*x.shape[:axis], *x.shape[axis + 1 :]))

    def reduce(self, op: str, x: Value, *, keep: bool) -> Value:
        """Return what an operator makes of the last axis."""
        last = len(x.shape) - 1
        shape = (*x.shape[:last], 1) if keep else x.shape[:last]
        return self.add(op, [x, self._axes(last)], shape, keepdims=int(keep))

    def tail(self, x: Value, kept: int, tail: Sequence[int]) -> Value:
        """Return a value with other axes behind the first ones that are kept."""
        places = self.constant(np.array([0] * kept + list(tail)), "int64")
        return self.add("Reshape", [x, places], (*x.shape[:kept], *tail))

    def expand(self, x: Value, shape: Shape) -> Value:
        """Return a value of a shape that it broadcasts to."""
        if x.shape == shape:
            return x
        return self.add("Expand", [x, self._lengths(shape)], shape)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """Return values behind each other along an axis, all other axes of one length; they are broadcast first."""
        rank = max(len(v.shape) for v in values)
        axis %= rank
        lengths = [v.shape[axis - rank] for v in values]
        rest = common_shape((*v.shape[: axis - rank], 1, *v.shape[len(v.shape) + axis - rank + 1 :]) for v in values)
        even = [self.expand(v, (*rest[:axis], n, *rest[axis + 1 :])) for v, n in zip(values, lengths, strict=True)]
        total = sum(n for n in lengths if isinstance(n, int))
        return self.add("Concat", even, (*rest[:axis], total, *rest[axis + 1 :]), axis=axis)

    def matmul(self, a: Value, b: Value) -> Value:
        """Return the product over the last two axes."""
        return self.add("MatMul", [a, b], (*common_shape((a.shape[:-2], b.shape[:-2])), a.shape[-2], b.shape[-1]))

    def _lengths(self, shape: Shape) -> Value:
        """Return a shape as a value."""
        if all(isinstance(n, int) for n in shape):
            return self.constant(np.array(shape), "int64")
        parts = [self.constant(np.array([n]), "int64") if isinstance(n, int) else self._length(n) for n in shape]
        return self.add("Concat", parts, (len(shape),), kind="int64", axis=0) if len(parts) > 1 else parts[0]

    def _length(self, dim: str) -> Value:
        """Return the length of a named axis, which is the first one of an input."""
        source = next(v for v in self.values if v.op == "input" and v.shape[0] == dim)
        return self.add("Shape", [source], (1,), kind="int64", start=0, end=1)

    def _axes(self, axis: int) -> Value:
        return self.constant(np.array([axis]), "int64")

    def _put(self, key: object, value: Value) -> Value:
        found = self._known.setdefault(key, value)
        if found is value:
            self.values.append(value)
        return found

    def proto(self, name: str, outputs: Mapping[str, Value], texts: Mapping[str, str]) -> onnx.GraphProto:
        """Write the graph: all inputs, and what the outputs need.

        Parameters
        ----------
        name : str
            Its name.
        outputs : mapping of str to Value
            Its outputs.
        texts : mapping of str to str
            What the inputs and outputs are, by name.

        Returns
        -------
        GraphProto
        """
        from onnx import helper, numpy_helper

        needed, names = _needed(outputs.values()), dict[int, str]()
        nodes, constants, inputs = [], [], []
        for value in (v for v in self.values if id(v) in needed or v.op == "input"):
            own = names[id(value)] = value.name or f"v{len(names)}"
            if value.op == "input":
                inputs.append(_described(value, own, texts))
            if value.data is not None:
                constants.append(numpy_helper.from_array(value.data, own))
            if value.inputs:
                read = [names[id(v)] for v in value.inputs]
                nodes.append(helper.make_node(value.op, read, [own], **dict(value.attributes)))
        nodes += [helper.make_node("Identity", [names[id(v)]], [key]) for key, v in outputs.items()]
        given = [_described(v, key, texts) for key, v in outputs.items()]
        return helper.make_graph(nodes, name, inputs, given, constants)


def common_shape(shapes: Iterable[Shape]) -> Shape:
    """Return the shape to which some broadcast.

    Parameters
    ----------
    shapes : iterable of tuple
        The shapes.

    Returns
    -------
    tuple of int or str

    Raises
    ------
    ValueError
        When they do not fit, or when that is not known before the model runs.
    """
    listed = list(shapes)
    rank = max(map(len, listed))
    return tuple(_common(column) for column in zip(*((*[1] * (rank - len(s)), *s) for s in listed), strict=True))


def _common(lengths: Sequence[Dim]) -> Dim:
    longer = set(lengths) - {1}
    if BATCH in longer and all(isinstance(n, str) for n in longer):
        return BATCH
    if len(longer) > 1:
        raise ValueError(f"axes of the lengths {lengths} do not broadcast")
    return next(iter(longer), 1)


def _needed(outputs: Iterable[Value]) -> set[int]:
    """Return which values some are made of, these included, by their ids."""
    found: set[int] = set()
    left = list(outputs)
    while left:
        value = left.pop()
        if id(value) not in found:
            found.add(id(value))
            left += value.inputs
    return found


def _described(value: Value, name: str, texts: Mapping[str, str]) -> onnx.ValueInfoProto:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(_KINDS[value.kind]))
    return helper.make_tensor_value_info(name, kind, value.shape, texts[name])
