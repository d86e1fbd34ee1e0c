"""The record of a run, as later data need it: its inputs, blocks, measurements, and what its models erred by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import read_json, restored
from asm_hybrid.config.builders.columns import used_columns
from asm_hybrid.data import Dataset, Observation
from asm_hybrid.data.blocks import zone_name
from asm_hybrid.data.censoring import censored_error
from asm_hybrid.data.corrections import Corrections, build_corrections
from asm_hybrid.data.stamps import zone
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import verified_files
from asm_hybrid.training.compared import model_of, own_model
from asm_hybrid.training.compared_model import ComparedModel
from asm_hybrid.training.fitted import FittedModel, load_model
from asm_hybrid.training.model_inputs import INPUTS, knot_values, read_inputs
from asm_hybrid.training.trained_range import Departure, input_departures

__all__ = ["SAME", "RunRecord", "read_record"]

SAME = 1e-6
"""Distance from a knot, in knot intervals, within which a time is at the knot."""
ROUNDING = 1e-6
"""Share of its size by which an input may leave its range."""
DAY = pd.Timedelta(days=1)
FAR = 5.0
"""Times its largest value in training that an input must exceed throughout for its unit to be doubted."""
OTHER_VERSION = "use the version of asm-hybrid that made the run, or train again"


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A run and its record.

    Attributes
    ----------
    folder : Path
        The run folder, or a bundle.
    model : FittedModel
        The fitted model.
    first : Timestamp
        The first knot, UTC.
    inputs : ndarray, shape (knot, input)
        Inputs of the record.
    summary : mapping
        Content of ``summary.json``; empty where there is none.
    predictions : DataFrame or None
        ``predictions.csv``; None in a bundle, and in a run that was stopped before.
    """

    folder: Path
    model: FittedModel
    first: pd.Timestamp
    inputs: np.ndarray
    summary: Mapping[str, Any]
    predictions: pd.DataFrame | None

    @property
    def interval(self) -> float:
        """Distance of two knots [d]."""
        return self.model.grid.interval

    @property
    def last(self) -> int:
        """The last knot."""
        return len(self.inputs) - 1

    @property
    def zone(self) -> str:
        """Time zone of its days."""
        return zone_name(self.model.config)

    @property
    def clock(self) -> tzinfo:
        """The same, to convert times with."""
        return zone(self.zone)

    @property
    def own(self) -> ComparedModel:
        """The model that the run is about."""
        return model_of(self.model)

    @property
    def alone(self) -> ComparedModel:
        """F alone, recalibrated."""
        return own_model("mechanistic")

    @cached_property
    def corrections(self) -> Corrections:
        """What was found wrong in the record, and accepted: new data are wrong in the same way."""
        return build_corrections(self.model.config, self.model.plant.table, self.model.plant.layout)

    def stamp(self, knot: float) -> pd.Timestamp:
        """Return the time of a knot, UTC."""
        return (self.first + pd.Timedelta(days=knot * self.interval)).round("ms")

    def knot(self, stamp: pd.Timestamp) -> int:
        """Return the knot at a time, or the next one after it; it may lie outside of the record."""
        return int(np.ceil((stamp - self.first) / DAY / self.interval - SAME))

    def days(self, stamp: pd.Timestamp) -> float:
        """Return a time in days from the first knot."""
        return float((stamp - self.first) / DAY)

    @cached_property
    def blocks(self) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
        """Begin and end of every block, UTC; none without a summary."""
        with readable(
            "the blocks cannot be read", where=str(self.folder / "summary.json"), expected="times", fix=OTHER_VERSION
        ):
            found = {
                name: (pd.Timestamp(a), pd.Timestamp(b)) for name, (a, b) in self.summary.get("blocks", {}).items()
            }
            if any(stamp.tzinfo is None for limits in found.values() for stamp in limits):
                raise ValueError("a time has no offset")
        return found

    @property
    def learnt_until(self) -> pd.Timestamp:
        """Until when measurements have shaped the model: the end of the validation block, or of the record."""
        return self.blocks["validate"][1] if "validate" in self.blocks else self.stamp(self.last)

    @property
    def trained(self) -> np.ndarray:
        """Inputs at the knots of the training block, ``(knot, input)``."""
        if "train" not in self.blocks:
            return self.inputs
        begin, end = self.blocks["train"]
        knots = np.arange(self.knot(begin), self.knot(end) + 1)
        return self.inputs[knots[(knots >= 0) & (knots <= self.last)]]

    def input_departures(self, driven: np.ndarray) -> tuple[list[Departure], np.ndarray]:
        """Return which inputs, ``(knot, input)``, leave what the training block saw, and at which knots."""
        seen = self.trained
        slack = ROUNDING * np.abs(seen).max(axis=0)
        named = [(spec.name, spec.unit) for spec in self.model.plant.inputs]
        limits = seen.min(axis=0) - slack, seen.max(axis=0) + slack
        return input_departures(named, driven, *limits, 24.0 * self.interval)

    def unit_doubts(self, inputs: np.ndarray) -> list[str]:
        """Say which inputs, ``(knot, input)``, lie so far from all of training that their unit is in doubt.

        Inputs that hold no number are passed over.
        """
        seen, found = self.trained, []
        for i, spec in enumerate(self.model.plant.inputs):
            low, high, own = seen[:, i].min(), seen[:, i].max(), float(np.median(inputs[:, i]))
            if low > 0 and (own < low / FAR or own > high * FAR):
                found.append(
                    f"{spec.name} is {own:.4g} {spec.unit} in the middle, where training saw {low:.4g} to {high:.4g}: "
                    "is its column in another unit than the config says?"
                )
        return found

    @cached_property
    def variables(self) -> tuple[Observation, ...]:
        """The measured variables with what the record has of them, in its order; times [d] from its first knot."""
        columns = [c for _, _, c in used_columns(self.model.config) if c.role == "observation"]
        flow = self.inputs[:, self.model.plant.inputs.positions["Q_in"]]
        found = []
        for label, target, column in zip(self.model.labels, self.model.targets, columns, strict=True):
            facts = self.summary.get("variables", {}).get(label)
            if facts is None:
                raise InputError(
                    f"the folder does not tell unit and noise of {label}",
                    where=str(self.folder / "summary.json"),
                    fix=OTHER_VERSION,
                )
            rows = self._measured(label)
            found.append(
                Observation(
                    label,
                    target,
                    np.asarray((rows["time"] - self.first) / DAY, dtype=float),
                    rows["measured"].to_numpy(float),
                    float(facts["noise"]),
                    str(facts["unit"]),
                    np.zeros(len(rows), dtype=np.int64),
                    rows["censored"].to_numpy(np.int8),
                    column.sample.composite if column.sample else 0.0,
                    flow if column.sample and column.sample.weight == "flow" else None,
                )
            )
        return tuple(found)

    @cached_property
    def dataset(self) -> Dataset:
        """The record as it was read; where inputs were bridged, and what the checks found, is not told again."""
        plant = self.model.plant
        blocks = {name: (self.days(begin), self.days(end)) for name, (begin, end) in self.blocks.items()}
        return Dataset(
            origin=self.first,
            interval=self.interval,
            zone=self.zone,
            input_names=plant.inputs.names,
            input_units=tuple(spec.unit for spec in plant.inputs),
            times=np.arange(len(self.inputs), dtype=np.float64) * self.interval,
            inputs=self.inputs,
            input_filled=np.zeros(self.inputs.shape, dtype=bool),
            observations=self.variables,
            blocks=blocks,
            quality=(),
            fingerprint=(),
        )

    def _measured(self, label: str) -> pd.DataFrame:
        if self.predictions is None:
            empty = {"time": pd.DatetimeIndex([], tz="UTC"), "measured": [], "censored": []}
            return pd.DataFrame(empty)
        return self.predictions[self.predictions["variable"] == label]

    def errors(self, label: str, model: str, block: str) -> tuple[pd.DatetimeIndex, np.ndarray] | None:
        """Return times and errors, median of the seeds, on a block of the run; None where it does not tell them."""
        if self.predictions is None or model not in self.predictions:
            return None
        rows = self._measured(label)
        rows = rows[rows["block"] == block]
        error = rows[model].to_numpy(float) - rows["measured"].to_numpy(float)
        return pd.DatetimeIndex(rows["time"]), censored_error(error, rows["censored"].to_numpy(np.int8))

    def rmse(self, label: str, model: str, block: str) -> float | None:
        """Return the RMSE that the summary states."""
        scores = self.summary.get("scores", {}).get(block, {}).get(label, {}).get(model)
        return None if scores is None else float(scores["rmse"])

    def residual(self, label: str) -> float | None:
        """Return by what the run's own model errs beyond the spread of its seeds; None where it has no band."""
        row = self.summary.get("bands", {}).get("variables", {}).get(label)
        return None if row is None else float(row["residual"])


def read_record(folder: Path) -> RunRecord:
    """Read a run and its record.

    Parameters
    ----------
    folder : Path
        A run folder, or a bundle.

    Returns
    -------
    RunRecord

    Raises
    ------
    InputError
        When a file is missing or is not the one that was written.
    """
    model = load_model(folder)
    known = verified_files(folder, ["summary.json", "predictions.csv"])
    summary = read_json(folder / "summary.json") if "summary.json" in known else {}
    predictions = _predictions(folder / "predictions.csv") if "predictions.csv" in known else None
    table = read_inputs(folder)
    values = knot_values(table, model.plant.inputs.names, model.begin, model.grid.interval, str(folder / INPUTS))
    return RunRecord(folder, model, table["time"].iloc[0], values, summary, predictions)


def _predictions(path: Path) -> pd.DataFrame:
    expected = "the file as asm-hybrid writes it"
    with readable("the predictions cannot be read", where=str(path), expected=expected, fix=OTHER_VERSION):
        frame = restored(
            pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"block": str, "variable": str})
        )
        frame["block"] = frame["block"].fillna("")
        frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
        frame["censored"].to_numpy(np.int8)
        frame["measured"].to_numpy(float)
    return frame
