"""What a user names as new data: one file, a file for each source, or a column map of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asm_hybrid.artefacts import user_path
from asm_hybrid.config import Config
from asm_hybrid.config.builders.columns import series_targets
from asm_hybrid.config.messages import input_error
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.paths import as_path
from asm_hybrid.yamlfile import YamlSource, load_yaml, parse_yaml, source_name

__all__ = ["NewData", "config_with"]

NewData = str | Path | Mapping[str, Any] | Sequence[str | Path]
"""A file; ``SOURCE=FILE`` once or several times, or a mapping of that; a YAML file or a mapping with ``data``."""
YAML = (".yaml", ".yml")
A_FILE = "the path of a file of series (.csv, .parquet, .xlsx), SOURCE=FILE, or a YAML file with a section data"


def config_with(config: Config, data: NewData) -> Config:
    """Return the config of a run with other files.

    Parameters
    ----------
    config : Config
        Of the run.
    data : str, Path, mapping, or sequence of str or Path
        What the user names.

    Returns
    -------
    Config
        With the interval and the interpolation of the run.

    Raises
    ------
    InputError
        If it names no source of the run, or a column map gives other inputs than the run's.
    """
    if isinstance(data, Mapping):
        return _mapped(config, data) if "data" in data else _replaced(config, data)
    given: Sequence[Any] = data if isinstance(data, list | tuple) else [data]
    paths = [as_path(one, A_FILE) for one in given]
    if len(paths) == 1 and str(paths[0]).endswith(YAML):
        return _mapped(config, paths[0])
    files: dict[str, str | Path] = {}
    for path in paths:
        name, equals, file = str(path).partition("=")
        pair = bool(equals) and (name in config.data.sources or not path.exists())
        source, file = (name, file) if pair else (_only_source(config, path), str(path))
        if source in files:
            raise InputError(
                f"the source {source!r} is given twice", where=str(path), expected="one file for each source"
            )
        files[source] = file
    return _replaced(config, files)


def _only_source(config: Config, path: Path) -> str:
    """Return the only source of a run."""
    names = list(config.data.sources)
    if len(names) == 1:
        return names[0]
    example = " ".join(f"--data {name}=FILE" for name in names)
    raise InputError(
        f"the run has the sources {', '.join(names)}, and it is not said whose file this is",
        where=str(path),
        expected="SOURCE=FILE for every source, or a YAML file with a section data",
        fix=example,
    )


def _replaced(config: Config, files: Mapping[str, Any]) -> Config:
    """Return the config with the file of each source replaced."""
    sources = config.data.sources
    for name in files:
        if name not in sources:
            raise InputError(
                f"the run has no source {name!r}",
                where=f"{name}={files[name]}",
                expected="a source of its config: " + ", ".join(sources),
                fix=nearest(name, sources),
            )
    missing = [name for name in sources if name not in files]
    if missing:
        raise InputError(
            f"there is no file for the source {missing[0]!r}",
            where=config.where("data", "sources", missing[0]),
            expected="a file for every source: " + ", ".join(sources),
            fix=f"add --data {missing[0]}=FILE",
        )
    found = {
        name: section.model_copy(update={"file": str(_existing(files[name])), "sql": None})
        for name, section in sources.items()
    }
    return config.model_copy(update={"data": config.data.model_copy(update={"sources": found})})


def _existing(given: Any) -> Path:
    """Return the path of a file that a user names; refuse one that is not there."""
    path = user_path(as_path(given, A_FILE)).absolute()
    if not path.is_file():
        near = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
        raise InputError(
            "this is a folder, not a file" if path.is_dir() else "the file does not exist",
            where=str(given),
            expected=A_FILE,
            fix=nearest(path.name, near) if near else "check the path",
        )
    return path


def _mapped(config: Config, source: YamlSource) -> Config:
    """Return the config with the section ``data`` of another file, on the knots of the run."""
    document = load_yaml(source)
    section = document.data.get("data")
    if not isinstance(section, dict):
        raise InputError(
            "there is no section 'data'",
            where=source_name(source),
            expected="data with sources, as in the config of a run: file, time and columns",
        )
    content = parse_yaml(config.to_yaml(), "config").data
    try:
        found = Config.model_validate({**content, "data": section})
    except ValidationError as error:
        raise input_error(error, Config, document) from None
    found._document = document
    for key in ("interval", "interpolation"):
        if key in section and getattr(found.data, key) != getattr(config.data, key):
            raise InputError(
                f"the {key} is not that of the run",
                where=document.where("data", key),
                expected="the knots of the run, on which its model was fitted",
                fix=f"remove {key}",
            )
    own = {"interval": config.data.interval, "interpolation": config.data.interpolation}
    found = found.model_copy(update={"data": found.data.model_copy(update=own)})
    _check_inputs(config, found)
    return found


def _check_inputs(config: Config, found: Config) -> None:
    """Refuse a column map that gives other inputs than the record of the run."""
    needed, given = series_targets(config), series_targets(found)
    for name in needed:
        if name not in given:
            raise InputError(
                f"no column gives {name}, which a column of the run gives",
                where=found.where("data", "sources"),
                expected="the inputs of the run: " + ", ".join(needed),
                fix=f"add a column with 'as: {name}'",
            )
    for name, (source, header) in given.items():
        if name not in needed:
            raise InputError(
                f"the column {header!r} gives {name}, which is no column of the run, but a constant or computed",
                where=found.where("data", "sources", source, "columns", header),
                expected="the inputs of the run: " + ", ".join(needed),
                fix="give the column the role 'ignored'",
            )
