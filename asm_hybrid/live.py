"""Progress while a command works: bars on a terminal, lines in a file."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from asm_hybrid.training.progress import Silent

__all__ = ["LiveProgress", "receiver_of"]

EVERY = 30.0
"""Time between two lines of progress in a file [s]."""
CASES = "cases"
"""The stage of a study."""
NOTE_WIDTH = 48
"""Columns of what stands below a bar, beside which the bar still fits."""


class _TimeLeft(ProgressColumn):
    """What is left of a stage, by its own pace; of the whole run, as it was told."""

    max_refresh = 0.5

    def __init__(self) -> None:
        super().__init__()
        self._own = TimeRemainingColumn(compact=True, elapsed_when_finished=True)

    def render(self, task: Task) -> Text:
        """Return the time, minutes and seconds."""
        told = task.fields.get("left")
        return self._own.render(task) if told is None else Text(f"{_clock(told)} left", style="progress.remaining")


class LiveProgress:
    """Progress bars on a terminal; where the output is not one, plain lines with time, stage, step and loss.

    Parameters
    ----------
    clock : callable
        Returns seconds. A plain line follows the last one of its stage after `EVERY` of them at the earliest, so that
        a log of days can still be read; the first and the last step of a stage are always there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(stderr=True)
        self._clock = clock
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}{task.fields[note]}", markup=False),  # the note stands on a line of its own
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            _TimeLeft(),
            console=self._console,
        )
        self._task: TaskID | None = None
        self._printed, self._line = 0.0, ""
        self._shown, self._waiting = False, False
        self._whole: TaskID | None = None
        self._other: TaskID | None = None
        self._left: float | None = None

    def __enter__(self) -> LiveProgress:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        if self._whole is not None:
            self._bars.remove_task(self._whole)
        if self._console.is_terminal:
            self._bars.stop()

    def _finish(self) -> None:
        if self._waiting:
            self._print(self._line)
        task = self._current()
        if self._task is not None and task is not None:
            self._bars.update(self._task, total=task.completed or 1, completed=task.completed or 1)
        self._task = None

    def _current(self) -> Task | None:
        return None if self._task is None else self._bars.tasks[self._bars.task_ids.index(self._task)]

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage."""
        self._finish()
        self._task = self._bars.add_task(title, total=total, note="")
        self._shown, self._line = False, ""
        if not self._console.is_terminal:
            self._print(title)

    def advance(self, note: str = "") -> None:
        """One step is done."""
        if self._task is not None:
            lines = "".join(f"\n  {line}" for line in textwrap.wrap(note, NOTE_WIDTH))
            self._bars.update(self._task, advance=1, note=lines)
            if note:  # a step that a resumed run has done before has none
                self._step(note)

    def share(self, title: str, share: float) -> None:
        """So much of a stage is done; a new title begins another."""
        task = self._current()
        if task is None or task.description != title:
            self.stage(title, 100)
        if self._task is not None:
            self._bars.update(self._task, completed=round(100 * share))
            if share > 0:
                self._step("", percent=True)

    def beside(self, title: str, done: int, total: int, note: str) -> None:
        """So many steps are done of a stage that another process works on; no line in a file tells of it."""
        if self._other is None:
            self._other = self._bars.add_task(f"{title}, beside", total=total, note="")
        lines = "".join(f"\n  {line}" for line in textwrap.wrap(note, NOTE_WIDTH))
        self._bars.update(self._other, completed=done, note=lines)

    def left(self, share: float, seconds: float) -> None:
        """So much of the whole run is done, and it will take so much longer."""
        if self._whole is None:
            self._whole = self._bars.add_task("the whole run", total=100, note="", left=seconds)
        self._bars.update(self._whole, completed=min(99, round(100 * share)), left=seconds)
        self._left = seconds

    def cases(self, done: int, failed: int, total: int, rate: float, left: float) -> None:
        """So many cases of a study are done, so many of them failed; the rate [1/s], and the time that is left [s]."""
        task = self._current()
        if task is None or task.description != CASES:
            self.stage(CASES, total)
        if self._task is not None:
            words = [f"{failed} failed"] * bool(failed)
            if rate > 0:
                words += [f"{rate:.3g} a second" if rate >= 1 else f"{1 / rate:.3g} s a case", f"{_clock(left)} left"]
            note = ", ".join(words)
            self._bars.update(self._task, completed=done, note=f"\n  {note}" if note else "")
            if note or done == total:
                self._step(note)

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        if self._console.is_terminal:
            self._console.print(text, markup=False)
        else:
            self._print(text)

    def _step(self, note: str, percent: bool = False) -> None:
        """Print where the stage is, as a plain line, if the last one is long enough ago; else keep it for its end."""
        task = self._current()
        if self._console.is_terminal or task is None:
            return
        done, total = int(task.completed), None if task.total is None else int(task.total)
        step = f"{done} %" if percent else f"step {done}" + ("" if total is None or done > total else f" of {total}")
        line = f"{task.description}: {step}" + (f", {note}" if note else "")
        if self._left is not None:
            line += f"; the run: {_clock(self._left)} left"
        if line == self._line:  # shares that round to the same percentage
            return
        self._line, self._waiting = line, True
        if not self._shown or done == total or self._clock() - self._printed >= EVERY:
            self._shown = True
            self._print(self._line)

    def _print(self, text: str) -> None:
        self._printed, self._waiting = self._clock(), False
        self._console.print(f"{datetime.now():%Y-%m-%d %H:%M:%S}  {text}", markup=False, soft_wrap=True)


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@contextmanager
def receiver_of(progress: bool) -> Iterator[LiveProgress | Silent]:
    """Give a receiver of progress.

    Parameters
    ----------
    progress : bool
        Whether it shows what it receives.

    Yields
    ------
    LiveProgress or Silent
    """
    if progress:
        with LiveProgress() as receiver:
            yield receiver
        return
    from asm_hybrid.training.progress import Silent

    yield Silent()
