"""The gradient steps of n, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Part", "schedule", "window_lengths"]

DESCENTS = ("growing", "windows", "shooting")
"""Stages that learn through simulated windows."""
SHARES = (8, 4, 2, 1)
"""Full length of a window over that of growing ones, one phase each."""


@dataclass(frozen=True)
class Part:
    """Gradient steps over windows of one length.

    Attributes
    ----------
    stage : str
        ``growing``, ``windows`` or ``shooting``.
    length : int
        Knot intervals in a window.
    iterations : int
        Gradient steps at most.
    """

    stage: str
    length: int
    iterations: int


def schedule(stages: Sequence[str], length: int, iterations: int) -> tuple[Part, ...]:
    """Share gradient steps out: evenly between the stages, and within growing windows between their lengths.

    Parameters
    ----------
    stages : sequence of str
        The stages of a run; those that do not descend have no part.
    length : int
        Full length of a window, in knot intervals.
    iterations : int
        Gradient steps of all together.

    Returns
    -------
    tuple of Part
        In the order in which they are done.
    """
    descents = [stage for stage in stages if stage in DESCENTS]
    parts = []
    for stage, share in zip(descents, _shared(iterations, len(descents)), strict=True):
        lengths = window_lengths(length) if stage == "growing" else (length,)
        parts += [Part(stage, n, i) for n, i in zip(lengths, _shared(share, len(lengths)), strict=True)]
    return tuple(parts)


def window_lengths(full: int) -> tuple[int, ...]:
    """Return the lengths of growing windows.

    n learns on short windows first, whose gradients are tame.

    Parameters
    ----------
    full : int
        Full length, in knot intervals.

    Returns
    -------
    tuple of int
        One a phase, in knot intervals; the last is the full one.
    """
    return tuple(dict.fromkeys(max(1, full // share) for share in SHARES))


def _shared(whole: int, count: int) -> list[int]:
    """Return whole numbers that add up, the later ones not below the earlier ones."""
    return [whole * (k + 1) // count - whole * k // count for k in range(count)]
