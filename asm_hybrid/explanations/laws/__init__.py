"""From a learnt factor of a rate to a law: forms, their fit to a curve and within the plant, and the table with it."""

from asm_hybrid.explanations.laws.distilled import Curve, distilled_law
from asm_hybrid.explanations.laws.in_plant import fit_law, fitted_record
from asm_hybrid.explanations.laws.law import driver_of, law_forms
from asm_hybrid.explanations.laws.patch import patched_table
from asm_hybrid.explanations.laws.problem import LawProblem
from asm_hybrid.explanations.laws.rank import rank_laws

__all__ = [
    "Curve",
    "LawProblem",
    "distilled_law",
    "driver_of",
    "fit_law",
    "fitted_record",
    "law_forms",
    "patched_table",
    "rank_laws",
]
