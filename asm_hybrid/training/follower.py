"""What a process does that shares the windows of a training which another one leads."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor

from asm_hybrid.config import build_layout, load_config, with_loop_parameters
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import SimulationError
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.checkpoints import Checkpoints, packed, unpacked
from asm_hybrid.training.progress import Silent
from asm_hybrid.training.ranks import Ranks
from asm_hybrid.training.run_context import RunContext, run_context
from asm_hybrid.training.run_folder import MetricsLog
from asm_hybrid.training.stages.calibrate_f import CalibratedF
from asm_hybrid.training.stages.fit_neural import fit_neural
from asm_hybrid.training.stages.learn_n import learn_n
from asm_hybrid.training.stages.simulate_f import SimulatedF

__all__ = ["follow", "tell_f", "tell_run"]

OF_F = ("parameters", "start", "biases", "delays")


def tell_run(ranks: Ranks, folder: Path) -> None:
    """Tell those that follow which run they share, once its folder has config and table.

    Parameters
    ----------
    ranks : Ranks
        The processes.
    folder : Path
        The run folder, which they must be able to read.
    """
    ranks.told(str(folder.resolve()).encode())


def tell_f(ranks: Ranks, simulated: SimulatedF) -> None:
    """Tell those that follow what f is, and what it does over the record.

    Parameters
    ----------
    ranks : Ranks
        The processes.
    simulated : SimulatedF
        f and its trajectory.
    """
    if ranks.size > 1:
        tensors = {name: getattr(simulated.f, name) for name in OF_F}
        tensors |= {f"solution.{name}": t for name, t in vars(simulated.solution).items() if t is not None}
        ranks.told(packed(tensors, {}))


def follow(ranks: Ranks) -> None:
    """Share the windows of a training, to its last gradient step.

    Parameters
    ----------
    ranks : Ranks
        The processes, of which this one does not lead.

    Raises
    ------
    LostProcessError
        When the first process has ended, or another one.
    InputError
        When config or data cannot be read here.
    """
    torch.set_num_threads(1)
    folder = Path(ranks.told(b"").decode())
    config = load_config(folder / "config.yaml")
    table = with_loop_parameters(config, load_table(folder / "kinetics.yaml"))
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    with tempfile.TemporaryDirectory() as place:  # records that nobody reads: the first process has them
        checkpoints, log = Checkpoints(Path(place)), MetricsLog(Path(place) / "metrics.jsonl")
        context = run_context(config, plant, dataset, progress=Silent(), checkpoints=checkpoints, log=log)
        try:
            if config.model.mode == "hybrid":
                learn_n(context, _told_f(context), lambda n: None)
            if config.training.test or config.model.mode == "neural":
                fit_neural(context, lambda neural: None)
        except SimulationError:
            return  # the first process has it too, and says so
        finally:
            log.close()


def _told_f(context: RunContext) -> SimulatedF:
    """Return what `tell_f` tells."""
    tensors = {name: t.to(context.device) for name, t in unpacked(context.ranks.told(b"")).tensors.items()}
    f = CalibratedF(tensors["parameters"], tensors["start"], tensors["biases"], tensors["delays"])
    found: dict[str, Tensor] = {name.removeprefix("solution."): t for name, t in tensors.items() if "." in name}
    return SimulatedF(f, Solution(**found))
