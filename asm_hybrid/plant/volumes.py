"""Volumes that vary, over a record: tanks that run empty, fill without end or drain away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant.plant import Plant

__all__ = ["drifting", "emptied", "unscheduled_flows", "volume_course"]

EMPTY = 0.01
"""Share of its volume at the start below which a tank counts as empty [-]."""
DRIFT = 0.1
"""Share of the volume at the start by which the volumes of the first and of the last quarter of a record differ when
they drift [-]."""


def volume_course(plant: Plant, times: np.ndarray, begin: np.ndarray, end: np.ndarray | None = None) -> np.ndarray:
    """Work out the volumes that vary from the inputs alone, where nothing measured moves a flow.

    Parameters
    ----------
    plant : Plant
        The plant.
    times : ndarray, shape (k + 1,)
        Ascending times [d].
    begin, end : ndarray, shape (k, input)
        Inputs at both ends of each interval, linear in between; without the latter they are held.

    Returns
    -------
    ndarray, shape (k + 1, tank)
        Volumes of all tanks at the times [m³].
    """
    middle = begin if end is None else (begin + end) / 2
    gained = middle @ plant.constants.net_inflow[:, 0] * np.diff(times)[:, None]
    varies = np.array([t.variable for t in plant.layout.tanks])
    start = plant.constants.volumes[:, 0]
    return np.asarray(start + np.vstack([np.zeros(len(start)), np.cumsum(gained, axis=0)]) * varies)


def unscheduled_flows(plant: Plant) -> tuple[str, ...]:
    """Return the flows by which volumes vary, and which neither a time table, nor a controller, nor a constant gives.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of str
        Inputs; none where no volume varies.
    """
    varies = np.array([t.variable for t in plant.layout.tanks])
    given = {name for cycle in plant.layout.cycles for name in cycle.inputs} | set(plant.layout.constants)
    given |= {name for controller in plant.controllers for name in controller.sets}
    moves = np.asarray(plant.constants.net_inflow[:, 0][:, varies].any(axis=1))
    return tuple(spec.name for spec, moved in zip(plant.inputs, moves, strict=True) if moved and spec.name not in given)


def emptied(plant: Plant, times: np.ndarray, volumes: Mapping[str, np.ndarray]) -> InputError | None:
    """Return what is to be said of the first tank that runs empty; None where none does.

    Parameters
    ----------
    plant : Plant
        The plant.
    times : ndarray, shape (k,)
        Times [d].
    volumes : mapping of str to ndarray, shape (k,)
        Volumes by tank [m³].

    Returns
    -------
    InputError or None
    """
    first: tuple[float, str, float] | None = None
    for tank in plant.layout.tanks:
        low = volumes[tank.name] < EMPTY * tank.volume if tank.variable else np.zeros(1, dtype=bool)
        if low.any():
            k = int(np.argmax(low))
            if first is None or times[k] < first[0]:
                first = float(times[k]), tank.name, tank.volume
    if first is None:
        return None
    time, name, volume = first
    return InputError(
        f"the tank {name!r} runs empty: of {volume:g} m3 at the start less than {EMPTY:.0%} is left at {time:.4g} d"
        + _cycle_in_words(plant, name),
        expected="a tank that never runs empty",
        fix=f"draw less from it, or end the phase in time, by until: {name}.volume < … m3",
    )


def drifting(plant: Plant, times: np.ndarray, volumes: Mapping[str, np.ndarray]) -> list[str]:
    """Return a sentence for every tank whose volume does not come back to where it was.

    Parameters
    ----------
    plant, times, volumes
        As `emptied` takes them.

    Returns
    -------
    list of str
    """
    span, found = times[-1] - times[0], []
    for tank in plant.layout.tanks:
        if not tank.variable:
            continue
        first, last = (
            volumes[tank.name][part] for part in (times <= times[0] + span / 4, times >= times[-1] - span / 4)
        )
        low, high = last.min() - first.min(), last.max() - first.max()
        if min(abs(low), abs(high)) > DRIFT * tank.volume and low * high > 0:
            whole = volumes[tank.name]
            found.append(
                f"the volume of {tank.name!r} does not come back to where it was: it {'grows' if low > 0 else 'falls'} "
                f"from {whole[0]:.5g} to {whole[-1]:.5g} m3 in {span:.4g} d" + _cycle_in_words(plant, tank.name)
            )
    return found


def _cycle_in_words(plant: Plant, tank: str) -> str:
    """Return what a cycle of known length brings and takes; nothing where there is none, or several."""
    known = [cycle for cycle in plant.layout.cycles if not cycle.states]
    if len(plant.layout.cycles) != 1 or not known or plant.controllers:
        return ""
    (cycle,), i = known, plant.layout.tank_index(tank)
    u = np.tile([plant.layout.constants.get(spec.name, 0.0) for spec in plant.inputs], (len(cycle.phases), 1))
    for name in cycle.inputs:
        u[:, plant.input_index[name]] = cycle.table(name)
    lengths = np.array([phase.duration for phase in cycle.phases])
    come, leave = (float(lengths @ (u @ flows[:, 0, i])) for flows in (plant.maps.inflow, plant.maps.outflow))
    return f". In a cycle of {24 * cycle.length:.4g} h {come:.5g} m3 come in and {leave:.5g} m3 leave"
