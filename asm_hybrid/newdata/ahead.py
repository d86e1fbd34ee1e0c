"""What will come in after now: from a plan, as in the same hours of last week, or as on the mean day of late."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.data.findings import raise_errors
from asm_hybrid.data.later import read_planned
from asm_hybrid.errors import InputError
from asm_hybrid.newdata.given import NewData, config_with
from asm_hybrid.plant.volumes import unscheduled_flows
from asm_hybrid.training.recorded_run import RunRecord

__all__ = ["DIURNAL", "LAST_WEEK", "Ahead", "choose_ahead"]

DIURNAL, LAST_WEEK = "diurnal", "last-week"
MEAN_DAYS = 14
"""Days of which the mean day is made."""
WEEK = 7
SET = ("return_sludge", "wastage", "recycle", "kla", "air", "decant", "setpoint", "noise")
"""Kinds of inputs that are set: their last value stays."""


@dataclass(frozen=True)
class Ahead(ABC):
    """A rule by which inputs go on.

    Set inputs keep their last value, those of a time table go on with it, and the temperature is that of the same hour
    of the last day; of the influent and of imposed states the rule says what comes.

    Attributes
    ----------
    record : RunRecord
        The run.
    """

    record: RunRecord

    @property
    @abstractmethod
    def name(self) -> str:
        """How the user calls it."""

    @property
    @abstractmethod
    def text(self) -> str:
        """What it takes, in words."""

    @property
    @abstractmethod
    def needed(self) -> float:
        """How much must be known before a time [d]."""

    @abstractmethod
    def filled(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """Return the inputs that are not set, ``(reach, input)``, after a knot of the history ``(knot, input)``."""

    def inputs(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """Return inputs from a knot on, as they are foreseen there.

        Parameters
        ----------
        history : ndarray, shape (knot, input)
            Inputs at knots without a gap; what follows the knot is not read.
        knot : int
            From where.
        reach : int
            How many knots follow.

        Returns
        -------
        ndarray, shape (1 + reach, input)
        """
        known = history[: knot + 1]
        out = self.filled(known, knot, reach)
        day = self.per_day
        for i, spec in enumerate(self.record.model.plant.inputs):
            if spec.kind in SET:
                out[:, i] = known[-1, i]
            elif spec.kind in ("T", "clock") and knot >= day:
                out[:, i] = known[knot + 1 - day + np.arange(reach) % day, i]
            elif spec.kind in ("T", "clock"):
                out[:, i] = known[-1, i]
        for cycle in (c for c in self.record.model.plant.layout.cycles if not c.states):
            length, places = round(cycle.length / self.record.interval), self.record.model.plant.input_index
            if knot + 1 < length:
                raise InputError(
                    f"the time table {cycle.name!r} takes {cycle.length:.3g} d, and less is known before the forecast",
                    expected="inputs over one cycle or more before now",
                )
            columns = [places[name] for name in cycle.inputs]
            out[:, columns] = known[knot + 1 - length + np.arange(reach) % length][:, columns]
        return np.vstack([known[-1], out])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of it, a sentence each."""
        return ()

    @property
    def past(self) -> Ahead:
        """The rule by which forecasts before now are made, whose errors stand for those to come."""
        return self

    @property
    def per_day(self) -> int:
        """Knots in a day."""
        return max(1, round(1.0 / self.record.interval))


class Diurnal(Ahead):
    """The mean day of the last `MEAN_DAYS`, or of as many as are known."""

    @property
    def name(self) -> str:
        """See `Ahead`."""
        return DIURNAL

    @property
    def text(self) -> str:
        """See `Ahead`."""
        return f"the mean of the same hour over the last {MEAN_DAYS} days"

    @property
    def needed(self) -> float:
        """See `Ahead`."""
        return 1.0

    def filled(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """See `Ahead`."""
        day = self.per_day
        days = min(MEAN_DAYS, (knot + 1) // day)
        recent = history[knot + 1 - days * day :].reshape(days, day, -1)
        return np.asarray(recent.mean(axis=0)[np.arange(reach) % day])


class LastWeek(Ahead):
    """The same hours a week before."""

    @property
    def name(self) -> str:
        """See `Ahead`."""
        return LAST_WEEK

    @property
    def text(self) -> str:
        """See `Ahead`."""
        return "the same hours of the week before"

    @property
    def needed(self) -> float:
        """See `Ahead`."""
        return float(WEEK)

    def filled(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """See `Ahead`."""
        week = WEEK * self.per_day
        return np.asarray(history[knot + 1 - week + np.arange(reach) % week])


@dataclass(frozen=True)
class Planned(Ahead):
    """A file with what will come, as the data have it; what it has not is as on the mean day.

    Attributes
    ----------
    record : RunRecord
        The run.
    now : Timestamp
        From when on, UTC.
    values : ndarray, shape (reach, input)
        What the file says at the knots after `now`; NaN for inputs that it lacks.
    file : str
        The file.
    findings : tuple of str
        What its checks found.
    """

    now: pd.Timestamp
    values: np.ndarray
    file: str
    findings: tuple[str, ...]

    @property
    def name(self) -> str:
        """See `Ahead`."""
        return "file"

    @property
    def text(self) -> str:
        """See `Ahead`."""
        specs = self.record.model.plant.inputs
        given = [spec.name for spec, column in zip(specs, self.values.T, strict=True) if np.isfinite(column).all()]
        return f"{', '.join(given)} from {self.file}, everything else the mean of the same hour"

    @property
    def needed(self) -> float:
        """See `Ahead`."""
        return 1.0

    @property
    def notes(self) -> tuple[str, ...]:
        """See `Ahead`."""
        return self.findings

    @property
    def past(self) -> Ahead:
        """Plans of the past are not known: what was measured stands for them."""
        return Measured(self.record, tuple(np.flatnonzero(np.isfinite(self.values).all(axis=0)).tolist()))

    def filled(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """See `Ahead`."""
        return Diurnal(self.record).filled(history, knot, reach)

    def inputs(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """Return inputs from now on; see `Ahead`."""
        out = super().inputs(history, knot, reach)
        reach = min(reach, len(self.values))
        planned = self.values[:reach]
        out[1 : 1 + reach] = np.where(np.isfinite(planned), planned, out[1 : 1 + reach])
        return out


@dataclass(frozen=True)
class Measured(Ahead):
    """What a perfect plan would have held: some inputs as they were measured later, the others as on the mean day.

    Attributes
    ----------
    record : RunRecord
        The run.
    columns : tuple of int
        Positions of the former.
    """

    columns: tuple[int, ...]

    @property
    def name(self) -> str:
        """See `Ahead`."""
        return "measured-" + "-".join(map(str, self.columns))

    @property
    def text(self) -> str:
        """See `Ahead`."""
        return "what was measured later"

    @property
    def needed(self) -> float:
        """See `Ahead`."""
        return 1.0

    def filled(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """See `Ahead`."""
        return Diurnal(self.record).filled(history, knot, reach)

    def inputs(self, history: np.ndarray, knot: int, reach: int) -> np.ndarray:
        """Return inputs from a knot on; the last that is known stands for later ones. See `Ahead`."""
        out = super().inputs(history, knot, reach)
        later = np.minimum(knot + 1 + np.arange(reach), len(history) - 1)
        columns = list(self.columns)
        out[1:, columns] = history[later][:, columns]
        return out


def choose_ahead(record: RunRecord, influent: NewData, now: pd.Timestamp, end: pd.Timestamp) -> Ahead:
    """Return the rule that a user names.

    Parameters
    ----------
    record : RunRecord
        The run.
    influent : str, Path, mapping, or sequence of str or Path
        ``diurnal``, ``last-week``, or files with what will come, named like the data.
    now, end : Timestamp
        Begin and end of the forecast, UTC.

    Returns
    -------
    Ahead

    Raises
    ------
    InputError
        When a file cannot be used, or does not reach from now to the end; or when nothing says which flows will
        fill and draw a tank.
    """
    if influent in (DIURNAL, LAST_WEEK):
        _check_foreseen(record, ())
        return Diurnal(record) if influent == DIURNAL else LastWeek(record)
    if isinstance(influent, str) and "=" not in influent and not Path(influent).suffix:
        raise InputError(
            f"the influent is {influent!r}",
            expected=f"{DIURNAL}, {LAST_WEEK}, or a file with what will come",
            fix=f"--influent {DIURNAL}",
        )
    config = config_with(record.model.config, influent)
    model = record.model
    values, findings = read_planned(config, model.plant.table, model.plant.layout, record.corrections, now, end)
    raise_errors(findings)
    names = model.plant.inputs.names
    table = np.full((record.knot(end) - record.knot(now), len(names)), np.nan)
    for name, series in values.items():
        table[:, names.index(name)] = series
    _check_foreseen(record, list(values))
    files = ", ".join(Path(config.source_label(name)).name for name in config.data.sources)
    told = (*(f"{f.where}: {f.message}" for f in findings), *record.unit_doubts(table))
    return Planned(record, now, table, files, told)


def _check_foreseen(record: RunRecord, planned: Collection[str]) -> None:
    """Refuse to foresee flows that fill and draw a tank as if they stayed as they are."""
    plant = record.model.plant
    unknown = [name for name in unscheduled_flows(plant) if name not in planned]
    if unknown:
        varying = next(tank.name for tank in plant.layout.tanks if tank.variable)
        raise InputError(
            f"the volume of {varying!r} varies by {', '.join(unknown)}, and nothing says what these will be",
            expected="flows by a time table of the plant, or in a file with what will come",
            fix="give them: --influent FILE",
        )
