"""Processes that have imported all there is to import, so that a short run takes little more than its own time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from asm_hybrid.errors import AsmHybridError

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "asm_hybrid.workflow",
        "asm_hybrid.training.run",
        "asm_hybrid.report.run_page",
        "asm_hybrid.scenario.plants",
        "torch._dynamo",
        "matplotlib.backends.backend_svg",
    ]
)
LONGEST = 1200
"""Wall time after which a process counts as one that hangs [s]; many of them share a machine."""


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    struck : bool
        Whether it was killed, or got another signal, from here.
    value : object
        What its function returned.
    refused : str
        The message of the program, where it gave one.
    fault : str
        Any other exception or end.
    code : int
        Exit code; the negative number of the signal that ended it.
    seconds, after : float
        Processor time that it had used, as far as that was seen, and how long it lived after the signal [s].
    """

    struck: bool
    value: Any = None
    refused: str = ""
    fault: str = ""
    code: int = 0
    seconds: float = 0.0
    after: float = 0.0

    @property
    def killed(self) -> bool:
        """Whether it was killed from here."""
        return self.struck and self.code == -signal.SIGKILL


def kill(pid: int) -> None:
    """Kill a process as a power cut would; one that has ended is left alone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def run_forked(
    function: Callable[..., Any], *args: Any, instant: float | None = None, strike: Callable[[int], None] = kill
) -> Ended:
    """Call a function in a process of its own, and kill that where an instant is given.

    Parameters
    ----------
    function : callable
        In a module that can be imported.
    args
        What it takes.
    instant : float, optional
        Processor time of the process after which it is struck [s].
    strike : callable, optional
        Is called with its number then.

    Returns
    -------
    Ended
    """
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_call, args=(theirs, function, args))
    process.start()
    theirs.close()
    assert process.pid is not None
    seconds, at = _watch(process.pid, ours, instant, strike)
    try:
        value, refused, fault = ours.recv()
    except (EOFError, ConnectionResetError):
        value, refused, fault = None, "", ""
    ours.close()
    process.join()
    after, code = time.monotonic() - at if at is not None else 0.0, process.exitcode
    process.close()
    assert code is not None
    if code != 0 and at is None:
        fault = fault or f"the process ended with {code}"
    return Ended(at is not None, value, refused, fault, code, seconds, after)


def _watch(
    pid: int, pipe: Connection, instant: float | None, strike: Callable[[int], None]
) -> tuple[float, float | None]:
    """Wait until a process has answered or ended, and strike it at an instant; return its time, and when it was."""
    clock, seconds, began, at = (~pid << 3) | 2, 0.0, time.monotonic(), None  # Linux: the clock of another process
    while not pipe.poll(0.1 if instant is None or at else max(0.0005, min(0.1, (instant - seconds) / 2))):
        try:
            seconds = time.clock_gettime(clock)
        except OSError:
            break
        if instant is not None and at is None and seconds >= instant:
            at = time.monotonic()
            strike(pid)
        if time.monotonic() - began > LONGEST:
            kill(pid)
            break
    return seconds, at


def _call(pipe: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    value, refused, fault = None, "", ""
    try:
        value = function(*args)
    except AsmHybridError as error:
        refused = str(error)
    except BaseException:
        fault = traceback.format_exc(limit=-8)
    pipe.send((value, refused, fault))
