"""Export of a fitted model for use elsewhere."""

from asm_hybrid.export.bundle import export_bundle

__all__ = ["export_bundle"]
