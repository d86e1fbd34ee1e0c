"""A network behind n in C: its layers as calls of a few kernels, its weights as one row a member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.network import Network, Operations
from asm_hybrid.hybrid.symbolic import member_weights

__all__ = ["NetworkInC"]

READ = "r"
"""The buffer of what a network reads."""


@dataclass(frozen=True)
class _Rows:
    """Columns of a buffer of C with one row a spot."""

    buffer: str
    wide: int
    start: int
    width: int
    tape: _Tape

    def __sub__(self, other: _Rows) -> _Rows:
        return self.tape.call("less", (self, other), self.width)

    def at(self, ending: str = "", before: str = "") -> str:
        """Return an expression of C for where they begin."""
        return f"{self.buffer}{ending}{before}" + (f" + {self.start}" if self.start else "")


@dataclass(frozen=True)
class _Step:
    """A call of a kernel: its name, what it takes and gives, and where its weights and biases stand."""

    kernel: str
    taken: tuple[_Rows, ...]
    given: _Rows
    weight: int = 0
    bias: int = 0
    groups: int = 1


@dataclass(frozen=True)
class _Tape:
    """Operations on rows that are not known yet, with weights that are arrays of NumPy.

    What is made of weights alone is worked out at once; see :class:`asm_hybrid.hybrid.network.Operations`.
    """

    steps: list[_Step] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)

    def call(self, kernel: str, taken: tuple[_Rows, ...], width: int, *more: int) -> _Rows:
        """Put down a call, and return what it gives."""
        given = _Rows(f"h{len(self.steps)}", width, 0, width, self)
        self.steps.append(_Step(kernel, taken, given, *more))
        return given

    def _kept(self, values: np.ndarray) -> int:
        self.weights.append(values)
        return sum(w.size for w in self.weights[:-1])

    def affine(self, x: _Rows, weight: np.ndarray, bias: np.ndarray, groups: int = 1) -> _Rows:
        width = weight.shape[1] * groups
        return self.call("affine", (x,), width, self._kept(weight), self._kept(bias), groups)

    def activation(self, name: str, x: _Rows | np.ndarray) -> _Rows | np.ndarray:
        if isinstance(x, np.ndarray):
            assert name == "tanh"
            return np.asarray(np.tanh(x))
        return self.call(f"{name}_of", (x,), x.width)

    def magnitude(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(x))

    def times(self, x: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return np.asarray(x * factors)

    def columns(self, x: _Rows, start: int, stop: int) -> _Rows:
        return _Rows(x.buffer, x.wide, x.start + start, stop - start, self)


class NetworkInC:
    """One network, for all spots of its placement and all members.

    Parameters
    ----------
    term : LearntTerm
        The term whose network it is.
    number : int
        Tells the networks of a model apart.

    Attributes
    ----------
    spots, columns, targets : int
        It reads ``(spot, column)`` and gives ``(spot, target)``.
    weights : ndarray, shape (member, weight)
        What the layers multiply by and add.
    """

    def __init__(self, term: LearntTerm, number: int) -> None:
        ensemble = term.network
        network, self.spots, self._number = ensemble.network, len(term.placement.spots), number
        traced = [_traced(network, member_weights(ensemble, m)) for m in range(ensemble.members)]
        self.weights = np.array([np.concatenate([w.ravel() for w in tape.weights]) for tape, _ in traced])
        tape, self._last = traced[0]
        self._steps, self.columns, self.targets = tape.steps, network.columns, self._last.width

    @property
    def kernels(self) -> set[str]:
        """Names of the kernels that it calls."""
        return {step.kernel for step in self._steps}

    @property
    def source(self) -> str:
        """Two functions of C.

        ``networkK(w, r, z)`` gives z of what is read; ``networkK_slopes(w, r, z, d)`` gives dz/dr
        ``(spot, column, target)`` as well. All arrays are row by row.
        """
        rows, n, last = self.spots, self.columns, self._last
        buffers = [f"double {s.given.buffer}[{rows * s.given.width}];" for s in self._steps]
        values = [self._value(s) for s in self._steps]
        values.append(f"memcpy(z, {last.at()}, {rows * last.width} * sizeof(double));")
        slopes = [f"double {s.given.buffer}_d[{n * s.given.width}];" for s in self._steps]
        taken = [self._slope(s) for s in self._steps]
        size = n * last.width
        taken.append(f"memcpy(d + spot * {size}, {last.at('_d')}, {size} * sizeof(double));")
        loop = [f"for (int spot = 0; spot < {rows}; spot++) {{", *(f"    {line}" for line in taken), "}"]
        own = [f"double {READ}_d[{n * n}];", f"unit({READ}_d, {n});"]
        every = [*buffers, *slopes, *own, *values, *loop]
        return f"{self._function('', ['z'], [*buffers, *values])}\n{self._function('_slopes', ['z', 'd'], every)}"

    def _function(self, ending: str, results: Sequence[str], lines: Sequence[str]) -> str:
        """Return a function in two forms, one of them for wide vectors, and one that chooses between them."""
        name, given = f"network{self._number}{ending}", ", ".join(["w", READ, *results])
        takes = ", ".join([f"const double *w, const double *{READ}", *(f"double *{result}" for result in results)])
        body = "\n".join(f"    {line}" for line in lines)
        choice = f"    if (has_wide_vectors()) {name}_wide({given});\n    else {name}_any({given});"
        forms = {f"static void {name}_any": body, f"WIDE static void {name}_wide": body, f"static void {name}": choice}
        return "\n".join(f"{head}({takes})\n{{\n{text}\n}}\n" for head, text in forms.items())

    def _value(self, step: _Step) -> str:
        """Return the call of a step, for all spots."""
        taken = ", ".join(f"{t.at()}, {t.wide}" for t in step.taken)
        return self._call(step, taken, self.spots, "", f"w + {step.bias}")

    def _slope(self, step: _Step) -> str:
        """Return the call that takes slopes ``(direction, column)`` through a step, at one spot."""
        taken = ", ".join(f"{t.at('_d')}, {t.wide}" for t in step.taken)
        if step.kernel.endswith("_of"):
            (t,) = step.taken
            taken = f"{taken}, {t.at(before=f' + spot * {t.wide}')}"
            return f"{step.kernel}_slope({taken}, {self.columns}, {step.given.width}, {step.given.buffer}_d);"
        return self._call(step, taken, self.columns, "_d", "NULL")

    def _call(self, step: _Step, taken: str, rows: int, ending: str, bias: str) -> str:
        into = f"{step.given.buffer}{ending}"
        if step.kernel != "affine":
            return f"{step.kernel}({taken}, {rows}, {step.given.width}, {into});"
        n, m = step.taken[0].width // step.groups, step.given.width // step.groups
        return f"affine({taken}, {rows}, {n}, w + {step.weight}, {bias}, {m}, {step.groups}, {into});"


def _traced(network: Network, weights: Mapping[str, Sequence[np.ndarray]]) -> tuple[_Tape, _Rows]:
    """Return the operations of a network, and what they end in."""
    tape = _Tape()
    read = _Rows(READ, network.columns, 0, network.columns, tape)
    operations: Operations[Any] = tape  # rows and weights are of two kinds here
    return tape, network.forward(read, weights, operations)
