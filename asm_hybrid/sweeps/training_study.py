"""A study whose cases are trainings: keys of a config are its factors, and the validation block tells them apart."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.config import load_config
from asm_hybrid.config.builders.located import known
from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Pool, Progress, Value, run_cases
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.designs import Design, make_design
from asm_hybrid.studies.factors import Factors, key_factors
from asm_hybrid.sweeps.folder import JOURNAL, STUDY, Stopped, begin_folder, cases_of
from asm_hybrid.sweeps.search import BEST, Searched, best_note, search, write_best
from asm_hybrid.sweeps.trainings import KEPT, KeyChange, Trainings, belongs_to_training, open_trainings
from asm_hybrid.yamlfile import YamlSource

__all__ = ["of_trainings", "train_study"]


def of_trainings(study: Study) -> bool:
    """Return whether the cases of a study are trainings.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    bool
        Where any factor is a key that a config has and the file of a plant has not, and where a search is wanted.
    """
    keys = [section.key for section in study.content.factors.values()]
    return study.content.design.method == "search" or any(key and belongs_to_training(key) for key in keys)


def train_study(
    source: YamlSource | None,
    name: str,
    study: Study,
    folder: Path,
    pool: Pool,
    tell: Callable[[Progress], None] | None = None,
) -> StudyResult:
    """Train the cases of a study, or go on with them.

    Parameters
    ----------
    source : str, Path or mapping, or None
        The config; None to go on with the study of the folder.
    name : str
        What it is called.
    study : Study
        The study.
    folder : Path
        Its folder.
    pool : Pool
        The processes.
    tell : callable, optional
        Gets the progress.

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError
        When config or study cannot be used, before anything is trained.
    Stopped
        When it was stopped by hand.
    """
    if source is not None:
        (folder / KEPT).unlink(missing_ok=True)  # of an attempt that was refused
    config = load_config(folder / KEPT if source is None else source)
    _check_scenario(study)
    factors = key_factors(study, config)
    changes = {f.name: KeyChange(f.target, f.way, study.where(f.section, f.way), f.unit) for f in factors.columns}
    searched = study.content.design.method == "search"
    design = None if searched else make_design(study, factors)
    trainings = open_trainings(folder / KEPT if source is None else source, changes, folder)
    _check_outputs(study, trainings)
    if design is not None:
        trainings.check([{}, *_extremes(design.cases)])
    if source is not None:
        begin_folder(folder, study, None if design is None else design.cases, {"subject": name, "run": ""})
    try:
        if design is None:
            cases, outcomes, base = _searched(study, factors, trainings, folder, pool, tell)
            design = Design(pd.DataFrame(cases, columns=list(factors.names)), None, ())
        else:
            *outcomes, base = run_cases(
                trainings,
                [*cases_of(design.cases), {}],
                folder / JOURNAL,
                fingerprint=trainings.fingerprint,
                pool=pool,
                progress=tell,
            )
    except KeyboardInterrupt:
        raise Stopped(folder) from None
    return _result(study, name, factors, trainings, design, outcomes, base)


def _searched(
    study: Study,
    factors: Factors,
    trainings: Trainings,
    folder: Path,
    pool: Pool,
    tell: Callable[[Progress], None] | None,
) -> tuple[list[dict[str, Value]], list[Outcome], Outcome]:
    section = study.content.design
    distributions = {f.name: f.distribution for f in factors.columns if f.distribution is not None}
    found = search(
        trainings,
        distributions,
        cases=section.cases or 1,
        seed=section.seed,
        journal=folder / JOURNAL,
        pool=pool,
        progress=tell,
    )
    if not all(outcome.error for outcome in (found.base, *found.outcomes)):
        write_best(trainings, found, study.content.name)
    return list(found.cases), list(found.outcomes), found.base


def _extremes(cases: pd.DataFrame) -> Sequence[Mapping[str, Value]]:
    """Return the lowest and highest value of each factor by itself, and each of its texts."""
    found: list[Mapping[str, Value]] = []
    for name in cases.columns:
        values = cases[name].tolist()
        numbers = [v for v in values if not isinstance(v, str)]
        chosen = [*dict.fromkeys(v for v in values if isinstance(v, str))]
        found += [{name: v} for v in (*chosen, *({min(numbers), max(numbers)} if numbers else ()))]
    return found


def _check_scenario(study: Study) -> None:
    if study.scenario.content.model_fields_set:
        raise InputError(
            "the study gives a scenario, and its cases are trainings over the record of the config",
            where=study.document.where("scenario"),
            expected="no scenario, where keys of a config are the factors",
            fix="remove 'scenario'",
        )


def _check_outputs(study: Study, trainings: Trainings) -> None:
    outputs, names = study.content.outputs, [figure.name for figure in trainings.figures]
    wanted = outputs.indicators if not isinstance(outputs.indicators, str) else ()
    for k, name in enumerate(wanted):
        known(name, names, "a figure of a training", study.document.where("outputs", "indicators", k))
    for name in study.content.pareto:
        known(name, names, "a figure of a training", study.document.where("pareto"))
    if outputs.series:
        raise InputError(
            "trainings give scores, and no series",
            where=study.document.where("outputs", "series"),
            expected="no series",
            fix="the folder of each trial has its predictions",
        )


def _result(
    study: Study,
    name: str,
    factors: Factors,
    trainings: Trainings,
    design: Design,
    outcomes: Sequence[Outcome],
    base: Outcome,
) -> StudyResult:
    content, notes = study.content, list(design.notes)
    if base.error:
        notes.append(f"the config as it is failed: {base.error}")
    notes.append("Trials are told apart by the validation block; the test block was not read.")
    if (trainings.folder / BEST).exists():
        notes.append(best_note(Searched(base, (), tuple(outcomes))))
    return StudyResult(
        name=content.name,
        subject=name,
        method=content.design.method,
        seed=content.design.seed,
        factors=factors.infos(design.cases, listed=content.design.method == "list"),
        figures=trainings.figures,
        design=design.cases,
        outcomes=tuple(outcomes),
        times=np.empty(0),
        origin=None,
        zone="UTC",
        units={},
        limits={},
        pareto=tuple(content.pareto.items()),
        notes=tuple(notes),
        description=content.description,
        base=None if base.error else base,
        cube=design.cube,
        dimensions=design.dimensions,
        second_order=bool(content.design.second_order),
        command=f"asm-hybrid sweep {shlex.quote(str(trainings.folder / KEPT))} "
        f"--study {shlex.quote(str(trainings.folder / STUDY))}",
    )
