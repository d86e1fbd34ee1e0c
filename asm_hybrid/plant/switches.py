"""What switches by what is measured: on/off controllers, and time tables whose phases end by a measurement.

The equations stand once, for torch and CasADi alike (see :mod:`asm_hybrid.plant.namespace`).
"""

from __future__ import annotations

from collections.abc import Sequence

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.control import OnOff, tuned_values
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant import Plant

__all__ = ["switch_distances", "switch_names", "switched_values"]


def switch_names(plant: Plant) -> tuple[str, ...]:
    """Return what switches, by name; a cycle twice, as its phases end by time and by what is measured.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of str
    """
    found = [c.name for c in plant.controllers if isinstance(c.law, OnOff)]
    return (*found, *(cycle.name for cycle in plant.layout.cycles if cycle.states for _ in range(2)))


def switch_distances(
    plant: Plant, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
) -> list[Array]:
    """Return how far everything in `switch_names` is from switching; below zero it switches.

    Parameters
    ----------
    plant : Plant
        The plant.
    X, tanks : array, shape (…, row, component) and (…, tank, component)
        The state, and the effective state of the tanks.
    forcing : Forcing[Array]
        At the same time.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    list of array, shape (…, 1)
    """
    found: list[Array] = []
    for controller in plant.controllers:
        if isinstance(controller.law, OnOff):
            z = [plant.extra(X, name, xp) for name in controller.states]
            noisy = controller.sensor.noise > 0
            noise = plant.input(forcing.u, f"{controller.name}.noise", xp) if noisy else 0.0
            _, mode, _ = controller.split(z)
            seen = controller.seen(z, plant.sensed(controller, X, tanks, forcing, xp), noise, xp)
            tuned = tuned_values(controller, plant.table.parameter_names, forcing.parameters, xp)
            found.append(controller.law.distance(mode, seen, tuned))
    for cycle in plant.layout.cycles:
        if cycle.states:
            phase, clock = (plant.extra(X, name, xp) for name in cycle.states)
            found += cycle.distances(phase, clock, _ends(plant, cycle.name, X, tanks, forcing, xp), xp)
    return found


def switched_values(
    plant: Plant, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
) -> list[dict[str, Array]]:
    """Return what everything in `switch_names` makes of states when it switches.

    Parameters
    ----------
    plant, X, tanks, forcing, xp
        See `switch_distances`.

    Returns
    -------
    list of dict of str to array, shape (…, 1)
        By name of the state, its value behind the switch.
    """
    found: list[dict[str, Array]] = []
    for controller in plant.controllers:
        if isinstance(controller.law, OnOff):
            name = f"{controller.name}.mode"
            found.append({name: 1.0 - plant.extra(X, name, xp)})
    for cycle in plant.layout.cycles:
        if cycle.states:
            phase = plant.extra(X, cycle.states[0], xp)
            ends = _ends(plant, cycle.name, X, tanks, forcing, xp)
            following = cycle.following(phase, xp)
            for _ in cycle.phases[1:]:  # a phase whose end has come before it begins is left out
                over = 0.0 - cycle.distances(following, 0.0, ends, xp)[1]
                following = xp.where(over > 0.0, cycle.following(following, xp), following)
            found += [dict(zip(cycle.states, (following, 0.0 * phase), strict=True))] * 2
    return found


def _ends(
    plant: Plant, cycle: str, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
) -> Sequence[Array | None]:
    """Return what is measured to end the phases of a cycle, None where a phase ends by time alone."""
    phases = next(c.phases for c in plant.layout.cycles if c.name == cycle)
    return [plant.measured(X, tanks, forcing, p.until.measured, xp) if p.until else None for p in phases]
