"""A goal as the user writes it: what is minimised, within which limits, by which decisions and schedules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.config.schema.amounts import Amount, Duration
from asm_hybrid.config.schema.counts import MAX_PARTS, Seed
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.definition import Scenario, ScenarioFile, read_scenario
from asm_hybrid.studies.definition import Study, StudyFile, common_scenario
from asm_hybrid.studies.sections import FactorSection, OutputsSection
from asm_hybrid.yamlfile import YamlDocument, YamlSource, load_yaml

__all__ = ["OPTIMUM", "PRESENT", "VIOLATIONS", "Goal", "GoalFile", "ScheduleSection", "SearchSection", "load_goal"]

OPTIMUM = "optimum"
"""Name of the case with what is decided."""
PRESENT = "present"
"""The limit that is the value at present."""
VIOLATIONS = "* violation share"
"""The limits where the file gives none: no more time above any effluent limit than at present."""
MAX_EVALUATIONS = 100_000
"""Simulations of a search."""
MAX_DRAWS = 1_000
"""Simulations of the optimum, and of the present, with uncertain values."""
SPANS = ("uniform", "log_uniform", "values")
"""Distributions that a decision may have: a range, or a choice."""
DAY = 1.0
SAME = 1e-9

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Bounds = Annotated[tuple[Amount, ...] | None, Field(default=None, strict=False, min_length=2, max_length=2)]


def _weights(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


def _no_more() -> dict[str, float | Literal["present"]]:
    return {VIOLATIONS: "present"}


def _limit(value: Any) -> Any:
    if value == PRESENT or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise refuse(f"the limit is {value!r:.60}", f"a number, or {PRESENT!r} for no more than at present")


def _scenario_or_path(value: Any) -> Any:
    if not isinstance(value, dict | str):
        raise refuse(f"the value is {value!r:.60}", "the keys of a scenario file, or the path of one")
    return value


class ScheduleSection(Section):
    """An input that gets a value for each interval of time: exactly one of set, scale and shift.

    Attributes
    ----------
    input : str
        Name of the input, or a pattern with ``*``.
    set, scale, shift : tuple of (float or str), or None
        Lowest and highest value, factor or difference.
    every : float
        Length of the intervals [d].
    daily : bool
        Whether every day is like the others.
    step : float, str or None
        Values are whole multiples of it.
    change : float, str or None
        Largest step from one interval to the next.
    """

    input: str = Field(description="Input as in the changes of a scenario, such as tank_5.kla or oxygen.setpoint.")
    set: Bounds = Field(default=None, description="Lowest and highest value.")
    scale: Bounds = Field(default=None, description="Lowest and highest factor.")
    shift: Bounds = Field(default=None, description="Lowest and highest difference.")
    every: Duration = Field(ge=1.0 / 96.0, description="Length of the intervals, such as '3 h'; at least 15 min.")
    daily: bool = Field(default=True, description="Whether every day has the same values.")
    step: Amount | None = Field(default=None, description="Values are whole multiples of this.")
    change: Amount | None = Field(default=None, description="Largest step from one interval to the next.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [way for way in ("set", "scale", "shift") if getattr(self, way) is not None]
        if len(given) != 1:
            raise refuse(f"the schedule has {' and '.join(given) or 'no range'}", "exactly one of set, scale and shift")
        parts = DAY / self.every
        if self.daily and abs(parts - round(parts)) > SAME * parts:
            raise refuse(
                f"a day is no multiple of {1440 * self.every:g} min", "intervals that divide a day", "or daily: false"
            )
        return self

    @property
    def way(self) -> Literal["set", "scale", "shift"]:
        """Which of set, scale and shift it has."""
        return "set" if self.set is not None else "scale" if self.scale is not None else "shift"


class SearchSection(Section):
    """How long decisions are searched.

    Attributes
    ----------
    evaluations : int
        Simulations of the search.
    seed : int
        Fixes what is random in it.
    """

    evaluations: int = Field(default=100, ge=10, le=MAX_EVALUATIONS, description="Simulations of the search.")
    seed: Seed = Field(default=1, description="Fixes what is random in the search.")


class GoalFile(Section):
    """A goal file.

    Attributes
    ----------
    name : str
        Its name, which names the folder of the result.
    scenario : dict of str to object, or str
        What is simulated: the keys of a scenario, or its file.
    minimise : dict of str to float
        Indicators and their weights.
    limits : dict of str to (float or str)
        Largest value by indicator, or pattern; ``present`` for that at present.
    decisions : dict of str to FactorSection
        What is chosen once, by name.
    schedules : dict of str to ScheduleSection
        What is chosen for intervals of time, by name.
    search : SearchSection
        How long decisions are searched.
    beyond_training : bool
        Whether the optimum of a run may leave what training saw for longer than the present operation does.
    uncertain : dict of str to FactorSection
        What is not known for sure, by name.
    draws : int
        Simulations of optimum and present operation with it.
    verify : dict of str to dict
        By name, keys of a scenario that take the place of those of `scenario`.
    """

    name: Name = Field(default="goal", description="Name, which titles the page and names the folder of the result.")
    scenario: Annotated[dict[str, Any] | str, BeforeValidator(_scenario_or_path)] = Field(
        default_factory=dict,
        description="What is simulated: the keys of a scenario file, or the path of one, relative to this file. Its "
        "changes and controllers belong to the optimum, and not to the present operation.",
    )
    minimise: Annotated[dict[str, float], BeforeValidator(_weights), Field(min_length=1, max_length=MAX_PARTS)] = Field(
        description="An indicator such as OCI, or a mapping of indicators to weights, whose sum counts."
    )
    limits: dict[str, Annotated[float | Literal["present"], BeforeValidator(_limit)]] = Field(
        default_factory=_no_more,
        max_length=MAX_PARTS,
        description="Largest value by indicator, such as 'effluent.NH4 mean' or 'effluent.TN 95 %'; * stands for "
        "anything, and present for no more than at present.",
    )
    decisions: dict[Name, FactorSection] = Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="What is chosen once: factors as in a study, with uniform, log_uniform or values.",
    )
    schedules: dict[Name, ScheduleSection] = Field(
        default_factory=dict, max_length=MAX_PARTS, description="What is chosen for every interval of time."
    )
    search: SearchSection = Field(default_factory=SearchSection, description="How long decisions are searched.")
    beyond_training: bool = Field(
        default=False,
        description="Whether the optimum of a run may leave what training saw for longer than the present does.",
    )
    uncertain: dict[Name, FactorSection] = Field(
        default_factory=dict, max_length=MAX_PARTS, description="What is uncertain: factors as in a study."
    )
    draws: int = Field(default=20, ge=2, le=MAX_DRAWS, description="Draws of what is uncertain.")
    verify: dict[Name, dict[str, Any]] = Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Periods or influents on which the optimum is tried: keys of a scenario that replace those above.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.decisions and not self.schedules:
            raise refuse("nothing is to be decided", "decisions, schedules, or both")
        both = (set(self.decisions) & set(self.uncertain)) | (set(self.decisions) & set(self.schedules))
        if both:
            raise refuse(f"the name {sorted(both)[0]!r} stands twice", "one name for each")
        for name, section in self.decisions.items():
            given = section.input or ""
            water = given in ("load", "T") or given.startswith(("influent.", "fraction."))
            if water or section.target in ("parameters", "parameter", "fraction"):
                raise refuse(
                    f"the decision {name!r} changes {given or section.target}, which nobody decides on",
                    "a flow, a set point, an aeration, the sludge_age, or a key of the plant",
                    "what is not known stands under uncertain",
                )
            if section.distribution is not None and section.distribution.kind not in SPANS:
                raise refuse(
                    f"the decision {name!r} has the distribution {section.distribution.kind}",
                    "a range as uniform or log_uniform, or values",
                )
        return self


class _GoalStudy(Study):
    """Decisions, and what is uncertain, as the factors of a study."""

    def where(self, factor: str, *keys: str | int) -> str:
        """Return where a factor stands, for messages."""
        known = "uncertain" if factor in self.document.data.get("uncertain", {}) else "decisions"
        return self.document.where(known, factor, *keys)


@dataclass(frozen=True)
class Goal:
    """A goal file, and where it came from.

    Attributes
    ----------
    content : GoalFile
        What it says.
    document : YamlDocument
        Where that stands.
    scenario : Scenario
        What is simulated.
    """

    content: GoalFile
    document: YamlDocument
    scenario: Scenario

    def study(self, changes: Iterable[Mapping[str, Any]] = (), verified: str | None = None) -> Study:
        """Return decisions and what is uncertain as factors of a study.

        Parameters
        ----------
        changes : iterable of mapping
            Changes of inputs that all cases have besides, as a scenario writes them.
        verified : str, optional
            Name of what is verified, in whose scenario they are.

        Returns
        -------
        Study
        """
        scenario = self.scenario if verified is None else self.verified(verified)
        content = scenario.content
        more = ScenarioFile.model_validate({"changes": list(changes)}).changes
        content = content.model_copy(update={"changes": (*content.changes, *more)})
        return self._study(replace(scenario, content=content))

    def present(self, verified: str | None = None) -> Study:
        """Return the same for the plant as it is: without the changes, controllers and time tables of the scenario.

        Parameters
        ----------
        verified : str, optional
            As in `study`.

        Returns
        -------
        Study
        """
        scenario = self.scenario if verified is None else self.verified(verified)
        none: dict[str, Any] = {"changes": (), "control": {}, "cycles": {}}
        return self._study(replace(scenario, content=scenario.content.model_copy(update=none)))

    def _study(self, scenario: Scenario) -> Study:
        factors = {**self.content.decisions, **self.content.uncertain}
        scenario = replace(scenario, content=scenario.content.model_copy(update={"name": OPTIMUM}))
        outputs = OutputsSection(indicators="all")
        content = StudyFile.model_construct(name=self.content.name, factors=factors, outputs=outputs, pareto={})
        return _GoalStudy(content, self.document, scenario)

    def verified(self, name: str) -> Scenario:
        """Return the scenario by which an optimum is verified."""
        own = read_scenario(self.document.below("verify", name))
        given = {key: getattr(own.content, key) for key in own.content.model_fields_set}
        document = own.document if "influent" in given else self.scenario.document
        return Scenario(self.scenario.content.model_copy(update=given), document)


def load_goal(source: YamlSource) -> Goal:
    """Read and check a goal file, or its content.

    Parameters
    ----------
    source : str, Path or mapping of str to object
        The file, or what would stand in it.

    Returns
    -------
    Goal

    Raises
    ------
    InputError
        With file, line and key.
    """
    document = load_yaml(source, "goal")
    try:
        content = GoalFile.model_validate(document.data)
    except ValidationError as error:
        raise input_error(error, GoalFile, document) from None
    scenario = common_scenario(document, content.scenario, "goal", "what is simulated")
    goal = Goal(content, document, scenario)
    for name in content.verify:
        _check_verified(goal, name)
    return goal


def _check_verified(goal: Goal, name: str) -> None:
    """Refuse a scenario to verify with what belongs to the optimum."""
    found = goal.verified(name).content
    for key in ("scenarios", "changes", "control", "cycles"):
        if key in goal.content.verify[name]:
            raise InputError(
                f"the optimum is verified with {key} of its own",
                where=goal.document.where("verify", name, key),
                expected="another influent, period or length: what is decided stays",
            )
    if found.influent is None and goal.scenario.content.influent is not None:
        raise InputError(
            "the optimum is verified without the influent", where=goal.document.where("verify", name), expected="one"
        )
