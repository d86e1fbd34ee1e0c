"""Two series of one water that contradict each other: a sensor and the laboratory, tank and effluent.

What is dissolved passes the settler, so that a sensor at the end of the last tank and a laboratory at the effluent
measure one and the same. Where they differ by far, no model can follow both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from asm_hybrid.data import Observation, QualityFinding
from asm_hybrid.scenario.operation import Operation

__all__ = ["same_water_findings"]

APART = 1.5
"""Ratio of two means up to which nothing is said [-]."""
SURE = 3.0
"""Standard errors of the mean difference that it has to exceed."""
PAIRS = 5
"""Pairs at least."""
AROUND = 0.5
"""Time around a sample of a moment in which the other series is averaged [d]: laboratories often give a date alone."""


def same_water_findings(
    operation: Operation, observations: Sequence[Observation], file: str
) -> Iterator[QualityFinding]:
    """Yield pairs of series that measure one water and differ.

    Parameters
    ----------
    operation : Operation
        The mean operating point; of a tank and the effluent f says whether a component is the same in both.
    observations : sequence of Observation
        The measured variables.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        A warning for each pair.
    """
    for one, other in combinations(observations, 2):
        if not _same(operation, one.target, other.target):
            continue
        means = _paired(one, other)
        if means is None:
            continue
        a, b, pairs = means
        yield QualityFinding(
            "warning",
            file,
            f"{one.label}, {other.label}",
            "",
            "contradiction",
            f"{one.label} ({one.target}) is {a:.3g} {one.unit} and {other.label} ({other.target}) {b:.3g}, in the mean "
            f"of {pairs} samples near each other in time, and both measure the same water",
            f"means within a factor of {APART:g}",
            "check the units of both, whether columns are swapped, and the zero of the sensor; leave out the one that "
            "is wrong, or let its offset be learnt with bias: learn",
        )


def _same(operation: Operation, one: str, other: str) -> bool:
    """Return whether two targets name one water: one place, or a tank and the effluent that f fills from it."""
    if one == other:
        return True
    (place, _, quantity), (elsewhere, _, name) = one.partition("."), other.partition(".")
    soluble = {c.name for c in operation.plant.table.components if c.phase == "soluble"}
    if quantity != name or quantity not in soluble or "effluent" not in (place, elsewhere):
        return False
    if operation.tanks[-1].name not in (place, elsewhere) or not {one, other} <= set(operation.expected):
        return False
    return math.isclose(operation.expected[one], operation.expected[other], rel_tol=1e-6, abs_tol=1e-9)


def _paired(one: Observation, other: Observation) -> tuple[float, float, int] | None:
    """Return the means of two series over samples near each other, and their number; None where they agree."""
    sparse, dense = (one, other) if one.values.size <= other.values.size else (other, one)
    begin = sparse.times - (sparse.period or AROUND)
    end = sparse.times + (0.0 if sparse.period else AROUND)
    first, last = np.searchsorted(dense.times, begin, "left"), np.searchsorted(dense.times, end, "right")
    near = last > first
    if near.sum() < PAIRS:
        return None
    sums = np.concatenate([[0.0], np.cumsum(dense.values)])
    averaged = (sums[last[near]] - sums[first[near]]) / (last - first)[near]
    difference = sparse.values[near] - averaged
    gap = abs(float(difference.mean()))
    low, high = sorted((float(sparse.values[near].mean()), float(averaged.mean())))
    error = float(difference.std(ddof=1)) / math.sqrt(near.sum())
    if high <= APART * low or gap <= max(SURE * error, one.noise, other.noise):
        return None
    means = float(sparse.values[near].mean()), float(averaged.mean())
    a, b = means if sparse is one else means[::-1]
    return a, b, int(near.sum())
