"""What small changes do along a trajectory: the linear variational equations, many right sides at once.

Along ``dx/dt = f(x, u, v)`` the sensitivities ``S = dx/dv`` obey ``dS/dt = J(t) S + g(t)`` with ``J = df/dx`` and ``g``
the direct effect of every change [1]_. The equations are stiff as f is, and linear: one factorisation at a time serves
all changes. They are integrated by the second backward differentiation formula at the knots of a trajectory.

References
----------
.. [1] A. C. Hindmarsh, R. Serban, "User documentation for CVODES", Lawrence Livermore National Laboratory, section 2.6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["sensitivities"]

CHUNK = 128
"""Knots that are worked out at a time."""

Slopes = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


def sensitivities(
    slopes: Slopes, start: np.ndarray, interval: float, knots: int, see: Callable[[int, np.ndarray], None]
) -> None:
    """Integrate the variational equations from knot to knot.

    Parameters
    ----------
    slopes : callable
        From the first and the last knot of a stretch, the last one excluded, to ``J (knot, n, n)`` [1/d] and to the
        direct effects of all changes ``g (knot, n, change)``.
    start : ndarray, shape (n, change)
        Sensitivities at the first knot.
    interval : float
        Distance of two knots [d].
    knots : int
        Number of knots.
    see : callable
        Gets the first knot of a stretch and the sensitivities there ``(knot, n, change)``, stretch by stretch.
    """
    eye = np.eye(len(start))
    before, last = start, start
    for begin in range(0, knots, CHUNK):
        end = min(begin + CHUNK, knots)
        jacobian, direct = slopes(begin, end)
        found = np.empty((end - begin, *start.shape))
        inverse = np.linalg.inv(1.5 / interval * eye - jacobian)
        for k in range(begin, end):
            i = k - begin
            if k == 0:
                found[0] = start
                continue
            if k == 1:
                new = np.linalg.solve(eye / interval - jacobian[i], last / interval + direct[i])
            else:
                new = inverse[i] @ ((2.0 * last - 0.5 * before) / interval + direct[i])
            found[i] = new
            before, last = last, new
        see(begin, found)
