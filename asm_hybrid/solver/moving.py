"""What keeps moving where a steady state is looked for, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["moving_states"]

STILL = 1e-6
"""Relative rate of change [1/d] below which a state is taken to be at rest, in messages."""
NAMED = 3
"""States, or what they have in common, that a message names."""


def moving_states(names: Sequence[str], x: np.ndarray, slope: np.ndarray) -> str:
    """Say which states have not come to rest: what piles up, and what runs out.

    Parameters
    ----------
    names : sequence of str
        Names of the states; what follows the dot is taken together over all places.
    x, slope : ndarray, shape (n,)
        The state, and its rate of change [unit/d].

    Returns
    -------
    str
        Such as ``X_I piles up (t0.X_I = 5.2e+05, rising by 402 a day)``.
    """
    speed = np.abs(slope) / (np.abs(x) + 1.0)
    if not np.isfinite(speed).all():
        wrong = [name for name, value in zip(names, speed, strict=True) if not np.isfinite(value)]
        return f"the rate of change of {', '.join(wrong[:NAMED])} is not a number"
    said: dict[str, str] = {}
    for i in np.argsort(-speed):
        what = names[i].partition(".")[2] or names[i]
        if what not in said and speed[i] > STILL and len(said) < NAMED:
            rising = slope[i] > 0
            verb = "piles up" if rising else "runs out"
            said[what] = f"{what} {verb} ({names[i]} = {x[i]:.4g}, {'rising' if rising else 'falling'} by " + (
                f"{abs(slope[i]):.3g} a day)"
            )
    return ", ".join(said.values()) or "no state moves any more, and yet Newton's iteration does not converge"
