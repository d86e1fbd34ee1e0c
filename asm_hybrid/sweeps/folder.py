"""The folder of a study: what it was begun with, so that it goes on and can be done again, and what it gave."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid import __version__
from asm_hybrid.artefacts import (
    json_text,
    make_folder,
    read_json,
    write_bytes_atomic,
    write_csv_atomic,
    write_json_atomic,
    write_text_atomic,
)
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import MANIFEST, sha256_file
from asm_hybrid.parallel import Value
from asm_hybrid.report.study_page import write_study_page
from asm_hybrid.report.study_tables import study_tables
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.evaluation import Bench
from asm_hybrid.studies.noted import noted
from asm_hybrid.yamlfile import to_yaml

__all__ = [
    "DESIGN",
    "JOURNAL",
    "PARENT",
    "PLANT",
    "STUDY",
    "Stopped",
    "begin_folder",
    "begun_with",
    "cases_of",
    "check_new",
    "fingerprint",
    "write_result",
]

PARENT = Path("studies")
STUDY, PLANT, DESIGN, JOURNAL, BEGUN = "study.yaml", "plant.yaml", "design.csv", "journal", "begun.json"
"""Files of the folder: the study with every default, the plant, its cases, their outcomes, and what was studied."""
ANEW = "begin the study anew"
LARGE = ("results", "series")
"""Tables that are kept as Parquet too."""


def fingerprint(bench: Bench) -> str:
    """Return a digest of all that decides the outcomes of cases, apart from the values of their factors.

    Parameters
    ----------
    bench : Bench
        What is studied.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    found, subject, content = hashlib.sha256(), bench.subject, bench.study.content

    def add(part: str | bytes) -> None:
        raw = part.encode() if isinstance(part, str) else part
        found.update(len(raw).to_bytes(8, "big") + raw)

    add(__version__)
    add(subject.plant.table.text)
    add(subject.file.model_dump_json())
    add(np.ascontiguousarray(subject.parameters).tobytes())
    scenario = bench.study.scenario.content.model_dump(mode="json", by_alias=True, exclude={"influent", "name"})
    add(json.dumps(scenario, sort_keys=True))
    add(repr([(f.name, f.kind, f.target, f.way, f.unit) for f in bench.factors.columns]))
    add(json.dumps(content.outputs.model_dump(mode="json"), sort_keys=True) + repr(list(content.pareto)))
    frame = bench.influent.frame
    add(repr((bench.influent.days, bench.influent.held, bench.influent.sample, bench.influent.first)))
    if frame is not None:
        add(repr(list(frame.columns)))
        add(np.ascontiguousarray(frame.to_numpy(dtype=float)).tobytes())
    if isinstance(subject, FittedSubject):
        add(sha256_file(subject.run / MANIFEST))
    return found.hexdigest()


class Stopped(KeyboardInterrupt):
    """A study that was stopped by hand.

    Parameters
    ----------
    folder : Path
        Its folder, which holds what came in.

    Attributes
    ----------
    folder : Path
        See above.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__()


def check_new(folder: Path) -> None:
    """Refuse a folder that holds a study.

    Parameters
    ----------
    folder : Path
        Where another is to be begun.

    Raises
    ------
    InputError
        With the remedy.
    """
    if (folder / BEGUN).exists():
        raise InputError(
            "the folder holds a study already",
            where=str(folder),
            expected="a new or empty folder",
            fix=f"go on with it by --resume {folder}, or give another folder",
        )


def begin_folder(folder: Path, study: Study, design: pd.DataFrame | None, subject: Mapping[str, Any]) -> None:
    """Write what a study is begun with; with the last file it may go on.

    Parameters
    ----------
    folder : Path
        The folder; made where there is none.
    study : Study
        The study.
    design : DataFrame or None
        Its cases; None of a search, whose cases follow from what came out.
    subject : mapping of str to object
        What was studied, for `begun_with`.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    make_folder(folder)
    write_text_atomic(folder / STUDY, to_yaml(_resolved(study, folder)))
    if design is not None:
        write_csv_atomic(folder / DESIGN, design)
    begun = {**subject, "version": __version__, "begun": f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}"}
    begun["files"] = {name: sha256_file(folder / name) for name in (STUDY, PLANT) if (folder / name).is_file()}
    write_json_atomic(folder / BEGUN, {**begun, "sha256": _digest(begun)})


def _digest(begun: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_text(begun).encode()).hexdigest()


def cases_of(design: pd.DataFrame) -> list[Mapping[str, Value]]:
    """Return the cases of a design, one mapping a row.

    Parameters
    ----------
    design : DataFrame
        A column a factor.

    Returns
    -------
    list of mapping of str to (float or str)
    """
    names = list(design.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*(design[n].tolist() for n in names), strict=True)]


def begun_with(folder: Path) -> dict[str, Any]:
    """Return what the study of a folder was begun with.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    dict of str to object

    Raises
    ------
    InputError
        When it holds no study, or a file of it is not the one that was written.
    """
    if not (folder / BEGUN).is_file() or not (folder / STUDY).is_file():
        raise InputError(
            "there is no study to go on with",
            where=str(folder),
            expected=f"the folder of a study, with {BEGUN} and {STUDY}",
            fix="name the folder that asm-hybrid sweep has printed, or begin a study with --study",
        )
    begun = read_json(folder / BEGUN, ANEW)
    digest, files = begun.pop("sha256", None), begun.get("files")
    if digest != _digest(begun) or not isinstance(files, dict):
        raise InputError("the file was changed or damaged", where=str(folder / BEGUN), fix=ANEW)
    for name, known in files.items():
        with readable("the file cannot be read", where=str(folder / name), fix=ANEW):
            if sha256_file(folder / name) != known:
                raise InputError(
                    "the file was changed or damaged since the study began",
                    where=str(folder / name),
                    expected="the file as it was, so that the study goes on as it would have",
                    fix="restore it, or begin another study with the changed one",
                )
    return begun


def _resolved(study: Study, folder: Path) -> dict[str, Any]:
    """Return the content of a study that holds from a folder and needs no other file but series and runs."""
    content = study.content.model_dump(mode="json", by_alias=True, exclude_none=True)
    del content["scenario"]
    if study.scenario.content.model_fields_set:
        content["scenario"] = study.scenario.written(folder)
    for section in content["factors"].values():
        if "run" in section:
            section["run"] = _from(folder, study.resolve(section["run"]))
    if "file" in content["design"]:
        content["design"]["file"] = DESIGN
    return content


def _from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path.expanduser().resolve(), folder.resolve())).as_posix()


def write_result(result: StudyResult, folder: Path) -> None:
    """Write what a study gave: tables, their Parquet, a summary and the page; each file whole or not at all.

    Parameters
    ----------
    result : StudyResult
        The study.
    folder : Path
        Its folder.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    tables = study_tables(result)
    for name, table in tables.items():
        if name != "series":
            write_csv_atomic(folder / f"{name}.csv", table)
        if name in LARGE:
            write_bytes_atomic(folder / f"{name}.parquet", _parquet(table))
    write_json_atomic(folder / "summary.json", _summary(result))
    write_study_page(result, folder, tables)


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _summary(result: StudyResult) -> dict[str, Any]:
    """Return the content of ``summary.json``."""
    figures = {}
    for figure in result.figures:
        values = result.values(figure.name)
        values = values[np.isfinite(values)]
        base = result.base.figures.get(figure.name) if result.base is not None else None
        spread = np.quantile(values, [0.05, 0.5, 0.95]).tolist() if values.size else [None] * 3
        figures[figure.name] = {"unit": figure.unit, "base": base} | dict(
            zip(("q05", "median", "q95"), spread, strict=True)
        )
    return {
        "name": result.name,
        "subject": result.subject,
        "version": __version__,
        "method": result.method,
        "seed": result.seed,
        "cases": len(result.outcomes),
        "failed": len(result.failed),
        "seconds": round(sum(outcome.seconds for outcome in result.outcomes), 1),
        "factors": [asdict(factor) for factor in result.factors],
        "figures": figures,
        "failures": [asdict(note) for note in noted((o.case, (o.error,)) for o in result.failed)],
        "notes": list(result.notes),
        "said_of_cases": [asdict(note) for note in noted((o.case, o.notes) for o in result.done)],
        "command": result.command,
    }
