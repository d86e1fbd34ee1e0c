"""The face of the models that are compared: what each is called, what it can do, and what it predicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from asm_hybrid.data import Dataset, Observation
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.origins import Targets
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["ComparedModel", "FittedRecord", "ForecastTask", "OpenLoop"]


@dataclass(frozen=True)
class FittedRecord:
    """A record, and what was fitted to its training block.

    Attributes
    ----------
    model : FittedModel
        What the run has learnt.
    dataset : Dataset
        The record.
    inputs : Tensor, shape (knot, input)
        Its inputs.
    blocks : mapping
        Start and end of every block [d].
    f : Solution or None
        Of f over the record, with the default and with the calibrated parameters, ``(2, …)``, with its states at the
        knots; None where f is not asked for.
    """

    model: FittedModel
    dataset: Dataset
    inputs: Tensor
    blocks: Mapping[str, tuple[float, float]]
    f: Solution | None

    @property
    def observations(self) -> Sequence[Observation]:
        """The measured variables."""
        return self.dataset.observations

    @property
    def grid(self) -> Grid:
        """Knots and steps."""
        return self.model.grid

    def trained(self, observation: Observation) -> np.ndarray:
        """Return which samples of a variable lie in the training block, ``(sample,)``: a baseline sees no others."""
        begin, end = self.blocks["train"]
        return (observation.times >= begin) & (observation.times <= end)

    def read(self, outputs: Tensor, points: int) -> tuple[np.ndarray, ...]:
        """Return outputs ``(member, point, variable)``, so many points a knot interval, at the measurements."""
        series = np.asarray(outputs.cpu())
        return tuple(interpolate_outputs(series, self.observations, self.grid.interval, points))


@dataclass(frozen=True)
class OpenLoop:
    """What a model predicts over the whole record, without any measurement after the training block.

    Attributes
    ----------
    values : tuple of ndarray, each (member, sample)
        One a variable, at its measurements.
    trajectory : Tensor or None, shape (member, knot, …)
        States at the knots, of a model that has any.
    failed : int
        Members whose simulation left the finite numbers.
    """

    values: tuple[np.ndarray, ...]
    trajectory: Tensor | None = None
    failed: int = 0


@dataclass(frozen=True)
class ForecastTask:
    """What is to be forecast, from where.

    Attributes
    ----------
    record : FittedRecord
        The record.
    knots : ndarray of int, shape (origin,)
        Knots of the origins.
    targets : tuple of Targets
        The samples to forecast, one entry a variable.
    reach : int
        Knot intervals from an origin to the last of its samples.
    hourly : ndarray of int, shape (hour,)
        Knots of the training block, an hour apart.
    ahead : Tensor or None, shape (origin, knot, input)
        Inputs from the origins on, as they are foreseen there; those that were measured later without it.
    """

    record: FittedRecord
    knots: np.ndarray
    targets: tuple[Targets, ...]
    reach: int
    hourly: np.ndarray
    ahead: Tensor | None = None

    @property
    def origins(self) -> np.ndarray:
        """Times of the origins, ``(origin,)`` [d]."""
        return np.asarray(self.knots * self.record.grid.interval)


class ComparedModel(ABC):
    """A model that stands in the tables of a run; one file of the folder ``compared`` each.

    Attributes
    ----------
    name : str
        In files: column of ``predictions.csv``, key of scores.
    order : int
        Place in tables, the simple ones first.
    title : str
        In tables and legends.
    phrase : str
        Within a sentence.
    colour : str
        Of its lines, ``#rrggbb``; such that colour-blind readers tell it from the others.
    line : str
        Style of its lines, as matplotlib names it.
    mode : str or None
        The mode whose runs are about this model.
    learns : bool
        Whether networks are trained in it, so that it is unsure where its inputs leave what they were trained on.
    states : bool
        Whether it has the states of a plant, from which anything can be read, not the measured variables alone.
    bands : bool
        Whether it has a range of seeds and a prediction band in simulation.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    title: ClassVar[str]
    phrase: ClassVar[str]
    colour: ClassVar[str]
    line: ClassVar[str] = "--"
    mode: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    states: ClassVar[bool] = False
    bands: ClassVar[bool] = False

    def is_in(self, fitted: FittedModel) -> bool:
        """Return whether a run has such a model; one that was stopped may lack it."""
        return True

    @abstractmethod
    def simulate(self, record: FittedRecord) -> OpenLoop | None:
        """Predict the record in open loop; None where the run has no such model, or this is none for open loop."""

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray] | None:
        """Return forecasts, ``(member, target)`` for each variable; None from a model that does not forecast.

        Parameters
        ----------
        task : ForecastTask
            What is to be forecast.
        loop : OpenLoop or None
            What `simulate` has returned.
        """
        return None
