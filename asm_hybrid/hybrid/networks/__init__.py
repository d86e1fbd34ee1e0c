"""The networks behind n: one class each, one file each, found here. :class:`Network` says what it has to have."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping
from typing import Any, cast

from asm_hybrid.hybrid.network import Network
from asm_hybrid.registry import discover

__all__ = ["NETWORKS"]

NETWORKS = cast(Mapping[str, type[Network]], discover(__name__, "NETWORK", cast(Any, ABCMeta)))
"""All networks by name."""
