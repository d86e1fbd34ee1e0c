"""Concentrations below zero: which, where, for how long and how far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from asm_hybrid.plant import Plant
from asm_hybrid.plant.layout import SETTLER

__all__ = ["BELOW", "negative_concentrations", "negative_targets"]

BELOW = -1e-6
"""What is below this is no rounding, in every unit of a concentration."""


def negative_concentrations(plant: Plant, states: np.ndarray) -> tuple[str, ...]:
    """Return a sentence for every component that falls below zero.

    Parameters
    ----------
    plant : Plant
        The plant.
    states : ndarray, shape (k, n)
        States in the order of `Rows.names`, at equal distances in time.

    Returns
    -------
    tuple of str
        Component, place, share of the time and least value.
    """
    names = plant.rows.names[: states.shape[1] - len(plant.rows.extra)]
    units = {c.name: c.unit for c in plant.table.components}
    found: dict[str, list[tuple[float, float, str]]] = {}
    for i, name in enumerate(names):
        values = states[:, i]
        if values.min() < BELOW:
            place, _, component = name.partition(".")
            found.setdefault(component, []).append((float(values.min()), float((values < BELOW).mean()), place))
    sentences = []
    for component, places in found.items():
        (least, share, place), *others = sorted(places)
        elsewhere = dict.fromkeys(_unit_name(other) for _, _, other in others)
        elsewhere.pop(place, None)
        also = f"; below zero also in {', '.join(elsewhere)}" if elsewhere else ""
        unit = units.get(component, "g TSS/m3")
        sentences.append(f"{component} is below zero in {place} {_time(share)}, down to {least:.4g} {unit}{also}")
    return tuple(sentences)


def negative_targets(targets: Sequence[str], values: np.ndarray, units: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for every recorded quantity that falls below zero.

    Parameters
    ----------
    targets : sequence of str
        ``PLACE.QUANTITY``.
    values : ndarray, shape (member, k, target)
        Their values, at equal distances in time.
    units : iterable of str
        Their units.

    Returns
    -------
    tuple of str
        Quantity, share of the time and least value, over all members.
    """
    sentences = []
    for i, (target, unit) in enumerate(zip(targets, units, strict=True)):
        low = values[..., i] < BELOW
        if low.any():
            least = values[..., i].min()
            sentences.append(f"{target} is below zero {_time(low.mean())}, down to {least:.4g} {unit}")
    return tuple(sentences)


def _time(share: float) -> str:
    return "at all times" if share == 1.0 else f"in {100 * share:.2g} % of the time"


def _unit_name(place: str) -> str:
    """Return a tank as it is, and ``settler`` for one of its layers."""
    return SETTLER if place.startswith(f"{SETTLER}_") else place
