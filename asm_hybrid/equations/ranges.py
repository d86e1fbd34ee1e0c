"""Numbers and ranges of a config of a generic ODE."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from asm_hybrid.config.schema.section import refuse

__all__ = ["Pair", "Row", "check_ascending", "check_within"]

Pair = Annotated[tuple[float, float], Field(strict=False)]
Row = Annotated[tuple[float, ...], Field(strict=False)]


def check_ascending(pair: tuple[float, float], what: str) -> None:
    """Refuse a range whose lower end is not below its upper end.

    Parameters
    ----------
    pair : tuple of float
        Lower and upper end.
    what : str
        What it is, for the message.
    """
    if not pair[0] < pair[1]:
        raise refuse(f"{what} is {list(pair)}", "[lower, upper] with lower below upper")


def check_within(start: float, bounds: tuple[float, float]) -> None:
    """Refuse a fit that does not start within its bounds.

    Parameters
    ----------
    start : float
        Where it starts.
    bounds : tuple of float
        Lower and upper bound.
    """
    check_ascending(bounds, "the range")
    if not bounds[0] < start < bounds[1]:
        raise refuse(
            f"the fit starts at {start:g}, outside its bounds [{bounds[0]:g}, {bounds[1]:g}]",
            "a start between the bounds, not at one of them",
        )
