"""The main job in one call: train, diagnose, report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from asm_hybrid.diagnosis import diagnose
from asm_hybrid.notebook.run_result import RunResult
from asm_hybrid.report import write_report
from asm_hybrid.report.progress_picture import ProgressPicture
from asm_hybrid.training import Progress, Silent, discard_checkpoints, find_config, train
from asm_hybrid.yamlfile import YamlSource

__all__ = ["resume_training", "run_training"]


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
    return _run(find_config(folder), folder, progress or Silent(), resume=True, plot=plot)


def run_training(
    config: YamlSource, out: Path | None = None, progress: Progress | None = None, *, plot: bool = False
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

    Returns
    -------
    RunResult
    """
    return _run(config, out, progress or Silent(), resume=False, plot=plot)


def _run(config: YamlSource, out: Path | None, progress: Progress, *, resume: bool, plot: bool) -> RunResult:
    watch = ProgressPicture() if plot else None
    with ExitStack() as held:
        outcome = train(config, out, progress, resume=resume, held=held, watch=watch)
        result = RunResult(outcome.folder)
        if outcome.interrupted:
            return result
        try:
            progress.stage("diagnosing")
            diagnose(outcome.folder)
            progress.stage("writing the report")
            write_report(outcome.folder)
        except KeyboardInterrupt:
            return result
        discard_checkpoints(outcome.folder)
    return result
