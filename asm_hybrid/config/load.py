"""Reading a config file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from asm_hybrid.config.messages import input_error
from asm_hybrid.config.schema import Config
from asm_hybrid.yamlfile import load_yaml

__all__ = ["load_config"]


def load_config(path: str | Path) -> Config:
    """Read and check a config file.

    Parameters
    ----------
    path : path
        A YAML file; paths inside it are relative to its folder.

    Returns
    -------
    Config
        The config, frozen. Names that depend on the kinetics table are checked by `Config.layout`, the series
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
