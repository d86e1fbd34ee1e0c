"""A study as the user writes it: what all cases have in common, factors, design, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from asm_hybrid.artefacts import user_path
from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.config.schema.counts import MAX_PARTS
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.definition import Scenario, ScenarioFile, load_scenario, read_scenario
from asm_hybrid.studies.sections import ClusterSection, DesignSection, FactorSection, OutputsSection
from asm_hybrid.yamlfile import YamlDocument, YamlSource, load_yaml

__all__ = ["Study", "StudyFile", "common_scenario", "load_study"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _competing(value: Any) -> Any:
    return dict.fromkeys(value, "min") if isinstance(value, list | tuple) else value


def _scenario_or_path(value: Any) -> Any:
    if not isinstance(value, dict | str):
        raise refuse(f"the value is {value!r:.60}", "the keys of a scenario file, or the path of one")
    return value


class StudyFile(Section):
    """A study file.

    Attributes
    ----------
    name : str
        Its name, which names the folder of the result.
    description : str
        What it is for.
    scenario : dict of str to object, or str
        What all cases have in common: the keys of a scenario, or its file.
    factors : dict of str to FactorSection
        By name.
    design : DesignSection
        Which cases are simulated.
    outputs : OutputsSection
        What is kept of each.
    pareto : dict of str to str
        Indicators that compete, and which end of each is the better one.
    cluster : ClusterSection or None
        Jobs of Slurm that hold the processes.
    """

    name: Name = Field(default="study", description="Name, which titles the page and names the folder of the result.")
    description: str = Field(default="", max_length=10_000, description="What the study is for; the page shows it.")
    scenario: Annotated[dict[str, Any] | str, BeforeValidator(_scenario_or_path)] = Field(
        default_factory=dict,
        description="What all cases have in common: the keys of a scenario file, or the path of one, relative to this "
        "file.",
    )
    factors: dict[Name, FactorSection] = Field(
        min_length=1, max_length=MAX_PARTS, description="Factors by a name of your choice."
    )
    design: DesignSection = Field(description="Which cases are simulated.")
    outputs: OutputsSection = Field(default_factory=OutputsSection, description="What is kept of every case.")
    pareto: Annotated[dict[str, Literal["min", "max"]], BeforeValidator(_competing), Field(max_length=8)] = Field(
        default_factory=dict,
        description="Indicators that compete: a list, where less is better, or a mapping to min or max.",
    )
    cluster: ClusterSection | None = Field(default=None, description="Jobs of Slurm that hold the processes.")

    @model_validator(mode="after")
    def _two(self) -> Self:
        if len(self.pareto) == 1:
            raise refuse("one indicator stands under pareto", "two or more, which compete")
        return self


@dataclass(frozen=True)
class Study:
    """A study file, and where it came from.

    Attributes
    ----------
    content : StudyFile
        What it says.
    document : YamlDocument
        Where that stands.
    scenario : Scenario
        What all cases have in common.
    """

    content: StudyFile
    document: YamlDocument
    scenario: Scenario

    def where(self, factor: str, *keys: str | int) -> str:
        """Return where a factor stands, for messages."""
        return self.document.where("factors", factor, *keys)

    def resolve(self, path: str) -> Path:
        """Return a path of the file as one that holds from the current folder."""
        return self.document.path.parent / user_path(path)


def load_study(source: YamlSource) -> Study:
    """Read and check a study file, or its content.

    Parameters
    ----------
    source : str, Path or mapping of str to object
        The file, or what would stand in it.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        With file, line and key.
    """
    document = load_yaml(source, "study")
    try:
        content = StudyFile.model_validate(document.data)
    except ValidationError as error:
        raise input_error(error, StudyFile, document) from None
    scenario = common_scenario(document, content.scenario, "study", "what all cases have in common")
    return Study(content, document, scenario)


def common_scenario(document: YamlDocument, given: Mapping[str, Any] | str, file: str, what: str) -> Scenario:
    """Return the one scenario of a file that holds one, or names one.

    Parameters
    ----------
    document : YamlDocument
        The file; the scenario stands below its key ``scenario``.
    given : mapping of str to object, or str
        What stands there: the keys of a scenario, or the path of its file.
    file, what : str
        What the file is, and what the scenario stands for in it, for messages.

    Returns
    -------
    Scenario
        One without changes where the file has none.

    Raises
    ------
    InputError
        When it cannot be used, or holds several.
    """
    if isinstance(given, str):
        try:
            found = load_scenario(document.path.parent / user_path(given))
        except InputError as error:
            where = error.where or document.where("scenario")
            raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None
    elif "scenario" not in document.data:
        found = Scenario(ScenarioFile.model_validate({}), document)
    else:
        found = read_scenario(document.below("scenario"))
    if found.content.scenarios:
        raise InputError(
            f"the scenario of a {file} holds several scenarios",
            where=found.document.where("scenarios"),
            expected=f"one: {what}",
            fix="write its changes, control and cycles by themselves",
        )
    return found
