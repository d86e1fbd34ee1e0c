"""What an exported model is made of: its variables, and its program text in C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Described", "Variable"]


@dataclass(frozen=True)
class Variable:
    """One variable.

    Attributes
    ----------
    name, unit, description : str
        Its name, its unit, such as ``g COD/m3``, and what it is.
    start, nominal : float
        Value at the start, and usual size.
    minimum, maximum : float, optional
        Range in which the model is meant to be used.
    """

    name: str
    unit: str
    description: str
    start: float
    nominal: float = 1.0
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Described:
    """A model that can be exported.

    Attributes
    ----------
    name, identifier, text : str
        Its name, the same as an identifier of C, and what it is.
    states, inputs, outputs, parameters : tuple of Variable
        Its variables; the outputs are all but the states.
    table_inputs, switches : frozenset of str
        Inputs that time tables give, and parameters that are 0 or 1.
    members, member : int
        Number of trained seeds of n, and the one that acts at the start; 0 is f alone.
    events : int
        Number of distances whose change of sign is an event.
    step : float
        Communication step that fits the record [s].
    derivative_of, output_of : tuple
        For every rate of change, and every output, the states and the inputs it depends on.
    sources : mapping of str to str
        ``model.h`` and ``model.c``.
    """

    name: str
    identifier: str
    text: str
    states: tuple[Variable, ...]
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    parameters: tuple[Variable, ...]
    table_inputs: frozenset[str]
    switches: frozenset[str]
    members: int
    member: int
    events: int
    step: float
    derivative_of: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    output_of: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    sources: Mapping[str, str]
