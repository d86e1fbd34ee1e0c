"""Numbers and short texts that all formats have in common."""

from __future__ import annotations

from asm_hybrid.kinetics.document.nodes import Mark, Name, Node, Number, Operator, Row, Script
from asm_hybrid.kinetics.table import Gas, Parameter, Table

__all__ = ["GAS_HEAD", "WIDE", "conserved", "gas_numbers", "nu", "number", "plain", "reads", "size", "temperature_law"]

WIDE = 14.0
"""Widest coefficient that stands in the matrix itself [letters]; a wider one has a symbol there."""


_ONE = {"components": "component", "processes": "process", "parameters": "parameter"}


def nu(table: Table, process: int, component: str) -> Node:
    """Return the symbol of a coefficient, with the numbers of process and component.

    Parameters
    ----------
    table : Table
        The reactions.
    process : int
        Number of the process, from 1.
    component : str
        Name of the component.

    Returns
    -------
    Node
        ν with both numbers as its index.
    """
    i = table.component_names.index(component) + 1
    return Script(Name("ν", r"\nu"), below=Row((Number(str(process)), Mark(","), Number(str(i)))))


def number(value: float) -> str:
    """Return a number with as many digits as it takes to read the same number back.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
    """
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


GAS_HEAD = ("kLa by oxygen's", "Henry, in mol/(m3 Pa)", "d ln H/d(1/T), in K", "Unit in a mol", "In air")
"""What `gas_numbers` gives: Henry's constant is that of 25 °C."""


def gas_numbers(gas: Gas) -> tuple[str, ...]:
    """Return the numbers of a gas under the words of `GAS_HEAD`.

    Parameters
    ----------
    gas : Gas
        The gas.

    Returns
    -------
    tuple of str
    """
    return tuple(number(v) for v in (gas.kla_ratio, gas.henry, gas.henry_T, gas.per_mol, gas.in_air))


def plain(name: str) -> str:
    """Return the name of a process as words.

    Parameters
    ----------
    name : str
        Name in the table, with ``_`` between words.

    Returns
    -------
    str
    """
    return name.replace("_", " ").strip() or name


def size(table: Table) -> list[tuple[int, str]]:
    """Return how many components, processes and parameters a table has.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    list of (int, str)
        Each number with its word, such as ``(13, "components")``.
    """
    counts = ((table.components, "components"), (table.processes, "processes"), (table.parameters, "parameters"))
    return [(len(entries), what if len(entries) > 1 else _ONE[what]) for entries, what in counts]


def conserved(table: Table) -> str:
    """Return what every process conserves, and how exactly.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Such as ``"COD, N, exactly"``, or ``"nothing"``.
    """
    if not table.materials:
        return "nothing"
    within = f"within {number(table.tolerance)} for one unit of rate" if table.tolerance else "exactly"
    return f"{', '.join(table.materials)}, {within}"


def reads(table: Table) -> str:
    """Return which inputs of the plant the rates read.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Names with their units, such as ``"T [degC]"``; empty where the rates read none.
    """
    return ", ".join(f"{i.name} [{i.unit}]" for i in table.inputs)


def temperature_law(parameter: Parameter) -> Node | None:
    """Return the factor by which a parameter follows temperature, such as 1.072^(T - 20).

    Parameters
    ----------
    parameter : Parameter
        A parameter of a table.

    Returns
    -------
    Node or None
        None where it does not follow temperature.
    """
    if parameter.theta is None or parameter.T_ref is None:
        return None
    reference = Number(number(abs(parameter.T_ref)))
    sign = Operator("-" if parameter.T_ref >= 0 else "+")
    return Script(Number(number(parameter.theta)), above=Row((Name("T", "T"), sign, reference)))
