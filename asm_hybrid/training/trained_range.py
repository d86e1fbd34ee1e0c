"""Where a trajectory leaves what n was trained on: which place and quantity, its values, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.network_inputs import reading_unit
from asm_hybrid.plant.water import INFLUENT
from asm_hybrid.training.fitted import FittedModel

__all__ = [
    "Departure",
    "course_departures",
    "departure_text",
    "departures_text",
    "input_departures",
    "reading_departures",
    "unvaried_texts",
]

RECYCLE = "recycle."
"""Begin of the names of inputs that belong to no place."""
NAMED = 3
"""Departures that a sentence names."""


@dataclass(frozen=True)
class Departure:
    """One quantity that leaves its trained range.

    Attributes
    ----------
    place : str
        The tank, or the influent; ``plant`` for an input of the plant as such.
    quantity, unit : str
        A component, or an input.
    trained_low, trained_high : float
        Its range in training [unit].
    low, high : float
        The range of its values while it lies outside [unit].
    hours : float
        How long that is [h].
    """

    place: str
    quantity: str
    unit: str
    trained_low: float
    trained_high: float
    low: float
    high: float
    hours: float


def reading_departures(
    model: FittedModel, terms: LearntTerms, X: Tensor, u: Tensor, hours: float
) -> tuple[list[Departure], np.ndarray]:
    """Return what n reads so far outside its trained range that it fades, and when.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    terms : LearntTerms
        Its n.
    X : Tensor, shape (time, tank, component)
        Effective states.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    hours : float
        Distance of two times [h].

    Returns
    -------
    (list of Departure, ndarray of bool, shape (time,))
        The longest first; where n fades.
    """
    found: dict[tuple[str, str], Departure] = {}
    faded = torch.zeros(len(u), dtype=torch.bool, device=u.device)
    for term in terms:
        with torch.no_grad():
            features = term.features(X, u)
            outside = term.outside(X, u)
        faded |= outside.flatten(1).any(1)
        for s, i in outside.any(0).nonzero().tolist():
            name, place = term.spec.inputs[i], term.placement.spots[s]
            if name in model.plant.input_index:  # the same everywhere
                kind = model.plant.inputs[model.plant.input_index[name]].kind
                place = INFLUENT if kind in ("Q_in", "T", "influent") else "plant"
            values, at = features[:, s, i], outside[:, s, i]
            departure = Departure(
                place,
                name,
                reading_unit(model.plant, name),
                float(term.low[i]),
                float(term.high[i]),
                float(values[at].min()),
                float(values[at].max()),
                hours * int(at.sum()),
            )
            key = place, name
            if key not in found or departure.hours > found[key].hours:
                found[key] = departure
    return _longest_first(found.values()), np.asarray(faded.cpu())


def course_departures(
    model: FittedModel, terms: LearntTerms, X: Tensor, u: Tensor, hours: float
) -> tuple[list[Departure], np.ndarray]:
    """Return what n reads along a course of states so far outside its trained range that it fades, and when.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    terms : LearntTerms
        Its n.
    X : Tensor, shape (time, row, component)
        States, as the solver has them.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    hours : float
        Distance of two times [h].

    Returns
    -------
    (list of Departure, ndarray of bool, shape (time,))
        As `reading_departures` returns them.
    """
    with torch.no_grad():
        system = model.recalibrated().system
        effective = system.effective(X, system.forcing(u))
    return reading_departures(model, terms, effective, u, hours)


def input_departures(
    names: Sequence[tuple[str, str]], values: np.ndarray, low: np.ndarray, high: np.ndarray, hours: float
) -> tuple[list[Departure], np.ndarray]:
    """Return the inputs that leave a range, and when.

    Parameters
    ----------
    names : sequence of pairs of str
        Name and unit of every input.
    values : ndarray, shape (time, input)
        Inputs.
    low, high : ndarray, shape (input,)
        The range of each.
    hours : float
        Distance of two times [h].

    Returns
    -------
    (list of Departure, ndarray of bool, shape (time,))
        The longest first; where any lies outside.
    """
    outside = (values < low) | (values > high)
    found = []
    for k in np.flatnonzero(outside.any(0)).tolist():
        (name, unit), at = names[k], outside[:, k]
        place, _, quantity = ("", "", name) if name.startswith(RECYCLE) else name.rpartition(".")
        reached = float(values[at, k].min()), float(values[at, k].max())
        found.append(
            Departure(place or "plant", quantity, unit, float(low[k]), float(high[k]), *reached, hours * int(at.sum()))
        )
    return _longest_first(found), np.asarray(outside.any(1))


def unvaried_texts(model: FittedModel) -> list[str]:
    """Say what n reads and has not seen vary, so that it does not answer to it.

    Parameters
    ----------
    model : FittedModel
        The fitted model.

    Returns
    -------
    list of str
        A sentence each; none without n.
    """
    found = {}
    for term in model.term or ():
        for name, mean in zip(term.spec.inputs, term.mean.tolist(), strict=True):
            if name in term.unvaried:
                found[name] = f"{mean:.3g} {reading_unit(model.plant, name)}".removesuffix(" -")
    return [
        f"n did not see {name} vary in training ({v}): its answer to {name} is that of f" for name, v in found.items()
    ]


def departure_text(departure: Departure) -> str:
    """Return one departure as part of a sentence.

    Parameters
    ----------
    departure : Departure
        The departure.

    Returns
    -------
    str
    """
    d = departure
    unit = "" if d.unit == "-" else f" {d.unit}"
    place = "" if d.place == "plant" else f" in the {INFLUENT}" if d.place == INFLUENT else f" in {d.place}"
    values, trained = _range_text(d.low, d.high), _range_text(d.trained_low, d.trained_high)
    return f"{d.quantity}{place}, {values}{unit} where it was trained on {trained}, for {d.hours:.3g} h"


def _range_text(low: float, high: float) -> str:
    """Return a range with three digits, or all of them before the point; one number where its ends read the same."""
    ends = [f"{end:.0f}" if 1e3 <= abs(end) < 1e6 else f"{end:.3g}" for end in (low, high)]
    return " to ".join(dict.fromkeys(ends))


def departures_text(departures: Sequence[Departure]) -> str:
    """Return the longest departures as part of a sentence.

    Parameters
    ----------
    departures : sequence of Departure
        All of them, the longest first.

    Returns
    -------
    str
        With the number of those that are not named.
    """
    more = len(departures) - NAMED
    named = "; ".join(departure_text(d) for d in departures[:NAMED])
    return f"{named}; and {more} more" if more > 0 else named


def _longest_first(found: Iterable[Departure]) -> list[Departure]:
    return sorted(found, key=lambda d: (-d.hours, d.place, d.quantity))
