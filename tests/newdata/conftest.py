"""One small run for all tests of new data, whose blocks end between knots and whose sensors miss nothing."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from newdata_case import Case
from small_plant import BEYOND, CONFIG, write_case

from asm_hybrid.training import discard_checkpoints, train

BLOCKS = "train: [0.0, 0.551], validate: [0.601, 0.751], test: [0.801, 1.0]"


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Train once."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("newdata")
    text = CONFIG.replace("train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]", BLOCKS)
    config = write_case(base, text, truth=BEYOND, missing=0.0)
    folder = train(config, base / "run").folder
    discard_checkpoints(folder)
    return Case(folder, pd.read_csv(base / "plant.csv", parse_dates=["time"]))
