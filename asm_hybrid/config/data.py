"""Section ``data``: files, columns, and the blocks in time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from asm_hybrid.config.base import Duration, Section, refuse, written
from asm_hybrid.config.sensor import Bias, Lag, Sample

__all__ = ["BlocksSection", "ColumnSection", "DataSection", "Edge", "Role", "SourceSection", "TimeSection"]

Role = Literal["input", "imposed", "observation", "ignored"]

_OFFSET = re.compile(r"[+-]\d\d:\d\d")


def _zone(value: str) -> str:
    if _OFFSET.fullmatch(value):
        return value
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise refuse(
            f"the time zone {value!r} is not known",
            "a name such as UTC or Europe/Amsterdam, or an offset such as '+01:00'",
            "a logger that does not shift in summer has an offset, for instance '+01:00'",
        ) from None
    return value


def _time_format(value: str) -> str:
    if value == "ISO8601" or "%" in value:
        return value
    raise refuse(
        f"the time format is {value!r}",
        "strptime codes such as '%Y-%m-%d %H:%M:%S', or ISO8601",
        "'mixed' and guessed formats are not accepted: they read 03/04 and 13/04 as March and April",
    )


def _stamp(value: str) -> str:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise refuse(f"the time is {value!r}", "a time such as '2021-06-01' or '2021-06-01 12:00'") from None
    return value


def _edge(value: Any) -> float | str:
    if isinstance(value, str):
        return _stamp(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise refuse(f"the value is {value!r}", "a share of the record from 0 to 1, or a time such as '2021-06-01'")


Zone = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Stamp = Annotated[str, AfterValidator(_stamp)]
Edge = Annotated[
    float | str,
    BeforeValidator(_edge),
    WithJsonSchema({"type": ["number", "string"], "description": "share of the record, or a time"}),
]
"""One end of a block: a share of the record from 0 to 1, or a time."""
Period = Annotated[tuple[Edge, Edge], Field(strict=False)]
Range = Annotated[tuple[float | None, float | None], Field(strict=False)]
Numbers = Annotated[tuple[float, ...], Field(strict=False)]
Excluded = Annotated[tuple[Annotated[tuple[Stamp, Stamp], Field(strict=False)], ...], Field(strict=False)]


class TimeSection(Section):
    """How a file says when a sample was taken: as text (``format``) or as a number (``unit``, ``origin``)."""

    column: str = Field(description="Name of the time column.")
    format: TimeFormat | None = Field(
        default=None, description="Format of stamps given as text: strptime codes, or ISO8601."
    )
    unit: Literal["d", "h", "min", "s"] | None = Field(default=None, description="Unit of time given as a number.")
    origin: Stamp | None = Field(default=None, description="Stamp at which numeric time is zero.")
    zone: Zone | None = Field(
        default=None,
        description="Time zone of the stamps, or of the origin: UTC, Europe/Amsterdam, '+01:00'. "
        "Needed unless every stamp carries its own offset.",
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.unit and self.format:
            raise refuse(
                "the time has both a format and a unit",
                "a format for stamps given as text, or unit and origin for numbers",
                "remove one of the two",
            )
        if (self.unit is None) != (self.origin is None):
            lacks = "origin" if self.unit else "unit"
            raise refuse(
                f"numeric time lacks {lacks!r}",
                "both, for instance unit: d and origin: '2021-05-05 11:57:00'",
                f"add {lacks!r}",
            )
        return self


class ColumnSection(Section):
    """What one column of a file means."""

    role: Role = Field(
        description="input: drives the plant; imposed: a state that the sensor dictates; observation: "
        "compared with the model; ignored."
    )
    target: str | None = Field(
        default=None,
        alias="as",
        description="Model name: Q_in, T, return_sludge, wastage, recycle.NAME, TANK.kla, influent.COMPONENT "
        "or influent.COD, TKN, TP, TSS with a fractionation (input); TANK.COMPONENT (imposed); TANK.X or effluent.X "
        "with X a component or composite (observation).",
    )
    unit: str | None = Field(default=None, description="Unit of the column, such as mg N/L, m3/h, degC.")
    noise: float | None = Field(
        default=None,
        gt=0,
        description="Standard deviation of the sensor's error, in the column's unit; observations need it.",
    )
    range: Range | None = Field(
        default=None,
        description="Plausible range in the column's unit; null leaves a side open. Values outside are "
        "reported, not removed.",
    )
    detection_limit: float | None = Field(
        default=None,
        gt=0,
        description="Values at or below it mean 'below the limit', in the column's unit; observations only. Cells such "
        "as '<0.05' do so with or without it.",
    )
    saturation: float | None = Field(
        default=None,
        gt=0,
        description="Values at or above it mean 'at least that', in the column's unit; observations only. Cells such "
        "as '>10' do so with or without it.",
    )
    interpolation: Literal["linear", "previous"] | None = Field(
        default=None,
        description="How an input runs between its samples; default data.interpolation. previous, said of a column: "
        "a value holds until the next row, to the end of the record, and is no gap, as of a set point that is logged "
        "when it changes.",
    )
    exclude: Excluded = Field(
        default=(),
        description="Periods [from, to] in which the column measures nothing, such as a stuck sensor or maintenance: "
        "its values there are left out. Times without an offset are in the zone of the source.",
    )
    bias: Bias = Field(default=None, description="learn: the sensor's offset is learnt with n; observations only.")
    lag: Lag = Field(
        default=None,
        description="First-order response time of the sensor [d]: a duration, or learn; observations only.",
    )
    sample: Sample = Field(
        default=None, description="grab, or {composite: 24 h}: the mean over a period that ends at the stamp."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.role == "ignored":
            return self
        for key, value in (("as", self.target), ("unit", self.unit)):
            if value is None:
                example = {"as": "as: Q_in", "unit": "unit: m3/h"}[key]
                raise refuse(
                    f"the column has the role {self.role!r} and no {key!r}",
                    f"{key!r} for every column that is used",
                    f"add {key!r}, for instance '{example}', or set role: ignored",
                )
        if (self.noise is None) == (self.role == "observation"):
            raise refuse(
                f"the column has the role {self.role!r} and {'no' if self.noise is None else 'a'} 'noise'",
                "'noise' for observations, and only for them",
                "add the standard deviation of the sensor's error, for instance 'noise: 0.3'"
                if self.noise is None
                else "remove 'noise', or set role: observation",
            )
        if self.range and None not in self.range and not self.range[0] < self.range[1]:  # type: ignore[operator]
            raise refuse(f"the range is {list(self.range)}", "[lower, upper] with lower below upper")
        self._check_sensor()
        return self

    def _check_sensor(self) -> None:
        """Refuse what describes a sensor where the column is none, or none that can be so."""
        if self.role == "observation" and self.interpolation is not None:
            raise refuse(
                "the column has the role 'observation' and 'interpolation'",
                "'interpolation' for inputs and imposed states only: observations are compared at their own times",
                "remove 'interpolation'",
            )
        if self.role != "observation":
            for key in ("detection_limit", "saturation", "bias", "lag"):
                if getattr(self, key) is not None:
                    raise refuse(
                        f"the column has the role {self.role!r} and {key!r}",
                        f"{key!r} for observations only",
                        f"remove {key!r}, or set role: observation",
                    )
        if self.detection_limit and self.saturation and not self.detection_limit < self.saturation:
            raise refuse(
                f"the sensor saturates at {self.saturation:g}, and its detection limit is {self.detection_limit:g}",
                "a detection limit below the saturation",
            )
        if self.sample is None:
            return
        if self.role == "imposed":
            raise refuse(
                "the column has the role 'imposed' and is a composite",
                "a sensor that dictates a state, which a mean over a period cannot",
                "remove 'sample', or set role: observation",
            )
        if self.lag is not None:
            raise refuse(
                "the column has a lag and is a composite",
                "a lag for a sensor, or a composite for a sampler",
                "remove 'lag' or 'sample'",
            )
        if self.sample.weight == "flow" and self.role == "input":
            raise refuse(
                "an input is a composite with 'weight: flow'",
                "a mean over time; what is given is held or joined by lines, whatever the flow",
                "remove 'weight'",
            )


class SourceSection(Section):
    """One file of series."""

    file: str = Field(description="CSV, Parquet or Excel file (.csv, .parquet, .xlsx), seen from the config.")
    sheet: str | None = Field(default=None, description="Sheet of an Excel file; default the first.")
    separator: Literal[",", ";", "\t", "|"] = Field(
        default=",", description="Character between the cells of a CSV file."
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal sign in a CSV file.")
    time: TimeSection = Field(description="The time column.")
    missing: Numbers = Field(default=(), description="Numbers that stand for 'no value' in this file, such as -999.")
    columns: dict[str, ColumnSection] = Field(
        min_length=1, description="Columns by their header; those not listed are not used."
    )


class BlocksSection(Section):
    """Blocks of the record, in order of time: each a pair of shares of the record, or of times.

    Times without an offset are in the zone of the sources when they share one, in UTC otherwise.
    """

    calibrate: Period | None = Field(
        default=None, description="Block on which parameters are recalibrated; default the train block."
    )
    train: Period = Field(default=(0.0, 0.5), description="Block on which the network learns.")
    validate_: Period = Field(default=(0.52, 0.7), alias="validate", description="Block that decides when to stop.")
    test: Period = Field(default=(0.72, 1.0), description="Block that is read once, at the end.")


class DataSection(Section):
    """The plant's series."""

    interpolation: Literal["linear", "previous"] = Field(
        default="linear", description="How inputs run between their samples."
    )
    interval: Duration = Field(
        default=written("15 min"), gt=0, description="Distance between the knots of the input grid [d]."
    )
    sources: dict[str, SourceSection] = Field(min_length=1, description="Files by a name of your choice.")
    blocks: BlocksSection = Field(default_factory=BlocksSection, description="Blocks of the record in time.")
