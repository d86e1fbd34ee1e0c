"""What a simulation of a plant gives at sampled times, ready to be scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.errors import InputError, nearest

__all__ = ["Emission", "PlantSeries", "Side", "Stream", "TankSeries", "Values", "cut_window"]

Values = NDArray[np.float64]
Side = Literal["effluent", "influent"]

SAME_TIME = 1e-6
"""Times that differ by less than this [d] are one; the files of the benchmark round theirs."""


@dataclass(frozen=True)
class Stream:
    """Water that flows, and what it carries.

    Attributes
    ----------
    flow : float array, (time,)
        Flow [m3/d].
    concentrations : mapping of str to float array, (time,)
        Concentrations [g/m3] by quantity: TSS, COD, BOD5, TKN, TN, NH4, NO3 and whatever else is of interest. NO3 is
        nitrate and nitrite. BOD5 is 0.65 of the biodegradable COD in the influent, 0.25 in the effluent [1]_.
    negative : frozenset of str
        Quantities that are, or are made of, a concentration below zero at some time; no index is made of them.

    References
    ----------
    .. [1] J. Alex et al. (2018), "Benchmark Simulation Model no. 1 (BSM1)", IWA Task Group, section 6.
    """

    flow: Values
    concentrations: Mapping[str, Values]
    negative: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TankSeries:
    """One tank.

    Attributes
    ----------
    name : str
        Name of the tank.
    volume : float or float array, (time,)
        Liquid volume [m3]; an array where it varies.
    kla : float array, (time,)
        Oxygen transfer coefficient [1/d].
    oxygen_saturation : float array, (time,)
        Saturation concentration of oxygen [g/m3].
    """

    name: str
    volume: float | Values
    kla: Values
    oxygen_saturation: Values

    def __post_init__(self) -> None:
        if not np.all(np.asarray(self.volume) > 0):
            raise InputError(f"tank {self.name!r} has a volume of {self.volume} m3", expected="a volume above zero")


@dataclass(frozen=True)
class Emission:
    """A gas that leaves the tanks with the air.

    Attributes
    ----------
    unit : str
        Unit of the values, such as kg N/d.
    values : float array, (time,)
        What leaves, less what the air brings.
    """

    unit: str
    values: Values


@dataclass(frozen=True)
class PlantSeries:
    """A simulation at sampled times.

    Attributes
    ----------
    time : float array, (time,)
        Times of the samples [d], rising.
    effluent : Stream
        Treated water.
    tanks : tuple of TankSeries
        The tanks of the activated sludge.
    recycle, return_sludge, wastage : float array, (time,)
        Pumped flows [m3/d]: all internal recycles together, return sludge, waste sludge.
    held_until : float or None
        Time [d] at which the last sample ends, where each sample is held until the next one, as in the benchmark
        models; then every sample counts for the interval that follows it. None where values run straight from sample to
        sample; then the trapezoidal rule weighs them.
    influent : Stream, optional
        Untreated water; the influent quality index and N2O need it.
    waste_tss : float array, (time,), optional
        Suspended solids of the waste sludge [g TSS/m3]; sludge production needs it.
    inventory : float array, (time,), optional
        Suspended solids in tanks, settler and primary clarifier [g TSS]; sludge production needs its first and last
        value.
    carbon : float array, (time,), optional
        Dose of external carbon [g COD/d]; without it none is dosed.
    primary_sludge : float array, (time,), optional
        Flow of the sludge of a primary clarifier [m3/d], where the plant has one.
    primary_tss : float array, (time,), optional
        Its suspended solids [g TSS/m3].
    air : float array, (time,), optional
        Air flow of all tanks at standard conditions [m3/d], where the plant reports it.
    denitrified : float array, (time,), optional
        Rate of denitrification in the plant [g N/d]; N2O that is counted by it needs it.
    offgas : mapping of str to Emission
        Gases by component, as far as the table has any.
    """

    time: Values
    effluent: Stream
    tanks: tuple[TankSeries, ...]
    recycle: Values
    return_sludge: Values
    wastage: Values
    held_until: float | None = None
    influent: Stream | None = None
    waste_tss: Values | None = None
    inventory: Values | None = None
    primary_sludge: Values | None = None
    primary_tss: Values | None = None
    carbon: Values | None = None
    air: Values | None = None
    denitrified: Values | None = None
    offgas: Mapping[str, Emission] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.time.ndim != 1 or not self.time.size:
            raise InputError(f"the times have the shape {self.time.shape}", expected="at least one time, (time,)")
        for name, values in self._arrays():
            if values.shape != self.time.shape:
                raise InputError(
                    f"{name} has the shape {values.shape}",
                    expected=f"{self.time.shape}, one value for each time",
                    fix="take all series at the same times",
                )
            if not np.isfinite(values).all():
                k = int(np.argmin(np.isfinite(values)))
                raise InputError(f"{name} is {values[k]} at the time {self.time[k]:g} d", expected="finite numbers")
        if not (np.diff(self.time) > 0).all():
            k = int(np.argmin(np.diff(self.time) > 0))
            raise InputError(f"the time {self.time[k + 1]:g} d follows {self.time[k]:g} d", expected="times that rise")
        if self.held_until is None and self.time.size < 2:
            raise InputError("there is one sample, which covers no time", expected="two or more, or held_until")
        if self.held_until is not None and not self.held_until > self.time[-1]:
            raise InputError(
                f"the last sample, of {self.time[-1]:g} d, is held until {self.held_until:g} d",
                expected="an end after the last sample",
            )

    def _arrays(self) -> Iterator[tuple[str, Values]]:
        yield "time", self.time
        for side, stream in (("effluent", self.effluent), ("influent", self.influent)):
            if stream is not None:
                yield f"{side} flow", stream.flow
                yield from ((f"{side}.{name}", values) for name, values in stream.concentrations.items())
        for tank in self.tanks:
            yield f"{tank.name}.kla", tank.kla
            yield f"{tank.name}.oxygen_saturation", tank.oxygen_saturation
            if isinstance(tank.volume, np.ndarray):
                yield f"{tank.name}.volume", tank.volume
        yield from ((f"offgas.{name}", gas.values) for name, gas in self.offgas.items())
        for name in ("recycle", "return_sludge", "wastage", *OPTIONAL):
            values = getattr(self, name)
            if values is not None:
                yield name, values

    @property
    def weights(self) -> Values:
        """Time that each sample stands for [d]; they add to `days`."""
        intervals = np.diff(self.time)
        if self.held_until is not None:
            return np.append(intervals, self.held_until - self.time[-1])
        return np.asarray(np.append(intervals, 0.0) + np.append(0.0, intervals), dtype=np.float64) / 2

    @property
    def days(self) -> float:
        """Time that the samples cover [d]."""
        return float(self.weights.sum())

    def mean(self, values: Values) -> float:
        """Return the mean over time, in the unit of the values."""
        return float(self.weights @ values / self.days)

    def rise(self, values: Values) -> float:
        """Return by how much the last value is above the first, in the unit of the values."""
        return float(values[-1] - values[0])

    def stream(self, side: Side) -> Stream:
        """Return the effluent or the influent.

        Raises
        ------
        InputError
            If the influent is wanted and was not given.
        """
        found = self.effluent if side == "effluent" else self.influent
        if found is None:
            raise InputError("the series have no influent", expected="flow and concentrations of the influent")
        return found

    def concentration(self, side: Side, quantity: str) -> Values:
        """Return a concentration [g/m3] in the effluent or the influent.

        Raises
        ------
        InputError
            If it was not given.
        """
        given = self.stream(side).concentrations
        if quantity not in given:
            raise InputError(
                f"the {side} has no {quantity}",
                expected=f"{quantity} [g/m3] among its concentrations",
                fix=nearest(quantity, given),
            )
        return given[quantity]


OPTIONAL = ("waste_tss", "inventory", "primary_sludge", "primary_tss", "carbon", "air", "denitrified")


def cut_window(series: PlantSeries, start: float, end: float) -> PlantSeries:
    """Return what lies in a window of time.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    start, end : float
        The window [d]. A sample that is held counts if its time lies from `start` up to, not including, `end`, so that
        days 7 to 14 of samples every 15 min are 672; where values run straight, a sample at `end` belongs to it.

    Returns
    -------
    PlantSeries

    Raises
    ------
    InputError
        If the window holds no sample, or fewer than two where values run straight.
    """
    held = series.held_until is not None
    inside = (series.time > start - SAME_TIME) & (
        series.time < end - SAME_TIME if held else series.time < end + SAME_TIME
    )
    if inside.sum() < (1 if held else 2):
        raise InputError(
            f"the window from {start:g} to {end:g} d holds {'no sample' if held else 'fewer than two samples'}",
            expected=f"a window within {series.time[0]:g} to {series.held_until or series.time[-1]:g} d",
        )

    def cut(stream: Stream) -> Stream:
        return Stream(
            stream.flow[inside], {name: c[inside] for name, c in stream.concentrations.items()}, stream.negative
        )

    def cut_tank(tank: TankSeries) -> TankSeries:
        volume = tank.volume[inside] if isinstance(tank.volume, np.ndarray) else tank.volume
        return TankSeries(tank.name, volume, tank.kla[inside], tank.oxygen_saturation[inside])

    given = {name: getattr(series, name) for name in OPTIONAL}
    return PlantSeries(
        time=series.time[inside],
        effluent=cut(series.effluent),
        tanks=tuple(map(cut_tank, series.tanks)),
        recycle=series.recycle[inside],
        return_sludge=series.return_sludge[inside],
        wastage=series.wastage[inside],
        held_until=None if series.held_until is None else min(end, series.held_until),
        influent=None if series.influent is None else cut(series.influent),
        offgas={name: Emission(gas.unit, gas.values[inside]) for name, gas in series.offgas.items()},
        **{name: None if values is None else values[inside] for name, values in given.items()},
    )
