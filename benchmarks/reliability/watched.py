"""Work done in child processes, one item after another, so that one that crashes, hangs or takes memory is found.

A child is told a number and answers with what comes of it, the time of the processor and its highest memory. One that
dies is a crash; one beyond the limit of time is ended, first by a signal that Python sees, which tells where it was,
then by force. Then another child goes on with the next number.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, TypeVar

__all__ = ["Done", "HangError", "forget_peak", "peak_memory", "watched"]

T = TypeVar("T")
TICKS = os.sysconf("SC_CLK_TCK")
IDLE = 30.0
"""Times the limit of processor time after which a child that does nothing is ended [-]."""
HARD = 5.0
"""What a child may take beyond the limit before it is ended by force [s]."""


class HangError(BaseException):
    """The limit of time has passed; not an Exception, so that no guard takes it for a parser's."""


@dataclass(frozen=True)
class Done(Generic[T]):
    """What came of one item.

    Attributes
    ----------
    number : int
        The item.
    result : object or None
        What the work gave; None where it did not end.
    broken : str
        ``hangs`` or ``crash``; empty where it ended.
    words : str
        Where it hung, or how it ended.
    seconds : float
        Time of the processor [s].
    peak : float
        Highest memory of the child while it worked on the item [MB].
    """

    number: int
    result: T | None
    broken: str = ""
    words: str = ""
    seconds: float = 0.0
    peak: float = 0.0


def peak_memory() -> float:
    """Return the highest memory of this process since it was last forgotten [MB]."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024.0
    return 0.0


def forget_peak() -> None:
    """Let the highest memory begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _spent(pid: int) -> float:
    """Return the time of the processor that a process has used [s]."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _raise(signum: int, frame: Any) -> None:
    raise HangError


def _child(work: Callable[[int], T], limit: float, pipe: Connection) -> None:
    signal.signal(signal.SIGPROF, _raise)
    while (number := pipe.recv()) is not None:
        forget_peak()
        began, found, broken, words = time.process_time(), None, "", ""
        try:
            signal.setitimer(signal.ITIMER_PROF, limit, 1)  # again, since callbacks swallow an exception
            try:
                found = work(number)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except HangError:
            broken, words = "hangs", traceback.format_exc(limit=-6)
        pipe.send(Done(number, found, broken, words, time.process_time() - began, peak_memory()))


@dataclass
class _Worker:
    """A child, and what it works on."""

    process: BaseProcess
    pipe: Connection
    number: int | None = None
    since: float = 0.0
    began: float = 0.0

    def give(self, number: int | None) -> None:
        """Let it work on an item, or end."""
        self.number, self.since = number, time.monotonic()
        self.began = _spent(self.process.pid or 0)
        self.pipe.send(number)

    def late(self, limit: float) -> bool:
        """Whether it has to be ended by force."""
        spent = _spent(self.process.pid or 0) - self.began
        return spent > limit + HARD or time.monotonic() - self.since > IDLE * limit


def watched(work: Callable[[int], T], numbers: Iterable[int], *, limit: float, workers: int = 1) -> Iterator[Done[T]]:
    """Yield what comes of every number, in the order in which they end.

    Parameters
    ----------
    work : callable
        From a number to a result; both can be pickled.
    numbers : iterable of int
        The items.
    limit : float
        Processor time after which an item counts as one that hangs, however busy the machine is [s].
    workers : int
        Children at a time.
    """
    context = multiprocessing.get_context("spawn")  # forked threads of torch may stand still
    left = iter(numbers)

    def begin() -> _Worker:
        ours, theirs = context.Pipe()
        process = context.Process(target=_child, args=(work, limit, theirs), daemon=False)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    running: list[_Worker] = []
    try:
        for number in left:
            running.append(begin())
            running[-1].give(number)
            if len(running) == workers:
                break
        while running:
            ready = wait([worker.pipe for worker in running], timeout=1.0)
            for worker in list(running):
                if worker.pipe not in ready and not worker.late(limit):
                    continue
                done = _answer(worker, worker.pipe in ready)
                yield done
                number_next = next(left, None)
                if not worker.process.is_alive():
                    running.remove(worker)
                    if number_next is not None:
                        running.append(begin())
                        running[-1].give(number_next)
                    continue
                worker.give(number_next)
                if number_next is None:
                    running.remove(worker)
                    worker.process.join()
    finally:
        for worker in running:
            worker.process.kill()
            worker.process.join()


def _answer(worker: _Worker, ready: bool) -> Done[Any]:
    """Return what a child answers; end one that is late, and see how one has died."""
    number = worker.number
    assert number is not None
    if not ready:
        spent = _spent(worker.process.pid or 0) - worker.began
        worker.process.kill()
        worker.process.join()
        return Done(number, None, "hangs", "ended by force: it did not come back to Python", spent)
    try:
        found: Done[Any] = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        return Done(number, None, "crash", f"exit code {worker.process.exitcode}")
    return found
