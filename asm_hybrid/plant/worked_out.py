"""What others have worked out from a plant, kept with it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any

__all__ = ["WorkedOut"]

MOST = 16
"""Things that are kept with an object."""


class WorkedOut:
    """A place for what is worked out from an object that does not change, such as compiled equations."""

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What others have worked out from it: freed with it, and not copied with it."""
        return {}

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return what was made for a key, and make it where there is none yet; the oldest goes when they are many."""
        if key not in self.kept:
            if len(self.kept) >= MOST:
                self.kept.pop(next(iter(self.kept)))
            self.kept[key] = make()
        return self.kept[key]

    def __getstate__(self) -> dict[str, Any]:
        """Return what goes into a copy."""
        return {name: value for name, value in vars(self).items() if name != "kept"}
