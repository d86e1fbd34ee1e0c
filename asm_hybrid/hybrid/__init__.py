"""n, where it acts, and the pure neural ODE it is compared with."""

from asm_hybrid.hybrid.network import ACTIVATIONS, EnsembleMLP
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.symbolic import SymbolicSystem, SymbolicTerm, symbolic_system, symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.hybrid.term import LearntTerm, TermScaling, TermSpec, feature_maps

__all__ = [
    "ACTIVATIONS",
    "EnsembleMLP",
    "LearntTerm",
    "NeuralODE",
    "PlantSystem",
    "SymbolicSystem",
    "SymbolicTerm",
    "TermScaling",
    "TermSpec",
    "feature_maps",
    "participants",
    "symbolic_system",
    "symbolic_term",
]
