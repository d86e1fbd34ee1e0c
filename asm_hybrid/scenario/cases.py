"""What simulations of one plant gave: cases side by side, each with all members of n, and f alone where it matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from asm_hybrid.config import PlantFile
from asm_hybrid.data import QualityFinding
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.kpi import Indicator
from asm_hybrid.scenario.kpi_series import PlantSeries
from asm_hybrid.scenario.scoring import counted
from asm_hybrid.scenario.trust import Trust

__all__ = ["BASE", "Alone", "Case", "Fitted", "PlantScenarios", "quantiles", "spread"]

BASE = "base"
"""Name of the case without changes."""


@dataclass(frozen=True)
class Alone:
    """A case with f alone, calibrated, in the place of f + n.

    Attributes
    ----------
    record : PlantRecord
        Its simulation.
    indicators : tuple of Indicator
        What came out.
    """

    record: PlantRecord
    indicators: tuple[Indicator, ...]


@dataclass(frozen=True)
class Case:
    """The base case, or a scenario.

    Attributes
    ----------
    name : str
        Its name.
    changes : tuple of str
        Its changes in words.
    record : PlantRecord
        Its simulation; the median of the members, value by value, where n has several.
    indicators : tuple of Indicator
        What came out; the median of the members.
    warnings : tuple of str
        What may make its figures wrong, a sentence each.
    left_out : tuple of str
        Indicators that cannot be told, and why.
    balance : str
        How far the balances of water and matter close.
    low, high : PlantRecord or None
        Lowest and highest of the members; None where there is one.
    members : tuple of tuple of Indicator
        What came out with each member; empty where there is one.
    alone : Alone or None
        f alone; None where nothing was learnt, or no case leaves what training saw.
    trust : Trust or None
        Where it leaves what training saw; None where nothing was learnt.
    held : float
        Share of the members between `low` and `high` [-].
    """

    name: str
    changes: tuple[str, ...]
    record: PlantRecord
    indicators: tuple[Indicator, ...]
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    balance: str = ""
    low: PlantRecord | None = None
    high: PlantRecord | None = None
    members: tuple[tuple[Indicator, ...], ...] = ()
    alone: Alone | None = None
    trust: Trust | None = None
    held: float = 1.0

    @property
    def ends(self) -> tuple[dict[str, float], dict[str, float]] | None:
        """Indicators by name at the lower and upper end of the members' range; None where there is one member."""
        if not self.members:
            return None
        values = [{i.name: i.value for i in own} for own in self.members]
        common = [i.name for i in self.members[0] if all(i.name in own for own in values)]
        found = {name: quantiles([own[name] for own in values], self.held) for name in common}
        return {name: low for name, (low, _) in found.items()}, {name: high for name, (_, high) in found.items()}

    @property
    def outside_hours(self) -> float:
        """Hours in which it leaves what training saw."""
        return self.trust.hours if self.trust else 0.0


@dataclass(frozen=True)
class Fitted:
    """What is special about the simulation of a run.

    Attributes
    ----------
    members : int
        Members of n; one without n.
    measured : tuple of str
        The measured quantities.
    by_knots : bool
        Whether it was integrated by the steps of the training, so that the base case is the prediction of the run.
    origin : Timestamp or None
        Time zero, UTC; None where it is not a part of the record.
    zone : str
        The zone in which times are shown.
    silent : bool
        Whether the run is a hybrid whose n is zero, so that f alone is simulated.
    """

    members: int
    measured: tuple[str, ...]
    by_knots: bool
    origin: pd.Timestamp | None
    zone: str
    silent: bool = False


@dataclass(frozen=True)
class PlantScenarios:
    """Cases of one plant.

    Attributes
    ----------
    name : str
        Name of the scenario file, or of the plant.
    file : PlantFile
        The plant as its file gives it.
    plant : Plant
        The plant of the base case.
    cases : tuple of Case
        The base case first.
    plants : tuple of Plant
        The plant of each case.
    limits : mapping of str to float
        Effluent limits [g/m3].
    start : float
        Day from which on indicators count.
    residual : float or None
        Largest relative rate of change of the steady state at the start [1/d]; None where it starts from another state.
    scenario : Scenario or None
        The scenario file; None where the base case alone was simulated.
    parameters : mapping of str to float
        Values of the table's parameters.
    influent : str
        What comes in, in words.
    findings : tuple of QualityFinding
        What is unusual in constants and influent.
    fitted : Fitted or None
        What is special about a run; None for a plant.
    draws : int
        Simulations of each case and member with process noise; zero without noise.
    """

    name: str
    file: PlantFile
    plant: Plant
    cases: tuple[Case, ...]
    plants: tuple[Plant, ...]
    limits: Mapping[str, float]
    start: float
    residual: float | None
    scenario: Scenario | None
    parameters: Mapping[str, float]
    influent: str
    findings: tuple[QualityFinding, ...]
    fitted: Fitted | None = None
    draws: int = 0

    @property
    def band(self) -> str:
        """What lies between the lines of a band, in words; empty where there is none."""
        if self.draws:
            return f"5 to 95 % of {self.draws} draws"
        return "range over seeds" if self.fitted is not None and self.fitted.members > 1 else ""

    def window(self, case: Case, record: PlantRecord | None = None) -> PlantSeries:
        """Return the part of a case that counts, as its indicators are made from it."""
        plant = self.plants[self.cases.index(case)]
        return counted(plant, record or case.record, self.parameters, self.start)

    def stamps(self, times: np.ndarray) -> pd.DatetimeIndex | None:
        """Return times [d] as stamps in UTC; None for days from a start."""
        if self.fitted is None or self.fitted.origin is None:
            return None
        seconds = np.round(times * 86400.0, 3)
        return pd.DatetimeIndex(self.fitted.origin + pd.to_timedelta(seconds, unit="s"))


def quantiles(values: Sequence[float], held: float) -> tuple[float, float]:
    """Return the ends of the range that holds a share of some values, in the middle of them.

    Parameters
    ----------
    values : sequence of float
        Values.
    held : float
        The share; with one, they are the lowest and the highest.

    Returns
    -------
    tuple of float
    """
    if held == 1.0:
        return min(values), max(values)
    low, high = np.quantile(values, [(1 - held) / 2, (1 + held) / 2])
    return float(low), float(high)


def spread(
    records: Sequence[PlantRecord], held: float = 1.0
) -> tuple[PlantRecord, PlantRecord | None, PlantRecord | None]:
    """Return median, lowest and highest values of several simulations.

    Parameters
    ----------
    records : sequence of PlantRecord
        One a member, at the same times.
    held : float
        Share of the members between the lines that are called lowest and highest [-].

    Returns
    -------
    tuple of PlantRecord
        The latter two are None for a single one.
    """
    first = records[0]
    if len(records) == 1:
        return first, None, None
    states = np.stack([r.states for r in records])
    columns = {name: np.stack([r.columns[name] for r in records]) for name in first.columns}
    ends = (np.min, np.max) if held == 1.0 else [partial(np.quantile, q=(1 + s * held) / 2) for s in (-1, 1)]
    median, low, high = (
        PlantRecord(
            first.times, how(states, axis=0), {name: how(v, axis=0) for name, v in columns.items()}, first.units
        )
        for how in (np.median, *ends)
    )
    return median, low, high
