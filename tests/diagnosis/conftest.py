"""A run that the tests of the diagnosis share."""

import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid.diagnosis import diagnose
from asm_hybrid.training import train


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Return a finished run in which n is there and has learnt nothing, for tests to overwrite in a copy."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("diagnosis")
    text = CONFIG.replace("iterations: 4", "iterations: 0").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    text = text.replace("network: {", "network: {type: mlp, ")  # free of the signs of f, for tests to turn them round
    folder = train(write_case(base, text), base / "run").folder
    diagnose(folder)
    return folder
