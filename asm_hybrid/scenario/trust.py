"""How far a case may be trusted: where it leaves what training saw, and where n is off, so that f answers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from asm_hybrid.plant import Plant
from asm_hybrid.scenario.changes import SAME
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.training import (
    Departure,
    FittedModel,
    departures_text,
    input_departures,
    reading_departures,
    unvaried_texts,
)

__all__ = ["Trust", "find_trust", "other_models"]

ROUNDING = 1e-6
"""Share of its size by which an input may leave its range."""
ANOTHER = 0.01
"""Share of the time, during which n is off in one case and on in the other, from which on these are two models [-]."""
STATE = "state"
"""The placement whose n changes states themselves."""
DRIVEN = ("Q_in", "T", "return_sludge", "wastage", "recycle", "kla", "air", "decant", "imposed", "influent")
"""Kinds of inputs that have a range in training."""


@dataclass(frozen=True, eq=False)
class Trust:
    """Where a case leaves what training saw.

    Attributes
    ----------
    departures : tuple of Departure
        Which inputs, and what that n reads; the longest first, inputs before the rest.
    hours : float
        For how long anything does [h].
    outside : ndarray of bool, shape (k,)
        When, at the times of the record.
    faded : ndarray of bool, shape (k,)
        When n fades or is off.
    interval : float
        How long one of the times counts [d]: all of them together make the simulation.
    warnings : tuple of str
        What else was not learnt, a sentence each.
    """

    departures: tuple[Departure, ...]
    hours: float
    outside: np.ndarray
    faded: np.ndarray
    interval: float
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What leaves its range, as a sentence; empty where nothing does."""
        if not self.hours:
            return ""
        off = 24.0 * self.interval * float(self.faded.sum())
        faded = f", and n fades for {off:.3g} h" if off else ""
        told: dict[tuple[str, str], Departure] = {}  # once, where it is an input and n reads it
        for departure in sorted(self.departures, key=lambda d: -d.hours):
            told.setdefault((departure.place, departure.quantity), departure)
        return f"leaves what training saw for {self.hours:.3g} h{faded}: {departures_text(list(told.values()))}"


def other_models(case: Trust, base: Trust) -> float:
    """Return for how long n is off in one of two cases and not in the other [h].

    Parameters
    ----------
    case, base : Trust
        The cases.

    Returns
    -------
    float
        Zero where that is so short that the difference of the cases is that of one model.
    """
    differ = case.faded ^ base.faded
    return 24.0 * case.interval * float(differ.sum()) if differ.mean() > ANOTHER else 0.0


def find_trust(subject: FittedSubject, model: FittedModel, records: Sequence[PlantRecord], inputs: np.ndarray) -> Trust:
    """Look where a case leaves what training saw.

    Parameters
    ----------
    subject : FittedSubject
        The run.
    model : FittedModel
        What it has learnt, in the plant of the case.
    records : sequence of PlantRecord
        The case, one record a member.
    inputs : ndarray, shape (k, input)
        What was given at the times of the records.

    Returns
    -------
    Trust
        Over all members.
    """
    first, plant = records[0], model.plant
    interval = float(first.times[-1] - first.times[0]) / len(first.times)  # the share of one time in the whole
    driven, outside = _driven(subject, plant, first, inputs, interval)
    faded, read = np.zeros(len(first.times), dtype=bool), dict[tuple[str, str], Departure]()
    if model.term is not None:
        u = torch.as_tensor(inputs)
        for record in records:
            states = np.stack(
                [
                    np.stack([record.columns[f"{tank}.{c}"] for c in plant.table.component_names], axis=-1)
                    for tank in plant.layout.tank_names
                ],
                axis=1,
            )
            found, off = reading_departures(model, model.term, torch.as_tensor(states), u, 24.0 * interval)
            faded |= off
            for departure in found:
                key = departure.place, departure.quantity
                if key not in read or departure.hours > read[key].hours:
                    read[key] = departure
    departures = (*driven, *sorted(read.values(), key=lambda d: (-d.hours, d.place, d.quantity)))
    anywhere = outside | faded
    hours = 24.0 * interval * float(anywhere.sum())
    named = {departure.quantity for departure in departures}
    unvaried = [text for text in unvaried_texts(model) if any(f"see {name} vary" in text for name in named)]
    return Trust(departures, hours, anywhere, faded, interval, (*_untrained(subject, model), *unvaried))


def _driven(
    subject: FittedSubject, plant: Plant, record: PlantRecord, inputs: np.ndarray, interval: float
) -> tuple[list[Departure], np.ndarray]:
    """Return the inputs, and freed states, that leave their range in the training block, and when any does."""
    begin, end = subject.block("train")
    times = subject.record.frame["time"].to_numpy()
    block = subject.knots[(times >= begin - SAME) & (times <= end + SAME)]
    specs = [spec for spec in subject.plant.inputs if spec.kind in DRIVEN]
    known = plant.input_index
    names, columns, ranges = [], [], []
    for spec in specs:
        k = subject.plant.input_index[spec.name]
        given = inputs[:, known[spec.name]] if spec.name in known else None
        values = record.columns.get(spec.name, given)
        if values is not None:
            names.append((spec.name, spec.unit))
            columns.append(values)
            ranges.append((float(block[:, k].min()), float(block[:, k].max())))
    low, high = np.array(ranges).T
    slack = ROUNDING * np.maximum(np.abs(low), np.abs(high))
    return input_departures(names, np.stack(columns, axis=-1), low - slack, high + slack, 24.0 * interval)


def _untrained(subject: FittedSubject, model: FittedModel) -> tuple[str, ...]:
    """Return a sentence where n changes a state that was imposed in training, so that nothing was learnt of it."""
    free = [name for name in subject.plant.inputs.names if name not in model.plant.input_index]
    learnt = {t for part in model.term or () if part.placement.name == STATE for t in part.placement.targets}
    return tuple(
        f"n changes {name}, which was imposed in training, so that it has learnt nothing of it there"
        for name in free
        if name.rpartition(".")[2] in learnt
    )
