"""How sure a ranking is: paired day by day, over blocks of days drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asm_hybrid.explanations.competition import Competition, Rival
from asm_hybrid.explanations.folds import stretches_of

__all__ = ["NEAR", "Ranking", "beats", "rank"]

DRAWS = 2000
"""Draws of days, and of signs."""
LEVEL = 0.9
"""Share of the draws inside an interval [-]."""
MATERIAL = 0.02
"""Share of the squared error of f that an explanation takes away at least where it is named: what is sure may still be
nothing that matters [-]."""
SIGNIFICANT = 0.05
"""Chance, below which an improvement is no chance find [-]."""
NEAR = 1.1
"""Processes whose squared error on days left out exceeds that of the best by no more than this ratio, are named with
it even where the draws tell them apart: a factor of three pieces, or a candidate with usual constants, is no closer to
the truth than that [-]."""
ROUGH = ("kinetics", "lacking")
"""Families whose forms only come near the truth; a flow, a shift or an offset is what it is."""
TINY = 1e-9
"""Least gap that is divided by [noise²]."""
FLOOR = 0.1
"""Added to the mean squared error of a day before its logarithm is taken [noise²]."""


@dataclass(frozen=True)
class Ranking:
    """What the draws say of a competition.

    Attributes
    ----------
    p_value : float
        Chance that the best of as many explanations improves on recalibrated f as much where none does.
    gain, low, high : ndarray, shape (rival,)
        Share of the gap that an explanation closes, and its interval: from recalibrated f to the least error that any
        of them, or everything at once, leaves.
    removed, removed_low, removed_high : ndarray, shape (rival,)
        Share of the squared error of recalibrated f, on days left out, that an explanation takes away, and its
        interval [-].
    best_share : ndarray, shape (rival,)
        Share of the draws in which it is the best.
    in_set : ndarray of bool, shape (rival,)
        Whether it cannot be told apart from the first plausible one, which is among them.
    first : int or None
        The first plausible one.
    confidence : float
        Share of the draws in which one of the set is the best.
    everything : float
        Gain of everything at once.
    least_p : float
        The lowest chance that so few stretches of days can give, however good an explanation is.
    """

    p_value: float
    gain: np.ndarray
    low: np.ndarray
    high: np.ndarray
    removed: np.ndarray
    removed_low: np.ndarray
    removed_high: np.ndarray
    best_share: np.ndarray
    in_set: np.ndarray
    first: int | None
    confidence: float
    everything: float
    least_p: float

    @property
    def decides(self) -> bool:
        """Whether there are days enough for any explanation to be told from chance."""
        return self.least_p < SIGNIFICANT

    @property
    def found(self) -> bool:
        """Whether the best explanation is better than f by more than chance, and by as much as matters."""
        if self.first is None:
            return False
        return self.p_value < SIGNIFICANT and float(self.removed[self.first]) > MATERIAL


def rank(competition: Competition) -> Ranking:
    """Say how sure the ranking of a competition is.

    The improvement of every explanation on recalibrated f is the fall of the logarithm of a day's squared error, summed
    over the days that were left out together: so no single day decides. If an explanation is no better than f, each of
    these sums may as well have the other sign. The best studentised sum of all explanations is held against the best
    with random signs, the same for all explanations: so the chance counts that the best of many was picked [1]_.

    Parameters
    ----------
    competition : Competition
        The competition.

    Returns
    -------
    Ranking

    References
    ----------
    .. [1] P. H. Westfall, S. S. Young (1993), "Resampling-Based Multiple Testing", Wiley, section 2.6: single-step
       adjusted p-values of the largest statistic, here by random signs.
    """
    rivals, losses = competition.rivals, np.array([r.loss for r in competition.rivals])
    days = losses.shape[1]
    counts = drawn_days(days)
    weight = np.bincount(competition.arena.record.days, competition.weights, days)
    total, nothing = counts @ losses.T, counts @ competition.nothing
    every = counts @ competition.everything
    reference = min(float(competition.everything.sum()), float(losses.sum(1).min()))
    gap = float(competition.nothing.sum()) - reference
    gain = (competition.nothing.sum() - losses.sum(1)) / max(gap, TINY)
    gaps = nothing - np.minimum(every, total.min(1))
    gains = (nothing[:, None] - total) / np.maximum(gaps, TINY)[:, None]
    low, high = np.quantile(gains, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    removed = 1.0 - total / np.maximum(nothing, TINY)[:, None]
    least, most = np.quantile(removed, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    share = 1.0 - losses.sum(1) / max(float(competition.nothing.sum()), TINY)
    logs = np.log(losses / weight + FLOOR)
    stretches = stretches_of(competition.arena.record)
    p_value = _chance(np.log(competition.nothing / weight + FLOOR) - logs, stretches)
    plausible = [i for i, r in enumerate(rivals) if r.plausible]
    first = plausible[0] if plausible and gap > 0 else None
    in_set = np.zeros(len(rivals), dtype=bool)
    best = np.zeros(len(rivals))
    if plausible:
        winners = np.array(plausible)[total[:, plausible].argmin(1)]
        best = np.bincount(winners, minlength=len(rivals)) / len(total)
    if first is not None:
        behind = counts @ (logs - logs[first]).T / days
        same = np.quantile(behind, (1 - LEVEL) / 2, axis=0) <= 0.0
        rough = np.array([r.explanation.family in ROUGH for r in rivals])
        near = rough & (losses.sum(1) < NEAR * losses[first].sum())
        in_set = np.array([r.plausible for r in rivals]) & (gain > 0) & (same | near)
        in_set &= gain > 0.5 * gain[first]
        in_set[first] = True
    everything = (competition.nothing.sum() - competition.everything.sum()) / max(gap, TINY)
    confidence = float(best[in_set].sum())
    return Ranking(
        p_value=p_value,
        gain=gain,
        low=low,
        high=high,
        removed=share,
        removed_low=least,
        removed_high=most,
        best_share=best,
        in_set=in_set,
        first=first,
        confidence=confidence,
        everything=float(everything),
        least_p=0.5 ** len(np.unique(stretches)),
    )


def beats(competition: Competition, best: Rival, others: tuple[Rival, ...]) -> float:
    """Return the chance that one of several explanations beside the best improves on it as much where none does.

    Parameters
    ----------
    competition : Competition
        The competition.
    best : Rival
        The best of it.
    others : tuple of Rival
        From `competition.second`.

    Returns
    -------
    float
        See `rank`.
    """
    days = len(best.loss)
    weight = np.bincount(competition.arena.record.days, competition.weights, days)
    logs = np.log(np.array([r.loss for r in others]) / weight + FLOOR)
    return _chance(np.log(best.loss / weight + FLOOR) - logs, stretches_of(competition.arena.record))


def drawn_days(days: int) -> np.ndarray:
    """Return how often every day is drawn, ``(draw, day)``: a circular block bootstrap with ∛days as the block."""
    block = max(1, round(days ** (1 / 3)))
    rng = np.random.default_rng(0)
    first = rng.integers(0, days, (DRAWS, -(-days // block)))
    drawn = ((first[..., None] + np.arange(block)) % days).reshape(DRAWS, -1)[:, :days]
    counts = np.zeros((DRAWS, days))
    np.add.at(counts, (np.arange(DRAWS)[:, None], drawn), 1.0)
    return counts


def _chance(better: np.ndarray, stretch: np.ndarray) -> float:
    """Return the chance of the largest improvement ``(rival, day)`` where none is any, by stretches of days.

    What was seen counts as one of the draws, so that it is never zero (B. Phipson, G. K. Smyth 2010, Stat. Appl. Genet.
    Mol. Biol. 9, 39).
    """
    if not len(better):
        return 1.0
    sums = np.stack([np.bincount(stretch, row) for row in better])
    size = np.sqrt((sums**2).sum(1)) + TINY
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (DRAWS, sums.shape[1]))
    drawn = (signs @ sums.T / size).max(1)
    above = np.count_nonzero(drawn >= (sums.sum(1) / size).max() - TINY)
    return (above + 1.0) / (DRAWS + 1.0)
