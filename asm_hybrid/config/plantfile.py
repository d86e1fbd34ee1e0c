"""A plant without data: what is simulated, and the part of a config that says what the plant is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr

from asm_hybrid.artefacts import user_path
from asm_hybrid.config.base import Section
from asm_hybrid.config.fractionation import build_fractionation
from asm_hybrid.config.layout import build_layout
from asm_hybrid.config.model import KineticsSection
from asm_hybrid.config.names import load_named_table, parameter_values
from asm_hybrid.config.plant import PlantSection
from asm_hybrid.config.targets import series_targets
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.extend import LayeredDocument
from asm_hybrid.plant.fractionation import Fractionation
from asm_hybrid.plant.layout import Layout
from asm_hybrid.yamlfile import YamlDocument, to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asm_hybrid.config.data import SourceSection

__all__ = ["PlantFile"]


class PlantFile(Section):
    """A plant: reactions and flow sheet, with constants for all inputs."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Name of the run; letters, digits, '_', '-' and '.' only, since folders carry it.",
    )
    description: str = Field(default="", description="Free text.")
    model: KineticsSection = Field(default_factory=KineticsSection, description="The mechanistic model.")
    plant: PlantSection = Field(description="The flow sheet.")

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

    def table(self) -> Table:
        """Load the kinetics table.

        Returns
        -------
        Table
            The table that ``model.kinetics`` names.
        """
        return load_named_table(self)

    def layout(self, table: Table) -> Layout:
        """Return the flow sheet, after checking every name of the config against the kinetics table.

        Parameters
        ----------
        table : Table
            The kinetics table.

        Returns
        -------
        Layout
            Tanks, flows, imposed states, and the constants in internal units.

        Raises
        ------
        InputError
            If a name is unknown, an input is given twice or not at all, or a unit does not fit; with file and
            line of the key.
        """
        self.check_names(table)
        return build_layout(self, table)

    def check_names(self, table: Table) -> None:
        """Check the names of parameters, and of all else that refers to the kinetics table.

        Parameters
        ----------
        table : Table
            The kinetics table.
        """
        parameter_values(self, table)

    def fractionation(self, table: Table, layout: Layout) -> Fractionation | None:
        """Return how measured sums of the influent are split, or None where every component is given by itself.

        Parameters
        ----------
        table : Table
            The kinetics table.
        layout : Layout
            The flow sheet, from `layout`; its constants hold those of the influent.

        Returns
        -------
        Fractionation or None
            Family of the table, shares, and what is given.
        """
        return build_fractionation(self, table, set(layout.constants) | set(series_targets(self)))

    def parameter_values(self, table: Table) -> dict[str, float]:
        """Return the values of ``model.parameters`` in the table's units.

        Parameters
        ----------
        table : Table
            The kinetics table.

        Returns
        -------
        dict of str to float
            Only those parameters that the config overrides, at their reference temperature.
        """
        return parameter_values(self, table)

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
