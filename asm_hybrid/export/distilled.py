"""The law of a run as a table and a config, which train and simulate like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import read_json, write_text_atomic
from asm_hybrid.config import Config, build_layout, calibration_bounds, load_config, parameter_values
from asm_hybrid.diagnosis.plain_words import held_words
from asm_hybrid.errors import InputError, readable
from asm_hybrid.export.format import FREE, occupied
from asm_hybrid.kinetics import Table, parse_table
from asm_hybrid.manifest import MANIFEST, verified_files, verify_manifest
from asm_hybrid.plant import Plant
from asm_hybrid.staging import staged_folder
from asm_hybrid.unpacked import refuse_zip

__all__ = ["Distilled", "distill"]

DIAGNOSIS = "diagnosis.json"
TABLE, CONFIG = "kinetics.yaml", "config.yaml"
AGAIN = "make the diagnosis anew with `asm-hybrid diagnose {run}`"
LONGEST_NAME = 60
"""Characters of the name of a run to which an ending is added."""


@dataclass(frozen=True)
class Distilled:
    """What was written.

    Attributes
    ----------
    folder : Path
        The folder with ``kinetics.yaml`` and ``config.yaml``.
    law : mapping
        ``law`` of ``diagnosis.json``.
    """

    folder: Path
    law: Mapping[str, Any]

    @property
    def table(self) -> Path:
        """The table with the law."""
        return self.folder / TABLE

    @property
    def config(self) -> Path:
        """The config of the run with that table."""
        return self.folder / CONFIG

    @property
    def text(self) -> str:
        """Formula, constants and scores, in lines."""
        law = self.law
        lines = [f"{law['process']}: {law['rate']}", f"  {law['text']}"]
        for row in law["constants"]:
            known = "" if row["low"] is None else f" ({row['low']:.3g} to {row['high']:.3g})"
            unit = "" if row["unit"] == "-" else f" {row['unit']}"
            lines.append(f"  {row['name']} = {row['value']:.3g}{unit}{known}")
        lines.append(f"  it keeps {held_words(law['share_of_gain'])}, on the validation block")
        titles = {"f": "f", "law": "f + law", "n": "f + n"}
        for label, row in law["scores"].items():
            found = [f"{title} {row[key]:.3g}" for key, title in titles.items() if row[key] is not None]
            lines.append(f"  test block, RMSE of {label}: {', '.join(found)} {row['unit']}")
        return "\n".join([*lines, f"table: {self.table}", f"config: {self.config}"])


def distill(run: Path, out: Path | None = None, *, force: bool = False) -> Distilled:
    """Write the law of a finished run as a table, and the config of the run with it.

    Parameters
    ----------
    run : Path
        The run folder.
    out : Path, optional
        Folder for both, new or empty; ``distilled`` in the run folder without it.
    force : bool, optional
        Whether to replace table and config of a folder that holds some; what else it holds stays.

    Returns
    -------
    Distilled

    Raises
    ------
    InputError
        When the run has no law that was kept, a file of it is not the one that was written, or the folder is in use.
    """
    if out is None:
        refuse_zip(run, "name a folder for both files with --out")
    verify_manifest(run, [CONFIG, TABLE])
    law = _law_of(run)
    target = run / "distilled" if out is None else out
    if not force or not target.is_dir():
        _refuse_occupied(target)
    if (target / MANIFEST).exists():
        raise InputError(
            "the folder holds a run or a bundle",
            where=str(target),
            expected="another folder, whose table and config may be replaced",
            fix="give another one with --out",
        )
    table = _table_of(law, run)
    config = _config_of(load_config(run / CONFIG), law, target.absolute())
    _check(config, table)
    files = {TABLE: str(law["table"]), CONFIG: config.to_yaml(target.absolute())}
    _write(files, target)
    return Distilled(target, law)


def _refuse_occupied(target: Path) -> None:
    """Refuse a target that holds something; what a folder holds may be replaced if the user says so."""
    found = occupied(target)
    if found is not None:
        other = "replace its table and config with --force" if target.is_dir() else "move this one away"
        fix = f"give another one with --out, or {other}"
        raise InputError(found, where=str(target), expected=FREE, fix=fix)


def _law_of(run: Path) -> dict[str, Any]:
    """Return the law of a run; one that has none is refused, with the reason."""
    path, again = run / DIAGNOSIS, AGAIN.format(run=run)
    expected = "a run whose diagnosis found a law and kept it"
    if not verified_files(run, [DIAGNOSIS]):
        raise InputError("the run has no diagnosis of what f lacks", where=str(run), expected=expected, fix=again)
    found = read_json(path, again)
    law = found.get("law")
    if not isinstance(law, dict):
        why = None if (found.get("answer") or {}).get("set") else (found.get("missing") or {}).get("why")
        reason = why or " ".join(map(str, found.get("notes") or []))
        raise InputError(
            "the diagnosis of the run has no law" + (f": {reason}" if reason else ""),
            where=str(path),
            expected=expected,
            fix="a law needs a process that explains what f lacks, and a driver that a rate can read; see report.html",
        )
    if not law.get("kept"):
        share = law.get("share_of_gain")
        held = "" if share is None else f": it keeps {100 * share:.0f} % of what was learnt"
        raise InputError(
            f"the law {law.get('kind')} of {law.get('process')} was not kept{held}",
            where=str(path),
            expected=f"{expected}, from 80 % of the gain on",
            fix="train the hybrid as it is, or write a law of your own into a table (docs/tables.md)",
        )
    return law


def _table_of(law: Mapping[str, Any], run: Path) -> Table:
    where, fix = str(run / DIAGNOSIS), AGAIN.format(run=run)
    with readable("the law of the run cannot be used", where=where, expected="a law as this version has it", fix=fix):
        missing = {"process", "rate", "text", "constants", "parameters", "calibrate", "scores", "share_of_gain"} - {
            *law
        }
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        return parse_table(str(law["table"]), run / TABLE)


def _config_of(config: Config, law: Mapping[str, Any], folder: Path) -> Config:
    """Return the config of a run with the table of a law, its parameters at the values that were found."""
    model = config.model.model_copy(
        update={
            "kinetics": str(folder / TABLE),
            "parameters": {**config.model.parameters, **law["parameters"]},
            "calibrate": {**config.model.calibrate, **dict.fromkeys(law["calibrate"])},
        }
    )
    training = config.training.model_copy(update={"start_from": None})  # a run with other parameters
    name = f"{config.name[:LONGEST_NAME]}-law"
    return config.model_copy(update={"name": name, "model": model, "training": training})


def _check(config: Config, table: Table) -> None:
    """Refuse what `asm-hybrid check` would refuse, before anything is written."""
    parameter_values(config, table)
    calibration_bounds(config, table)
    Plant(table, build_layout(config, table))


def _write(files: Mapping[str, str], target: Path) -> None:
    """Write files into a folder: all of them, or into a folder that holds some already, each as a whole."""
    if target.is_dir() and any(target.iterdir()):
        for name, text in files.items():
            write_text_atomic(target / name, text)
        return
    with staged_folder(target) as staging:
        for name, text in files.items():
            write_text_atomic(staging / name, text)
