"""The acids and bases of a table in words, for all formats."""

from __future__ import annotations

from typing import Any

from asm_hybrid.kinetics.acids import WATER, ConstantLaw
from asm_hybrid.kinetics.equilibrium import HYDROGEN, PH, AcidInTable
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.table import Table

__all__ = ["ACID_HEAD", "acid_rows", "balanced", "equilibrium_record"]

ACID_HEAD = ("Acid", "Total", "Forms", "Constants", "In rates", "Source")
"""What stands above the columns of `acid_rows`."""


def balanced(table: Table) -> str:
    """Return by what the charges of the water are known.

    Parameters
    ----------
    table : Table
        A table with an equilibrium.

    Returns
    -------
    str
        A sentence.
    """
    assert table.equilibrium is not None
    counted = table.equilibrium.alkalinity
    by = f"the alkalinity {counted}" if counted else f"the ions {', '.join(table.equilibrium.ions)}"
    return f"The pH follows from the equilibrium of these acids with {by}."


def acid_rows(table: Table) -> list[list[str]]:
    """Return a row for water and for every acid.

    Parameters
    ----------
    table : Table
        A table with an equilibrium.

    Returns
    -------
    list of list of str
        Columns as in `ACID_HEAD`; the source is a key of the references, or nothing where the table has the constants.
    """
    assert table.equilibrium is not None
    rows = [["water", "", "H2O, OH", _shown(WATER), f"{PH}, {HYDROGEN}", WATER.source]]
    for acid in table.equilibrium.acids:
        named = ", ".join(f"{name} = {form}" for name, form in acid.species.items())
        constants = ", ".join(map(_shown, acid.constants))
        rows.append([acid.name, f"{acid.total}/{acid.mass:g}", ", ".join(acid.forms), constants, named, _source(acid)])
    return rows


def equilibrium_record(table: Table) -> dict[str, Any] | None:
    """Return an equilibrium as text, numbers, lists and dictionaries.

    Parameters
    ----------
    table : Table
        A table.

    Returns
    -------
    dict or None
        None for a table without one.
    """
    found = table.equilibrium
    if found is None:
        return None
    acids = [
        {
            "name": acid.name,
            "total": acid.total,
            "molar_mass": acid.mass,
            "charge": acid.charge,
            "forms": list(acid.forms),
            "constants": [_constant(k) for k in acid.constants],
            "species": dict(acid.species),
        }
        for acid in found.acids
    ]
    quantities = [{"name": name, "unit": table.units[name]} for name in found.names]
    return {"alkalinity": found.alkalinity, "ions": list(found.ions), "acids": acids, "quantities": quantities}


def _constant(given: ConstantLaw | Expression) -> dict[str, Any]:
    if isinstance(given, Expression):
        return {"expression": given.text}
    law = {key: getattr(given, key) for key in "abcde"}
    return {"log10": law, "pK_25": round(-given.logarithm(25.0), 3), "source": given.source}


def _shown(given: ConstantLaw | Expression) -> str:
    return given.text if isinstance(given, Expression) else f"pK {-given.logarithm(25.0):.2f} at 25 degC"


def _source(acid: AcidInTable) -> str:
    return ", ".join(dict.fromkeys(k.source for k in acid.constants if isinstance(k, ConstantLaw)))
