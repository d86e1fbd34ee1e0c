"""Timing short pieces of a training on this machine."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import Config, parameter_values
from asm_hybrid.data import Dataset
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.training.cost import Cost, Pace, Timing, estimate, extent
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.from_config import make_grid, term_specs
from asm_hybrid.training.scaling import measured_spread, term_scaling
from asm_hybrid.training.sensors import between_knots, sensor_specs
from asm_hybrid.training.simulation_models import (
    SETTLING,
    NeuralModel,
    PlantModel,
    SimulationModel,
    without_gradients,
)
from asm_hybrid.training.windows import recorded_points

__all__ = ["machine_memory", "time_training", "training_cost"]

MANY = 64
"""Trajectories of the larger of two batches, from whose times a `Pace` follows."""
ALONG = 24
"""Knot intervals that are timed of a simulation without gradients, at most."""
SUBSTEPS = 3
"""Steps in a knot interval that are timed, at most."""
REPEATS = 3
"""Times that a piece is timed, after one that is not; the median counts, so that the load of the machine is in it."""
LONG = 0.3
"""Time from which a piece is timed once more alone, and the shorter of both counts: the first may hold what is loaded
and prepared once, which can be a hundred times as long as the piece [s]."""
MEMBERS = 8
"""Seeds that are timed, at most."""
WEIGHTS = 20_000_000
"""Weights of the networks from which nothing is timed, since that would take long itself."""
SAMPLED = 64
"""Knots from which typical sizes are taken for the n that is timed."""


def training_cost(config: Config, plant: Plant, dataset: Dataset, state: np.ndarray, start: float) -> Cost:
    """Return what a training will take on this machine.

    Parameters
    ----------
    config, plant, dataset, state, start
        As in `time_training`.

    Returns
    -------
    Cost
        Without times where the networks are too large to be timed.
    """
    work = extent(config, plant, dataset)
    small = work.weights * min(1.0, MEMBERS / work.members) < WEIGHTS
    return estimate(work, time_training(config, plant, dataset, state, start) if small else None)


def time_training(config: Config, plant: Plant, dataset: Dataset, state: np.ndarray, start: float) -> Timing:
    """Time one knot interval of everything that a training does again and again.

    Parameters
    ----------
    config, plant, dataset
        What is trained.
    state : ndarray, shape (row, component)
        A state of f.
    start : float
        What a steady state took [s].

    Returns
    -------
    Timing

    Raises
    ------
    InputError
        When the plant cannot be trained, or the device that is asked for is not there.
    """
    device = choose_device(config.device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a training
    try:
        return _Pieces(config, plant, dataset, state, device).timing(start)
    finally:
        torch.set_num_threads(threads)


class _Pieces:
    """The models of a training, at a state of f."""

    def __init__(self, config: Config, plant: Plant, dataset: Dataset, state: np.ndarray, device: torch.device):
        self.config, self.device, self.dataset = config, device, dataset
        grid = make_grid(config)
        between = between_knots(sensor_specs(config), grid.interval)
        points = recorded_points(dataset.observations, grid.interval, grid.substeps, between=between)
        grid = replace(grid, points=points)
        self.scale = max(1.0, grid.substeps / SUBSTEPS)
        if self.scale > 1.0:
            points = max(1, round(grid.points / self.scale))
            grid = replace(grid, interval=grid.interval / self.scale, substeps=SUBSTEPS, points=points)
        self.grid = grid
        values = parameter_values(config, plant.table)
        given = [values.get(p.name, p.default) for p in plant.table.parameters]
        parameters = torch.tensor(given, dtype=torch.float64, device=device)
        targets = tuple(o.target for o in dataset.observations)
        self.state = torch.as_tensor(state, dtype=torch.float64, device=device)
        self.inputs = torch.as_tensor(dataset.inputs[:SAMPLED], dtype=torch.float64, device=device)
        self.f = PlantModel(PlantSystem(plant, parameters, targets), self.grid)
        self.seeds = tuple(config.training.seeds[:MEMBERS])
        self.members = len(self.seeds)
        self.hybrid: PlantModel | None = None
        if config.model.mode == "hybrid":
            self.hybrid = PlantModel(PlantSystem(plant, parameters, targets, self._term(plant)), self.grid)

    def _term(self, plant: Plant) -> LearntTerms:
        system = self.f.system
        takes_part = participants(plant, plant.stoichiometry(system.parameters, torch_namespace()))
        spread = measured_spread(self.dataset.observations, self.dataset.blocks["train"])
        states = self.state.expand(len(self.inputs), -1, -1)
        terms = []
        for whole in term_specs(self.config, plant.table):
            spec = replace(whole, seeds=self.seeds)
            scaling = term_scaling(spec, system, states, self.inputs, spread)
            terms.append(LearntTerm(spec, plant, scaling, takes_part))
        return LearntTerms(terms).to(self.device)

    def timing(self, start: float) -> Timing:
        """Time every kind of piece."""
        variables = len(self.dataset.observations)
        ode = NeuralODE(
            torch.zeros(variables, dtype=torch.float64),
            torch.ones(variables, dtype=torch.float64),
            self.inputs.mean(0).cpu(),
            self.inputs.std(0).cpu() + 1.0,
            tuple(self.config.network.hidden),
            self.config.network.activation,
            self.seeds,
        ).to(self.device)
        neural = NeuralModel(ode, self.grid)
        zero = torch.zeros(variables, dtype=torch.float64, device=self.device)
        nothing, hybrid = Pace(0.0, 0.0), self.hybrid
        return Timing(
            f=self._plain_pace(self.f, self.state, 1),
            hybrid=self._plain_pace(hybrid, self.state, self.members) if hybrid else nothing,
            neural=self._plain_pace(neural, zero, self.members, settles=False),
            gradient=self._pace(hybrid, self.state, self.members, descends=True) if hybrid else nothing,
            neural_gradient=self._pace(neural, zero, self.members, descends=True, settles=False),
            forward=self._pace(hybrid, self.state, self.members) if hybrid else nothing,
            held=self._held(self.hybrid, self.state) if self.hybrid else 0.0,
            start=start,
        )

    def _plain_pace(self, model: SimulationModel, state: Tensor, members: int, *, settles: bool = True) -> Pace:
        """Return the time of a knot interval without gradients; compiled equations are written before."""
        plain = without_gradients(model)
        intervals = min(ALONG, len(self.inputs) - 1)
        self._run(plain, state, members, 1, descends=False, intervals=intervals)()
        return self._pace(plain, state, members, settles=settles, intervals=intervals)

    def _pace(
        self,
        model: SimulationModel,
        state: Tensor,
        members: int,
        *,
        descends: bool = False,
        settles: bool = True,
        intervals: int = 1,
    ) -> Pace:
        """Return the time of a knot interval, from one window and from many."""
        many = max(2, -(-MANY // members))
        runs = [self._run(model, state, members, n, descends=descends, intervals=intervals) for n in (1, many)]
        few, more = (self._seconds(run) for run in runs)
        each = max(0.0, more - few) / (members * (many - 1))
        first = SETTLING if settles else 1
        work = (first + intervals - 1) / self.scale  # intervals that were timed, in those of the training
        return Pace(max(0.0, few - each * members) / work, each / work)

    def _seconds(self, run: Callable[[], None]) -> float:
        first = self._timed(run)
        if first > LONG:
            return min(first, self._timed(run))
        return statistics.median(self._timed(run) for _ in range(REPEATS))

    def _timed(self, run: Callable[[], None]) -> float:
        begin = time.perf_counter()
        run()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begin

    def _run(
        self, model: SimulationModel, state: Tensor, members: int, windows: int, *, descends: bool, intervals: int
    ) -> Callable[[], None]:
        """Return what simulates the first knot intervals, and takes the gradient where it `descends`."""
        starts = state.expand(members, windows, *state.shape)
        inputs = self.inputs[: intervals + 1].expand(windows, -1, -1)

        def run() -> None:
            with torch.set_grad_enabled(descends):
                outputs = model.simulate(starts, inputs).outputs
                if descends:
                    outputs.square().sum().backward()  # type: ignore[no-untyped-call]

        return run

    def _held(self, model: PlantModel, state: Tensor) -> float:
        """Return the memory that the backward pass of a knot interval of one trajectory needs [byte]."""
        kept: dict[int, Tensor] = {}

        def keep(tensor: Tensor) -> Tensor:
            kept[tensor.untyped_storage().data_ptr()] = tensor
            return tensor

        windows = max(2, -(-MANY // self.members))
        starts = state.expand(self.members, windows, *state.shape)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            outputs = model.simulate(starts, self.inputs[:2].expand(windows, -1, -1)).outputs
        size = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        del outputs
        return size * self.scale / SETTLING / (self.members * windows)


def machine_memory(config: Config) -> float | None:
    """Return the memory of the device that a config trains on.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    float or None
        The memory [byte], within the limit of a container; None where it cannot be told.
    """
    if choose_device(config.device).type == "cuda":
        return float(torch.cuda.get_device_properties(0).total_memory)
    sizes = []
    if hasattr(os, "sysconf") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(os.sysconf_names):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of a container
        try:
            text = (Path("/sys/fs/cgroup") / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            sizes.append(int(text))
    return float(min(sizes)) if sizes else None
