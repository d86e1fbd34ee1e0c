"""Kinetics tables, candidates and symbols, from the YAML files that the program reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from markupsafe import Markup

from asm_hybrid.kinetics import available_tables, load_table
from asm_hybrid.kinetics.candidates import CANDIDATES
from asm_hybrid.kinetics.document.maths import Maths
from asm_hybrid.kinetics.document.page import table_facts, table_sections
from asm_hybrid.kinetics.document.references import BIBLIOGRAPHY, parse_bibliography
from asm_hybrid.kinetics.document.words import conserved, size
from asm_hybrid.yamlfile import load_yaml

__all__ = ["candidates_text", "symbols_text", "table_page", "tables_text"]


def table_page(name: str) -> str:
    """Return the page of a table: what it is, matrix, rates, components, parameters, references.

    Parameters
    ----------
    name : str
        A shipped table.

    Returns
    -------
    str
        Markdown, its mathematics in MathML.
    """
    table = load_table(name)
    parts = [f"# {name}", Markup("<p><strong>{}.</strong> {}</p>").format(table.title.rstrip("."), table.description)]
    parts.append(Markup('<dl class="facts">\n{}</dl>').format(table_facts(table)))
    for key, title, content in table_sections(table):
        parts += [f"## {title} {{#{key}}}", Markup('<div class="kinetics">\n{}</div>').format(content)]
    return "\n\n".join(parts)


def tables_text() -> str:
    """Return a list of the shipped tables, in Markdown.

    Returns
    -------
    str
    """
    lines = ["| Table | What it is | Size | Conserves |", "|---|---|---|---|"]
    for name in available_tables():
        table = load_table(name)
        sizes = ", ".join(f"{n} {what}" for n, what in size(table))
        lines.append(f"| [`{name}`](tables/{name}.md) | {table.title} | {sizes} | {conserved(table)} |")
    return "\n".join(lines)


def candidates_text() -> str:
    """Return the library of processes that a table may lack, in Markdown.

    Returns
    -------
    str
    """
    known = parse_bibliography(BIBLIOGRAPHY.read_text(encoding="utf-8"))
    cited: dict[str, str] = {}

    def source(key: str) -> Markup:
        if key not in known:
            return Markup("{}").format(key)
        cited.setdefault(key, known[key].text)
        return Markup('<a href="#{0}" title="{1}">{0}</a>').format(key, known[key].text)

    parts: list[str] = []
    for path in sorted(CANDIDATES.glob("*.yaml")):
        parts += _candidate(load_yaml(path).data, source)
    items = (
        Markup('<li id="{0}">{1} <a href="{2}">{2}</a></li>\n').format(key, cited[key], known[key].link)
        if known[key].link
        else Markup('<li id="{}">{}</li>\n').format(key, cited[key])
        for key in sorted(cited)
    )
    return "\n\n".join([*parts, "## References", Markup("<ul>\n{}</ul>").format(Markup("").join(items))])


def _candidate(data: dict[str, Any], source: Any) -> Iterator[str]:
    yield f"## {data['title'][0].upper()}{data['title'][1:]} {{#{data['name']}}}"
    yield Markup("<p>{} ({})</p>").format(" ".join(data.get("description", "").split()), source(data["source"]))
    facts = {
        "Name": Markup("<code>{}</code>").format(data["name"]),
        "Family": data.get("family", ""),
        "Acts in tanks": data.get("place", "all"),
        "Tables": ", ".join(data.get("tables", ())),
    }
    entries = Markup("").join(Markup("<div><dt>{}</dt><dd>{}</dd></div>\n").format(*fact) for fact in facts.items())
    yield Markup('<dl class="facts">\n{}</dl>').format(entries)
    for name, process in data["processes"].items():
        changes = ", ".join(f"{component}: {value}" for component, value in process["stoichiometry"].items())
        yield f"```yaml\n{name}:\n  rate: {process['rate']}\n  stoichiometry: {{{changes}}}\n```"
    yield _rows(
        ("Parameter", "Typical", "Unit", "Bounds", "Meaning", "Source"),
        (
            (
                Markup("<code>{}</code>").format(name),
                f"{entry['default']:g}",
                entry.get("unit", ""),
                "{:g} to {:g}".format(*entry["bounds"]),
                entry.get("description", ""),
                Markup("{} {}").format(source(entry.get("source", "")), entry.get("note", "")),
            )
            for name, entry in data["parameters"].items()
        ),
    )


def symbols_text(kind: str) -> str:
    """Return every state, parameter or composite of the shipped tables: symbol, name, unit, meaning, and tables.

    Parameters
    ----------
    kind : {'components', 'parameters', 'composites'}
        What of the tables.

    Returns
    -------
    str
        HTML.
    """
    found: dict[tuple[str, str, str], list[tuple[str, Markup]]] = {}
    for name in available_tables():
        table = load_table(name)
        maths = Maths(table)
        held = getattr(table, kind)
        named = held.items() if kind == "composites" else ((entry.name, entry) for entry in held)
        for word, entry in named:
            symbol = (
                Markup("")
                if kind == "composites"
                else Markup("<math>{}</math>").format(Markup(maths.symbol(word).mathml()))
            )
            found.setdefault((word, entry.unit, entry.description), []).append((name, symbol))
    return _rows(
        ("Symbol", "Name", "Unit", "Meaning", "Tables")[kind == "composites" :],
        (
            (
                *([] if kind == "composites" else [uses[0][1]]),
                Markup("<code>{}</code>").format(word),
                unit,
                meaning,
                Markup(", ").join(Markup('<a href="tables/{0}.html">{0}</a>').format(name) for name, _ in uses),
            )
            for (word, unit, meaning), uses in sorted(found.items(), key=lambda entry: entry[0][0].lower())
        ),
    )


def _rows(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    top = Markup("").join(Markup('<th scope="col">{}</th>').format(word) for word in head)
    lines = Markup("").join(
        Markup("<tr>{}</tr>\n").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup("<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>").format(top, lines)
