"""Recalibration of f: bounded, regularised least squares over the open-loop simulation, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.training.persistence import Samples
from asm_hybrid.training.profile_likelihood import LEVEL, ROUNDS, Profile, profile_widths, quantile
from asm_hybrid.training.search import Found, Search
from asm_hybrid.training.unknowns import Unknowns

__all__ = [
    "AT_BOUND",
    "FOLLOWED",
    "KEPT",
    "PER_START",
    "TOLD",
    "USUAL",
    "Calibration",
    "Interval",
    "Starts",
    "calibrate",
]

USUAL = 16
"""Batches of simulations in which a search arrives as a rule."""

AT_BOUND = 1e-3
"""An unknown counts as at its bound within this share of its range."""
CLOSE = 0.95
"""Correlation from which two parameters stand for each other."""
TOLD = 0.5
"""Share of the variance of its prior that the data take away of an unknown, below which they do not determine it."""

SPREAD = 16
"""Starts that are spread over the bounds and simulated once."""
FOLLOWED = 2
"""Those of them that are followed, beside the default."""
APART = 1.0
"""Their distance from each other, in standard deviations of the prior."""
FIRST = 2
"""Steps after which all but `KEPT` runs are given up."""
KEPT = 2
"""Runs that are followed to the end."""
PER_START = 5
"""Batches of simulations that there must be for each of `FOLLOWED` for a search from more than the default."""
SAME = 1.0
"""Two runs have arrived at the same place when no unknown differs by more, in its standard deviations."""
AS_GOOD = 4.0
"""An optimum elsewhere is nearly as good when its objective, minus two logarithms of the likelihood, is no higher."""
REPEATS = 3
"""How often the number of independent errors is worked out anew, at most."""
SETTLED = 0.1
"""It has settled when it changes by no larger share."""


@dataclass(frozen=True)
class Interval:
    """The profile-likelihood interval of one parameter.

    Attributes
    ----------
    low, high : float
        Its ends, in the unit of the parameter.
    open : str
        Which bound it runs into: ``lower``, ``upper``, ``both`` or ``none``.
    checked : bool
        Whether simulations confirmed the ends.
    """

    low: float
    high: float
    open: str
    checked: bool


@dataclass(frozen=True)
class Starts:
    """What became of the starts of a search.

    Attributes
    ----------
    tried : int
        Starts that were simulated.
    followed : int
        Those that were followed to the end.
    agreeing : int
        Those of these that arrived at the best place.
    rivals : int
        Those that arrived elsewhere, where the data fit nearly as well.
    """

    tried: int
    followed: int
    agreeing: int
    rivals: int


@dataclass(frozen=True)
class Calibration:
    """The outcome of a recalibration.

    Attributes
    ----------
    names : tuple of str
        The parameters that were free.
    values, std_errors : ndarray, shape (parameter,)
        Estimates and their standard errors, for errors that persist as the residuals do.
    correlation : ndarray, shape (parameter, parameter)
        Correlation of the estimates.
    at_bound : tuple of bool
        Whether the estimate lies at a bound.
    information : ndarray, shape (parameter,)
        Share of the variance of the prior that the data have taken away [-].
    cost : float
        Mean squared residual in units of sensor noise.
    evaluations : int
        Batches of simulations of the calibration block.
    converged : bool
        Whether no unknown has farther to go than a tenth of its standard deviation.
    starts : Starts
        What became of the starts.
    effective : float
        Number of independent errors that tell as much as the residuals.
    unknowns : Unknowns
        All that was searched for: parameters first, then what is found beside them.
    place, spread : ndarray, shape (unknown,)
        Estimates and standard deviations of all unknowns, in their coordinates.
    profile : Profile
        The profile-likelihood intervals of the unknowns that have one, in their coordinates.
    """

    names: tuple[str, ...]
    values: np.ndarray
    std_errors: np.ndarray
    correlation: np.ndarray
    at_bound: tuple[bool, ...]
    information: np.ndarray
    cost: float
    evaluations: int
    converged: bool
    starts: Starts
    effective: float
    unknowns: Unknowns
    place: np.ndarray
    spread: np.ndarray
    profile: Profile

    def interval(self, index: int) -> Interval:
        """Return the interval of a parameter."""
        profile = self.profile
        open_ = {(False, False): "none", (True, False): "lower", (False, True): "upper", (True, True): "both"}
        return Interval(
            low=float(np.exp(profile.low[index])),
            high=float(np.exp(profile.high[index])),
            open=open_[profile.low_open[index], profile.high_open[index]],
            checked=profile.checked[index],
        )

    def ends_beside(self) -> dict[str, tuple[float, float]]:
        """Return the ends of the intervals of what was found beside the parameters, by name, in its coordinate."""
        found = {}
        for row, index in enumerate(np.flatnonzero(self.unknowns.profiled)):
            if index >= self.unknowns.parameters:
                found[self.unknowns.names[index]] = (float(self.profile.low[row]), float(self.profile.high[row]))
        return found

    @property
    def starts_agree(self) -> bool:
        """Whether no start ended elsewhere with a fit that is nearly as good."""
        return not self.starts.rivals

    @property
    def close_pairs(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs of parameters that stand for each other, with their correlation."""
        found = []
        for i, a in enumerate(self.names):
            for j in range(i):
                r = float(self.correlation[j, i])
                if abs(r) > CLOSE:
                    found.append((self.names[j], a, r))
        return tuple(found)

    def warnings(self) -> list[str]:
        """Return what a user should know about the estimates."""
        found = []
        if not self.converged:
            found.append(
                f"the calibration has not converged after {self.evaluations} batches of simulations: estimates and "
                "intervals are of a search on its way; set a larger training.calibration_evaluations"
            )
        if not self.starts_agree:
            found.append(
                "the calibration has found parameters far from each other that fit nearly as well: the best are "
                "taken, and their intervals do not reach to the others; calibrate fewer parameters, or give bounds"
            )
        at_bound = [n for n, b in zip(self.names, self.at_bound, strict=True) if b]
        if at_bound:
            found.append(
                f"calibrated parameters at a bound: {', '.join(at_bound)}: f compensates for something it lacks, "
                "or the data do not determine them"
            )
        unknown = [n for n, told in zip(self.names, self.information, strict=True) if told < TOLD]
        if unknown:
            found.append(
                f"the data do not determine {', '.join(unknown)}: what is known of "
                f"{'it' if len(unknown) == 1 else 'them'} is mostly the default and its bounds; calibrate fewer "
                "parameters"
            )
        if self.close_pairs:
            named = ", ".join(f"{a} and {b} ({r:+.2f})" for a, b, r in self.close_pairs)
            found.append(f"strongly correlated estimates: {named}: one can stand for the other; calibrate one of them")
        return found


def calibrate(
    unknowns: Unknowns,
    start: np.ndarray,
    residuals: Callable[[np.ndarray], np.ndarray],
    samples: Samples,
    *,
    max_evaluations: int = 40,
    report: Callable[[int, float, np.ndarray], None] | None = None,
) -> Calibration:
    """Fit unknowns by trust-region least squares from several starts, until it has arrived, and say how sure they are.

    The start and others that are spread over the bounds are simulated side by side. The best are followed for a few
    steps, the best of these to the end. The number of independent errors, by which data weigh against the prior, is
    that of errors that persist for `asm_hybrid.training.persistence.PERSISTENCE` at first, and then worked out from the
    residuals that were reached.

    Parameters
    ----------
    unknowns : Unknowns
        What to fit; parameters in their logarithms.
    start : ndarray, shape (unknown,)
        Where to begin.
    residuals : callable
        From places ``(set, unknown)`` to residuals in units of noise, ``(set, sample)``; not finite where a simulation
        fails.
    samples : Samples
        When and by what they were measured.
    max_evaluations : int
        Bound on the number of batches of simulations.
    report : callable, optional
        Called with the number of the batch, the lowest mean squared residual in it and its place.

    Returns
    -------
    Calibration

    Raises
    ------
    SimulationError
        When the simulation fails at the start.
    """
    search = Search(unknowns, residuals, samples.assumed, max_evaluations, report)
    search.held = unknowns.optional.copy()
    margin = 1e-9 * (unknowns.high - unknowns.low)
    guess = np.clip(start, unknowns.low + margin, unknowns.high - margin)
    (first,) = search.evaluate([guess])
    if first is None:
        shown = ", ".join(f"{n} = {v:.4g}" for n, v in unknowns.shown(guess))
        raise SimulationError(f"the simulation of the calibration block diverges at {shown}")
    ends, tried = _from_all_starts(search, first)
    apart = [ends[0], *(end for end in ends[1:] if not _same(search, end[0], ends[0][0]))]
    met = len(ends) - len(apart)
    ends = _weighed(search, apart, samples)
    best, converged = ends[0]
    agreeing = [end for end in ends if _same(search, end[0], best)]
    worst = search.objective(best.x, best.square) + AS_GOOD
    rivals = [
        at
        for at, arrived in ends
        if arrived and not _same(search, at, best) and search.objective(at.x, at.square) < worst
    ]
    starts = Starts(tried, len(ends) + met, len(agreeing) + met, len(rivals))
    return _judged(search, best, converged, starts, samples)


def _from_all_starts(search: Search, first: Found) -> tuple[list[tuple[Found, bool]], int]:
    """Return where the best starts arrive, the best one first, and how many starts there were."""
    runs, tried = [first], 1
    wide = search.most >= PER_START * FOLLOWED
    if wide:
        places = search.unknowns.spread_places(first.x, SPREAD)
        value = search.scan(places)
        chosen = _spread_out(search, places[np.argsort(value, kind="stable")][: np.isfinite(value).sum()])
        runs += [found for found in (search.evaluate(chosen) if chosen else []) if found is not None]
        tried += len(places)
    until = search.most * 2 // 3 if wide else search.most
    ends = _sorted(search, search.descend(runs, FIRST, until))
    return _sorted(search, search.descend([at for at, _ in ends[:KEPT]], search.most, until)), tried


def _spread_out(search: Search, places: np.ndarray) -> list[np.ndarray]:
    """Return the first `FOLLOWED` places of which none lies close to one before."""
    chosen: list[np.ndarray] = []
    for x in places:
        away = [float(np.max(np.abs(x - other) / search.unknowns.spread)) for other in chosen]
        if len(chosen) < FOLLOWED and min(away, default=APART) >= APART:
            chosen.append(x)
    return chosen


def _sorted(search: Search, ends: list[tuple[Found, bool]]) -> list[tuple[Found, bool]]:
    return sorted(ends, key=lambda end: search.objective(end[0].x, end[0].square))


def _weighed(search: Search, ends: list[tuple[Found, bool]], samples: Samples) -> list[tuple[Found, bool]]:
    """Go on with all unknowns, and with the number of independent errors that the residuals have."""
    ends = [(at, False) for at, _ in ends]  # as long as some unknowns are held
    for again in range(REPEATS):
        effective = samples.effective(ends[0][0].residual)
        settled = abs(effective - search.effective) < SETTLED * search.effective
        if search.evaluations >= search.most or (again and settled):
            break
        search.effective = effective
        search.held[:] = False
        fresh = [found for found in search.evaluate([at.x for at, _ in ends]) if found is not None]
        if not fresh:
            break
        search.hold_what_tells_nothing(fresh[0])
        ends = _sorted(search, search.descend(fresh, search.most, search.most))
    return ends


def _same(search: Search, at: Found, best: Found) -> bool:
    """Whether two runs have arrived at one place."""
    return bool(np.max(np.abs(at.x - best.x) / search.spread(best)) < SAME)


def _judged(search: Search, best: Found, converged: bool, starts: Starts, samples: Samples) -> Calibration:
    """Return the outcome, with how sure it is."""
    unknowns, count = search.unknowns, search.unknowns.parameters
    bread = np.linalg.inv(search.curvature(best))
    weight = search.weight(best)
    prior = np.diag(unknowns.spread**-2.0)
    slopes = weight**2 * samples.covariance_of_slopes(best.residual, best.slope) + prior
    robust = np.diag(bread @ slopes @ bread)
    # Where the sum over days says more than the number of independent errors does, it counts.
    wider = np.maximum(1.0, robust / np.diag(bread))
    spread = np.sqrt(np.diag(bread) * wider)
    root = np.sqrt(weight)
    profiled = np.flatnonzero(unknowns.profiled)

    def augmented(x: np.ndarray, residual: np.ndarray) -> np.ndarray:
        away = (x - unknowns.centre) / unknowns.spread
        return np.concatenate([root * residual, away], axis=-1)

    def simulated(places: np.ndarray) -> np.ndarray:
        return augmented(places, search.residuals(places))

    profile = profile_widths(
        best.x,
        augmented(best.x, best.residual),
        np.vstack([root * best.slope, np.diag(1.0 / unknowns.spread)]),
        np.column_stack([unknowns.low, unknowns.high]),
        simulated,
        quantile(LEVEL) * wider[profiled],
        profiled,
        min(ROUNDS, search.evaluations // 2),
    )
    own = slice(0, count)
    deviations = np.sqrt(np.diag(bread))
    edge = AT_BOUND * (unknowns.high - unknowns.low)
    values = np.exp(best.x[own])
    return Calibration(
        names=unknowns.names[own],
        values=values,
        std_errors=spread[own] * values,
        correlation=(bread / np.outer(deviations, deviations))[own, own],
        at_bound=tuple(bool(v) for v in ((best.x - unknowns.low < edge) | (unknowns.high - best.x < edge))[own]),
        information=1.0 - (deviations / unknowns.spread)[own] ** 2,
        cost=best.square,
        evaluations=search.evaluations,
        converged=converged,
        starts=starts,
        effective=search.effective,
        unknowns=unknowns,
        place=best.x,
        spread=spread,
        profile=profile,
    )
