"""Where n acts: one class a placement, one file each, found here. :class:`Placement` says what it has to have."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any, cast

from asm_hybrid.hybrid.placement import Placement
from asm_hybrid.registry import discover

__all__ = ["PLACEMENTS", "placement_of"]

PLACEMENTS = cast(Mapping[str, type[Placement]], discover(__name__, "PLACEMENT", cast(Any, ABCMeta)))
"""All placements by name, in the order in which they act."""


def placement_of(kind: str) -> type[Placement]:
    """Return the placement whose targets are of a kind, such as ``process``; ValueError where none is."""
    for placement in PLACEMENTS.values():
        if placement.kind == kind:
            return placement
    raise ValueError(f"n changes nothing of the kind {kind!r}")
