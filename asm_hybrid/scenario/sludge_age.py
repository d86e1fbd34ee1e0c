"""The wastage by which a plant has a wanted sludge age at steady state."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.operation import operation

__all__ = ["wastage_for"]

BEYOND, LEAST, FARTHEST = 1.1, 0.02, 1.6
"""Steps of the logarithm of wastage in the search for a bracket: over that of the age, least and largest [-]."""
TRIES = 24
"""Steps of that search at most."""
CLOSE = 1e-7
"""Relative distance of two wastages at which the search ends [-]."""
USUAL = 0.02
"""Wastage over influent where the plant wastes none yet [-]."""


def wastage_for(compiled: CompiledPlant, inputs: np.ndarray, days: float, where: str | None = None) -> float:
    """Find the wastage by which tanks and settler have a sludge age at the steady state of f.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant, without n.
    inputs : ndarray, shape (input,)
        Mean inputs; what they say of wastage is where the search begins.
    days : float
        The sludge age [d], as `asm_hybrid.scenario.operation.Sludge.total` has it.
    where : str, optional
        Place for the message.

    Returns
    -------
    float
        Wastage [m3/d].

    Raises
    ------
    InputError
        When no wastage gives this sludge age.
    """
    compiled = compiled.at_once
    place, flow = compiled.plant.input_index["wastage"], float(inputs[compiled.plant.input_index["Q_in"]])
    reached: list[float] = []

    def off(logarithm: float) -> float:
        own = inputs.copy()
        own[place] = math.exp(logarithm)
        found = operation(compiled.plant, compiled.parameters, own, compiled)
        sludge = found.sludge
        if sludge is None:
            raise InputError(
                found.reason or "the kinetics table has no TSS",
                where=where,
                expected="a plant with a steady state and suspended solids, which have an age",
            )
        reached.append(sludge.total)
        return math.log(sludge.total / days)

    begin = float(inputs[place]) or USUAL * flow
    bracket = _bracket(off, math.log(begin), math.log(flow))
    if bracket is None:
        raise InputError(
            f"no wastage gives a sludge age of {days:g} d",
            where=where,
            expected=f"an age that this plant can have: it had {min(reached):.3g} to {max(reached):.3g} d on the way",
            fix="a settler that loses solids bounds the age from above, and the influent the wastage",
        )
    return math.exp(brentq(off, *bracket, xtol=CLOSE, rtol=CLOSE))


def _bracket(off: Callable[[float], float], begin: float, highest: float) -> tuple[float, float] | None:
    """Return two logarithms of wastage between which the age is the wanted one; it falls as the wastage rises."""
    at, value = begin, off(begin)
    for _ in range(TRIES):
        if value == 0.0:
            return at - CLOSE, at + CLOSE
        # the age is nearly inverse to the wastage: a little farther than that, so that the wanted one lies between
        move = math.copysign(min(BEYOND * abs(value) + LEAST, FARTHEST), value)
        following = min(at + move, highest)
        if following == at:
            return None
        try:
            then = off(following)
        except InputError:
            return None
        if (then > 0.0) != (value > 0.0):
            return min(at, following), max(at, following)
        if abs(then - value) < CLOSE:
            return None
        at, value = following, then
    return None
