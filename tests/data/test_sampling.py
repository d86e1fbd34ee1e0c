"""The usual distance of samples."""

import numpy as np
import pytest

from asm_hybrid.data.sampling import usual_distance

BURSTS = np.concatenate([day + np.arange(4) / 96 for day in np.arange(40) / 8])


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (np.arange(50.0), 1.0),
        (np.append(np.arange(50.0), 500.0), 1.0),  # an outage longer than the rest
        (BURSTS, 1 / 8 - 3 / 96),
        (np.array([2.0]), 0.0),
        (np.array([]), 0.0),
    ],
)
def test_bursts_count_and_outages_do_not(times, expected):
    assert usual_distance(times) == pytest.approx(expected)
