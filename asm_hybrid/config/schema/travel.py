"""Delays within a plant: times of travel of streams, and dead times of the sensors of controllers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from asm_hybrid.config.schema.amounts import Duration
from asm_hybrid.config.schema.section import refuse

__all__ = ["Delay", "Travel"]

SHORTEST, LONGEST = 1.0 / 1440.0, 1.0
"""Delays that can be [d]; shorter ones cost as many pieces of a simulation as there are in it."""


def _possible(days: float) -> float:
    if days == 0.0 or SHORTEST * (1.0 - 1e-9) <= days <= LONGEST:
        return days
    raise refuse(f"the value is {days:g} d", "0, or a time from 1 min to 1 d", "leave it out where it is shorter")


def _given(value: Any) -> Any:
    if value == "learn":
        raise refuse(
            "the value is 'learn'",
            "a time, such as '20 min'",
            "leave it out and train with --accept: the diagnosis finds the shift of the influent, and proposes it "
            "under corrections.shifts",
        )
    return value


Delay = Annotated[Duration, AfterValidator(_possible)]
"""Time after which something arrives [d]; 0 for at once."""
Travel = Annotated[Duration, AfterValidator(_possible), BeforeValidator(_given)]
"""Time of travel through a sewer [d]."""
