"""A study from its file to its folder: cases are checked, simulated side by side, kept as they come, and told of."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import make_folder, write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Pool, Progress, Slurm, Value, run_cases
from asm_hybrid.scenario.fitted_subject import load_fitted
from asm_hybrid.scenario.result_folder import check_target
from asm_hybrid.scenario.subject import Subject, load_subject
from asm_hybrid.studies import StudyResult
from asm_hybrid.studies.definition import Study, load_study
from asm_hybrid.studies.designs import Design, make_design
from asm_hybrid.studies.evaluation import Bench, OpenBench, Rehearsal, open_bench
from asm_hybrid.sweeps.folder import (
    JOURNAL,
    PARENT,
    PLANT,
    STUDY,
    Stopped,
    begin_folder,
    begun_with,
    cases_of,
    check_new,
    fingerprint,
    write_result,
)
from asm_hybrid.sweeps.training_study import of_trainings, train_study
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["Studied", "resume_study", "run_study", "studied_plant", "studied_run"]

Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class Studied:
    """What is studied.

    Attributes
    ----------
    load : callable
        Reads it, also in another process.
    name : str
        What it is called.
    run : str
        The folder of a run; empty for a plant.
    source : str, Path or mapping, or None
        The file of a plant or a config; None for a run.
    """

    load: Callable[[], Subject]
    name: str
    run: str = ""
    source: YamlSource | None = None


def studied_plant(source: YamlSource) -> Studied:
    """Return a plant as what is studied.

    Parameters
    ----------
    source : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training; or what would stand in such a file.

    Returns
    -------
    Studied
    """
    return Studied(partial(load_subject, source), source_name(source), source=source)


def studied_run(run: str | Path) -> Studied:
    """Return a run as what is studied.

    Parameters
    ----------
    run : str or Path
        A run folder or a bundle.

    Returns
    -------
    Studied
    """
    return Studied(partial(load_fitted, run), str(run), str(Path(run).absolute()))


def run_study(
    studied: Studied, source: YamlSource, out: Path | None, pool: Pool, tell: Tell | None = None
) -> tuple[StudyResult, Path]:
    """Run a study, and write what it gave.

    Parameters
    ----------
    studied : Studied
        What is studied.
    source : str, Path or mapping
        The study file, or what would stand in it.
    out : Path or None
        Its folder, new or empty; a dated one below ``studies`` without it.
    pool : Pool
        The processes.
    tell : callable, optional
        Gets the progress.

    Returns
    -------
    StudyResult
        The study.
    Path
        Its folder.

    Raises
    ------
    InputError
        When subject, study or folder cannot be used; with the place. Nothing is simulated then.
    Stopped
        When it was stopped by hand; what came in is in the folder.
    """
    study = load_study(source)
    folder = out or PARENT / f"{study.content.name}-{datetime.now():%Y%m%d-%H%M%S}"
    check_target(folder)
    check_new(folder)
    pool = _pool(study, pool)
    if studied.source is not None and of_trainings(study):
        result = train_study(studied.source, studied.name, study, folder, pool, tell)
        write_result(result, folder)
        return result, folder
    prepared = _prepare(studied, study)
    if studied.source is not None:
        write_text_atomic(make_folder(folder) / PLANT, prepared.bench.subject.file.to_yaml(folder))
    begin_folder(folder, study, prepared.design.cases, {"subject": studied.name, "run": studied.run})
    return _run(studied, prepared, folder, pool, tell), folder


def resume_study(folder: Path, pool: Pool, tell: Tell | None = None) -> tuple[StudyResult, Path]:
    """Go on with a study that was stopped; what it has simulated is not simulated again.

    Parameters
    ----------
    folder : Path
        Its folder.
    pool, tell
        As in `run_study`.

    Returns
    -------
    StudyResult
        The same as if it had not been stopped.
    Path
        Its folder.

    Raises
    ------
    InputError
        When there is nothing to go on with, or what decides its results has changed.
    """
    begun = begun_with(folder)
    name, run, study = str(begun.get("subject", "")), str(begun.get("run") or ""), load_study(folder / STUDY)
    pool = _pool(study, pool)
    if of_trainings(study) and not run:
        result = train_study(None, name, study, folder, pool, tell)
        write_result(result, folder)
        return result, folder
    load: Callable[[], Subject] = partial(load_fitted, run) if run else partial(load_subject, folder / PLANT)
    studied = Studied(load, name, run, None if run else folder / PLANT)
    return _run(studied, _prepare(studied, study), folder, pool, tell), folder


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A study that may be run."""

    bench: Bench
    design: Design
    rehearsal: Rehearsal


def _prepare(studied: Studied, study: Study) -> _Prepared:
    """Look at everything that can be wrong before a case is simulated."""
    if study.content.design.method == "search":
        raise InputError(
            "a search chooses among trainings, and here a plant is simulated",
            where=study.document.where("design", "method"),
            expected="another method, or a config whose keys are the factors",
        )
    bench = open_bench(studied.load, studied.name, study)
    design = make_design(study, bench.factors)
    rehearsal = bench.rehearse()
    for values in _extremes(bench, design.cases):
        bench.prepare(values)
    return _Prepared(bench, design, rehearsal)


def _extremes(bench: Bench, cases: pd.DataFrame) -> Sequence[Mapping[str, Value]]:
    """Return the lowest and highest value of each factor by itself, and each of its texts."""
    found: list[Mapping[str, Value]] = []
    neural = bench.neural
    for factor in bench.factors.columns:
        values = cases[factor.name].tolist()
        if factor.kind == "sludge_age" or neural:  # told by its own case: the search for a wastage is no check
            continue
        texts = {v for v in values if isinstance(v, str)}
        numbers = [v for v in values if not isinstance(v, str)]
        chosen = [*sorted(texts), *({min(numbers), max(numbers)} if numbers else ())]
        found += [{factor.name: value} for value in chosen]
    return found


def _pool(study: Study, pool: Pool) -> Pool:
    """Return the processes that a command asks for, or those that the study names."""
    section = study.content.cluster
    if section is None or pool.cluster is not None or pool.workers is not None:
        return pool
    return replace(pool, slurm=Slurm(**{k: v for k, v in section if v is not None}))


def _run(studied: Studied, prepared: _Prepared, folder: Path, pool: Pool, tell: Tell | None) -> StudyResult:
    bench, study = prepared.bench, prepared.bench.study
    frame = prepared.design.cases
    cases = cases_of(frame)
    opened = OpenBench(studied.load, studied.name, study, bench)
    known = fingerprint(bench)
    try:
        outcomes = run_cases(opened, [*cases, {}], folder / JOURNAL, fingerprint=known, pool=pool, progress=tell)
    except KeyboardInterrupt:
        raise Stopped(folder) from None
    result = _result(studied, prepared, outcomes, folder)
    write_result(result, folder)
    return result


def _result(studied: Studied, prepared: _Prepared, outcomes: Sequence[Outcome], folder: Path) -> StudyResult:
    bench, design, known = prepared.bench, prepared.design, prepared.rehearsal
    study, content = bench.study, bench.study.content
    *own, base = outcomes
    clock = bench.influent.clock
    notes = [*design.notes, *(str(finding) for finding in bench.influent.findings)]
    if base.error:
        notes.append(f"the base case failed: {base.error}")
    if bench.seeds > 1:
        notes.append(
            f"Figures are medians of the {bench.seeds} seeds of n; 'low' and 'high' behind a name are their range. "
            "Series are medians."
        )
    if bench.factors.fitted is not None:
        notes.append(
            "Fitted parameters are drawn within the bounds of their calibration, by their estimates, standard errors "
            "and correlations. They vary together: a rank correlation of one of them is also the doing of those that "
            "vary with it, and may have another sign than what this one does by itself."
        )
        if bench.learns:
            notes.append("What n has learnt stays as it is.")
    return StudyResult(
        name=content.name,
        subject=studied.name,
        method=content.design.method,
        seed=content.design.seed,
        factors=bench.factors.infos(design.cases, listed=content.design.method == "list"),
        figures=known.figures,
        design=design.cases,
        outcomes=tuple(own),
        times=known.times if known.times.size else np.empty(0),
        origin=getattr(clock, "origin", None),
        zone=getattr(clock, "zone", "UTC"),
        units=known.units,
        limits=known.limits,
        pareto=tuple(content.pareto.items()),
        notes=tuple(notes),
        description=content.description,
        base=None if base.error else base,
        cube=design.cube,
        dimensions=design.dimensions,
        second_order=bool(content.design.second_order),
        score_from=study.scenario.content.score_from,
        command=f"asm-hybrid sweep {_again(studied, folder)} --study {shlex.quote(str(folder / STUDY))}",
    )


def _again(studied: Studied, folder: Path) -> str:
    return shlex.quote(studied.run or str(folder / PLANT))
