"""A run whose blocks end between knots, and its record, from which tests of new data are cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

TEST_FROM = pd.Timestamp("2024-03-08 00:30")
"""The first row of the test block."""


@dataclass(frozen=True)
class Case:
    """A run and its record."""

    run: Path
    rows: pd.DataFrame

    def write(self, path: Path, rows: pd.DataFrame) -> Path:
        """Write rows as the plant would; times as the record has them."""
        times = pd.to_datetime(rows["time"]).dt.strftime("%Y-%m-%d %H:%M")
        rows.assign(time=times).to_csv(path, index=False, float_format="%.6g")
        return path

    def later(self, days: float, begin: str = "2024-03-09 00:30") -> pd.DataFrame:
        """Return rows after the record, which repeat its first days."""
        count = round(48 * days)
        rows = self.rows.iloc[:count].reset_index(drop=True)
        return rows.assign(time=pd.date_range(begin, periods=count, freq="30min"))
