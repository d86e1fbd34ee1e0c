"""What a rate may read beside concentrations and parameters: inputs of the plant, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.units import Unit, parse_unit

__all__ = [
    "COMMON",
    "FORMS",
    "HERE",
    "LOAD",
    "RateInput",
    "check_inputs",
    "check_no_inputs",
    "input_unit",
    "of_the_tank",
]

COMMON = {"T": "degC", "Q_in": "m3/d", "return_sludge": "m3/d", "wastage": "m3/d"}
"""Inputs that every plant has, with their units. No component or parameter can have such a name."""

LOAD = "load."
"""Begins the name of a load: what of a component or composite the influent carries in a day."""

HERE = {
    "here.volume": "m3",
    "here.influent": "-",
    "here.returned": "-",
    "here.aerated": "-",
    "here.unaerated": "-",
}
"""What a rate may read of the tank that it is worked out for, with units: its volume; the shares of the influent and of
the return sludge that enter it; one where oxygen is supplied or imposed, and one where it is not."""

FORMS = (
    *COMMON,
    "influent.COMPONENT",
    "load.COMPONENT",
    "load.COMPOSITE",
    "recycle.NAME",
    "TANK.air",
    "TANK.kla",
    *HERE,
)
"""How inputs are named that a rate may read."""

_OF_A_TANK = {"air": "m3/d", "kla": "1/d"}


@dataclass(frozen=True)
class RateInput:
    """An input of the plant that rates of a table read.

    Attributes
    ----------
    name, unit : str
        Such as ``T`` [degC], ``Q_in`` [m3/d], ``load.COD`` [g COD/d].
    where : str
        File, line and key of the first rate that reads it, for messages.
    """

    name: str
    unit: str
    where: str = ""


def input_unit(name: str, components: Mapping[str, Unit], composites: Mapping[str, Unit]) -> Unit | None:
    """Return the unit of an input that a rate may read, or None for anything else.

    Parameters
    ----------
    name : str
        One of `FORMS`, with names in the place of the capitals.
    components, composites : mapping of str to Unit
        Units of the table's concentrations.

    Returns
    -------
    Unit or None
    """
    if name in COMMON:
        return parse_unit(COMMON[name])
    if name in HERE:
        return parse_unit(HERE[name])
    place, _, what = name.partition(".")
    if place == "influent":
        return components.get(what)
    if place == "load":
        concentration = components.get(what) or composites.get(what)
        return concentration and parse_unit("m3/d") * concentration
    if place == "recycle" and what:
        return parse_unit("m3/d")
    return parse_unit(_OF_A_TANK[what]) if what in _OF_A_TANK else None


def of_the_tank(inputs: Iterable[RateInput]) -> tuple[str, ...]:
    """Return which of the inputs that rates read differ from tank to tank.

    Parameters
    ----------
    inputs : iterable of RateInput
        `Table.inputs`, where these stand last.

    Returns
    -------
    tuple of str
        Names of `HERE`, in the order of `inputs`.
    """
    return tuple(read.name for read in inputs if read.name in HERE)


def check_inputs(inputs: Iterable[RateInput], names: Iterable[str]) -> None:
    """Raise an error where rates read what a plant does not have.

    Parameters
    ----------
    inputs : iterable of RateInput
        `Table.inputs`.
    names : iterable of str
        Names of the inputs of the plant. Every plant has the loads of its influent and what is known of its tanks
        beside them.
    """
    present = tuple(names)
    for read in inputs:
        if read.name not in present and read.name not in HERE and not read.name.startswith(LOAD):
            options = [name for name in present if input_unit(name, {}, {}) is not None]
            raise InputError(
                f"the rate reads {read.name!r}, which the plant does not have",
                where=read.where,
                expected="an input of this plant, such as " + ", ".join(options),
                fix=nearest(read.name, options),
            )


def check_no_inputs(inputs: tuple[RateInput, ...], where: str) -> None:
    """Raise an error where rates read inputs of a plant, and there is no plant.

    Parameters
    ----------
    inputs : tuple of RateInput
        `Table.inputs`.
    where : str
        File and line that name the table.
    """
    if inputs:
        first = inputs[0]
        raise InputError(
            f"{first.where}: the rate reads {first.name!r}, an input of a plant, and here is no plant",
            where=where,
            expected="a table whose rates read components and parameters alone",
            fix=f"put a parameter with the unit {first.unit} in the place of {first.name}",
        )
