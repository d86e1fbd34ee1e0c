"""An outcome as bytes and back, every number to the bit, without anything that could run as code."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping

import numpy as np

from asm_hybrid.parallel.outcome import Outcome, Value

__all__ = ["case_digest", "decode", "encode"]


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as one line of ASCII without its end.

    Parameters
    ----------
    outcome : Outcome
        What a case gave. Its number stands elsewhere.

    Returns
    -------
    bytes
        JSON. A figure stands as the 16 hexadecimal digits of its bits, a series as Base64 of those of its values, so
        that signs of zeros and of NaN are kept, too.
    """
    content = {
        "figures": {name: _bits(value) for name, value in outcome.figures.items()},
        "series": {name: _packed(values) for name, values in outcome.series.items()},
        "notes": list(outcome.notes),
        "error": outcome.error,
        "seconds": _bits(outcome.seconds),
    }
    return json.dumps(content, separators=(",", ":")).encode("ascii")


def decode(case: int, row: bytes) -> Outcome:
    """Return the outcome that `encode` wrote.

    Parameters
    ----------
    case : int
        Its number.
    row : bytes
        What `encode` gave.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        When it is none of `encode`.
    """
    content = json.loads(row)
    return Outcome(
        case,
        {name: _number(digits) for name, digits in content["figures"].items()},
        {name: _unpacked(text) for name, text in content["series"].items()},
        tuple(content["notes"]),
        content["error"],
        _number(content["seconds"]),
    )


def case_digest(case: Mapping[str, Value]) -> str:
    """Return what tells a case from others by the values of its factors.

    Parameters
    ----------
    case : mapping of str to float or str
        Values by the names of factors, in any order.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    content = sorted((name, value if isinstance(value, str) else [_bits(value)]) for name, value in case.items())
    return hashlib.sha256(json.dumps(content).encode("ascii")).hexdigest()[:16]


def _bits(value: float) -> str:
    return struct.pack(">d", value).hex()


def _number(digits: str) -> float:
    number: float = struct.unpack(">d", bytes.fromhex(digits))[0]
    return number


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8").astype(np.float64)
