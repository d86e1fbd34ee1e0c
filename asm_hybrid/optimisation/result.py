"""What an optimisation gave: optimum and present operation, by simulations alone, and what may be claimed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from asm_hybrid.optimisation.definition import Goal
from asm_hybrid.optimisation.judging import Judge
from asm_hybrid.optimisation.planning import Plan
from asm_hybrid.parallel import Value
from asm_hybrid.scenario.cases import PlantScenarios, quantiles
from asm_hybrid.scenario.summary import UNTOLD, IndicatorRow, by_f, indicator_rows
from asm_hybrid.studies.factors import Factor

__all__ = ["CLAIMS", "Drawn", "Gain", "Kept", "Optimum", "Verified", "gain_of", "kept_limits"]

Claim = Literal["gain", "disputed", "none", "infeasible"]
CLAIMS: tuple[Claim, ...] = ("gain", "disputed", "none", "infeasible")
"""What may be said: there is a gain, its sign is disputed, there is none, limits are not kept."""
NEAR = 0.01
"""Share of its range by which a decision counts as being at its end."""
DRAWS = 0.9
"""Share of draws that lies within their band."""
CERTAIN = 0.95
"""Share of draws that must have less than at present, so that a gain is claimed."""


@dataclass(frozen=True)
class Gain:
    """How much less of what is minimised there is than at present.

    Attributes
    ----------
    share : float
        By its size at present [-]; above zero where there is less. The median of members, each against itself.
    low, high : float
        Range over the members [-]; both `share` with one member.
    banded : bool
        Whether there are several members.
    by_f : bool
        Whether it is that of f alone, since n is off in one of the two and on in the other.
    """

    share: float
    low: float
    high: float
    banded: bool
    by_f: bool

    @property
    def certain(self) -> bool:
        """Whether all members say that there is less, by more than what is shown as no difference."""
        return min(self.share, self.low) > UNTOLD

    @property
    def disputed(self) -> bool:
        """Whether members answer with both signs."""
        return self.low < -UNTOLD and self.high > UNTOLD


@dataclass(frozen=True)
class Kept:
    """One limit, and whether it is kept.

    Attributes
    ----------
    name, unit : str
        The indicator.
    bound : float
        The limit; the median of members where it is that at present.
    of_present : bool
        Whether it is the value at present.
    present, optimum : float
        Its values, medians of members.
    worst : float
        By how much the member that exceeds it most does so; zero or less where it is kept.
    """

    name: str
    unit: str
    bound: float
    of_present: bool
    present: float
    optimum: float
    worst: float

    @property
    def kept(self) -> bool:
        """Whether every member keeps it."""
        return self.worst <= 0.0


@dataclass(frozen=True)
class Verified:
    """The optimum under other conditions.

    Attributes
    ----------
    name : str
        Their name in the goal.
    simulation : PlantScenarios
        Present operation and optimum there.
    gain : Gain
        What is gained there.
    limits : tuple of Kept
        The limits there, those at present by the present operation under these conditions.
    """

    name: str
    simulation: PlantScenarios
    gain: Gain
    limits: tuple[Kept, ...]


@dataclass(frozen=True)
class Drawn:
    """The optimum with uncertain values.

    Attributes
    ----------
    values : DataFrame
        A row a draw, a column an uncertain value.
    gains : ndarray, shape (draw,)
        What is gained in each, by the median of members [-]; NaN in a draw that cannot be simulated.
    kept : float
        Share of the draws that could be simulated in which all limits are kept [-].
    failed : tuple of str
        Why draws could not be simulated.
    """

    values: pd.DataFrame
    gains: np.ndarray
    kept: float
    failed: tuple[str, ...]

    @cached_property
    def band(self) -> tuple[float, float]:
        """Ends of the middle 90 % of the gains [-]; NaN where none is known."""
        known = self.gains[np.isfinite(self.gains)]
        return quantiles(known.tolist(), DRAWS) if len(known) else (np.nan, np.nan)

    @property
    def known(self) -> int:
        """Draws whose gain is known; those that cannot be simulated tell none."""
        return int(np.isfinite(self.gains).sum())

    @property
    def certain(self) -> bool:
        """Whether `CERTAIN` of all draws, with those that tell none, have less than at present."""
        return self.band[0] > UNTOLD and float((self.gains > UNTOLD).mean()) >= CERTAIN


@dataclass(frozen=True)
class Optimum:
    """What an optimisation gave.

    Attributes
    ----------
    goal : Goal
        What was asked for.
    subject : str
        The plant or the run, as the user named it.
    simulation : PlantScenarios
        Present operation and optimum, by the road of ``simulate``. Where the present operation is the best that was
        found, the best other one stands beside it.
    decisions : mapping of str to (float or str)
        What was decided, by name.
    factors : tuple of Factor
        What they are, and their ranges.
    present : mapping of str to float
        The same at present, where it can be told.
    plan : Plan or None
        Schedules; None without any.
    gain : Gain
        What is gained.
    limits : tuple of Kept
        The limits.
    outside : tuple of float, or None
        Hours outside of what training saw, at present and in the optimum; None where they are not limited.
    evaluations : DataFrame
        Every case of the search: decisions, goal by its size at present, excess of limits, error.
    verified : tuple of Verified
        The optimum under other conditions.
    drawn : Drawn or None
        The optimum with uncertain values.
    notes : tuple of str
        What is to be said of it.
    """

    goal: Goal
    subject: str
    simulation: PlantScenarios
    decisions: Mapping[str, Value]
    factors: tuple[Factor, ...]
    present: Mapping[str, float]
    plan: Plan | None
    gain: Gain
    limits: tuple[Kept, ...]
    outside: tuple[float, float] | None
    evaluations: pd.DataFrame
    verified: tuple[Verified, ...]
    drawn: Drawn | None
    notes: tuple[str, ...]

    @property
    def objective(self) -> str:
        """What is minimised, in words."""
        weights = self.goal.content.minimise
        if len(weights) == 1:
            return next(iter(weights))
        return " + ".join(f"{weight:g} × {name}" for name, weight in weights.items())

    @property
    def at_bounds(self) -> list[str]:
        """Decisions at the end of their range, by name."""
        found = []
        for factor in self.factors:
            if factor.distribution is None or factor.distribution.choices:
                continue
            low, high = (float(v) for v in factor.distribution.values(np.array([NEAR, 1.0 - NEAR])))
            if not low <= float(self.decisions[factor.name]) <= high:
                found.append(factor.name)
        return found

    @property
    def claim(self) -> Claim:
        """What may be said of the gain."""
        beyond = any(not limit.kept for limit in self.limits)
        left = self.outside is not None and self.outside[1] > self.outside[0] + 1e-6
        if beyond or left:
            return "infeasible"
        if self.gain.certain and (self.drawn is None or self.drawn.certain):
            return "gain"
        some = self.gain.high > UNTOLD or (self.drawn is not None and self.drawn.band[1] > UNTOLD)
        return "disputed" if some and (self.gain.banded or self.drawn is not None) else "none"


def gain_of(simulation: PlantScenarios, weights: Mapping[str, float]) -> Gain:
    """Return what is gained by the last case of a simulation against the first.

    Parameters
    ----------
    simulation : PlantScenarios
        Present operation and optimum.
    weights : mapping of str to float
        What is minimised.

    Returns
    -------
    Gain
    """
    cases = simulation.cases
    rows = {row.name: row for row in indicator_rows(cases)}
    chosen = [(weight, rows[name]) for name, weight in weights.items()]

    def summed(parts: Sequence[tuple[float, Sequence[float]]]) -> tuple[float, ...]:
        return tuple(sum(weight * values[k] for weight, values in parts) for k in range(len(parts[0][1])))

    first = chosen[0][1]
    row = IndicatorRow(
        "goal",
        first.unit,
        "what is minimised",
        summed([(weight, own.values) for weight, own in chosen]),
        tuple(summed([(weight, own.members[k]) for weight, own in chosen]) for k in range(len(first.members))),
        summed([(weight, own.alone) for weight, own in chosen]) if first.alone else (),
        by_f(cases),
        first.held,
    )
    last = len(cases) - 1
    change, limits = row.changes[last], row.change_range(last)
    share = -(change or 0.0)
    low, high = (-limits[1], -limits[0]) if limits is not None else (share, share)
    return Gain(share, low, high, limits is not None, bool(row.by_f[last]))


def kept_limits(simulation: PlantScenarios, judge: Judge) -> tuple[Kept, ...]:
    """Return the limits of a goal in the last case of a simulation.

    Parameters
    ----------
    simulation : PlantScenarios
        Present operation and optimum.
    judge : Judge
        The limits; those at present are taken from the first case.

    Returns
    -------
    tuple of Kept
    """
    rows = {row.name: row for row in indicator_rows(simulation.cases)}
    found = []
    for limit in judge.limits:
        row = rows[limit.name]
        members = row.members or tuple((value,) for value in row.values)
        bounds = members[0] if limit.present else limit.bounds
        over = max(value - bound for value, bound in zip(members[-1], bounds, strict=True))
        worst = over if over > 1e-6 * limit.size else min(over, 0.0)
        bound = float(np.median(bounds))
        found.append(Kept(limit.name, row.unit, bound, limit.present, row.values[0], row.values[-1], worst))
    return tuple(found)
