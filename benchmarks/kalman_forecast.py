"""Rolling forecasts of a run from states that a Kalman filter gives, against those from the update that is in use.

    python benchmarks/kalman_forecast.py RUN [--models recalibrated hybrid]

Origins, horizons, inputs and the correction by earlier forecasts are those of the run's own forecasts. Every state of
a tank has noise, of one share for all, chosen among `SHARES` by the likelihood of the training block under the first
seed; the filter then passes over the record once, seed by seed. Errors are those of the median of the seeds. A ratio
below one says that the filter is better. It takes about 1 CPU second for 1000 knots, 40 states, a seed and a share.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.hybrid.compiled_system import open_values
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.training.compared_model import FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.kalman import KalmanFilter
from asm_hybrid.training.kalman_likelihood import first_belief
from asm_hybrid.training.kalman_steps import kalman_steps
from asm_hybrid.training.origins import (
    FORECAST_BLOCKS,
    HORIZONS,
    HOUR,
    choose_origins,
    choose_targets,
    knots_ahead,
)
from asm_hybrid.training.recorded_run import RunRecord, read_record
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.training.state_forecast import known_at_origins, plant_fluctuations, plant_outputs, read_forecasts
from asm_hybrid.training.windows import recorded_points

SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Noise as a share of the state [d^-½]."""


class Forecasts:
    """The forecast task of a run."""

    def __init__(self, folder: Path) -> None:
        self.run: RunRecord = read_record(folder)
        self.observations, model = self.run.variables, self.run.model
        points = recorded_points(self.observations, model.grid.interval, model.grid.substeps)
        self.model = replace(model, grid=replace(model.grid, points=points))
        self.interval = model.grid.interval
        self.blocks = {k: (self.run.days(a), self.run.days(b)) for k, (a, b) in self.run.blocks.items()}
        self.inputs = torch.as_tensor(self.run.inputs)
        chosen = {name: choose_origins(self.blocks, name, self.interval) for name in FORECAST_BLOCKS}
        knots = np.concatenate([o.knots for o in chosen.values()])
        self.block_of = np.repeat(list(chosen), [len(o.knots) for o in chosen.values()])
        low, high = (np.array([self.blocks[n][k] for n in self.block_of]) for k in (0, 1))
        targets = tuple(choose_targets(o, knots * self.interval, (low, high), self.interval) for o in self.observations)
        begin, end = self.blocks["train"]
        step = max(1.0, HOUR / self.interval)
        hourly = np.unique(np.arange(ceil(begin / self.interval), end / self.interval, step).astype(int))
        record = FittedRecord(self.model, self.run.dataset, self.inputs, self.blocks, None)
        self.task = ForecastTask(record, knots, targets, knots_ahead(self.interval), hourly)

    def errors(self, forecasts: list[np.ndarray]) -> dict[tuple[str, str, int], float]:
        """Return root mean squared errors by variable, block and horizon."""
        out = {}
        for o, at, y in zip(self.observations, self.task.targets, forecasts, strict=True):
            error = censored_error(np.median(y, axis=0) - o.values[at.sample], o.censored[at.sample])
            for block in FORECAST_BLOCKS:
                for horizon in HORIZONS:
                    k = (at.horizon == horizon) & (self.block_of[at.origin] == block)
                    if k.any():
                        out[o.label, block, horizon] = float(np.sqrt(np.mean(error[k] ** 2)))
        return out

    def filter(self, system: PlantSystem, end: float) -> KalmanFilter:
        """Return a filter from the begin of the record to a time."""
        grid = self.model.grid
        knots = min(len(self.inputs), ceil(end / self.interval) + 1)
        return KalmanFilter(
            kalman_steps(system, grid.substeps, grid.linear),
            self.observations,
            np.ascontiguousarray(self.run.inputs[:knots]),
            self.interval,
            0.0,
            min(end, self.interval * (knots - 1)),
        )

    def compare(self, which: str) -> dict[str, Any]:
        """Print both errors of a model, and return what becomes of them."""
        began = time.process_time()
        own = which == "recalibrated"
        model = self.model.recalibrated() if own else self.model.hybrid()
        show = self.model.sensors.of_f if own else self.model.sensors.read
        members = 1 if own or self.model.term is None else self.model.term.members
        system, grid = model.system, self.model.grid
        start = self.model.start[1].expand(members, -1, -1)
        solution = without_gradients(model).simulate(start, self.inputs, record_knots=True)
        with torch.no_grad():
            shown = show(solution.outputs, grid.spacing)
        loop = OpenLoop(self.task.record.read(shown, grid.points), solution.knots)
        seen = torch.as_tensor(self.task.hourly)
        assert loop.trajectory is not None
        noise = [o.noise for o in self.observations]
        moving = plant_fluctuations(model, loop.trajectory[:, seen], self.inputs[seen], noise)
        present = read_forecasts(self.task, loop, plant_outputs(self.task, loop, model, show, moving), grid.points)
        share, states = self.filtered(system, start, loop.trajectory[:, torch.as_tensor(self.task.knots)])
        with torch.no_grad():
            driven = known_at_origins(self.task, loop).inputs
            outputs = show(without_gradients(model).simulate(states, driven).outputs, grid.spacing)
        found = self.errors(read_forecasts(self.task, loop, outputs, grid.points))
        before, out = self.errors(present), {}
        for key, error in before.items():
            print(which, *key, f"{error:.4g} {found[key]:.4g} {found[key] / error:.3f}")
        for block in FORECAST_BLOCKS:
            ratios = [np.log(found[k] / before[k]) for k in before if k[1] == block]
            out[block] = round(float(np.exp(np.mean(ratios))), 3)
        return out | {"share": share, "cpu_s": round(time.process_time() - began, 1)}

    def filtered(self, system: PlantSystem, start: Tensor, states: Tensor) -> tuple[float, Tensor]:
        """Return the likeliest noise, and the states at the origins, in place of those of the open loop."""
        plant, members = system.plant, len(start)
        active, values = plant.rows.active > 0, open_values(system, (members,))
        tanks = np.zeros(plant.shape)
        tanks[: plant.tanks] = plant.free > 0
        noises = {s: ProcessNoise(np.zeros(int(active.sum())), s * tanks[active]) for s in SHARES}
        belief = first_belief(plant, start[0].numpy())
        training = self.filter(system, self.blocks["train"][1])
        costs = {s: training.run(belief, noise, values((0,))).cost for s, noise in noises.items()}
        share = min(costs, key=lambda s: costs[s])
        print("minus log-likelihood of the training block:", {s: round(c, 1) for s, c in costs.items()})
        whole, found = self.filter(system, self.interval * (len(self.inputs) - 1)), states.numpy().copy()
        for k in range(members):
            found[k][:, active] = whole.run(belief, noises[share], values((k,))).states[self.task.knots]
        return share, torch.as_tensor(found)


def main() -> None:
    """Print the errors of both, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--models", nargs="+", default=["recalibrated", "hybrid"])
    chosen = parser.parse_args()
    forecasts = Forecasts(chosen.run)
    print("model, variable, block, horizon [h], error by the update in use, error by the filter, ratio")
    print(json.dumps({which: forecasts.compare(which) for which in chosen.models}))


if __name__ == "__main__":
    main()
