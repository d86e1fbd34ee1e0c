from pathlib import Path

import pytest

from asm_hybrid.config import Config, load_config

TEXT = """\
name: case
model:
  kinetics: asm1
  calibrate: [mu_A]
plant:
  temperature: 15 degC
  tanks:
    anoxic: {volume: 1000 m3}
    aerobic: {volume: 1500}
  influent:
    to: anoxic
    composition: {S_I: 30, S_S: 70, X_I: 50, X_S: 200, X_BH: 28, X_BA: 0, X_P: 0, S_O: 0,
      S_NO: 0, S_ND: 7, X_ND: 10, S_ALK: 7, S_N2: 0}
  recycles:
    internal: {from: aerobic, to: anoxic, flow: 100 m3/h}
  return_sludge: {to: anoxic, flow: 2000}
  wastage: {flow: 50}
data:
  interval: 1 h
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/h}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.3}
network:
  hidden: [8]
training:
  warmup: 6 h
"""


class Case:
    """A config file in a folder of its own, of which a test changes pieces."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "case.yaml"
        self.text = TEXT

    def replace(self, old: str, new: str) -> "Case":
        assert self.text.count(old) == 1, old
        self.text = self.text.replace(old, new)
        return self

    def load(self) -> Config:
        self.path.write_text(self.text, encoding="utf-8")
        return load_config(self.path)

    def line(self, fragment: str) -> int:
        """Return the line on which a fragment stands."""
        return self.text[: self.text.index(fragment)].count("\n") + 1


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)
