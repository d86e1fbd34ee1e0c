"""Where n acts: one class a placement, one file each, found here. :class:`Placement` says what it has to have."""

import sys

from asm_hybrid.hybrid.placements.base import INFLUENT, Placement
from asm_hybrid.hybrid.registry import registered

__all__ = ["INFLUENT", "PLACEMENTS", "Placement", "placement_of"]

PLACEMENTS: dict[str, type[Placement]] = registered(sys.modules[__name__], Placement)  # type: ignore[type-abstract]
"""All placements by name, in the order in which they act."""


def placement_of(kind: str) -> type[Placement]:
    """Return the placement whose targets are of a kind, such as ``process``; ValueError where none is."""
    for placement in PLACEMENTS.values():
        if placement.kind == kind:
            return placement
    raise ValueError(f"n changes nothing of the kind {kind!r}")
