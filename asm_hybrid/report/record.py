"""What the parts of the files of a run folder have in common, as the report reads them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Record"]


class Record(BaseModel):
    """A part of a file, which may hold more than is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")
