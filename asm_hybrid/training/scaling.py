"""Typical sizes, by which the inputs and outputs of n are scaled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Observation
from asm_hybrid.hybrid.network_inputs import LOAD, Reading
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant

__all__ = ["half_saturations", "measured_spread", "term_scaling"]

LEAST_SHARE, LEAST_CONCENTRATION, LEAST_TEMPERATURE = 0.01, 0.001, 0.25
"""Standard deviations over the training block below which something has not varied, and n can have learnt nothing from
it: a share of its mean, and for concentrations [unit of the component] and temperature [°C] no less than this. It is
what sensors resolve."""
NARROWEST = 8.0
"""A trained range counts for at least so many of these standard deviations: 2 °C, or 8 % of a flow."""


def measured_spread(observations: Sequence[Observation], block: tuple[float, float]) -> dict[str, float]:
    """Return the standard deviation of every measured variable in a block, at least its sensor's noise.

    Parameters
    ----------
    observations : sequence of Observation
        The measured variables.
    block : tuple of float
        Begin and end [d].

    Returns
    -------
    dict of str to float
        By target, in the unit of the variable; where several sensors measure it, the largest.
    """
    begin, end = block
    found: dict[str, float] = {}
    for o in observations:
        inside = o.values[(o.times >= begin) & (o.times <= end)]
        found[o.target] = max(found.get(o.target, 0.0), float(np.std(inside)) if inside.size else 0.0, o.noise)
    return found


def term_scaling(spec: TermSpec, system: PlantSystem, X: Tensor, u: Tensor, spread: dict[str, float]) -> TermScaling:
    """Return the typical sizes along f's trajectory over the training block.

    Parameters
    ----------
    spec : TermSpec
        The settings of n.
    system : PlantSystem
        Recalibrated f.
    X : Tensor, shape (time, row, component)
        Its states.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    spread : dict of str to float
        From :func:`measured_spread`.

    Returns
    -------
    TermScaling
    """
    placement = spec.placed(system.plant)
    with torch.no_grad():
        f = system.along(X, u)
        reading = Reading(system.plant, spec.inputs, placement.spots)
        seen = reading(f.X if placement.in_tanks else None, u, system.xp).flatten(0, -2)
        std, least = seen.std(0), _least(spec.inputs, seen.mean(0), system.plant.table)
    return TermScaling(
        mean=seen.mean(0),
        std=torch.where(std > 1e-9, std, torch.ones_like(std)),
        low=seen.amin(0),
        high=seen.amax(0),
        width=torch.maximum(seen.amax(0) - seen.amin(0), NARROWEST * least),
        varied=(std > least).to(std.dtype),
        typical=placement.typical(f, spread),
        level=f.X.mean((0, 1)),
        halves=half_saturations(spec, system.plant, system.parameters),
    )


def half_saturations(spec: TermSpec, plant: Plant, parameters: Tensor) -> Tensor | None:
    """Return the half-saturations of what n may take away of f's own answer.

    Parameters
    ----------
    spec : TermSpec
        The settings of n.
    plant : Plant
        The plant.
    parameters : Tensor, shape (parameter,)
        The parameters of f.

    Returns
    -------
    Tensor or None, shape (weakening,)
        In the units of the table, one for ``T``; None where the network keeps no signs.
    """
    signs = spec.architecture(plant).signs
    if signs is None:
        return None
    names = plant.table.parameter_names
    found = [1.0 if w.parameter is None else float(parameters[names.index(w.parameter)]) for w in signs.weakenings]
    return parameters.new_tensor(found)


def _least(names: Sequence[str], mean: Tensor, table: Table) -> Tensor:
    """Return the standard deviations above which what n reads has varied, ``(input,)``."""
    absolute = {"T": LEAST_TEMPERATURE} | dict.fromkeys(table.component_names, LEAST_CONCENTRATION)
    floor = [1e-9 if name.startswith(LOAD) else absolute.get(name.rpartition(".")[2], 1e-9) for name in names]
    return torch.maximum(LEAST_SHARE * mean.abs(), torch.tensor(floor, dtype=mean.dtype, device=mean.device))
