"""Cheap cases for tests of pools, in a module that other processes can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Evaluate, Outcome, Value


def cheap_cases(count: int) -> list[dict[str, Value]]:
    """Return cases that all go well."""
    rng = np.random.default_rng(1)
    return [{"x": float(x), "do": "well"} for x in rng.normal(size=count)]


def open_cheap(folder: Path | None = None) -> Evaluate:
    """Return what evaluates cases; where a folder is given, a file in it tells how often this was called."""
    if folder is not None:
        (folder / f"opened-{os.getpid()}-{time.monotonic_ns()}").touch()

    def evaluate(number: int, case: Mapping[str, Value]) -> Outcome:
        if case["do"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if case["do"] == "refuse":
            raise InputError("no such tank", where="plant.yaml", fix="write another")
        if case["do"] == "fail":
            raise ZeroDivisionError
        if case["do"] == "wait":
            time.sleep(0.2)
        x = float(case["x"])
        rng = np.random.default_rng(number)
        series = np.cumsum(rng.normal(size=50)) * x
        with np.errstate(invalid="ignore"):  # NaN with its sign is a number like others
            root = float(np.sqrt(np.float64(x)))
        return Outcome(number, {"mean": float(series.mean()), "root": root}, {"walk": series})

    return evaluate


def open_nothing() -> Evaluate:
    """Refuse to evaluate anything."""
    raise InputError("the plant cannot be read", where="plant.yaml", fix="write another")


def open_broken() -> Evaluate:
    """Fail as a fault of the program would."""
    raise LookupError("lost")


def bits(outcomes: list[Outcome]) -> list[tuple[object, ...]]:
    """Return what outcomes are to the bit, the time they took apart."""
    return [
        (
            o.case,
            {name: np.float64(value).tobytes() for name, value in o.figures.items()},
            {name: values.tobytes() for name, values in o.series.items()},
            o.notes,
            o.error,
        )
        for o in outcomes
    ]
