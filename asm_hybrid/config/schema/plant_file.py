"""A plant without data: what is simulated, and the part of a config that says what the plant is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, PrivateAttr

from asm_hybrid.artefacts import user_path
from asm_hybrid.config.schema.amounts import NOISE, Amount
from asm_hybrid.config.schema.counts import MAX_PARTS
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.config.schema.model_sections import KineticsSection
from asm_hybrid.config.schema.plant_sections import PlantSection
from asm_hybrid.config.schema.section import Section
from asm_hybrid.kinetics.extend import LayeredDocument
from asm_hybrid.yamlfile import YamlDocument, to_yaml

__all__ = ["PlantFile"]


class PlantFile(Section):
    """A plant: reactions and flow sheet, with constants for all inputs.

    Attributes
    ----------
    name, description : str
        Name of the run, and free text.
    model : KineticsSection
        Table and parameters.
    plant : PlantSection
        The flow sheet.
    process_noise : dict of str to float or str
        Noise of states by name.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Name of the run: at most 64 letters, digits, '_', '-' and '.', since folders carry it.",
    )
    description: str = Field(default="", description="Free text, which the report shows.")
    model: KineticsSection = Field(default_factory=KineticsSection, description="The mechanistic model.")
    plant: PlantSection = Field(description="The flow sheet.")
    process_noise: dict[str, Amount] = Field(default_factory=dict, max_length=MAX_PARTS, description=NOISE)

    _document: YamlDocument | LayeredDocument | None = PrivateAttr(default=None)

    @property
    def source_path(self) -> Path | None:
        """The file the config was loaded from; None if it was built in Python."""
        return self._document.path if self._document else None

    @property
    def sources(self) -> Mapping[str, SourceSection]:
        """The files of series: none."""
        return {}

    @property
    def reads_clock(self) -> bool:
        """Whether n reads the time of day, which then is an input: there is no n."""
        return False

    @property
    def source_text(self) -> str:
        """The config as the user wrote it, or as resolved when it was built in Python."""
        return self._document.text if self._document else self.to_yaml()

    def where(self, *keypath: str | int) -> str:
        """Return where a key stands, for messages: ``file:line (key.path)``."""
        return self._document.where(*keypath) if self._document else ".".join(map(str, keypath))

    def resolve(self, path: str | Path) -> Path:
        """Return a path of the config as one that holds from the current folder."""
        base = self._document.path.parent if self._document else Path()
        return base / user_path(path)

    @property
    def kinetics(self) -> str | Path:
        """The kinetics table: name of a shipped one, or its path."""
        name = self.model.kinetics
        is_path = name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name
        return self.resolve(name) if is_path else name

    def to_yaml(self, directory: str | Path | None = None) -> str:
        """Return the resolved config, every default written out, as text that loads again.

        Parameters
        ----------
        directory : path, optional
            Folder in which the text will be kept; paths in it become relative to this folder. Without it they
            become absolute.

        Returns
        -------
        str
            YAML.
        """
        content = self.model_dump(mode="json", by_alias=True)
        self._write_paths(content, directory)
        return to_yaml(content)

    def _write_paths(self, content: dict[str, Any], directory: str | Path | None) -> None:
        if isinstance(self.kinetics, Path):
            content["model"]["kinetics"] = self._written_path(self.model.kinetics, directory)

    def _written_path(self, path: str, directory: str | Path | None) -> str:
        absolute = self.resolve(path).resolve()
        if directory is None:
            return absolute.as_posix()
        relative = Path(os.path.relpath(absolute, Path(directory).resolve())).as_posix()
        return relative if "/" in relative else f"./{relative}"
