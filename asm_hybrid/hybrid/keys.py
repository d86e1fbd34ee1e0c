"""Keys that a placement or a network adds to the section ``network`` of a config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

__all__ = ["Keys", "Names", "SomeNames"]

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of names."""

SomeNames = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
"""A list of one name or more."""

Keys = Mapping[str, tuple[Any, str]]
"""Type and description of every key; None is the default of all."""
