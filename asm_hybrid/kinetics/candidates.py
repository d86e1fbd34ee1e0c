"""Processes that a table may lack: a library of them, one YAML file each, and tables that hold them beside their own.

A candidate is written in the names of one table and says by which names and coefficients it goes in others. Exactly one
rate constant scales all that it does, so that a table with it at zero is the table without it.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.expression import syntax_of
from asm_hybrid.kinetics.extend import LayeredDocument
from asm_hybrid.kinetics.fields import Fields, Keys
from asm_hybrid.kinetics.read import TABLES, available_tables, extend_table
from asm_hybrid.kinetics.table import Table
from asm_hybrid.yamlfile import YamlDocument, load_yaml, parse_yaml

__all__ = ["Candidate", "candidate_patch", "candidates_for", "with_candidates"]

CANDIDATES = Path(__file__).parent / "candidates"
"""Where the library is."""

PLACES = {
    "all": "",
    "aerated": "here.aerated",
    "unaerated": "here.unaerated",
    "influent": "here.influent",
    "returned": "here.returned",
}
"""Where a candidate may act, and the input of a rate that holds it there: in all tanks, in those with and without
aeration, and where the influent and the return sludge enter, by the share that enters."""

NAME = re.compile(r"\b[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A process that a table may lack, in the names of that table.

    Attributes
    ----------
    name, title, description : str
        Its name, what an engineer calls it, and what happens.
    source : str
        Key in ``references.bib``, or words.
    family : str
        What it is about, such as ``"nitrogen"`` or ``"load"``.
    place : str
        Where it acts, one of `PLACES`; its rates hold this.
    rate_constant : str
        The parameter that scales all of its processes, which are absent where it is zero.
    typical : float
        Usual size of the rate constant [unit].
    unit : str
        Its unit.
    bounds : tuple of float
        Range in which it is plausible [unit].
    processes : tuple of str
        Names of what it adds to a table.
    table : str
        The table that it fits: a name, or the path of its file.
    document : YamlDocument
        What it adds, as a file that changes the table, with the lines of the candidate's own file.
    """

    name: str
    title: str
    description: str
    source: str
    family: str
    place: str
    rate_constant: str
    typical: float
    unit: str
    bounds: tuple[float, float]
    processes: tuple[str, ...]
    table: str
    document: YamlDocument = field(repr=False)


def candidates_for(table: Table, extra_files: Iterable[str | Path] = ()) -> list[Candidate]:
    """Return the candidates that fit a table.

    Of the library those that name the table, or one that it extends; for a table that extends no shipped one, those
    whose components and parameters it has. A candidate whose processes the table holds already is left out.

    Parameters
    ----------
    table : Table
        The kinetics table.
    extra_files : iterable of str or Path
        Candidates of the user's own, files like those of the library.

    Returns
    -------
    list of Candidate
        Those of the library by name, then the user's in their order.

    Raises
    ------
    InputError
        If a file of the user's breaks a rule, does not fit the table, or has the name of another candidate; the message
        has file and line.
    """
    found, taken = [], {path.stem: path for path in _library()}
    for path in taken.values():
        candidate = _Reader(load_yaml(path)).candidate(table, own=False)
        found += [candidate] if candidate else []
    parameters = {p: c.name for c in found for p in c.document.data["parameters"]}
    processes = {p: c.name for c in found for p in c.processes}
    for extra in map(Path, extra_files):
        reader = _Reader(load_yaml(extra))
        candidate = reader.candidate(table, own=True)
        assert candidate is not None  # or an error
        if candidate.name in taken:
            raise reader.error(
                f"the candidate {candidate.name!r} is there twice",
                ("name",),
                f"another name than that in {taken[candidate.name]}",
            )
        reader.check_new(candidate.document.data["parameters"], parameters, "parameters")
        reader.check_new(candidate.processes, processes, "processes")
        taken[candidate.name] = extra
        parameters |= dict.fromkeys(candidate.document.data["parameters"], candidate.name)
        processes |= dict.fromkeys(candidate.processes, candidate.name)
        found.append(candidate)
    return found


def with_candidates(table: Table, candidates: Iterable[Candidate]) -> Table:
    """Return a table that holds the processes of candidates behind its own, with all their rate constants at zero.

    Parameters
    ----------
    table : Table
        The kinetics table.
    candidates : iterable of Candidate
        From `candidates_for` of that table.

    Returns
    -------
    Table
        Its components are those of `table`, and so are its first parameters and processes. The rate constants may be
        zero, other than in the table that `candidate_patch` gives.

    Raises
    ------
    InputError
        If a candidate does not fit.
    """
    for candidate in candidates:
        table = extend_table(table, _at_zero(candidate))
    return table


def candidate_patch(candidate: Candidate, value: float, extends: str = "") -> dict[str, Any]:
    """Return the content of a table that holds a candidate.

    Parameters
    ----------
    candidate : Candidate
        From `candidates_for`.
    value : float
        Its rate constant, above zero [`candidate.unit`]; the bounds are widened to hold it.
    extends : str, optional
        The table to extend: a shipped one, or a path as it is seen from the file to be written; the table that the
        candidate was found for, if not given.

    Returns
    -------
    dict
        To be written with `asm_hybrid.yamlfile.to_yaml`.

    Raises
    ------
    InputError
        For a value that the rate constant cannot have.
    """
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(
            f"{candidate.rate_constant} of {candidate.name} is {value:g} {candidate.unit}",
            expected="a finite number above zero",
        )
    low, high = candidate.bounds
    changes = candidate.document.data
    constant = changes["parameters"][candidate.rate_constant]
    new = {"default": float(value), "bounds": [min(low, float(value)), max(high, float(value))]}
    base = extends or candidate.table
    stem = Path(base).stem
    name = re.sub(r"\W", "_", f"{stem}_{candidate.name}", flags=re.ASCII).lstrip("_0123456789")
    return {
        "name": name[:40],
        "extends": base,
        "title": f"{stem} with {candidate.title}",
        "description": candidate.description,
        "source": candidate.source,
        "parameters": {**changes["parameters"], candidate.rate_constant: {**constant, **new}},
        "processes": changes["processes"],
    }


def _library() -> list[Path]:
    """Return the files of the library, by name."""
    return sorted(CANDIDATES.glob("*.yaml"))


def _at_zero(candidate: Candidate) -> YamlDocument:
    """Return what a candidate adds, its rate constant at zero."""
    data = candidate.document.data
    constant = {**data["parameters"][candidate.rate_constant], "default": 0.0, "bounds": [0.0, candidate.bounds[1]]}
    parameters = {**data["parameters"], candidate.rate_constant: constant}
    return replace(candidate.document, data={**data, "parameters": parameters})


class _Reader(Fields):
    """Reads the file of one candidate."""

    def __init__(self, document: YamlDocument) -> None:
        super().__init__(LayeredDocument((document,), document.data))
        self.file = document
        self.check_keys(
            (),
            ("name", "title", "rate_constant", "parameters", "processes"),
            ("description", "source", "family", "place", "tables"),
        )
        self.name = self.text(("name",))
        self.check_name(self.name, ("name",))
        self.place = self.text(("place",), "all")
        if self.place not in PLACES:
            raise self.error(f"the place is {self.place!r}", ("place",), ", ".join(PLACES), nearest(self.place, PLACES))
        self.constant = self.text(("rate_constant",))
        parameters = self.mapping(("parameters",))
        if self.constant not in parameters:
            raise self.error(
                f"the rate constant {self.constant!r} is not among the parameters",
                ("rate_constant",),
                "a parameter of this candidate",
                nearest(self.constant, parameters),
            )
        for process in self.mapping(("processes",)):
            self.check_keys(("processes", process), ("rate", "stoichiometry"), ("description", "exchanges"))
            self.mapping(("processes", process, "stoichiometry"))
            self.text(("processes", process, "rate"))
        for variant in self.mapping(("tables",)):
            self.check_keys(("tables", variant), (), ("names", "stoichiometry", "exchanges"))
            for key in self.mapping(("tables", variant, "names")):
                self.text(("tables", variant, "names", key))

    def candidate(self, table: Table, *, own: bool) -> Candidate | None:
        """Return the candidate in the names of a table; where it does not fit, None, or an error for the user's own."""
        refused: InputError | None = None
        for keys in self.variants(table):
            document = self.laid(keys)
            try:
                self.check_fit(table, document)
            except InputError as error:
                refused = refused or error
                continue
            return self.made(table, document)
        if not own:
            return None
        if refused is None:
            raise self.error(
                f"the candidate {self.name!r} does not fit the table {table.name!r}, which it does not name",
                ("tables",),
                f"{table.name}, or no key 'tables'",
            )
        raise InputError(
            f"the candidate {self.name!r} does not fit the table {table.name!r}: {refused.found}",
            where=refused.where,
            expected=refused.expected,
            fix=refused.fix,
        )

    def variants(self, table: Table) -> list[tuple[str, ...]]:
        """Return the keys of what may hold for a table; the empty key path where a candidate names no tables."""
        given = self.mapping(("tables",))
        if not given:
            return [()]
        lineage = list(_lineage(table))
        named: list[tuple[str, ...]] = [("tables", name) for name in lineage if name in given]
        if named or set(lineage) & set(available_tables()):
            return named[:1]
        return [("tables", name) for name in given]

    def laid(self, variant: tuple[str, ...]) -> YamlDocument:
        """Return what the candidate adds to the table of a variant."""
        names = self.mapping((*variant, "names")) if variant else {}
        over = self.mapping((*variant, "stoichiometry")) if variant else {}
        exchanged = self.get((*variant, "exchanges")) if variant else None
        processes = {}
        for name, process in self.mapping(("processes",)).items():
            given = {names.get(c, c): _renamed(v, names) for c, v in process["stoichiometry"].items()}
            rate = self.placed(_renamed(process["rate"], names), ("processes", name, "rate"))
            kept = {key: process[key] for key in ("description", "exchanges") if key in process}
            kept |= {} if exchanged is None else {"exchanges": exchanged}
            processes[name] = kept | {
                "rate": rate,
                "stoichiometry": {c: v for c, v in (given | over).items() if v is not None},
            }
        return replace(self.file, data={"parameters": self.mapping(("parameters",)), "processes": processes})

    def placed(self, rate: str, keys: Keys) -> str:
        """Return a rate that acts in the place of the candidate alone."""
        factor = PLACES[self.place]
        if not factor:
            return rate
        match syntax_of(rate, self.document.where(*keys)):
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return f"({rate}) * {factor}"
        return f"{rate} * {factor}"

    def check_fit(self, table: Table, document: YamlDocument) -> None:
        """Check that the table takes the processes, and that the rate constant scales them."""
        for name in document.data["processes"]:
            if name in table.process_names:
                raise self.error(
                    f"the table {table.name!r} has a process {name!r} already",
                    ("processes", name),
                    "a process that it lacks",
                )
        extended = extend_table(table, document)
        for process in extended.processes[len(table.processes) :]:
            rate = process.rate.value
            constant = next((s for s in rate.free_symbols if s.name == self.constant), None)
            scaled = constant is not None and rate.xreplace({constant: sympy.Integer(0)}) == 0
            if not scaled or constant in sympy.diff(rate, constant).free_symbols:
                raise self.error(
                    f"the rate is not {self.constant} times something",
                    ("processes", process.name, "rate"),
                    f"{self.constant} * …, since the rate constant scales the whole candidate",
                )

    def made(self, table: Table, document: YamlDocument) -> Candidate:
        """Return the candidate for a table that takes it."""
        keys = ("parameters", self.constant)
        low, high = (self.as_number(b, (*keys, "bounds")) for b in self.get((*keys, "bounds")))
        if low <= 0.0:
            raise self.error(
                f"the lower bound of {self.constant} is {low:g}", (*keys, "bounds"), "a lower bound above zero"
            )
        shipped = table.path.parent == TABLES
        return Candidate(
            name=self.name,
            title=self.text(("title",)),
            description=self.text(("description",)),
            source=self.text(("source",)),
            family=self.text(("family",)),
            place=self.place,
            rate_constant=self.constant,
            typical=self.number((*keys, "default")),
            unit=self.text((*keys, "unit")),
            bounds=(low, high),
            processes=tuple(document.data["processes"]),
            table=table.path.stem if shipped else str(table.path),
            document=document,
        )

    def check_new(self, names: Iterable[str], taken: Mapping[str, str], section: str) -> None:
        """Check that no other candidate has names of this one's parameters or processes."""
        for name in names:
            if name in taken:
                raise self.error(
                    f"the name {name!r} is there twice",
                    (section, name),
                    f"another name than one of the candidate {taken[name]!r}",
                )


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return an expression with other names."""
    if not isinstance(value, str):
        return value
    return NAME.sub(lambda found: names.get(found[0], found[0]), value)


def _lineage(table: Table) -> Iterator[str]:
    """Yield the names of a table and of those that it extends, the nearest first."""
    for layer in table.document.layers:
        yield str(layer.data.get("name"))
    yield from _bases(table.name)


@lru_cache(maxsize=32)
def _bases(name: str) -> tuple[str, ...]:
    """Return the shipped tables that a shipped table extends, whose copy in a run folder does not say so."""
    if name not in available_tables():
        return ()
    base = parse_yaml((TABLES / f"{name}.yaml").read_text(encoding="utf-8"), name).data.get("extends")
    return () if base is None else (base, *_bases(base))
