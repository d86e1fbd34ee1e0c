"""Ctrl-C within CasADi, which takes the interrupt for a failure of f and says so in its own words.

The command line takes other signals that ask for an end as Ctrl-C.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from asm_hybrid.stopping import STOPS

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
    before = {number: signal.getsignal(number) for number in STOPS}
    own = {number: handler for number, handler in before.items() if callable(handler)}
    if threading.current_thread() is not threading.main_thread() or not own:
        yield
        return
    came = []

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        own[number](number, frame)

    for number in own:
        signal.signal(number, note)
    try:
        yield
    except Exception:
        if came:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in own.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt
