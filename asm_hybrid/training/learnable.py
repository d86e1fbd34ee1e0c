"""Whether a plant can be learnt through on the knots of a record: its time tables, volumes and controllers."""

from __future__ import annotations

from math import gcd

import numpy as np

from asm_hybrid.config import Config
from asm_hybrid.data import Dataset
from asm_hybrid.data.knots import TOLERANCE
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.system import check_learnable
from asm_hybrid.plant import Plant
from asm_hybrid.plant.late import RETURN
from asm_hybrid.plant.volumes import drifting, emptied, volume_course

__all__ = ["check_course", "volume_warnings"]


def check_course(config: Config, plant: Plant, dataset: Dataset) -> None:
    """Refuse a plant whose phases or volumes the knots of its record cannot follow.

    Parameters
    ----------
    config : Config
        The config.
    plant : Plant
        Its plant.
    dataset : Dataset
        Its record.

    Raises
    ------
    InputError
        For streams that arrive late; for a time table whose phases begin between knots, or whose steps would be joined
        by lines; for a tank that runs empty; and for samples of an effluent that does not flow.
    """
    try:
        check_learnable(plant)
    except InputError as error:
        where = config.where("plant", *_place(plant))
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None
    timed = [cycle for cycle in plant.layout.cycles if not cycle.states]
    if timed and config.data.interpolation == "linear":
        raise InputError(
            "inputs are joined by lines, and the phases of a time table begin at once",
            where=config.where("data", "interpolation"),
            expected="inputs that are held from knot to knot",
            fix="set interpolation: previous under data",
        )
    for cycle in timed:
        lengths = np.array([phase.duration for phase in cycle.phases])
        off = np.abs(lengths / dataset.interval - np.round(lengths / dataset.interval)) * dataset.interval > TOLERANCE
        if off.any():
            phase, seconds = cycle.phases[int(off.argmax())], [max(1, round(86400 * d)) for d in lengths]
            raise InputError(
                f"the phase {phase.name!r} takes {1440 * phase.duration:.6g} min, no whole number of the record's "
                f"intervals of {1440 * dataset.interval:.6g} min",
                where=config.where("plant", "cycles", cycle.name),
                expected="phases that begin at knots",
                fix=f"set data.interval: {gcd(*seconds) / 60:g} min, or a part of it",
            )
    varying = [t.name for t in plant.layout.tanks if t.variable]
    if varying and not _moved_flows(plant):
        _check_effluent(config, plant, dataset)
        empty = emptied(plant, dataset.times, _volumes(config, plant, dataset))
        if empty is not None:
            raise InputError(empty.found, where=config.where("plant", "tanks"), expected=empty.expected, fix=empty.fix)


def _place(plant: Plant) -> tuple[str, ...]:
    """Return the keys below ``plant`` of what cannot be learnt through."""
    if not plant.late:
        return ("cycles" if any(c.states for c in plant.layout.cycles) else "control",)
    name = plant.late[0].name
    if name == RETURN:
        return name, "delay"
    if name.startswith("recycle."):
        return "recycles", name.removeprefix("recycle."), "delay"
    return "control", name, "sensor"


def volume_warnings(config: Config, plant: Plant, dataset: Dataset) -> list[str]:
    """Return what is to be said of volumes that do not come back to where they were.

    Parameters
    ----------
    config, plant, dataset
        See `check_course`.

    Returns
    -------
    list of str
    """
    if not any(t.variable for t in plant.layout.tanks) or _moved_flows(plant):
        return []
    return drifting(plant, dataset.times, _volumes(config, plant, dataset))


def _check_effluent(config: Config, plant: Plant, dataset: Dataset) -> None:
    """Refuse samples of the effluent from times at which nothing flows out: the model has no concentration there."""
    outflow = (dataset.inputs @ plant.maps.to_effluent[:, 0]).sum(axis=-1)
    dry = np.concatenate([[0], np.cumsum(outflow <= 0.0)])
    for series in dataset.observations:
        if not series.target.startswith("effluent."):
            continue
        if series.flow is not None:
            raise InputError(
                f"{series.label} is a composite of the effluent by flow, but would be weighted by the influent's, "
                "which is another where volumes vary",
                where=config.where("data", "sources"),
                expected="composites by time, or samples of a moment",
                fix="set weight: time",
            )
        last = np.floor(series.times / dataset.interval + 1e-6).astype(int)
        first = np.maximum(np.floor((series.times - series.period) / dataset.interval + 1e-6).astype(int), 0)
        last = np.where(series.period > 0, np.ceil(series.times / dataset.interval - 1e-6).astype(int) - 1, last)
        count = int((dry[last + 1] > dry[first]).sum())
        if count:
            raise InputError(
                f"{count} of {len(series.times)} samples of {series.label} are from times at which nothing flows out",
                where=config.where("data", "sources"),
                expected="samples of the effluent from times at which it flows",
                fix="leave those rows empty, or, if the sensor is in the tank, compare it with the tank: as: "
                f"{plant.layout.tank_names[-1]}.{series.target.partition('.')[2]}",
            )


def _moved_flows(plant: Plant) -> bool:
    """Return whether controllers or measured phases move water, so that volumes do not follow from the record alone."""
    moves = np.asarray(plant.constants.net_inflow[:, 0].any(axis=1))
    moved = [name for c in plant.controllers for name in c.sets]
    moved += [name for cycle in plant.layout.cycles if cycle.states for name in cycle.inputs]
    return any(name in plant.input_index and moves[plant.input_index[name]] for name in moved)


def _volumes(config: Config, plant: Plant, dataset: Dataset) -> dict[str, np.ndarray]:
    """Return the volumes at the knots by tank [m³]."""
    held = config.data.interpolation == "previous"
    course = volume_course(plant, dataset.times, dataset.inputs[:-1], None if held else dataset.inputs[1:])
    return dict(zip(plant.layout.tank_names, course.T, strict=True))
