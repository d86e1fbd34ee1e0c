"""Showing a run while it trains: what is measured, f, and f + n as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from torch import Tensor

from asm_hybrid.data import Dataset
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.progress import Progress
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["Glimpse", "Unwatched", "Watch"]

SHOWN = ("train", "validate")
"""Blocks that are shown."""


@dataclass(frozen=True)
class Glimpse:
    """A run as it is now, up to the end of the validation block.

    Attributes
    ----------
    dataset : Dataset
        The record.
    blocks : mapping of str to (float, float)
        Start and end of every block [d].
    grid : Grid
        Knots, and points that are recorded.
    f : Tensor, shape (point, variable)
        What recalibrated f gives, from the begin of the record.
    hybrid : Tensor or None, shape (point, variable)
        What f + n gives, of the seed that validates best; None as long as nothing is learnt.
    """

    dataset: Dataset
    blocks: Mapping[str, tuple[float, float]]
    grid: Grid
    f: Tensor
    hybrid: Tensor | None = None

    @property
    def shown(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        """Start and end of the blocks that are shown: never the test block, by which nobody shall choose."""
        stamp = self.dataset.to_stamp
        return {n: (pd.Timestamp(stamp(a)), pd.Timestamp(stamp(b))) for n, (a, b) in self.blocks.items() if n in SHOWN}

    def frame(self, f: str, hybrid: str) -> pd.DataFrame:
        """Return one row for each sample: time, variable, unit, measured, and a column for each model, as it is named.

        Without n there is none for the hybrid.
        """
        end = self.blocks["validate"][1]
        parts = []
        series = [self.f] if self.hybrid is None else [self.f, self.hybrid]
        last = round(end / self.grid.interval) * self.grid.points + 1
        values = np.stack([np.asarray(s.detach().cpu())[:last] for s in series])
        found = interpolate_outputs(values, self.dataset.observations, self.grid.interval, self.grid.points)
        for o, y in zip(self.dataset.observations, found, strict=True):
            inside = o.times <= end
            stamps = [self.dataset.to_stamp(t) for t in o.times[inside]]
            columns = {"time": pd.to_datetime(stamps, utc=True), "variable": o.label, "unit": o.unit}
            columns |= {"measured": o.values[inside]} | dict(zip((f, hybrid), y[:, inside], strict=False))
            parts.append(pd.DataFrame(columns))
        return pd.concat(parts, ignore_index=True)


class Watch(Protocol):
    """Who watches a run.

    Attributes
    ----------
    begin, see, end : callable
        Called with the run folder and the receiver of progress, with a `Glimpse`, and when nothing more will come.
    """

    def begin(self, folder: Path, progress: Progress) -> None:
        """Get ready, and say where to look."""

    def see(self, glimpse: Glimpse) -> None:
        """Take a look; called after every validation, and must not take long."""

    def end(self) -> None:
        """Finish: the files of the run are about to be listed."""


class Unwatched:
    """Nobody watches.

    Attributes
    ----------
    begin, see, end : callable
        As in `Watch`; they do nothing.
    """

    def begin(self, folder: Path, progress: Progress) -> None:
        """Do nothing."""

    def see(self, glimpse: Glimpse) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""
