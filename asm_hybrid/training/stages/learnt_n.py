"""What a run learns of n, from stage to stage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.training.fit import FitResult
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.sensors import Sensors
from asm_hybrid.training.window_fit import training_windows
from asm_hybrid.training.windows import Windows

__all__ = ["LearntN", "n_windows"]


@dataclass(frozen=True)
class LearntN:
    """n, and what is learnt beside it.

    Attributes
    ----------
    term : LearntTerms
        n; a fit changes it in place, and leaves the best state of every member.
    sensors : Sensors
        Of what is measured, likewise.
    best : int
        Position of the seed with the lowest validation loss.
    results : tuple of FitResult
        Of the fits until now.
    gradient_error : float or None
        What the step of the solver does to the gradient [-]; None before it is known.
    warnings : tuple of str
        What the user should know.
    """

    term: LearntTerms
    sensors: Sensors
    best: int = 0
    results: tuple[FitResult, ...] = ()
    gradient_error: float | None = None
    warnings: tuple[str, ...] = ()

    def warned(self, warnings: Iterable[str]) -> LearntN:
        """Return the same with further warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    @property
    def iterations(self) -> int:
        """Gradient steps of all fits."""
        return sum(r.iterations for r in self.results)

    @property
    def fit(self) -> FitResult | None:
        """All fits as one; None before the first."""
        if not self.results:
            return None
        return replace(self.results[-1], iterations=self.iterations, skipped=sum(r.skipped for r in self.results))


def n_windows(context: RunContext, sensors: Sensors, length: int) -> tuple[Windows, Windows]:
    """Return windows of the training block and the validation block, as the sensors show them.

    A sample of a sensor with a dead time lies in the window that holds what it shows, so that no window needs a past.

    Parameters
    ----------
    context : RunContext
        The run.
    sensors : Sensors
        With what is learnt of them.
    length : int
        Knot intervals in a window.

    Returns
    -------
    tuple of (Windows, Windows)
    """
    lead = context.config.training.gradient == "record"
    show = partial(sensors.read_early, step=context.grid.spacing)
    delays = sensors.delays.tolist() if sensors.late else None
    return training_windows(context, context.grid.points, length, show, lead=lead, delays=delays)
