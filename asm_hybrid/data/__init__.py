"""Plant series: reading, units, quality checks, blocks. Pandas ends here; other layers see arrays."""

from asm_hybrid.data.assembly import read_dataset
from asm_hybrid.data.dataset import Dataset, Observation
from asm_hybrid.data.findings import QualityFinding

__all__ = ["Dataset", "Observation", "QualityFinding", "read_dataset"]
