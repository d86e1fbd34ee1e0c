"""Ticks of the time axis of figures of cases."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from asm_hybrid.report.case_style import TimeAxis


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("days", [0.05, 0.1, 0.5, 1.9, 2.1, 2.5, 2.9, 3.1, 14.0, 55.0, 87.0, 364.0, 900.0, 1400.0])
def test_every_span_has_ticks_that_tell_the_time(days: float, short: bool) -> None:
    """A span for which no step is found would be a warning, and so an error here."""
    axis = TimeAxis(pd.Timestamp("2024-03-07 05:00", tz="UTC"), "Europe/Amsterdam")
    with mpl.rc_context():
        panel = Figure().subplots()
        panel.set_xlim(axis.at(0.0), axis.at(days))
        label = axis.dress([panel], short=short)
    ticks = panel.get_xticks()
    assert label.startswith("time (Europe/Amsterdam)")
    assert 1 <= len(ticks) <= 10
    assert all(axis.at(0.0) <= tick <= axis.at(days) for tick in ticks)
