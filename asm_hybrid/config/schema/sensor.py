"""What a column says of its sensor or sampler: bias, lag, dead time, and the kind of sample."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from asm_hybrid.config.schema.amounts import Duration, duration, duration_text
from asm_hybrid.config.schema.section import Section, refuse

__all__ = ["LEARN", "LONGEST_DELAY", "Bias", "CompositeSection", "Delay", "Lag", "Sample"]

LEARN: Literal["learn"] = "learn"
LONGEST_DELAY = 1.0
"""Longest dead time of a sensor that can be given [d]."""


class CompositeSection(Section):
    """A sample collected over a period.

    Attributes
    ----------
    composite : float
        Period [d].
    weight : str
        ``"time"`` or ``"flow"``.
    """

    composite: Duration = Field(gt=0, description="Length of the period, which ends at the stamp [d].")
    weight: Literal["time", "flow"] = Field(
        default="time", description="Whether the sampler takes equal volumes in equal times, or in proportion to Q_in."
    )


def _sample(value: Any) -> Any:
    if value is None or value == "grab":
        return None
    if isinstance(value, dict | CompositeSection):
        return value
    raise refuse(f"the value is {value!r}", "grab, or a composite such as {composite: 24 h}")


def _bias(value: Any) -> Any:
    if value is None or value == LEARN:
        return value
    raise refuse(
        f"the value is {value!r}",
        "learn, or nothing",
        "a bias that is known belongs under corrections.offsets, with its sign turned",
    )


def _lag(value: Any) -> Any:
    if value is None or value == LEARN:
        return value
    days = duration(value)
    if days <= 0:
        raise refuse(f"the value is {value!r}", "learn, or a duration above zero such as '10 min'")
    return days


def _delay(value: Any) -> Any:
    days = _lag(value)
    if isinstance(days, float) and days > LONGEST_DELAY:
        raise refuse(
            f"the value is {value!r}",
            f"at most {24 * LONGEST_DELAY:g} h: the way of the sample to the sensor, and its analysis",
            "move late stamps by time.shift of the source",
        )
    return days


Sample = Annotated[
    CompositeSection | None,
    BeforeValidator(_sample),
    PlainSerializer(lambda s: "grab" if s is None else s.model_dump(mode="json")),
    WithJsonSchema({"anyOf": [{"const": "grab"}, CompositeSection.model_json_schema()]}),
]
"""How a value was sampled; None stands for ``grab``."""
Bias = Annotated[
    Literal["learn"] | None, BeforeValidator(_bias), WithJsonSchema({"enum": [LEARN, None], "type": ["string", "null"]})
]
Lag = Annotated[
    float | Literal["learn"] | None,
    BeforeValidator(_lag),
    PlainSerializer(lambda value: duration_text(value) if isinstance(value, float) else value),
    WithJsonSchema({"type": ["number", "string", "null"], "description": "[d], text with a unit, or learn"}),
]
"""First-order response time [d], or the word ``learn``."""
Delay = Annotated[
    float | Literal["learn"] | None,
    BeforeValidator(_delay),
    PlainSerializer(lambda value: duration_text(value) if isinstance(value, float) else value),
    WithJsonSchema({"type": ["number", "string", "null"], "description": "[d], text with a unit, or learn"}),
]
"""Dead time [d], or the word ``learn``."""
