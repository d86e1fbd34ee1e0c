"""Single steps of stochastic differential equations, ``dx = f(t, x) dt + g(t, x) dW``.

Orders are those of Kloeden and Platen [1]_, strong and weak: the mean error of a path, and the error of a mean.

References
----------
.. [1] P. E. Kloeden, E. Platen (1992), "Numerical Solution of Stochastic Differential Equations", Springer, sections
   10.2 (Euler-Maruyama), 10.3 (Milstein), 12.2 (drift-implicit methods).
.. [2] W. Rümelin (1982), "Numerical Treatment of Stochastic Differential Equations", SIAM Journal on Numerical Analysis
   19, 604-613, https://doi.org/10.1137/0719041 (Heun's method).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from asm_hybrid.solver.rosenbrock import exact_solve
from asm_hybrid.solver.steppers import Slopes, Time

__all__ = ["DIAGONAL", "GENERAL", "ITO", "NOISY", "SCALAR", "STRATONOVICH", "Equation", "NoisyMethod", "stepped"]

ITO, STRATONOVICH = "ito", "stratonovich"
DIAGONAL, SCALAR, GENERAL = "diagonal", "scalar", "general"


@dataclass(frozen=True)
class NoisyMethod:
    """A method with fixed steps.

    Attributes
    ----------
    name : str
        Its name.
    order : float
        Strong order. It is 1/2 in any case where the processes of general noise do not commute.
    interpretations : tuple of str
        Which stochastic integral it follows.
    noises : tuple of str
        Which kinds of noise it takes.
    corrected : bool
        Whether it has Milstein's term, ``½ g g' (dW² - h)``.
    implicit : bool
        Whether it divides by ``I - h df/dx``, so that stiff drift does not limit the step.
    """

    name: str
    order: float
    interpretations: tuple[str, ...]
    noises: tuple[str, ...]
    corrected: bool = False
    implicit: bool = False


ANY = (DIAGONAL, SCALAR, GENERAL)
NOISY = {
    method.name: method
    for method in (
        NoisyMethod("euler_maruyama", 0.5, (ITO,), ANY),
        NoisyMethod("milstein", 1.0, (ITO, STRATONOVICH), (DIAGONAL, SCALAR), corrected=True),
        NoisyMethod("stochastic_heun", 1.0, (STRATONOVICH,), ANY),
        NoisyMethod("implicit_euler_maruyama", 0.5, (ITO,), ANY, implicit=True),
        NoisyMethod("implicit_milstein", 1.0, (ITO, STRATONOVICH), (DIAGONAL, SCALAR), corrected=True, implicit=True),
    )
}
"""Methods for equations with noise, by name."""


@dataclass(frozen=True)
class Equation:
    """A stochastic differential equation as the steps see it.

    Attributes
    ----------
    drift : callable
        f, from time and state ``(…, n)`` to ``(…, n)``.
    diffusion : callable
        g, to ``(…, n)``, or ``(…, n, w)`` with general noise.
    jacobian : callable
        df/dx, to ``(…, n, n)``.
    noise, interpretation : str
        Kind of noise, and which integral is meant.
    """

    drift: Slopes
    diffusion: Slopes
    jacobian: Slopes
    noise: str
    interpretation: str

    def push(self, g: Tensor, dW: Tensor) -> Tensor:
        """Return what the processes ``(…, w)`` do to the states, ``(…, n)``."""
        return (g @ dW.unsqueeze(-1)).squeeze(-1) if self.noise == GENERAL else g * dW

    def slope_of_noise(self, t: Time, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return g, and its slope along its own process, ``g g'`` entry by entry for diagonal noise."""

        def diffusion(at: Tensor) -> Tensor:
            return self.diffusion(t, at)

        g, pulled = cast(Any, torch.func.vjp(diffusion, x))
        if self.noise == DIAGONAL:  # g of a state depends on this state alone, so that sums keep them apart
            return g, g * pulled(torch.ones_like(g))[0]
        along = cast(Any, torch.func.vjp(lambda by: pulled(by)[0], torch.zeros_like(g)))[1]
        return g, along(g)[0]


def stepped(equation: Equation, method: NoisyMethod, t: Time, x: Tensor, h: float, dW: Tensor) -> Tensor:
    """Take a step.

    Parameters
    ----------
    equation : Equation
        The equation.
    method : NoisyMethod
        The method.
    t : float or Tensor
        Begin of the step.
    x : Tensor, shape (…, n)
        The state there.
    h : float
        Length of the step.
    dW : Tensor, shape (…, w)
        Increments of the Wiener processes; w is n for diagonal noise, and one for scalar noise.

    Returns
    -------
    Tensor, shape (…, n)
        The state at its end.
    """
    f = equation.drift(t, x)
    if method.corrected:
        g, slope = equation.slope_of_noise(t, x)
        squared = dW.square() - h if equation.interpretation == ITO else dW.square()
        pushed = equation.push(g, dW) + 0.5 * slope * squared
    else:
        g = equation.diffusion(t, x)
        pushed = equation.push(g, dW)
    if method.implicit:
        divide = exact_solve(equation.jacobian(t, x), 1.0 / h)
        return x + divide((f + pushed / h).unsqueeze(-2)).squeeze(-2)
    guess = x + h * f + pushed
    if method.name != "stochastic_heun":
        return guess
    ahead = equation.drift(t + h, guess), equation.diffusion(t + h, guess)
    return x + 0.5 * (h * (f + ahead[0]) + pushed + equation.push(ahead[1], dW))
