"""The sensors of the observed columns: biases and lags, given or learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.config import Config
from asm_hybrid.config.builders.columns import used_columns
from asm_hybrid.config.schema.sensor import LEARN
from asm_hybrid.training.observation import lagged
from asm_hybrid.training.persistence import PERSISTENCE

__all__ = ["SensorSpec", "SensorTable", "Sensors", "sensor_specs", "sensor_warnings"]

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
PACE = 5.0
"""How much farther a gradient step moves a sensor than a weight of n: what a sensor can explain it explains first."""


SensorTable = dict[str, dict[str, dict[str, Any]]]
"""Bias and lag by column."""


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
    """

    label: str
    bias: bool
    lag: float
    learns_lag: bool


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
        SensorSpec(header, c.bias == LEARN, c.lag if isinstance(c.lag, float) else 0.0, c.lag == LEARN)
        for _, header, c in used_columns(config)
        if c.role == "observation"
    )


class Sensors(nn.Module):
    """Biases and lags of the sensors, those that are learnt as parameters that lead with the member axis.

    A bias is ``BIAS_SPREAD · noise · b``, a lag ``LONGEST_LAG u² / (1 + u²)``: bounded, and never negative. The
    parameters are b and u over `PACE`. Biases that were found beside the parameters of f are kept apart: by these
    recalibrated f is compared with measurements, and n starts from them.

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

    def __init__(self, specs: Sequence[SensorSpec], noise: Tensor, members: int) -> None:
        super().__init__()
        self.specs = tuple(specs)
        self.members = members
        self.register_buffer("noise", noise.clone())
        self.register_buffer("beside_f", torch.zeros_like(noise))
        self._biased = [i for i, s in enumerate(specs) if s.bias]
        self._slow = [i for i, s in enumerate(specs) if s.learns_lag]
        if self._biased:
            self.b = nn.Parameter(torch.zeros(members, len(self._biased), dtype=torch.float64))
        if self._slow:
            self.u = nn.Parameter(torch.full((members, len(self._slow)), FIRST_LAG / PACE, dtype=torch.float64))

    @property
    def learns(self) -> bool:
        """Whether anything is learnt."""
        return bool(self._biased or self._slow)

    def begin_from(self, other: Sensors) -> None:
        """Start from what an earlier run has learnt of the same sensors; of others nothing is taken."""
        if self.learns and other.specs == self.specs and other.members == self.members:
            other = other.to(self.noise.device)
            with torch.no_grad():
                self.beside_f.copy_(other.beside_f)
                if self._biased:
                    self.b.copy_(other.b * (other.noise / self.noise)[self._biased])
                if self._slow:
                    self.u.copy_(other.u)

    def begin_with(self, biases: Tensor) -> None:
        """Start from the biases ``(column,)`` that were found beside the parameters of f, in the columns' units."""
        with torch.no_grad():
            self.beside_f.copy_(biases)
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
        """Return what sensors show of outputs ``(…, point, column)`` if nothing is learnt: with lags that are given."""
        return self._slowed(outputs, self._given(), [i for i, s in enumerate(self.specs) if s.lag], step)

    def of_f(self, outputs: Tensor, step: float) -> Tensor:
        """Return what sensors show of recalibrated f ``(…, point, column)``: lags that are given, and its biases."""
        return self.known(outputs, step) + self.beside_f

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
        """Return bias and lag by column, for ``summary.json``.

        Parameters
        ----------
        units : sequence of str
            Units of the columns.
        ends : mapping of str to (float, float)
            Ends of the 95 % intervals of biases that were found beside the parameters of f, by column, in its unit.
        of_f : bool
            Whether those of recalibrated f are asked for; else the median and range over the seeds of n.

        Returns
        -------
        dict of str to dict of str to dict
        """
        found: SensorTable = {}
        with torch.no_grad():
            biases, lags = self.biases().cpu().numpy(), 1440.0 * self.lags().cpu().numpy()
        if of_f:
            biases, lags = self.beside_f.cpu().numpy()[None], 1440.0 * self._given().cpu().numpy()[None]
        for i, (spec, unit) in enumerate(zip(self.specs, units, strict=True)):
            row = {}
            low, high = ends.get(spec.label, (None, None))
            if spec.bias and not (of_f and low is None):
                row["bias"] = _row(biases[:, i], unit, True) | {"profile_low": low, "profile_high": high}
            if spec.lag or (spec.learns_lag and not of_f):
                row["lag"] = _row(lags[:, i], "min", spec.learns_lag)
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


def sensor_warnings(table: dict[str, dict[str, Any]], noise: dict[str, float]) -> list[str]:
    """Return a sentence for each learnt bias or lag that is larger than a sensor's should be.

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
    return out
