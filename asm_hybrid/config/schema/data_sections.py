"""Section ``data``: files, columns, and the blocks in time."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from asm_hybrid.config.schema.amounts import Duration
from asm_hybrid.config.schema.section import Section, refuse, written
from asm_hybrid.config.schema.sensor import Bias, Delay, Lag, Sample
from asm_hybrid.config.schema.sql_section import SqlSection
from asm_hybrid.config.schema.timestamps import Stamp, TimeSection, stamp
from asm_hybrid.text import same_name

__all__ = ["BlocksSection", "ColumnSection", "DataSection", "Edge", "LongSection", "Role", "SourceSection"]

Role = Literal["input", "imposed", "observation", "ignored"]


def _missing(value: Any) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or not value.strip():
        raise refuse(
            f"the value is {value!r}", "a number such as -999 or a word such as Bad", "an empty cell needs none"
        )
    try:
        float(value)
    except ValueError:
        return value.strip()
    raise refuse(f"the number {value!r} is given as text", "numbers without quotes", f"write {value} without quotes")


def _edge(value: Any) -> float | str:
    if isinstance(value, str):
        return stamp(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise refuse(f"the value is {value!r}", "a share of the record from 0 to 1, or a time such as '2021-06-01'")


Edge = Annotated[
    float | str,
    BeforeValidator(_edge),
    WithJsonSchema({"type": ["number", "string"], "description": "share of the record, or a time"}),
]
"""One end of a block: a share of the record from 0 to 1, or a time."""
Period = Annotated[tuple[Edge, Edge], Field(strict=False)]
Range = Annotated[tuple[float | None, float | None], Field(strict=False)]
NoValue = Annotated[float | str, BeforeValidator(_missing), WithJsonSchema({"type": ["number", "string"]})]
Missing = Annotated[tuple[NoValue, ...], Field(strict=False)]
Excluded = Annotated[tuple[Annotated[tuple[Stamp, Stamp], Field(strict=False)], ...], Field(strict=False)]


class ColumnSection(Section):
    """What one column of a file means.

    Attributes
    ----------
    role : str
        ``"input"``, ``"imposed"``, ``"observation"`` or ``"ignored"``.
    target : str or None
        Key ``as``: name of the model that it stands for.
    unit : str or None
        Its unit.
    noise : float or None
        Standard deviation of the sensor's error [unit of the column].
    range : (float or None, float or None), or None
        Plausible range [unit of the column].
    detection_limit, saturation : float or None
        Limits of the sensor [unit of the column].
    interpolation : str or None
        ``"linear"`` or ``"previous"``; None for that of `DataSection`.
    exclude : tuple of (str, str)
        Begin and end of periods without a value.
    bias : str or None
        ``"learn"``, or none.
    lag : float or str, or None
        First-order response time [d], or ``"learn"``.
    delay : float or str, or None
        Dead time [d], or ``"learn"``.
    sample : CompositeSection or None
        None for a grab sample.
    """

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
    delay: Delay = Field(
        default=None,
        description="Dead time of the sensor [d], by which it shows later what has been: a duration, or learn, beside "
        "the parameters of f; observations only.",
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
            for key in ("detection_limit", "saturation", "bias", "lag", "delay"):
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
        for key in ("lag", "delay"):
            if getattr(self, key) is not None:
                raise refuse(
                    f"the column has a {key} and is a composite",
                    f"a {key} for a sensor, or a composite for a sampler",
                    f"remove {key!r} or 'sample'",
                )
        if self.sample.weight == "flow" and self.role == "input" and not str(self.target).startswith("influent."):
            raise refuse(
                f"{self.target} is a composite with 'weight: flow'",
                "for what is no concentration, a mean over time",
                "remove 'weight'",
            )


class LongSection(Section):
    """How a file says what a row measures, where it has a row for each value of each tag.

    Attributes
    ----------
    tag, value : str
        Headers of the columns that hold tags and values.
    quality : str or None
        Header of the column that says whether a value is good.
    good : tuple of (float or str)
        What stands there for a good value.
    """

    tag: str = Field(description="Header of the column in which the tags stand.")
    value: str = Field(description="Header of the column in which the values stand.")
    quality: str | None = Field(
        default=None, description="Header of the column that says whether a value is good, as historians write it."
    )
    good: Missing = Field(
        default=(),
        description="What the quality column says of a good value, such as 192 or Good, capitals or not; every other "
        "value is left out, and counted in a warning.",
    )

    @property
    def headers(self) -> dict[str, str]:
        """The columns, by key."""
        found = {"tag": self.tag, "value": self.value}
        return found if self.quality is None else {**found, "quality": self.quality}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.quality is None) != (not self.good):
            raise refuse(
                "there is a 'quality' and no 'good'" if self.quality else "there is 'good' and no 'quality'",
                "the header of the quality column, and what it says of a good value",
                "add good: [192, Good], or what this historian writes" if self.quality else "add 'quality'",
            )
        return self


class SourceSection(Section):
    """One file of series, or the answer of a database.

    Attributes
    ----------
    file : str or None
        Its path.
    sql : SqlSection or None
        Query whose answer the series are; with a file too, that is the answer as it was kept.
    sheet : str or None
        Sheet of an Excel file.
    separator, decimal, thousands, encoding : str
        Of a CSV file; `thousands` is empty where nothing stands between thousands.
    header_row : int
        Row of the header, from 1.
    group_row : int or None
        Row above it whose cells name groups of columns.
    first_row, last_row : int or None
        Rows of the first and the last sample.
    time : TimeSection
        How it tells the time.
    long : LongSection or None
        How it names what is measured; None for a file with a column for each variable.
    missing : tuple of (float or str)
        What stands for no value.
    columns : mapping of str to ColumnSection
        By header; by tag with `long`.
    """

    file: str | None = Field(
        default=None, description="CSV, Parquet or Excel file (.csv, .parquet, .xlsx), seen from the config."
    )
    sql: SqlSection | None = Field(
        default=None,
        description="A query to a database, in the place of a file. Beside a file it says where that comes from, and "
        "is not asked again: so a run folder keeps what was read.",
    )
    sheet: str | None = Field(default=None, description="Sheet of an Excel file; default the first that is not hidden.")
    separator: Literal[",", ";", "\t", "|"] = Field(
        default=",", description="Character between the cells of a CSV file."
    )
    decimal: Literal[".", ","] = Field(default=".", description="Decimal sign in a CSV file.")
    thousands: Literal["", ".", ",", "'", " "] = Field(
        default="", description="Sign between thousands, as in 1.234,5 and 1,234.5; a space of any kind counts as one."
    )
    encoding: Literal["utf-8", "cp1252", "utf-16", "gb18030"] = Field(
        default="utf-8",
        description="Characters of a CSV file: utf-8; cp1252, as Windows writes in western Europe and America; "
        "utf-16, which Excel calls Unicode text; or gb18030, as Windows writes in China.",
    )
    header_row: int = Field(
        default=1, ge=1, le=1000, description="Row of the header in a CSV or Excel file, where lines stand above it."
    )
    group_row: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Row above the header whose cells name groups of columns, as merged cells do: NH4 below Tank 1 "
        "is the column 'Tank 1 NH4' then.",
    )
    first_row: int | None = Field(
        default=None,
        ge=2,
        le=1000,
        description="Row of the first sample in a CSV or Excel file, where units stand below the header; default the "
        "row after the header.",
    )
    last_row: int | None = Field(
        default=None,
        ge=2,
        description="Row of the last sample in a CSV or Excel file, where a mean or a note stands below the samples.",
    )
    time: TimeSection = Field(description="The time column.")
    missing: Missing = Field(
        default=(),
        description="Numbers and words that stand for 'no value' in this file, such as -999 or Bad; capitals or not.",
    )
    long: LongSection | None = Field(
        default=None,
        description="For a file with a row for each value of each tag: {tag: Tag, value: Value} names its columns. The "
        "keys under columns are tags then.",
    )
    columns: dict[str, ColumnSection] = Field(
        min_length=1, description="Columns by their header, or tags; those not listed are not used."
    )

    @model_validator(mode="after")
    def _one_place_each(self) -> Self:
        if self.file is None and self.sql is None:
            raise refuse(
                "the source has neither 'file' nor 'sql'",
                "file: a file of series (.csv, .parquet, .xlsx), or sql: url and query of a database",
                "add 'file'",
            )
        self._check_rows()
        self._check_long()
        times = [] if self.long else [same_name(header) for header in self.time.columns]
        seen: dict[str, str] = {}
        for header, column in self.columns.items():
            plain = same_name(header)
            if not plain:
                raise refuse(
                    f"the column {header!r} has a name that cannot be seen",
                    "a header that can be seen, since results are listed by it",
                    "name the column in the file",
                )
            if plain in seen:
                raise refuse(
                    f"the columns {seen[plain]!r} and {header!r} are one to a reader's eye",
                    "headers that differ in more than spaces or the form of their characters",
                    "remove one of them",
                )
            if plain in times and column.role != "ignored":
                raise refuse(
                    f"the column {header!r} is that of time, and has the role {column.role!r}",
                    "one meaning for each column",
                    "remove it from columns, or correct time.column",
                )
            seen[plain] = header
        return self

    def _check_rows(self) -> None:
        """Refuse rows that are not in order, and signs that mean two things."""
        first = self.first_row or self.header_row + 1
        if self.first_row is not None and self.first_row <= self.header_row:
            raise refuse(
                f"the first sample stands in row {self.first_row}, the header in row {self.header_row}",
                "a first_row below header_row",
            )
        if self.group_row is not None and self.group_row >= self.header_row:
            raise refuse(
                f"the groups stand in row {self.group_row}, the header in row {self.header_row}",
                "a group_row above header_row",
            )
        if self.last_row is not None and self.last_row < first:
            raise refuse(f"the last sample stands in row {self.last_row}, the first in row {first}", "a later last_row")
        if self.thousands == self.decimal:
            raise refuse(
                f"the sign {self.decimal!r} is both decimal and between thousands", "two signs, or no thousands"
            )

    def _check_long(self) -> None:
        """Refuse a long table in which one column has two meanings."""
        if self.long is None:
            return
        meanings = [("time.column", header) for header in self.time.columns]
        meanings += [(f"long.{key}", header) for key, header in self.long.headers.items()]
        seen: dict[str, str] = {}
        for key, header in meanings:
            other = seen.setdefault(same_name(header), key)
            if other != key:
                raise refuse(
                    f"the column {header!r} is both {other} and {key}",
                    "one meaning for each column of the file",
                    "name the columns that hold time, tag and value",
                )


class BlocksSection(Section):
    """Blocks of the record, in order of time: each a pair of shares of the record, or of times.

    Times without an offset are in the zone of the sources when they share one, in UTC otherwise.

    Attributes
    ----------
    calibrate : (float or str, float or str) or None
        Begin and end; those of `train` without it.
    train, validate_, test : (float or str, float or str)
        Begin and end: shares of the record [-], or times in ISO 8601.
    """

    calibrate: Period | None = Field(
        default=None, description="Block on which parameters are recalibrated; default the train block."
    )
    train: Period = Field(default=(0.0, 0.5), description="Block on which the network learns.")
    validate_: Period = Field(default=(0.52, 0.7), alias="validate", description="Block that decides when to stop.")
    test: Period = Field(default=(0.72, 1.0), description="Block that is read once, at the end.")


class DataSection(Section):
    """The plant's series.

    Attributes
    ----------
    interpolation : str
        ``"linear"`` or ``"previous"``, of inputs between samples.
    interval : float
        Distance of knots [d].
    sources : mapping of str to SourceSection
        By name.
    blocks : BlocksSection
        The blocks in time.
    """

    interpolation: Literal["linear", "previous"] = Field(
        default="linear", description="How inputs run between their samples."
    )
    interval: Duration = Field(
        default=written("15 min"), gt=0, description="Distance between the knots of the input grid [d]."
    )
    sources: dict[str, SourceSection] = Field(min_length=1, description="Files by a name of your choice.")
    blocks: BlocksSection = Field(default_factory=BlocksSection, description="Blocks of the record in time.")
