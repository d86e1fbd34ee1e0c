"""n, where it acts, and the pure neural ODE it is compared with."""

from asm_hybrid.hybrid.network import ACTIVATIONS, EnsembleMLP
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.symbolic import SymbolicTerm, symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.hybrid.term import LearntTerm, TermScaling, TermSpec, feature_maps

__all__ = [
    "ACTIVATIONS",
    "EnsembleMLP",
    "LearntTerm",
    "NeuralODE",
    "PlantSystem",
    "SymbolicTerm",
    "TermScaling",
    "TermSpec",
    "feature_maps",
    "participants",
    "symbolic_term",
]
