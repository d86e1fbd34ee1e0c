"""How often the rule of `asm-hybrid predict` says that a model no longer holds, on errors that persist.

Errors have a daily course, a size that changes from day to day, and correlate over a time; those on the new data are
larger by a factor. The last line is JSON: share of alarms by correlation time, days and factor.

    python benchmarks/new_data_alarm.py
"""

from __future__ import annotations

import json
from datetime import UTC

import numpy as np
import pandas as pd

from asm_hybrid.newdata.judgement import judge

PER_DAY = 12
CASES = 150


def errors(rng: np.random.Generator, days: int, persistence: float, size: float) -> np.ndarray:
    """Return errors; persistence in days."""
    count, keep = days * PER_DAY, np.exp(-1 / PER_DAY / persistence)
    slow, out = rng.normal(), np.empty(count)
    for i, step in enumerate(rng.normal(size=count) * np.sqrt(1 - keep**2)):
        slow = keep * slow + step
        out[i] = slow
    day_sizes = np.repeat(np.exp(0.4 * rng.normal(size=days)), PER_DAY)
    return size * day_sizes * (out + 0.5 * np.sin(2 * np.pi * np.arange(count) / PER_DAY))


def stamped(begin: str, values: np.ndarray) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Return times and errors."""
    return pd.date_range(begin, periods=len(values), freq="2h", tz="UTC"), values


def main() -> None:
    """Print a table, and JSON."""
    rng, found = np.random.default_rng(3), {}
    for persistence in (0.2, 1.0, 3.0):
        for known, new in ((7, 14), (17, 30), (30, 30), (34, 90)):
            for size in (1.0, 1.3, 2.0, 3.0):
                alarms = 0
                for _ in range(CASES):
                    before = stamped("2021-01-01", errors(rng, known, persistence, 1.0))
                    later = stamped("2021-06-01", errors(rng, new, persistence, size))
                    alarms += judge(later, before, 0.1, UTC).kind == "broken"
                key = f"{persistence:g} d, {known} validation days, {new} new days, {size:g} times"
                found[key] = alarms / CASES
                print(f"{key}: {100 * alarms / CASES:.0f} %", flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
