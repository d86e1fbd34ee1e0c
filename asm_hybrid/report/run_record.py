"""What the files of a run folder say, as far as the report reads them: types that are checked on reading."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from asm_hybrid.hybrid.placements import PLACEMENTS, placement_of
from asm_hybrid.report.parameter_record import CalibrationFacts
from asm_hybrid.report.record import Record

__all__ = [
    "YEARS",
    "Bands",
    "DataRecord",
    "Finding",
    "ForecastRecord",
    "Missing",
    "Score",
    "Source",
    "Summary",
    "Variable",
    "VariableVerdict",
    "Verdict",
]

YEARS = 1900, 2200
"""From the first to the last that a stamp may have."""


def _stamp(text: str) -> str:
    if not YEARS[0] <= datetime.fromisoformat(text).year <= YEARS[1]:
        raise ValueError(f"the year is not one from {YEARS[0]} to {YEARS[1]}")
    return text


Stamp = Annotated[str, AfterValidator(_stamp)]
"""A time in the notation of ISO 8601."""


class Score(Record):
    """How far a model lies from the measurements of one variable in one block; None where undefined.

    Attributes
    ----------
    rmse, mae, bias, r2 : float or None
        Medians over seeds [unit of the variable; r2: -]; the bias is predicted less measured.
    n : int
        Number of measurements.
    rmse_seeds : list of float or None
        RMSE of every seed.
    """

    rmse: float | None
    mae: float | None
    bias: float | None
    r2: float | None
    n: int
    rmse_seeds: list[float | None] = Field(default_factory=list)


class Variable(Record):
    """A measured variable.

    Attributes
    ----------
    target, unit : str
        What it stands for, and its unit.
    noise : float or None
        Standard deviation of its sensor's noise [unit].
    """

    target: str
    unit: str
    noise: float | None = None


class VariableVerdict(Record):
    """The run's own model beside the best baseline, for one variable on the test block.

    Runs of earlier versions have no `outcome`, and call the RMSE of the own model that of the hybrid.

    Attributes
    ----------
    best_baseline : str
        Name of the best baseline.
    best_rmse, own_rmse : float or None
        RMSE of both [unit of the variable]; None where a model diverges.
    interval : tuple of float or None
        90 % interval of the change of the RMSE [%]; below zero where the own model is better.
    outcome : str
        ``better``, ``worse``, ``open`` where the interval holds zero, or ``diverges``.
    """

    best_baseline: str
    best_rmse: float | None
    own_rmse: float | None = Field(validation_alias=AliasChoices("own_rmse", "hybrid_rmse"))
    interval: tuple[float, float] | None = None
    outcome: Literal["better", "worse", "open", "diverges"] = "open"


class Misfit(Record):
    """What recalibrated f misses of one variable on the test block, where n found nothing."""

    rmse: float
    noise: float
    times_noise: float


class Verdict(Record):
    """Whether the run's own model is better than every baseline in every variable, as far as can be told.

    Attributes
    ----------
    wins : bool
        Whether it is.
    model, sentence : str
        The run's own model, and the verdict in plain words.
    misfit : dict of str to Misfit
        What recalibrated f misses, by variable; empty where n found something.
    variables : dict of str to VariableVerdict
        The figures, by variable.
    """

    wins: bool
    model: str = "hybrid"
    sentence: str
    misfit: dict[str, Misfit] = Field(default_factory=dict)
    variables: dict[str, VariableVerdict]


def _kind(value: str) -> str:
    placement_of(value)
    return value


def _placement(value: str) -> str:
    if value not in PLACEMENTS:
        raise ValueError(f"there is no placement {value!r}")
    return value


class Missing(Record):
    """One thing f failed to capture.

    Attributes
    ----------
    kind, name, tank : str
        Kind and name of the target of n, and the tank, or ``influent``.
    share : float or None
        Share of n's effect on the measured variables [-].
    own, learnt : float or None
        What f has by itself, and what n adds, on average [unit].
    unit : str
        Unit of these.
    """

    kind: Annotated[str, AfterValidator(_kind)]
    name: str
    tank: str
    share: float | None
    own: float | None = None
    learnt: float | None = None
    unit: str

    @property
    def quantity(self) -> str:
        """What f has of it by itself: a rate, or the value of a parameter, influent concentration or variable."""
        return placement_of(self.kind).quantity


class BandBlock(Record):
    """What the band of one variable held in one block [-], its mean width, and the bias of its centre."""

    coverage: float
    width: float
    bias: float | None = None
    n: int


class Outside(Record):
    """What leaves the trained range of n: its place, values against that range, and hours."""

    place: str
    quantity: str
    unit: str
    trained_low: float
    trained_high: float
    low: float
    high: float
    hours: float


class Answers(Record):
    """The answers to standard changes, but for the figures: their period, whose they are, and what to know of them."""

    period: tuple[Stamp, Stamp]
    model: str
    notes: list[str] = Field(default_factory=list)


class ForecastRecord(Record):
    """Forecasts, and what they are worth against persistence.

    Attributes
    ----------
    origins, spacing : dict of str to int
        Number of origins, and time between them [h], by block.
    scores : dict
        By block, horizon, variable and model.
    bands : dict
        What those of the run's own model held, by block, horizon and variable.
    sentences : list of str
        What the forecasts are worth, in plain words.
    """

    origins: dict[str, int]
    spacing: dict[str, int]
    scores: dict[str, dict[str, dict[str, dict[str, Score]]]]
    bands: dict[str, dict[str, dict[str, BandBlock]]] = Field(default_factory=dict)
    sentences: list[str] = Field(default_factory=list)


class Band(Record):
    """The band of one variable; `residual` is what the spread of the seeds does not explain."""

    residual: float
    validate_: BandBlock | None = Field(default=None, alias="validate")
    test: BandBlock | None = None


class Bands(Record):
    """Prediction bands of the run's own model in simulation.

    Attributes
    ----------
    level : float
        Share of measurements that they should hold [-].
    variables : dict of str to Band
        By variable.
    """

    level: float
    variables: dict[str, Band]


class Summary(Record):
    """``summary.json``.

    Attributes
    ----------
    name, mode : str
        Name of the run; ``mechanistic``, ``neural`` or ``hybrid``.
    placements : list of str
        Where n acts.
    created, version, device : str
        Time (ISO 8601), version of this package, and what it was trained on.
    seconds : dict of str to float
        Time of each stage [s].
    blocks : dict of str to (str, str)
        Begin and end of each block (ISO 8601).
    variables : dict of str to Variable
        The measured variables.
    scores : dict
        By block, variable and model.
    verdict, forecast, bands : Verdict, ForecastRecord, Bands or None
        None where the run has none.
    missing : list of Missing
        Where n acts, the largest share first.
    n_found_nothing : bool
        Whether n changes next to nothing in the predictions.
    imbalance : dict
        What n makes of conserved materials, by material, as `asm_hybrid.diagnosis.imbalance.imbalance` returns it.
    outside : list of Outside
        What leaves the trained range of n.
    answers : Answers or None
        Of the answers to standard changes; None where the run has none.
    warnings : list of str
        A sentence each.
    stopped : str
        How the training ended: ``finished``, ``early`` or ``interrupted``.
    seeds : list of int
        Seeds of the networks.
    calibration : CalibrationFacts or None
        How the calibration ended.
    """

    name: str
    mode: Literal["mechanistic", "neural", "hybrid"]
    placements: list[Annotated[str, AfterValidator(_placement)]] = Field(default_factory=list)
    created: Stamp
    version: str
    device: str
    seconds: dict[str, float]
    blocks: dict[str, tuple[Stamp, Stamp]]
    variables: dict[str, Variable]
    scores: dict[str, dict[str, dict[str, Score]]]
    verdict: Verdict | None = None
    forecast: ForecastRecord | None = None
    bands: Bands | None = None
    missing: list[Missing] = Field(default_factory=list)
    n_found_nothing: bool = False
    imbalance: dict[str, dict[str, float]] = Field(default_factory=dict)
    outside: list[Outside] = Field(default_factory=list)
    answers: Answers | None = None
    warnings: list[str] = Field(default_factory=list)
    stopped: str = "finished"
    seeds: list[int] = Field(default_factory=list)
    calibration: CalibrationFacts | None = None

    @property
    def corrects(self) -> list[str]:
        """What the network corrects, in words, a placement each."""
        return [PLACEMENTS[name].corrects for name in self.placements]

    @model_validator(mode="after")
    def _known_variables(self) -> Self:
        used: list[Iterable[str]] = [*self.scores.values(), self.verdict.variables if self.verdict else ()]
        if self.forecast:
            used += [variables for block in self.forecast.scores.values() for variables in block.values()]
            used += [variables for block in self.forecast.bands.values() for variables in block.values()]
        used.append(self.bands.variables if self.bands else ())
        unknown = sorted({name for names in used for name in names} - set(self.variables))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not one of the variables")
        return self


class Source(Record):
    """One data file as it was read.

    Attributes
    ----------
    file, sha256 : str
        Its name and digest.
    rows : int
        Number of rows.
    columns : int or list of str
        The headers, or how many there are.
    first, last : str or None
        First and last time (ISO 8601).
    """

    file: str
    sha256: str
    rows: int
    columns: int | list[str]
    first: str | None = None
    last: str | None = None


class Finding(Record):
    """One finding of the data checks.

    Attributes
    ----------
    severity, kind, message : str
        ``error`` or ``warning``; what kind of finding; what was found.
    file, column, rows : str or None
        Where; column and rows may be missing.
    fix : str or None
        The likely remedy.
    """

    severity: Literal["error", "warning"]
    file: str
    column: str | None = None
    rows: str | None = None
    kind: str
    message: str
    fix: str | None = None


class DataRecord(Record):
    """``data.json``.

    Attributes
    ----------
    files : list of Source
        The data files.
    corrections : list of str
        What was found wrong in the record, and accepted, in words.
    quality : list of Finding
        What the checks found in them.
    """

    files: list[Source] = Field(default_factory=list)
    corrections: list[str] = Field(default_factory=list)
    quality: list[Finding] = Field(default_factory=list)
