"""A table as one HTML page that asks for nothing from any network; its mathematics is MathML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from asm_hybrid import __version__
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.nodes import Name, Node, Number, Operator, Row, Script
from asm_hybrid.kinetics.document.references import Reference, cited
from asm_hybrid.kinetics.document.style import STYLE
from asm_hybrid.kinetics.document.words import conserved, number, plain, temperature_law
from asm_hybrid.kinetics.table import Process, Table

__all__ = ["html_text"]

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
<footer><div>Made by asm-hybrid {version} from the table itself. This page loads nothing from any network.</div></footer>
</body>
</html>
""")

_GUARDS = {
    "monod": "S/(K + S)",
    "inhibition": "K/(K + S)",
    "ratio": "a/b",
}


def html_text(table: Table) -> str:
    """Return a table as an HTML page.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Gujer matrix (components across, processes down), rates, components, parameters, composites, references; in
        ASCII, so that no encoding can spoil it.
    """
    maths, references = Maths(table), cited(table)
    sections = [
        ("matrix", "Stoichiometric matrix", _matrix(table, maths)),
        ("rates", "Rates", _rates(table, maths)),
        ("components", "Components", _components(table, maths)),
        ("parameters", "Parameters", _parameters(table, maths, references)),
    ]
    if table.composites:
        sections.append(("composites", "Composites", _composites(table, maths)))
    if references:
        sections.append(("references", "References", _references(references)))
    lead = Markup('<p class="lead">{}</p>\n').format(table.description) if table.description else ""
    section = Markup('<section id="{}">\n<h2>{}</h2>\n{}</section>\n')
    page = _PAGE.format(
        version=__version__,
        title=table.title,
        style=Markup(STYLE),
        lead=lead,
        facts=_facts(table, maths, references),
        links=Markup("").join(Markup('<a href="#{}">{}</a>').format(key, title) for key, title, _ in sections),
        sections=Markup("").join(section.format(*parts) for parts in sections),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _facts(table: Table, maths: Maths, references: dict[str, Reference]) -> Markup:
    facts: list[tuple[str, str | Markup]] = [
        ("Name in a config", table.name),
        ("Size", f"{len(table.components)} components, {len(table.processes)} processes"),
        ("Parameters", str(len(table.parameters))),
        ("Every process conserves", conserved(table)),
    ]
    if table.oxygen:
        facts.append(("Supplied by aeration", _math(maths.symbol(table.oxygen))))
    if table.source:
        facts.append(("Source", _source(table.source, references)))
    return Markup("").join(Markup("<div><dt>{}</dt><dd>{}</dd></div>\n").format(*fact) for fact in facts)


def _matrix(table: Table, maths: Maths) -> Markup:
    symbols = [Markup('<th scope="col" title="{}">{}</th>').format(_title(c.name, c.description), _math(maths.symbol(c.name)))
               for c in table.components]
    head = [Markup('<tr><th rowspan="2" scope="col">Process</th>'), *symbols]
    head += [Markup('<th class="rate" scope="col">Rate {}</th></tr>\n<tr>').format(_math(_rho(0)))]
    head += [Markup("<th>{}</th>").format(_unit(c.unit)) for c in table.components]
    head += [Markup('<th class="rate">{}</th></tr>').format(_common_unit(table))]
    body = [_matrix_row(i, process, table, maths) for i, process in enumerate(table.processes, start=1)]
    foot = []
    for material in table.materials:
        amounts = [c.composition.get(material) for c in table.components]
        cells = [Markup("<td>{}</td>").format("" if a is None else _math(maths.expression(a))) for a in amounts]
        start = Markup('<tr><th scope="row">one unit holds {}</th>').format(material)
        foot += [start, *cells, Markup('<td class="rate"></td></tr>\n')]
    legend = Markup('<p class="small"><span class="key"></span>follows from continuity of {}.</p>\n')
    return Markup(
        '<div class="scroll matrix" tabindex="0" role="region" aria-label="Stoichiometric matrix"><table>\n'
        "<thead>{}</thead>\n<tbody>\n{}</tbody>\n<tfoot>\n{}</tfoot>\n</table></div>\n{}"
    ).format(
        Markup("").join(head),
        Markup("").join(body),
        Markup("").join(foot),
        legend.format(", ".join(table.materials)) if any(p.solved for p in table.processes) else "",
    )


def _matrix_row(i: int, process: Process, table: Table, maths: Maths) -> Markup:
    cells = []
    for name in table.component_names:
        coefficient = process.stoichiometry.get(name)
        if coefficient is None:
            cells.append(Markup("<td></td>"))
            continue
        kind = Markup(' class="solved"') if name in process.solved else ""
        title = _title(f"{process.name}, {name}", str(coefficient))
        cells.append(Markup('<td{} title="{}">{}</td>').format(kind, title, _math(maths.expression(coefficient))))
    head = Markup('<tr><th scope="row"><a href="#rate-{0}"><span>{0}</span>{1}</a></th>').format(i, plain(process.name))
    rate = Markup('<td class="rate">{}</td></tr>\n').format(_math(maths.expression(process.rate)))
    return Markup("").join([head, *cells, rate])


def _rates(table: Table, maths: Maths) -> Markup:
    out = []
    for i, process in enumerate(table.processes, start=1):
        equation = Row((_rho(i), Operator("="), maths.expression(process.rate)))
        coefficients = [
            Markup("{}: {}").format(_math(maths.symbol(name)), _math(maths.expression(process.stoichiometry[name])))
            for name in process.stoichiometry
            if name in process.solved
        ]
        solved = Markup('<p class="small">From continuity: {}.</p>\n').format(Markup(", &ensp;").join(coefficients))
        out.append(
            Markup(
                '<div class="process" id="rate-{0}"><h3><span>{0}</span>{1}</h3>\n{2}'
                '<div class="scroll" tabindex="0"><span class="equation">{3}'
                '<span class="unit-note">{4}</span></span></div>\n{5}</div>\n'
            ).format(
                i,
                plain(process.name),
                Markup('<p class="lead">{}</p>\n').format(process.description) if process.description else "",
                _math(equation),
                _unit(process.unit),
                solved if coefficients else "",
            )
        )
    return Markup("").join([*out, _guards(table)])


def _guards(table: Table) -> Markup:
    """Return what the fractions of the rates mean where they meet zero."""
    used = [form for name, form in _GUARDS.items() if any(f"{name}(" in str(p.rate) for p in table.processes)]
    if not used:
        return Markup("")
    text = (
        "In the switching functions ({}), a concentration below zero counts as zero, and a denominator that may be "
        "zero is kept above zero, so that rates are finite everywhere."
    )
    return Markup('<p class="small">{}</p>\n').format(text.format(", ".join(used)))


def _components(table: Table, maths: Maths) -> Markup:
    rows = []
    for c in table.components:
        holds = _math(maths.weighted(c.composition)) if c.composition else ""
        rows.append(
            [_math(maths.symbol(c.name)), _code(c.name), _unit(c.unit), escape(c.phase), holds, escape(c.description)]
        )
    return _table(["Symbol", "Name", "Unit", "Phase", "One unit holds", "Description"], rows, {2: "unit", 5: "words"})


def _parameters(table: Table, maths: Maths, references: dict[str, Reference]) -> Markup:
    rows = []
    for p in table.parameters:
        law = temperature_law(p)
        cells = [_math(maths.symbol(p.name)), _code(p.name), escape(number(p.default)), _unit(p.unit)]
        cells += ["" if law is None else _math(law), escape(f"{number(p.bounds[0])} to {number(p.bounds[1])}")]
        source = Markup("{} {}").format(_source(p.source, references), p.note) if p.note else None
        rows.append([*cells, escape(p.description), source or _source(p.source, references)])
    head = ["Symbol", "Name", "Default", "Unit", "Temperature factor", "Bounds", "Description", "Source"]
    kinds = {2: "figure", 3: "unit", 5: "figure", 6: "words", 7: "words"}
    note = Markup('<p class="small">Bounds are those of a calibration. T is in \u00b0C.</p>\n')
    return _table(head, rows, kinds) + note


def _composites(table: Table, maths: Maths) -> Markup:
    rows = [
        [_code(name), _unit(c.unit), _math(maths.weighted(c.weights)), escape(c.description)]
        for name, c in table.composites.items()
    ]
    lead = Markup('<p class="lead">Measured sums, which can be observed like components.</p>\n')
    return lead + _table(["Name", "Unit", "Sum", "Description"], rows, {1: "unit", 3: "words"})


def _references(references: dict[str, Reference]) -> Markup:
    items = []
    for i, r in enumerate(references.values(), start=1):
        safe = r.link.startswith(("https://", "http://"))
        link = Markup(' <a href="{0}" rel="noreferrer">{0}</a>').format(r.link) if safe else ""
        items.append(Markup('<li id="reference-{}">{}{}</li>\n').format(i, r.text, link))
    return Markup('<ol class="references">\n{}</ol>\n').format(Markup("").join(items))


def _table(head: Sequence[str], rows: Iterable[Sequence[str | Markup]], kinds: dict[int, str]) -> Markup:
    """Return a table whose first column heads the rows; `kinds` are the classes of columns."""

    def kind(i: int) -> Markup:
        return Markup(' class="{}"').format(kinds[i]) if i in kinds else Markup("")

    top = Markup("").join(Markup('<th{} scope="col">{}</th>').format(kind(i), text) for i, text in enumerate(head))
    lines = []
    for row in rows:
        cells = [Markup("<td{}>{}</td>").format(kind(i), text) for i, text in enumerate(row) if i]
        lines.append(Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(row[0], Markup("").join(cells)))
    return Markup('<div class="scroll"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n').format(
        top, Markup("").join(lines)
    )


def _rho(i: int) -> Node:
    """Return the symbol of a rate; that of any rate for 0."""
    return Script(Name("\u03c1", r"\rho"), below=Number(str(i)) if i else Name("j", "j"))


def _math(node: Node) -> Markup:
    return Markup("<math>" + node.mathml() + "</math>")  # noqa: S704  # made of checked symbols and numbers


def _common_unit(table: Table) -> Markup:
    units = {p.unit for p in table.processes}
    return _unit(units.pop()) if len(units) == 1 else Markup("")


def _source(source: str, references: dict[str, Reference]) -> Markup:
    if source not in references:
        return escape(source)
    i = list(references).index(source) + 1
    return Markup('<a href="#reference-{0}" title="{1}">[{0}]</a>').format(i, references[source].text)


def _title(name: str, text: str) -> str:
    return f"{name}: {text}" if text else name


def _code(name: str) -> Markup:
    return Markup("<code>{}</code>").format(name)


def _unit(unit: str) -> Markup:
    return Markup(re.sub(r"\bm3\b", "m\u00b3", str(escape(unit))))
