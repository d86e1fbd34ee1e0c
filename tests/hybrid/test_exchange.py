"""A toy placement."""

from __future__ import annotations

import json

from small_plant import CONFIG, write_case

from asm_hybrid.workflow import run_training


def test_it_trains_and_conserves_mass(tmp_path):
    text = CONFIG.replace("inputs: [S_NH, S_O]", "placement: exchange, exchanged: [S_NO], inputs: [S_NH, S_O]")
    run_training(write_case(tmp_path, text), tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["placements"] == ["exchange"]
    assert "exchange" in (tmp_path / "run" / "contributions.csv").read_text(encoding="utf-8")
