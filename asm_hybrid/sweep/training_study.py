"""A study whose cases are trainings: its factors are keys of their config, and the validation block scores them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import write_csv_atomic
from asm_hybrid.config import load_config
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.parallel import Pool, Progress, Value, run_cases
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.designs import Design, make_design
from asm_hybrid.studies.factors import Factors, key_factors
from asm_hybrid.sweep.folder import DESIGN, JOURNAL, STUDY, begin_folder, write_result
from asm_hybrid.sweep.search import Searched, search, write_best
from asm_hybrid.sweep.trainings import KEPT, KeyChange, Trainings, belongs_to_training, open_trainings
from asm_hybrid.yamlfile import YamlSource

__all__ = ["begin_trainings", "of_trainings", "resume_trainings"]

Tell = Callable[[Progress], None]


def of_trainings(study: Study) -> bool:
    """Return whether the cases of a study are trainings.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    bool
        True for a search, and where a factor is a key of a config that no plant has.
    """
    content = study.content
    keys = (section.key for section in content.factors.values() if section.key is not None)
    return content.design.method == "search" or any(map(belongs_to_training, keys))


def begin_trainings(
    config: YamlSource | None, subject: str, study: Study, folder: Path, pool: Pool, tell: Tell | None
) -> StudyResult:
    """Run a study of trainings.

    Parameters
    ----------
    config : str, Path, mapping or None
        The config; None where the subject is none.
    subject : str
        What it is called.
    study : Study
        The study.
    folder : Path
        Its folder, new or empty.
    pool : Pool
        The processes.
    tell : callable, optional
        Gets the progress.

    Returns
    -------
    StudyResult
        Written into the folder, with ``best.yaml``: the config that validates best.

    Raises
    ------
    InputError
        When config, study or folder cannot be used; nothing is trained then.
    """
    if config is None or (not isinstance(config, Mapping) and not str(config).endswith((".yaml", ".yml"))):
        raise InputError(
            f"{subject!r} is no config, and the study is one of trainings",
            where=study.document.where("design"),
            expected="the config of a training, such as the config.yaml of a run folder",
            fix="name it, or study inputs, parameters and keys of the plant",
        )
    factors = _factors(study, config)
    design = None if study.content.design.method == "search" else make_design(study, factors)
    trainings = open_trainings(config, _changes(study, factors), folder)
    _check(study, trainings, factors, design)
    begin_folder(folder, study, None, None if design is None else design.cases, {"subject": subject, "run": ""})
    return _run(subject, study, factors, design, trainings, pool, tell)


def resume_trainings(subject: str, study: Study, folder: Path, pool: Pool, tell: Tell | None) -> StudyResult:
    """Go on with a study of trainings that was stopped.

    Parameters
    ----------
    subject, study, folder, pool, tell
        As for `begin_trainings`.

    Returns
    -------
    StudyResult
        The same as if it had not been stopped.
    """
    factors = _factors(study, folder / KEPT)
    design = None if study.content.design.method == "search" else make_design(study, factors)
    trainings = open_trainings(folder / KEPT, _changes(study, factors), folder)
    return _run(subject, study, factors, design, trainings, pool, tell)


def _factors(study: Study, config: YamlSource) -> Factors:
    """Return the factors; what only a simulation has is refused."""
    for key in ("scenario", "outputs"):
        if key in study.document.data:
            raise InputError(
                f"the study has {key!r}, and its cases are trainings",
                where=study.document.where(key),
                expected="name, factors, design, pareto and cluster",
                fix=f"remove {key!r}: a training has its record, and gives its scores",
            )
    return key_factors(study, load_config(config))


def _changes(study: Study, factors: Factors) -> dict[str, KeyChange]:
    return {f.name: KeyChange(f.target, f.way, f.unit, study.where(f.name, f.way)) for f in factors.columns}


def _check(study: Study, trainings: Trainings, factors: Factors, design: Design | None) -> None:
    """Refuse what cannot be before anything is trained."""
    names = [figure.name for figure in trainings.figures]
    for name in study.content.pareto:
        if name not in names:
            raise InputError(
                f"trainings give no {name!r}",
                where=study.document.where("pareto", name),
                expected="one of " + ", ".join(names),
                fix=nearest(name, names),
            )
    if design is not None:
        trainings.check(_cases(design.cases))


def _cases(frame: pd.DataFrame) -> list[Mapping[str, Value]]:
    columns = [frame[name].tolist() for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _run(
    subject: str,
    study: Study,
    factors: Factors,
    design: Design | None,
    trainings: Trainings,
    pool: Pool,
    tell: Tell | None,
) -> StudyResult:
    section, journal = study.content.design, trainings.folder / JOURNAL
    if design is None:
        distributions = {f.name: f.distribution for f in factors.columns if f.distribution is not None}
        found = search(
            trainings,
            distributions,
            cases=section.cases or 1,
            seed=section.seed,
            journal=journal,
            pool=pool,
            progress=tell,
        )
        cases = pd.DataFrame([dict(case) for case in found.cases], columns=list(factors.names))
        write_csv_atomic(trainings.folder / DESIGN, cases)
    else:
        cases = design.cases
        rows = _cases(cases)
        known = trainings.fingerprint
        *own, base = run_cases(trainings, [*rows, {}], journal, fingerprint=known, pool=pool, progress=tell)
        found = Searched(base, tuple(dict(row) for row in rows), tuple(own))
    best = write_best(trainings, found, study.content.name) if _scored(found) else None
    result = _result(subject, study, factors, design, trainings, cases, found, best)
    write_result(result, trainings.folder)
    return result


def _scored(found: Searched) -> bool:
    """Return whether anything has a score."""
    return any(not outcome.error for outcome in (found.base, *found.outcomes))


def _result(
    subject: str,
    study: Study,
    factors: Factors,
    design: Design | None,
    trainings: Trainings,
    cases: pd.DataFrame,
    found: Searched,
    best: Path | None,
) -> StudyResult:
    content, folder = study.content, trainings.folder
    again = f"asm-hybrid sweep {shlex.quote(str(folder / KEPT))} --study {shlex.quote(str(folder / STUDY))}"
    return StudyResult(
        name=content.name,
        subject=subject,
        method=content.design.method,
        seed=content.design.seed,
        factors=tuple(factor.info for factor in factors.columns),
        figures=trainings.figures,
        design=cases,
        outcomes=found.outcomes,
        times=np.empty(0),
        origin=None,
        zone="UTC",
        units={},
        limits={},
        pareto=tuple(content.pareto.items()),
        notes=_notes(found, best),
        description=content.description,
        base=None if found.base.error else found.base,
        **_drawn(design),
        command=again,
    )


def _drawn(design: Design | None) -> dict[str, Any]:
    return {} if design is None else {"cube": design.cube, "dimensions": design.dimensions}


def _notes(found: Searched, best: Path | None) -> tuple[str, ...]:
    """Return what is to be said of all trainings."""
    notes: Sequence[str] = [
        "Every case is a trial: its record ends before the test block, which nothing here has read.",
    ]
    if found.base.error:
        notes = [*notes, f"the config as it is failed: {found.base.error}"]
    if best is not None:
        which = "the config as it was" if found.best is None else f"case {found.best}"
        notes = [
            *notes,
            f"{which[0].upper()}{which[1:]} validates best; {best} holds its config. Its score is the best of "
            f"{len(found.cases) + 1}, and so flatters it: asm-hybrid train {best} reads the test block, once.",
        ]
    return tuple(notes)
