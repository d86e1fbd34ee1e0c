"""Where cases are evaluated, by what, and how far that is."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from asm_hybrid.errors import InputError
from asm_hybrid.parallel.outcome import Outcome, Value

__all__ = ["LOCAL", "Evaluate", "Job", "Jobs", "Meter", "OpenEvaluate", "Pool", "Progress", "Slurm"]

Evaluate = Callable[[int, Mapping[str, Value]], Outcome]
"""Gives the outcome of a case, by its number and the values of its factors."""
OpenEvaluate = Callable[[], Evaluate]
"""Is called once in every process that evaluates cases, and gives what that process then keeps."""
Job = tuple[int, Mapping[str, Value]]
"""A case with its number."""
Jobs = Iterable[Job]


@dataclass(frozen=True)
class Slurm:
    """Jobs of Slurm that hold the processes.

    Attributes
    ----------
    jobs : int
        How many jobs are submitted.
    cores : int
        Cores of a job; each holds a process.
    memory : str
        Memory of a job, such as ``8GB``.
    walltime : str
        Longest time of a job, ``HH:MM:SS``. One that ends before the study is submitted again.
    queue, account : str or None
        Partition and account.
    prologue : tuple of str
        Lines of shell before the processes begin, such as those that make an environment known.
    """

    jobs: int
    cores: int = 1
    memory: str = "4GB"
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    prologue: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pool:
    """The processes that evaluate cases.

    Attributes
    ----------
    workers : int or None
        Processes of this machine; None for one a core. With one, cases are evaluated in the calling process.
    cluster : str or None
        Address of the scheduler of a cluster that runs already, such as ``tcp://HOST:8786``, in place of processes of
        this machine.
    slurm : Slurm or None
        Jobs of Slurm, in place of processes of this machine.

    Raises
    ------
    InputError
        When there are to be no processes, or two kinds of them.
    """

    workers: int | None = None
    cluster: str | None = None
    slurm: Slurm | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"there cannot be {self.workers} processes", where="workers", expected="1 or more")
        if sum(given is not None for given in (self.workers, self.cluster, self.slurm)) > 1:
            raise InputError(
                "two kinds of processes are asked for",
                where="workers, cluster",
                expected="workers of this machine, or the address of a cluster, or jobs of Slurm",
            )

    @property
    def processes(self) -> int:
        """How many processes of this machine there are at most."""
        return self.workers if self.workers is not None else _cores()


TICK = 1e-6
"""Shortest time that is divided by [s]."""
LOCAL = Pool()
"""A process for each core of this machine."""


@dataclass(frozen=True)
class Progress:
    """How far the cases are.

    Attributes
    ----------
    done : int
        Cases that have an outcome, with those of an earlier call, and with those that failed.
    failed : int
        Those of them that failed.
    total : int
        All cases.
    rate : float
        Cases a second in this call [1/s]; 0 before the first.
    left : float
        Time that is left [s]; infinite before it can be told.
    """

    done: int
    failed: int
    total: int
    rate: float
    left: float


class Meter:
    """Counts the cases, and tells how fast they go.

    Parameters
    ----------
    total : int
        All cases.
    receiver : callable or None
        Gets the progress, at once and after each case.
    known : mapping of int to Outcome
        Those of an earlier call.
    """

    def __init__(self, total: int, receiver: Callable[[Progress], None] | None, known: Mapping[int, Outcome]) -> None:
        self._total, self._receiver, self._known = total, receiver, len(known)
        self._done, self._failed = len(known), sum(bool(outcome.error) for outcome in known.values())
        self._began = self._first = time.monotonic()
        self._tell()

    def count(self, outcome: Outcome) -> None:
        """Count a case.

        Parameters
        ----------
        outcome : Outcome
            What it gave.
        """
        if self._done == self._known:
            self._first = time.monotonic()
        self._done += 1
        self._failed += bool(outcome.error)
        self._tell()

    def _tell(self) -> None:
        if self._receiver is None:
            return
        new, rest, now = self._done - self._known, self._total - self._done, time.monotonic()
        waited, since = self._first - self._began, now - self._first
        over = new > 1 and since > waited  # what the first case waited for is over for the others, too
        rate = (new - 1) / since if over else new / max(now - self._began, TICK)
        left = rest / rate if rate else math.inf if rest else 0.0
        self._receiver(Progress(self._done, self._failed, self._total, rate, left))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
