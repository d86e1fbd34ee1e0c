"""Which laws follow what was learnt: every form that fits its driver, by what it leaves and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asm_hybrid.explanations.laws.law import Factor, Law, driver_of, law_forms
from asm_hybrid.kinetics import Table

__all__ = ["product_law", "rank_laws"]

SMALLEST = 1e-6
"""Mean square of what is left below which two fits are the same: a thousandth of a factor of one."""


def rank_laws(x: np.ndarray, factor: np.ndarray, weight: np.ndarray, driver: str, table: Table) -> list[Law]:
    """Return the laws that may stand for a learnt factor, the best first.

    Every form that reads such a driver is fitted to the curve up to a scale. The order is that of the information
    criterion of Akaike, corrected for small samples [1]_, with the effective number of points ``(Σw)²/Σw²`` [2]_.

    Parameters
    ----------
    x, factor : ndarray, shape (point,)
        Driver, and learnt factor of the rate [-].
    weight : ndarray, shape (point,)
        Weight of each point, such as how much of the record lies there; above zero.
    driver : str
        Name of the driver, see `driver_of`.
    table : Table
        The kinetics table, which knows its unit.

    Returns
    -------
    list of Law
        Empty where no rate can read the driver, it does not vary, or the curve has too few points.

    References
    ----------
    .. [1] C. M. Hurvich, C.-L. Tsai (1989), "Regression and time series model selection in small samples", Biometrika
       76, 297-307, https://doi.org/10.1093/biomet/76.2.297.
    .. [2] L. Kish (1965), "Survey Sampling", Wiley, section 11.7.
    """
    read = driver_of(table, driver, x, weight)
    if read is None:
        return []
    found = []
    for form in law_forms().values():
        if not form.applies(read):
            continue
        guess = form.guess(x, factor, weight, read)
        score = _score(guess.residual, weight, len(form.free) + 2)
        if score is not None:
            found.append(Law((Factor(form, read, guess.values),), guess.scale, guess.residual, score))
    return sorted(found, key=lambda law: law.score)


def product_law(first: Sequence[Law], second: Sequence[Law]) -> Law | None:
    """Return the product of the best laws of two drivers.

    Accumulated local effects add up in the logarithm of a factor, so each law is read from the curve of its own driver.

    Parameters
    ----------
    first, second : sequence of Law
        From `rank_laws`, of two drivers.

    Returns
    -------
    Law or None
        None where one of the two has no law, or both read the same.
    """
    if not first or not second or first[0].factors[0].driver.name == second[0].factors[0].driver.name:
        return None
    one, other = first[0], second[0]
    return Law(
        (*one.factors, *other.factors),
        one.scale * other.scale,
        one.residual + other.residual,
        one.score + other.score,
    )


def _score(residual: float, weight: np.ndarray, free: int) -> float | None:
    """Return the corrected criterion; `free` counts constants, scale and the size of what is left."""
    points = float(weight.sum() ** 2 / np.sum(weight**2))
    room = points - free - 1
    if room <= 0:
        return None
    return points * float(np.log(max(residual, SMALLEST))) + 2.0 * free + 2.0 * free * (free + 1) / room
