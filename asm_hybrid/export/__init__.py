"""Export of a fitted model for use elsewhere: one file a format in `formats`."""

from asm_hybrid.export.exporting import available_formats, export_run
from asm_hybrid.export.format import Format
from asm_hybrid.export.formats.bundle import export_bundle

__all__ = ["Format", "available_formats", "export_bundle", "export_run"]
