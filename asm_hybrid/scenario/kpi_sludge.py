"""Sludge for disposal: wasted, of the primary clarifier, and stored in the plant.

References
----------
.. [1] J. Alex et al. (2018), "Benchmark Simulation Model no. 1 (BSM1)", IWA Task Group, section 6.
"""

from __future__ import annotations

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.kpi_series import PlantSeries

__all__ = ["primary_sludge", "sludge_production"]


def sludge_production(series: PlantSeries) -> float:
    """Return the sludge for disposal [kg TSS/d].

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
        Solids wasted and in the primary sludge, and what tanks, settler and primary clarifier hold more in the last
        sample than in the first, by the time covered [1]_. The total production also counts the solids in the effluent.

    Raises
    ------
    InputError
        If the solids of the waste sludge or the inventory were not given.
    """
    if series.waste_tss is None or series.inventory is None:
        lacking = [n for n in ("waste_tss", "inventory") if getattr(series, n) is None]
        raise InputError(
            f"the series lack {' and '.join(lacking)}, from which sludge production follows",
            expected="waste_tss [g TSS/m3] and inventory, the solids in tanks and settler [g TSS]",
        )
    stored = series.rise(series.inventory) / series.days
    return (series.mean(series.wastage * series.waste_tss) + stored) / 1000 + primary_sludge(series)


def primary_sludge(series: PlantSeries) -> float:
    """Return the solids in the sludge of the primary clarifier [kg TSS/d]; zero without one.

    Parameters
    ----------
    series : PlantSeries
        A simulation.

    Returns
    -------
    float
    """
    if series.primary_sludge is None or series.primary_tss is None:
        return 0.0
    return series.mean(series.primary_sludge * series.primary_tss) / 1000
