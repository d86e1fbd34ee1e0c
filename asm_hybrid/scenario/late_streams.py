"""Simulation of a plant in which something arrives late: the method of steps.

The simulation goes in pieces no longer than the shortest delay. All that arrives in a piece has set out before it, and
so is known: an input like any other, linear from one time to the next. Times lie at most `SPAN` apart, and a delay
after every time at which inputs may jump, so that what arrives jumps at times only.

References
----------
.. [1] Bellen, A. and Zennaro, M. (2003): Numerical Methods for Delay Differential Equations. Oxford University Press,
   chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.plant.late import LateSignal
from asm_hybrid.scenario.simulation_inputs import SAME, InputSeries
from asm_hybrid.solver.cvodes import CompiledProblem

__all__ = ["SPAN", "integrate_late", "intervals_of_a_piece"]

SPAN = 5.0 / 1440.0
"""Longest interval between times at which what arrives late is known [d]; between them it is linear."""

Values = np.ndarray


def intervals_of_a_piece(signals: Sequence[LateSignal]) -> int:
    """Return about how many intervals of `SPAN` the shortest delay holds.

    Parameters
    ----------
    signals : sequence of LateSignal
        What arrives late.

    Returns
    -------
    int
    """
    return max(1, round(min(s.delay for s in signals) / SPAN)) + 1


def integrate_late(
    problem: CompiledProblem,
    departing: Callable[[Values, Values], Values],
    signals: Sequence[LateSignal],
    start: Values,
    inputs: InputSeries,
    progress: Callable[[float], None] | None = None,
) -> tuple[Values, Values]:
    """Integrate a plant in which something arrives late.

    Before the begin everything was as it is there.

    Parameters
    ----------
    problem : CompiledProblem
        Its equations; behind its inputs stands what arrives late.
    departing : callable
        From states ``(k, n)`` and inputs ``(k, m + entry)`` to what sets out, ``(k, entry)``.
    signals : sequence of LateSignal
        What arrives late.
    start : ndarray, shape (n,)
        The state at the first time.
    inputs : InputSeries
        The inputs.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    states : ndarray, shape (k + 1, n)
        At the times of the inputs.
    late : ndarray, shape (k + 1, entry)
        What arrives there, as from there on.

    Raises
    ------
    SimulationError
        When the integration fails.
    """
    delays = np.repeat([s.delay for s in signals], [s.end - s.begin for s in signals])
    times = _times(inputs.times, np.unique(delays))
    begin, end = _between(inputs, times)
    course = _Course(times, delays, _at_rest(departing, start, begin[0], len(delays)))
    states, arrived, a = [np.asarray(start, dtype=float)[None]], [], 0
    while a < len(begin):
        b = int(np.searchsorted(times, times[a] + delays.min() + SAME, side="right")) - 1
        first, last = course.arriving(a, b)
        here = np.hstack([begin[a:b], first])
        there = np.hstack([end[a:b], last])
        found = problem.run(states[-1][-1], times[a : b + 1], here, there)
        course.append(departing(found[:-1], here), departing(found[1:], there))
        states.append(found[1:])
        arrived.append(first)
        if b == len(begin):
            arrived.append(last[-1:])
        if progress is not None:
            progress(b / len(begin))
        a = b
    index = np.searchsorted(times, inputs.times - SAME)
    return np.vstack(states)[index], np.vstack(arrived)[index]


def _times(given: Values, delays: Values) -> Values:
    """Return the given times, those a delay later, and as many between as keep them `SPAN` or a delay apart."""
    later = np.concatenate([given, *(given + d for d in delays)])
    later = np.sort(later[later <= given[-1]])
    nearest = given[np.clip(np.searchsorted(given, later - SAME), 0, len(given) - 1)]
    later = np.where(np.abs(nearest - later) < SAME, nearest, later)  # the given ones stay as they are
    later = later[np.concatenate([[True], np.diff(later) > SAME])]
    span = min(SPAN, float(delays.min()))
    parts = np.maximum(1, np.ceil(np.diff(later) / span - SAME).astype(int))
    steps = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(later[:-1], later[1:], parts, strict=True)]
    return np.concatenate([*steps, later[-1:]])


def _between(inputs: InputSeries, times: Values) -> tuple[Values, Values]:
    """Return the inputs at both ends of every interval between finer times."""
    i = np.clip(np.searchsorted(inputs.times, times[:-1] + SAME, side="right") - 1, 0, len(inputs.begin) - 1)
    begin = inputs.begin[i]
    if inputs.end is None:
        return begin, begin
    length = (inputs.times[i + 1] - inputs.times[i])[:, None]
    slope = (inputs.end[i] - begin) / length
    at, to = ((t - inputs.times[i])[:, None] for t in (times[:-1], times[1:]))
    return begin + slope * at, begin + slope * to


def _at_rest(departing: Callable[[Values, Values], Values], start: Values, inputs: Values, entries: int) -> Values:
    """Return what sets out of a plant at rest; what controllers move by late sensors is known the second time."""
    late = np.zeros(entries)
    for _ in range(2):
        late = departing(start[None], np.concatenate([inputs, late])[None])[0]
    return late


@dataclass(eq=False)
class _Course:
    """What has set out, at both ends of every interval until now.

    Attributes
    ----------
    times : ndarray, shape (k + 1,)
        Times [d].
    delays : ndarray, shape (entry,)
        How much later it arrives [d].
    before : ndarray, shape (entry,)
        What set out before the first time.
    """

    times: Values
    delays: Values
    before: Values

    def __post_init__(self) -> None:
        self.begin = np.empty((len(self.times) - 1, len(self.delays)))
        self.end = np.empty_like(self.begin)
        self.known = 0

    def append(self, begin: Values, end: Values) -> None:
        """Add what sets out in further intervals."""
        place = slice(self.known, self.known + len(begin))
        self.begin[place], self.end[place] = begin, end
        self.known += len(begin)

    def arriving(self, a: int, b: int) -> tuple[Values, Values]:
        """Return what arrives at both ends of the intervals from time ``a`` to time ``b``."""
        first = self._at(self.times[a:b, None] - self.delays, SAME, "right")
        return first, self._at(self.times[a + 1 : b + 1, None] - self.delays, -SAME, "left")

    def _at(self, when: Values, aside: float, side: str) -> Values:
        """Return what set out at some times ``(k, entry)``, as it is just after or just before them."""
        q = np.searchsorted(self.times, when + aside, side=side) - 1  # type: ignore[call-overload]
        early, q = q < 0, np.clip(q, 0, max(0, self.known - 1))
        columns = np.arange(len(self.delays))
        if not self.known:
            return np.broadcast_to(self.before, when.shape).copy()
        length = self.times[q + 1] - self.times[q]
        share = np.clip((when - self.times[q]) / length, 0.0, 1.0)
        begin, end = self.begin[q, columns], self.end[q, columns]
        return np.where(early, self.before, begin + share * (end - begin))
