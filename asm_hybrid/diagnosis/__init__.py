"""What the mechanistic part failed to capture."""

from asm_hybrid.diagnosis.diagnose import diagnose
from asm_hybrid.diagnosis.explanation import explain_run
from asm_hybrid.diagnosis.first_look import FirstLook

__all__ = ["FirstLook", "diagnose", "explain_run"]
