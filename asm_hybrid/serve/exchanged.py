"""What the process that simulates tells the pages; plain data, which the server reads without knowing a plant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Control", "Description", "IndicatorRow", "Place", "Quantity", "Result", "Series"]


@dataclass(frozen=True)
class Control:
    """One thing that a scenario may change, as a slider and a field.

    Attributes
    ----------
    input : str
        What the scenario file calls it.
    label, unit, group : str
        Its name, the unit of its value, and under which heading it stands.
    way : str
        How it is changed: ``set``, ``scale`` or ``shift``.
    base : float
        Its value in the base case; 1 for a factor, 0 for a difference.
    low, high, step : float
        Ends and step of the slider.
    moved_by : str
        What moves it in the base case, so that it cannot be changed; empty otherwise.
    """

    input: str
    label: str
    unit: str
    group: str
    way: str
    base: float
    low: float
    high: float
    step: float
    moved_by: str = ""


@dataclass(frozen=True)
class Quantity:
    """A series that can be drawn.

    Attributes
    ----------
    name : str
        By which it is asked for: as ``series.csv`` has it, or ``TANK rate PROCESS``.
    label, unit : str
        How it is called, and its unit.
    limit : str
        Under which name it may have an effluent limit; empty where it has none.
    """

    name: str
    label: str
    unit: str
    limit: str = ""


@dataclass(frozen=True)
class Place:
    """A part of the flow sheet that can be chosen.

    Attributes
    ----------
    name, label : str
        Its name in the drawing, and what it is called.
    quantities : tuple of Quantity
        What can be drawn of it.
    first : tuple of str
        Names of those that are drawn at first.
    """

    name: str
    label: str
    quantities: tuple[Quantity, ...]
    first: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """A plant, or the plant of a run, as it can be played with.

    Attributes
    ----------
    name, kind, text : str
        Its name, what it is, and what is said of it.
    controls : tuple of Control
        What may be changed.
    inputs : tuple of str
        Everything that a change may name.
    days : float or None
        Length of the base case [d]; None of a run, which has a period.
    influent : str
        What comes in, in words.
    limits : mapping of str to float
        Effluent limits.
    limited : tuple of str
        Everything that may have one.
    places : tuple of Place
        Parts of the flow sheet.
    recorded : bool
        Whether inputs come from a record, so that the scenario gives neither influent nor days beyond it.
    """

    name: str
    kind: str
    text: str
    controls: tuple[Control, ...]
    inputs: tuple[str, ...]
    days: float | None
    influent: str
    limits: Mapping[str, float]
    limited: tuple[str, ...]
    places: tuple[Place, ...]
    recorded: bool


@dataclass(frozen=True)
class IndicatorRow:
    """One indicator in all cases, as the page of the command line shows it.

    Attributes
    ----------
    label, unit, description : str
        Its name, unit, and what it is.
    values : tuple of float
        Its value by case; NaN where a case has none.
    shown : tuple of tuple of str
        By case its value, its difference to the base case, the range over seeds and what f alone says; each may be
        empty.
    name : str
        Its name in ``indicators.csv``.
    """

    label: str
    unit: str
    description: str
    values: tuple[float, ...]
    shown: tuple[tuple[str, str, str, str], ...]
    name: str


@dataclass(frozen=True)
class Result:
    """What a simulation gave, without its series.

    Attributes
    ----------
    title : str
        Its name.
    cases : tuple of str
        Names of the cases, ``base`` first.
    changes : tuple of tuple of str
        What each of them changes, in words.
    main : tuple of IndicatorRow
        The indicators to look at first.
    groups : mapping of str to tuple of IndicatorRow
        All of them, by group.
    limits : mapping of str to float
        Effluent limits.
    influent : str
        What came in.
    notes : tuple of str
        What is to be said of it, findings and warnings first.
    days : float
        How long was simulated [d].
    seconds : float
        How long it took [s].
    """

    title: str
    cases: tuple[str, ...]
    changes: tuple[tuple[str, ...], ...]
    main: tuple[IndicatorRow, ...]
    groups: Mapping[str, tuple[IndicatorRow, ...]]
    limits: Mapping[str, float]
    influent: str
    notes: tuple[str, ...]
    days: float
    seconds: float


@dataclass(frozen=True)
class Series:
    """Series of all cases.

    Attributes
    ----------
    times : tuple of float or of str
        Days from the start, or stamps.
    values : mapping of str to mapping of str to tuple of float
        By case and by name of the quantity.
    low, high : mapping of str to mapping of str to tuple of float
        Range over seeds or draws; empty where there is none.
    outside : mapping of str to tuple of pairs of times
        From when to when each case leaves what training saw; empty of a plant.
    """

    times: tuple[float, ...] | tuple[str, ...]
    values: Mapping[str, Mapping[str, tuple[float, ...]]]
    low: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    high: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)
    outside: Mapping[str, tuple[tuple[float | str, float | str], ...]] = field(default_factory=dict)
