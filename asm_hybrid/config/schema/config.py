"""The config: what the user writes, as frozen and documented types."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from asm_hybrid.config.schema.data_sections import DataSection, SourceSection
from asm_hybrid.config.schema.diagnosis_sections import CorrectionsSection, DiagnosisSection
from asm_hybrid.config.schema.model_sections import ModelSection, TrainingSection
from asm_hybrid.config.schema.network_section import NetworkSection
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.config.schema.plant_sections import PlantSection
from asm_hybrid.config.schema.sql_section import SqlSection, sqlite_path

__all__ = ["Config", "json_schema"]


class Config(PlantFile):
    """Everything a run needs: model, plant, data, corrections of them, network, training, diagnosis.

    Attributes
    ----------
    name, description : str
        See `PlantFile`.
    device : str
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    model : ModelSection
        Kinetics, mode, calibration.
    plant : PlantSection
        The flow sheet.
    process_noise : dict of str to float or str
        Noise of states by name.
    data : DataSection
        Files, columns, blocks.
    corrections : CorrectionsSection
        What was found wrong in the record, and accepted.
    network : NetworkSection
        The learnt part n.
    training : TrainingSection
        How f and n learn.
    diagnosis : DiagnosisSection
        What may explain the misfit of f.
    """

    _answers: dict[SqlSection, bytes] = PrivateAttr(default_factory=dict)

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where to compute; auto takes a GPU when there is one."
    )
    model: ModelSection = Field(default_factory=ModelSection, description="The mechanistic model.")
    plant: PlantSection = Field(description="The flow sheet.")
    data: DataSection = Field(description="The plant's series.")
    corrections: CorrectionsSection = Field(
        default_factory=CorrectionsSection, description="What was found wrong in the record, and accepted."
    )
    network: NetworkSection = Field(default_factory=NetworkSection, description="The learnt part.")
    training: TrainingSection = Field(default_factory=TrainingSection, description="How the model learns.")
    diagnosis: DiagnosisSection = Field(
        default_factory=DiagnosisSection, description="How the diagnosis looks for what f failed to capture."
    )

    @property
    def sources(self) -> Mapping[str, SourceSection]:
        """The files of series."""
        return self.data.sources

    def source_label(self, name: str) -> str:
        """Return what a source is called in messages: its file, or its query."""
        file = self.data.sources[name].file
        return f"the query of {name}" if file is None else str(self.resolve(file))

    @property
    def answers(self) -> dict[SqlSection, bytes]:
        """What databases have answered since the config was loaded, so that each is asked once: Parquet files."""
        return self._answers

    @property
    def reads_clock(self) -> bool:
        """Whether n reads the time of day, which then is an input."""
        return self.model.mode == "hybrid" and self.network.reads("time_of_day")

    def _write_paths(self, content: dict[str, Any], directory: str | Path | None) -> None:
        super()._write_paths(content, directory)
        for source in content["data"]["sources"].values():
            if source["file"] is not None:
                source["file"] = self._written_path(source["file"], directory)
            if source["sql"] is not None and (parts := sqlite_path(source["sql"]["url"])):
                source["sql"]["url"] = parts[0] + self._written_path(parts[1], directory)
        if self.training.start_from is not None:
            content["training"]["start_from"] = self._written_path(self.training.start_from, directory)
        content["diagnosis"]["candidates"] = [self._written_path(p, directory) for p in self.diagnosis.candidates]


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the config, by which editors complete and check it.

    Returns
    -------
    dict
        JSON Schema, draft 2020-12.
    """
    schema = Config.model_json_schema(by_alias=True)
    for section in (schema, *schema["$defs"].values()):  # an editor shows the keys by themselves
        section["description"] = section.get("description", "").partition("\n\nAttributes\n")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "asm-hybrid config"}
