"""The record that explanations compete over, from a config and its data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asm_hybrid.config import Config, calibration_bounds, parameter_values
from asm_hybrid.data import Dataset, Observation
from asm_hybrid.errors import InputError
from asm_hybrid.explanations.record import Record
from asm_hybrid.plant import Plant
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.sensors import between_knots, sensor_specs
from asm_hybrid.training.simulation_models import SETTLING
from asm_hybrid.training.windows import recorded_points

__all__ = ["record_of"]


def record_of(config: Config, plant: Plant, dataset: Dataset) -> Record:
    """Return what explanations are fitted to: all until the end of the validation block.

    Parameters
    ----------
    config : Config
        The config.
    plant : Plant
        f.
    dataset : Dataset
        Its data.

    Returns
    -------
    Record

    Raises
    ------
    InputError
        When set points, gains or switch points are calibrated: explanations change the kinetics table, which has none.
    """
    loops = [name for name in config.model.calibrate if "." in name]
    if loops:
        raise InputError(
            f"{loops[0]} of a controller is calibrated, and explanations work with parameters of the kinetics table",
            expected="a config that calibrates those alone",
            fix=f"write the value that was found into the controller, and take {loops[0]} out of model.calibrate",
        )
    grid = make_grid(config)
    blocks = {name: (max(begin, config.training.warmup), end) for name, (begin, end) in dataset.blocks.items()}
    last = min(len(dataset.inputs) - 1, int(np.ceil(blocks["validate"][1] / grid.interval - 1e-9)))
    observations = tuple(_until(o, last * grid.interval) for o in dataset.observations)
    own = parameter_values(config, plant.table)
    defaults = np.array([own.get(p.name, p.default) for p in plant.table.parameters])
    specs = sensor_specs(config)
    between = between_knots(specs, grid.interval)
    points = recorded_points(observations, grid.interval, grid.substeps, between=between)
    return Record(
        config=config,
        plant=plant,
        grid=replace(grid, points=points, settling=SETTLING),
        inputs=dataset.inputs[: last + 1],
        observations=observations,
        blocks=blocks,
        defaults=defaults,
        parameters=defaults,
        bounds=calibration_bounds(config, plant.table),
        delays=tuple(s.delay for s in specs),
    )


def _until(o: Observation, end: float) -> Observation:
    early = o.times <= end
    own = {name: getattr(o, name)[early] for name in ("times", "values", "rows", "censored")}
    return replace(o, **own)
