"""Flows of a record that cannot be: water that runs backwards, solids without a way out; with times and columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.data.series import Source
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant
from asm_hybrid.plant.backflow import flow_problems
from asm_hybrid.plant.layout import Layout

__all__ = ["backflow_findings"]

SHOWN = 3
"""Spans of time that a finding names."""


def backflow_findings(
    table: Table, layout: Layout, sources: list[Source], times: pd.DatetimeIndex, inputs: NDArray[np.float64]
) -> list[QualityFinding]:
    """Return what the flows of a record cannot do.

    Parameters
    ----------
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    sources : list of Source
        The series, whose columns are named.
    times : DatetimeIndex, (knot,)
        The knots, in the zone in which they are named.
    inputs : float array, (knot, input)
        Inputs at the knots, in internal units.

    Returns
    -------
    list of QualityFinding
        An error where water runs backwards in more than 1 % of the time, for an hour or more at a stretch, else a
        warning.
    """
    found = []
    lengths = np.full(len(times), (times[-1] - times[0]) / pd.Timedelta(days=1) / (len(times) - 1))
    for problem in flow_problems(Plant(table, layout), inputs, lengths):
        columns = [(source, s.header) for source in sources for s in source.series if s.target in problem.inputs]
        if not columns:
            columns = [(source, s.header) for source in sources for s in source.series if s.target == "Q_in"]
        files = dict.fromkeys(source.table.label for source, _ in columns)
        found.append(
            QualityFinding(
                "error" if problem.lasting else "warning",
                ", ".join(files) or "plant",
                ", ".join(header for _, header in columns),
                "",
                "backward flow",
                f"{problem.error.found}, in {100 * problem.share:.3g} % of the time: {_spans(times, problem.when)}",
                problem.error.expected or "",
                f"{problem.error.fix}: check units and times of these columns; spread what is drawn over the day"
                if problem.impossible and problem.error.fix
                else problem.error.fix or "",
            )
        )
    return found


def _spans(times: pd.DatetimeIndex, when: NDArray[np.bool_]) -> str:
    """Return the first spans of time, such as ``2021-06-01 03:00 to 05:00 UTC and 7 times more``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], when, [False]]).astype(int)))
    spans = [
        f"{times[i]:%Y-%m-%d %H:%M} to {times[j]:{'%H:%M' if times[j].date() == times[i].date() else '%Y-%m-%d %H:%M'}}"
        for i, j in zip(edges[::2], edges[1::2] - 1, strict=True)
    ]
    more = f" and {len(spans) - SHOWN} times more" if len(spans) > SHOWN else ""
    return ", ".join(spans[:SHOWN]) + f" {times.tz}{more}"
