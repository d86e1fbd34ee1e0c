"""Studies: factors, designs, and what many cases of one plant say together."""

from asm_hybrid.studies.pareto import non_dominated, pareto_front
from asm_hybrid.studies.result import FactorInfo, FigureInfo, StudyResult
from asm_hybrid.studies.sensitivity import sensitivity
from asm_hybrid.studies.uncertainty import exceedance, fan, quantile_table

__all__ = [
    "FactorInfo",
    "FigureInfo",
    "StudyResult",
    "exceedance",
    "fan",
    "non_dominated",
    "pareto_front",
    "quantile_table",
    "sensitivity",
]
