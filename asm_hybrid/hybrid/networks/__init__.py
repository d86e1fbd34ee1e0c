"""The networks behind n: one class each, one file each, found here.

What one has to have is said by :class:`asm_hybrid.hybrid.network.Network`.
"""

from asm_hybrid.hybrid.network import Network
from asm_hybrid.registry import discover_classes

__all__ = ["NETWORKS"]

NETWORKS = discover_classes(__name__, "NETWORK", Network)  # type: ignore[type-abstract]
"""All networks by name."""
