"""Reading the files of a run folder for the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    TypeAdapter,
    ValidationError,
)

from asm_hybrid.artefacts import read_json
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import verified_files, verify_manifest
from asm_hybrid.report.parameter_record import ParameterSet
from asm_hybrid.report.run_record import DataRecord, Summary
from asm_hybrid.yamlfile import load_yaml

__all__ = [
    "check_files",
    "display_zone",
    "flat",
    "read_config",
    "read_data_record",
    "read_environment",
    "read_parameters",
    "read_record",
    "read_summary",
    "section",
]

T = TypeVar("T")


def check_files(run_dir: Path, needed: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Refuse files of a run folder that are not those its manifest knows.

    Parameters
    ----------
    run_dir : Path
        The run folder.
    needed : iterable of str
        Files that have to be there.
    optional : iterable of str
        Files that are checked where the manifest or the folder has them.

    Raises
    ------
    InputError
        With the files that are missing or changed.
    """
    verify_manifest(run_dir, list(needed))
    verified_files(run_dir, list(optional))


def read_summary(run_dir: Path) -> Summary:
    """Return ``summary.json`` of a run folder.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If the file is missing, damaged, or of another version.
    """
    return read_record(run_dir / "summary.json", Summary)


def read_parameters(run_dir: Path) -> ParameterSet:
    """Return ``parameters.json`` of a run folder.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    ParameterSet

    Raises
    ------
    InputError
        As in `read_summary`.
    """
    return read_record(run_dir / "parameters.json", ParameterSet)


def read_data_record(run_dir: Path) -> DataRecord:
    """Return ``data.json`` of a run folder.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    DataRecord

    Raises
    ------
    InputError
        As in `read_summary`.
    """
    return read_record(run_dir / "data.json", DataRecord)


def read_environment(run_dir: Path) -> dict[str, str]:
    """Return ``environment.json`` of a run folder, flat.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    dict of str to str
        Text by key; nested keys become ``outer inner``.

    Raises
    ------
    InputError
        As in `read_summary`.
    """
    return dict(flat(read_record(run_dir / "environment.json", dict[str, Any])))


def read_config(run_dir: Path) -> tuple[dict[str, Any], str]:
    """Return ``config.yaml`` of a run folder.

    Parameters
    ----------
    run_dir : Path
        The run folder.

    Returns
    -------
    (dict, str)
        Its content, as data and as text.

    Raises
    ------
    InputError
        If the file is missing, or not readable YAML.
    """
    document = load_yaml(run_dir / "config.yaml")
    return document.data, document.text


def display_zone(config: dict[str, Any]) -> ZoneInfo:
    """Return the time zone of the plant's data, or UTC when the files of the config do not agree on one.

    Parameters
    ----------
    config : dict
        ``config.yaml``.

    Returns
    -------
    ZoneInfo
        The zone in which the report shows times.
    """
    sources = section(section(config, "data"), "sources")
    zones = {str(section(section(sources, name), "time").get("zone") or "UTC") for name in sources}
    try:
        return ZoneInfo(zones.pop()) if len(zones) == 1 else ZoneInfo("UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def section(config: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a mapping in a mapping.

    Parameters
    ----------
    config : mapping
        The outer one.
    key : str
        Key of the inner one.

    Returns
    -------
    dict
        Empty where there is none.
    """
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def read_record(path: Path, kind: type[T]) -> T:
    """Return a JSON file of a run folder.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        What it should hold.

    Returns
    -------
    kind

    Raises
    ------
    InputError
        If the file is missing, damaged, or of another version.
    """
    if not path.exists():
        raise InputError(
            f"the run folder has no {path.name}",
            where=str(path.parent),
            expected="a run folder that training has finished or ended cleanly",
            fix="give the folder that `asm-hybrid train` named at its end",
        )
    content = read_json(path)
    try:
        return TypeAdapter(kind).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{key}: {first['msg']}" if key else first["msg"],
            where=str(path),
            expected="the file as this version of asm-hybrid writes it",
            fix="use the version of asm-hybrid that made the run, or train again",
        ) from None


def flat(value: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Return nested entries as pairs.

    Parameters
    ----------
    value : dict
        Entries; a dict among them is nested.
    before : str
        Put before every key.

    Returns
    -------
    list of (str, str)
        ``outer inner`` and its text, lists joined; entries without a value are left out.
    """
    rows: list[tuple[str, str]] = []
    for key, item in value.items():
        name = f"{before} {key}".strip()
        if isinstance(item, dict):
            rows += flat(item, name)
        elif isinstance(item, list):
            rows.append((name, ", ".join(str(i) for i in item)))
        elif item is not None:
            rows.append((name, str(item)))
    return rows
