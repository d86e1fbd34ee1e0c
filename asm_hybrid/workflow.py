"""The main job in one call: train, diagnose, report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from asm_hybrid.diagnosis import FirstLook, diagnose, explain_run
from asm_hybrid.errors import InputError
from asm_hybrid.explanations.explained import Explained
from asm_hybrid.export.distilled import Distilled, distill
from asm_hybrid.manifest import REPLACING, finish_replacing, verify_manifest
from asm_hybrid.notebook.run_result import RunResult
from asm_hybrid.report import write_report
from asm_hybrid.report.progress_picture import ProgressPicture
from asm_hybrid.training import Progress, Silent, discard_checkpoints, find_config, train
from asm_hybrid.training.recorded_run import read_record
from asm_hybrid.training.run_folder import hold_run
from asm_hybrid.unpacked import refuse_zip
from asm_hybrid.yamlfile import YamlSource

__all__ = ["diagnose_again", "distill_run", "finished_run", "resume_training", "run_training"]


def resume_training(folder: Path, progress: Progress | None = None, *, plot: bool = False) -> RunResult:
    """Go on with a run that was stopped, at whatever instant: it ends as it would have in one go, to the same bits.

    Parameters
    ----------
    folder : Path
        Its folder.
    progress : Progress, optional
        Receiver of progress.
    plot : bool, optional
        Whether to draw the run while it trains, into ``progress.png`` in its folder.

    Returns
    -------
    RunResult
    """
    refuse_zip(folder)
    return _run(find_config(folder), folder, progress or Silent(), resume=True, plot=plot)


def run_training(
    config: YamlSource,
    out: Path | None = None,
    progress: Progress | None = None,
    *,
    plot: bool = False,
    accept: bool = False,
) -> RunResult:
    """Train what a config describes, say what f failed to capture, and write the report.

    Parameters
    ----------
    config : str, Path or mapping
        The config.
    out : Path, optional
        The run folder, new or empty; a dated one below ``runs`` without it.
    progress : Progress, optional
        Receiver of progress.
    plot : bool, optional
        Whether to draw the run while it trains, into ``progress.png`` in its folder.
    accept : bool, optional
        Whether to take the corrections of the record that the data clearly call for.

    Returns
    -------
    RunResult
    """
    return _run(config, out, progress or Silent(), resume=False, plot=plot, accept=accept)


def diagnose_again(folder: Path, progress: Progress | None = None) -> RunResult:
    """Diagnose a finished run with this version, and write its report anew.

    Parameters
    ----------
    folder : Path
        Its folder.
    progress : Progress, optional
        Receiver of progress.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        When the run is not finished, another process is writing it, or a file of it is not the one that was written.
    """
    refuse_zip(folder)
    if (folder / REPLACING).is_dir():
        with hold_run(folder):
            finish_replacing(folder)
    result = finished_run(folder)
    with hold_run(result.folder):
        _tell(result.folder, progress or Silent(), None, asked=True)
    return result


def distill_run(folder: Path, out: Path | None = None, *, force: bool = False) -> Distilled:
    """Write the law of a finished run as a table, and its config with that table.

    Parameters
    ----------
    folder : Path
        The run folder.
    out : Path, optional
        Folder for both; ``distilled`` in the run folder without it.
    force : bool, optional
        Whether to replace table and config that are there.

    Returns
    -------
    Distilled

    Raises
    ------
    InputError
        When the run is not finished, has no law that was kept, or the folder is in use.
    """
    return distill(finished_run(folder).folder, out, force=force)


def finished_run(folder: Path) -> RunResult:
    """Return a run; one that was stopped before its end is refused.

    Parameters
    ----------
    folder : Path
        Its folder.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        When it is not finished or a trial, or a file of it is not the one that was written.
    """
    result = RunResult(folder)
    verify_manifest(result.folder, ["summary.json", "predictions.csv"])
    result.refuse_trial()
    if result.interrupted:
        fix = f"go on with `asm-hybrid train --resume {folder}`" if result.resumable else "train again"
        raise InputError(
            "the run was stopped before it was finished", where=str(folder), expected="a finished run", fix=fix
        )
    return result


def _tell(folder: Path, progress: Progress, explained: Explained | None, *, asked: bool = False) -> None:
    """Say what f failed to capture, where config or user ask for it, and what the model answers; write the report."""
    progress.stage("diagnosing")
    diagnose(folder)
    run = read_record(folder)
    if asked or run.model.config.diagnosis.explain:
        progress.stage("saying what f failed to capture")
        explain_run(run, explained)
    progress.stage("writing the report")
    write_report(folder)


def _run(
    config: YamlSource, out: Path | None, progress: Progress, *, resume: bool, plot: bool, accept: bool = False
) -> RunResult:
    watch = ProgressPicture() if plot else None
    look = FirstLook(accept, progress)
    with ExitStack() as held:
        outcome = train(config, out, progress, resume=resume, held=held, watch=watch, look=look)
        result = RunResult(outcome.folder)
        if outcome.interrupted:
            return result
        if not outcome.model.config.training.test:
            discard_checkpoints(outcome.folder)
            return result
        try:
            _tell(outcome.folder, progress, look.explained)
        except KeyboardInterrupt:
            return result
        discard_checkpoints(outcome.folder)
    return result
