"""A toy export format."""

from __future__ import annotations

from test_bundle import PARAMETERS, SUMMARY

from asm_hybrid.artefacts import write_json_atomic, write_manifest
from asm_hybrid.export import export_run


def test_scores(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    write_json_atomic(run / "parameters.json", PARAMETERS)
    write_json_atomic(run / "summary.json", SUMMARY)
    write_manifest(run)
    text = export_run(run, "scores").read_text(encoding="utf-8")
    assert text.startswith("block,variable,model,rmse\ntest,")
