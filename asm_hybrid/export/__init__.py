"""Export of a fitted model for use elsewhere: one file a format in `formats`."""

from asm_hybrid.export.exporting import Exported, available_formats, export_run
from asm_hybrid.export.format import Format

__all__ = ["Exported", "Format", "available_formats", "export_run"]
