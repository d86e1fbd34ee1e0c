"""The few array operations the plant is written with, for torch and for CasADi.

The plant's equations stand once, in :mod:`asm_hybrid.plant.plant`. They use only the operations below, so the same
code trains in torch, with any leading batch axes, and compiles in CasADi, without one. An export to ONNX brings a third
namespace of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from asm_hybrid.kinetics.arrays import Array, Namespace

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ArrayNamespace", "Matrix", "casadi_namespace", "torch_namespace"]

Matrix = Any
"""A matrix of CasADi, numeric or symbolic; CasADi has no types."""

SMALL = 8192
"""Largest array [entry] whose columns are left in place; those of a larger one are made contiguous, which costs one
copy and saves several times as much in all that follows."""

HELD = 2.0**30
"""One by the step to which CasADi rounds a number that is held."""


class ArrayNamespace(Namespace[Array], Protocol[Array]):
    """Operations on arrays whose last two axes are (tank, component).

    Attributes
    ----------
    tanh, abs : callable
        Element by element.
    stack, beside, rows, entries, entry, segment, column, block, flat, join, row : callable
        Take arrays apart, and put them together.
    combine, scale, matmul, total, largest, largest_of : callable
        Products, sums and the largest.
    constant : callable
        Brings numbers in.
    """

    def tanh(self, x: Array) -> Array:
        """Hyperbolic tangent, element by element."""

    def abs(self, x: Array) -> Array:
        """Absolute value, element by element."""

    def stack(self, columns: Sequence[Array]) -> Array:
        """Undo :meth:`columns`, broadcasting the arrays first."""

    def rows(self, rows: Sequence[Array]) -> Array:
        """Put rows ``(…, 1, n)`` below each other, ``(…, len(rows), n)``."""

    def entries(self, u: Array) -> Sequence[Array]:
        """Split a vector ``(…, n)`` into n arrays that broadcast against ``(…, tank)``."""

    def entry(self, u: Array, index: int) -> Array:
        """Take one entry of a vector ``(…, n)`` so that it broadcasts against ``(…, tank)``."""

    def segment(self, u: Array, start: int, stop: int) -> Array:
        """Take entries of a vector ``(…, n)`` as a row ``(…, 1, stop - start)``."""

    def combine(self, u: Array, matrices: Array) -> Array:
        """Sum ``matrices`` ``(n, a, b)``, weighted by a vector ``(…, n)``, to ``(…, a, b)``."""

    def column(self, x: Array) -> Array:
        """Turn ``(…, tank)`` into ``(…, tank, 1)``."""

    def scale(self, x: Array, factors: Array) -> Array:
        """Multiply the rows of ``(…, row, n)`` by factors ``(…, row, 1)``."""

    def matmul(self, a: Array, b: Array) -> Array:
        """Matrix product over the last two axes."""

    def constant(self, value: np.ndarray, like: Array) -> Array:
        """Bring a NumPy array into the namespace, with the type and device of ``like``."""

    def block(self, x: Array, start: int, stop: int) -> Array:
        """Take rows of ``(…, row, n)``."""

    def flat(self, x: Array) -> Array:
        """Put the rows of ``(…, row, n)`` behind each other, ``(…, row · n)``."""

    def join(self, entries: Sequence[Array]) -> Array:
        """Put entries ``(…, 1)`` into a vector ``(…, n)``, broadcasting them first."""

    def row(self, vector: Array) -> Array:
        """Turn a vector ``(…, n)`` into a row ``(…, 1, n)``."""

    def total(self, row: Array) -> Array:
        """Sum a row ``(…, 1, n)`` to an entry ``(…, 1)``."""

    def largest(self, x: Array) -> Array:
        """Return the largest of the columns of ``(…, tank, n)``, ``(…, tank, 1)``."""

    def largest_of(self, x: Array, picks: np.ndarray) -> Array:
        """Return the largest of some columns of ``(…, tank, n)``, one set a row of ``(m, n)`` ones and zeros.

        It is ``(…, tank, m)``; a column that is not picked counts as -1.
        """

    def beside(self, x: Array, y: Array) -> Array:
        """Put the columns of two arrays ``(…, row, n)`` beside each other."""


class _TorchNamespace:
    def __init__(self) -> None:
        import torch

        self._torch = torch
        self.exp, self.log, self.tanh, self.abs = torch.exp, torch.log, torch.tanh, torch.abs
        self.held = self.unrecorded = torch.Tensor.detach
        self._constants: dict[tuple[int, Any, Any], tuple[np.ndarray, Tensor]] = {}

    def where(self, condition: Tensor, x: Tensor | float, y: Tensor | float) -> Tensor:
        choose: Any = self._torch.where
        found: Tensor = choose(condition, x, y)
        return found

    def maximum(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        if not self._torch.is_tensor(x):
            assert self._torch.is_tensor(y)
            return y.clamp(min=x)
        return self._torch.maximum(x, y) if self._torch.is_tensor(y) else x.clamp(min=y)

    def minimum(self, x: Tensor | float, y: Tensor | float) -> Tensor:
        if not self._torch.is_tensor(x):
            assert self._torch.is_tensor(y)
            return y.clamp(max=x)
        return self._torch.minimum(x, y) if self._torch.is_tensor(y) else x.clamp(max=y)

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        # Compiled, the sums merge with what is around them; a library multiplies small matrices by one call for each.
        if self._torch.compiler.is_compiling():
            return (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2)
        # With gradients, one product for all windows where an operand has no batch axis: ten times as fast. Without,
        # one product a window, since the last bit of a folded result depends on what else is in its batch.
        if self._torch.is_grad_enabled():
            return self._torch.matmul(a, b)
        if a.dim() == 2 and b.dim() == 2:
            return self._torch.bmm(a.unsqueeze(0), b.unsqueeze(0)).squeeze(0)
        return self._torch.matmul(a.unsqueeze(0) if a.dim() == 2 else a, b.unsqueeze(0) if b.dim() == 2 else b)

    def nonnegative(self, x: Tensor | Sequence[Tensor]) -> Sequence[Tensor]:
        if self._torch.is_tensor(x):
            if x.numel() <= SMALL:
                return self.columns(x.clamp(min=0.0))
            turned = x.reshape(-1, x.shape[-1]).t().contiguous().clamp(min=0.0)
            return tuple(turned.reshape(-1, *x.shape[:-1]).unbind(0))
        return [column.clamp(min=0.0) for column in x]

    def columns(self, x: Tensor) -> Sequence[Tensor]:
        return tuple(x.unbind(-1))

    def stack(self, columns: Sequence[Tensor]) -> Tensor:
        if any(c.shape != columns[0].shape for c in columns):
            broadcast: Any = self._torch.broadcast_tensors
            columns = broadcast(*columns)
        return self._torch.stack(tuple(columns), dim=-1)

    def rows(self, rows: Sequence[Tensor]) -> Tensor:
        shape = np.broadcast_shapes(*(tuple(r.shape[:-2]) for r in rows))
        return self._torch.cat([r.expand(*shape, *r.shape[-2:]) for r in rows], dim=-2)

    def entries(self, u: Tensor) -> Sequence[Tensor]:
        return tuple(u.unsqueeze(-2).unbind(-1))

    def entry(self, u: Tensor, index: int) -> Tensor:
        return u[..., index : index + 1]

    def segment(self, u: Tensor, start: int, stop: int) -> Tensor:
        return u[..., None, start:stop]

    def combine(self, u: Tensor, matrices: Tensor) -> Tensor:
        n, a, b = matrices.shape
        return self._torch.unflatten(u @ matrices.reshape(n, a * b), -1, (a, b))

    def column(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1)

    def constant(self, value: np.ndarray, like: Tensor) -> Tensor:
        key = (id(value), like.dtype, like.device)
        if key not in self._constants:
            tensor = self._torch.as_tensor(value, dtype=like.dtype, device=like.device)
            self._constants[key] = (value, tensor)  # the array is kept, so that its id stays its own
        return self._constants[key][1]

    def block(self, x: Tensor, start: int, stop: int) -> Tensor:
        return x[..., start:stop, :]

    def flat(self, x: Tensor) -> Tensor:
        return x.flatten(-2)

    def join(self, entries: Sequence[Tensor]) -> Tensor:
        broadcast: Any = self._torch.broadcast_tensors
        return self._torch.cat(broadcast(*entries), dim=-1)

    def row(self, vector: Tensor) -> Tensor:
        return vector.unsqueeze(-2)

    def scale(self, x: Tensor, factors: Tensor) -> Tensor:
        return x * factors

    def total(self, row: Tensor) -> Tensor:
        return row.sum(-1)

    def largest(self, x: Tensor) -> Tensor:
        return x.amax(dim=-1, keepdim=True)

    def largest_of(self, x: Tensor, picks: np.ndarray) -> Tensor:
        chosen = self.constant(picks, x)
        return (x.unsqueeze(-2) * chosen - (1.0 - chosen)).amax(dim=-1)

    def beside(self, x: Tensor, y: Tensor) -> Tensor:
        return self._torch.cat([x, y], dim=-1)


class _CasadiNamespace:
    def __init__(self) -> None:
        import casadi

        self._ca = casadi
        self.exp, self.log, self.tanh, self.abs = casadi.exp, casadi.log, casadi.tanh, casadi.fabs
        self.maximum, self.minimum = casadi.fmax, casadi.fmin
        self.where, self.matmul = casadi.if_else, casadi.mtimes

    def unrecorded(self, x: Matrix) -> Matrix:
        return x

    def held(self, x: Matrix) -> Matrix:
        # The derivative of a floor is zero: CasADi has no other way to say so of an expression.
        return self._ca.floor(x * HELD) / HELD

    def nonnegative(self, x: Matrix | Sequence[Matrix]) -> Sequence[Matrix]:
        return [self.maximum(column, 0.0) for column in (x if isinstance(x, list | tuple) else self.columns(x))]

    def columns(self, x: Matrix) -> Sequence[Matrix]:
        return tuple(x[:, i] for i in range(x.shape[1]))

    def stack(self, columns: Sequence[Matrix]) -> Matrix:
        rows = max(getattr(c, "shape", (1, 1))[0] for c in columns)
        ones = self._ca.DM.ones(rows, 1)
        return self._ca.horzcat(*(c * ones if getattr(c, "shape", (1, 1))[0] != rows else c for c in columns))

    def rows(self, rows: Sequence[Matrix]) -> Matrix:
        return self._ca.vertcat(*rows)

    def entries(self, u: Matrix) -> Sequence[Matrix]:
        return tuple(u[i] for i in range(u.shape[0]))

    def entry(self, u: Matrix, index: int) -> Matrix:
        return u[index]

    def segment(self, u: Matrix, start: int, stop: int) -> Matrix:
        return u[start:stop].T

    def combine(self, u: Matrix, matrices: Matrix) -> Matrix:
        total = 0
        for i, matrix in enumerate(matrices):
            if matrix.any():
                total = total + u[i] * self._sparse(matrix)
        return total if hasattr(total, "shape") else self._ca.DM(*matrices.shape[1:])

    def column(self, x: Matrix) -> Matrix:
        return x

    def constant(self, value: np.ndarray, like: Matrix) -> Matrix:
        return value if value.ndim == 3 else self._sparse(value)

    def block(self, x: Matrix, start: int, stop: int) -> Matrix:
        return x[start:stop, :]

    def flat(self, x: Matrix) -> Matrix:
        return self._ca.vec(x.T)

    def join(self, entries: Sequence[Matrix]) -> Matrix:
        return self._ca.vertcat(*entries)

    def row(self, vector: Matrix) -> Matrix:
        return vector.T

    def scale(self, x: Matrix, factors: Matrix) -> Matrix:
        return self.matmul(self._ca.diag(factors), x)

    def total(self, row: Matrix) -> Matrix:
        return self._ca.sum2(row)

    def largest(self, x: Matrix) -> Matrix:
        return reduce(self.maximum, self.columns(x))

    def largest_of(self, x: Matrix, picks: np.ndarray) -> Matrix:
        columns, nothing = self.columns(x), -self._ca.DM.ones(x.shape[0], 1)
        chosen = [[c for c, pick in zip(columns, row, strict=True) if pick] for row in picks]
        return self._ca.horzcat(*(reduce(self.maximum, row, nothing) for row in chosen))

    def beside(self, x: Matrix, y: Matrix) -> Matrix:
        return self._ca.horzcat(x, y)

    def _sparse(self, matrix: np.ndarray) -> Matrix:
        """Return a constant that knows its zeros, so that no code is made for them."""
        return self._ca.sparsify(self._ca.DM(matrix))


def torch_namespace() -> ArrayNamespace[Tensor]:
    """Return the operations for torch.

    Returns
    -------
    ArrayNamespace
        For tensors with any leading batch axes.
    """
    return _TorchNamespace()


def casadi_namespace() -> ArrayNamespace[Matrix]:
    """Return the operations for CasADi.

    Returns
    -------
    ArrayNamespace
        For matrices (tank, component), without batch axes.
    """
    return _CasadiNamespace()
