"""Growing windows: n learns on short windows first, whose gradients are tame, and on the full length last."""

from __future__ import annotations

__all__ = ["window_lengths"]

SHARES = (8, 4, 2, 1)
"""Full length over that of the windows, one phase each."""


def window_lengths(full: int) -> tuple[int, ...]:
    """Return the lengths of the windows, phase by phase, in knot intervals; the last is the full one."""
    return tuple(dict.fromkeys(max(1, full // share) for share in SHARES))
