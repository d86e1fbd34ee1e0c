"""The main job in one call: train, diagnose, report."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import UNFINISHED
from asm_hybrid.diagnosis import diagnose
from asm_hybrid.report import write_report
from asm_hybrid.training import Progress, Silent, discard_checkpoints, find_config, train

__all__ = ["RunResult", "resume_training", "run_training"]


@dataclass(frozen=True)
class RunResult:
    """What a finished or interrupted run left behind.

    Attributes
    ----------
    folder : Path
        The run folder.
    summary : dict or None
        Content of ``summary.json``; None when the run was interrupted before its diagnosis was complete.
    interrupted : bool
        Whether the user stopped it.
    lines : tuple of str
        For a generic ODE, which has no report, its scores as text.
    """

    folder: Path
    summary: dict[str, Any] | None
    interrupted: bool
    lines: tuple[str, ...] = ()

    @property
    def resumable(self) -> bool:
        """Whether `resume_training` can go on with it."""
        return (self.folder / UNFINISHED).is_dir()


def resume_training(folder: Path, progress: Progress | None = None) -> RunResult:
    """Go on with a run that was stopped, at whatever instant: it ends as it would have in one go, to the same bits.

    Parameters
    ----------
    folder : Path
        Its folder.
    progress : Progress, optional
        Receiver of progress.

    Returns
    -------
    RunResult
    """
    return _run(find_config(folder), folder, progress or Silent(), resume=True)


def run_training(config: str | Path, out: Path | None = None, progress: Progress | None = None) -> RunResult:
    """Train what a config describes, say what f failed to capture, and write the report.

    Parameters
    ----------
    config : str or Path
        The config.
    out : Path, optional
        The run folder, new or empty; a dated one below ``runs`` without it.
    progress : Progress, optional
        Receiver of progress.

    Returns
    -------
    RunResult
    """
    return _run(config, out, progress or Silent(), resume=False)


def _run(config: str | Path, out: Path | None, progress: Progress, *, resume: bool) -> RunResult:
    with ExitStack() as held:
        outcome = train(config, out, progress, resume=resume, held=held)
        if outcome.interrupted:
            return RunResult(outcome.folder, None, True)
        try:
            progress.stage("diagnosing")
            summary = diagnose(outcome.folder)
            progress.stage("writing the report")
            write_report(outcome.folder)
        except KeyboardInterrupt:
            return RunResult(outcome.folder, None, True)
        discard_checkpoints(outcome.folder)
    return RunResult(outcome.folder, summary, False)
