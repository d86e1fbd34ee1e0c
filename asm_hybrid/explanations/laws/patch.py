"""A law put into a table: the rate of one process multiplied by it, its constants among the parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.explanations.laws.law import Factor, Law
from asm_hybrid.kinetics import Parameter, Process, Table, available_tables, load_table, parse_table
from asm_hybrid.kinetics.expression import syntax_of
from asm_hybrid.kinetics.extend import lay
from asm_hybrid.kinetics.rate_inputs import COMMON
from asm_hybrid.kinetics.switching import Inhibition, Monod
from asm_hybrid.yamlfile import parse_yaml, to_yaml

__all__ = ["LawNames", "expression_of", "law_names", "patched_table", "repeated", "scaling_parameter"]

LONGEST = 33
"""Characters of the name of a table, or a parameter, to which something is added."""
OWN_SCALE = (0.2, 5.0)
"""Bounds of a scale of the rate's own [-]."""


class LawNames:
    """Names that a law's constants have in a table.

    Parameters
    ----------
    constants : sequence of mapping of str to str
        Of every factor, by symbol.
    scale : str or None
        Name of a scale of the rate's own, which a table needs where no parameter scales this rate alone.

    Attributes
    ----------
    constants, scale
        As the parameters.
    """

    def __init__(self, constants: Sequence[Mapping[str, str]], scale: str | None) -> None:
        self.constants, self.scale = tuple(dict(names) for names in constants), scale

    def fitted(self, law: Law) -> dict[str, float]:
        """Return the constants that are fitted, with their values, by name."""
        pairs = zip(law.factors, self.constants, strict=True)
        found = {names[c.symbol]: float(f.values[c.symbol]) for f, names in pairs for c in f.form.free}
        return found | ({self.scale: 1.0} if self.scale else {})


def process_of(table: Table, name: str) -> Process:
    """Return a process of a table by its name; one that is not there is refused."""
    for process in table.processes:
        if process.name == name:
            return process
    raise InputError(
        f"there is no process {name!r}",
        where=str(table.path),
        expected="a process of the table",
        fix=nearest(name, table.process_names),
    )


def scaling_parameter(table: Table, process: str, calibrated: Sequence[str] = ()) -> str | None:
    """Return the parameter that takes up the scale of a law.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.
    calibrated : sequence of str
        Parameters that are calibrated.

    Returns
    -------
    str or None
        One that multiplies this rate and occurs nowhere else in the table, a calibrated one first; else a calibrated
        one that multiplies this rate; else None.
    """
    value = process_of(table, process).rate.value
    parts = {s.name for s in (value.args if value.is_Mul else (value,)) if s.is_Symbol}
    multiplies = [p.name for p in table.parameters if p.name in parts]
    alone = [name for name in multiplies if not _elsewhere(table, process, name)]
    for names in ([n for n in alone if n in calibrated], alone, [n for n in multiplies if n in calibrated]):
        if names:
            return names[0]
    return None


def _elsewhere(table: Table, process: str, name: str) -> bool:
    """Return whether a parameter stands anywhere but in the rate of a process."""
    for other in table.processes:
        values = [e.value for e in other.stoichiometry.values()]
        values += [] if other.name == process else [other.rate.value]
        if any(name in {s.name for s in value.free_symbols} for value in values):
            return True
    return any(name in {s.name for s in e.value.free_symbols} for c in table.components for e in c.composition.values())


def law_names(table: Table, process: str, law: Law, calibrated: Sequence[str] = ()) -> LawNames:
    """Return names for the constants of a law that no other entry of the table has.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.
    law : Law
        The law.
    calibrated : sequence of str
        Parameters that are calibrated.

    Returns
    -------
    LawNames
        Such as ``K_ALK_aut``: the constant, what it is about, and the end of the name of the process.
    """
    taken = {*table.parameter_names, *table.component_names, *table.composites, *COMMON}
    short = _short(process)

    def free(*parts: str) -> str:
        stem = "_".join(filter(None, parts))[:LONGEST]
        name = next(n for n in (stem, *(f"{stem}_{i}" for i in range(2, 1000))) if n not in taken)
        taken.add(name)
        return name

    constants = [
        {c.symbol: free(c.symbol, _about(factor, c.symbol), short) for c in factor.form.constants}
        for factor in law.factors
    ]
    needs_scale = scaling_parameter(table, process, calibrated) is None
    return LawNames(constants, free("f", short) if needs_scale else None)


def _short(process: str) -> str:
    """Return the first letters of the last word of a process: ``aut`` of ``aerobic_growth_autotrophs``."""
    return re.sub(r"\W", "", process.rpartition("_")[2])[:3]


def _about(factor: Factor, symbol: str) -> str:
    """Return what a constant is about: ``ALK`` of S_ALK; nothing where it has a T in its name already."""
    if symbol.startswith(("T", "E")) and factor.driver.name == "T":
        return ""
    words = re.sub(r"[^A-Za-z0-9]+", "_", factor.driver.name).strip("_").split("_")
    return "_".join(word for word in words if word not in ("S", "X", "load", "influent")) or words[-1]


def expression_of(law: Law, names: LawNames) -> str:
    """Return a law in the language of the tables.

    Parameters
    ----------
    law : Law
        The law.
    names : LawNames
        From `law_names`.

    Returns
    -------
    str
        Such as ``monod(S_ALK, K_ALK_aut)``.
    """
    pairs = list(zip(law.factors, names.constants, strict=True))
    texts = [f.form.expression(f.driver, n) for f, n in pairs]
    if names.scale:
        texts.insert(0, names.scale)
    return " * ".join(_product_part(text) if len(texts) > 1 else text for text in texts)


def _product_part(text: str) -> str:
    """Return an expression as a part of a product: in brackets where it is a sum or a quotient."""
    tree = syntax_of(text, "a rate")
    plain = not isinstance(tree, ast.BinOp) or isinstance(tree.op, ast.Mult | ast.Pow)
    return text if plain else f"({text})"


def patched_table(
    table: Table,
    process: str,
    law: Law,
    *,
    origin: str,
    calibrated: Sequence[str] = (),
    own_scale: float = 1.0,
) -> tuple[Table, str]:
    """Return a table in which a law multiplies the rate of a process.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.
    law : Law
        The law, with its constants.
    origin : str
        The run that it comes from, by name; the source of the new parameters.
    calibrated : sequence of str
        Parameters that are calibrated: where none of them, nor one of this rate alone, can take up the scale of the
        law, the rate gets a scale of its own.
    own_scale : float, optional
        Its value [-].

    Returns
    -------
    table : Table
        The new table.
    text : str
        Its file: what it changes in the shipped table that it extends, or the whole where `table` is no shipped one.

    Raises
    ------
    InputError
        When there is no such process.
    """
    chosen, names = process_of(table, process), law_names(table, process, law, calibrated)
    source = f"distilled from {origin}"
    parameters: dict[str, Any] = {}
    for factor, own in zip(law.factors, names.constants, strict=True):
        for constant in factor.form.constants:
            value, (low, high) = float(factor.values[constant.symbol]), factor.bounds(constant.symbol)
            parameters[own[constant.symbol]] = {
                "default": value,
                "unit": factor.unit(constant.symbol),
                "bounds": [min(low, value), max(high, value)],
                "source": source,
                "description": f"{constant.description} of {process} for {factor.driver.name}",
            }
    if names.scale:
        row = {"default": own_scale, "unit": "-", "bounds": list(OWN_SCALE), "source": source}
        parameters[names.scale] = row | {"description": f"scale of {process} beside its law"}
    expression = expression_of(law, names)
    changes: dict[str, Any] = {
        "name": f"{table.name[:LONGEST]}_law",
        "title": f"{table.title}, with a law of {process}",
        "description": " ".join(f"{f.form.title} by {f.driver.name}: {f.form.text}." for f in law.factors),
        "source": f"{source}; form: {'; '.join(dict.fromkeys(f.form.source for f in law.factors))}",
        "parameters": parameters,
        "processes": {process: {"rate": f"{_product_part(chosen.rate.text)} * {_product_part(expression)}"}},
    }
    base = _shipped(table)
    if base is not None:
        text = to_yaml({"name": changes["name"], "extends": base} | changes)
        return parse_table(text, Path("kinetics.yaml")), text
    below = parse_yaml(table.text, table.path)
    text = to_yaml(lay([parse_yaml(to_yaml(changes), "kinetics.yaml"), below]).data)
    return parse_table(text, Path("kinetics.yaml")), text


def _shipped(table: Table) -> str | None:
    """Return the name of the shipped table that a table is."""
    name = table.name
    return name if name in available_tables() and load_table(name).text == table.text else None


def repeated(table: Table, process: str, law: Law) -> list[str]:
    """Say where the rate already has what a law brings.

    Parameters
    ----------
    table : Table
        The kinetics table, without the law.
    process : str
        The process.
    law : Law
        The law.

    Returns
    -------
    list of str
        A sentence each; the law is not wrong for that.
    """
    rate, found = process_of(table, process).rate, []
    for factor in law.factors:
        name = factor.driver.name
        switched = [call for call in rate.value.atoms(Monod, Inhibition) if _reads(call, name)]
        for call in sorted(switched, key=str):
            text = f"{type(call).__name__.lower()}({', '.join(map(str, call.args))})"
            found.append(f"The rate of {process} already has {text}; the law by {name} comes on top of it.")
        if name == "T":
            own = [p for p in table.parameters if _follows_temperature(p, rate.value)]
            found += [
                f"{p.name} already follows temperature by theta = {p.theta:g}; the law comes on top of it." for p in own
            ]
    return found


def _reads(call: sympy.Expr, name: str) -> bool:
    return any(s.name == name for s in call.free_symbols)


def _follows_temperature(parameter: Parameter, rate: sympy.Expr) -> bool:
    used = any(s.name == parameter.name for s in rate.free_symbols)
    return used and parameter.theta is not None and parameter.theta != 1.0
