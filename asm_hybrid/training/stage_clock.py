"""How long the stages of a run take, over all the times that it was stopped and resumed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["StageClock"]


class StageClock:
    """Adds up the time of stages.

    Parameters
    ----------
    seconds : mapping of str to float, optional
        What they took before the run was stopped [s].
    """

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self._ended = dict(seconds or {})
        self._running: tuple[str, float] | None = None

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the time of a stage that is done within; of one that fails, only checkpoints know it."""
        self._running = name, time.perf_counter() - self._ended.get(name, 0.0)
        yield
        self._ended, self._running = self.now(), None

    def add(self, name: str, seconds: float) -> None:
        """Count a part of a stage [s] once more, under a name of its own."""
        self._ended[name] = self._ended.get(name, 0.0) + seconds

    @property
    def seconds(self) -> dict[str, float]:
        """Time of all stages that have ended [s]."""
        return dict(self._ended)

    def now(self) -> dict[str, float]:
        """Return the time of all stages, with that of the present one so far [s]."""
        if self._running is None:
            return self.seconds
        name, begin = self._running
        return {**self._ended, name: round(time.perf_counter() - begin, 2)}
