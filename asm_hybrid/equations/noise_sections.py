"""Noise in the config of a generic ODE."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from asm_hybrid.config.schema.counts import Hidden
from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.equations.ranges import Pair, check_within

__all__ = ["MAX_PATHS", "DiffusionSection", "Written"]

MAX_PATHS = 10_000
"""Paths of the truth: all their data are held, and every step of the fit goes through all of them."""


def _written(value: Any) -> Any:
    return f"{value:.17g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


Written = Annotated[str, BeforeValidator(_written)]
"""An expression of the states, or a number."""


class DiffusionNetworkSection(Section):
    """A network as the diffusion."""

    hidden: Hidden = Field(description="Widths of the hidden layers.")
    activation: Literal["tanh", "silu", "relu", "softplus"] = Field(
        default="tanh", description="Activation of the hidden layers."
    )


class LevelSection(Section):
    """A constant diffusion to be fitted."""

    start: float = Field(description="Value to start from [unit of the state by the root of that of the times].")
    bounds: Pair = Field(description="[lower, upper], within which it stays.")

    @model_validator(mode="after")
    def _start_within(self) -> Self:
        check_within(self.start, self.bounds)
        if self.bounds[0] < 0:
            raise refuse(f"the lower bound is {self.bounds[0]:g}", "a diffusion of zero or above")
        return self


class DiffusionSection(Section):
    """What noise does to the states: a constant for each, or a network of them.

    Attributes
    ----------
    constants : dict of str to LevelSection or None
        For every state a constant to fit.
    network : DiffusionNetworkSection or None
        A network in their place.
    """

    constants: dict[str, LevelSection] | None = Field(
        default=None, min_length=1, description="For every state a constant to fit."
    )
    network: DiffusionNetworkSection | None = Field(
        default=None, description="In their place, a network of the states, whose values stay above zero."
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.constants is None) == (self.network is None):
            both = "'constants' and 'network' are both given"
            raise refuse(both if self.network else "neither 'constants' nor 'network' is given", "one of the two")
        return self
