"""The mechanistic part f: tanks, flows, settler and aeration over a table of reactions."""

from asm_hybrid.plant.layout import InputSpec, Layout, Recycle, Tank
from asm_hybrid.plant.namespace import ArrayNamespace, casadi_namespace, torch_namespace
from asm_hybrid.plant.plant import Forcing, Plant

__all__ = [
    "ArrayNamespace",
    "Forcing",
    "InputSpec",
    "Layout",
    "Plant",
    "Recycle",
    "Tank",
    "casadi_namespace",
    "torch_namespace",
]
