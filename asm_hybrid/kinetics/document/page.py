"""A table as one HTML page that asks for nothing from any network; its mathematics is MathML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from markupsafe import Markup, escape

from asm_hybrid.kinetics.document.acids import ACID_HEAD, acid_rows, balanced
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.nodes import Name, Node, Number, Operator, Row, Script
from asm_hybrid.kinetics.document.references import Reference, cited
from asm_hybrid.kinetics.document.style import STYLE
from asm_hybrid.kinetics.document.words import (
    GAS_HEAD,
    WIDE,
    conserved,
    gas_numbers,
    nu,
    number,
    plain,
    reads,
    size,
    temperature_law,
)
from asm_hybrid.kinetics.functions import LIMIT
from asm_hybrid.kinetics.table import Process, Table

__all__ = ["html_text", "table_facts", "table_sections"]

_PAGE = Markup("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="asm-hybrid {version}">
<link rel="icon" href="data:,">
<title>{title}: asm-hybrid kinetics table</title>
<style>{style}</style>
</head>
<body>
<header><div>
<p class="eyebrow">asm-hybrid kinetics table</p>
<h1>{title}</h1>
{lead}<dl class="facts">
{facts}</dl>
<nav aria-label="Sections">{links}</nav>
</div></header>
<main>
{sections}</main>
<footer><div>Made by asm-hybrid {version} from the table. This page loads nothing from any network.</div></footer>
</body>
</html>
""")

_FORMS = {"monod": "S/(K + S)", "inhibition": "K/(K + S)", "ratio": "a/b"}


def html_text(table: Table) -> str:
    """Return a table as an HTML page.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Gujer matrix (components across, processes down), rates, components, parameters, acids, gases, composites,
        references; in ASCII, so that no encoding can spoil it.
    """
    sections = table_sections(table)
    section = Markup('<section id="{}">\n<h2>{}</h2>\n{}</section>\n')
    link = Markup('<a href="#{}">{}</a>')
    page = _PAGE.format(
        version=version("asm-hybrid"),
        title=table.title,
        style=Markup(STYLE),
        lead=_lead(table.description),
        facts=table_facts(table),
        links=_joined(link.format(key, title) for key, title, _ in sections),
        sections=_joined(section.format(*parts) for parts in sections),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def table_sections(table: Table) -> list[tuple[str, str, Markup]]:
    """Return what there is to tell of a table, part by part.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    list of (str, str, Markup)
        Name, title and HTML of each section; links within them lead to ``rate-I`` and ``reference-I``.
    """
    maths, references = Maths(table), cited(table)
    sections = [
        ("matrix", "Stoichiometric matrix", _matrix(table, maths)),
        ("rates", "Rates", _rates(table, maths)),
        ("components", "Components", _components(table, maths)),
        ("parameters", "Parameters", _parameters(table, maths, references)),
    ]
    if table.equilibrium:
        sections.append(("acids", "Acids and bases", _acids(table, references)))
    if table.gases:
        sections.append(("gases", "Gases", _gases(table, maths, references)))
    if table.composites:
        sections.append(("composites", "Composites", _composites(table, maths)))
    if references:
        sections.append(("references", "References", _references(references)))
    return sections


def table_facts(table: Table) -> Markup:
    """Return in a few words what a table is, as entries of a list of definitions.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    Markup
        A ``div`` with ``dt`` and ``dd`` for each fact.
    """
    maths, references = Maths(table), cited(table)
    facts: list[tuple[str, str]] = [
        ("Name in a config", table.name),
        ("Size", ", ".join(f"{n} {what}" for n, what in size(table))),
        ("Every process conserves", conserved(table)),
    ]
    if table.oxygen:
        facts.append(("Supplied by aeration", _math(maths.symbol(table.oxygen))))
    if table.inputs:
        facts.append(("Rates read inputs of the plant", reads(table)))
    if table.source:
        facts.append(("Source", _source(table.source, references)))
    return _joined(Markup("<div><dt>{}</dt><dd>{}</dd></div>\n").format(*fact) for fact in facts)


def _matrix(table: Table, maths: Maths) -> Markup:
    symbol = Markup('<th scope="col" title="{}">{}</th>')
    head = [Markup('<tr><th rowspan="2" scope="col">Process</th>')]
    head += [symbol.format(_title(c.name, c.description), _math(maths.symbol(c.name))) for c in table.components]
    head += [Markup('<th class="rate" scope="col">Rate {}</th></tr>\n<tr>').format(_math(_rho("j")))]
    head += [Markup("<th>{}</th>").format(_unit(c.unit)) for c in table.components]
    units = {p.unit for p in table.processes}
    head += [Markup('<th class="rate">{}</th></tr>').format(_unit(units.pop()) if len(units) == 1 else "")]
    foot = []
    for material in table.materials:
        amounts = [c.composition.get(material) for c in table.components]
        foot += [Markup('<tr><th scope="row">one unit holds {}</th>').format(material)]
        foot += [Markup("<td>{}</td>").format("" if a is None else _math(maths.expression(a))) for a in amounts]
        foot += [Markup('<td class="rate"></td></tr>\n')]
    legend = Markup('<p class="small"><span class="key"></span>follows from continuity of {}</p>\n')
    return Markup(
        '<div class="scroll matrix" tabindex="0" role="region" aria-label="Stoichiometric matrix"><table>\n'
        "<thead>{}</thead>\n<tbody>\n{}</tbody>\n<tfoot>\n{}</tfoot>\n</table></div>\n{}"
    ).format(
        _joined(head),
        _joined(_matrix_row(i, process, table, maths) for i, process in enumerate(table.processes, start=1)),
        _joined(foot),
        legend.format(", ".join(table.materials)) if any(p.solved for p in table.processes) else "",
    )


def _matrix_row(i: int, process: Process, table: Table, maths: Maths) -> Markup:
    cells = [
        Markup('<tr><th scope="row"><a href="#rate-{0}"><span>{0}</span>{1}</a></th>').format(i, plain(process.name))
    ]
    for name in table.component_names:
        coefficient = process.stoichiometry.get(name)
        if coefficient is None:
            cells.append(Markup("<td></td>"))
            continue
        kind = Markup(' class="solved"') if name in process.solved else ""
        node, title = maths.expression(coefficient), f"{process.name}, {name}: {coefficient}"
        text = _math(node)
        if node.width() > WIDE:
            text = Markup('<a href="#rate-{}" aria-label="{}">{}</a>').format(i, title, _math(nu(table, i, name)))
        cells.append(Markup('<td{} title="{}">{}</td>').format(kind, title, text))
    return _joined([*cells, Markup('<td class="rate">{}</td></tr>\n').format(_math(maths.expression(process.rate)))])


def _rates(table: Table, maths: Maths) -> Markup:
    frame = Markup(
        '<div class="process" id="rate-{0}"><h3><span>{0}</span>{1}</h3>\n{2}'
        '<div class="scroll" tabindex="0"><span class="equation">{3}<span class="unit-note">{4}</span></span></div>\n'
        "{5}</div>\n"
    )
    out = []
    for i, process in enumerate(table.processes, start=1):
        equation = _math(Row((_rho(str(i)), Operator("="), maths.expression(process.rate))))
        title, lead = plain(process.name), _lead(process.description)
        note = _coefficients(i, process, table, maths)
        out.append(frame.format(i, title, lead, equation, _unit(process.unit), note))
    used = [form for name, form in _FORMS.items() if any(f"{name}(" in str(p.rate) for p in table.processes)]
    if used:
        text = (
            "In the switching functions {}, a concentration below zero counts as zero, and a denominator that may be "
            "zero is kept above zero, so that rates are finite everywhere."
        )
        out.append(Markup('<p class="small">{}</p>\n').format(text.format(", ".join(used))))
    if any("exp(" in str(p.rate) for p in table.processes):
        text = f"The argument of exp counts from -{LIMIT} to {LIMIT}."
        out.append(Markup('<p class="small">{}</p>\n').format(text))
    return _joined(out)


def _coefficients(i: int, process: Process, table: Table, maths: Maths) -> Markup:
    """Return the coefficients that follow from continuity, and those that are too wide for the matrix."""
    lists: dict[str, list[Markup]] = {"From continuity": [], "Given": []}
    for name, coefficient in process.stoichiometry.items():
        node = maths.expression(coefficient)
        if name in process.solved or node.width() > WIDE:
            parts = (nu(table, i, name), Operator("="), node) if node.width() > WIDE else (node,)
            text = Markup("{}: {}").format(_math(maths.symbol(name)), _math(Row(parts)))
            lists["From continuity" if name in process.solved else "Given"].append(text)
    line = Markup('<p class="small scroll"><b>{}</b> &ensp;{}</p>\n')
    return _joined(line.format(title, Markup("; &ensp;").join(texts)) for title, texts in lists.items() if texts)


def _components(table: Table, maths: Maths) -> Markup:
    rows = []
    for c in table.components:
        holds = _math(maths.holds(c.composition)) if c.composition else ""
        rows.append([_math(maths.symbol(c.name)), _code(c.name), _unit(c.unit), c.phase, holds, c.description])
    return _table(["Symbol", "Name", "Unit", "Phase", "One unit holds", "Description"], rows, {2: "unit", 5: "words"})


def _parameters(table: Table, maths: Maths, references: dict[str, Reference]) -> Markup:
    rows = []
    for p in table.parameters:
        law = temperature_law(p)
        cells = [_math(maths.symbol(p.name)), _code(p.name), number(p.default), _unit(p.unit)]
        cells += ["" if law is None else _math(law), f"{number(p.bounds[0])} to {number(p.bounds[1])}"]
        source = _source(p.source, references)
        rows.append([*cells, p.description, Markup("{} {}").format(source, p.note) if p.note else source])
    head = ["Symbol", "Name", "Default", "Unit", "Temperature factor", "Bounds", "Description", "Source"]
    kinds = {2: "figure", 3: "unit", 5: "figure", 6: "words", 7: "words"}
    note = Markup('<p class="small">Bounds are those of a calibration. T is the temperature in °C.</p>\n')
    return _table(head, rows, kinds) + note


def _acids(table: Table, references: dict[str, Reference]) -> Markup:
    rows = [[*row[:-1], _source(row[-1], references)] for row in acid_rows(table)]
    return _lead(balanced(table)) + _table(ACID_HEAD, rows, {3: "words", 5: "words"})


def _gases(table: Table, maths: Maths, references: dict[str, Reference]) -> Markup:
    rows = []
    for gas in table.gases:
        source = _source(gas.source, references)
        cells = [_math(maths.symbol(gas.component)), _code(gas.component), *gas_numbers(gas)]
        rows.append([*cells, Markup("{} {}").format(source, gas.note) if gas.note else source])
    head = ["Symbol", "Name", *(_unit(h) for h in GAS_HEAD), "Source"]
    kinds = dict.fromkeys(range(2, 2 + len(GAS_HEAD)), "figure") | {2 + len(GAS_HEAD): "words"}
    return _lead("Aeration transfers them as it does oxygen. Henry's constant is that of 25 °C.") + _table(
        head, rows, kinds
    )


def _composites(table: Table, maths: Maths) -> Markup:
    rows = [
        [_code(name), _unit(c.unit), _math(maths.weighted(c.weights)), c.description]
        for name, c in table.composites.items()
    ]
    lead = _lead("Measured sums, which can be observed like components.")
    return lead + _table(["Name", "Unit", "Sum", "Description"], rows, {1: "unit", 3: "words"})


def _references(references: dict[str, Reference]) -> Markup:
    items = []
    for i, r in enumerate(references.values(), start=1):
        safe = r.link.startswith(("https://", "http://"))
        link = Markup(' <a href="{0}" rel="noreferrer">{0}</a>').format(r.link) if safe else ""
        items.append(Markup('<li id="reference-{}">{}{}</li>\n').format(i, r.text, link))
    return Markup('<ol class="references">\n{}</ol>\n').format(_joined(items))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], kinds: dict[int, str]) -> Markup:
    """Return a table whose first column heads the rows; `kinds` are the classes of columns."""
    classes = [Markup(' class="{}"').format(kinds[i]) if i in kinds else "" for i in range(len(head))]
    top = _joined(Markup('<th{} scope="col">{}</th>').format(*pair) for pair in zip(classes, head, strict=True))
    lines = []
    for row in rows:
        cells = [Markup("<td{}>{}</td>").format(*pair) for pair in zip(classes[1:], row[1:], strict=True)]
        lines.append(Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(row[0], _joined(cells)))
    frame = '<div class="scroll"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n'
    return Markup(frame).format(top, _joined(lines))


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _lead(text: str) -> Markup:
    return Markup('<p class="lead">{}</p>\n').format(text) if text else Markup("")


def _rho(index: str) -> Node:
    """Return the symbol of a rate."""
    return Script(Name("ρ", r"\rho"), below=Number(index) if index.isdigit() else Name(index, index))


def _math(node: Node) -> Markup:
    return Markup("<math>{}</math>").format(Markup(node.mathml()))


def _source(source: str, references: dict[str, Reference]) -> Markup:
    if source not in references:
        return escape(source)
    i = list(references).index(source) + 1
    return Markup('<a href="#reference-{0}" title="{1}">[{0}]</a>').format(i, references[source].text)


def _title(name: str, text: str) -> str:
    return f"{name}: {text}" if text else name


def _code(name: str) -> Markup:
    return Markup("<code>{}</code>").format(name)


def _unit(unit: str) -> str:
    return re.sub(r"\bm3\b", "m³", unit)
