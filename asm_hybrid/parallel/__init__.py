"""Many cases side by side on processes, kept in a journal as they come in."""

from asm_hybrid.parallel.outcome import Outcome, Value

__all__ = ["Outcome", "Value"]
