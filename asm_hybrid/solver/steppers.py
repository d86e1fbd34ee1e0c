"""One step of each kind of method, behind one face: explicit Runge-Kutta [1]_ and Rosenbrock methods.

Times and lengths of steps are Python numbers, or tensors where gradients run through them.

References
----------
.. [1] E. Hairer, S. P. Nørsett, G. Wanner (1993), "Solving Ordinary Differential Equations I", second edition,
   Springer, section II.1, and II.6 for the interpolation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from asm_hybrid.solver.algebra import Algebra
from asm_hybrid.solver.butcher import TABLEAUS, ButcherTableau
from asm_hybrid.solver.rosenbrock import StiffSystem, advance, exact_solve
from asm_hybrid.solver.tableaus import METHODS as STIFF
from asm_hybrid.solver.tableaus import RosenbrockTableau

__all__ = ["Explicit", "Rosenbrock", "Slopes", "Step", "Stepper", "Time", "as_number", "drift", "stepper_of"]

Time = float | Tensor
"""A time, or a length of time: a number, or a tensor ``()`` that carries gradients."""

Slopes = Callable[[Time, Tensor], Tensor]
"""f, or its Jacobian, on states ``(…, n)`` as they are laid out."""


@dataclass(frozen=True)
class Step:
    """A step that was tried.

    Attributes
    ----------
    end : Tensor, shape (…, n)
        The state at its end.
    error : Tensor or None, shape (…, n)
        Its local error, without gradients; None where the method knows none.
    known : object
        What the next step can use, see `Stepper.known`; None where it has to be worked out.
    stages : sequence of Tensor
        What its interpolation needs.
    """

    end: Tensor
    error: Tensor | None
    known: Any
    stages: Sequence[Tensor]


class Stepper(Protocol):
    """A method.

    Attributes
    ----------
    name : str
        Its name.
    f : callable
        What it integrates.
    order : int
        Its order.
    stiff : bool
        Whether it is for stiff problems; the elements of a batch do not depend on each other then.
    interpolates : bool
        Whether states within a step are as good as at its end.
    holds : bool
        Whether it may keep what it knows over several steps.
    algebraic : bool
        Whether a mass matrix stands before dx/dt.
    """

    name: str
    f: Slopes
    order: int
    stiff: bool
    interpolates: bool
    holds: bool
    algebraic: bool

    def known(self, t: Time, x: Tensor) -> Any:
        """Work out what a step needs of its begin, whatever its length: slopes, or the Jacobian."""

    def step(self, t: Time, x: Tensor, h: Time, known: Any, last: Time) -> Step:
        """Take a step of length ``h``; ``last`` is the time of stages at its end."""

    def within(self, step: Step, x: Tensor, known: tuple[Any, Any], h: Time, place: Time) -> Tensor:
        """Interpolate at a place of a step, from zero at its begin to one at its end; ``known`` at both ends."""

    def rate(self, t: Time, x: Tensor) -> Tensor:
        """Return dx/dt along a solution: f, unless a mass matrix stands before dx/dt."""

    def settled(self, t: Time, x: Tensor, rtol: float | Tensor, atol: float | Tensor) -> Tensor:
        """Return a state from which steps can begin: its algebraic states obey their equations."""


def as_number(t: Time) -> float:
    """Return a time as a number.

    Parameters
    ----------
    t : Time
        The time.

    Returns
    -------
    float
    """
    return float(t.detach()) if isinstance(t, Tensor) else t


def moved(x: Tensor, weights: Sequence[float], stages: Sequence[Tensor], h: Time) -> Tensor:
    """Return ``x + h Σ w k``."""
    used = [(w, k) for w, k in zip(weights, stages, strict=False) if w != 0.0]
    if len(used) == 1 and isinstance(h, float):
        return torch.add(x, used[0][1], alpha=used[0][0] * h)
    total: Tensor | None = None
    for w, k in used:
        total = (k if w == 1.0 else w * k) if total is None else torch.add(total, k, alpha=w)
    if total is None:
        return x
    return torch.add(x, total, alpha=h) if isinstance(h, float) else x + h * total


def drift(rate: Slopes, t: Time, x: Tensor, h: Tensor) -> Tensor:
    """Move a state along the solution by a length of time that is zero in value.

    Parameters
    ----------
    rate : callable
        dx/dt, on states as they are laid out.
    t : Time
        The time.
    x : Tensor, shape (…, n)
        The state.
    h : Tensor, shape ()
        The length, which carries gradients.

    Returns
    -------
    Tensor, shape (…, n)
        The state, unchanged in value, with first and second derivatives.
    """
    first = rate(t, x)
    return x + 0.5 * h * (first + rate(t + h, x + h * first))


class Explicit:
    """An explicit Runge-Kutta method; what it knows at a begin is the slope.

    Parameters
    ----------
    f : callable
        What is integrated.
    tableau : ButcherTableau
        The coefficients.

    Attributes
    ----------
    f, name, order, stiff, interpolates, holds, algebraic
        As in `Stepper`.
    tableau : ButcherTableau
        The coefficients.
    """

    stiff, holds, algebraic = False, False, False

    def __init__(self, f: Slopes, tableau: ButcherTableau) -> None:
        self.f, self.tableau = f, tableau
        self.name, self.order, self.interpolates = tableau.name, tableau.order, tableau.interpolates
        self._fsal = tableau.last_is_first

    def known(self, t: Time, x: Tensor) -> Tensor:
        """Return the slope."""
        return self.f(t, x)

    def step(self, t: Time, x: Tensor, h: Time, known: Any, last: Time) -> Step:
        """Take a step."""
        tableau, stages, at = self.tableau, [cast(Tensor, known)], x
        for c, row in zip(tableau.c[1:], tableau.a[1:], strict=True):
            at = moved(x, row, stages, h)
            stages.append(self.f(last if c == 1.0 else t + c * h, at))
        end = at if self._fsal else moved(x, tableau.b, stages, h)
        error = None
        if tableau.e:
            with torch.no_grad():
                error = moved(torch.zeros_like(x), tableau.e, stages, h)
        return Step(end, error, stages[-1] if self._fsal else None, stages if tableau.middle else ())

    def within(self, step: Step, x: Tensor, known: tuple[Any, Any], h: Time, place: Time) -> Tensor:
        """Interpolate: a cubic through values and slopes at the ends, or a quartic through the middle as well."""
        first, last = known
        rise = step.end - x
        begin, end = h * first - rise, h * last - rise
        # Hermite's cubic as the straight line and what it lacks
        rest = (1.0 - place) * begin - place * end
        if self.tableau.middle:
            halfway = moved(torch.zeros_like(x), self.tableau.middle, step.stages, h)
            lack = halfway - 0.5 * rise - 0.125 * (begin - end)
            rest = rest + (16.0 * place * (1.0 - place)) * lack
        return cast(Tensor, x + place * rise + (place * (1.0 - place)) * rest)

    def rate(self, t: Time, x: Tensor) -> Tensor:
        """Return f."""
        return self.f(t, x)

    def settled(self, t: Time, x: Tensor, rtol: float | Tensor, atol: float | Tensor) -> Tensor:
        """Return the state itself."""
        return x


class _Alone:
    """f as a `StiffSystem` of one block, whose input is the time."""

    def __init__(self, f: Slopes) -> None:
        self.f = f

    def derivative(self, x: Tensor, forcing: Time) -> Tensor:
        return self.f(forcing, x.squeeze(-2)).unsqueeze(-2)


class Rosenbrock:
    """A Rosenbrock method with the whole Jacobian; what it knows at a begin is the Jacobian.

    Parameters
    ----------
    f : callable
        What is integrated.
    jacobian : callable
        Its Jacobian, ``(…, n, n)``.
    tableau : RosenbrockTableau
        The coefficients.
    algebra : Algebra, optional
        The mass matrix before dx/dt; the identity by default.

    Attributes
    ----------
    f, name, order, stiff, interpolates, holds, algebraic
        As in `Stepper`.
    jacobian : callable
        The Jacobian.
    tableau : RosenbrockTableau
        The coefficients.
    algebra : Algebra or None
        The mass matrix.
    """

    stiff = True

    def __init__(self, f: Slopes, jacobian: Slopes, tableau: RosenbrockTableau, algebra: Algebra | None = None) -> None:
        self.f, self.jacobian, self.tableau, self.algebra = f, jacobian, tableau, algebra
        self.algebraic = algebra is not None
        self._mass = None if algebra is None else algebra.mass
        self._length: float | None = None
        self.name, self.order, self.interpolates = tableau.name.lower(), tableau.order, False
        self.holds = tableau.any_matrix
        self._system = cast(StiffSystem, _Alone(f))

    def known(self, t: Time, x: Tensor) -> Tensor:
        """Return the Jacobian."""
        if self.tableau.any_matrix:
            with torch.no_grad():
                return self.jacobian(t, x).detach()
        return self.jacobian(t, x)

    def step(self, t: Time, x: Tensor, h: Time, known: Any, last: Time) -> Step:
        """Take a step."""
        tableau = self.tableau
        if self.algebra is not None:
            self._length = as_number(h)
        slope = None if tableau.any_matrix else self._slope_in_time(t, x, h)
        times = [last if a == 1.0 else t + a * h for a in tableau.alpha]
        solve = exact_solve(known, 1.0 / (h * tableau.gamma), self._mass)
        end, stages = advance(self._system, x.unsqueeze(-2), solve, times, h, tableau, slope, self._mass)
        with torch.no_grad():
            error = sum((e * k for e, k in zip(tableau.e, stages, strict=True) if e != 0.0), torch.zeros_like(end))
        return Step(end.squeeze(-2), error.squeeze(-2), None, stages if tableau.dense else ())

    def _slope_in_time(self, t: Time, x: Tensor, h: Time) -> Tensor:
        """Return the slope of f in time, ``(…, 1, n)``, from three times in the first part of the step."""
        with torch.no_grad():  # the distance matters to rounding alone, which its gradient would multiply
            near = h * torch.finfo(x.dtype).eps ** (1.0 / 3.0)
            near = (t + near) - t or h  # what the times can tell apart
        one, two, three = (self.f(t + k * near, x) for k in range(3))
        return ((4.0 * two - 3.0 * one - three) / (2.0 * near)).unsqueeze(-2)

    def within(self, step: Step, x: Tensor, known: tuple[Any, Any], h: Time, place: Time) -> Tensor:
        """Interpolate, for methods with dense output."""
        total = x
        for weight, k in zip(self.tableau.within(place), step.stages, strict=True):
            total = total + weight * k.squeeze(-2)
        return total

    def rate(self, t: Time, x: Tensor) -> Tensor:
        """Return dx/dt, with the algebraic states' own where there is a mass matrix."""
        slope = self.f(t, x)
        if self.algebra is None:
            return slope
        length = self._length or max(1.0, abs(as_number(t)))
        return self.algebra.rate(slope, self.jacobian(t, x), self._slope_in_time(t, x, length).squeeze(-2))

    def settled(self, t: Time, x: Tensor, rtol: float | Tensor, atol: float | Tensor) -> Tensor:
        """Return the state with its algebraic states found."""
        if self.algebra is None:
            return x
        f, jacobian = (partial(call, t) for call in (self.f, self.jacobian))
        return self.algebra.consistent(f, jacobian, x, (rtol, atol), as_number(t))[0]


def stepper_of(method: str, f: Slopes, jacobian: Slopes, algebra: Algebra | None = None) -> Stepper:
    """Return the method of a name.

    Parameters
    ----------
    method : str
        Its name.
    f : callable
        What it integrates.
    jacobian : callable
        The Jacobian of f, which only stiff methods ask for.
    algebra : Algebra, optional
        The mass matrix, which only stiff methods take.

    Returns
    -------
    Stepper
    """
    if method in STIFF:
        return Rosenbrock(f, jacobian, STIFF[method], algebra)
    return Explicit(f, TABLEAUS[method])
