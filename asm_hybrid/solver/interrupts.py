"""Ctrl-C within CasADi, which takes the interrupt for a failure of f and says so in its own words."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end what runs within as it ends everything else.

    CasADi asks Python for signals while it integrates, and turns what the handler raises into a RuntimeError, or loses
    it: a caller that tries another method then goes on, as if f had failed.

    Yields
    ------
    None

    Raises
    ------
    KeyboardInterrupt
        When the signal came, whatever was made of it.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    handler, came = before, []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception:
        if came:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
