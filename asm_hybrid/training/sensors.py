"""The sensors of the observed columns: biases, lags and dead times, given or learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.config import Config
from asm_hybrid.config.builders.columns import used_columns
from asm_hybrid.config.schema.sensor import LEARN
from asm_hybrid.data import Observation
from asm_hybrid.training.observation import delayed, lagged
from asm_hybrid.training.persistence import PERSISTENCE

__all__ = [
    "DELAY_BOUND",
    "DELAY_SPREAD",
    "SensorSpec",
    "SensorTable",
    "Sensors",
    "between_knots",
    "delay_name",
    "sensor_specs",
    "sensor_warnings",
]

BIAS_SPREAD = 3.0
"""Standard deviation of a bias before anything was measured, in units of the sensor's noise."""
BIAS_BOUND = 10.0
"""Largest bias that is searched for beside the parameters of f, in standard deviations of its prior."""
LAG_SPREAD = 10.0 / 1440.0
"""Standard deviation of the half-normal prior of a lag [d]."""
LONGEST_LAG = 1.0 / 24.0
"""Bound of a learnt lag [d]."""
FIRST_LAG = 0.1
"""Start of u in the lag ``LONGEST_LAG u² / (1 + u²)``: 0.6 min."""
SAME = 1e-6
"""Distance from a knot, in knot intervals, within which a time is at the knot."""
DELAY_SPREAD = 30.0 / 1440.0
"""Standard deviation of the half-normal prior of a dead time [d]."""
DELAY_BOUND = 4.0
"""Longest dead time that is searched for beside the parameters of f, in standard deviations of its prior."""
PACE = 5.0
"""How much farther a gradient step moves a sensor than a weight of n: what a sensor can explain it explains first."""


SensorTable = dict[str, dict[str, dict[str, Any]]]
"""Bias, lag and delay by column."""


@dataclass(frozen=True)
class SensorSpec:
    """What a config says of the sensor of one observed column.

    Attributes
    ----------
    label : str
        Header of the column.
    bias : bool
        Whether an offset is learnt.
    lag : float
        Response time that is given [d]; zero for none.
    learns_lag : bool
        Whether it is learnt instead.
    delay : float
        Dead time that is given [d]; zero for none.
    learns_delay : bool
        Whether it is found beside the parameters of f instead.
    """

    label: str
    bias: bool
    lag: float
    learns_lag: bool
    delay: float = 0.0
    learns_delay: bool = False

    @property
    def late(self) -> bool:
        """Whether there is a dead time."""
        return self.learns_delay or self.delay > 0.0


def sensor_specs(config: Config) -> tuple[SensorSpec, ...]:
    """Return the sensors of the observed columns.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    tuple of SensorSpec
        In the order of the config.
    """
    return tuple(
        SensorSpec(
            header,
            c.bias == LEARN,
            c.lag if isinstance(c.lag, float) else 0.0,
            c.lag == LEARN,
            c.delay if isinstance(c.delay, float) else 0.0,
            c.delay == LEARN,
        )
        for _, header, c in used_columns(config)
        if c.role == "observation"
    )


class Sensors(nn.Module):
    """Biases, lags and dead times of the sensors, those learnt with n as parameters that lead with the member axis.

    A bias is ``BIAS_SPREAD · noise · b``, a lag ``LONGEST_LAG u² / (1 + u²)``: bounded, and never negative. The
    parameters are b and u over `PACE`. Biases that were found beside the parameters of f are kept apart: by these
    recalibrated f is compared with measurements, and n starts from them. A dead time is found beside the parameters of
    f alone, and held while n learns.

    Parameters
    ----------
    specs : sequence of SensorSpec
        One an observed column.
    noise : Tensor, shape (column,)
        Standard deviation of the sensors' errors, in the columns' units.
    members : int
        Number of seeds.
    """

    noise: Tensor
    beside_f: Tensor
    delays: Tensor

    def __init__(self, specs: Sequence[SensorSpec], noise: Tensor, members: int) -> None:
        super().__init__()
        self.specs = tuple(specs)
        self.members = members
        self.register_buffer("noise", noise.clone())
        self.register_buffer("beside_f", torch.zeros_like(noise))
        self.register_buffer("delays", torch.tensor([s.delay for s in specs], dtype=noise.dtype, device=noise.device))
        self._biased = [i for i, s in enumerate(specs) if s.bias]
        self._slow = [i for i, s in enumerate(specs) if s.learns_lag]
        if self._biased:
            self.b = nn.Parameter(torch.zeros(members, len(self._biased), dtype=torch.float64))
        if self._slow:
            self.u = nn.Parameter(torch.full((members, len(self._slow)), FIRST_LAG / PACE, dtype=torch.float64))

    @property
    def learns(self) -> bool:
        """Whether anything is learnt."""
        return bool(self._biased or self._slow) or any(s.learns_delay for s in self.specs)

    @property
    def late(self) -> bool:
        """Whether a sensor has a dead time."""
        return any(s.late for s in self.specs)

    @property
    def longest(self) -> float:
        """The longest dead time [d]."""
        return float(self.delays.max()) if self.late else 0.0

    def earlier(self, observations: Sequence[Observation]) -> tuple[Observation, ...]:
        """Return measurements at the times of what they show, which a dead time is earlier."""
        if not self.late:
            return tuple(observations)
        late = self.delays.tolist()
        return tuple(replace(o, times=o.times - d) for o, d in zip(observations, late, strict=True))

    def begin_from(self, other: Sensors) -> None:
        """Start from what an earlier run has learnt of the same sensors; of others nothing is taken."""
        if self.learns and other.specs == self.specs and other.members == self.members:
            other = other.to(self.noise.device)
            with torch.no_grad():
                self.beside_f.copy_(other.beside_f)
                self.delays.copy_(other.delays)
                if self._biased:
                    self.b.copy_(other.b * (other.noise / self.noise)[self._biased])
                if self._slow:
                    self.u.copy_(other.u)

    def begin_with(self, biases: Tensor, delays: Tensor) -> None:
        """Start from biases, in the columns' units, and dead times [d], that were found beside the parameters of f."""
        with torch.no_grad():
            self.beside_f.copy_(biases)
            self.delays.copy_(delays)
            if self._biased:
                self.b.copy_((biases / (BIAS_SPREAD * self.noise * PACE))[self._biased].expand_as(self.b))

    def biases(self) -> Tensor:
        """Return the offsets, ``(member, column)``, in the columns' units; zero where none is learnt."""
        out = self.noise.new_zeros(self.members, len(self.specs))
        if self._biased:
            out = out.index_copy(1, self._at(self._biased), BIAS_SPREAD * self.noise[self._biased] * PACE * self.b)
        return out

    def lags(self) -> Tensor:
        """Return the response times, given and learnt, ``(member, column)`` [d]."""
        out = self._given().expand(self.members, -1)
        if self._slow:
            square = (PACE * self.u).square()
            out = out.index_copy(1, self._at(self._slow), LONGEST_LAG * square / (1.0 + square))
        return out

    def known(self, outputs: Tensor, step: float) -> Tensor:
        """Return what sensors show of outputs ``(…, point, column)`` without what n learns: lags given, dead times."""
        return self.late_by(self.slowed(outputs, step), self.delays, step)

    def slowed(self, outputs: Tensor, step: float) -> Tensor:
        """Return outputs ``(…, point, column)`` with the lags that are given."""
        return self._slowed(outputs, self._given(), [i for i, s in enumerate(self.specs) if s.lag], step)

    def of_f(self, outputs: Tensor, step: float) -> Tensor:
        """Return what sensors show of recalibrated f ``(…, point, column)``: lags that are given, its own biases."""
        return self.known(outputs, step) + self.beside_f

    def late_by(self, outputs: Tensor, delays: Tensor, step: float) -> Tensor:
        """Return outputs ``(…, point, column)`` as sensors show them that are late by ``(…, column)`` [d]."""
        which = [i for i, s in enumerate(self.specs) if s.late]
        if not which:
            return outputs
        columns = list(outputs.unbind(-1))
        for i in which:
            columns[i] = delayed(columns[i], delays[..., i], step)
        return torch.stack(columns, dim=-1)

    def read(self, outputs: Tensor, step: float) -> Tensor:
        """Return what sensors show of the outputs of all members.

        Parameters
        ----------
        outputs : Tensor, shape (member, …, point, column)
            Recorded outputs.
        step : float
            Distance of two points [d].

        Returns
        -------
        Tensor, shape (member, …, point, column)
        """
        return self.late_by(self.read_early(outputs, step), self.delays, step)

    def read_early(self, outputs: Tensor, step: float) -> Tensor:
        """Return the same as `read`, but for dead times: for windows whose samples are placed earlier by these."""
        between = [1] * (outputs.dim() - 3)
        which = [i for i, s in enumerate(self.specs) if s.lag or s.learns_lag]
        shown = self._slowed(outputs, self.lags().reshape(self.members, *between, -1), which, step)
        return shown + self.biases().reshape(self.members, *between, 1, -1) if self._biased else shown

    def prior(self, days: float) -> Tensor:
        """Return what the prior adds to a mean squared residual in units of noise.

        Parameters
        ----------
        days : float
            Length of the block [d].

        Returns
        -------
        Tensor, shape (member,)
            The sum of squares of biases and lags, in standard deviations of their priors, over the number of errors of
            all columns that count as independent.
        """
        lags = self.lags()[:, self._slow] / LAG_SPREAD
        biases = self.biases()[:, self._biased] / (BIAS_SPREAD * self.noise[self._biased])
        return (lags.square().sum(1) + biases.square().sum(1)) * PERSISTENCE / (days * len(self.specs))

    def table(self, units: Sequence[str], ends: Mapping[str, tuple[float, float]], *, of_f: bool) -> SensorTable:
        """Return bias, lag and dead time by column, for ``summary.json``.

        Parameters
        ----------
        units : sequence of str
            Units of the columns.
        ends : mapping of str to (float, float)
            Ends of the 95 % intervals of biases that were found beside the parameters of f, by column, in its unit, and
            of dead times [min], by `delay_name` of the column.
        of_f : bool
            Whether those of recalibrated f are asked for; else the median and range over the seeds of n.

        Returns
        -------
        dict of str to dict of str to dict
        """
        found: SensorTable = {}
        with torch.no_grad():
            biases, lags = self.biases().cpu().numpy(), 1440.0 * self.lags().cpu().numpy()
            delays = 1440.0 * self.delays.cpu().numpy()
        if of_f:
            biases, lags = self.beside_f.cpu().numpy()[None], 1440.0 * self._given().cpu().numpy()[None]
        for i, (spec, unit) in enumerate(zip(self.specs, units, strict=True)):
            row = {}
            low, high = ends.get(spec.label, (None, None))
            if spec.bias and not (of_f and low is None):
                row["bias"] = _row(biases[:, i], unit, True) | {"profile_low": low, "profile_high": high}
            if spec.lag or (spec.learns_lag and not of_f):
                row["lag"] = _row(lags[:, i], "min", spec.learns_lag)
            if spec.late:
                low, high = ends.get(delay_name(spec.label), (None, None))
                row["delay"] = _row(delays[i : i + 1], "min", spec.learns_delay)
                row["delay"] |= {"profile_low": low, "profile_high": high} if spec.learns_delay else {}
            if row:
                found[spec.label] = row
        return found

    def _given(self) -> Tensor:
        return torch.tensor([s.lag for s in self.specs], dtype=self.noise.dtype, device=self.noise.device)

    def _at(self, columns: Sequence[int]) -> Tensor:
        return torch.tensor(columns, device=self.noise.device)

    def _slowed(self, outputs: Tensor, lags: Tensor, which: list[int], step: float) -> Tensor:
        if not which:
            return outputs
        columns = list(outputs.unbind(-1))
        for i in which:
            columns[i] = lagged(columns[i], lags[..., i], step)
        return torch.stack(columns, dim=-1)


def _row(values: np.ndarray, unit: str, learnt: bool) -> dict[str, Any]:
    low, middle, high = (float(f(values)) for f in (np.min, np.median, np.max))
    return {"value": middle, "low": low, "high": high, "unit": unit, "learnt": learnt}


def between_knots(specs: Sequence[SensorSpec], interval: float) -> bool:
    """Return whether what sensors show at knots was between knots.

    Parameters
    ----------
    specs : sequence of SensorSpec
        The sensors.
    interval : float
        Distance of two knots [d].

    Returns
    -------
    bool
    """
    given = np.array([s.delay for s in specs]) / interval
    return any(s.learns_delay for s in specs) or bool(np.abs(given - np.round(given)).max(initial=0.0) > SAME)


def delay_name(label: str) -> str:
    """Return the name of the dead time of a column among what is found beside the parameters of f.

    Parameters
    ----------
    label : str
        Header of the column.

    Returns
    -------
    str
    """
    return f"{label} (delay)"


def sensor_warnings(table: dict[str, dict[str, Any]], noise: dict[str, float]) -> list[str]:
    """Return a sentence for each learnt bias, lag or dead time that is larger than a sensor's should be.

    Parameters
    ----------
    table : dict
        From :meth:`Sensors.table`.
    noise : dict of str to float
        Sensor noise by column.

    Returns
    -------
    list of str
    """
    out = []
    for label, row in table.items():
        bias, lag = row.get("bias"), row.get("lag")
        if bias and abs(bias["value"]) > 2.0 * BIAS_SPREAD * noise[label]:
            out.append(
                f"the learnt bias of {label}, {bias['value']:.3g} {bias['unit']}, is more than "
                f"{2.0 * BIAS_SPREAD:g} times its noise: check the sensor, and whether it stands for a model error"
            )
        if lag and lag["learnt"] and lag["value"] > 0.8 * 1440.0 * LONGEST_LAG:
            out.append(
                f"the learnt lag of {label}, {lag['value']:.3g} min, is near its bound of {1440 * LONGEST_LAG:g} min: "
                "it stands for more than a sensor"
            )
        delay = row.get("delay")
        if delay and delay["learnt"] and delay["value"] > 0.95 * 1440.0 * DELAY_BOUND * DELAY_SPREAD:
            out.append(
                f"the learnt dead time of {label}, {delay['value']:.3g} min, is near its bound of "
                f"{1440 * DELAY_BOUND * DELAY_SPREAD:g} min: it stands for more than a sensor"
            )
    return out
