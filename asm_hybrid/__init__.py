"""Hybrid differential equations for wastewater treatment plants: ``dX/dt = f(X; p) + n(X; w)``."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asm_hybrid.solver.layer import ODELayer
    from asm_hybrid.training import FittedModel, load_model, read_inputs, train

__all__ = ["FittedModel", "ODELayer", "__version__", "load_model", "read_inputs", "train"]

__version__ = version("asm-hybrid")


def __getattr__(name: str) -> Any:
    """Load the library, and torch with it, at the first use of one of its names."""
    if name == "ODELayer":
        from asm_hybrid.solver.layer import ODELayer

        return ODELayer
    if name in __all__:
        from asm_hybrid import training

        return getattr(training, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
