"""Reactions, written once: tables in YAML, and the functions generated from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asm_hybrid.kinetics.emit import Kinetics, compile_table
from asm_hybrid.kinetics.factored import check_factored
from asm_hybrid.kinetics.read import available_tables, load_table, parse_table
from asm_hybrid.kinetics.table import Component, Composite, Parameter, Process, Table

if TYPE_CHECKING:
    from asm_hybrid.kinetics.document import gujer_text

__all__ = [
    "Component",
    "Composite",
    "Kinetics",
    "Parameter",
    "Process",
    "Table",
    "available_tables",
    "check_factored",
    "compile_table",
    "gujer_text",
    "load_table",
    "parse_table",
]


def __getattr__(name: str) -> Any:
    """Load the documentation of tables at its first use."""
    if name == "gujer_text":
        from asm_hybrid.kinetics.document import gujer_text

        return gujer_text
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
