"""Plant series: reading, units, quality checks, blocks. Pandas ends here; other layers see arrays."""

from asm_hybrid.data.check_text import CheckReport, check_report
from asm_hybrid.data.dataset import Dataset, Observation, read_dataset
from asm_hybrid.data.findings import QualityFinding

__all__ = ["CheckReport", "Dataset", "Observation", "QualityFinding", "check_report", "read_dataset"]
