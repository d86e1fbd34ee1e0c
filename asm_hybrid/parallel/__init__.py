"""Many cases side by side on processes, kept in a journal as they come in."""

from asm_hybrid.parallel.outcome import Outcome, Value
from asm_hybrid.parallel.pool import Evaluate, Pool, Progress, Slurm
from asm_hybrid.parallel.running import OpenPool, early_pool, open_pool, run_cases

__all__ = [
    "Evaluate",
    "OpenPool",
    "Outcome",
    "Pool",
    "Progress",
    "Slurm",
    "Value",
    "early_pool",
    "open_pool",
    "run_cases",
]
