"""Names and amounts of a config, refused with file and line where they do not fit."""

from __future__ import annotations

import math
from collections.abc import Iterable

from asm_hybrid.config.schema.amounts import TEMPERATURES
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.units import parse_quantity

__all__ = ["known", "located", "located_amount", "located_quantity"]


def known(name: str, options: Iterable[str], what: str, where: str) -> None:
    """Raise an error unless `name` is one of `options`.

    Parameters
    ----------
    name : str
        What the user wrote.
    options : iterable of str
        What there is.
    what : str
        What the name should be, in a few words: "a tank", "a parameter of asm1".
    where : str
        File and line.
    """
    names = list(options)
    if name not in names:
        raise InputError(f"{name!r} is not {what}", where=where, expected=what, fix=nearest(name, names))


def located(error: InputError, where: str) -> InputError:
    """Return an error with the place in the config that led to it.

    Parameters
    ----------
    error : InputError
        An error that names no place, or another one.
    where : str
        File and line.

    Returns
    -------
    InputError
    """
    return InputError(error.found, where=where, expected=error.expected, fix=error.fix)


def located_quantity(value: float | str, unit: str, where: str, *, difference: bool = False) -> float:
    """Return a number or a text with a unit as a number in one unit.

    Parameters
    ----------
    value : float or str
        A number in `unit`, or a text with its own unit.
    unit : str
        Unit of the result.
    where : str
        File and line.
    difference : bool
        Whether it is a difference of two values, see `parse_quantity`.

    Returns
    -------
    float
        In `unit`.

    Raises
    ------
    InputError
        If it is no number, or its unit does not fit; with `where`.
    """
    try:
        return parse_quantity(value, unit, difference=difference)
    except InputError as error:
        raise located(error, where) from None


def located_amount(value: float | str, unit: str, where: str) -> float:
    """Return a concentration, flow, volume or temperature as `located_quantity` does; one that cannot be is refused.

    Parameters
    ----------
    value : float or str
        A number in `unit`, or a text with its own unit.
    unit : str
        Unit of the result.
    where : str
        File and line.

    Returns
    -------
    float
        In `unit`: zero or above, or a temperature within `TEMPERATURES` [degC].

    Raises
    ------
    InputError
        If it is no number, has another dimension, or cannot be; with `where`.
    """
    number = located_quantity(value, unit, where)
    low, high = TEMPERATURES if unit == "degC" else (0.0, math.inf)
    if not low <= number <= high:
        raise InputError(
            f"the value is {value}" + ("" if isinstance(value, str) else f" {unit}"),
            where=where,
            expected=f"{low:g} to {high:g} degC" if unit == "degC" else f"zero or above [{unit}]",
            fix="correct the sign or the unit",
        )
    return number
