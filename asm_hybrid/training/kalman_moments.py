"""How a covariance moves: exactly along a linear stiff system, and by scalar measurements."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Seen", "seen", "transition"]

SMALL = 0.5
"""Size of the Jacobian times a step, by the norm of its square, up to which the series of `transition` err by less than
3e-4, and that in the fastest modes alone."""
FAR = -30.0
"""Standard deviations from which on the probability to lie beyond a limit comes from its asymptotic series."""


def transition(J: np.ndarray, D: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Return what a step of ``dx = J x dt + dw`` with independent noise does to a covariance: ``F P F^T + Q``.

    It is ``F = exp(J h)`` and ``Q`` the integral of ``exp(J s) D exp(J^T s)`` over the step [1]_. Both
    come from their series over a part of the step that the norm of J h allows, and are doubled from there:
    ``Q(2s) = Q(s) + F(s) Q(s) F(s)^T``. Each doubling adds what is positive, so that the covariance stays symmetric and
    positive however stiff J is.

    Parameters
    ----------
    J : ndarray, shape (state, state)
        The Jacobian [1/d].
    D : ndarray, shape (state,)
        Variance that the noise adds in a day.
    length : float
        Length of the step [d].

    Returns
    -------
    tuple of ndarray, shape (state, state)
        F and Q.

    References
    ----------
    .. [1] C. F. Van Loan (1978), "Computing integrals involving the matrix exponential", IEEE Trans. Autom. Control 23,
       395-404, https://doi.org/10.1109/TAC.1978.1101743.
    """
    A, D = J * length, D * length
    square = A @ A
    norm = math.sqrt(min(np.abs(square).sum(axis).max() for axis in (0, 1)))
    doublings = max(0, math.ceil(math.log2(norm / SMALL))) if norm > 0.0 else 0
    A, D, square = A / 2**doublings, D / 2**doublings, square / 4**doublings
    F = np.eye(len(A)) + A + 0.5 * square + square @ (A / 6.0 + square / 24.0)
    term = A * D  # of the series, half of a symmetric matrix
    Q = np.diag(D) + 0.5 * (term + term.T)
    for k in range(3, 6):
        term = A @ (term + term.T) / (k - 1)
        Q += (term + term.T) / k
    for _ in range(doublings):
        Q = Q + F @ Q @ F.T
        F = F @ F
    return F, Q


@dataclass(frozen=True)
class Seen:
    """What a scalar measurement says.

    Attributes
    ----------
    move : float
        By how much the expected measurement moves, in units of its variance.
    kept : float
        Share of that variance that the measurement takes away.
    cost : float
        Minus the logarithm of its density, or of its probability where it is a limit.
    """

    move: float
    kept: float
    cost: float


def seen(error: float, variance: float, beyond: int) -> Seen:
    """Return what a measurement, or a limit that it lies beyond, says of a normal expectation.

    Beyond a limit the moments are those of the normal distribution that is cut there.

    Parameters
    ----------
    error : float
        Measured minus expected, or the limit minus expected.
    variance : float
        Of the difference, noise of the sensor included.
    beyond : int
        Zero; one where all that is known is that it lies below the limit; minus one where it lies above.

    Returns
    -------
    Seen
    """
    size = math.sqrt(variance)
    if not beyond:
        return Seen(error / variance, 1.0, 0.5 * (error * error / variance + math.log(2.0 * math.pi * variance)))
    z = beyond * error / size
    if z < FAR:
        hazard = -z - 1.0 / z + 2.0 / z**3
        cost = 0.5 * (z * z + math.log(2.0 * math.pi)) + math.log(-z)
    else:
        share = 0.5 * math.erfc(-z / math.sqrt(2.0))
        hazard, cost = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / share, -math.log(share)
    return Seen(-beyond * hazard / size, min(1.0, max(0.0, hazard * (hazard + z))), cost)
