"""What a calibration searches for, with what is known of it before anything was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Unknowns"]

SHARE = 0.25
"""Standard deviation of the prior of a parameter's logarithm, as a share of the range between the bounds."""


@dataclass(frozen=True, eq=False)
class Unknowns:
    """What is searched for, in coordinates in which the prior is a Gaussian. Parameters come first.

    Attributes
    ----------
    names : tuple of str
        Their names.
    parameters : int
        How many of them are parameters of f; their coordinates are logarithms.
    centre, spread : ndarray, shape (unknown,)
        Mean and standard deviation of the prior.
    low, high : ndarray, shape (unknown,)
        Bounds.
    optional : ndarray of bool, shape (unknown,)
        Those that are held where the data tell nothing of them.
    profiled : ndarray of bool, shape (unknown,)
        Those that get an interval.
    """

    names: tuple[str, ...]
    parameters: int
    centre: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    optional: np.ndarray
    profiled: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_parameters(cls, names: Sequence[str], defaults: np.ndarray, bounds: np.ndarray) -> Unknowns:
        """Return parameters of f.

        The prior of each is a Gaussian in its logarithm, around the default, with a quarter of the range between the
        bounds as standard deviation: bounds are about two of them away. It is weak where the data tell anything, and
        keeps what they do not determine near the default.

        Parameters
        ----------
        names : sequence of str
            Their names.
        defaults : ndarray, shape (parameter,)
            Their default values.
        bounds : ndarray, shape (parameter, 2)
            Lowest and highest value; all positive.

        Returns
        -------
        Unknowns
        """
        low, high = np.log(bounds).T
        every = np.ones(len(names), dtype=bool)
        return cls(tuple(names), len(names), np.log(defaults), SHARE * (high - low), low, high, ~every, every)

    def with_more(
        self,
        names: Sequence[str],
        spread: float,
        bound: float,
        *,
        low: float | None = None,
        optional: bool = False,
        profiled: bool = False,
    ) -> Unknowns:
        """Return the same and further unknowns beside the parameters, all alike.

        Parameters
        ----------
        names : sequence of str
            Their names.
        spread : float
            Standard deviation of the prior, around zero.
        bound : float
            Largest absolute value.
        low : float, optional
            Lowest value; the negative of `bound` without it.
        optional, profiled : bool
            Whether they are held where the data tell nothing of them, and whether they get an interval.

        Returns
        -------
        Unknowns
        """
        count = len(names)

        def joined(own: np.ndarray, value: float) -> np.ndarray:
            return np.concatenate([own, np.full(count, value, dtype=own.dtype)])

        return Unknowns(
            names=(*self.names, *names),
            parameters=self.parameters,
            centre=joined(self.centre, 0.0),
            spread=joined(self.spread, spread),
            low=joined(self.low, -bound if low is None else low),
            high=joined(self.high, bound),
            optional=joined(self.optional, optional),
            profiled=joined(self.profiled, profiled),
        )

    def without(self, index: int) -> Unknowns:
        """Return the same but for one that is no parameter."""
        assert index >= self.parameters
        names = (*self.names[:index], *self.names[index + 1 :])
        fields = ("centre", "spread", "low", "high", "optional", "profiled")
        return Unknowns(names, self.parameters, **{f: np.delete(getattr(self, f), index) for f in fields})

    def shown(self, x: np.ndarray) -> list[tuple[str, float]]:
        """Return the parameters by name with their values at a place."""
        return list(zip(self.names[: self.parameters], np.exp(x[: self.parameters]).tolist(), strict=True))

    def spread_places(self, x: np.ndarray, count: int) -> np.ndarray:
        """Return places that fill the bounds of the parameters evenly; all else is as at a place.

        It is the additive recurrence of Roberts 2018 [1]_, which fills a box of many dimensions evenly.

        Parameters
        ----------
        x : ndarray, shape (unknown,)
            The place.
        count : int
            How many.

        Returns
        -------
        ndarray, shape (count, unknown)

        References
        ----------
        .. [1] M. Roberts (2018), "The unreasonable effectiveness of quasirandom sequences",
           https://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences/.
        """
        base = 2.0
        for _ in range(60):  # the root of base ** (parameters + 1) = base + 1
            base = (1.0 + base) ** (1.0 / (self.parameters + 1))
        steps = base ** -np.arange(1.0, self.parameters + 1)
        share = (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0
        places = np.tile(x, (count, 1))
        own = slice(0, self.parameters)
        places[:, own] = self.low[own] + share * (self.high - self.low)[own]
        return places
