"""Parts of a study file: factors with their distributions, the design, and what is kept of every case."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from asm_hybrid.config import Section, refuse
from asm_hybrid.config.schema.amounts import Amount, Duration
from asm_hybrid.config.schema.counts import MAX_PARTS, Seed
from asm_hybrid.config.schema.section import written

__all__ = ["MAX_CASES", "ClusterSection", "DesignSection", "DistributionSection", "FactorSection", "OutputsSection"]

MAX_VALUES = 10_000
"""Values that one factor may be chosen from."""
MAX_CASES = 100_000
"""Cases of a study: at half a second each, 14 hours of a core."""


def _pair(what: str, count: int = 2) -> Any:
    return Field(default=None, strict=False, min_length=count, max_length=count, description=what)


def _scalar(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(v, bool | int | float | str) for v in value):
        return json.dumps(value)  # such as the widths of layers
    if not isinstance(value, bool | int | float | str):
        raise refuse(f"the value is {value!r:.60}", "a number, or a text such as '8 d'")
    return value


Amounts = tuple[Amount, ...]
Choice = Annotated[float | str | bool, BeforeValidator(_scalar)]


class DistributionSection(Section):
    """How a factor is distributed: exactly one of its keys, and bounds with ``normal``.

    Attributes
    ----------
    uniform, log_uniform : tuple of (float or str), or None
        Lower and upper end.
    normal : tuple of (float or str), or None
        Mean and standard deviation.
    triangular : tuple of (float or str), or None
        Lowest, most likely and highest value.
    values : tuple of (float, str or bool), or None
        What is chosen from.
    bounds : tuple of (float or str), or None
        Lowest and highest value of a normal distribution.
    """

    uniform: Amounts | None = _pair("Lower and upper end; every value between is as likely.")
    log_uniform: Amounts | None = _pair("Lower and upper end, above zero; evenly in logarithms.")
    normal: Amounts | None = _pair("Mean and standard deviation.")
    triangular: Amounts | None = _pair("Lowest, most likely and highest value.", 3)
    values: tuple[Choice, ...] | None = Field(
        default=None, strict=False, min_length=1, max_length=MAX_VALUES, description="Values, each as likely."
    )
    bounds: Amounts | None = _pair("Lowest and highest value of a normal distribution.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = f"there are {' and '.join(given)}" if given else "there is no distribution"
            raise refuse(found, "exactly one of " + ", ".join(KINDS))
        if self.bounds is not None and given != ["normal"]:
            raise refuse(f"there are bounds beside {given[0]}", "bounds with normal alone")
        return self

    @property
    def kind(self) -> Any:
        """Its key."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def given(self) -> tuple[Any, ...]:
        """What stands behind it."""
        return tuple(getattr(self, self.kind))


KINDS = ("uniform", "log_uniform", "normal", "triangular", "values")
WAYS = ("scale", "shift", "set")
TARGETS = ("input", "parameter", "parameters", "sludge_age", "fraction", "key")


class FactorSection(Section):
    """One factor: what it changes, how, and its distribution.

    Attributes
    ----------
    input : str or None
        An input as in the changes of a scenario.
    parameter : str or None
        A parameter of the kinetics table.
    parameters : str or None
        ``"fitted"``: all that a run calibrated, with their covariance.
    run : str or None
        With the latter, the run, where the subject is none.
    sludge_age : DistributionSection or None
        Sludge age at steady state [d].
    fraction : str or None
        A component of the influent, whose share of COD or nitrogen changes.
    key : str or None
        A key of the file of the plant, or of a config.
    scale, shift, set : DistributionSection or None
        Factor [-], difference or value.
    """

    input: str | None = Field(
        default=None, description="Input as in the changes of a scenario: load, T, wastage, CONTROLLER.setpoint …"
    )
    parameter: str | None = Field(default=None, description="Parameter of the kinetics table.")
    parameters: Literal["fitted"] | None = Field(
        default=None, description="fitted: the parameters that a run calibrated, drawn with their covariance."
    )
    run: str | None = Field(
        default=None,
        description="With parameters: the run folder that calibrated them, relative to this file; the subject itself "
        "without it.",
    )
    sludge_age: DistributionSection | None = Field(
        default=None, description="Sludge age [d] of tanks and settler at steady state; the wastage follows from it."
    )
    fraction: str | None = Field(
        default=None,
        description="Component of the influent, whose share of COD or of TKN changes while COD, N and P stay.",
    )
    key: str | None = Field(
        default=None, description="Key of the plant file or config, such as plant.tanks.NAME.volume."
    )
    scale: DistributionSection | None = Field(default=None, description="Factor.")
    shift: DistributionSection | None = Field(default=None, description="Difference.")
    set: DistributionSection | None = Field(default=None, description="Value.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"the factor has {' and '.join(given)}" if given else "the factor names nothing that it changes"
            raise refuse(found, "exactly one of " + ", ".join(TARGETS))
        ways = [name for name in WAYS if getattr(self, name) is not None]
        wanted = 0 if given[0] in ("parameters", "sludge_age") else 1
        if len(ways) != wanted:
            found = f"the factor has {' and '.join(ways) or 'no distribution'}"
            expected = "exactly one of scale, shift and set" if wanted else f"no scale, shift or set beside {given[0]}"
            raise refuse(found, expected)
        if self.run is not None and self.parameters is None:
            raise refuse(f"there is a run beside {given[0]}", "a run with parameters: fitted")
        return self

    @property
    def target(self) -> str:
        """Which of its keys says what it changes."""
        return next(name for name in TARGETS if getattr(self, name) is not None)

    @property
    def way(self) -> str:
        """Which of scale, shift and set it has; set where the target needs none."""
        return next((name for name in WAYS if getattr(self, name) is not None), "set")

    @property
    def distribution(self) -> DistributionSection | None:
        """Its distribution; None of fitted parameters."""
        return self.sludge_age or getattr(self, self.way)


Method = Literal["grid", "latin_hypercube", "sobol", "list", "morris", "sobol_indices", "search"]
OWN: dict[str, dict[str, Any]] = {
    "grid": {"levels": 5},
    "latin_hypercube": {"cases": None},
    "sobol": {"cases": None},
    "list": {"file": None},
    "morris": {"trajectories": 10, "levels": 4},
    "sobol_indices": {"base": None, "second_order": False},
    "search": {"cases": None},
}
"""Keys of each method and their defaults; None for those that must be given."""
NUMBERS = ("cases", "levels", "trajectories", "base", "second_order", "file")


class DesignSection(Section):
    """Which cases are simulated.

    Attributes
    ----------
    method : str
        How they are spread.
    cases, levels, trajectories, base : int or None
        Numbers of the method.
    second_order : bool or None
        Whether ``sobol_indices`` has the cases for interactions of two factors.
    file : str or None
        A CSV file with a column a factor: list.
    seed : int
        Fixes what is random.
    """

    method: Method = Field(
        description="grid: all combinations; latin_hypercube and sobol: spread over all factors at once; list: the "
        "rows of a CSV file; morris and sobol_indices: for sensitivities; search: trainings, by what came out."
    )
    cases: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Number of cases: latin_hypercube, sobol, search."
    )
    levels: Annotated[int, Field(ge=2, le=MAX_VALUES)] | None = Field(
        default=None, description="Values of each factor: grid, default 5; morris, an even number, default 4."
    )
    trajectories: Annotated[int, Field(ge=2, le=MAX_VALUES)] | None = Field(
        default=None, description="Paths through all factors: morris, default 10; one more case each than factors."
    )
    base: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Size of the first sample, a power of two: sobol_indices; as many blocks of two more cases than "
        "factors.",
    )
    second_order: bool | None = Field(
        default=None,
        description="Whether sobol_indices tells of the interactions of two factors too, with twice as many cases.",
    )
    file: str | None = Field(default=None, description="CSV file with a column a factor: list; relative to this file.")
    seed: Seed = Field(default=1, description="Fixes what is random.")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, value: Any) -> Any:
        own = OWN.get(str(value.get("method"))) if isinstance(value, dict) else None
        return value if own is None else {**{k: v for k, v in own.items() if v is not None}, **value}

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        own = OWN[self.method]
        given = [name for name in NUMBERS if getattr(self, name) is not None]
        for name in given:
            if name not in own:
                raise refuse(f"the method {self.method!r} has no {name!r}", "for this method: " + ", ".join(own))
        for name in own:
            if name not in given:
                raise refuse(f"the method {self.method!r} has no {name}", f"{name}: …", f"add {name!r}")
        if self.method == "morris" and (self.levels or 0) % 2:
            raise refuse(f"morris has {self.levels} levels", "an even number of levels")
        if self.base is not None and self.base & (self.base - 1):
            power = 1 << self.base.bit_length()
            raise refuse(f"base is {self.base}", "a power of two", f"write {power // 2} or {power}")
        if self.cases is not None and self.cases > MAX_CASES:
            raise refuse(f"there are {self.cases:,} cases", f"at most {MAX_CASES:,} cases")
        return self


def _names(value: Any) -> Any:
    if value in ("main", "all"):
        return value
    if not isinstance(value, list | tuple) or not value or not all(isinstance(name, str) for name in value):
        raise refuse(f"the value is {value!r:.60}", "main, all, or a list of names of indicators")
    return tuple(value)


class OutputsSection(Section):
    """What is kept of every case.

    Attributes
    ----------
    indicators : tuple of str, or str
        Names of indicators; ``"main"`` or ``"all"``.
    series : tuple of str
        Names of recorded quantities.
    every : float
        Distance of two values of a series [d].
    """

    indicators: Annotated[tuple[str, ...] | str, BeforeValidator(_names)] = Field(
        default="main",
        description="Indicators by name, as asm-hybrid simulate gives them; main, those that a simulation prints, or "
        "all.",
    )
    series: Annotated[tuple[str, ...], Field(strict=False, max_length=MAX_PARTS)] = Field(
        default=(), description="Recorded quantities by name, such as effluent.NH4: the columns of series.csv."
    )
    every: Annotated[Duration, Field(gt=0)] = Field(
        default=written("1 h"), description="Distance of two values of a series [d]."
    )


class ClusterSection(Section):
    """Jobs of Slurm that hold the processes.

    Attributes
    ----------
    jobs, cores : int
        How many jobs, and cores of each.
    memory, walltime : str
        Memory of a job, and its longest time.
    queue, account : str or None
        Partition and account.
    prologue : tuple of str
        Lines of shell before the processes begin.
    """

    jobs: Annotated[int, Field(ge=1, le=MAX_VALUES)] = Field(description="Jobs that are submitted.")
    cores: Annotated[int, Field(ge=1, le=MAX_VALUES)] = Field(default=1, description="Cores of a job, a process each.")
    memory: Annotated[str, Field(pattern=r"^[0-9.]+ ?[kKMGT]i?B$")] = Field(
        default="4GB", description="Memory of a job."
    )
    walltime: Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,3}:[0-9]{2}:[0-9]{2}$")] = Field(
        default="01:00:00", description="Longest time of a job, HH:MM:SS."
    )
    queue: str | None = Field(default=None, description="Partition.")
    account: str | None = Field(default=None, description="Account.")
    prologue: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Lines of shell before the processes begin, such as those that load an environment."
    )
