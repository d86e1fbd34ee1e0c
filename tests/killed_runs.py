"""Runs in processes that kill themselves, as a power cut would, at an instant that the test names.

The processes are forks of one that has imported all there is to import: most of the time of a short run goes there.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import torch
from small_plant import COLLOCATION_STEPS

from asm_hybrid import workflow
from asm_hybrid.training import collocation
from asm_hybrid.training import run as training_run
from asm_hybrid.training.checkpoints import Checkpoints

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["asm_hybrid.workflow", "asm_hybrid.training.run", "asm_hybrid.report.run_page"])


def killed(run: Path, config: Path, what: str, count: int) -> bool:
    """Train, or resume, in a process that kills itself; return whether it did.

    Parameters
    ----------
    run, config : Path
        Folder of the run, which is resumed where it is, and the config.
    what : str
        ``save`` and the name of a stage, whose checkpoint is written, or ``end``: a file is put in its place once the
        forecasts are made.
    count : int
        At which of these it happens.
    """
    process = _FORKS.Process(target=_train, args=(run, config, what, count))
    process.start()
    process.join()
    ended = process.exitcode
    process.close()
    assert ended in (0, -signal.SIGKILL), f"the process ended with {ended}; what it said is above"
    return ended != 0


def _train(run: Path, config: Path, what: str, count: int) -> None:
    torch.set_num_threads(1)
    collocation.STEPS = COLLOCATION_STEPS
    what, _, stage = what.partition(" ")
    if what == "save":
        Checkpoints.save = _killing(Checkpoints.save, count, stage)  # type: ignore[method-assign]
    else:
        write_results = training_run.write_results

        def begin(*args, **kwargs):
            os.replace = _killing(os.replace, count)
            return write_results(*args, **kwargs)

        training_run.write_results = begin
    if (run / "config.yaml").exists():
        workflow.resume_training(run)
    else:
        workflow.run_training(config, run)


def _killing(function: Callable, count: int, stage: str = "") -> Callable:
    """Return a function that ends this process at its count-th call, of those for a stage."""
    left = count

    def called(*args, **kwargs):
        nonlocal left
        left -= not stage or stage in args
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return called
