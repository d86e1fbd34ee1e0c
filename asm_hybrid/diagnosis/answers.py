"""What a run answers to standard changes: f beside f + n, and where the two have opposite signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from asm_hybrid.diagnosis.standard_changes import StandardChange, standard_changes
from asm_hybrid.errors import InputError
from asm_hybrid.plant.loads import inorganic_nitrogen
from asm_hybrid.training import FittedModel, without_gradients
from asm_hybrid.training.compared import model_of
from asm_hybrid.training.model_inputs import check_possible
from asm_hybrid.training.simulation_models import NeuralModel, SimulationModel

__all__ = ["DISAGREE", "FADED", "REVERSED", "Answered", "Quantity", "StandardAnswers", "judge", "standard_answers"]

DAYS = 14.0
"""Longest period over which answers are averaged [d]."""
CLEAR_SHARE, CLEAR_NOISE = 0.01, 0.05
"""An answer is told from none beyond this share of the mean of its variable and of its sensor's noise, whichever is
more [-]."""
SILENT = 1e-9
"""Share of the mean of a variable up to which an answer is rounding [-]."""
SOLIDS = "TSS"
"""The composite of solids that is looked at in the effluent."""
FADES = 0.1
"""Share of the period in which n may fade more than without the change [-]; beyond it the difference is largely one of
f against f + n, and no answer."""
REVERSED, DISAGREE, FADED = "reversed", "seeds disagree", "n fades"
"""What can be found in an answer, beside nothing."""


@dataclass(frozen=True)
class Quantity:
    """One quantity that answers.

    Attributes
    ----------
    label : str
        The measured variable, or ``effluent.QUANTITY``.
    target, unit : str
        What the model records for it, and its unit.
    noise : float
        Noise of its sensor [unit]; zero without one.
    """

    label: str
    target: str
    unit: str
    noise: float

    @property
    def words(self) -> str:
        """Its name within a sentence."""
        place, _, quantity = self.label.partition(".")
        return f"{quantity} in the effluent" if place == "effluent" and quantity else self.label


@dataclass(frozen=True, eq=False)
class Answered:
    """Answers to one step of one change. What could not be simulated is NaN.

    Attributes
    ----------
    change : StandardChange
        The change.
    step : float
        The step.
    f : ndarray, shape (quantity,)
        Changes of the means with recalibrated f [unit of the quantity].
    own : ndarray, shape (member, quantity)
        Those with the run's own model; without members where that is f.
    faded : float
        Share of the period in which n fades [-], with the best seed.
    """

    change: StandardChange
    step: float
    f: np.ndarray
    own: np.ndarray
    faded: float


@dataclass(frozen=True, eq=False)
class StandardAnswers:
    """Answers of a run to standard changes, each from the same state and over the same period.

    Attributes
    ----------
    model : str
        The run's own model, as `asm_hybrid.training.compared` names it.
    period : tuple of Timestamp
        First and last time.
    quantities : tuple of Quantity
        What answers.
    f : ndarray, shape (quantity,)
        Means without a change, with recalibrated f.
    own : ndarray, shape (member, quantity)
        The same with the run's own model.
    faded : float
        Share of the period in which n fades without a change [-].
    rows : tuple of Answered
        The answers; what changes nothing at all is left out.
    left_out : tuple of str
        Why a change has no answers, a sentence each.
    """

    model: str
    period: tuple[pd.Timestamp, pd.Timestamp]
    quantities: tuple[Quantity, ...]
    f: np.ndarray
    own: np.ndarray
    faded: float
    rows: tuple[Answered, ...]
    left_out: tuple[str, ...]

    @property
    def days(self) -> float:
        """Length of the period [d]."""
        return float((self.period[1] - self.period[0]) / pd.Timedelta(days=1))

    def least(self, i: int) -> float:
        """Return what a quantity has to change by at least for its answer to be told from none."""
        means = [abs(m) for m in (self.f[i], *self.own[:, i]) if np.isfinite(m)]
        return max(CLEAR_SHARE * (means[0] if means else 0.0), CLEAR_NOISE * self.quantities[i].noise)

    def finding(self, row: Answered, i: int) -> str:
        """Return what is found in the answer of a quantity: as of `judge`, or that n fades."""
        return FADED if self.fades(row) else judge(float(row.f[i]), row.own[:, i], self.least(i))

    def fades(self, row: Answered) -> bool:
        """Return whether a change takes n so far from what it was trained on that there is no answer of f + n."""
        return row.faded - self.faded > FADES

    @property
    def table(self) -> pd.DataFrame:
        """One row a change, step and quantity, as ``answers.csv`` holds it."""
        records = [
            {
                "change": row.change.name,
                "inputs": " ".join(row.change.inputs),
                "step": row.change.sign(row.step),
                "variable": quantity.label,
                "unit": quantity.unit,
                "f_base": self.f[i],
                "f": row.f[i],
                **_spread(self.own[:, i], row.own[:, i] * (np.nan if self.fades(row) else 1.0)),
                "faded": row.faded,
                "least": self.least(i),
                "finding": self.finding(row, i),
            }
            for row in self.rows
            for i, quantity in enumerate(self.quantities)
        ]
        return pd.DataFrame(records)


def judge(f: float, own: np.ndarray, least: float) -> str:
    """Tell whether a model answers with the other sign than f.

    Parameters
    ----------
    f : float
        Answer of f.
    own : ndarray, shape (member,)
        Answers of the model's seeds; those that are NaN do not count.
    least : float
        Size up to which an answer is told from none by nobody.

    Returns
    -------
    str
        `DISAGREE` where some seeds answer clearly up and others clearly down; `REVERSED` where f and the median of the
        seeds are clearly of opposite signs, and no seed clearly of f's; else empty.
    """
    known = own[np.isfinite(own)]
    signs = set(np.sign(known[np.abs(known) > least]).tolist())
    if len(signs) > 1:
        return DISAGREE
    clear = abs(f) > least and len(known) > 0 and abs(float(np.median(known))) > least
    return REVERSED if clear and signs == {-float(np.sign(f))} else ""


def standard_answers(
    model: FittedModel,
    inputs: pd.DataFrame,
    block: tuple[pd.Timestamp, pd.Timestamp],
    variables: Mapping[str, Mapping[str, Any]],
) -> StandardAnswers | None:
    """Simulate every standard change with recalibrated f and with the run's own model.

    Each starts at the begin of the period from where the model's own trajectory is by then, and the change is there
    from the first moment.

    Parameters
    ----------
    model : FittedModel
        The fitted model, on a CPU.
    inputs : DataFrame
        Inputs of the record, from `read_inputs`.
    block : tuple of Timestamp
        The block whose first `DAYS` days are the period.
    variables : mapping
        By label, ``unit`` and ``noise`` of the measured variables.

    Returns
    -------
    StandardAnswers or None
        None where the block holds fewer than two knots.
    """
    times = pd.DatetimeIndex(inputs["time"])
    first = int(times.searchsorted(block[0]))
    last = int(times.searchsorted(min(block[1], block[0] + pd.Timedelta(days=DAYS)), side="right"))
    if last - first < 2:
        return None
    names = model.plant.inputs.names
    values = inputs[list(names)].to_numpy(dtype=float, copy=True)
    during, quantities = values[first:last], _quantities(model, variables)
    f, own = _simulated(model, quantities, values[: first + 1])
    base_f, base_own = f.run(during), own.run(during)
    rows, left_out = [], []
    for change in standard_changes(model.plant, during):
        found = []
        for step in change.steps:
            changed = change.applied(during, names, step)
            try:
                check_possible(model.plant, changed, model.grid.interval)
            except InputError as error:
                left_out.append(f"{change.words(step)} cannot be: {error.found}")
                continue
            by_f, by_own = f.run(changed), own.run(changed)
            answer = Answered(change, step, (by_f.means - base_f.means)[0], by_own.means - base_own.means, by_own.faded)
            left_out += _diverged(answer, own.phrase)
            found.append(answer)
        if found and not any(_answers(row, base_f.means[0]) for row in found):
            left_out.append(f"nothing answers to a change of {change.name}")
        else:
            rows += found
    whole = StandardAnswers(
        model=model_of(model).name,
        period=(times[first], times[last - 1]),
        quantities=tuple(quantities),
        f=base_f.means[0],
        own=base_own.means,
        faded=base_own.faded,
        rows=tuple(rows),
        left_out=tuple(left_out),
    )
    return _without_copies(whole, len(model.targets))


@dataclass(frozen=True, eq=False)
class _Run:
    """Means over a period ``(member, quantity)``, NaN where a member diverges, and the share of it in which n fades."""

    means: np.ndarray
    faded: float


@dataclass(frozen=True, eq=False)
class _Simulated:
    """A model in its states at the begin of the period, one a member; without a model nothing answers."""

    model: SimulationModel | None
    start: Tensor
    quantities: int
    phrase: str
    fitted: FittedModel | None = None

    def run(self, values: np.ndarray) -> _Run:
        """Simulate the period with some inputs."""
        if self.model is None:
            return _Run(np.empty((0, self.quantities)), 0.0)
        found = self.model.simulate(self.start, torch.as_tensor(values), record_knots=self.fitted is not None)
        means = np.where(np.asarray(found.ok)[:, None], np.asarray(found.outputs).mean(axis=1), np.nan)
        if self.fitted is None or found.knots is None:
            return _Run(means, 0.0)
        best = self.fitted.best
        return _Run(means, _faded(self.fitted, found.knots[best], torch.as_tensor(values)) if found.ok[best] else 0.0)


def _simulated(model: FittedModel, quantities: Sequence[Quantity], before: np.ndarray) -> tuple[_Simulated, _Simulated]:
    """Return f and the run's own model, each after the inputs ``(knot, input)`` before the period."""
    targets, own, count = [q.target for q in quantities], model_of(model), len(quantities)
    f = without_gradients(model.recalibrated(targets))
    before_it = torch.as_tensor(before)
    start = f.simulate(model.start[1:], before_it).final
    simulated = _Simulated(f, start, count, "f")
    if not own.learns:
        return simulated, _Simulated(None, start, count, own.phrase)
    if own.states and model.term is not None:
        hybrid = without_gradients(model.hybrid(targets))
        start = hybrid.simulate(model.start[1].expand(model.term.members, -1, -1), before_it).final
        return simulated, _Simulated(hybrid, start, count, own.phrase, model)
    assert model.neural is not None
    assert model.neural_start is not None
    neural = without_gradients(NeuralModel(model.neural, model.grid))
    start = neural.simulate(model.neural_start.expand(model.neural.network.members, -1), before_it).final
    return simulated, _Simulated(neural, start, count, own.phrase)


def _faded(model: FittedModel, knots: Tensor, u: Tensor) -> float:
    """Return the share of the knots in which n fades along states ``(knot, row, component)``."""
    assert model.term is not None
    system = model.recalibrated().system
    with torch.no_grad():
        X = system.effective(knots, system.forcing(u))
        left = [term.outside(X, u).flatten(1).any(1) for term in model.term]
    return float(torch.stack(left).any(0).double().mean())


def _quantities(model: FittedModel, variables: Mapping[str, Mapping[str, Any]]) -> list[Quantity]:
    """Return the measured variables, and in the effluent ammonium, nitrate and solids, where they are not measured."""
    found = [
        Quantity(label, target, str(variables[label]["unit"]), float(variables[label]["noise"]))
        for label, target in zip(model.labels, model.targets, strict=True)
    ]
    if not model_of(model).states:
        return found
    table = model.plant.table
    units = table.units
    noise = {q.target.partition(".")[2]: q.noise for q in found}  # of solids, that in a tank says nothing here
    ammonium, nitrate = inorganic_nitrogen(table)
    for name in (*ammonium, *nitrate, SOLIDS):
        target = f"effluent.{name}"
        if name in units and target not in model.targets:
            found.append(Quantity(target, target, units[name], 0.0 if name == SOLIDS else noise.get(name, 0.0)))
    return found


def _answers(row: Answered, means: np.ndarray) -> bool:
    """Return whether anything answers by more than rounding; what diverges is no answer, but said elsewhere."""
    sizes = np.maximum(np.abs(np.nan_to_num(means)), SILENT)
    found = np.vstack([row.f[None], row.own])
    return bool((~(np.abs(found) <= SILENT * sizes)).any())


def _diverged(row: Answered, phrase: str) -> list[str]:
    """Say where a simulation left the finite numbers."""
    found = []
    if np.isnan(row.f).any():
        found.append(f"f diverges with {row.change.words(row.step)}")
    lost = int(np.isnan(row.own).any(axis=1).sum())
    if lost:
        seeds = "" if len(row.own) == 1 else f" of {lost} of {len(row.own)} seeds"
        found.append(f"{phrase}{seeds} diverges with {row.change.words(row.step)}")
    return found


def _without_copies(whole: StandardAnswers, measured: int) -> StandardAnswers:
    """Leave out what answers as a measured variable does throughout, such as the effluent of an ideal settler."""

    def course(i: int) -> np.ndarray:
        return np.concatenate(
            [whole.f[i : i + 1], whole.own[:, i], *(np.append(r.own[:, i], r.f[i]) for r in whole.rows)]
        )

    kept = [
        i
        for i in range(len(whole.quantities))
        if i < measured
        or not any(np.allclose(course(i), course(j), rtol=1e-6, atol=SILENT, equal_nan=True) for j in range(measured))
    ]
    rows = (replace(row, f=row.f[kept], own=row.own[:, kept]) for row in whole.rows)
    quantities = tuple(whole.quantities[i] for i in kept)
    return replace(whole, quantities=quantities, f=whole.f[kept], own=whole.own[:, kept], rows=tuple(rows))


def _spread(base: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Return median and range over the seeds; NaN without any."""
    base, known = base[np.isfinite(base)], answers[np.isfinite(answers)]
    level = {"own_base": float(np.median(base)) if len(base) else np.nan}
    if not len(known):
        return level | dict.fromkeys(("own", "own_low", "own_high"), np.nan)
    return level | {
        "own": float(np.median(known)),
        "own_low": float(known.min()),
        "own_high": float(known.max()),
    }
