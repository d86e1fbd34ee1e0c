"""When the record of a run leaves what its n was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors

from asm_hybrid.errors import readable
from asm_hybrid.manifest import verified_files
from asm_hybrid.training.recorded_run import read_record
from asm_hybrid.training.trained_range import course_departures, departure_text

__all__ = ["RecordDepartures", "record_departures"]

STATES = "states.safetensors"
Span = tuple[pd.Timestamp, pd.Timestamp]


@dataclass(frozen=True)
class RecordDepartures:
    """Begin and end of every stretch of the record, UTC.

    Attributes
    ----------
    outside : tuple of (Timestamp, Timestamp)
        In which an input lies outside of what the training block saw.
    faded : tuple of (Timestamp, Timestamp)
        In which n fades, since what it reads lies far outside of that.
    texts : tuple of str
        What leaves its range, and how far, an input or a quantity that n reads each.
    """

    outside: tuple[Span, ...] = ()
    faded: tuple[Span, ...] = ()
    texts: tuple[str, ...] = ()


def record_departures(folder: Path) -> RecordDepartures:
    """Return when the record of a run leaves what its n was trained on.

    Parameters
    ----------
    folder : Path
        The run folder.

    Returns
    -------
    RecordDepartures
        Nothing for a run without n, and no fading where the folder has no course of states.

    Raises
    ------
    InputError
        When a file is missing or is not the one that was written.
    """
    record = read_record(folder)
    model = record.model
    if not record.own.learns:
        return RecordDepartures()
    left, outside = record.input_departures(record.inputs)
    every = np.arange(len(outside))
    found = _spans(record.first, record.interval, every, outside)
    if model.term is None or not verified_files(folder, [STATES]):
        return RecordDepartures(found, (), tuple(departure_text(d) for d in left))
    with readable("the states cannot be read", where=str(folder / STATES), expected="the file as asm-hybrid writes it"):
        stored = load_tensors((folder / STATES).read_bytes())
        states, knots = stored["X"], stored["knot"]
    inputs = torch.as_tensor(record.inputs)[knots]
    hours = 24.0 * record.interval * _step(knots.numpy())
    read, faded = course_departures(model, model.term.member(model.best), states, inputs, hours)
    texts = tuple(departure_text(d) for d in (*left, *read))
    return RecordDepartures(found, _spans(record.first, record.interval, knots.numpy(), faded), texts)


def _step(knots: np.ndarray) -> int:
    return int(knots[1] - knots[0]) if len(knots) > 1 else 1


def _spans(first: pd.Timestamp, interval: float, knots: np.ndarray, chosen: np.ndarray) -> tuple[Span, ...]:
    """Return the stretches in which something is so; each lasts to the knot after its last."""
    padded = np.concatenate([[False], chosen, [False]]).astype(int)
    begins, ends = np.flatnonzero(np.diff(padded) == 1), np.flatnonzero(np.diff(padded) == -1)
    stamps = [first + pd.Timedelta(days=float(k) * interval) for k in (*knots, knots[-1] + _step(knots))]
    return tuple((stamps[a].round("s"), stamps[b].round("s")) for a, b in zip(begins, ends, strict=True))
