from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import Config, build_layout, load_config, load_kinetics
from asm_hybrid.data import Dataset, read_dataset
from asm_hybrid.data.check_text import CheckReport, check_data

TEXT = """\
name: case
model: {kinetics: asm1}
plant:
  temperature: 15
  tanks: {anoxic: {volume: 1000},
          aerobic: {volume: 1500}}
  settler: {type: none}
  influent:
    to: anoxic
    composition: {S_I: 30, S_S: 70, X_I: 50, X_S: 200, X_BH: 28, X_BA: 0, X_P: 0, S_O: 0,
      S_NO: 0, S_ND: 7, X_ND: 10, S_ALK: 7, S_N2: 0}
data:
  interval: 30 min
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/h}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.3}
  blocks: {train: [0.0, 0.5], validate: [0.55, 0.7], test: [0.75, 1.0]}
training: {warmup: 6 h}
"""

HOURS = 96
"""Hourly rows from 2021-06-01 00:00; the row of hour k is row k + 2 of the file."""


class Record:
    """A config and its series in a folder of their own, of which a test changes pieces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = TEXT
        self.file = folder / "plant.csv"
        hours = np.arange(HOURS)
        times = pd.Timestamp("2021-06-01") + pd.to_timedelta(hours, unit="h")
        self.frame = pd.DataFrame(
            {
                "time": times.strftime("%Y-%m-%d %H:%M"),
                "flow": 400 + hours,
                "NH4_in": 30 + np.sin(hours),
                "DO": 1 + 0.5 * np.cos(hours),
                "NH4": 3 + np.sin(hours / 5),
            }
        )

    def replace(self, old: str, new: str) -> "Record":
        assert self.text.count(old) == 1, old
        self.text = self.text.replace(old, new)
        return self

    def set(self, column: str, rows: int | list[int] | slice, value: object) -> "Record":
        """Write a value into rows of the file, counted as a spreadsheet does."""
        cells = self.frame[column].astype(object)
        index = [rows] if isinstance(rows, int) else list(range(HOURS + 2))[rows] if isinstance(rows, slice) else rows
        cells.iloc[[i - 2 for i in index]] = value
        self.frame[column] = cells
        return self

    def write(self) -> Path:
        path = self.folder / "case.yaml"
        path.write_text(self.text, encoding="utf-8")
        if not self.file.exists():
            self.frame.to_csv(self.file, index=False)
        return path

    def config(self) -> Config:
        return load_config(self.write())

    def read(self) -> Dataset:
        config = self.config()
        table = load_kinetics(config)
        return read_dataset(config, table, build_layout(config, table))

    def check(self) -> CheckReport:
        config = self.config()
        table = load_kinetics(config)
        return check_data(config, table, build_layout(config, table), "case.yaml")

    def line(self, fragment: str) -> int:
        """Return the line of the config on which a fragment stands."""
        return self.text[: self.text.index(fragment)].count("\n") + 1


@pytest.fixture
def record(tmp_path):
    return Record(tmp_path)
