"""The commands on many cases: ``sweep`` and ``optimise``."""

from __future__ import annotations

__all__: list[str] = []
