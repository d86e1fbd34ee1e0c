"""Gross values: what is impossible, what a number format or a logger writes in place of a value, what lies far off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.sentinels import FEW_LEVELS, sentinels

__all__ = ["check_far", "check_impossible"]

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]
Range = tuple[float | None, float | None]

POSSIBLE = {"m3/d": 1e8, "g/m3": 2e6, "mol/m3": 1e5, "degC": 100.0, "1/d": 1e5}
"""Largest values that a quantity can take, by internal unit: a flow above that of any plant, mass or COD in a volume
above that of any liquid, boiling water, transfer within a second."""
OXYGEN = 100.0
"""The same for dissolved oxygen [g/m3]: twice what water takes up from pure oxygen."""
COLDEST = -10.0
"""Lowest temperature of water [°C]."""
AIR = 10.0
"""Air flows may be this many times larger than flows of water [-]."""

FAR = 10.0
"""How many times larger than all other values a group of few values is when it is far outside."""
FAR_STEPS = 100.0
"""The same in a series of few samples or of steps, such as a set point."""
FEW_SAMPLES = 20
"""Samples up to which a series is too short to tell what is usual in it."""
FEW_SHARE = 0.02
"""Largest share of the values that may be far outside [-]."""
READ_OFF = 20.0
"""Concentrations and temperatures up to here are never called far outside, in their internal unit: what is near zero
all the time may well rise to it."""


def check_impossible(
    values: Values, internal: Values, place: Place, target: str, unit: str, declared: Range | None = None
) -> list[QualityFinding]:
    """Return errors about values that cannot be measured, and warnings of those that may be a word for 'no value'.

    Parameters
    ----------
    values, internal : float array, (row,)
        Values in the column's unit, and in the internal unit; NaN where there is none.
    place : Place
        File, header and row numbers.
    target, unit : str
        Name in the model, and the internal unit.
    declared : (float or None, float or None), optional
        Range that the user gives, in the column's unit; None for an open end.

    Returns
    -------
    list of QualityFinding
        Kinds ``impossible value``, ``sentinel``.
    """
    impossible = _impossible(internal, target, unit)
    kept = np.where(impossible, np.nan, values)
    found = []
    if impossible.any():
        worst = values[impossible][np.argmax(np.abs(values[impossible]))]
        found.append(
            place.finding(
                "error",
                "impossible value",
                f"{_count(impossible)} {_number(worst)} {place.unit}, which no {_quantity(target, unit)} can be",
                impossible,
                expected="measured values, or empty cells",
                fix=_remedy(values[impossible]) + "; if all values are as large, correct the column's unit",
            )
        )
    return found + _written_for_none(kept, place, declared)


def check_far(
    values: Values, internal: Values, place: Place, unit: str, declared: Range | None = None
) -> list[QualityFinding]:
    """Return a warning for few values that lie far above all others.

    Real peaks rise and fall, so that values lie between them and what is usual; what is meant here has nothing between.

    Parameters
    ----------
    values, internal, place, unit, declared
        See `check_impossible`.

    Returns
    -------
    list of QualityFinding
        At most one, of the kind ``far outside``.
    """
    if declared is not None and declared[1] is not None:
        return []
    ordered = np.sort(internal[internal > 0])
    levels = np.unique(ordered).size
    if ordered.size < 3:
        return []
    steps = levels <= FEW_LEVELS or ordered.size <= FEW_SAMPLES
    most = max(1, int(FEW_SHARE * ordered.size))
    upper = ordered[-most - 1 :]
    far = np.flatnonzero(upper[1:] > (FAR_STEPS if steps else FAR) * upper[:-1])
    floor = READ_OFF if unit == "degC" or unit.endswith("/m3") else 0.0
    if not far.size or upper[far[-1] + 1] <= floor:
        return []
    chosen = internal >= upper[far[0] + 1]
    usual = values[internal == upper[far[0]]][0]
    return [
        place.finding(
            "warning",
            "far outside",
            f"{_count(chosen)} up to {_number(values[chosen].max())} {place.unit}, and no other is above {usual:.6g}",
            chosen,
            expected=f"values within {FAR:g} times of the others",
            fix="empty the cells that are no measurement, or name their time under the column's 'exclude'; if they "
            "were measured, give the column a 'range' that holds them",
        )
    ]


def _impossible(internal: Values, target: str, unit: str) -> Rows:
    per_volume = unit.startswith("g") and unit.endswith("/m3")
    limit = POSSIBLE.get("g/m3" if per_volume else unit, np.inf)
    if target.endswith(".S_O"):
        limit = OXYGEN
    elif target.endswith(".air"):
        limit *= AIR
    coldest = COLDEST if unit == "degC" else -limit
    return np.asarray((internal > limit) | (internal < coldest))


def _quantity(target: str, unit: str) -> str:
    if unit == "degC":
        return "temperature of water"
    if unit == "m3/d":
        return "flow"
    return "concentration" if unit.endswith("/m3") else f"value of {target}"


def _written_for_none(values: Values, place: Place, declared: Range | None) -> list[QualityFinding]:
    """Return what is to be said of numbers that number formats and loggers write where there is no value."""
    return [
        place.finding(
            "error" if found.certain else "warning",
            "sentinel",
            f"the value {_number(values[found.rows][0])} looks like {found.word}",
            found.rows,
            expected="measured values, or empty cells",
            fix=f"{_remedy(values[found.rows])}; if it is a measured value, give the column a range that holds it",
        )
        for found in sentinels(values, declared)
    ]


def _count(chosen: Rows) -> str:
    return f"{chosen.sum()} of {chosen.size} values {'is' if chosen.sum() == 1 else 'are'}"


def _remedy(values: Values) -> str:
    """Return how to say that numbers are no values."""
    different = np.unique(values)
    if different.size > 3:
        return "empty these cells, or name their time under the column's 'exclude'"
    return f"add 'missing: [{', '.join(_number(v) for v in different)}]' to the source"


def _number(value: float) -> str:
    """Return a number as it can be written back."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else repr(float(value))
