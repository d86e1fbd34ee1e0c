"""The registry of compared models: a baseline is one file, and stands everywhere once it is there."""

import io
import shutil
import sys
from typing import get_args
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import torch
from rich.console import Console
from small_plant import CONFIG, write_case

from asm_hybrid import terminal
from asm_hybrid.config.schema.model_sections import ModelSection
from asm_hybrid.report.compare import compare_runs
from asm_hybrid.report.figures import block_figure
from asm_hybrid.report.run_tables import read_predictions
from asm_hybrid.training import compared
from asm_hybrid.training.compared import compared_models, own_model
from asm_hybrid.workflow import run_training

LAST_DAY = '''
import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, OpenLoop


class LastDay(ComparedModel):
    """The mean of the last day of the training block."""

    name, order = "last_day", 15
    title, phrase = "Mean of the last day", "mean of the last day"
    colour = "#123456"

    def simulate(self, record):
        end = record.blocks["train"][1]
        values = [o.values[(o.times > end - 1.0) & (o.times <= end)].mean() for o in record.observations]
        return OpenLoop(tuple(np.full((1, len(o.times)), v) for o, v in zip(record.observations, values, strict=True)))


MODEL = LastDay()
'''


@pytest.fixture
def with_another(tmp_path, monkeypatch):
    """Put one more file beside those of the registry."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "last_day.py").write_text(LAST_DAY, encoding="utf-8")
    monkeypatch.setattr(compared, "__path__", [*compared.__path__, str(folder)])
    compared_models.cache_clear()
    yield
    compared_models.cache_clear()
    sys.modules.pop(f"{compared.__name__}.last_day", None)


def test_models_are_told_apart_and_every_mode_has_one_of_its_own():
    models = compared_models().values()
    assert len({model.order for model in models}) == len(models)
    assert len({model.title for model in models}) == len(models)
    modes = get_args(ModelSection.model_fields["mode"].annotation)
    assert {own_model(mode).mode for mode in modes} == set(modes)
    assert {model.mode for model in models} - {None} == set(modes)


def test_a_baseline_is_one_file_and_stands_in_every_table(with_another, tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr("asm_hybrid.training.improvement.FEWEST", 1)
    text = CONFIG.replace("iterations: 4", "iterations: 1").replace("evaluations: 3", "evaluations: 1")
    run = tmp_path / "run"
    summary = run_training(write_case(tmp_path, text), run).summary
    table = pd.read_csv(run / "predictions.csv")
    assert list(table)[6:9] == ["mean", "last_day", "diurnal"]
    end = pd.Timestamp(summary["blocks"]["train"][1])
    for label, rows in table.groupby("variable"):
        (value,) = set(rows["last_day"])
        times = pd.to_datetime(rows["time"])
        late = (times > end - pd.Timedelta(days=1)) & (times <= end)
        assert value == pytest.approx(rows["measured"][late].mean(), rel=1e-5)
        assert "last_day" in summary["scores"]["test"][label]
        assert "last_day" in summary["improvement"][label]["hybrid"]
    assert "Mean of the last day" in (run / "report.html").read_text(encoding="utf-8")
    part = read_predictions(run).query("variable == 'NH4' and block == 'test'")
    drawn = block_figure(part, "NH4", "g N/m3", ["last_day", "hybrid"], ZoneInfo("UTC"), "x")
    assert "#123456" in drawn
    stream = io.StringIO()
    monkeypatch.setattr(terminal, "_console", lambda: Console(file=stream, width=120, highlight=False))
    terminal.print_scores(summary)
    assert "Mean of the last day" in stream.getvalue()
    shutil.copytree(run, tmp_path / "again")
    found = compare_runs([run, tmp_path / "again"])
    assert list(found["model"])[:3] == ["mean", "last_day", "diurnal"]
