"""The folder of a result: where it may be, and what a simulated plant leaves in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from asm_hybrid.artefacts import make_folder, write_bytes_atomic, write_csv_atomic, write_json_atomic, write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.cases import Case, PlantScenarios
from asm_hybrid.scenario.summary import by_f, effect_warnings, indicator_table

__all__ = ["check_target", "series_table", "write_plant_folder"]


def check_target(folder: Path) -> None:
    """Refuse a folder that cannot be made, before any work is done; nothing is made yet.

    Parameters
    ----------
    folder : Path
        Where a result is to be written.

    Raises
    ------
    InputError
        When it cannot be made or written.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if os.path.exists(p))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"{existing} is not a folder that may be written",
            where=str(folder),
            expected="a folder that may be created and written",
            fix="give another one with --out",
        )


def write_plant_folder(result: PlantScenarios, folder: Path, more: Mapping[str, bytes]) -> None:
    """Write what a simulation of a plant gave; files of the same name are replaced, each as a whole.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.
    folder : Path
        Gets ``CASE/series.csv``, ``indicators.csv``, ``plant.yaml`` of a plant, ``trust.json`` of a run that learnt
        and, where there was one, ``scenario.yaml``.
    more : mapping of str to bytes
        Other files by name, written last: plots and the page.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    make_folder(folder)
    for case in result.cases:
        write_csv_atomic(make_folder(folder / case.name) / "series.csv", series_table(result, case), "%.7g")
    write_csv_atomic(folder / "indicators.csv", indicator_table(result.cases), "%.7g")
    if result.fitted is None:
        write_text_atomic(folder / "plant.yaml", result.file.to_yaml(folder))
    if any(case.trust for case in result.cases):
        write_json_atomic(folder / "trust.json", _trust(result))
    if result.scenario is not None:
        write_text_atomic(folder / "scenario.yaml", result.scenario.document.text)
    for name, content in more.items():
        write_bytes_atomic(folder / name, content)


def _trust(result: PlantScenarios) -> dict[str, object]:
    """Return where each case leaves what training saw."""
    cases = {
        case.name: {
            "changes": list(case.changes),
            "outside_hours": case.outside_hours,
            "outside": [asdict(departure) for departure in case.trust.departures],
            "effect_by_f_alone": told,
        }
        for case, told in zip(result.cases, by_f(result.cases), strict=True)
        if case.trust is not None
    }
    return {"cases": cases, "warnings": effect_warnings(result.cases)}


def series_table(result: PlantScenarios, case: Case) -> pd.DataFrame:
    """Return time and everything recorded, a row a time.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.
    case : Case
        One of its cases.

    Returns
    -------
    DataFrame
        The columns have their unit in the name, such as ``time [d]``; ``time`` holds stamps, in the zone of the
        scenario, where the record of a run is simulated. Where the members of n differ, ``NAME low`` and ``NAME high``
        follow a column; where f alone was simulated, ``NAME f alone``.
    """
    record, stamps = case.record, result.stamps(case.record.times)
    if stamps is None or result.fitted is None:
        columns: dict[str, object] = {"time [d]": record.times}
    else:
        columns = {"time": [t.isoformat() for t in stamps.tz_convert(result.fitted.zone)]}
    for name, values in record.columns.items():
        unit = record.units[name]
        columns[f"{name} [{unit}]"] = values
        if case.low is not None and case.high is not None:
            low, high = case.low.columns[name], case.high.columns[name]
            if (high > low).any():
                columns |= {f"{name} low [{unit}]": low, f"{name} high [{unit}]": high}
        if case.alone is not None and (case.alone.record.columns[name] != values).any():
            columns[f"{name} f alone [{unit}]"] = case.alone.record.columns[name]
    return pd.DataFrame(columns)
