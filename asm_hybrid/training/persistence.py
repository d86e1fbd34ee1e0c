"""How much errors that persist tell: the number of them that count as independent, and what they do to an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["PERSISTENCE", "Samples"]

PERSISTENCE = 0.25
"""Time within which the errors of one column count as one, since they persist, before residuals tell it [d]."""
DAY = 1.0
"""Time over which the slopes of the misfit are summed before their covariance is taken [d]."""


@dataclass(frozen=True, eq=False)
class Samples:
    """When and by what the residuals of a calibration were measured.

    Attributes
    ----------
    times : ndarray, shape (sample,)
        Times of the samples [d].
    columns : ndarray of int, shape (sample,)
        Which column each sample belongs to.
    """

    times: np.ndarray
    columns: np.ndarray

    @cached_property
    def _of_columns(self) -> list[np.ndarray]:
        """The samples of every column, in the order of their times."""
        order = np.argsort(self.times, kind="stable")
        return [order[self.columns[order] == c] for c in np.unique(self.columns)]

    @property
    def assumed(self) -> float:
        """The number of independent errors before anything is known of them: one a column in `PERSISTENCE`."""
        return sum(min(len(at), 1.0 + float(np.ptp(self.times[at])) / PERSISTENCE) for at in self._of_columns)

    def effective(self, residual: np.ndarray) -> float:
        """Return how many independent errors tell as much as the residuals do.

        A mean over N errors that persist is as uncertain as one over ``N / (1 + 2 Σ ρ_k)`` independent ones, with the
        autocorrelations ρ_k. They are summed in pairs of lags as long as the sum of a pair is above zero, after Geyer
        1992 [1]_, column by column. Gaps are left out.

        Parameters
        ----------
        residual : ndarray, shape (sample,)
            The residuals.

        Returns
        -------
        float
            At most the number of samples.

        References
        ----------
        .. [1] C. J. Geyer (1992), "Practical Markov chain Monte Carlo", Statistical Science 7, 473-483,
           https://doi.org/10.1214/ss/1177011137.
        """
        return sum(len(at) / _inflation(self.times[at], residual[at]) for at in self._of_columns)

    def covariance_of_slopes(self, residual: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Return the covariance of the slopes of half the sum of squares, whatever the correlation in time.

        The products of residuals and their slopes are summed by day, over all columns. The covariance of these sums is
        that of Newey and West 1987 [1]_, with the cube root of the number of days as the longest lag.

        Parameters
        ----------
        residual : ndarray, shape (sample,)
            The residuals.
        slope : ndarray, shape (sample, unknown)
            Their derivatives.

        Returns
        -------
        ndarray, shape (unknown, unknown)

        References
        ----------
        .. [1] W. K. Newey, K. D. West (1987), "A simple, positive semi-definite, heteroskedasticity and autocorrelation
           consistent covariance matrix", Econometrica 55, 703-708, https://doi.org/10.2307/1913610.
        """
        day = np.floor(self.times / DAY).astype(int)
        day = day - day.min()
        sums = np.zeros((day.max() + 1, slope.shape[1]))
        np.add.at(sums, day, residual[:, None] * slope)
        days, unknowns = len(np.unique(day)), slope.shape[1]
        found = sums.T @ sums
        longest = min(len(sums) - 1, round(days ** (1 / 3)))
        for lag in range(1, longest + 1):
            product = sums[lag:].T @ sums[:-lag]
            found += (1.0 - lag / (longest + 1)) * (product + product.T)
        # Residuals of a fit are smaller than the errors.
        return np.asarray(found * days / max(1, days - min(unknowns, days // 2)))


def _inflation(times: np.ndarray, residual: np.ndarray) -> float:
    """Return by how much the variance of a mean grows by the autocorrelation of a column; one at least."""
    gaps = np.diff(times)
    step = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 0.0
    if len(times) < 8 or step <= 0.0 or not residual.any():
        return 1.0
    place = np.round((times - times[0]) / step).astype(int)
    series, present = np.zeros(place[-1] + 1), np.zeros(place[-1] + 1)
    series[place], present[place] = residual, 1.0
    size = 1 << int(2 * len(series) - 1).bit_length()
    products, pairs = (np.fft.irfft(np.abs(np.fft.rfft(x, size)) ** 2, size)[: len(series)] for x in (series, present))
    half = len(series) // 2
    rho = products[:half] / np.maximum(pairs[:half], 1.0) / (products[0] / pairs[0])
    total = 0.0
    for k in range(0, len(rho) - 1, 2):
        pair = rho[k] + rho[k + 1]
        if pair <= 0.0 or pairs[k] < 0.1 * pairs[0]:
            break
        total += pair
    return float(max(1.0, 2.0 * total - 1.0))
