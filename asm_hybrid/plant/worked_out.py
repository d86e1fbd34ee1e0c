"""What others have worked out from a plant, kept with it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

__all__ = ["WorkedOut"]


class WorkedOut:
    """A place for what is worked out from an object that does not change, such as compiled equations."""

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What others have worked out from it: freed with it, and not copied with it."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what goes into a copy."""
        return {name: value for name, value in vars(self).items() if name != "kept"}
