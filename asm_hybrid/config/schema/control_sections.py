"""Sections ``plant.control`` and ``plant.cycles``: controllers, and time tables that repeat."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from asm_hybrid.config.schema.amounts import Amount, Duration
from asm_hybrid.config.schema.counts import MAX_PARTS
from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.config.schema.travel import Delay

__all__ = ["ControlSection", "CycleSection", "PhaseSection"]

SHORTEST_CYCLE = 1 / 1440
"""Length of the shortest cycle [d]."""
Order = Annotated[int, Field(ge=1, le=20)]
Span = Annotated[Duration, Field(gt=0)]


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_CONDITION = re.compile(r"\s*([A-Za-z]\w*\.\w+)\s*([<>])\s*(\S.*?)\s*")

Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    Field(strict=False, min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class LagSection(Section):
    """How something follows, by its response to a step."""

    response: Span = Field(description="Time after which 90 % of a step are reached [d].")
    order: Order = Field(
        default=2, description="Number of equal first-order lags; 8 come close to a pure delay, 1 is a plain lag."
    )


class SensorSection(Section):
    """What a controller sees."""

    response: Span | None = Field(default=None, description="Time after which 90 % of a step are shown [d].")
    order: Order = Field(default=2, description="Number of equal first-order lags.")
    delay: Delay = Field(default=0.0, description="Dead time before the lags [d], such as the way of a sample.")
    low: Amount = Field(default=0.0, description="Lower end of the measuring range.")
    high: Amount = Field(default=1e6, description="Upper end of the measuring range.")
    noise: Amount = Field(
        default=0.0, description="Standard deviation of the noise, a new value a minute; dynamic simulations have it."
    )


class ControlSection(Section):
    """One control loop. Values are in the unit of what they belong to, or texts with a unit.

    Attributes
    ----------
    type : str
        ``"pi"`` or ``"on_off"``.
    measure : str
        What is measured: ``TANK.X`` or ``TANK.volume``.
    move : tuple of str
        Inputs that are moved.
    setpoint : float or str, or None
        For a pi.
    gain : float or None
        For a pi [unit of what is moved per unit of what is measured].
    integral_time, tracking_time : float or None
        For a pi [d].
    offset, low, high : float or str, or None
        For a pi: what is moved without an error, and its limits.
    on, off : float or str, or None
        For an on_off: the two values of what is moved.
    switch_on, switch_off : float or str, or None
        For an on_off: where it switches, in the unit of what is measured.
    sensor : SensorSection
        The sensor.
    actuator : LagSection or None
        How what is moved follows.
    """

    type: Literal["pi", "on_off"] = Field(
        default="pi", description="pi, with anti-windup; or on_off, with a dead band."
    )
    measure: str = Field(description="TANK.X with X a component or composite, or TANK.volume.")
    move: Names = Field(
        description="The input that is moved, or a list of inputs: TANK.kla, TANK.air, recycle.NAME, return_sludge, "
        "wastage, Q_in, TANK.decant; or NAME.setpoint of another controller, for a cascade."
    )
    setpoint: Amount | None = Field(default=None, description="What should be measured: pi.")
    gain: float | None = Field(
        default=None, description="Gain, unit of what is moved per unit of what is measured; may be negative: pi."
    )
    integral_time: Span | None = Field(default=None, description="Integral time [d]: pi.")
    tracking_time: Span | None = Field(
        default=None, description="Time in which the integral follows a limit [d]: pi; default the integral time."
    )
    offset: Amount = Field(default=0.0, description="What is moved when nothing is amiss: pi.")
    low: Amount = Field(default=0.0, description="Lowest value of what is moved: pi.")
    high: Amount | None = Field(default=None, description="Highest value of what is moved: pi.")
    on: Amount | None = Field(default=None, description="Value when on: on_off.")
    off: Amount = Field(default=0.0, description="Value when off: on_off.")
    switch_on: Amount | None = Field(default=None, description="Measured value at which it switches on: on_off.")
    switch_off: Amount | None = Field(default=None, description="Measured value at which it switches off: on_off.")
    sensor: SensorSection = Field(default_factory=SensorSection, description="The sensor; ideal without it.")
    actuator: LagSection | None = Field(default=None, description="How what is moved follows; at once without it.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = {
            "pi": ("setpoint", "gain", "integral_time", "high"),
            "on_off": ("on", "switch_on", "switch_off"),
        }
        lacking = [name for name in needs[self.type] if getattr(self, name) is None]
        if lacking:
            raise refuse(
                f"a controller of type {self.type!r} lacks {', '.join(lacking)}",
                f"all of {', '.join(needs[self.type])}",
                f"add {lacking[0]!r}",
            )
        other = "on_off" if self.type == "pi" else "pi"
        foreign = [name for name in needs[other] if getattr(self, name) is not None]
        if foreign:
            raise refuse(
                f"a controller of type {self.type!r} has no {', '.join(foreign)}",
                f"{', '.join(needs[self.type])}",
                f"remove it, or set type: {other}",
            )
        if self.gain == 0:
            raise refuse("the gain is 0, with which a controller moves nothing", "a gain above or below zero")
        return self


def _condition(value: Any) -> tuple[str, str, str]:
    expected = "a condition such as 'reactor.volume < 900 m3' or 'reactor.S_NH > 2 mg N/L'"
    if isinstance(value, tuple):
        return value
    found = _CONDITION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refuse(f"the value is {value!r}", expected)
    return found[1], found[2], found[3]


Condition = Annotated[
    tuple[str, str, str],
    BeforeValidator(_condition),
    PlainSerializer(lambda value: " ".join(value)),
    WithJsonSchema({"type": "string", "examples": ["reactor.volume < 900 m3"]}),
]
"""What is measured, '<' or '>', and the value with its unit."""


class PhaseSection(Section):
    """One phase of a cycle.

    Attributes
    ----------
    name : str
        What happens.
    duration : float
        Length at most [d].
    until : (str, str, str) or None
        What ends it earlier: what is measured, ``<`` or ``>``, and the value with its unit.
    set : mapping of str to float or str
        Inputs and their values; all others of the cycle are zero.
    """

    name: str = Field(default="", description="What happens.")
    duration: Span = Field(description="How long it lasts, at most where until may end it [d].")
    until: Condition | None = Field(
        default=None,
        description="What ends it earlier: TANK.X or TANK.volume, < or >, and a value: 'reactor.volume < 900 m3'.",
    )
    set: dict[str, Amount] = Field(
        default_factory=dict, description="Inputs and their values in this phase; an input not named here is 0."
    )


class CycleSection(Section):
    """Phases that follow each other and begin again; the first begins at time zero.

    Attributes
    ----------
    phases : tuple of PhaseSection
        In order of time.
    """

    phases: Annotated[tuple[PhaseSection, ...], Field(strict=False, min_length=1, max_length=MAX_PARTS)] = Field(
        description="The phases, which together take a minute or more."
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        total = sum(phase.duration for phase in self.phases)
        if total < SHORTEST_CYCLE - 1e-12:
            raise refuse(
                f"the phases take {total * 86400:.3g} s together",
                "a minute or more: a simulation stops at the end of every phase",
                "check the unit of the durations",
            )
        return self
