"""The pure neural ODE, which needs nothing of the other stages, fitted in a process of its own beside them.

That process advances the checkpoints of the fit, and nothing else. This one then goes on from them as a resumed run
does, to the same bits: with all steps done there is nothing left to do, and where the other has failed, ended early, or
was never begun, the rest of the fit is done here. So nothing depends on whether and when the other process works.

It is begun by ``python -m``, since `multiprocessing` would want a guarded main part of every script. It ends when its
standard input does, and so when this process ends in whatever way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from asm_hybrid.artefacts import make_folder
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.progress import Progress
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.run_folder import MetricsLog

__all__ = ["NEURAL", "SecondProcess", "own_records", "second_process"]

NEURAL = "neural"
"""Of the fit in the clock, and its folder among the checkpoints."""
MODULE = "asm_hybrid.training.neural_process"
ENOUGH = 5000
"""Steps from knot to knot that the fit takes one after the other, from which a second process is worth its start."""
PAUSE = 0.2
"""Time between two looks at a process that is waited for [s]."""


@contextmanager
def own_records(folder: Path) -> Iterator[tuple[Checkpoints, MetricsLog]]:
    """Give the checkpoints and the log of the fit, which know nothing of the other stages.

    Parameters
    ----------
    folder : Path
        The run folder.

    Yields
    ------
    tuple of Checkpoints and MetricsLog
    """
    checkpoints = Checkpoints(folder, NEURAL)
    make_folder(checkpoints.folder, parents=False)
    log = MetricsLog(checkpoints.folder / "metrics.jsonl", checkpoints.log)
    try:
        yield checkpoints, log
    finally:
        log.close()


class SecondProcess:
    """A process that fits the pure neural ODE of a run.

    Parameters
    ----------
    folder : Path
        The run folder, which this process holds.
    progress : Progress
        Is told what the other does, whenever `show` is called.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._progress, self._last = progress, ("", 0, 0, "")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        package = str(Path(__file__).parents[2])
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        own: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is for this process, which then ends the other
        if sys.platform == "win32":
            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, str(folder.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
            **own,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[bytes]) -> None:
        with suppress(ValueError, OSError):  # closed, or cut within a line
            for line in stream:
                self._last = tuple(json.loads(line))

    def show(self) -> None:
        """Tell the receiver of progress how far the other process is."""
        title, done, total, note = self._last
        if title:
            self._progress.beside(title, done, total, note)

    def wait(self) -> None:
        """Wait until the other process has ended; say so if it failed."""
        while self._process.poll() is None:
            self.show()
            time.sleep(PAUSE)
        self._reader.join()
        self.show()
        if self._process.returncode:
            self._progress.say(f"the second process ended early{self._reason()}; this one goes on with its fit")

    def _reason(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1]})" if lines else f" (exit code {self._process.returncode})"

    def end(self) -> None:
        """End the other process, whatever it does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            stream.close()


@contextmanager
def second_process(
    context: RunContext, folder: Path, watch: Callable[[Callable[[], None]], None]
) -> Iterator[SecondProcess | None]:
    """Begin to fit the pure neural ODE in a second process, where that pays; it has ended at the end.

    Parameters
    ----------
    context : RunContext
        The run.
    folder : Path
        Its folder, with config, table, and what the run began with.
    watch : callable
        Gets what shows how far the other process is.

    Yields
    ------
    SecondProcess or None
        None where there is one core alone, little to do, nothing to do beside it, or a GPU, which one process at a time
        shall have.
    """
    process = None
    alone = context.config.model.mode == "neural" or context.device.type != "cpu" or _cores() < 2
    # A trial has no such fit, and processes that share the windows of a training share those of this fit too.
    alone = alone or not context.config.training.test or context.ranks.size > 1
    if not alone and _steps(context) >= ENOUGH and sys.executable:
        with suppress(OSError):  # no room for another process, or none may be begun
            process = SecondProcess(folder, context.progress)
            watch(process.show)
    try:
        yield process
    finally:
        if process is not None:
            process.end()


def _steps(context: RunContext) -> int:
    """Return how many knot intervals the fit simulates one after the other."""
    training = context.config.training
    window = max(1, round(training.window / context.grid.interval))
    validations = 1 + training.iterations // training.validate_every
    return training.iterations * window + validations * round(context.blocks["validate"][1] / context.grid.interval)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
