"""What the mechanistic part failed to capture."""

from asm_hybrid.diagnosis.diagnose import diagnose

__all__ = ["diagnose"]
