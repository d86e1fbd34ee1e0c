"""The networks behind n: one class each, one file each, found here. :class:`Network` says what it has to have."""

import sys

from asm_hybrid.hybrid.networks.base import Network, Operations
from asm_hybrid.hybrid.registry import registered

__all__ = ["NETWORKS", "Network", "Operations"]

NETWORKS: dict[str, type[Network]] = registered(sys.modules[__name__], Network)  # type: ignore[type-abstract]
"""All networks by name."""
