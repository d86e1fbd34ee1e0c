"""Labels that a spreadsheet would run as a formula: harmless in the files, themselves in the report."""

import pandas as pd
import pytest

from asm_hybrid.artefacts import write_csv_atomic
from asm_hybrid.manifest import write_manifest
from asm_hybrid.report.run_tables import read_contributions, read_forecasts, read_predictions
from asm_hybrid.training import read_inputs

LABEL = "=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("predictions.csv", read_predictions),
        ("forecasts.csv", read_forecasts),
        ("contributions.csv", read_contributions),
    ],
)
def test_labels_are_found_again(tmp_path, name, read):
    columns = ["block", "variable", "unit", "measured", "horizon", "tank", "kind", "name", "own", "learnt"]
    frame = pd.DataFrame([["test", LABEL, "-", -1.5, 1.0, "@a", "rate", "growth", 1.0, 0.5]], columns=columns)
    frame.insert(0, "time", "2021-06-01T00:00:00+00:00")
    write_csv_atomic(tmp_path / name, frame)
    assert f",{LABEL}," not in (tmp_path / name).read_text(encoding="utf-8")
    table = read(tmp_path)
    assert table["variable"].tolist() == [LABEL]
    assert table["tank"].tolist() == ["@a"]
    assert table["unit"].tolist() == ["-"]


def test_inputs_are_found_again(tmp_path):
    frame = pd.DataFrame({"time": ["2021-06-01T00:00:00+00:00"], "@tank.kla": [120.0], "Q_in": [-0.1]})
    write_csv_atomic(tmp_path / "inputs.csv", frame)
    write_manifest(tmp_path)
    table = read_inputs(tmp_path)
    assert list(table.columns) == ["time", "@tank.kla", "Q_in"]
    assert table["@tank.kla"].tolist() == [120.0]
