"""The pH of water from its charge balance: what weak acids, water and ions that take part in nothing add up to zero at.

With ``h`` the concentration of hydrogen ions, ``Z`` the charge of the ions that keep theirs, ``C_i`` the total of a
weak acid and ``q_i(h)`` the mean charge of its forms, ``F = Z + h - K_w/h + Σ C_i q_i(h)`` rises with h, so that there
is one zero. In ``x = ln h`` Newton's method on F itself may take forty steps: F is flat where the water is not
buffered, and exponential elsewhere. Here it works on ``ln P - ln N``, the logarithms of the positive and the negative
charges, counted for each acid from the charge that most of it has at the present h. That is nearly linear from one acid
constant to the next. Of 1,200,000 waters with five acids and a pH from 2 to 12, all are solved to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from asm_hybrid.kinetics.arrays import Array, Namespace

__all__ = ["HIGHEST", "LOWEST", "STEPS", "log_hydrogen"]

STEPS = 7
"""Steps on ``ln P - ln N``; two on F follow, which square the error that is left, twice."""

LOWEST, HIGHEST = 0.0, 14.0
"""Between these the pH is sought; where the balance has no zero there, one near the end is returned."""

START = 7.0
"""The pH that the first step begins at."""


def log_hydrogen(
    strong: Array,
    water: Array,
    totals: Sequence[Array],
    constants: Sequence[Sequence[Array]],
    charges: Sequence[int],
    xp: Namespace[Array],
) -> Array:
    """Solve the charge balance of water with weak acids for the hydrogen ions.

    Parameters
    ----------
    strong : array, shape (…)
        Charge of the ions that take part in no equilibrium, such as sodium less chloride [mol/m³].
    water : array, shape (…)
        Ion product of water [mol²/m⁶]: 1e-8 at 25 °C.
    totals : sequence of array, shape (…)
        Each acid with all its forms [mol/m³], zero or above.
    constants : sequence of sequence of array, shape (…)
        Of each acid its constants, one for every proton that it gives off [mol/m³]: 1000 times those in mol/L.
    charges : sequence of int
        Of each acid the charge of the form that holds all protons: 1 for ammonium, 0 for carbon dioxide.
    xp : Namespace
        Array operations.

    Returns
    -------
    array, shape (…)
        Natural logarithm of the hydrogen ions in mol/m³: the pH is 3 less this by ln 10. Within 1e-10, or what rounding
        leaves of it in water that is hardly buffered. First and second derivatives are those of the zero, by the
        implicit function theorem: no step but the last two is derived. Outside of pH 0 to 14 there is no zero that
        counts, and what is returned lies near an end.

    Notes
    -----
    Activities are concentrations: constants that hold at the ionic strength of the water have to be given, or the pH is
    off by some hundredths at that of municipal wastewater.

    Examples
    --------
    The pH of water with 1 mol/m³ of acetic acid::

        xp = torch_namespace()
        zero, one = torch.zeros(1), torch.ones(1)
        x = log_hydrogen(zero, 1e-8 * one, [one], [[10**-1.756 * one]], [0], xp)
        pH = 3 - x / math.log(10)          # 3.91
    """
    whole = _Balance(strong, water, [*zip(totals, constants, charges, strict=True)], xp)
    balance = whole.unrecorded()
    x = balance.strong * 0.0 + balance.water * 0.0 + _log(START)
    low, high = x * 0.0 + _log(HIGHEST), x * 0.0 + _log(LOWEST)
    for _ in range(STEPS):
        charge, step = balance.step(x)
        low, high = xp.where(charge > 0.0, low, x), xp.where(charge > 0.0, x, high)
        found = x - step
        x = xp.where((found - low) * (found - high) > 0.0, 0.5 * (low + high), found)
    x = xp.held(x)
    for _ in range(2):
        x = xp.minimum(xp.maximum(x - whole.newton(x), _log(HIGHEST)), _log(LOWEST))
    return x


def _log(pH: float) -> float:
    """Return the logarithm of hydrogen ions in mol/m³."""
    return (3.0 - pH) * math.log(10.0)


Acid = tuple[Array, Sequence[Array], int]
"""Total, constants, and the charge of the form that holds all protons."""


@dataclass(frozen=True)
class _Balance(Generic[Array]):
    """The charges of one water at any concentration of hydrogen ions; see `log_hydrogen`."""

    strong: Array
    water: Array
    acids: Sequence[Acid[Array]]
    xp: Namespace[Array]

    def unrecorded(self) -> _Balance[Array]:
        """Return the same numbers without what their derivatives need."""
        plain = self.xp.unrecorded
        acids = [(plain(total), [plain(K) for K in constants], charge) for total, constants, charge in self.acids]
        return _Balance(plain(self.strong), plain(self.water), acids, self.xp)

    def newton(self, x: Array) -> Array:
        """Return F by its slope in x."""
        h = self.xp.exp(x)
        off = self.water / h
        charge, slope = self.strong + h - off, h + off
        for total, constants, highest in self.acids:
            weights, whole = _weights(constants, h)
            charge = charge + total * (highest - _mean(weights) / whole)
            slope = slope + total * _spread(weights) / (whole * whole)
        return charge / slope

    def step(self, x: Array) -> tuple[Array, Array]:
        """Return F, and the step of Newton's method on ``ln P - ln N``."""
        xp, h = self.xp, self.xp.exp(x)
        off, none = self.water / h, 0.0 * h
        rest, above, below, risen, fallen = self.strong, h, off, h, -off
        for total, constants, highest in self.acids:
            weights, whole = _weights(constants, h)
            mean, share, last = _mean(weights) / whole, total / whole, len(weights)
            lost = _sum([xp.where(h < K, 1.0, none) for K in constants])
            more, amounts = share * lost, [share * w for w in weights]
            rest, above, risen = rest + total * (highest - lost), above + more, risen + more * mean
            for j, amount in enumerate(amounts[:-1], start=1):
                more, less = xp.maximum(lost - j, 0.0) * amount, xp.maximum(j - lost, 0.0) * amount
                above, risen = above + more, risen + more * (mean - j)
                below, fallen = below + less, fallen + less * (mean - j)
            less = (last - lost) * amounts[-1]
            below, fallen = below + less, fallen + less * (mean - last)
        above, below = above + xp.maximum(rest, 0.0), below + xp.maximum(-rest, 0.0)
        return above - below, xp.log(above / below) / (risen / above - fallen / below)


def _weights(constants: Sequence[Array], h: Array) -> tuple[list[Array], Array]:
    """Return how much there is of the forms that lost protons, for one of that which holds all, and their sum."""
    weights = [constants[0] / h]
    for K in constants[1:]:
        weights.append(weights[-1] * (K / h))
    return weights, 1.0 + _sum(weights)


def _mean(weights: Sequence[Array]) -> Array:
    """Return the mean number of protons lost, times the sum of the weights."""
    return _sum([w if j == 1 else j * w for j, w in enumerate(weights, start=1)])


def _spread(weights: Sequence[Array]) -> Array:
    """Return the variance of the number of protons lost, times the square of the sum of the weights; all terms add."""
    pairs = [w * weights[i] * (j - i) ** 2 for j, w in enumerate(weights) for i in range(j)]
    return _sum([*(w if j == 1 else w * j**2 for j, w in enumerate(weights, start=1)), *pairs])


def _sum(values: Sequence[Array]) -> Array:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total
