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

__all__ = ["Algebra", "algebra_of", "check_bears_mass"]

MOST_ITERATIONS = 50
"""Iterations of Newton for a consistent start, at most."""

LEAST_SHARE = 1e-6
"""Share of a Newton step below which the iteration is given up."""


Tolerances = tuple[float | Tensor, float | Tensor]
"""Relative, and absolute in the unit of the states."""

Function = Callable[[Tensor], Tensor]
"""f, or its Jacobian, of states ``(…, n)`` at one time."""


def _matrix(given: Any, states: int) -> tuple[np.ndarray, float]:
    """Read a mass matrix ``(n, n)``, and what its numbers can tell apart."""
    if callable(given) and not isinstance(given, Tensor):
        raise InputError(
            "the mass matrix is a function of time or state",
            expected="constant numbers, (n, n) or their diagonal (n,)",
            fix="make the slopes v of these states algebraic: dx/dt = v, and 0 = f(t, x) - M(t, x) v",
        )
    single = getattr(given, "dtype", None) in (torch.float32, np.dtype(np.float32))
    learnt = isinstance(given, Tensor) and given.requires_grad
    try:
        given = given.detach().tolist() if isinstance(given, Tensor) else given
        mass = np.asarray(given)
        mass = mass if mass.dtype.kind == "c" else mass.astype(np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InputError("the mass matrix is no matrix of numbers", expected="(n, n), or its diagonal (n,)") from None
    if mass.shape not in ((states, states), (states,)):
        raise InputError(
            f"the mass matrix has shape {mass.shape} for {states} states",
            expected=f"({states}, {states}), or its diagonal ({states},)",
        )
    if learnt:
        raise InputError(
            "the mass matrix carries gradients",
            expected="a constant",
            fix="write what is learnt into f: divide the equation by it",
        )
    if mass.dtype.kind == "c" or not np.isfinite(mass).all():
        raise InputError("the mass matrix holds complex or infinite numbers, or none", expected="finite real numbers")
    return np.diag(mass) if mass.ndim == 1 else mass, float(np.finfo(np.float32 if single else np.float64).eps)


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
    def of(mass: np.ndarray, eps: float, like: Tensor) -> Algebra:
        """Find what a matrix leaves out, in the type of a state and where it is.

        Parameters
        ----------
        mass : ndarray, shape (n, n)
            The matrix.
        eps : float
            What its numbers can tell apart.
        like : Tensor, shape (…, n)
            A state.
        """
        return Algebra(
            *(
                torch.tensor(m.tolist(), dtype=torch.float64).reshape(m.shape).to(like)
                for m in (mass, *_spaces(mass, eps))
            )
        )

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
        self, f: Function, jacobian: Function, x: Tensor, tolerances: Tolerances, t: float
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
        newton = _Newton(self, f, jacobian, tolerances, t)
        with torch.no_grad():
            found, count = newton.run(given)
            newton.factor(found)
        found = found + (x - given)
        for _ in range(2):
            off = newton.correction(found)
            found = found + (off - off.detach())
        return found, count


def check_bears_mass(method: str, where: str | None = None) -> None:
    """Check that a method takes a mass matrix.

    Parameters
    ----------
    method : str
        Its name.
    where : str, optional
        Where it is written, for messages.

    Raises
    ------
    InputError
        When it takes none: explicit methods, and W-methods, which hold their Jacobian. With algebraic equations the
        observed order of ROS34PW2 then is one, not three.
    """
    exact = [name for name, tableau in STIFF.items() if not tableau.any_matrix]
    if method not in exact:
        held = ", which holds its Jacobian," if method in STIFF else ""
        raise InputError(
            f"{method}{held} takes no mass matrix, and has no algebraic states",
            where=where,
            expected=" or ".join(exact),
        )


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
    check_bears_mass(method)
    if not layout.plain:
        raise InputError(
            "a mass matrix is given for a state of several tensors, complex numbers or no axes",
            expected="one real tensor (…, n)",
        )
    return Algebra.of(*_matrix(mass, start.shape[-1]), start)


class _Newton:
    """Damped iteration of Newton for the algebraic states of a batch [2]_.

    A step is the last one when it is so short that the error behind it, about its square, is lost in rounding.
    """

    def __init__(
        self,
        algebra: Algebra,
        f: Function,
        jacobian: Function,
        tolerances: Tolerances,
        t: float,
    ) -> None:
        self.algebra, self.f, self.jacobian, self.t = algebra, f, jacobian, t
        self.rtol, self.atol = (torch.as_tensor(v).to(algebra.mass) for v in tolerances)
        self.factors, self.size, self.moved = (algebra.mass, algebra.mass), algebra.mass, False

    def factor(self, x: Tensor) -> None:
        """Factor the algebraic Jacobian at a state, ``(…, k, k)``; refuse one that is singular.

        The size of steps follows: as long as their square is lost in rounding, or what rounding in the equations does.
        """
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
            states = (states[..., -1, :] / by_column[..., 0, :]) @ right.T
            if self.moved:
                raise self._unfound(x, states, singular)
            raise self._singular(x, singular, (equations[..., -1] / by_row[..., 0]) @ left.T, states)
        self.factors = torch.linalg.lu_factor(own)
        rounding = (full.abs() @ x.abs().unsqueeze(-1)).squeeze(-1) @ left.abs() * (4.0 * torch.finfo(x.dtype).eps)
        spread = (torch.linalg.inv(own).abs() @ rounding.unsqueeze(-1)).squeeze(-1)
        tiny, root = torch.finfo(x.dtype).tiny, torch.finfo(x.dtype).eps ** 0.5
        self.size = sizes(x, x, self.rtol.clamp(max=root), self.atol) + spread @ right.abs().T + tiny

    def correction(self, x: Tensor) -> Tensor:
        """Return the Newton step at a state with the Jacobian that was factored last, ``(…, n)``."""
        off = self.f(x) @ self.algebra.left
        step = torch.linalg.lu_solve(*self.factors, off.unsqueeze(-1)).squeeze(-1)
        return cast(Tensor, -step @ self.algebra.right.T)

    def norm(self, step: Tensor) -> Tensor:
        """Return the length of steps, one number an element; one at most for the last."""
        return (step / self.size).abs().amax(-1)

    def run(self, x: Tensor) -> tuple[Tensor, int]:
        """Iterate from a state; return the solution, and how many iterations it took."""
        lost = ~torch.isfinite(x).all(-1)
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
            last = lost | (length <= 1.0)
            x, self.moved = self._step(x, step, length, lost), not bool(last.all())
            if not self.moved:
                return x, count
        raise self._unfound(x, step, ~last)

    def _step(self, x: Tensor, step: Tensor, length: Tensor, lost: Tensor) -> Tensor:
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

    def _singular(self, x: Tensor, wrong: Tensor, equations: Tensor, states: Tensor) -> InputError:
        which, n = int(wrong.flatten().int().argmax()), x.shape[-1]
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
