"""A scenario: what is changed, where and when."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from asm_hybrid.artefacts import user_path
from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.config.schema.amounts import NOISE, Amount, Duration
from asm_hybrid.config.schema.control_sections import ControlSection, CycleSection
from asm_hybrid.config.schema.counts import MAX_DAYS, MAX_PARTS, Seed
from asm_hybrid.config.schema.section import PartName
from asm_hybrid.scenario.kpi import BSM_LIMITS
from asm_hybrid.scenario.sections import FactorsSection, InfluentFile
from asm_hybrid.yamlfile import YamlDocument, YamlSource, load_yaml

__all__ = ["CaseSection", "Change", "NamedChanges", "Scenario", "ScenarioFile", "load_scenario", "read_scenario"]

MAX_DRAWS = 10_000
"""Simulations of a case: quantiles that are shown need far less."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Moment = Annotated[
    str | float,
    Field(
        description="For a run a time such as 2021-07-01 or 2021-07-01 06:00, in the time zone given; for a plant a "
        "day from the start such as '7 d'."
    ),
]


class PeriodSection(Section):
    """From when to when."""

    start: Moment | None = Field(default=None, description="Start; the start of the test block without it.")
    end: Moment | None = Field(default=None, description="End; the end of the test block without it.")


class Change(Section):
    """One change of an input: exactly one of scale, shift, set.

    Attributes
    ----------
    input : str
        Name of an input, a pattern with ``*``, or ``load``.
    scale, shift, set
        Factor [-], difference or value; the two others are None.
    start, end : str, float or None
        When it holds; as the period of the file where it is None.
    """

    input: str = Field(
        description="Q_in, T, return_sludge, wastage, recycle.NAME, TANK.kla, TANK.air, CONTROLLER.setpoint, "
        "TANK.COMPONENT (imposed), influent.COMPONENT; * stands for anything; load for every pollutant of the "
        "influent, fraction.COMPONENT for its share of COD or TKN, which both stay."
    )
    scale: float | None = Field(default=None, ge=0, description="Factor.")
    shift: float | None = Field(default=None, description="Difference, in the unit of the model.")
    set: float | str | None = Field(default=None, description="Value, in the unit of the model or with a unit.")
    start: Moment | None = Field(default=None, description="Start of this change; that of the period without it.")
    end: Moment | None = Field(default=None, description="End of this change; that of the period without it.")

    @model_validator(mode="after")
    def _one_way(self) -> Change:
        given = [n for n in ("scale", "shift", "set") if getattr(self, n) is not None]
        if len(given) != 1:
            raise refuse(f"the change has {' and '.join(given) or 'no effect'}", "exactly one of scale, shift and set")
        return self


Controllers = Annotated[
    dict[PartName, ControlSection],
    Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Controllers that the plant gets, as under plant.control of a plant file. One of the same name is "
        "replaced, and what a controller moves is no longer given by anything else.",
    ),
]
Cycles = Annotated[
    dict[PartName, CycleSection],
    Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Time tables that the plant gets, as under plant.cycles of a plant file, such as those of "
        "intermittent aeration.",
    ),
]
Changes = Annotated[tuple[Change, ...], Field(strict=False)]


class CaseSection(Section):
    """One of several scenarios; a bare list is that of its changes.

    Attributes
    ----------
    changes : tuple of Change
        Changes of inputs.
    control : dict of str to ControlSection
        Controllers that the plant gets.
    cycles : dict of str to CycleSection
        Time tables that the plant gets.
    """

    changes: Changes = Field(default=(), description="Changes of inputs, applied one after the other.")
    control: Controllers
    cycles: Cycles


def _case(value: Any) -> Any:
    return {"changes": value} if isinstance(value, list | tuple) else value


class ScenarioFile(Section):
    """One scenario, or several, as the user writes them.

    Attributes
    ----------
    name, zone : str
        Its name, and the time zone of its times.
    period : PeriodSection
        What is simulated and compared.
    changes : tuple of Change
        Of one scenario.
    control : dict of str to ControlSection
        Controllers that the plant gets in it.
    cycles : dict of str to CycleSection
        Time tables that the plant gets in it.
    scenarios : dict of str to CaseSection
        Several, by name.
    influent : InfluentFile or None
        Of a plant; None for a constant one.
    days : float or None
        Length of the simulation of a plant [d]; None for that of the influent, or 14 d.
    spin_up, score_from : float
        Length of the base case before it, and the day from which on it counts [d].
    starts : str
        ``"base"`` or ``"own"``: whose steady state scenarios start from.
    seed : int or None
        Of the noise of sensors; None for no noise.
    process_noise : dict of str to float or str
        Noise of states by name.
    draws : int or None
        How often the plant is simulated with it.
    tolerance : float or None
        Relative tolerance of the integration; None for the usual one.
    limits : dict of str to float
        Effluent limits by quantity [g/m3].
    factors : FactorsSection or None
        Prices and emission factors.
    """

    name: Name = Field(
        default="scenario", description="Name, which titles plot and table and names the folder of the result."
    )
    zone: str = Field(default="UTC", description="Time zone of the times in this file.")
    period: PeriodSection = Field(default=PeriodSection(), description="What is simulated and compared.")
    changes: Changes = Field(
        default=(),
        description="The changes of one scenario, applied one after the other; without any, without controllers and "
        "without scenarios, the base case runs alone.",
    )
    control: Controllers
    cycles: Cycles
    scenarios: dict[Name, Annotated[CaseSection, BeforeValidator(_case)]] = Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Several scenarios by name, each a list of changes, or changes, control and cycles by their keys; "
        "in the place of these.",
    )
    influent: InfluentFile | None = Field(
        default=None, description="Influent; without it constant for a plant, and that of its record for a run."
    )
    days: Annotated[Duration, Field(gt=0, le=MAX_DAYS)] | None = Field(
        default=None, description="Length of the simulation [d]; that of the influent, or 14 d."
    )
    spin_up: Annotated[Duration, Field(le=MAX_DAYS)] = Field(
        default=0.0,
        description="Days of the base case, with the influent from its begin, before the simulation. It starts at the "
        "steady state of the mean inputs.",
    )
    starts: Literal["base", "own"] = Field(
        default="base",
        description="base: scenarios start from the state of the base case, so that their changes come at the begin; "
        "own: each from a steady state and a spin-up of its own, as if its changes had always been there, but for "
        "those that have a start or an end.",
    )
    score_from: Duration = Field(
        default=0.0, description="Day of the simulation from which on means, energies and violations count."
    )
    seed: Seed | None = Field(
        default=None,
        description="Seed of the noise of the controllers' sensors, which have none without it, and of process noise.",
    )
    process_noise: dict[str, Amount] = Field(
        default_factory=dict, max_length=MAX_PARTS, description=NOISE + " In the place of that of the plant."
    )
    draws: Annotated[int, Field(ge=2, le=MAX_DRAWS)] | None = Field(
        default=None, description="How often each case is simulated with process noise, 50 times without it."
    )
    tolerance: Annotated[float, Field(ge=1e-12, le=1e-2)] | None = Field(
        default=None,
        description="Relative tolerance of the integration, 1e-5 without it; with it, the plant of a run is integrated "
        "to that tolerance too, and not by the steps of its training.",
    )
    limits: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=lambda: dict(BSM_LIMITS),
        description="Effluent limits [g/m3] by quantity: TN, COD, NH4, TSS, BOD5 and other composites.",
    )
    factors: FactorsSection | None = Field(
        default=None, description="Prices and emission factors, for costs and CO2 equivalents."
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        for key in ("changes", "control", "cycles"):
            if getattr(self, key) and self.scenarios:
                raise refuse(f"there are both {key} and scenarios", f"{key} of one scenario, or scenarios by name")
        for name, case in self.scenarios.items():
            if not (case.changes or case.control or case.cycles):
                raise refuse(
                    f"the scenario {name!r} has no change",
                    "a list of changes",
                    "the base case runs beside the scenarios",
                )
        return self


@dataclass(frozen=True)
class NamedChanges:
    """One scenario, and where it stands in the file.

    Attributes
    ----------
    name : str
        Its name.
    keys : tuple of str
        Path of the list of its changes in the file.
    changes : tuple of Change
        Its changes of inputs.
    control : mapping of str to ControlSection
        Controllers that the plant gets.
    cycles : mapping of str to CycleSection
        Time tables that the plant gets.
    parts : tuple of str
        Path of what holds the keys ``control`` and ``cycles``; empty where the file itself does.
    """

    name: str
    keys: tuple[str, ...]
    changes: tuple[Change, ...]
    control: Mapping[str, ControlSection] = field(default_factory=dict)
    cycles: Mapping[str, CycleSection] = field(default_factory=dict)
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """A scenario file, and where it came from.

    Attributes
    ----------
    content : ScenarioFile
        What it says.
    document : YamlDocument
        Where that stands.
    """

    content: ScenarioFile
    document: YamlDocument

    def written(self, folder: Path) -> dict[str, Any]:
        """Return what it says, as a file in a folder would have it: with what was given, and paths from there."""
        found = self.content.model_dump(mode="json", by_alias=True, exclude_none=True)
        if self.content.influent is not None and self.content.influent.file is not None:
            path = self.document.path.parent / user_path(self.content.influent.file)
            found["influent"]["file"] = Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
        given = self.content.model_fields_set | {"limits"}
        return {key: value for key, value in found.items() if key in given}

    @property
    def cases(self) -> Iterator[NamedChanges]:
        """The scenarios in it."""
        own = self.content
        if own.changes or own.control or own.cycles:
            yield NamedChanges(own.name, ("changes",), own.changes, own.control, own.cycles)
        for name, case in own.scenarios.items():
            place = ("scenarios", name)
            listed = not isinstance(self.document.data["scenarios"][name], Mapping)
            keys = place if listed else (*place, "changes")
            yield NamedChanges(name, keys, case.changes, case.control, case.cycles, place)


def load_scenario(source: YamlSource) -> Scenario:
    """Read and check a scenario file, or its content.

    Parameters
    ----------
    source : str, Path or mapping of str to object
        The file, or what would stand in it.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        With file, line and key.
    """
    return read_scenario(load_yaml(source, "scenario"))


def read_scenario(document: YamlDocument) -> Scenario:
    """Check a scenario file that was parsed.

    Parameters
    ----------
    document : YamlDocument
        The file.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        With file, line and key.
    """
    try:
        return Scenario(ScenarioFile.model_validate(document.data), document)
    except ValidationError as error:
        raise input_error(error, ScenarioFile, document) from None
