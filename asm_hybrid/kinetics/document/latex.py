"""A table as a LaTeX document of its own, for pdfLaTeX, LuaLaTeX and XeLaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from asm_hybrid.kinetics.document.acids import ACID_HEAD, acid_rows, balanced
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.nodes import Fraction, Node, Row
from asm_hybrid.kinetics.document.references import Reference, cited
from asm_hybrid.kinetics.document.symbols import GREEK
from asm_hybrid.kinetics.document.words import (
    GAS_HEAD,
    WIDE,
    conserved,
    gas_numbers,
    nu,
    number,
    plain,
    reads,
    temperature_law,
)
from asm_hybrid.kinetics.table import Process, Table

__all__ = ["latex_text"]

_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[utf8]{inputenc}
  \usepackage[T1]{fontenc}
  \usepackage{textcomp}
\else
  \usepackage{fontspec}
\fi
\usepackage[margin=1.5cm]{geometry}
\usepackage{amsmath,array,booktabs,longtable,pdflscape}
\newcolumntype{L}[1]{>{\raggedright\arraybackslash}p{#1}}
\setlength{\parindent}{0pt}
\setlength{\emergencystretch}{3em}"""

_PAGE = 122.0
"""What a landscape page holds beside the names of the processes [letters]."""

_LINE = 75.0
"""What a line holds [letters]."""

_GAP = 1.6
"""Space between two columns [letters]."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "°": r"\textdegree{}",
    "µ": r"\ensuremath{\mu}",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "·": r"\ensuremath{\cdot}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}",
    "−": r"\ensuremath{-}",
    "→": r"\ensuremath{\to}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    **{letter: rf"\ensuremath{{\{name}}}" for name, letter in GREEK.items()},
    **{chr(0x2080 + i): rf"\textsubscript{{{i}}}" for i in range(10)},
}


def latex_text(table: Table) -> str:
    """Return a table as a LaTeX document.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Gujer matrix (components across, processes down), rates, components, parameters, acids, gases, composites,
        references. It needs packages that every distribution of LaTeX has.
    """
    maths, references = Maths(table), cited(table)
    lines = [_PREAMBLE, rf"\title{{{_text(table.title)}}}", r"\author{}", r"\date{}"]
    lines += [r"\begin{document}", r"\maketitle", r"\thispagestyle{plain}"]
    if table.description:
        lines += [_text(table.description), ""]
    facts = [f"Name: {_code(table.name)}.", f"Every process conserves: {_text(conserved(table))}."]
    facts += [f"Aeration supplies ${maths.symbol(table.oxygen).latex()}$."] if table.oxygen else []
    facts += [f"Rates read inputs of the plant: {_text(reads(table))}."] if table.inputs else []
    facts += [f"Source: {_source(table.source, references)}."] if table.source else []
    lines += [r"\medskip", *(f"{fact}\n" for fact in facts)]
    lines += [r"\begin{landscape}", r"\section{Stoichiometric matrix}", *_matrix(table, maths)]
    lines += [r"\section{Rates}", *_rates(table, maths)]
    lines += [r"\section{Components}", *_components(table, maths)]
    lines += [r"\begin{landscape}", r"\section{Parameters}", *_parameters(table, maths, references), r"\end{landscape}"]
    if table.equilibrium:
        lines += [r"\section{Acids and bases}", _text(balanced(table)), "", *_acids(table, references)]
    if table.gases:
        lines += [r"\section{Gases that aeration transfers}", *_gases(table, maths, references)]
    if table.composites:
        lines += [r"\section{Composites}", *_composites(table, maths)]
    if references:
        lines += [r"\begin{thebibliography}{9}"]
        for r in references.values():
            link = rf" \texttt{{{_text(r.link)}}}" if r.link else ""
            lines += [rf"\bibitem{{{r.key}}} {_text(r.text)}{link}"]
        lines += [r"\end{thebibliography}"]
    return "\n".join([*lines, r"\end{document}"])


def _matrix(table: Table, maths: Maths) -> list[str]:
    """Return the matrix, in as many blocks of components as the page needs."""
    cells: dict[str, list[Node | None]] = {}
    for c in table.components:
        column = [p.stoichiometry.get(c.name) for p in table.processes]
        cells[c.name] = [None if e is None else maths.expression(e) for e in column]
    lines = [r"\begingroup\footnotesize\setlength{\tabcolsep}{2.5pt}\renewcommand{\arraystretch}{1.5}"]
    wide = []
    for names in _blocks(table, cells):
        lines += [rf"\begin{{longtable}}{{@{{}}rL{{3.9cm}}*{{{len(names)}}}{{c}}@{{}}}}", r"\toprule"]
        head = [f"${maths.symbol(name).latex()}$" for name in names]
        units = [rf"\scriptsize {_unit(table.components[table.component_names.index(name)].unit)}" for name in names]
        lines += [_line(["", "Process", *head]), _line(["", "", *units]), r"\midrule", r"\endhead"]
        for i, process in enumerate(table.processes):
            row = []
            for name in names:
                node = cells[name][i]
                if node is not None and node.width() > WIDE:
                    label = nu(table, i + 1, name).latex()
                    wide.append(rf"\item[${maths.symbol(name).latex()}$] $\displaystyle {label} = {_breakable(node)}$")
                    row.append(f"${label}{_star(process, name)}$")
                else:
                    row.append("" if node is None else f"${node.latex()}{_star(process, name)}$")
            lines += [_line([str(i + 1), _text(plain(process.name)), *row])]
        lines += _held(table, maths, names)
        lines += [r"\bottomrule", r"\end{longtable}"]
    if any(p.solved for p in table.processes):
        lines += [r"$^{*}$ follows from continuity.", ""]
    lines += [r"\endgroup", r"\end{landscape}"]
    if wide:
        lines += [r"\subsection{Longer coefficients}", r"\begin{description}\raggedright", *wide, r"\end{description}"]
    return lines


def _breakable(node: Node) -> str:
    """Return a coefficient, in such a form that LaTeX may break it where it is wider than a line."""
    sign, inner = (node.parts[0].latex().strip(), node.parts[1]) if isinstance(node, Row) else ("", node)
    if not isinstance(inner, Fraction) or (isinstance(node, Row) and len(node.parts) != 2) or node.width() < _LINE:
        return node.latex()
    return f"{sign}({inner.above.latex()}) / ({inner.below.latex()})"


def _blocks(table: Table, cells: dict[str, list[Node | None]]) -> list[list[str]]:
    """Divide the components among blocks that fit the page and are about equally wide."""
    widths = {}
    for c in table.components:
        drawn = [n.width() for n in cells[c.name] if n is not None and n.width() <= WIDE]
        widths[c.name] = max([*drawn, 0.7 * len(c.unit), 4.0]) + _GAP
    total = sum(widths.values())
    target = total / math.ceil(total / _PAGE)
    blocks: list[list[str]] = [[]]
    used = 0.0
    for name, width in widths.items():
        if blocks[-1] and (used + width > _PAGE or used + width / 2 > target):
            blocks.append([])
            used = 0.0
        blocks[-1].append(name)
        used += width
    return blocks


def _star(process: Process, name: str) -> str:
    return "{}^{*}" if name in process.solved else ""


def _held(table: Table, maths: Maths, names: Sequence[str]) -> list[str]:
    """Return the rows that say what one unit of every component holds."""
    lines = []
    for material in table.materials:
        amounts = [table.components[table.component_names.index(n)].composition.get(material) for n in names]
        row = ["" if a is None else f"${maths.expression(a).latex()}$" for a in amounts]
        lines += [_line(["", rf"\textit{{holds {_text(material)}}}", *row])]
    return [r"\midrule", *lines] if lines else []


def _rates(table: Table, maths: Maths) -> list[str]:
    lines = [r"\begin{description}\raggedright"]
    for i, process in enumerate(table.processes, start=1):
        title = rf"\item[{i} {_text(plain(process.name))}] {_text(process.description)}"
        lines += [
            rf"{title} \mbox{{[{_unit(process.unit)}]}}\\",
            rf"$\displaystyle \rho_{{{i}}} = {_rate(maths, process)}$",
        ]
    return [*lines, r"\end{description}"]


def _rate(maths: Maths, process: Process) -> str:
    return maths.expression(process.rate).latex()


def _components(table: Table, maths: Maths) -> list[str]:
    rows = []
    for c in table.components:
        holds = f"${maths.holds(c.composition).latex()}$" if c.composition else ""
        cells = [
            f"${maths.symbol(c.name).latex()}$",
            _code(c.name),
            _unit(c.unit),
            c.phase,
            holds,
            _text(c.description),
        ]
        rows.append(cells)
    return _long("@{}llllL{4.6cm}L{4.6cm}@{}", ["", "Name", "Unit", "Phase", "One unit holds", ""], rows)


def _parameters(table: Table, maths: Maths, references: dict[str, Reference]) -> list[str]:
    rows = []
    for p in table.parameters:
        law = temperature_law(p)
        cells = [f"${maths.symbol(p.name).latex()}$", _code(p.name), number(p.default), _unit(p.unit)]
        cells += ["" if law is None else f"${law.latex()}$", f"{number(p.bounds[0])} to {number(p.bounds[1])}"]
        source = " ".join(filter(None, (_source(p.source, references), _text(p.note))))
        rows.append([*cells, _text(p.description), source])
    head = ["", "Name", "Default", "Unit", "Temperature", "Bounds", "", "Source"]
    return [r"\begingroup\small", *_long("@{}llrlllL{5.8cm}L{5.4cm}@{}", head, rows), r"\endgroup"]


def _acids(table: Table, references: dict[str, Reference]) -> list[str]:
    rows = [[*map(_text, row[:-1]), _source(row[-1], references)] for row in acid_rows(table)]
    return _long("@{}llL{3.2cm}L{5cm}L{3.4cm}L{2.2cm}@{}", ACID_HEAD, rows)


def _gases(table: Table, maths: Maths, references: dict[str, Reference]) -> list[str]:
    rows = []
    for gas in table.gases:
        source = " ".join(filter(None, (_source(gas.source, references), _text(gas.note))))
        rows.append([f"${maths.symbol(gas.component).latex()}$", _code(gas.component), *gas_numbers(gas), source])
    head = ["", "Name", *(_unit(h) for h in GAS_HEAD), "Source"]
    return [r"\begingroup\footnotesize", *_long("@{}llrrrrrL{3.2cm}@{}", head, rows), r"\endgroup"]


def _composites(table: Table, maths: Maths) -> list[str]:
    rows = [
        [_code(name), _unit(c.unit), f"${maths.weighted(c.weights).latex()}$", _text(c.description)]
        for name, c in table.composites.items()
    ]
    return _long("@{}llL{7.2cm}L{4.4cm}@{}", ["", "Unit", "Sum", ""], rows)


def _long(columns: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    top = [rf"\begin{{longtable}}{{{columns}}}", r"\toprule", _line(head), r"\midrule", r"\endhead"]
    return [*top, *map(_line, rows), r"\bottomrule", r"\end{longtable}"]


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _source(source: str, references: dict[str, Reference]) -> str:
    return rf"\cite{{{source}}}" if source in references else _text(source)


def _code(name: str) -> str:
    return rf"\texttt{{{_text(name)}}}"


def _unit(unit: str) -> str:
    return re.sub(r"\bm3\b", r"m\\textsuperscript{3}", _text(unit))


def _text(text: str) -> str:
    """Return text in which nothing is taken for a command."""
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join(text.split()))
