"""A toy baseline."""

from __future__ import annotations

import json

import pandas as pd
from small_plant import CONFIG, write_case

from asm_hybrid.workflow import run_training


def test_it_stands_in_files_and_report(tmp_path):
    text = CONFIG.replace("mode: hybrid", "mode: mechanistic")
    run_training(write_case(tmp_path, text), tmp_path / "run")
    predictions = pd.read_csv(tmp_path / "run" / "predictions.csv")
    seen = predictions[(predictions.variable == "NH4") & (predictions.block == "train")]
    assert abs(seen.yesterday.iloc[0] - seen.measured.median()) < 1e-6
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["scores"]["test"]["NH4"]["yesterday"]["rmse"] > 0
    assert "yesterday" in json.dumps(summary["forecast"])
    assert "Day before" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
