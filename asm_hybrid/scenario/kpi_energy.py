"""Energy of a plant, as the benchmark simulation models reckon it: aeration, pumps and mixers.

References
----------
[1] to [3] are those of :mod:`asm_hybrid.scenario.kpi`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from asm_hybrid.scenario.kpi_series import PlantSeries

__all__ = [
    "ORIGINAL_PUMPING",
    "PUMPING",
    "aeration_energy",
    "mixing_energy",
    "original_aeration_energy",
    "pumping_energy",
]

PUMPING: Mapping[str, float] = MappingProxyType(
    {"recycle": 0.004, "return_sludge": 0.008, "wastage": 0.05, "primary_sludge": 0.075}
)
"""Energy to pump [kWh/m3] [1]_; primary sludge as in BSM2 [3]_."""
ORIGINAL_PUMPING: Mapping[str, float] = MappingProxyType(dict.fromkeys(PUMPING, 0.04))
"""Original energy to pump [kWh/m3] [2]_."""
OXYGEN_PER_ENERGY = 1.8
"""Oxygen transferred [kg O2/kWh] [1]_, [3]_."""
MIXING_POWER = 0.005
"""Power of a mixer [kW/m3] [1]_, [3]_."""
MIXED_BELOW = 20.0
"""A tank whose kLa [1/d] is below this is mixed mechanically [1]_, [3]_."""


def aeration_energy(series: PlantSeries) -> float:
    """Return the energy for aeration [kWh/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
        Mean of Σ S_O,sat V kLa / 1.8 kg O2/kWh [1]_, [3]_.
    """
    transfer = sum((t.oxygen_saturation * t.volume * t.kla for t in series.tanks), np.zeros(series.time.shape))
    return series.mean(transfer) / (1000 * OXYGEN_PER_ENERGY)


def original_aeration_energy(series: PlantSeries) -> float:
    """Return the energy for aeration by the original formula [kWh/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
        Mean of 24 Σ V/1333 m3 (0.0007 kLa² + 0.3267 kLa): fine bubbles from porous disks 4 m deep [1]_, [2]_.
    """
    power = sum(
        (t.volume / 1333 * (0.0007 * t.kla**2 + 0.3267 * t.kla) for t in series.tanks), np.zeros(series.time.shape)
    )
    return 24 * series.mean(power)


def pumping_energy(series: PlantSeries, factors: Mapping[str, float] = PUMPING) -> float:
    """Return the energy for pumping [kWh/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    factors : mapping of str to float
        Energy for a flow [kWh/m3]: `PUMPING` [1]_, [3]_ or `ORIGINAL_PUMPING` [2]_.

    Returns
    -------
    float
        Mean of Σ factor × flow.
    """
    flows = {name: getattr(series, name) for name in factors}
    return sum(factors[name] * series.mean(flow) for name, flow in flows.items() if flow is not None)


def mixing_energy(series: PlantSeries) -> float:
    """Return the energy for mixers [kWh/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
        Mean of 24 × 0.005 kW/m3 × the volume of the tanks whose kLa is below 20 1/d [1]_, [3]_.
    """
    mixed = np.zeros(series.time.shape)
    for tank in series.tanks:
        mixed = mixed + (tank.kla < MIXED_BELOW) * tank.volume
    return 24 * MIXING_POWER * series.mean(mixed)
