"""What ``diagnosis.json`` says, as far as the report reads it: types that are checked on reading."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from asm_hybrid.report.record import Record
from asm_hybrid.report.run_files import read_record

__all__ = [
    "DIAGNOSIS",
    "Answer",
    "Diagnosis",
    "Driver",
    "DriverCurve",
    "Explanation",
    "Law",
    "Proposal",
    "Reading",
    "read_diagnosis",
]

DIAGNOSIS = "diagnosis.json"


class Amount(Record):
    """A figure with its interval.

    Attributes
    ----------
    name, unit : str
        What it is.
    value : float
        The figure [unit].
    low, high : float or None
        Its 90 % interval [unit].
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = "-"


class Explanation(Record):
    """One explanation that competes.

    Attributes
    ----------
    name, title : str
        Its name in the config, and in words.
    family : str or None
        Its family; None of ``nothing`` and ``everything``.
    gain, low, high : float or None
        Share of the gap between f and everything at once that it closes, with its 90 % interval [-].
    removed, removed_low, removed_high : float or None
        Share of the squared error of f on days left out that it takes away, with its 90 % interval [-].
    best_share : float or None
        Share of the draws in which it is the best [-].
    in_set, plausible : bool
        Whether it cannot be told from the best; whether its size can be.
    fitted : str
        ``full``, or ``linear`` where it was estimated from slopes.
    driver : str or None
        What drives it.
    size : list of Amount
        How large it is.
    """

    name: str
    title: str = ""
    family: str | None = None
    gain: float | None
    low: float | None = None
    high: float | None = None
    removed: float | None = None
    removed_low: float | None = None
    removed_high: float | None = None
    best_share: float | None = None
    in_set: bool = False
    plausible: bool = True
    fitted: Literal["full", "linear"] = "full"
    driver: str | None = None
    size: list[Amount] = Field(default_factory=list)


class Answer(Record):
    """Which explanations remain.

    Attributes
    ----------
    names : list of str
        Those that cannot be told apart from the best.
    first : str or None
        The best.
    confidence : float or None
        Share of the draws that one of them wins [-].
    """

    names: list[str] = Field(default_factory=list, validation_alias="set")
    first: str | None = None
    confidence: float | None = None


class _Lines(Record):
    """Series of the same length as x."""

    x: list[float]

    @model_validator(mode="after")
    def _alike(self) -> Self:
        for name, values in self:
            series = values if isinstance(values, list) and values and isinstance(values[0], list) else [values]
            for one in series:
                if isinstance(one, list) and len(one) != len(self.x):
                    raise ValueError(f"{name} has {len(one)} values, and x has {len(self.x)}")
        return self


class DriverCurve(_Lines):
    """A factor over its driver.

    Attributes
    ----------
    x : list of float
        Values of the driver [unit].
    factor, low, high : list of float
        The factor: median and range of the seeds [-].
    density : list of float
        Share of the time by unit of x.
    unit : str
        Unit of the driver.
    """

    factor: list[float]
    low: list[float]
    high: list[float]
    density: list[float]
    unit: str = "-"


class Reading(_Lines):
    """What one input of n does to a factor.

    Attributes
    ----------
    name, unit : str
        The input.
    share, low, high : float or None
        Share of the variance of the factor that it explains alone, and the range of the seeds [-].
    x : list of float
        Its values [unit].
    effect : list of list of float
        On the logarithm of the factor, one list a seed [-].
    density : list of float
        Share of the time by unit of x.
    """

    name: str
    unit: str = "-"
    share: float
    low: float | None = None
    high: float | None = None
    effect: list[list[float]]
    density: list[float]


class When(Record):
    """A condition, and the shares of time and effect that lie in it [-]."""

    condition: str
    share_of_time: float
    share_of_effect: float


class Driver(Record):
    """What drives the factor on a process.

    Attributes
    ----------
    process : str
        The process.
    tank : str or None
        Where; None for all tanks.
    driver : str or None
        What drives it.
    share : float or None
        Share of the variance of n's factor that it explains alone [-]; None where the factor is not that of n.
    curve : DriverCurve or None
        The factor over it.
    inputs : list of Reading
        All that n reads.
    when : list of When
        When it matters.
    """

    process: str
    tank: str | None = None
    driver: str | None = None
    share: float | None = None
    curve: DriverCurve | None = None
    inputs: list[Reading] = Field(default_factory=list)
    when: list[When] = Field(default_factory=list)


class LawScore(Record):
    """RMSE on the test block of f, f with the law, and f + n [unit]."""

    f: float | None = None
    law: float | None = None
    n: float | None = None
    unit: str = ""


class LawCurve(_Lines):
    """The factor of a law over its driver."""

    factor: list[float]


class OtherLaw(Record):
    """A law that was tried, and its mean squared error on the validation block in units of noise [-]."""

    kind: str
    score: float | None = None


class Law(Record):
    """A formula for the learnt factor.

    Attributes
    ----------
    process, kind, expression : str
        The process, the kind of law, and the formula of the factor.
    rate : str
        The whole rate with it.
    constants : list of Amount
        Its constants.
    share_of_gain : float or None
        Share of n's gain that it holds [-].
    kept : bool
        Whether that is enough.
    scores : dict of str to LawScore
        By variable.
    curve : LawCurve or None
        The factor over the driver.
    others : list of OtherLaw
        What else was tried.
    """

    process: str
    kind: str
    expression: str
    rate: str = ""
    constants: list[Amount] = Field(default_factory=list)
    share_of_gain: float | None = None
    kept: bool = False
    scores: dict[str, LawScore] = Field(default_factory=dict)
    curve: LawCurve | None = None
    others: list[OtherLaw] = Field(default_factory=list)


class TellApart(Record):
    """The measurement that would tell explanations apart.

    Attributes
    ----------
    between : list of str
        The explanations that it tells apart.
    variable, tank, unit : str
        What to measure, and where.
    way : str
        How.
    begin, end : str
        First and last day of the record that shows the difference most.
    difference, noise : float
        By how much they differ then, and the usual noise of one value [unit].
    text : str
        All of this in words.
    """

    between: list[str] = Field(default_factory=list)
    variable: str
    tank: str
    unit: str
    way: str = ""
    begin: str
    end: str
    difference: float
    noise: float
    text: str


class Proposal(Record):
    """A correction of the record that is proposed.

    Attributes
    ----------
    name, text : str
        The explanation, and what is proposed in words.
    section, key : str
        Where it stands in the section ``corrections`` of a config.
    value : float
        The correction [unit].
    low, high : float or None
        Its 90 % interval [unit].
    unit : str
        Its unit.
    stated : str or None
        Value and unit of the whole correction, where the config of the run corrects the same already.
    clear : bool
        Whether no other explanation does as well.
    """

    name: str
    text: str
    clear: bool = True
    section: Literal["factors", "shifts", "offsets", "drifts"]
    key: str
    value: float
    low: float | None = None
    high: float | None = None
    unit: str = "-"
    stated: str | None = None


class Diagnosis(Record):
    """``diagnosis.json``.

    Attributes
    ----------
    explanations : list of Explanation
        The best first.
    answer : Answer
        Which remain.
    driver, law, tell_apart : Driver, Law, TellApart or None
        None where that cannot be told.
    proposals : list of Proposal
        Corrections of the record.
    sentences, notes : list of str
        What was found, and what could not be told, in words.
    """

    explanations: list[Explanation] = Field(default_factory=list)
    answer: Answer = Field(default_factory=Answer)
    driver: Driver | None = None
    law: Law | None = None
    tell_apart: TellApart | None = None
    proposals: list[Proposal] = Field(default_factory=list)
    sentences: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _absent(cls, content: object) -> object:
        """Take what is null for what is not there."""
        return {k: v for k, v in content.items() if v is not None} if isinstance(content, dict) else content


def read_diagnosis(run_dir: Path) -> Diagnosis | None:
    """Return ``diagnosis.json`` of a run folder.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    Diagnosis or None
        None where the run has none, as one of an earlier version.

    Raises
    ------
    InputError
        If the file is damaged, or of another version.
    """
    path = run_dir / DIAGNOSIS
    return read_record(path, Diagnosis) if path.is_file() else None
