"""One case, evaluated so that whatever fails in it is told and stops nothing else."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from asm_hybrid.artefacts import WritingError
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.parallel.outcome import Outcome, Value
from asm_hybrid.parallel.pool import Evaluate
from asm_hybrid.parallel.rows import encode

__all__ = ["Evaluated", "evaluated", "not_evaluated"]

_PACKAGE = Path(__file__).parents[1]


class Evaluated(NamedTuple):
    """What became of a case.

    Attributes
    ----------
    case : int
        Its number.
    row : bytes
        Its outcome, see `encode`.
    lasting : bool
        Whether it would be the same another time. A case that failed for want of memory or room, or whose process was
        killed, is tried again when the study goes on.
    """

    case: int
    row: bytes
    lasting: bool


def evaluated(evaluate: Evaluate, number: int, case: Mapping[str, Value]) -> Evaluated:
    """Evaluate a case; what fails is part of its outcome.

    Parameters
    ----------
    evaluate : callable
        Gives the outcome.
    number : int
        The number of the case.
    case : mapping of str to float or str
        The values of its factors.

    Returns
    -------
    Evaluated
    """
    began = time.thread_time()
    lasting = True
    try:
        outcome = replace(evaluate(number, case), case=number)
        row = encode(replace(outcome, seconds=time.thread_time() - began))
    except (WritingError, OSError, MemoryError) as error:
        said = str(error) if isinstance(error, WritingError) else _fault(error, "the machine failed")
        return not_evaluated(number, said, time.thread_time() - began)
    except AsmHybridError as error:
        row = encode(Outcome(number, error=str(error), seconds=time.thread_time() - began))
    except Exception as error:
        said = _fault(error, "a fault of asm-hybrid, not of your input")
        row = encode(Outcome(number, error=said, seconds=time.thread_time() - began))
    return Evaluated(number, row, lasting)


def not_evaluated(number: int, reason: str, seconds: float = 0.0) -> Evaluated:
    """Return what became of a case that might go well another time.

    Parameters
    ----------
    number : int
        The number of the case.
    reason : str
        Why it has no outcome.
    seconds : float
        Time of the processor that it took [s].

    Returns
    -------
    Evaluated
    """
    return Evaluated(number, encode(Outcome(number, error=reason, seconds=seconds)), lasting=False)


def _fault(error: BaseException, what: str) -> str:
    """Say what was raised, and where in the program."""
    words = " ".join(str(error).split())
    text = f"{what}: {type(error).__name__}" + (f": {words}" if words else "")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    if not frames:
        return text
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    last = (own or frames)[-1]
    path = Path(last.filename)
    place = path.relative_to(_PACKAGE.parent).as_posix() if path.is_relative_to(_PACKAGE) else path.name
    return f"{text} ({place}, line {last.lineno})"
