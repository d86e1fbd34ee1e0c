"""How far a run is, and how long it will take yet: from what its parts take as a rule, and what they have taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from asm_hybrid.config import Config
from asm_hybrid.data import Dataset
from asm_hybrid.plant import Plant
from asm_hybrid.training.cost import estimate, extent, typical
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.progress import Progress

__all__ = ["BESIDE", "Course", "Planned", "plan_of"]

BESIDE = "neural"
"""The part that another process may do meanwhile."""
KNOWN = 2.0
"""What ended parts were to take, from which their time tells how fast this machine is [s]."""
FEW = 3
"""Steps of a part from which their own pace counts."""
REPORT = 8.0
"""Diagnosis and report [s]."""


@dataclass(frozen=True)
class Planned:
    """A part of a run.

    Attributes
    ----------
    seconds : float
        What it takes as a rule [s].
    steps : int
        Steps that it tells of; zero where it tells of none.
    """

    seconds: float
    steps: int = 0


class Course:
    """Progress that is passed on, with what is left of the whole run.

    Parameters
    ----------
    progress : Progress
        The receiver.
    plan : mapping of str to Planned
        The parts of the run, in their order.
    clock : callable, optional
        Returns seconds.
    """

    def __init__(
        self, progress: Progress, plan: Mapping[str, Planned], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress, self._plan, self._clock = progress, dict(plan), clock
        self._began = clock()
        self._part, self._since, self._done, self._now = "", self._began, 0, 0
        self._ended: dict[str, float] = {}
        self._other: tuple[float, int, int, int] | None = None
        self._look: Callable[[], None] = lambda: None

    def watch(self, look: Callable[[], None]) -> None:
        """Call something at every step, which may tell of another process."""
        self._look = look

    def part(self, name: str) -> None:
        """Begin a part of the plan."""
        now = self._clock()
        if self._part:
            self._ended[self._part] = now - self._since
        self._part, self._since, self._done, self._now = name, now, 0, 0
        self._tell()

    def stage(self, title: str, total: int | None = None) -> None:
        """Pass it on."""
        self._progress.stage(title, total)

    def advance(self, note: str = "") -> None:
        """Pass it on, and count it; a step without a note was done before a resumed run began."""
        self._progress.advance(note)
        self._done += 1
        if note:
            self._now += 1
            self._look()
            self._tell()

    def say(self, text: str) -> None:
        """Pass it on."""
        self._progress.say(text)

    def beside(self, title: str, done: int, total: int, note: str) -> None:
        """Pass it on, and note the pace of the other process."""
        if self._other is None:
            self._other = self._clock(), done, done, total
        self._other = *self._other[:2], done, total
        self._progress.beside(title, done, total, note)

    def left(self, share: float, seconds: float) -> None:
        """Pass it on."""
        self._progress.left(share, seconds)

    @property
    def remaining(self) -> float:
        """How much longer the run will take [s]."""
        worked = {name: t for name, t in self._ended.items() if name in self._plan and name != BESIDE}
        planned = sum(self._plan[name].seconds for name in worked)
        pace = sum(worked.values()) / planned if planned >= KNOWN else 1.0
        names = list(self._plan)
        ahead = names[names.index(self._part) + 1 :] if self._part in names else names
        join = names.index(BESIDE) if BESIDE in names else len(names)
        waits = self._part == BESIDE and self._other is not None
        own = (0.0 if waits else self._rest(pace)) + sum(
            self._plan[n].seconds * pace for n in ahead if names.index(n) < join
        )
        after = sum(self._plan[n].seconds * pace for n in ahead if names.index(n) > join)
        other = self._plan[BESIDE].seconds * pace if BESIDE in ahead else 0.0
        if self._other is None:
            return own + other + after
        since, first, done, total = self._other
        if done - first >= FEW:
            other = (self._clock() - since) / (done - first) * (total - done)
        return max(own, other if total > done else 0.0) + after

    def _rest(self, pace: float) -> float:
        """Return what is left of the present part [s]."""
        planned = self._plan.get(self._part)
        if planned is None:
            return 0.0
        passed = self._clock() - self._since
        if planned.steps and self._now >= FEW:
            return passed / self._now * max(0, planned.steps - self._done)
        share = min(1.0, self._done / planned.steps) if planned.steps else 0.0
        return max(0.0, planned.seconds * pace * (1.0 - share) - (0.0 if planned.steps else passed))

    def _tell(self) -> None:
        passed, rest = self._clock() - self._began, self.remaining
        self._progress.left(passed / max(1e-9, passed + rest), rest)


def plan_of(config: Config, plant: Plant, dataset: Dataset) -> dict[str, Planned]:
    """Return the parts of a run, with what they take as a rule on a machine of 2026.

    Parameters
    ----------
    config, plant, dataset
        What is trained.

    Returns
    -------
    dict of str to Planned
        By the names of the stages in the clock of the run, and what follows it.
    """
    work = extent(config, plant, dataset)
    parts = dict(estimate(work, typical(make_grid(config).substeps)).parts)
    found = {"start": Planned(parts["start, and f over the record"])}
    if work.sets:
        found["calibration"] = Planned(parts["calibration of f"], work.evaluations)
    if work.learns:
        found["n"] = Planned(parts["gradients of n"] + parts["validation of n"], work.iterations)
    if config.training.test or config.model.mode == "neural":
        found[BESIDE] = Planned(parts["pure neural ODE"], work.iterations)
    found["prediction"] = Planned(parts["predictions and forecasts"])
    if config.training.test:
        found["report"] = Planned(REPORT)
    return found
