"""n, where it acts, and the pure neural ODE it is compared with."""

from asm_hybrid.hybrid.network import ACTIVATIONS, EnsembleMLP
from asm_hybrid.hybrid.network_inputs import LOAD, Reading
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.symbolic import SymbolicTerm, SymbolicTerms, symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.hybrid.term import LearntTerm
from asm_hybrid.hybrid.terms import LearntTerms

__all__ = [
    "ACTIVATIONS",
    "LOAD",
    "EnsembleMLP",
    "LearntTerm",
    "LearntTerms",
    "NeuralODE",
    "PlantSystem",
    "Reading",
    "SymbolicTerm",
    "SymbolicTerms",
    "TermScaling",
    "TermSpec",
    "participants",
    "symbolic_term",
]
