"""Values far below all others: zeros that a logger writes where it has no value, and thousandths of the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.gross import FAR, FEW_SAMPLES, FEW_SHARE
from asm_hybrid.data.sentinels import FEW_LEVELS

__all__ = ["check_low"]

Values = NDArray[np.float64]

NEAR_ZERO = 0.1
"""Share of the median below which a value counts as near zero [-]: what falls to zero passes through such values."""
LOWEST = 0.01
"""Share of the values above zero that may lie there by other faults [-]."""
MOST = 0.5
"""Largest share of the values that may be wrong [-]: what is zero for longer is so for a reason."""
THOUSAND = 1000.0
ABOUT = 3.0
"""How far a thousand times the low values may lie outside the others, as a factor [-]."""


def check_low(values: Values, place: Place, target: str, *, limited: bool = False) -> list[QualityFinding]:
    """Return warnings about zeros, and about thousandths of the other values, with nothing between.

    Parameters
    ----------
    values : float array, (row,)
        Values in the column's unit, NaN where there is none.
    place : Place
        File, header and row numbers.
    target : str
        Name in the model. Flows but that of the influent are not looked at, nor oxygen: pumps and air are turned off.
    limited : bool
        Whether the column has a limit of detection, below which zero is a way to say so.

    Returns
    -------
    list of QualityFinding
        Kinds ``zeros`` and ``thousandths``.
    """
    measured = target in ("Q_in", "T") or "." in target
    set_by_hand = target.startswith("recycle.") or target.rpartition(".")[2] in ("kla", "air", "S_O", "setpoint")
    ordered = np.sort(values[values > 0])
    if not measured or set_by_hand or ordered.size <= FEW_SAMPLES or np.unique(ordered).size <= FEW_LEVELS:
        return []
    return [
        *([] if limited else _zeros(values, ordered, place, target)),
        *([] if target == "T" else _thousandths(values, ordered, place)),
    ]


def _zeros(values: Values, ordered: Values, place: Place, target: str) -> list[QualityFinding]:
    zero = values == 0
    most = FEW_SHARE if target == "Q_in" else MOST
    low = float(np.quantile(ordered, LOWEST))
    if not 0 < zero.sum() <= most * (zero.sum() + ordered.size) or low < NEAR_ZERO * np.median(ordered):
        return []
    return [
        place.finding(
            "warning",
            "zeros",
            f"{zero.sum()} of {zero.size} values {'is' if zero.sum() == 1 else 'are'} 0, and hardly any other is below "
            f"{low:.4g} {place.unit}: zero seems to stand for 'no value'",
            zero,
            expected="measured values, or empty cells",
            fix="add 'missing: [0]' to the source if no column of it measures zero; else empty these cells, or name "
            "their time under the column's 'exclude'",
        )
    ]


def _thousandths(values: Values, ordered: Values, place: Place) -> list[QualityFinding]:
    """Return a warning where a thousand times some values lie among the others, and nothing lies between."""
    with np.errstate(over="ignore"):  # beside the smallest numbers that a file can hold
        gap = int(np.argmax(ordered[1:] / ordered[:-1]))
    low, high = ordered[: gap + 1], ordered[gap + 1 :]
    among = low[0] * THOUSAND >= high[0] / ABOUT and low[-1] * THOUSAND <= high[-1] * ABOUT
    if high[0] < max(FAR * low[-1], NEAR_ZERO * float(np.median(high))) or not among:
        return []
    few_low = low.size <= high.size
    fewer = (values > 0) & (values <= low[-1]) if few_low else values >= high[0]
    return [
        place.finding(
            "warning",
            "thousandths",
            f"{low.size} values are at most {low[-1]:.6g} {place.unit}, {high.size} are at least {high[0]:.6g}, and a "
            "thousand times the low ones lie among the high ones",
            fewer,
            expected="one unit in all rows, and no sign between thousands",
            fix="if a point parted thousands, or the unit changed, multiply the low values by 1000",
        )
    ]
