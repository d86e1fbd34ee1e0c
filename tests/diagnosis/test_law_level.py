"""A law is drawn at the level of the curve beside which it stands."""

import numpy as np
import pytest

from asm_hybrid.diagnosis.explanation import _level


def test_a_law_of_the_same_form_lies_on_the_curve():
    x = np.linspace(0.2, 3.0, 30)
    law = {"x": x.tolist(), "factor": (x / (0.5 + x)).tolist()}
    drawn = {"x": x[::3].tolist(), "factor": (1.4 * x[::3] / (0.5 + x[::3])).tolist(), "density": [1.0] * 10}
    assert _level(law, drawn) == pytest.approx(1.4 * np.asarray(law["factor"]), rel=1e-9)
