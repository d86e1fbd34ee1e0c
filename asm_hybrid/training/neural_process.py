"""What the second process of a run does: ``python -m asm_hybrid.training.neural_process FOLDER``."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import torch

from asm_hybrid.config import build_layout, load_config, with_loop_parameters
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant
from asm_hybrid.training.progress import Silent
from asm_hybrid.training.resume import check_resumable
from asm_hybrid.training.run_context import run_context
from asm_hybrid.training.second_process import NEURAL, own_records
from asm_hybrid.training.stages.fit_neural import fit_neural

__all__ = ["fit_beside"]


class _Lines(Silent):
    """Progress as JSON lines for the process that began this one."""

    def __init__(self) -> None:
        self._title, self._done, self._total = "", 0, 0

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage."""
        self._title, self._done, self._total = title, 0, total or 0

    def advance(self, note: str = "") -> None:
        """One step is done."""
        self._done += 1
        print(json.dumps([self._title, self._done, self._total, note]), flush=True)


def fit_beside(folder: Path) -> None:
    """Fit the pure neural ODE of a run that another process holds; what is learnt is in the checkpoints.

    Parameters
    ----------
    folder : Path
        The run folder.

    Raises
    ------
    InputError
        When config or data are not those that the run began with.
    SimulationError
        When all windows diverge.
    """
    check_resumable(folder)
    torch.set_num_threads(1)
    config = load_config(folder / "config.yaml")
    table = with_loop_parameters(config, load_table(folder / "kinetics.yaml"))
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    with own_records(folder) as (checkpoints, log):
        context = run_context(config, plant, dataset, progress=_Lines(), checkpoints=checkpoints, log=log)
        with context.clock.timed(NEURAL):
            fit_neural(context, lambda neural: None)


def _end_with_the_run() -> None:
    """Wait for the end of the standard input, which is that of the process that began this one."""
    while os.read(0, 1):  # not by sys.stdin, whose lock would be held when this process ends by itself
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    try:
        fit_beside(Path(sys.argv[1]))
    except AsmHybridError as error:
        sys.exit(str(error))
