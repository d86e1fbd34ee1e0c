"""Processes beside this one that end with it, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["end_with_parent", "side_processes"]

_PR_SET_PDEATHSIG = 1
"""Of prctl(2): the signal that the kernel sends to a process when its parent has died."""


@contextmanager
def side_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Hold processes that do independent work; Ctrl-C is for this process alone, which then ends them.

    Parameters
    ----------
    count : int
        How many at most.

    Yields
    ------
    ProcessPoolExecutor
        It is shut down at the end. Where an exception ends it, its processes end at once, whatever they do.
    """
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    with theirs, ours, ProcessPoolExecutor(count, context, _join, (theirs,)) as pool:
        try:
            yield pool
        except BaseException:
            ours.close()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _join(lifeline: Connection) -> None:
    """Begin a process: it ends when the other end of the pipe is closed, by hand or since the other process died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    threading.Thread(target=_wait, args=(lifeline,), daemon=True).start()


def _wait(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    finally:
        os._exit(1)


def end_with_parent() -> None:
    """Have the kernel end this process with its parent, even while a long call holds the interpreter; on Linux."""
    if sys.platform == "linux":
        library: Any = ctypes.CDLL(None)
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
