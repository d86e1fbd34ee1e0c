"""A table as GitHub-flavoured Markdown, with mathematics between dollar signs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from asm_hybrid.kinetics.document.acids import ACID_HEAD, acid_rows, balanced
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.nodes import Node
from asm_hybrid.kinetics.document.references import Reference, cited
from asm_hybrid.kinetics.document.words import GAS_HEAD, conserved, gas_numbers, number, plain, reads, temperature_law
from asm_hybrid.kinetics.table import Table

__all__ = ["markdown_text"]


def markdown_text(table: Table) -> str:
    """Return a table as Markdown.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Gujer matrix (components across, processes down), rates, components, parameters, acids, gases, composites,
        references.
    """
    maths, references = Maths(table), cited(table)
    lines = [f"# {_text(table.title)}", "", f"`{table.name}`", ""]
    if table.description:
        lines += [_text(table.description), ""]
    lines += [f"Every process conserves: {_text(conserved(table))}.", ""]
    if table.oxygen:
        lines += [f"Aeration supplies {_math(maths.symbol(table.oxygen))}.", ""]
    if table.inputs:
        lines += [f"Rates read inputs of the plant: {_text(reads(table))}.", ""]
    if table.source:
        lines += [f"Source: {_source(table.source, references)}.", ""]
    lines += ["## Stoichiometric matrix", "", *_matrix(table, maths), ""]
    lines += ["## Rates", "", *_rates(table, maths)]
    lines += ["## Components", "", *_components(table, maths), ""]
    lines += ["## Parameters", "", *_parameters(table, maths, references), ""]
    if table.equilibrium:
        lines += ["## Acids and bases", "", _text(balanced(table)), "", *_acids(table, references), ""]
    if table.gases:
        lines += [
            "## Gases",
            "",
            "Aeration transfers them as it does oxygen.",
            "",
            *_gases(table, maths, references),
            "",
        ]
    if table.composites:
        rows = [
            [f"`{name}`", _unit(c.unit), _math(maths.weighted(c.weights)), _text(c.description)]
            for name, c in table.composites.items()
        ]
        lines += ["## Composites", "", *_rows(["Name", "Unit", "Sum", "Description"], rows), ""]
    if references:
        lines += ["## References", ""]
        lines += [
            f"{i}. {_text(r.text)}{f' <{r.link}>' if r.link else ''}" for i, r in enumerate(references.values(), 1)
        ]
        lines += [""]
    return "\n".join(lines).rstrip()


def _matrix(table: Table, maths: Maths) -> list[str]:
    head = ["Process", *(_math(maths.symbol(c.name)) for c in table.components), "Rate"]
    rows = [["", *(_unit(c.unit) for c in table.components), ""]]
    for i, process in enumerate(table.processes, start=1):
        cells = []
        for name in table.component_names:
            coefficient = process.stoichiometry.get(name)
            cell = "" if coefficient is None else _math(maths.expression(coefficient))
            cells.append(f"{cell} \\*" if name in process.solved else cell)
        rows.append([f"{i} {_text(plain(process.name))}", *cells, f"$\\rho_{{{i}}}$"])
    for material in table.materials:
        amounts = (c.composition.get(material) for c in table.components)
        cells = ["" if a is None else _math(maths.expression(a)) for a in amounts]
        rows.append([f"*holds {_text(material)}*", *cells, ""])
    lines = _rows(head, rows)
    if any(p.solved for p in table.processes):
        lines += ["", "\\* follows from continuity."]
    return lines


def _rates(table: Table, maths: Maths) -> list[str]:
    lines = []
    for i, process in enumerate(table.processes, start=1):
        description = f": {_text(process.description)}" if process.description else ""
        lines += [f"{i}. `{process.name}`, in {_unit(process.unit)}{description}", ""]
        lines += [f"   $$\\rho_{{{i}}} = {maths.expression(process.rate).latex()}$$", ""]
    return lines


def _components(table: Table, maths: Maths) -> list[str]:
    rows = []
    for c in table.components:
        holds = _math(maths.holds(c.composition)) if c.composition else ""
        rows.append([_math(maths.symbol(c.name)), f"`{c.name}`", _unit(c.unit), c.phase, holds, _text(c.description)])
    return _rows(["Symbol", "Name", "Unit", "Phase", "One unit holds", "Description"], rows)


def _parameters(table: Table, maths: Maths, references: dict[str, Reference]) -> list[str]:
    rows = []
    for p in table.parameters:
        law = temperature_law(p)
        cells = [_math(maths.symbol(p.name)), f"`{p.name}`", number(p.default), _unit(p.unit)]
        cells += ["" if law is None else _math(law), f"{number(p.bounds[0])} to {number(p.bounds[1])}"]
        source = ": ".join(filter(None, (_source(p.source, references), _text(p.note))))
        rows.append([*cells, _text(p.description), source])
    head = ["Symbol", "Name", "Default", "Unit", "Temperature factor", "Bounds", "Description", "Source"]
    return _rows(head, rows)


def _acids(table: Table, references: dict[str, Reference]) -> list[str]:
    rows = [[*map(_text, row[:-1]), _source(row[-1], references)] for row in acid_rows(table)]
    return _rows(ACID_HEAD, rows)


def _gases(table: Table, maths: Maths, references: dict[str, Reference]) -> list[str]:
    rows = []
    for gas in table.gases:
        source = ": ".join(filter(None, (_source(gas.source, references), _text(gas.note))))
        rows.append([_math(maths.symbol(gas.component)), f"`{gas.component}`", *gas_numbers(gas), source])
    return _rows(["Symbol", "Name", *(_unit(h) for h in GAS_HEAD), "Source"], rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _math(node: Node) -> str:
    return f"${node.latex()}$"


def _unit(unit: str) -> str:
    return re.sub(r"\bm3\b", "m³", unit)


def _source(source: str, references: dict[str, Reference]) -> str:
    return f"\\[{list(references).index(source) + 1}\\]" if source in references else _text(source)


def _text(text: str) -> str:
    """Return text in which nothing is taken for Markdown or HTML."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|$#~])", r"\\\1", text)
