"""A scenario: what is changed, where and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.config.schema.amounts import Duration
from asm_hybrid.config.schema.counts import MAX_DAYS, MAX_PARTS, Seed
from asm_hybrid.scenario.kpi import BSM_LIMITS
from asm_hybrid.scenario.sections import FactorsSection, InfluentFile
from asm_hybrid.yamlfile import YamlDocument, YamlSource, load_yaml

__all__ = ["Change", "NamedChanges", "Scenario", "ScenarioFile", "load_scenario"]

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
        "TANK.COMPONENT (imposed), influent.COMPONENT; * stands for anything; load for every pollutant of the influent."
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
    scenarios : dict of str to tuple of Change
        Of several, by name.
    influent : InfluentFile or None
        Of a plant; None for a constant one.
    days : float or None
        Length of the simulation of a plant [d]; None for that of the influent, or 14 d.
    spin_up, score_from : float
        Length of the base case before it, and the day from which on it counts [d].
    seed : int or None
        Of the noise of sensors; None for no noise.
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
    changes: Annotated[tuple[Change, ...], Field(strict=False)] = Field(
        default=(),
        description="The changes of one scenario, applied one after the other; without any, and without scenarios, the "
        "base case of a plant runs alone.",
    )
    scenarios: dict[Name, Annotated[tuple[Change, ...], Field(strict=False)]] = Field(
        default_factory=dict,
        max_length=MAX_PARTS,
        description="Several scenarios by name, each with its changes, in the place of changes.",
    )
    influent: InfluentFile | None = Field(
        default=None, description="Influent of a plant; constant without it. A run has its own."
    )
    days: Annotated[Duration, Field(gt=0, le=MAX_DAYS)] | None = Field(
        default=None, description="Length of the simulation of a plant [d]; that of the influent, or 14 d."
    )
    spin_up: Annotated[Duration, Field(le=MAX_DAYS)] = Field(
        default=0.0,
        description="Days of the base case, with the influent from its begin, before the simulation of a plant. It "
        "starts at the steady state of the mean inputs.",
    )
    score_from: Duration = Field(
        default=0.0, description="Day from which on means, energies and violations of a plant count."
    )
    seed: Seed | None = Field(default=None, description="Seed of the noise of a plant's sensors; no noise without it.")
    limits: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=lambda: dict(BSM_LIMITS),
        description="Effluent limits [g/m3] by quantity: TN, COD, NH4, TSS, BOD5 and other composites.",
    )
    factors: FactorsSection | None = Field(
        default=None, description="Prices and emission factors, for costs and CO2 equivalents of a plant."
    )

    @model_validator(mode="after")
    def _one_list(self) -> Self:
        if self.changes and self.scenarios:
            raise refuse("there are both changes and scenarios", "changes for one scenario, or scenarios by name")
        for name, changes in self.scenarios.items():
            if not changes:
                raise refuse(
                    f"the scenario {name!r} has no change",
                    "a list of changes",
                    "the base case runs beside the scenarios",
                )
        return self


@dataclass(frozen=True)
class NamedChanges:
    """The changes of one scenario, and where they stand in the file.

    Attributes
    ----------
    name : str
        Its name.
    keys : tuple of str
        Path of the list in the file.
    changes : tuple of Change
        The changes.
    """

    name: str
    keys: tuple[str, ...]
    changes: tuple[Change, ...]


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

    @property
    def cases(self) -> Iterator[NamedChanges]:
        """The scenarios in it."""
        if self.content.changes:
            yield NamedChanges(self.content.name, ("changes",), self.content.changes)
        for name, changes in self.content.scenarios.items():
            yield NamedChanges(name, ("scenarios", name), changes)


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
    document = load_yaml(source, "scenario")
    try:
        return Scenario(ScenarioFile.model_validate(document.data), document)
    except ValidationError as error:
        raise input_error(error, ScenarioFile, document) from None
