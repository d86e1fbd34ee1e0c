"""A table as a record for other programs, with keys that stay."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from asm_hybrid.kinetics.document.acids import equilibrium_record
from asm_hybrid.kinetics.document.references import cited
from asm_hybrid.kinetics.table import Table

__all__ = ["json_text", "table_record"]

VERSION = 1
"""Changes when a key is renamed, removed or gets another meaning."""


def table_record(table: Table) -> dict[str, Any]:
    """Return a table as text, numbers, lists and dictionaries.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    dict
        The keys are those of the table's file; components, parameters, processes and composites are lists with a
        ``name``, gases with a ``component``, in the order of the file. Expressions are text, as the table has them;
        coefficients that the table leaves to continuity are solved, and named under ``solved``.
    """
    return {
        "format_version": VERSION,
        "name": table.name,
        "title": table.title,
        "description": table.description,
        "source": table.source,
        "oxygen": table.oxygen,
        "inputs": [{"name": i.name, "unit": i.unit} for i in table.inputs],
        "continuity": {"materials": list(table.materials), "tolerance": table.tolerance},
        "components": [
            {
                "name": c.name,
                "symbol": c.symbol,
                "unit": c.unit,
                "phase": c.phase,
                "composition": {material: str(amount) for material, amount in c.composition.items()},
                "description": c.description,
            }
            for c in table.components
        ],
        "parameters": [
            {
                "name": p.name,
                "default": p.default,
                "unit": p.unit,
                "T_ref": p.T_ref,
                "theta": p.theta,
                "bounds": list(p.bounds),
                "source": p.source,
                "note": p.note,
                "description": p.description,
            }
            for p in table.parameters
        ],
        "processes": [
            {
                "name": p.name,
                "rate": str(p.rate),
                "unit": p.unit,
                "stoichiometry": {name: str(coefficient) for name, coefficient in p.stoichiometry.items()},
                "solved": [name for name in p.stoichiometry if name in p.solved],
                "exchanges": list(p.exchanges),
                "description": p.description,
            }
            for p in table.processes
        ],
        "composites": [
            {
                "name": name,
                "unit": c.unit,
                "weights": {component: str(weight) for component, weight in c.weights.items()},
                "description": c.description,
            }
            for name, c in table.composites.items()
        ],
        "gases": [asdict(gas) for gas in table.gases],
        "equilibrium": equilibrium_record(table),
        "references": [{"key": r.key, "text": r.text, "link": r.link} for r in cited(table).values()],
    }


def json_text(table: Table) -> str:
    """Return the record of a table as JSON; see `table_record`.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        JSON in ASCII, indented.
    """
    return json.dumps(table_record(table), indent=2, ensure_ascii=True, allow_nan=False)
