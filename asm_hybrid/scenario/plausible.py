"""Whether what was measured fits what f settles at: the kind of error that stays hidden behind a learnt n.

A wrong wastage, volume or influent leaves every column of the data in order. It shows in the sludge alone: solids that
are held are those that come in and grow, times the sludge age.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.data import Observation, QualityFinding
from asm_hybrid.errors import SimulationError
from asm_hybrid.scenario.operation import Operation, Sludge

__all__ = ["Comparison", "compare", "fitting_wastage", "plain", "sludge_findings", "solids_ratio", "steady_findings"]

SOLIDS_RATIO = (0.7, 1.4)
"""Measured over expected solids between which nothing is said. What is usually left open explains as much: 0.7 to 0.9 g
TSS per g COD of sludge, an inert share of the influent that is known by a fifth at best, and solids that follow the
load of the last weeks, not that of the record. A pump read in another unit, or a lane left out, is a factor of two or
more."""

USUAL_AGE = (1.0, 60.0)
"""Sludge age of plants that return sludge [d]: but for the first stage of two, 1 to 40 from high-rate plants to
extended aeration [1]_.

.. [1] Metcalf & Eddy, Tchobanoglous, G. et al. (2014): Wastewater Engineering, 5th ed., chapter 8.
"""

USUAL_SOLIDS = (500.0, 15000.0)
"""Mean suspended solids of their tanks [g TSS/m3]: from high-rate plants to membrane bioreactors."""

SOLIDS = ("TSS", "VSS")
"""Composites that measure sludge."""

NEGATIVE = -1e-3
"""Concentration at steady state below which it is named [g/m3 or mol/m3]."""

THOUSAND = (500.0, 2000.0)
"""Factors between which measured sludge seems to be g/L taken as mg/L, or the reverse [-]."""

TRIES = 8
"""Steady states at most for a wastage that fits."""

HOURS = (20.0, 29.0)
"""Factors near 24, between which a flow may have been taken by the day instead of the hour."""


@dataclass(frozen=True)
class Comparison:
    """A measured variable beside the steady state of f.

    Attributes
    ----------
    label, target, unit : str
        Header of its column, what it is, and its unit.
    measured : float
        Mean of its samples.
    expected : float or None
        At steady state; None where there is none.
    solids : bool
        Whether it measures the sludge in a tank.
    """

    label: str
    target: str
    unit: str
    measured: float
    expected: float | None
    solids: bool

    @property
    def ratio(self) -> float | None:
        """Measured over expected; None where that says nothing."""
        if self.expected is None or not self.expected > 0 or not self.measured > 0:
            return None
        return self.measured / self.expected


def compare(operation: Operation, observations: Sequence[Observation]) -> tuple[Comparison, ...]:
    """Return the means of the measured variables beside what f settles at.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    observations : sequence of Observation
        The measured variables; those without samples are left out.

    Returns
    -------
    tuple of Comparison
    """
    particulate = {c.name for c in operation.plant.table.components if c.phase == "particulate"}
    found = []
    for o in observations:
        if not o.values.size:
            continue
        place, _, quantity = o.target.partition(".")
        sludge = place != "effluent" and (quantity in SOLIDS or quantity in particulate)
        mean = float(o.values.mean())
        found.append(Comparison(o.label, o.target, o.unit, mean, operation.expected.get(o.target), sludge))
    return tuple(found)


def solids_ratio(comparisons: Sequence[Comparison]) -> float | None:
    """Return measured over expected sludge.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The measured variables.

    Returns
    -------
    float or None
        The geometric mean of those that measure sludge [-]; None without any.
    """
    ratios = [c.ratio for c in comparisons if c.solids and c.ratio is not None]
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None


def fitting_wastage(operation: Operation, ratio: float) -> float | None:
    """Return the wastage [m3/d] with which f would settle at the measured sludge, all else as it is.

    Parameters
    ----------
    operation : Operation
        The mean operating point, with a steady state.
    ratio : float
        Measured over expected sludge.

    Returns
    -------
    float or None
        By secants in the logarithms; None where none is found.
    """
    given, sludge, state = operation.input("wastage"), operation.sludge, operation.state
    if not given > 0 or sludge is None or state is None:
        return None
    inputs, k = operation.inputs.copy(), operation.plant.input_index["wastage"]
    goal = math.log(ratio)
    x, y, slope = 0.0, 0.0, -1.0
    for _ in range(TRIES):
        step = min(1.5, max(-1.5, (goal - y) / slope))
        inputs[k] = given * math.exp(x + step)
        if inputs[k] > operation.input("Q_in"):
            return None
        try:
            state = operation.compiled.steady_state(inputs, state).state
        except (SimulationError, RuntimeError):  # RuntimeError: CasADi on a singular matrix
            return None
        record = operation.compiled.record(np.zeros(1), state[None], inputs[None])
        held = sum(t.volume * float(record.columns[f"{t.name}.TSS"][0]) for t in operation.tanks) / 1000
        before, x, y = y, x + step, math.log(held / sludge.tanks) if held > 0 else -math.inf
        if abs(y - goal) < 0.02:
            return float(inputs[k])
        if not (y - before) * step < 0:
            return None
        slope = (y - before) / step
    return None


def steady_findings(operation: Operation, file: str) -> Iterator[QualityFinding]:
    """Yield what is wrong with the steady state itself: that a plant with fixed flows has none, or values below zero.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    if operation.failed:
        yield QualityFinding(
            "warning",
            file,
            "",
            "",
            "steady state",
            f"f does not settle under the mean inputs: {operation.reason}",
            "a steady state, from which a training begins, and by which sludge and volumes are checked",
            "check the values and units of the flows, of the volumes and of the influent",
        )
    names = operation.plant.table.component_names
    places = [f"{t.name}.{name}" for t in operation.tanks for name in names]
    values = {place: operation.expected.get(place, 0.0) for place in places}
    below = {place: value for place, value in values.items() if value < NEGATIVE}
    if below:
        worst = min(below, key=lambda name: below[name])
        yield QualityFinding(
            "warning",
            file,
            "",
            "",
            "steady state",
            f"f settles at negative concentrations: {', '.join(below)}; the lowest is {worst} at {below[worst]:.3g}",
            "zero or more: the reactions lack what would stop them there",
            "check the influent for what runs out, or use a table whose rates are limited by it",
        )


def sludge_findings(operation: Operation, comparisons: Sequence[Comparison], file: str) -> Iterator[QualityFinding]:
    """Yield what cannot be right about the sludge.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    comparisons : sequence of Comparison
        The measured variables; none for a plant without data.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        A warning for each variable that is far from what f settles at; else what is unusual in age and solids.
    """
    ratio, sludge = solids_ratio(comparisons), operation.sludge
    low, high = SOLIDS_RATIO
    wrong = [c for c in comparisons if c.solids and c.ratio is not None and not low <= c.ratio <= high]
    if sludge is None:
        return
    fit = fitting_wastage(operation, ratio) if wrong and ratio is not None else None
    for c in wrong:
        assert c.expected is not None
        yield QualityFinding(
            "warning",
            file,
            c.label,
            "",
            "sludge",
            f"{c.target} is {plain(c.measured)} {c.unit} on average, {c.ratio:.2g} times the {plain(c.expected)} at "
            f"which f settles under the mean inputs, with a sludge age of {sludge.total:.3g} d",
            f"{low:g} to {high:g} times what f settles at",
            _thousand(c) or _causes(operation, c.measured < c.expected, fit, c.label),
        )
    if not wrong:
        yield from _unusual(operation, sludge, file)


def _thousand(c: Comparison) -> str:
    """Return the remedy where sludge is measured a thousand times too large or small; empty otherwise."""
    assert c.ratio is not None
    off = max(c.ratio, 1 / c.ratio) if c.ratio > 0 else 0.0
    if not THOUSAND[0] < off < THOUSAND[1]:
        return ""
    mistaken = "g/L taken as mg/L" if c.ratio < 1 else "mg/L taken as g/L"
    return f"check the unit of {c.label}: a factor of about 1000, {mistaken}?"


def _causes(operation: Operation, less: bool, fit: float | None, label: str) -> str:
    """Say what may be wrong where there is less sludge than expected, or more."""
    given = operation.input("wastage")
    wastage = f"check the value and unit of the wastage ({plain(given)} m3/d; {'too low' if less else 'too high'}?"
    if fit is not None:
        factor = fit / given
        wastage += f" {plain(fit)} m3/d would fit"
        if any(HOURS[0] < f < HOURS[1] for f in (factor, 1 / factor)):
            wastage += ", a factor of about 24: m3/h or m3/d?"
    solids = operation.load("TSS", settled=True)
    carried = f" ({plain(solids)} kg TSS/d)" if solids is not None else ""
    thickens = ", the return sludge, which thickens it" if operation.retains else ""
    volume = plain(sum(t.volume for t in operation.tanks))
    return (
        f"{wastage}){thickens}, the solids and COD of the influent{carried}, the volume of the tanks ({volume} m3), "
        f"and the unit of {label}"
    )


def plain(value: float) -> str:
    """Return a number to three digits, whole numbers in full.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
    """
    return f"{value:.0f}" if 999.5 <= value < 1e9 else f"{value:.3g}"


def _unusual(operation: Operation, sludge: Sludge, file: str) -> Iterator[QualityFinding]:
    """Yield a sludge age or sludge that no plant has, where nothing was measured that says so."""
    if not operation.retains:
        return
    volume = sum(t.volume for t in operation.tanks)
    solids, age = 1000 * sludge.tanks / volume, sludge.total
    if USUAL_AGE[0] <= age <= USUAL_AGE[1] and USUAL_SOLIDS[0] <= solids <= USUAL_SOLIDS[1]:
        return
    shown = f"{age:.3g} d" if math.isfinite(age) else "without end"
    yield QualityFinding(
        "warning",
        file,
        "",
        "",
        "sludge",
        f"f settles at {plain(solids)} g TSS/m3 in the tanks, at a sludge age of {shown}",
        f"{USUAL_SOLIDS[0]:g} to {USUAL_SOLIDS[1]:g} g TSS/m3 and {USUAL_AGE[0]:g} to {USUAL_AGE[1]:g} d, as in plants "
        "that return sludge",
        f"check the value and unit of the wastage ({plain(operation.input('wastage'))} m3/d), of the return sludge "
        f"({plain(operation.input('return_sludge'))} m3/d), of Q_in and of the volumes, and the COD of the influent",
    )
