"""Reading a config file, or the file of a plant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asm_hybrid.artefacts import user_path
from asm_hybrid.config.messages import input_error
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.extend import lay, read_layers
from asm_hybrid.paths import LAYOUTS, available_layouts
from asm_hybrid.yamlfile import YamlSource, load_yaml

__all__ = ["layout_text", "load_config", "load_plant", "load_plant_or_config"]


def load_config(path: YamlSource) -> Config:
    """Read and check a config file.

    Parameters
    ----------
    path : str, Path or mapping
        A YAML file, or its content; paths inside it are relative to its folder, or to the current one.

    Returns
    -------
    Config
        The config, frozen. Names that depend on the kinetics table are checked by `build_layout`, the series
        by `asm_hybrid.data.read_dataset`.

    Raises
    ------
    InputError
        If the file is not readable YAML or not a config; with file, line and key.
    """
    document = load_yaml(path)
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        raise input_error(error, Config, document) from None
    config._document = document
    return config


def layout_text(name: str) -> str:
    """Return the file of a shipped layout as it stands, with its comments; a copy of it can be simulated.

    Parameters
    ----------
    name : str
        One of `available_layouts`, or the path of a YAML file.

    Returns
    -------
    str
        YAML.

    Raises
    ------
    InputError
        If there is no such layout.
    """
    return load_yaml(_locate(name, Path())).text


def load_plant(name: YamlSource) -> PlantFile:
    """Read and check a plant.

    Parameters
    ----------
    name : str, Path or mapping
        A shipped layout, or a YAML file, or its content; ``extends`` in it names another, whose entries it changes.

    Returns
    -------
    PlantFile

    Raises
    ------
    InputError
        If the file is not readable YAML or not a plant; with file, line and key.
    """
    own = load_yaml(name if isinstance(name, Mapping) else _locate(str(name), Path()))
    document = lay(read_layers(own, _locate))
    data: dict[str, Any] = {key: value for key, value in document.data.items() if key != "extends"}
    try:
        plant = PlantFile.model_validate(data)
    except ValidationError as error:
        raise input_error(error, PlantFile, document) from None
    plant._document = document
    return plant


def load_plant_or_config(name: YamlSource) -> PlantFile:
    """Read and check a plant; as a `Config` where its file has data.

    Parameters
    ----------
    name : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training, or the content of one of these files.

    Returns
    -------
    PlantFile or Config

    Raises
    ------
    InputError
        If the file is not readable YAML, or neither of the two; with file, line and key.
    """
    shipped = not isinstance(name, Mapping) and not str(name).endswith((".yaml", ".yml"))
    has_data = not shipped and "data" in load_yaml(name).data
    return load_config(name) if has_data else load_plant(name)


def _locate(name: str, folder: Path) -> Path:
    """Return the file of a shipped layout, or of one's own."""
    if name.endswith((".yaml", ".yml")):
        return folder / user_path(name)
    if name not in available_layouts():
        raise InputError(
            f"there is no layout {name!r}",
            expected="one of " + ", ".join(available_layouts()) + ", or the path of a .yaml file",
            fix=nearest(name, available_layouts()),
        )
    return LAYOUTS / f"{name}.yaml"
