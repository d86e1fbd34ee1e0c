"""What does not change while a run trains: what is trained on what, and where its records go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.config import Config, parameter_values
from asm_hybrid.data import Dataset
from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.progress import Progress
from asm_hybrid.training.ranks import ALONE, Ranks, present_ranks
from asm_hybrid.training.run_folder import MetricsLog
from asm_hybrid.training.sensors import Sensors, between_knots, sensor_specs
from asm_hybrid.training.simulation_models import returns
from asm_hybrid.training.stage_clock import StageClock
from asm_hybrid.training.watching import Unwatched, Watch
from asm_hybrid.training.windows import recorded_points

__all__ = ["RunContext", "run_context"]


@dataclass(frozen=True)
class RunContext:
    """One run over one dataset, as every stage sees it.

    A stage is a function of the context and of what earlier stages have returned. What takes long is kept in
    checkpoints: a run that is resumed goes through all stages again, and takes from there what it had worked out.

    Attributes
    ----------
    config, plant, dataset
        What is trained.
    device : torch.device
        Where it is computed.
    grid : Grid
        Knots and steps, with as many recorded points as the measurements need.
    inputs : Tensor, shape (knot, input)
        Inputs of the record, on the device.
    blocks : dict
        Start and end of every block [d], after the warm-up.
    progress : Progress
        Receiver of progress.
    checkpoints : Checkpoints
        Of the run folder.
    log : MetricsLog
        Of the run folder.
    clock : StageClock
        Time of the stages.
    warm_start : FittedModel or None
        What another run has learnt, from which this one starts.
    watch : Watch
        Who watches the run.
    ranks : Ranks
        The processes that share the windows.
    """

    config: Config
    plant: Plant
    dataset: Dataset
    device: torch.device
    grid: Grid
    inputs: Tensor
    blocks: dict[str, tuple[float, float]]
    progress: Progress
    checkpoints: Checkpoints
    log: MetricsLog
    clock: StageClock
    warm_start: FittedModel | None = None
    watch: Watch = field(default_factory=Unwatched)
    ranks: Ranks = ALONE

    @property
    def targets(self) -> tuple[str, ...]:
        """What is measured, in the names of the plant, in the order of the observations."""
        return tuple(o.target for o in self.dataset.observations)

    @property
    def labels(self) -> tuple[str, ...]:
        """The same in the names of the data."""
        return tuple(o.label for o in self.dataset.observations)

    @property
    def defaults(self) -> Tensor:
        """Parameters of f before calibration, ``(parameter,)``."""
        overrides = parameter_values(self.config, self.plant.table)
        values = [overrides.get(p.name, p.default) for p in self.plant.table.parameters]
        return torch.tensor(values, dtype=torch.float64, device=self.device)

    @property
    def typical_inputs(self) -> Tensor:
        """What brings the plant to its start: mean inputs over the first ten days, ``(input,)``.

        For a plant that never comes to rest the inputs themselves, ``(knot, input)``, over as many whole cycles of its
        longest time table as there are in these days.
        """
        knots = max(2, min(len(self.inputs), round(10.0 / self.grid.interval)))
        if not returns(self.plant):
            return self.inputs[:knots].mean(0)
        cycle = max([1, *(round(c.length / self.grid.interval) for c in self.plant.layout.cycles)])
        return self.inputs[: max(1, (knots - 1) // cycle) * cycle + 1]

    def system(self, parameters: Tensor, term: LearntTerms | None = None) -> PlantSystem:
        """Return f, or f + n, with some parameters ``(…, parameter)``; it gives what is measured."""
        return PlantSystem(self.plant, parameters, self.targets, term)

    def new_sensors(self) -> Sensors:
        """Return the sensors of what is measured, of which nothing is learnt yet."""
        noise = torch.tensor([o.noise for o in self.dataset.observations], dtype=torch.float64)
        return Sensors(sensor_specs(self.config), noise, len(self.config.training.seeds)).to(self.device)

    def save(self, stage: str, tensors: dict[str, Tensor], facts: dict[str, Any] | None = None) -> None:
        """Keep what a stage has worked out, with the log and the times until then."""
        more = {"records": self.log.position, "log": self.log.text, "seconds": self.clock.now()}
        self.checkpoints.save(stage, tensors, (facts or {}) | more)


def run_context(
    config: Config,
    plant: Plant,
    dataset: Dataset,
    *,
    progress: Progress,
    checkpoints: Checkpoints,
    log: MetricsLog,
    warm_start: FittedModel | None = None,
    watch: Watch | None = None,
) -> RunContext:
    """Return the context of a run.

    Parameters
    ----------
    config, plant, dataset, progress, checkpoints, log, warm_start, watch
        As the attributes of `RunContext`.

    Returns
    -------
    RunContext
        With the processes that share this training.
    """
    device, grid = choose_device(config.device), make_grid(config)
    between = between_knots(sensor_specs(config), grid.interval)
    points = recorded_points(dataset.observations, grid.interval, grid.substeps, between=between)
    return RunContext(
        config=config,
        plant=plant,
        dataset=dataset,
        device=device,
        grid=replace(grid, points=points),
        inputs=torch.as_tensor(dataset.inputs, dtype=torch.float64, device=device),
        blocks={name: (max(start, config.training.warmup), end) for name, (start, end) in dataset.blocks.items()},
        progress=progress,
        checkpoints=checkpoints,
        log=log,
        clock=StageClock(checkpoints.seconds),
        warm_start=warm_start,
        watch=watch or Unwatched(),
        ranks=present_ranks(),
    )
