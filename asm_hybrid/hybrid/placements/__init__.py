"""Where n acts: one class a placement, one file each, found here.

What one has to have is said by :class:`asm_hybrid.hybrid.placement.Placement`.
"""

from asm_hybrid.hybrid.placement import Placement
from asm_hybrid.registry import discover_classes

__all__ = ["PLACEMENTS", "placement_of"]

PLACEMENTS = discover_classes(__name__, "PLACEMENT", Placement)  # type: ignore[type-abstract]
"""All placements by name, in the order in which they act."""


def placement_of(kind: str) -> type[Placement]:
    """Return the placement whose targets are of a kind; ValueError where none is.

    Parameters
    ----------
    kind : str
        The kind, such as ``process``.

    Returns
    -------
    type of Placement
    """
    for placement in PLACEMENTS.values():
        if placement.kind == kind:
            return placement
    raise ValueError(f"n changes nothing of the kind {kind!r}")
