"""Time tables of inputs that repeat, such as the phases of a batch reactor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["Cycle", "Phase", "Until"]


@dataclass(frozen=True)
class Until:
    """What ends a phase before its time.

    Attributes
    ----------
    measured : str
        ``TANK.QUANTITY`` or ``TANK.volume``.
    above : bool
        Whether it ends when more than `value` is measured, or less.
    value : float
        In the unit of what is measured.
    """

    measured: str
    above: bool
    value: float

    def distance(self, measured: Array) -> Array:
        """Return how far it is from ending the phase; below zero it ends."""
        return self.value - measured if self.above else measured - self.value


@dataclass(frozen=True)
class Phase:
    """One phase.

    Attributes
    ----------
    name : str
        Its name.
    duration : float
        How long it lasts, at most if something else may end it [d].
    values : mapping of str to float
        Inputs, in internal units; an input that only other phases set is zero.
    until : Until or None
        What may end it earlier.
    """

    name: str
    duration: float
    values: Mapping[str, float]
    until: Until | None = None


@dataclass(frozen=True)
class Cycle:
    """Phases that follow each other and begin again, from time zero on.

    Where something measured may end a phase, the number of the phase and the time since its begin are states; otherwise
    the times of all phases are known beforehand.

    Attributes
    ----------
    name : str
        Its name.
    phases : tuple of Phase
        The phases.
    """

    name: str
    phases: tuple[Phase, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs that it gives."""
        return tuple(dict.fromkeys(name for phase in self.phases for name in phase.values))

    @property
    def length(self) -> float:
        """How long all phases last [d]."""
        return sum(phase.duration for phase in self.phases)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of its states; none where all times are known."""
        return (f"{self.name}.phase", f"{self.name}.clock") if any(p.until for p in self.phases) else ()

    def edges(self, end: float) -> np.ndarray:
        """Return the times at which a phase begins, from zero up to, not including, an end [d]."""
        starts = np.cumsum([0.0, *(p.duration for p in self.phases)])[:-1]
        count = int(np.ceil(end / self.length)) if end > 0 else 0
        times = (np.arange(count)[:, None] * self.length + starts).ravel()
        return np.asarray(times[times < end])

    def begun(self, time: float) -> Cycle:
        """Return the cycle as it goes on from a time [d], where all times are known; its phase goes on."""
        inside = np.mod(time + 1e-9, self.length) - 1e-9
        starts = np.cumsum([0.0, *(phase.duration for phase in self.phases)])
        at = int(np.searchsorted(starts, inside + 1e-9, side="right")) - 1
        now, past = self.phases[at], inside - starts[at]
        if past < 1e-9:
            return replace(self, phases=self.phases[at:] + self.phases[:at])
        rest, done = replace(now, duration=now.duration - past), replace(now, duration=past)
        return replace(self, phases=(rest, *self.phases[at + 1 :], *self.phases[:at], done))

    def table(self, name: str) -> list[float]:
        """Return the values of an input by phase."""
        return [phase.values.get(name, 0.0) for phase in self.phases]

    def values(self, name: str, times: np.ndarray) -> np.ndarray:
        """Return an input at times [d], as it is from each of them on, where all times are known."""
        ends = np.cumsum([phase.duration for phase in self.phases])
        phase = np.searchsorted(ends, np.mod(times + 1e-9, self.length), side="right")
        return np.array(self.table(name))[np.minimum(phase, len(self.phases) - 1)]

    def chosen(self, phase: Array, options: Sequence[Array | float], xp: ArrayNamespace[Array]) -> Array:
        """Return the option of the current phase, from its number."""
        found = options[0] + 0.0 * phase
        for k, option in enumerate(options[1:], 1):
            found = xp.where(phase > k - 0.5, option + 0.0 * phase, found)
        return found

    def distances(
        self, phase: Array, clock: Array | float, measured: Sequence[Array | None], xp: ArrayNamespace[Array]
    ) -> tuple[Array, Array]:
        """Return how far the current phase is from its end, by time and by what is measured; below zero it ends.

        Parameters
        ----------
        phase, clock : array, shape (…, 1), or float
            Its states: the number of the phase, and the time since its begin [d].
        measured : sequence of array or None
            By phase, what may end it.
        xp : ArrayNamespace
            Array operations.
        """
        left = self.chosen(phase, [p.duration for p in self.phases], xp) - clock
        pairs = zip(self.phases, measured, strict=True)
        options = [1.0 if p.until is None or value is None else p.until.distance(value) for p, value in pairs]
        return left, self.chosen(phase, options, xp)

    def following(self, phase: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return the number of the next phase."""
        return self.chosen(phase, [float((k + 1) % len(self.phases)) for k in range(len(self.phases))], xp)
