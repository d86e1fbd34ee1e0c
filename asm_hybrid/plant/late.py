"""What arrives late: streams with a way to go, and what sensors of controllers with a dead time show."""

from __future__ import annotations

from dataclasses import dataclass

from asm_hybrid.plant.layout import Layout

__all__ = ["RETURN", "LateSignal", "late_signals"]

RETURN = "return_sludge"
"""Name of the return sludge among late streams."""


@dataclass(frozen=True)
class LateSignal:
    """One stream, or what one sensor shows, in the vector of what arrives late.

    Attributes
    ----------
    name : str
        ``recycle.NAME``, ``return_sludge``, or the controller.
    delay : float
        How much later it arrives [d].
    begin, end : int
        Its entries in the vector: a concentration for every component, or a value.
    """

    name: str
    delay: float
    begin: int
    end: int


def late_signals(layout: Layout, components: int) -> tuple[LateSignal, ...]:
    """Return what arrives late in a plant.

    Parameters
    ----------
    layout : Layout
        The flow sheet.
    components : int
        Number of components.

    Returns
    -------
    tuple of LateSignal
        Streams first, then sensors; empty where nothing is late.
    """
    given = [(f"recycle.{r.name}", r.delay, components) for r in layout.recycles]
    given += [(RETURN, layout.return_delay, components)]
    given += [(c.name, c.sensor.delay, 1) for c in layout.controllers]
    found, at = [], 0
    for name, delay, size in given:
        if delay > 0.0:
            found.append(LateSignal(name, delay, at, at + size))
            at += size
    return tuple(found)
