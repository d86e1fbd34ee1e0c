"""What the page shows of a run: plain figures and texts, which another process has read."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Curve", "PageSeries", "RunView", "Stretch"]


@dataclass(frozen=True)
class Curve:
    """The series of one model.

    Attributes
    ----------
    name, title : str
        Its name in the files of the run, and for readers.
    colour, line : str
        Colour as ``#rrggbb``; ``solid``, ``dashed`` or ``dotted``.
    values : array of float
        At the times of the series; not a number where it has none.
    """

    name: str
    title: str
    colour: str
    line: str
    values: array[float]


@dataclass(frozen=True)
class PageSeries:
    """One variable, measured and predicted, in one task.

    Attributes
    ----------
    task : str
        ``simulation``, or such as ``forecast 6 h ahead``.
    variable, target, unit : str
        The variable, what it stands for, and its unit.
    times : tuple of str
        On the clock of `RunView`, such as ``2021-06-01T06:00:00``.
    measured : array of float
        The measurements; not a number where nothing was measured for so long that no line may bridge it.
    curves : tuple of Curve
        The models, in the order of the tables.
    drawn : tuple of str
        Models that are drawn at first.
    own : str
        The model that the run is about.
    bands : tuple of (str, array of float, array of float)
        What a band is, its lower and its upper limit; they are those of `own`.
    """

    task: str
    variable: str
    target: str
    unit: str
    times: tuple[str, ...]
    measured: array[float]
    curves: tuple[Curve, ...]
    drawn: tuple[str, ...]
    own: str
    bands: tuple[tuple[str, array[float], array[float]], ...] = ()


@dataclass(frozen=True)
class Stretch:
    """A stretch of the record that is marked.

    Attributes
    ----------
    title : str
        What it is.
    begin, end : str
        As the times of `PageSeries`.
    """

    title: str
    begin: str
    end: str


@dataclass(frozen=True)
class RunView:
    """A run, as the page shows it.

    Attributes
    ----------
    folder : str
        Its folder.
    name : str
        Name of the run.
    kind : str
        ``plant`` or ``equations``.
    chapters : mapping of str to str
        Chapters of its report, as HTML.
    style : str
        The style sheet of these.
    clock : str
        On which clock the times are.
    series : tuple of PageSeries
        All variables in all tasks.
    stretches : tuple of Stretch
        Blocks, and what lies outside of training.
    departures : tuple of str
        What leaves what training saw, and how far.
    text : str
        Plain text in the place of chapters; of a generic ODE.
    files : tuple of str
        Files of the folder that the browser may open.
    notes : tuple of str
        What cannot be shown, and why.
    """

    folder: str
    name: str
    kind: str
    chapters: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    clock: str = "UTC"
    series: tuple[PageSeries, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    departures: tuple[str, ...] = ()
    text: str = ""
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
