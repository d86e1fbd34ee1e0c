"""The part of a run folder that the report reads, checked on reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from asm_hybrid.errors import InputError
from asm_hybrid.yamlfile import load_yaml

__all__ = [
    "Bands",
    "DataRecord",
    "Finding",
    "ForecastRecord",
    "Missing",
    "Parameter",
    "ParameterSet",
    "Score",
    "Source",
    "Summary",
    "Variable",
    "Verdict",
    "display_zone",
    "flat",
    "read_config",
    "read_data_record",
    "read_environment",
    "read_parameters",
    "read_summary",
]

T = TypeVar("T")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Score(_Record):
    """How far a model lies from the measurements of one variable in one block; None where undefined."""

    rmse: float | None
    mae: float | None
    bias: float | None
    r2: float | None
    n: int
    rmse_seeds: list[float | None] = []


class Variable(_Record):
    """A measured variable: what it stands for, its unit, and the standard deviation of its sensor's noise."""

    target: str
    unit: str
    noise: float | None = None


class VariableVerdict(_Record):
    """The run's own model beside the best baseline, for one variable on the test block.

    Runs of earlier versions have no `outcome`, and call the RMSE of the own model that of the hybrid.
    """

    best_baseline: str
    best_rmse: float | None
    own_rmse: float | None = Field(validation_alias=AliasChoices("own_rmse", "hybrid_rmse"))
    interval: tuple[float, float] | None = None
    outcome: Literal["better", "worse", "open", "diverges"] = "open"


class Misfit(_Record):
    """What recalibrated f misses of one variable on the test block, where n found nothing."""

    rmse: float
    noise: float
    times_noise: float


class Verdict(_Record):
    """Whether the run's own model is better than every baseline in every variable, as far as can be told."""

    wins: bool
    model: str = "hybrid"
    sentence: str
    misfit: dict[str, Misfit] = {}
    variables: dict[str, VariableVerdict]


class Missing(_Record):
    """One thing f failed to capture, and its share of n's effect on the observed variables [-]."""

    kind: Literal["process", "component", "parameter", "influent", "variable"]
    name: str
    tank: str
    share: float | None
    own: float | None = None
    learnt: float | None = None
    unit: str

    @property
    def quantity(self) -> str:
        """What f has of it by itself: a rate, or the value of a parameter, influent concentration or variable."""
        return "rate" if self.kind in ("process", "component") else "value"


class BandBlock(_Record):
    """What the band of one variable held in one block [-], its mean width, and the bias of its centre."""

    coverage: float
    width: float
    bias: float | None = None
    n: int


class Outside(_Record):
    """What leaves the trained range of n: its place, values against that range, and hours."""

    place: str
    quantity: str
    unit: str
    trained_low: float
    trained_high: float
    low: float
    high: float
    hours: float


class ForecastRecord(_Record):
    """Forecasts: scores by block, horizon, variable and model, and what they are worth against persistence.

    `bands` are those of the run's own model, by block, horizon and variable.
    """

    origins: dict[str, int]
    spacing: dict[str, int]
    scores: dict[str, dict[str, dict[str, dict[str, Score]]]]
    bands: dict[str, dict[str, dict[str, BandBlock]]] = {}
    sentences: list[str] = []


class Band(_Record):
    """The band of one variable; `residual` is what the spread of the seeds does not explain."""

    residual: float
    validate_: BandBlock | None = Field(default=None, alias="validate")
    test: BandBlock | None = None


class Bands(_Record):
    """Prediction bands of the hybrid in simulation."""

    level: float
    variables: dict[str, Band]


class Summary(_Record):
    """``summary.json``."""

    name: str
    mode: Literal["mechanistic", "neural", "hybrid"]
    placements: list[str] = []
    created: str
    version: str
    device: str
    seconds: dict[str, float]
    blocks: dict[str, tuple[str, str]]
    variables: dict[str, Variable]
    scores: dict[str, dict[str, dict[str, Score]]]
    verdict: Verdict | None = None
    forecast: ForecastRecord | None = None
    bands: Bands | None = None
    missing: list[Missing] = []
    n_found_nothing: bool = False
    imbalance: dict[str, dict[str, float]] = {}
    outside: list[Outside] = []
    warnings: list[str] = []
    stopped: str = "finished"
    seeds: list[int] = []


class Parameter(_Record):
    """One parameter of f, with the default of its table and the bounds of its calibration."""

    name: str
    value: float
    default: float
    lower: float | None = None
    upper: float | None = None
    unit: str
    source: str | None = None
    calibrated: bool = False
    at_bound: bool = False
    std_error: float | None = None
    profile_low: float | None = None
    profile_high: float | None = None
    profile_open: str | None = None
    profile_checked: bool | None = None


class SensorParameter(_Record):
    """Bias or lag of a sensor: median and range over seeds, and whether it was learnt or given."""

    value: float
    low: float
    high: float
    unit: str
    learnt: bool


class ParameterSet(_Record):
    """``parameters.json``: the parameters, the correlations between those that were calibrated, and the sensors'."""

    parameters: list[Parameter]
    correlations: dict[str, dict[str, float | None]] = {}
    sensors: dict[str, dict[str, SensorParameter]] = {}


class Source(_Record):
    """One data file as it was read."""

    file: str
    sha256: str
    rows: int
    columns: int | list[str]
    first: str | None = None
    last: str | None = None


class Finding(_Record):
    """One finding of the data checks."""

    severity: Literal["error", "warning"]
    file: str
    column: str | None = None
    rows: str | None = None
    kind: str
    message: str
    fix: str | None = None


class DataRecord(_Record):
    """``data.json``."""

    files: list[Source] = []
    quality: list[Finding] = []


def read_summary(run_dir: Path) -> Summary:
    """Return ``summary.json`` of a run folder."""
    return _read(run_dir / "summary.json", Summary)


def read_parameters(run_dir: Path) -> ParameterSet:
    """Return ``parameters.json`` of a run folder."""
    return _read(run_dir / "parameters.json", ParameterSet)


def read_data_record(run_dir: Path) -> DataRecord:
    """Return ``data.json`` of a run folder."""
    return _read(run_dir / "data.json", DataRecord)


def read_environment(run_dir: Path) -> dict[str, str]:
    """Return ``environment.json`` of a run folder, flat: nested keys become ``outer inner``."""
    return dict(flat(_read(run_dir / "environment.json", dict[str, Any])))


def read_config(run_dir: Path) -> tuple[dict[str, Any], str]:
    """Return ``config.yaml`` of a run folder as data and as text."""
    document = load_yaml(run_dir / "config.yaml")
    return document.data, document.text


def display_zone(config: dict[str, Any]) -> ZoneInfo:
    """Return the time zone of the plant's data, or UTC when the files of the config do not agree on one.

    Parameters
    ----------
    config : dict
        ``config.yaml``.

    Returns
    -------
    ZoneInfo
        The zone in which the report shows times.
    """
    data = config.get("data")
    sources = data.get("sources") if isinstance(data, dict) else None
    zones = set()
    for source in (sources or {}).values():
        time = source.get("time") if isinstance(source, dict) else None
        zones.add(str(time.get("zone") or "UTC") if isinstance(time, dict) else "UTC")
    try:
        return ZoneInfo(zones.pop()) if len(zones) == 1 else ZoneInfo("UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _read(path: Path, kind: type[T]) -> T:
    try:
        return TypeAdapter(kind).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(
            f"the run folder has no {path.name}",
            where=str(path.parent),
            expected="a run folder that training has finished or ended cleanly",
            fix="give the folder that `asm-hybrid train` named at its end",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{key}: {first['msg']}",
            where=str(path),
            expected="the file as this version of asm-hybrid writes it",
            fix="use the version of asm-hybrid that made the run, or train again",
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"the file cannot be read: {error}", where=str(path)) from None


def flat(value: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Return nested entries as pairs of ``outer inner`` and text, lists joined, those without a value left out."""
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        name = f"{before} {key}".strip()
        if isinstance(item, dict):
            rows += flat(item, name)
        elif isinstance(item, list):
            rows.append((name, ", ".join(str(i) for i in item)))
        elif item is not None:
            rows.append((name, str(item)))
    return rows
