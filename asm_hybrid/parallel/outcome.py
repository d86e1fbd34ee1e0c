"""What one case of many gave: figures, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Outcome", "Value"]

Value = float | str
"""What a factor of a case may be."""


@dataclass(frozen=True)
class Outcome:
    """What one case gave.

    Attributes
    ----------
    case : int
        Its number, from zero.
    figures : mapping of str to float
        Indicators by name; empty where it failed.
    series : mapping of str to ndarray, shape (time,)
        Series by name, in float64; empty where none is wanted, or it failed.
    notes : tuple of str
        What is to be said of it, a sentence each.
    error : str
        Why it failed, in words for the user; empty where it did not.
    seconds : float
        Time of the processor that it took [s]. It is no part of the result.
    """

    case: int
    figures: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
