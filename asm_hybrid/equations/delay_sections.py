"""Delays and histories in the config of a generic ODE."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.equations.ranges import Pair, Row, check_within

__all__ = ["DelayName", "DelaySection", "HistorySection", "LearntDelay", "Length"]

DelayName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,31}$")]
"""A name that an equation can use."""


def _length(value: Any) -> Any:
    """Refuse what is no length above zero, with what may have been meant."""
    if isinstance(value, str):
        raise refuse(
            f"the delay is {value!r}: delays that depend on time or state are not solved",
            "a constant length above zero",
            "write a number; a delay that is not known is learnt from {start: …, bounds: […, …]}",
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and not value > 0:
        future = "write what lies a time tau back as a delay of +tau; the future cannot be asked for"
        raise refuse(
            f"the delay is {value:g}",
            "a length above zero",
            future if value < 0 else "leave it out: the right-hand side has the present state already",
        )
    return value


Length = Annotated[float, BeforeValidator(_length)]
"""A delay [unit of the times]."""


class DelaySection(Section):
    """A delay of the right-hand side: a number where it is known, or where to look for it.

    Attributes
    ----------
    start : float
        Its length, or where learning starts [unit of the times].
    bounds : tuple of float or None
        Lower and upper bound within which it is learnt; without them it stays as it is.
    """

    start: Length = Field(description="Its length, or where learning starts [unit of the times].")
    bounds: Pair | None = Field(
        default=None, description="[lower, upper] within which it is learnt; without them it stays as it is."
    )

    @model_validator(mode="after")
    def _start_within(self) -> Self:
        if self.bounds is not None:
            check_within(self.start, self.bounds)
            if not self.bounds[0] > 0:
                raise refuse(
                    f"the delay is learnt from {self.bounds[0]:g} on",
                    "a lower bound above zero",
                    "no step is longer than the smallest delay: choose the shortest that makes sense",
                )
        return self

    @property
    def most(self) -> float:
        """The longest that it can become."""
        return self.start if self.bounds is None else self.bounds[1]


LearntDelay = Annotated[
    DelaySection,
    BeforeValidator(lambda value: value if isinstance(value, dict | DelaySection) else {"start": _length(value)}),
]
"""A number stands for a delay that is known."""


class HistorySection(Section):
    """States before the span, linear between their times and up to the initial state.

    Attributes
    ----------
    times : tuple of float
        Times before the begin of the span, ascending.
    values : dict of str to tuple of float
        Of every state a value for every time.
    """

    times: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] = Field(
        description="Times before the begin of the span, ascending."
    )
    values: dict[str, Row] = Field(description="Of every state a value for every time.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(b <= a for a, b in pairwise(self.times)):
            raise refuse("the times of the history do not ascend", "ascending times, each once")
        for name, values in self.values.items():
            if len(values) != len(self.times):
                raise refuse(
                    f"the history of {name!r} has {len(values)} values", f"{len(self.times)} values, one for every time"
                )
        return self
