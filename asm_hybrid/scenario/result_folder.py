"""The folder of a result: where it may be, and what a simulated plant leaves in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from asm_hybrid.artefacts import make_folder, write_bytes_atomic, write_csv_atomic, write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.plants import PlantScenarios, indicator_table

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
        Gets ``CASE/series.csv``, ``indicators.csv``, ``plant.yaml`` and, where there was one, ``scenario.yaml``.
    more : mapping of str to bytes
        Other files by name, written last: plots and the page.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    make_folder(folder)
    for case in result.cases:
        write_csv_atomic(make_folder(folder / case.name) / "series.csv", series_table(case.record), "%.7g")
    write_csv_atomic(folder / "indicators.csv", indicator_table(result.cases), "%.7g")
    write_text_atomic(folder / "plant.yaml", result.file.to_yaml(folder))
    if result.scenario is not None:
        write_text_atomic(folder / "scenario.yaml", result.scenario.document.text)
    for name, content in more.items():
        write_bytes_atomic(folder / name, content)


def series_table(record: PlantRecord) -> pd.DataFrame:
    """Return time and everything recorded, a row a time.

    Parameters
    ----------
    record : PlantRecord
        A simulation.

    Returns
    -------
    DataFrame
        The columns have their unit in the name, such as ``time [d]``.
    """
    columns = {f"{name} [{record.units[name]}]": values for name, values in record.columns.items()}
    return pd.DataFrame({"time [d]": record.times, **columns})
