"""Reads the section ``gases`` of a kinetics table: what air strips from the water, or dissolves in it."""

from __future__ import annotations

from collections.abc import Mapping

from asm_hybrid.errors import nearest
from asm_hybrid.kinetics.fields import Fields, Keys
from asm_hybrid.kinetics.table import Component, Gas
from asm_hybrid.units import parse_unit

__all__ = ["OFFGAS", "read_gases"]

OFFGAS = "offgas_"
"""Begins the name of a gas that leaves a tank with the air, as ``offgas_S_N2O``; no component may be named so."""

_SECTION = "gases"
_RANGES = {
    "kla_ratio": (0.0, 3.0, "kLa of the gas over that of oxygen [-], above 0, up to 3: 0.91 for N2O"),
    "henry": (0.0, 1e3, "mol/(m3 Pa) at 25 degC, above 0, up to 1000: 2.4e-4 for N2O"),
    "henry_T": (-2e3, 2e4, "K, d ln H/d(1/T), from -2000 to 20000: 2600 for N2O"),
    "per_mol": (0.0, 1e3, "units of the component in a mol of the gas, above 0, up to 1000: 28 g N for N2O"),
    "in_air": (-1e-300, 1.0, "a share of the volume of dry air [-], from 0 to 1: 3.4e-7 for N2O"),
}
"""Lower limit, which is not reached, upper limit, and what is expected, by key."""


def read_gases(fields: Fields, components: Mapping[str, Component], oxygen: str | None) -> tuple[Gas, ...]:
    """Read the dissolved gases of a table, beside oxygen.

    Parameters
    ----------
    fields : Fields
        The table's document.
    components : mapping of str to Component
        Its components.
    oxygen : str or None
        The one that aeration supplies.

    Returns
    -------
    tuple of Gas
        In the order of the components; empty where the table has no such section.

    Raises
    ------
    InputError
        For what is no dissolved gas, and for impossible numbers; with file and line.
    """
    entries = fields.mapping((_SECTION,))
    if entries and oxygen is None:
        raise fields.error(
            "gases are transferred as oxygen is, and the table names no dissolved oxygen",
            (_SECTION,),
            "the component that aeration supplies",
            "add a line such as 'oxygen: S_O'",
        )
    for name in entries:
        _check(fields, name, components, oxygen)
    return tuple(_gas(fields, (_SECTION, name)) for name in components if name in entries)


def _check(fields: Fields, name: str, components: Mapping[str, Component], oxygen: str | None) -> None:
    keys = (_SECTION, name)
    if name not in components:
        raise fields.error(f"{name!r} is not a component", keys, "a component", nearest(name, components))
    if name == oxygen:
        raise fields.error(
            f"{name} is the oxygen that aeration supplies",
            keys,
            "other dissolved gases",
            "leave it out here: its transfer is that of kla or air in the plant",
        )
    component = components[name]
    if component.phase != "soluble" or dict(parse_unit(component.unit).dimension).get("meter") != -3:
        raise fields.error(f"{name} is {component.phase}, in {component.unit}", keys, "a soluble component, by m3")
    taken = f"{OFFGAS}{name}"
    if taken in components:
        raise fields.error(
            f"the name {taken!r} is taken: it is {name} in the off-gas", ("components", taken), "another name"
        )


def _gas(fields: Fields, keys: Keys) -> Gas:
    fields.check_keys(keys, (*_RANGES, "source"), ("note",))
    values = {key: fields.number((*keys, key)) for key in _RANGES}
    for key, (low, high, expected) in _RANGES.items():
        if not low < values[key] <= high:
            raise fields.error(f"{key} is {values[key]:g}", (*keys, key), expected)
    return Gas(keys[-1], **values, source=fields.text((*keys, "source")), note=fields.text((*keys, "note")))
