"""Differential-algebraic equations ``M dx/dt = f(t, x)`` with a constant mass matrix M, singular or not, of index 1.

The columns of W span what M leaves out of f (``Wᵀ M = 0``), those of V what it leaves out of x (``M V = 0``). The
algebraic equations are ``Wᵀ f(t, x) = 0``, and the algebraic states are the parts of x along V. Index 1 means that the
algebraic Jacobian ``Wᵀ J V`` is regular, with ``J = df/dx``: then the algebraic states follow from the others, and the
slopes of all states from ``(M + W Wᵀ J) dx/dt = f - W Wᵀ (f + df/dt)`` [1]_.

References
----------
.. [1] E. Hairer, G. Wanner (1996), "Solving Ordinary Differential Equations II", second edition, Springer,
   section VI.1.
.. [2] P. Deuflhard (2011), "Newton Methods for Nonlinear Problems", Springer, section 3.3 (natural monotonicity test,
   damping).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.states import Layout
from asm_hybrid.solver.stepoptions import sizes
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["Algebra", "algebra_of"]

MOST_ITERATIONS = 50
"""Iterations of Newton for a consistent start, at most."""

LEAST_SHARE = 1e-6
"""Share of a Newton step below which the iteration is given up."""

CLOSE = 1e-6
"""Newton step, in what the tolerances leave open, that is the last one."""


Function = Callable[[Tensor], Tensor]
"""f, or its Jacobian, of states ``(…, n)`` at one time."""


def _matrix(given: Any, states: int) -> Tensor:
    """Read a mass matrix ``(n, n)``, in the precision that it was given in, single at least."""
    if callable(given) and not isinstance(given, Tensor):
        raise InputError(
            "the mass matrix is a function of time or state",
            expected="constant numbers, (n, n) or their diagonal (n,)",
            fix="make the slopes v of these states algebraic: dx/dt = v, and 0 = f(t, x) - M(t, x) v",
        )
    try:
        mass = torch.as_tensor(np.asarray(given) if isinstance(given, list | tuple) else given)
        real = not mass.is_complex() and mass.dtype != torch.bool
        mass = mass if mass.is_floating_point() and mass.dtype.itemsize > 2 else mass.to(torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError("the mass matrix is no matrix of numbers", expected="(n, n), or its diagonal (n,)") from None
    if not real:
        raise InputError("the mass matrix holds something else than real numbers", expected="real numbers")
    if mass.shape not in ((states, states), (states,)):
        raise InputError(
            f"the mass matrix has shape {tuple(mass.shape)} for {states} states",
            expected=f"({states}, {states}), or its diagonal ({states},)",
        )
    if mass.requires_grad:
        raise InputError(
            "the mass matrix carries gradients",
            expected="a constant",
            fix="write what is learnt into f: divide the equation by it",
        )
    if not bool(torch.isfinite(mass).all()):
        raise InputError("the mass matrix holds numbers that are not finite", expected="finite numbers")
    return torch.diag(mass) if mass.dim() == 1 else mass


def _spaces(mass: np.ndarray, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Return bases W and V ``(n, k)`` of what a matrix leaves out, block by block of the states that it couples.

    A state or an equation without any entry is its own basis vector, without rounding.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(mass)
    coupled = np.zeros((2 * n, 2 * n), dtype=bool)  # equations first, then states
    coupled[:n, n:] = mass != 0.0
    count, of = connected_components(csr_array(coupled), directed=False)
    left, right = [np.zeros((n, 0))], [np.zeros((n, 0))]
    for block in range(count):
        rows, columns = np.flatnonzero(of[:n] == block), np.flatnonzero(of[n:] == block)
        u, s, v = np.linalg.svd(mass[np.ix_(rows, columns)], full_matrices=True)
        rank = int((s > max(len(rows), len(columns)) * eps * s.max(initial=0.0)).sum())
        for found, entries, basis in ((left, rows, u[:, rank:]), (right, columns, v[rank:].T)):
            wide = np.zeros((n, basis.shape[1]))
            wide[entries] = basis
            found.append(wide)
    return np.concatenate(left, axis=1), np.concatenate(right, axis=1)


@dataclass(frozen=True)
class Algebra:
    """A mass matrix, and what it leaves out.

    Attributes
    ----------
    mass : Tensor, shape (n, n)
        M.
    left, right : Tensor, shape (n, k)
        W and V, k of the n equations being algebraic.
    """

    mass: Tensor
    left: Tensor
    right: Tensor

    @staticmethod
    def of(mass: Tensor, like: Tensor) -> Algebra:
        """Find what a matrix leaves out, in the type of a state and where it is."""
        own = mass.detach().cpu().double().numpy()
        left, right = _spaces(own, torch.finfo(mass.dtype).eps)
        return Algebra(mass.to(like), *(torch.from_numpy(basis).to(like) for basis in (left, right)))

    def rate(self, slope: Tensor, jacobian: Tensor, in_time: Tensor) -> Tensor:
        """Return dx/dt, the algebraic states included.

        Parameters
        ----------
        slope, in_time : Tensor, shape (…, n)
            f, and its slope in time.
        jacobian : Tensor, shape (…, n, n)
            df/dx.
        """
        onto = self.left @ self.left.T
        whole = self.mass + onto @ jacobian
        return cast(Tensor, torch.linalg.solve(whole, slope - (slope + in_time) @ onto))

    def consistent(
        self, f: Function, jacobian: Function, x: Tensor, tolerances: tuple[float | Tensor, float | Tensor], t: float
    ) -> tuple[Tensor, int]:
        """Find the algebraic states by Newton's iteration from given ones; ``M x`` stays as it is.

        Their gradient is that of the implicit function theorem, whatever the iteration: two steps with the Jacobian at
        the solution held, which are zero in value, have its first and second derivatives.

        Parameters
        ----------
        f, jacobian : callable
            f and df/dx at the time.
        x : Tensor, shape (…, n)
            The given states. Elements of the batch that are not finite stay as they are.
        tolerances : tuple of float or Tensor
            Relative and absolute tolerance of the solution; the iteration goes far below them.
        t : float
            The time, for messages.

        Returns
        -------
        tuple of Tensor and int
            The states, and how many iterations the slowest of the batch took.

        Raises
        ------
        InputError
            When the algebraic Jacobian is singular, or the iteration does not converge.
        """
        if not self.left.shape[-1]:
            return x, 0
        given = x.detach()
        newton = _Newton(self, f, jacobian, sizes(given, given, *tolerances), t)
        with torch.no_grad():
            found, count = newton.run(given)
            newton.factor(found)
        found = found + (x - given)
        for _ in range(2):
            off = newton.correction(found)
            found = found + (off - off.detach())
        return found, count


def algebra_of(mass: Any, layout: Layout, start: Tensor, method: str) -> Algebra | None:
    """Read what a user gives as mass matrix.

    Parameters
    ----------
    mass : array or Tensor, shape (n, n) or (n,), or None
        The matrix, or its diagonal.
    layout : Layout
        How states are laid out.
    start : Tensor, shape (…, n)
        The initial state, laid out.
    method : str
        The method.

    Returns
    -------
    Algebra or None
        None where no matrix is given.

    Raises
    ------
    InputError
        When the method or the state takes none, or it is no constant matrix of finite real numbers that fits the state.
    """
    if mass is None:
        return None
    exact = [name for name, tableau in STIFF.items() if not tableau.any_matrix]
    if method not in exact:
        raise InputError(
            f"{method} takes no mass matrix",
            expected=" or ".join(exact),
            fix="ros34pw2 works with a held Jacobian, which algebraic equations do not bear"
            if method in STIFF
            else None,
        )
    if not layout.plain:
        raise InputError(
            "a mass matrix is given for a state of several tensors, complex numbers or no axes",
            expected="one real tensor (…, n)",
        )
    return Algebra.of(_matrix(mass, start.shape[-1]), start)


class _Newton:
    """Damped iteration of Newton for the algebraic states of a batch [2]_."""

    def __init__(self, algebra: Algebra, f: Function, jacobian: Function, size: Tensor, t: float) -> None:
        self.algebra, self.f, self.jacobian, self.size, self.t = algebra, f, jacobian, size, t
        self.factors: tuple[Tensor, Tensor] | None = None

    def factor(self, x: Tensor) -> None:
        """Factor the algebraic Jacobian at a state, ``(…, k, k)``; refuse one that is singular."""
        left, right, full = self.algebra.left, self.algebra.right, self.jacobian(x)
        lost = ~torch.isfinite(x).all(-1)
        wrong = ~torch.isfinite(full).flatten(-2).all(-1) & ~lost
        if bool(wrong.any()):
            raise InputError(
                f"the Jacobian is not finite at time {self.t:.6g}, where the algebraic states are looked for"
            )
        full = torch.where(lost[..., None, None], left @ right.T, full)
        own = left.T @ full @ right
        bound = left.abs().T @ full.abs() @ right.abs()  # what the entries would be if nothing cancelled
        by_row = bound.amax(-1, keepdim=True)
        by_row = torch.where(by_row > 0.0, by_row, 1.0)
        by_column = (bound / by_row).amax(-2, keepdim=True)
        by_column = torch.where(by_column > 0.0, by_column, 1.0)
        equations, values, states = torch.linalg.svd(own / by_row / by_column)
        singular = values[..., -1] <= 16.0 * values.shape[-1] * torch.finfo(x.dtype).eps
        if bool(singular.any()):
            raise self._singular(
                x,
                int(singular.flatten().int().argmax()),
                (equations[..., -1] / by_row[..., 0]) @ left.T,
                (states[..., -1, :] / by_column[..., 0, :]) @ right.T,
            )
        self.factors = torch.linalg.lu_factor(own)

    def correction(self, x: Tensor) -> Tensor:
        """Return the Newton step at a state with the Jacobian that was factored last, ``(…, n)``."""
        assert self.factors is not None
        off = self.f(x) @ self.algebra.left
        return -torch.linalg.lu_solve(*self.factors, off.unsqueeze(-1)).squeeze(-1) @ self.algebra.right.T

    def norm(self, step: Tensor) -> Tensor:
        """Return the length of steps in what the tolerances leave open, one number an element."""
        return (step / self.size).square().mean(-1).sqrt()

    def run(self, x: Tensor) -> tuple[Tensor, int]:
        """Iterate from a state; return the solution, and how many iterations it took."""
        lost = ~torch.isfinite(x).all(-1)
        before = torch.full_like(self.norm(x), torch.inf)
        for count in range(1, MOST_ITERATIONS + 1):
            self.factor(x)
            step = self.correction(x)
            length = self.norm(step)
            wrong = ~torch.isfinite(length) & ~lost
            if bool(wrong.any()):
                raise InputError(
                    f"f is not finite at time {self.t:.6g}, where the algebraic states are looked for",
                    fix="start nearer to the solution",
                )
            last = lost | (length <= CLOSE) | ((length <= 1.0) & (length > 0.5 * before))
            x, before = self._moved(x, step, length, lost), length
            if bool(last.all()):
                return x, count
        raise self._unfound(x, step, ~last)

    def _moved(self, x: Tensor, step: Tensor, length: Tensor, lost: Tensor) -> Tensor:
        """Take a Newton step, or as much of it as makes the next one shorter."""
        share, far = torch.ones_like(length), ~lost & (length > 1.0)
        while True:
            tried = x + share.unsqueeze(-1) * step
            if not bool(far.any()):
                return tried
            worse = far & ~(self.norm(self.correction(tried)) <= (1.0 - 0.5 * share) * length)
            if not bool(worse.any()):
                return tried
            share = torch.where(worse, 0.5 * share, share)
            if float(share.min()) < LEAST_SHARE:
                raise self._unfound(x, step, worse)

    def _unfound(self, x: Tensor, step: Tensor, wrong: Tensor) -> InputError:
        which = int(wrong.flatten().int().argmax())
        off = (self.f(x) @ self.algebra.left @ self.algebra.left.T).reshape(-1, x.shape[-1])[which]
        moves = (step / self.size).reshape(-1, x.shape[-1])[which]
        equation, state = int(off.abs().argmax()), int(moves.abs().argmax())
        value = float(x.reshape(-1, x.shape[-1])[which, state])
        return InputError(
            f"no consistent start was found at time {self.t:.6g}{_of_batch(x, which)}: the algebraic equation "
            f"f[{equation}] is still {float(off[equation]):.3g}, at x[{state}] = {value:.6g}",
            expected="algebraic states that make their equations zero, the other states being as they are given",
            fix="start nearer to the solution, or from other states if there is none",
        )

    def _singular(self, x: Tensor, which: int, equations: Tensor, states: Tensor) -> InputError:
        n = x.shape[-1]
        equation = int(equations.reshape(-1, n)[which].abs().argmax())
        state = int(states.reshape(-1, n)[which].abs().argmax())
        off, value = (float(v.reshape(-1, n)[which, k]) for v, k in ((self.f(x), equation), (x, state)))
        return InputError(
            f"the algebraic Jacobian is singular at time {self.t:.6g}{_of_batch(x, which)}: x[{state}] = {value:.6g} "
            f"does not follow from the algebraic equations, of which f[{equation}] is {off:.3g}",
            expected="a system of index 1",
            fix="differentiate the equation in time until the state stands in it (index 2 and more), or start where it "
            "depends on the state",
        )


def _of_batch(x: Tensor, which: int) -> str:
    """Return which element of a batch is meant, in words."""
    return f" in element {which} of the batch" if x.dim() > 1 else ""
