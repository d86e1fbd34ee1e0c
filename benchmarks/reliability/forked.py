"""Processes that have imported all there is to import, so that a short run takes little more than its own time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable
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
    killed : bool
        Whether it was killed from here.
    value : object
        What its function returned.
    refused : str
        The message of the program, where it gave one.
    fault : str
        Any other exception or end.
    seconds : float
        Processor time that it had used, as far as that was seen [s].
    """

    killed: bool
    value: Any = None
    refused: str = ""
    fault: str = ""
    seconds: float = 0.0


def run_forked(function: Callable[..., Any], *args: Any, instant: float | None = None, wait: float = 0.0) -> Ended:
    """Call a function in a process of its own, and kill that where an instant is given.

    Parameters
    ----------
    function : callable
        In a module that can be imported.
    args
        What it takes.
    instant : float, optional
        Processor time of the process after which it gets SIGKILL [s].
    wait : float, optional
        How much later, by the clock [s]: a process that waits for the disk uses no processor time.

    Returns
    -------
    Ended
    """
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_call, args=(theirs, function, args))
    process.start()
    theirs.close()
    assert process.pid is not None
    seconds, killed = _watch(process.pid, ours, instant, wait)
    try:
        value, refused, fault = ours.recv()
    except (EOFError, ConnectionResetError):
        value, refused, fault = None, "", ""
    ours.close()
    process.join()
    code = process.exitcode
    process.close()
    if killed and code == -signal.SIGKILL:
        return Ended(True, seconds=seconds)
    if code != 0 and not fault:
        fault = f"the process ended with {code}"
    return Ended(False, value, refused, fault, seconds)


def _watch(pid: int, pipe: Connection, instant: float | None, wait: float) -> tuple[float, bool]:
    """Wait until a process has answered or ended, and kill it at an instant; return its time, and whether it was."""
    clock, seconds, began = (~pid << 3) | 2, 0.0, time.monotonic()  # the processor time of another process, by Linux
    while not pipe.poll(0.1 if instant is None else max(0.0005, min(0.1, (instant - seconds) / 2))):
        try:
            seconds = time.clock_gettime(clock)
        except OSError:
            return seconds, False
        if (instant is not None and seconds >= instant) or time.monotonic() - began > LONGEST:
            time.sleep(wait)
            os.kill(pid, signal.SIGKILL)
            return seconds, instant is not None and seconds >= instant
    return seconds, False


def _call(pipe: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    value, refused, fault = None, "", ""
    try:
        value = function(*args)
    except AsmHybridError as error:
        refused = str(error)
    except BaseException:
        fault = traceback.format_exc(limit=-8)
    pipe.send((value, refused, fault))
