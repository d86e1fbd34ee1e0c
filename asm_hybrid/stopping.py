"""Signals that ask a program to end, all taken as Ctrl-C."""

from __future__ import annotations

import errno
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["STOPS", "stopped_by_signals"]

STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, a scheduler or a system that shuts down, a terminal that is closed."""
PATIENCE = 3.0
"""Time after a signal in which further ones are taken for the same wish [s]."""
AGAIN = 0.05
"""Time after which a signal is sent once more that came while Python could raise nothing, as in a destructor [s]."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let each of `STOPS` raise KeyboardInterrupt within, but for those that this process was told to ignore.

    A second one within `PATIENCE` raises nothing: what the first has ended is being cleaned up, and would be left
    behind. With a terminal that is closed, what would be shown on it goes nowhere: a command can still keep what it has
    done.

    Yields
    ------
    None
    """
    alone = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in STOPS}
    taken = [n for n in STOPS if alone and before[n] in (signal.SIG_DFL, signal.default_int_handler)]
    shown = [stream for stream in (1, 2) if os.isatty(stream)]
    last, came = -math.inf, signal.SIGINT.value

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last, came
        _show_nowhere([stream for stream in shown if not os.isatty(stream)])
        now = time.monotonic()
        if now - last < PATIENCE:
            return
        last, came = now, number
        raise KeyboardInterrupt

    def not_lost(what: sys.UnraisableHookArgs) -> None:
        nonlocal last
        if not issubclass(what.exc_type, KeyboardInterrupt):
            usual(what)
            return
        last = -math.inf
        threading.Timer(AGAIN, os.kill, [os.getpid(), came]).start()

    usual = sys.unraisablehook
    if taken:
        sys.unraisablehook = not_lost
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    except Exception as error:
        gone = isinstance(error, OSError) and error.errno == errno.EIO and not all(map(os.isatty, shown))
        if gone:  # the signal came while something was shown
            _show_nowhere(shown)
        if gone or last > -math.inf:  # a library in C makes a failure of its own of what a signal raises
            raise KeyboardInterrupt from None
        raise
    finally:
        sys.unraisablehook = usual
        for number in taken:
            signal.signal(number, before[number])


def _show_nowhere(streams: list[int]) -> None:
    if streams:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in streams:
            os.dup2(nowhere, stream)
        os.close(nowhere)
