"""Reactions, written once: tables in YAML, and the functions generated from them."""

from __future__ import annotations

from asm_hybrid.kinetics.candidates import Candidate, candidate_patch, candidates_for, with_candidates
from asm_hybrid.kinetics.emit import Kinetics, compile_table
from asm_hybrid.kinetics.factored import check_factored
from asm_hybrid.kinetics.read import available_tables, load_table, parse_table
from asm_hybrid.kinetics.table import Component, Composite, Gas, Parameter, Process, Table

__all__ = [
    "Candidate",
    "Component",
    "Composite",
    "Gas",
    "Kinetics",
    "Parameter",
    "Process",
    "Table",
    "available_tables",
    "candidate_patch",
    "candidates_for",
    "check_factored",
    "compile_table",
    "load_table",
    "parse_table",
    "with_candidates",
]
