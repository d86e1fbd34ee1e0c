"""Which extra measurement would tell explanations apart: found by simulating them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.diagnosis.plain_words import quantity_words
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant
from asm_hybrid.text import figure

__all__ = ["COMPOSITE", "GRAB", "ONLINE", "measurable_targets", "tell_apart", "usual_noise"]

GRAB, COMPOSITE, ONLINE = "grab samples", "24-h composites", "an online sensor"
"""Ways to measure, the cheapest first."""
SAMPLE_COST = {GRAB: 1.0, COMPOSITE: 1.5, ONLINE: 0.0}
"""Cost of one day, in grab samples with their analysis [-]."""
FIXED_COST = {GRAB: 0.0, COMPOSITE: 0.0, ONLINE: 20.0}
"""Cost before the first day: a sensor is bought or hired, put up and calibrated [-]."""
LENGTHS = 3, 7
"""Days over which one measures."""
CLEAR = 2.0
"""Times the noise of one value from which on a difference counts as clear [-]."""
ENOUGH = 5.0
"""Times the noise from which on a larger difference is no better [-]."""
WORKING = 8, 10, 12, 14, 16
"""Hours of day, local, at which grab samples are taken."""

_LAB: dict[str, tuple[float, float]] = {
    "ammonium": (0.05, 0.1),
    "nitrate": (0.05, 0.2),
    "nitrite": (0.05, 0.02),
    "phosphate": (0.05, 0.05),
    "alkalinity": (0.05, 0.1),
    "total suspended solids": (0.1, 2.0),
    "volatile suspended solids": (0.1, 2.0),
    "COD": (0.07, 5.0),
    "soluble COD": (0.07, 5.0),
    "BOD5": (0.15, 2.0),
    "Kjeldahl nitrogen": (0.07, 0.5),
    "total nitrogen": (0.07, 0.5),
    "total phosphorus": (0.07, 0.1),
}
_SENSOR: dict[str, tuple[float, float]] = {
    "ammonium": (0.05, 0.2),
    "nitrate": (0.05, 0.5),
    "phosphate": (0.05, 0.1),
    "oxygen": (0.02, 0.1),
    "total suspended solids": (0.1, 20.0),
    "soluble COD": (0.1, 10.0),
}
"""Usual standard error of one value: a share of it [-] and a part that is always there [g/m3; alkalinity mol/m3].

Set by judgement, to the nearest round figure: of a laboratory with cuvette tests or standard methods, of the sampling
that goes with it, and of a sensor that is cleaned and checked every week."""


@dataclass(frozen=True)
class _Candidate:
    """One way to measure one target over some days: the differences it would see, by pair of explanations."""

    target: int
    way: str
    hour: int | None
    first: int
    days: int
    differences: np.ndarray
    noise: float

    @property
    def times(self) -> np.ndarray:
        """Differences in units of the noise of one value [-], ``(pair,)``."""
        return self.differences / self.noise

    @property
    def worth(self) -> float:
        """How clearly it tells the pairs apart, on average [-]."""
        return float(np.minimum(self.times, ENOUGH).mean())

    @property
    def cost(self) -> float:
        """What it costs, in grab samples [-]."""
        return FIXED_COST[self.way] + SAMPLE_COST[self.way] * self.days


def tell_apart(
    trajectories: Mapping[str, np.ndarray],
    targets: Sequence[str],
    times: pd.DatetimeIndex,
    table: Table,
    *,
    measured: Collection[str] = (),
    zone: str = "UTC",
) -> dict[str, Any] | None:
    """Find the cheapest extra measurement that tells explanations apart.

    For every target, way to measure (`GRAB` at one hour a day, `COMPOSITE`, `ONLINE` by the hour), length (`LENGTHS`)
    and first day, the root mean square of the difference of each two explanations is set against the usual noise of one
    value. Among those that tell all pairs apart by `CLEAR` times the noise the cheapest is taken, and the clearest of
    these; where none does, the one that is clearest on average. What is measured already is looked at only where
    nothing else is clear for any pair, and then in the laboratory: that checks the sensor.

    Parameters
    ----------
    trajectories : mapping of str to ndarray, shape (time, target)
        By name of the explanation, what it predicts [unit of the table].
    targets : sequence of str
        What that is, as of `measurable_targets`.
    times : DatetimeIndex
        The times, UTC, in equal steps of at most a day.
    table : Table
        The kinetics table, for units.
    measured : collection of str
        Targets that are measured already; what equals one of them counts as measured, too.
    zone : str
        Time zone of days and hours.

    Returns
    -------
    dict or None
        ``between`` (names of the explanations that it tells apart, of all where it tells none), ``target``,
        ``variable``, ``tank`` (or ``effluent``), ``unit``, ``way``, ``days``, ``begin`` and ``end`` (dates, local, of
        the days that show the difference most), ``difference`` (the least one between these) and ``noise`` [unit],
        ``times_noise`` [-], ``clear``, and ``text``. None with fewer than two explanations, less than three days, or
        nothing that differs.

    Raises
    ------
    InputError
        If a trajectory does not have the shape of times and targets.
    """
    names = list(trajectories)
    for name, values in trajectories.items():
        if values.shape != (len(times), len(targets)):
            raise InputError(
                f"the trajectory of {name} has the shape {values.shape}",
                expected=f"one row a time and one column a target, {(len(times), len(targets))}",
            )
    if len(names) < 2:
        return None
    daily = _Days(np.stack([trajectories[name] for name in names]), times.tz_convert(zone))
    known = [i for i, target in enumerate(targets) if target in measured]
    seen = [trajectories[name] for name in names]
    extra = [i for i in range(len(targets)) if not any(_same(seen, i, k) for k in known)]
    found = list(_candidates(daily, targets, extra, (GRAB, COMPOSITE, ONLINE)))
    if not any((c.times >= CLEAR).any() for c in found):
        found += _candidates(daily, targets, known, (GRAB, COMPOSITE))
    found = [c for c in found if c.worth > 0]
    if not found:
        return None
    all_told = [c for c in found if (c.times >= CLEAR).all()]
    best = min(all_told, key=lambda c: (c.cost, -c.worth)) if all_told else max(found, key=lambda c: (c.worth, -c.cost))
    return _told(best, names, targets[best.target], table, daily, again=targets[best.target] in measured)


def _same(seen: Sequence[np.ndarray], i: int, k: int) -> bool:
    """Return whether two targets are one, as ammonium in the last tank and in the effluent."""
    return i == k or all(np.allclose(values[:, i], values[:, k], rtol=1e-3) for values in seen)


def measurable_targets(plant: Plant) -> list[str]:
    """Return everything in tanks and effluent for which a usual measurement exists, such as ``aerobic_1.S_ALK``.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    list of str
        Tank by tank, the effluent last; without what is imposed in a tank.
    """
    table = plant.table
    names = [name for name in (*table.component_names, *table.composites) if _kind(name) in {*_LAB, *_SENSOR}]
    imposed = {f"{tank}.{component}" for tank, component in plant.layout.imposed}
    places = (*plant.layout.tank_names, "effluent")
    return [target for place in places for name in names if (target := f"{place}.{name}") not in imposed]


def usual_noise(quantity: str, way: str, level: float) -> float | None:
    """Return the usual standard error of one value.

    Parameters
    ----------
    quantity : str
        A component or composite of a table.
    way : str
        `GRAB`, `COMPOSITE` or `ONLINE`.
    level : float
        Size of the value [unit of the table].

    Returns
    -------
    float or None
        [unit of the table]; None where nobody measures it that way.
    """
    found = (_SENSOR if way == ONLINE else _LAB).get(_kind(quantity))
    return None if found is None else found[0] * abs(level) + found[1]


def _kind(quantity: str) -> str:
    return quantity_words(quantity, symbol=False)


class _Days:
    """Trajectories day by day: whole days only, ``(explanation, day, step, target)``."""

    def __init__(self, values: np.ndarray, local: pd.DatetimeIndex) -> None:
        step = (local[1] - local[0]) if len(local) > 1 else pd.Timedelta(days=1)
        per_day = max(1, round(pd.Timedelta(days=1) / step))
        first = int(np.argmax(np.asarray(local.hour + local.minute / 60.0) < step / pd.Timedelta(hours=1) - 1e-9))
        self.count = max(0, (len(local) - first) // per_day)
        kept = values[:, first : first + self.count * per_day]
        self.values = kept.reshape(len(values), self.count, per_day, values.shape[-1])
        self.hours = np.asarray(local.hour)[first : first + per_day]
        self.begin = local[first].normalize() if len(local) else None

    def day(self, number: int) -> str:
        """Return the date of a day."""
        assert self.begin is not None
        return f"{self.begin + pd.DateOffset(days=number):%Y-%m-%d}"


def _candidates(
    daily: _Days, targets: Sequence[str], chosen: Sequence[int], ways: Sequence[str]
) -> Iterator[_Candidate]:
    """Go through the best days of each target, way and length."""
    for i in chosen:
        values = daily.values[..., i]
        level = float(np.abs(values).mean()) if values.size else 0.0
        for way in ways:
            noise = usual_noise(targets[i].rpartition(".")[2], way, level)
            if noise is None:
                continue
            for hour, seen in _seen(values, daily.hours, way):
                pairs = [seen[a] - seen[b] for a, b in combinations(range(len(seen)), 2)]
                squared = np.stack([np.square(pair).mean(axis=1) for pair in pairs])
                for days in LENGTHS:
                    if daily.count >= days:
                        yield _best_days(i, way, hour, days, squared, noise)


def _seen(values: np.ndarray, hours: np.ndarray, way: str) -> Iterator[tuple[int | None, np.ndarray]]:
    """Go through what a way of measuring sees: its hour, and values ``(explanation, day, value of the day)``."""
    if way == COMPOSITE:
        yield None, values.mean(axis=2, keepdims=True)
    elif way == ONLINE:
        yield None, values
    else:
        for hour in WORKING:
            at = np.flatnonzero(hours == hour)[:1]
            if len(at):
                yield hour, values[:, :, at]


def _best_days(target: int, way: str, hour: int | None, days: int, squared: np.ndarray, noise: float) -> _Candidate:
    """Return the days that tell most, from mean squares of differences ``(pair, day)``."""
    sums = np.concatenate([np.zeros((len(squared), 1)), squared.cumsum(axis=1)], axis=1)
    means = np.sqrt(np.maximum(sums[:, days:] - sums[:, :-days], 0.0) / days)
    first = int(np.minimum(means / noise, ENOUGH).mean(axis=0).argmax())
    return _Candidate(target, way, hour, first, days, means[:, first], noise)


def _told(
    best: _Candidate, names: Sequence[str], target: str, table: Table, daily: _Days, *, again: bool
) -> dict[str, Any]:
    """Return what is told of a measurement."""
    pairs, clear = list(combinations(range(len(names)), 2)), best.times >= CLEAR
    told = [pair for pair, is_clear in zip(pairs, clear, strict=True) if is_clear] or pairs
    place, _, quantity = target.rpartition(".")
    unit = table.composites[quantity].unit if quantity in table.composites else _unit(table, quantity)
    least = float(best.differences[clear].min() if clear.any() else best.differences.max())
    begin, end = daily.day(best.first), daily.day(best.first + best.days - 1)
    way = f"{best.way} at {best.hour:02d}:00" if best.hour is not None else best.way
    span = "a week" if best.days == 7 else f"{best.days} days"
    thing = f"{way} of {quantity_words(quantity)} in {'the effluent' if place == 'effluent' else place} for {span}"
    size = (
        f"{figure(least)} {unit}, {figure(least / best.noise, 2)} times the usual noise of {figure(best.noise)} {unit}"
    )
    days = f"in days like {begin} to {end}"
    if clear.all():
        text = f"{thing} would tell them apart: {days} they differ by at least {size}"
    elif clear.any():
        text = (
            f"{thing} would tell {int(clear.sum())} of {len(pairs)} pairs apart: {days} these differ by at least {size}"
        )
    else:
        text = f"no usual measurement would tell them apart; the best, {thing}, sees a difference of {size}"
    if again:
        text += ", in the laboratory, beside the sensor that is there"
    return {
        "between": [name for i, name in enumerate(names) if any(i in pair for pair in told)],
        "target": target,
        "variable": quantity,
        "tank": place,
        "unit": unit,
        "way": way,
        "days": best.days,
        "begin": begin,
        "end": end,
        "difference": least,
        "noise": best.noise,
        "times_noise": least / best.noise,
        "clear": bool(clear.any()),
        "text": text[0].upper() + text[1:],
    }


def _unit(table: Table, component: str) -> str:
    return str(table.components[table.component_names.index(component)].unit)
