"""Reads the section ``equilibrium`` of a kinetics table; errors carry file, line and key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asm_hybrid.errors import nearest
from asm_hybrid.kinetics.acids import ACIDS, Acid
from asm_hybrid.kinetics.dimensions import unit_of
from asm_hybrid.kinetics.equilibrium import HYDROGEN, PH, AcidInTable, Equilibrium
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.fields import Fields, Keys
from asm_hybrid.kinetics.table import Component
from asm_hybrid.units import Unit, parse_unit

__all__ = ["read_equilibrium"]

SECTION = "equilibrium"
CHARGE = "charge"
"""The material that a table with an equilibrium has to conserve."""

MOST_ACIDS, MOST_PROTONS = 12, 4
_MOLAR = parse_unit("mol/m3")


def read_equilibrium(
    fields: Fields,
    components: Mapping[str, Component],
    symbols: Mapping[str, Any],
    units: Mapping[str, Unit],
    expression: Callable[[Any, Keys], Expression],
) -> Equilibrium | None:
    """Read the acids and bases of a table.

    Parameters
    ----------
    fields : Fields
        The table's document.
    components : mapping of str to Component
        Its components.
    symbols : mapping of str to Symbol
        Of components and parameters.
    units : mapping of str to Unit
        Of the same names.
    expression : callable
        Reads an expression of parameters that stands under a key path.

    Returns
    -------
    Equilibrium or None
        None where the table has no such section.
    """
    if fields.get((SECTION,)) is None:
        return None
    return _Reader(fields, components, symbols, units, expression).equilibrium()


class _Reader:
    """Reads one section; arguments as of `read_equilibrium`."""

    def __init__(
        self,
        fields: Fields,
        components: Mapping[str, Component],
        symbols: Mapping[str, Any],
        units: Mapping[str, Unit],
        expression: Callable[[Any, Keys], Expression],
    ) -> None:
        self.fields, self.components, self.symbols, self.units = fields, components, symbols, units
        self.expression = expression
        self.taken: dict[str, str] = {}

    def equilibrium(self) -> Equilibrium:
        """Return what the section says."""
        fields, keys = self.fields, (SECTION,)
        fields.check_keys(keys, ("acids",), ("alkalinity", "ions"))
        if not any(CHARGE in c.composition for c in self.components.values()):
            raise fields.error(
                "no component of the table holds charge",
                keys,
                "a table that conserves charge, so that it tells which ions there are",
                "add charge to continuity.materials, and to the compositions of ions",
            )
        alkalinity, ions = self.counted(keys)
        acids = self.acids((*keys, "acids"))
        free = [name for name in self.units if name in (PH, HYDROGEN)]
        if free:
            where = ("components" if free[0] in self.components else "parameters", free[0])
            raise fields.error(
                f"the name {free[0]!r} is taken: the equilibrium gives it",
                where,
                "another name",
                f"remove it: '{free[0]}: null' in a table that extends another",
            )
        used = [n for n in (alkalinity, *ions, *(a.total for a in acids)) if n is not None]
        charges = {n: self.components[n].composition[CHARGE] for n in used if CHARGE in self.components[n].composition}
        return Equilibrium(alkalinity, ions, acids, charges, self.symbols)

    def counted(self, keys: Keys) -> tuple[str | None, tuple[str, ...]]:
        """Return the alkalinity, or the ions that take part in nothing."""
        alkalinity, ions = (self.fields.get((*keys, key)) for key in ("alkalinity", "ions"))
        if (alkalinity is None) == (ions is None):
            raise self.fields.error(
                "there is neither alkalinity nor ions" if ions is None else "there are both alkalinity and ions",
                keys,
                "'alkalinity: S_ALK', the component that counts it, or 'ions: [S_cat, S_an]', which count all ions",
            )
        if alkalinity is not None:
            return self.charged(alkalinity, (*keys, "alkalinity")), ()
        if not isinstance(ions, list) or not ions:
            raise self.fields.error(f"{ions!r:.60} stands here", (*keys, "ions"), "a list of components")
        return None, tuple(self.charged(name, (*keys, "ions")) for name in ions)

    def charged(self, name: Any, keys: Keys) -> str:
        """Return a component that holds charge, and is counted once."""
        found = self.component(name, keys)
        charge = self.components[found].composition.get(CHARGE)
        if charge is None or charge.value == 0:
            raise self.fields.error(
                f"{found} holds no charge",
                keys,
                "a component whose composition has a charge",
                "correct its composition",
            )
        return found

    def component(self, name: Any, keys: Keys) -> str:
        """Return a component that nothing in the balance counts yet."""
        if not isinstance(name, str) or name not in self.components:
            options = list(self.components)
            raise self.fields.error(
                f"{name!r:.60} is not a component", keys, "a component", nearest(str(name), options)
            )
        if name in self.taken:
            raise self.fields.error(f"{name} is counted twice: {self.taken[name]} counts it", keys, "each once")
        self.taken[name] = keys[-1] if keys[-1] != "total" else keys[-2]
        return name

    def acids(self, keys: Keys) -> tuple[AcidInTable, ...]:
        """Return the acids."""
        names = list(self.fields.mapping(keys))
        if not 1 <= len(names) <= MOST_ACIDS:
            raise self.fields.error(f"there are {len(names)} acids", keys, f"1 to {MOST_ACIDS}")
        return tuple(self.acid(name, (*keys, name)) for name in names)

    def acid(self, name: str, keys: Keys) -> AcidInTable:
        """Return one acid."""
        fields, known = self.fields, ACIDS.get(name)
        own = () if known else ("forms", "charge", "constants")
        fields.check_keys(keys, ("total", *own), ("molar_mass", "constants", "species"))
        if known is None:
            known = self.described(name, keys)
        total = self.component(fields.get((*keys, "total")), (*keys, "total"))
        mass = self.mass(known, total, keys)
        self.check_charge(name, known, total, mass, keys)
        constants = self.constants(known, keys)
        return AcidInTable(name, total, mass, known.charge, known.forms, constants, self.species(name, known, keys))

    def described(self, name: str, keys: Keys) -> Acid:
        """Return an acid that is not known by name, as the table describes it."""
        forms, charge = (self.fields.get((*keys, key)) for key in ("forms", "charge"))
        if (
            not isinstance(forms, list)
            or not all(isinstance(f, str) for f in forms)
            or not 2 <= len(forms) <= MOST_PROTONS + 1
        ):
            raise self.fields.error(
                f"{forms!r:.60} stands here",
                (*keys, "forms"),
                f"a list of 2 to {MOST_PROTONS + 1} names, the form that holds all protons first, such as [H2S, HS]",
                f"or one of the acids that are known: {', '.join(ACIDS)} ({nearest(name, ACIDS) or 'none is near'})",
            )
        if isinstance(charge, bool) or not isinstance(charge, int) or not -MOST_PROTONS <= charge <= MOST_PROTONS:
            raise self.fields.error(
                f"the charge is {charge!r:.60}", (*keys, "charge"), "a whole number: 0 for H2S, 1 for NH4"
            )
        return Acid(tuple(forms), charge, {})

    def mass(self, acid: Acid, total: str, keys: Keys) -> float:
        """Return how much of its total a mole counts for."""
        unit, where = self.units[total], (*keys, "molar_mass")
        if self.fields.get(where) is not None:
            found = self.fields.number(where)
            if not found > 0:
                raise self.fields.error(f"the molar mass is {found:g}", where, "a mass above zero, in g/mol")
            return found
        if unit.compatible(_MOLAR):
            return 1.0
        for substance, _ in unit.substances:
            if substance in acid.masses:
                return acid.masses[substance]
        raise self.fields.error(
            f"{total} is in {unit}, of which it is not known how much a mole is",
            (*keys, "total"),
            "a total in mol/m3" + "".join(f" or g {substance}/m3" for substance in acid.masses),
            "give 'molar_mass' [g/mol]",
        )

    def check_charge(self, name: str, acid: Acid, total: str, mass: float, keys: Keys) -> None:
        """Refuse a total whose charge by the table is one that the acid cannot have."""
        given = self.components[total].composition.get(CHARGE)
        value = given.value * mass if given is not None else 0
        lowest = acid.charge - len(acid.forms) + 1
        if getattr(value, "free_symbols", None) or not lowest - 1e-6 <= value <= acid.charge + 1e-6:
            raise self.fields.error(
                f"the table gives a mole of {total} the charge {float(value):.4g}"
                if not getattr(value, "free_symbols", None)
                else f"the charge of {total} depends on parameters",
                (*keys, "total"),
                f"a charge of {name} from {lowest} to {acid.charge}: {', '.join(acid.forms)}",
                "correct the charge in its composition, or the molar mass",
            )

    def constants(self, acid: Acid, keys: Keys) -> tuple[Any, ...]:
        """Return the constants: those of the table, or published ones."""
        keys = (*keys, "constants")
        given = self.fields.get(keys)
        if given is None:
            return acid.constants
        if not isinstance(given, list) or len(given) != len(acid.forms) - 1:
            raise self.fields.error(
                f"{given!r:.60} stands here",
                keys,
                f"a list of {len(acid.forms) - 1}, one for every proton, each in mol/m3",
            )
        return tuple(self.constant(text, keys) for text in given)

    def constant(self, text: Any, keys: Keys) -> Expression:
        """Return a constant of the table: an expression of its parameters in mol/m3."""
        found = self.expression(text, keys)
        unit = unit_of(found.text, self.units, self.fields.document.where(*keys))
        if not unit.compatible(_MOLAR):
            raise self.fields.error(
                f"the constant {found.text} is in {unit}",
                keys,
                "mol/m3: 1000 times a constant in mol/L",
                "correct the unit of the parameter",
            )
        if not found.value.is_positive:
            raise self.fields.error(
                f"the constant {found.text} may be zero", keys, "parameters whose lower bounds are above zero"
            )
        return found

    def species(self, name: str, acid: Acid, keys: Keys) -> dict[str, str]:
        """Return what the table calls forms of an acid."""
        keys = (*keys, "species")
        found: dict[str, str] = {}
        for key, form in self.fields.mapping(keys).items():
            self.fields.check_name(key, (*keys, key))
            self.fields.check_free(key, (*keys, key))
            if key in self.units or key in self.taken or key in (PH, HYDROGEN):
                raise self.fields.error(f"the name {key!r} is taken", (*keys, key), "names that differ in the table")
            if form not in acid.forms:
                raise self.fields.error(
                    f"{form!r:.60} is no form of {name}",
                    (*keys, key),
                    ", ".join(acid.forms),
                    nearest(str(form), acid.forms),
                )
            found[key], self.taken[key] = form, name
        return found
