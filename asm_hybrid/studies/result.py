"""What a study gave: its factors, its design, and the outcome of every case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from asm_hybrid.parallel import Outcome

__all__ = ["FactorInfo", "FigureInfo", "StudyResult"]


@dataclass(frozen=True)
class FactorInfo:
    """One factor, as it is shown.

    Attributes
    ----------
    name : str
        Its name, that of a column of the design.
    unit : str
        Its unit; ``-`` without one.
    text : str
        What it is and how it is distributed, in words.
    choice : bool
        Whether its values are texts and not numbers.
    """

    name: str
    unit: str
    text: str
    choice: bool = False


@dataclass(frozen=True)
class FigureInfo:
    """One figure that cases give.

    Attributes
    ----------
    name, unit, description : str
        As in `Indicator`.
    """

    name: str
    unit: str
    description: str


@dataclass(frozen=True)
class StudyResult:
    """A study.

    Attributes
    ----------
    name : str
        Its name.
    subject : str
        The plant, run or config, as the user named it.
    method : str
        The design: ``grid``, ``latin_hypercube``, ``sobol``, ``list``, ``morris``, ``sobol_indices`` or ``search``.
    seed : int
        Fixes the design.
    factors : tuple of FactorInfo
        The factors.
    figures : tuple of FigureInfo
        What cases give.
    design : DataFrame
        A row a case in order, a column a factor.
    outcomes : tuple of Outcome
        One a case, in order.
    times : ndarray, shape (time,)
        Times of the series [d]; empty without series.
    origin : Timestamp or None
        Time zero, UTC; None for days from a start.
    zone : str
        The zone in which times are shown.
    units : mapping of str to str
        Units of the series by name.
    limits : mapping of str to float
        Limits of series, such as ``effluent.TN``, in their units.
    pareto : tuple of tuple of str
        Figure and direction, ``min`` or ``max``, of those that compete; empty where none was asked for.
    notes : tuple of str
        What is to be said of the whole.
    description : str
        What the study is for, in the user's words.
    base : Outcome or None
        The case without changes; None without one.
    cube : ndarray, shape (case, dimension), or None
        Where the cases lie in the unit cube from which the factors are drawn; ``morris`` and ``sobol_indices`` need it.
        Of ``morris`` it holds the points of the grid with its ends 0 and 1, even where a distribution without ends is
        asked a little within.
    dimensions : tuple of str
        For each dimension of the cube, what varies by it. Dimensions of one name, such as those of parameters that are
        drawn together by their covariance, vary together and count as one.
    second_order : bool
        Whether a block of ``sobol_indices`` has the cases for interactions of two factors: ``2 D + 2`` instead of
        ``D + 2``.
    score_from : float
        Time from which on the series count for what exceeds a limit [d].
    command : str
        By which the study is done again.
    """

    name: str
    subject: str
    method: str
    seed: int
    factors: tuple[FactorInfo, ...]
    figures: tuple[FigureInfo, ...]
    design: pd.DataFrame
    outcomes: tuple[Outcome, ...]
    times: np.ndarray
    origin: pd.Timestamp | None
    zone: str
    units: Mapping[str, str]
    limits: Mapping[str, float]
    pareto: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    description: str = ""
    base: Outcome | None = None
    cube: np.ndarray | None = None
    dimensions: tuple[str, ...] = ()
    second_order: bool = False
    score_from: float = 0.0
    command: str = ""

    @property
    def done(self) -> list[Outcome]:
        """The cases that did not fail."""
        return [outcome for outcome in self.outcomes if not outcome.error]

    @property
    def failed(self) -> list[Outcome]:
        """The cases that failed."""
        return [outcome for outcome in self.outcomes if outcome.error]

    def values(self, figure: str) -> np.ndarray:
        """Return one figure of all cases.

        Parameters
        ----------
        figure : str
            Its name.

        Returns
        -------
        ndarray, shape (case,)
            NaN where a case failed, or does not give it.
        """
        return np.array([outcome.figures.get(figure, np.nan) for outcome in self.outcomes], dtype=float)
