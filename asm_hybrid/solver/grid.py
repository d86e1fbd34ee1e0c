"""How time is cut up."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """Knots of the inputs, and the steps between them.

    Attributes
    ----------
    interval : float
        Distance of two input knots [d].
    substeps : int
        Solver steps from one knot to the next.
    linear : bool
        Inputs are linear between knots (true) or held (false). No step crosses a knot.
    points : int
        Recorded outputs from one knot to the next, evenly spaced; those within a step come from its dense output.
    settling : int
        How many times as many steps the first interval has, in which fast states settle that do not fit the slow ones
        at the start.
    """

    interval: float
    substeps: int
    linear: bool = True
    points: int = 1
    settling: int = 1

    @property
    def spacing(self) -> float:
        """Distance of two recorded outputs [d]."""
        return self.interval / self.points
