"""What a law is measured by in a run without n: the errors of the winning explanation on the validation block."""

from __future__ import annotations

from types import SimpleNamespace as Made

import numpy as np
import pytest

from asm_hybrid.diagnosis.explanation import _validated


def test_a_law_is_measured_by_the_errors_of_the_winner_on_the_validation_block():
    record = Made(
        times=np.array([1.0, 5.0, 6.0, 5.5]),
        columns=np.array([0, 0, 0, 1]),
        blocks={"validate": (4.0, 7.0)},
        observations=[Made(label="NH4"), Made(label="NO3"), Made(label="TSS")],
    )
    fitted = Made(near=Made(errors=np.array([9.0, 1.0, 2.0, 3.0])))
    explained = Made(competition=Made(arena=Made(record=record)), first=Made(fitted=fitted))
    assert _validated(explained) == pytest.approx({"NH4": 2.5, "NO3": 9.0})
    assert _validated(Made(competition=Made(arena=Made(record=record)), first=None)) is None
