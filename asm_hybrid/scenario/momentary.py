"""Indicators of the moment, as expressions: what the indicators of a simulation are the means of.

References
----------
[1] and [3] are those of :mod:`asm_hybrid.scenario.kpi`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import casadi

from asm_hybrid.scenario.kpi import QUALITY
from asm_hybrid.scenario.kpi_energy import MIXED_BELOW, MIXING_POWER, OXYGEN_PER_ENERGY, PUMPING
from asm_hybrid.scenario.scoring import stream_quantities

if TYPE_CHECKING:
    from asm_hybrid.plant.namespace import Matrix
    from asm_hybrid.scenario.compiled import CompiledPlant

__all__ = ["momentary_indicators"]


def momentary_indicators(compiled: CompiledPlant, volumes: Sequence[Matrix]) -> dict[str, tuple[str, Matrix]]:
    """Return the indicators of a plant at one moment.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    volumes : sequence of SX
        Volumes of its tanks [m3].

    Returns
    -------
    dict of str to (str, SX)
        Unit and expression by name: ``indicator.aeration_energy``, ``indicator.pumping_energy`` and
        ``indicator.mixing_energy`` [kWh/d], ``indicator.effluent_quality`` [kg/d] where the table has all that counts
        [1]_, [3]_.
    """
    c, plant = {name: e for name, (_, e) in compiled.recorded.items()}, compiled.plant
    water = stream_quantities(plant, c, "effluent")
    kla = [c[f"{tank.name}.kla"] for tank in plant.layout.tanks]
    flows = {
        "recycle": sum((c[spec.name] for spec in plant.inputs.of_kind("recycle")), casadi.SX(0.0)),
        "return_sludge": c["return_sludge"],
        "wastage": c["wastage"],
        "primary_sludge": c.get("primary_sludge.flow", casadi.SX(0.0)),
    }
    transfer = sum((c["saturation"] * v * k for v, k in zip(volumes, kla, strict=True)), casadi.SX(0.0))
    mixed = sum((casadi.if_else(k < MIXED_BELOW, v, 0.0) for v, k in zip(volumes, kla, strict=True)), casadi.SX(0.0))
    found = {
        "indicator.aeration_energy": ("kWh/d", transfer / (1000.0 * OXYGEN_PER_ENERGY)),
        "indicator.pumping_energy": ("kWh/d", sum((PUMPING[n] * q for n, q in flows.items()), casadi.SX(0.0))),
        "indicator.mixing_energy": ("kWh/d", 24.0 * MIXING_POWER * mixed),
    }
    if all(name in water for name in QUALITY):
        load = sum((w * water[name] for name, w in QUALITY.items()), casadi.SX(0.0)) * c["effluent.flow"]
        found["indicator.effluent_quality"] = ("kg/d", load / 1000.0)
    return found
