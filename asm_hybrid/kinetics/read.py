"""Reads kinetics tables: names, units, expressions and balances are checked; errors carry file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.continuity import imbalance, simplified, solve_coefficients
from asm_hybrid.kinetics.dimensions import unit_of
from asm_hybrid.kinetics.equilibrium import Equilibrium, component_assumptions
from asm_hybrid.kinetics.expression import Expression, parse_expression
from asm_hybrid.kinetics.extend import PER_TABLE, LayeredDocument, lay, read_layers
from asm_hybrid.kinetics.fields import Fields, Keys
from asm_hybrid.kinetics.gases import read_gases
from asm_hybrid.kinetics.rate_inputs import HERE, RateInput, input_unit
from asm_hybrid.kinetics.read_equilibrium import read_equilibrium
from asm_hybrid.kinetics.table import Component, Composite, Parameter, Process, Table
from asm_hybrid.kinetics.values import ParameterError, check_table_values
from asm_hybrid.paths import as_path
from asm_hybrid.units import Unit, parse_unit
from asm_hybrid.yamlfile import YamlDocument, load_yaml, parse_yaml

__all__ = ["TABLES", "available_tables", "extend_table", "load_table", "parse_table"]

TABLES = Path(__file__).parent / "tables"
"""Where the shipped tables are."""

NAME_OR_PATH = "the name of a shipped table, or the path of a .yaml file"

MAX_ENTRIES = 200
"""Most components, parameters, processes or composites of a table."""

MAX_MATERIALS = 6
"""Most conserved materials."""


def available_tables() -> list[str]:
    """Return the names of the tables that come with the package.

    Returns
    -------
    list of str
    """
    return sorted(path.stem for path in TABLES.glob("*.yaml"))


def load_table(name_or_path: str | Path) -> Table:
    """Load and check a kinetics table.

    Parameters
    ----------
    name_or_path : str or Path
        Name of a table that comes with the package, or the path of a YAML file.

    Returns
    -------
    Table
        The table, its open coefficients solved.

    Raises
    ------
    InputError
        If there is no such table, or it breaks a rule; the message has file and line.
    """
    as_path(name_or_path, NAME_OR_PATH)
    return _read(load_yaml(_locate(name_or_path, Path())))


def parse_table(text: str, path: str | Path) -> Table:
    """Read a table from text; see `load_table`.

    Parameters
    ----------
    text : str
        YAML.
    path : str or Path
        Name in messages; what the table extends is sought from its folder.

    Returns
    -------
    Table
        The table, its open coefficients solved.

    Raises
    ------
    InputError
        If the text breaks a rule; the message has file and line.
    """
    return _read(parse_yaml(text, path))


def extend_table(table: Table, document: YamlDocument) -> Table:
    """Return a table with parameters and processes behind its own.

    Parameters
    ----------
    table : Table
        The table.
    document : YamlDocument
        Its sections ``parameters`` and ``processes`` are added; the rest of it is not read.

    Returns
    -------
    Table
        Named as `table`. What `table` holds is taken over as it is.

    Raises
    ------
    InputError
        If what is added breaks a rule, or is there already; the message has file and line.
    """
    return _Reader(lay([document, *table.document.layers])).extended(table, document)


def _locate(name_or_path: str | Path, folder: Path) -> Path:
    """Return the file of a shipped table, or of a path that may be relative to a folder."""
    if isinstance(name_or_path, str) and name_or_path in available_tables():
        return TABLES / f"{name_or_path}.yaml"
    if Path(name_or_path).suffix in (".yaml", ".yml"):
        return folder / name_or_path
    raise InputError(
        f"there is no kinetics table {str(name_or_path)!r}",
        expected=NAME_OR_PATH,
        fix=nearest(str(name_or_path), available_tables()),
    )


def _read(document: YamlDocument) -> Table:
    return _build(tuple((layer.text, layer.path) for layer in read_layers(document, _locate)))


@lru_cache(maxsize=16)
def _build(files: tuple[tuple[str, Path], ...]) -> Table:
    return _Reader(lay([parse_yaml(text, path) for text, path in files])).table()


class _Reader(Fields):
    """Turns a document into a table, one section after the other."""

    def __init__(self, document: LayeredDocument) -> None:
        super().__init__(document)
        self.symbols: dict[str, Any] = {}
        self.units: dict[str, Unit] = {}
        self.materials: tuple[str, ...] = ()
        self.tolerance = 0.0
        self.parameters: dict[str, Parameter] = {}
        self.components: dict[str, Component] = {}
        self.inputs: dict[str, RateInput] = {}

    def extended(self, table: Table, added: YamlDocument) -> Table:
        """Return a table with what the last layer adds."""
        self.materials, self.tolerance = table.materials, table.tolerance
        for p in table.parameters:
            self.declare_parameter(p.name, p.bounds)
            self.parameters[p.name] = p
        self.declare_components(list(table.component_names))
        self.components = {c.name: c for c in table.components}
        self.inputs = {i.name: i for i in table.inputs}
        self.units |= {i.name: parse_unit(i.unit) for i in table.inputs}
        self.declare_quantities(table.equilibrium)
        for key in added.data["parameters"]:
            self.check_name(key, ("parameters", key))
            self.parameters[key] = self.parameter(key)
        for key in added.data["processes"]:
            self.check_name(key, ("processes", key))
        processes = tuple(self.process(key) for key in added.data["processes"])
        kept = {key: value for key, value in table.document.data.items() if key in PER_TABLE}
        return self.checked(
            replace(
                table,
                parameters=tuple(self.parameters.values()),
                processes=(*table.processes, *processes),
                document=replace(self.document, data=kept | self.document.data),
                inputs=self.read_inputs(),
            )
        )

    def table(self) -> Table:
        """Return the table."""
        required = ("name", "components", "parameters", "processes")
        optional = ("title", "description", "source", "oxygen", "continuity", "composites", "equilibrium", "gases")
        self.check_keys((), required, optional)
        name = self.text(("name",))
        self.check_name(name, ("name",))
        self.continuity()
        for key in self.names("parameters"):
            self.parameters[key] = self.parameter(key)
        names = self.names("components")
        self.declare_components(names)
        for key in names:
            self.components[key] = self.component(key)
        held = {m for c in self.components.values() for m in c.composition}
        for material in self.materials:
            if material not in held:
                raise self.error(
                    f"no component holds {material}",
                    ("continuity", "materials"),
                    "materials that appear in a composition",
                )
        oxygen = self.text(("oxygen",)) or None
        if oxygen is not None and oxygen not in names:
            raise self.error(f"{oxygen!r} is not a component", ("oxygen",), "a component", nearest(oxygen, names))
        equilibrium = read_equilibrium(self, self.components, self.symbols, self.units, self.as_expression)
        self.declare_quantities(equilibrium)
        processes = tuple(self.process(key) for key in self.names("processes"))
        table = Table(
            name=name,
            title=self.text(("title",), name),
            description=self.text(("description",)),
            source=self.text(("source",)),
            components=tuple(self.components.values()),
            parameters=tuple(self.parameters.values()),
            processes=processes,
            composites={key: self.composite(key) for key in self.names("composites")},
            oxygen=oxygen,
            materials=self.materials,
            tolerance=self.tolerance,
            path=self.document.path,
            document=self.document,
            inputs=self.read_inputs(),
            equilibrium=equilibrium,
            gases=read_gases(self, self.components, oxygen),
        )
        return self.checked(table)

    def read_inputs(self) -> tuple[RateInput, ...]:
        """Return the inputs of the plant that rates read, those that differ from tank to tank last."""
        return tuple(self.inputs[key] for key in sorted(self.inputs, key=lambda name: (name in HERE, name)))

    def checked(self, table: Table) -> Table:
        """Return a table whose parameters may be what they are."""
        try:
            check_table_values(table)
        except ParameterError as error:
            keys = ("parameters", error.name)
            raise self.error(error.found, keys, error.expected or "another value", error.fix) from None
        return table

    def names(self, section: str) -> list[str]:
        """Return the names in a section."""
        found = list(self.mapping((section,)))
        if not found and section != "composites":
            raise self.error(f"{section} is empty", (section,), "at least one entry")
        if len(found) > MAX_ENTRIES:
            raise self.error(f"{section} has {len(found)} entries", (section,), f"at most {MAX_ENTRIES}")
        for name in found:
            self.check_name(name, (section, name))
        return found

    def declare(self, name: str, keys: Keys, **assumptions: bool | None) -> None:
        """Make a name and its unit known to the expressions that follow."""
        if name in self.symbols:
            raise self.error(f"the name {name!r} is taken", keys, "names that differ in the whole table")
        self.check_free(name, keys)
        self.units[name] = self.unit((*keys, "unit"), temperature=name not in self.mapping(("components",)))
        self.symbols[name] = sympy.Symbol(name, **assumptions)

    def declare_parameter(self, name: str, bounds: tuple[float, float]) -> None:
        """Make a parameter known; whether it may be zero or below follows from its bounds."""
        lower = bounds[0]
        self.declare(name, ("parameters", name), nonnegative=lower >= 0 or None, positive=lower > 0 or None)

    def declare_components(self, names: list[str]) -> None:
        """Make components known; an alkalinity from which the pH follows is the one that may be below zero."""
        signed = self.get(("equilibrium", "alkalinity"))
        for name in names:
            self.declare(name, ("components", name), **component_assumptions(name == signed))

    def declare_quantities(self, equilibrium: Equilibrium | None) -> None:
        """Make the pH and the forms of acids known to rates, and the temperature that their constants follow."""
        if equilibrium is not None:
            self.input("T", self.document.where("equilibrium"))
            self.symbols |= equilibrium.quantities
            own = equilibrium.units({c.name: c.unit for c in self.components.values()})
            self.units |= {name: parse_unit(unit) for name, unit in own.items()}

    def continuity(self) -> None:
        """Read what is conserved, and how exactly."""
        keys = ("continuity",)
        self.check_keys(keys, (), ("materials", "tolerance"))
        given = self.get((*keys, "materials"))
        given = ["COD", "N", "charge"] if given is None else given
        if not isinstance(given, list) or not all(isinstance(m, str) for m in given) or len(given) > MAX_MATERIALS:
            raise self.error(f"{given!r:.60} stands here", (*keys, "materials"), "a list such as [COD, N, P, charge]")
        for material in given:
            self.check_name(material, (*keys, "materials"))
        self.materials = tuple(dict.fromkeys(given))
        if self.get((*keys, "tolerance")) is not None:
            self.tolerance = self.number((*keys, "tolerance"))
            if not 0 <= self.tolerance <= 0.1:
                raise self.error(f"the tolerance is {self.tolerance}", (*keys, "tolerance"), "0 to 0.1")

    def parameter(self, name: str) -> Parameter:
        """Read one parameter."""
        keys = ("parameters", name)
        self.check_keys(keys, ("default", "unit", "bounds", "source"), ("T_ref", "theta", "note", "description"))
        default, bounds = self.number((*keys, "default")), self.get((*keys, "bounds"))
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise self.error(f"{bounds!r:.60} stands here", (*keys, "bounds"), "[lower, upper]")
        lower, upper = (self.as_number(b, (*keys, "bounds")) for b in bounds)
        if not lower < upper:
            raise self.error(f"the bounds are [{lower}, {upper}]", (*keys, "bounds"), "lower below upper")
        if not lower <= default <= upper:
            raise self.error(
                f"the default {default} is outside its bounds [{lower}, {upper}]",
                (*keys, "default"),
                "a default within the bounds",
                "correct the default, or widen the bounds",
            )
        theta, reference = (
            None if self.get((*keys, k)) is None else self.number((*keys, k)) for k in ("theta", "T_ref")
        )
        if (theta is None) != (reference is None):
            raise self.error("one of theta and T_ref is missing", keys, "both, or neither")
        if theta is not None and not 0.5 <= theta <= 2:
            raise self.error(f"theta is {theta}", (*keys, "theta"), "0.5 to 2; 1.07 doubles a rate in 10 degC")
        self.declare_parameter(name, (lower, upper))
        if theta is not None and self.units[name].zero:
            raise self.error("a temperature has a temperature law", (*keys, "theta"), "theta for other units than degC")
        return Parameter(
            name=name,
            default=default,
            unit=self.text((*keys, "unit")),
            T_ref=reference,
            theta=theta,
            bounds=(lower, upper),
            source=self.text((*keys, "source")),
            note=self.text((*keys, "note")),
            description=self.text((*keys, "description")),
        )

    def expression(self, keys: Keys, states: bool = False) -> Expression:
        """Read an expression of parameters; a rate, of components and inputs of the plant too, if `states`."""
        return self.as_expression(self.get(keys), keys, states)

    def as_expression(self, value: object, keys: Keys, states: bool = False) -> Expression:
        """Read an expression that was found under a key path."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(f"{value!r:.60} is not an expression", keys, "a number, or arithmetic with names")
        known = self.symbols if states else {n: self.symbols[n] for n in self.parameters}
        if not states and isinstance(value, str) and value in self.components:
            raise self.error(f"{value!r} is a component", keys, "numbers and parameters")
        where = self.document.where(*keys)

        def read_input(name: str) -> sympy.Symbol | None:
            return self.input(name, where)

        return parse_expression(value, known, where, frozenset(self.parameters), read_input if states else None)

    def input(self, name: str, where: str) -> sympy.Symbol | None:
        """Return the symbol of an input of the plant that a rate reads; None for any other name."""
        if name not in self.inputs:
            concentrations = {c: self.units[c] for c in self.components}
            composites = {c: self.unit(("composites", c, "unit")) for c in self.mapping(("composites",))}
            unit = input_unit(name, concentrations, composites)
            if unit is None:
                return None
            self.inputs[name] = RateInput(name, str(unit), where)
            self.units[name] = unit
        return sympy.Symbol(name, real=True)

    def component(self, name: str) -> Component:
        """Read one component."""
        keys = ("components", name)
        self.check_keys(keys, ("unit", "phase"), ("symbol", "composition", "description"))
        phase = self.text((*keys, "phase"))
        if phase not in ("soluble", "particulate"):
            raise self.error(f"the phase is {phase!r}", (*keys, "phase"), "soluble or particulate")
        unit = self.unit((*keys, "unit"))
        if dict(unit.dimension).get("meter") != -3 or len(unit.dimension) != 2:
            raise self.error(f"the unit is {unit}", (*keys, "unit"), "a concentration, such as g N/m3 or mol/m3")
        composition = {}
        for material in self.mapping((*keys, "composition")):
            inner = (*keys, "composition", material)
            if material not in self.materials:
                raise self.error(
                    f"{material!r} is not conserved in this table",
                    inner,
                    "one of " + (", ".join(self.materials) or "none"),
                    nearest(material, self.materials),
                )
            composition[material] = self.expression(inner)
        for substance, _ in unit.substances:
            if substance in self.materials and (substance not in composition or composition[substance].value != 1):
                raise self.error(
                    f"the unit {unit} counts {substance}, but the composition does not hold 1 {substance}",
                    keys,
                    f"composition: {{{substance}: 1, …}}",
                )
        symbol, description = (self.text((*keys, k)) for k in ("symbol", "description"))
        return Component(name, unit.text, phase, symbol or name, composition, description)

    def process(self, name: str) -> Process:
        """Read one process, solve its open coefficients and check its balance and its unit."""
        keys = ("processes", name)
        self.check_keys(keys, ("rate", "stoichiometry"), ("description", "exchanges"))
        exchanged = self.exchanged(keys)
        kept = tuple(m for m in self.materials if m not in exchanged)
        rate = self.expression((*keys, "rate"), states=True)
        given: dict[str, Expression | None] = {}
        entries = self.mapping((*keys, "stoichiometry"))
        for component in self._members(entries, (*keys, "stoichiometry")):
            inner = (*keys, "stoichiometry", component)
            given[component] = None if entries[component] == "?" else self.expression(inner)
        values = {c: None if e is None else e.value for c, e in given.items()}
        composition = {c.name: {m: e.value for m, e in c.composition.items()} for c in self.components.values()}
        where = self.document.where(*keys, "stoichiometry")
        solved = solve_coefficients(values, composition, kept, where)
        for material, (rest, size) in imbalance(solved, composition, kept, self._points()).items():
            if size > self.tolerance:
                raise self.error(
                    f"the process makes {material} of nothing: {simplified(rest)!s:.80} = {size:.4g} a unit of rate",
                    (*keys, "stoichiometry"),
                    f"an imbalance of at most {self.tolerance:g}",
                    "write '?' for one of the coefficients, or correct a coefficient or a composition",
                )
        coefficients = {c: given[c] or Expression(str(v), v) for c, v in solved.items()}
        open_ones = frozenset(c for c, e in given.items() if e is None)
        unit = self._rate_unit(rate, solved, open_ones, (*keys, "rate"))
        return Process(name, rate, unit, coefficients, open_ones, self.text((*keys, "description")), exchanged)

    def exchanged(self, process: Keys) -> tuple[str, ...]:
        """Return the materials that a process brings in from outside, or takes away, as a gas that escapes does."""
        keys = (*process, "exchanges")
        given = self.get(keys)
        if given is None:
            return ()
        if not isinstance(given, list) or any(m not in self.materials for m in given):
            expected = f"a list of some of {', '.join(self.materials) or 'the conserved materials'}"
            raise self.error(f"{given!r:.60} stands here", keys, expected)
        return tuple(m for m in self.materials if m in given)

    def _members(self, entries: Mapping[str, Any], keys: Keys) -> list[str]:
        """Return the components that are named, in the order of the table."""
        for name in entries:
            if name not in self.components:
                raise self.error(
                    f"{name!r} is not a component",
                    (*keys, name),
                    "a component",
                    nearest(name, self.components),
                )
        return [name for name in self.components if name in entries]

    def _points(self) -> list[dict[sympy.Symbol, Any]]:
        """Return parameter values at which imbalances are measured: defaults, lower and upper bounds."""
        rows = [(self.symbols[n], q.default, *q.bounds) for n, q in self.parameters.items()]
        return [{row[0]: row[k] for row in rows} for k in (1, 2, 3)]

    def _rate_unit(
        self, rate: Expression, coefficients: Mapping[str, sympy.Expr], open_ones: frozenset[str], keys: Keys
    ) -> str:
        """Check the unit of a rate against the components whose coefficient is 1 or -1.

        One that continuity gave may convert, as from g COD to g O2: it is checked where there is no other.
        """
        where, day = self.document.where(*keys), parse_unit("d")
        found = unit_of(rate.text, self.units, where)
        ones = [c for sign in (1, -1) for c, v in coefficients.items() if v == sign]
        ones = [c for c in ones if c not in open_ones] or ones
        references = ones or list(coefficients)
        for component in ones:
            expected = self.units[component] / day
            if not found.compatible(expected):
                raise self.error(
                    f"the rate is in {found}; {component}, whose coefficient is 1 or -1, needs {expected}",
                    keys,
                    str(expected),
                    "correct the unit of a parameter, the rate, or the coefficient",
                )
        if dict(found.dimension).get("meter") != -3 or dict(found.dimension).get("second") != -1:
            raise self.error(f"the rate is in {found}", keys, "a concentration per day, such as g COD/(m3 d)")
        return str(self.units[references[0]] / day) if references else str(found)

    def composite(self, name: str) -> Composite:
        """Read one composite."""
        keys = ("composites", name)
        if name in self.components:
            raise self.error(f"the name {name!r} is taken", keys, "a name that no component has")
        self.check_keys(keys, ("unit", "weights"), ("description",))
        members = self._members(self.mapping((*keys, "weights")), (*keys, "weights"))
        weights = {c: self.expression((*keys, "weights", c)) for c in members}
        return Composite(self.unit((*keys, "unit")).text, weights, self.text((*keys, "description")))
