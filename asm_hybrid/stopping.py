"""Signals that ask a program to end, all taken as Ctrl-C."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["STOPS", "stopped_by_signals"]

STOPS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, a scheduler or a system that shuts down, a terminal that is closed."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let each of `STOPS` raise KeyboardInterrupt within, but for those that this process was told to ignore.

    With a terminal that is closed, what would be shown on it goes nowhere: a command can still keep what it has done.

    Yields
    ------
    None
    """
    alone = threading.current_thread() is threading.main_thread()
    taken = [number for number in STOPS if alone and signal.getsignal(number) is signal.SIG_DFL]
    shown = [stream for stream in (1, 2) if os.isatty(stream)]

    def stop(number: int, frame: FrameType | None) -> None:
        _show_nowhere([stream for stream in shown if not os.isatty(stream)])
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    except OSError as error:
        if error.errno == errno.EIO and not all(map(os.isatty, shown)):  # the signal came while something was shown
            _show_nowhere(shown)
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _show_nowhere(streams: list[int]) -> None:
    if streams:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in streams:
            os.dup2(nowhere, stream)
        os.close(nowhere)
