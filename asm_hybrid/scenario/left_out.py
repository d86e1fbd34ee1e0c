"""Indicators that cannot be told, and why: what a table lacks, and what is below zero."""

from __future__ import annotations

from dataclasses import replace

from asm_hybrid.kinetics import Table
from asm_hybrid.scenario.kpi import INDICES, QUALITY, can_index, flows
from asm_hybrid.scenario.kpi_factors import Factors, worked_out
from asm_hybrid.scenario.kpi_series import PlantSeries, Side

__all__ = ["affordable", "left_out"]

OF_INTEREST = (*QUALITY, "NH4", "TN")
"""Quantities that are missed where a table does not have them."""


def left_out(series: PlantSeries, table: Table) -> tuple[str, ...]:
    """Return what `evaluate` leaves out, and why.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    table : Table
        The kinetics table, which is named.

    Returns
    -------
    tuple of str
        A sentence each.
    """
    found = []
    for side, name in INDICES:
        if (side == "influent" and series.influent is None) or can_index(series, side):
            continue
        if not flows(series, side):
            found.append(
                f"{name}, means, loads and times above limits of the {side} are left out: no water flows there"
            )
            continue
        stream = series.stream(side)
        lacking = [q for q in QUALITY if q not in stream.concentrations]
        below = [q for q in QUALITY if q in stream.negative]
        reason = (
            f"the table {table.name} gives no {', '.join(lacking)} of the {side}"
            if lacking
            else f"{', '.join(below)} of the {side} holds concentrations below zero"
        )
        found.append(f"{name} is left out: {reason}")
    lacking = [q for q in OF_INTEREST if q not in series.effluent.concentrations]
    if lacking:
        found.append(f"means and loads of {', '.join(lacking)} are left out: the table {table.name} does not give them")
    if series.influent is not None and "BOD5" in set(series.effluent.concentrations) - set(
        series.influent.concentrations
    ):
        found.append("the influent's BOD5 is left out: it takes a parameter f_BOD above zero in the table")
    if series.waste_tss is None:
        found.append(f"sludge production and OCI are left out: the table {table.name} gives no TSS")
    means = sorted(series.effluent.negative & {*OF_INTEREST, "TP"})
    if means and flows(series, "effluent"):
        found.append(f"means and loads of {', '.join(means)} in the effluent hold concentrations below zero")
    return tuple(found)


def affordable(series: PlantSeries, factors: Factors) -> tuple[Factors, tuple[str, ...]]:
    """Return those factors for which the series have what they apply to, and what the others lack.

    Parameters
    ----------
    series : PlantSeries
        A simulation.
    factors : Factors
        Prices and emission factors.

    Returns
    -------
    Factors
    tuple of str
        A sentence for what is left out.
    """
    reasons, kept = [], factors
    if series.waste_tss is None and (factors.sludge_price is not None or factors.sludge_co2e is not None):
        kept = replace(kept, sludge_price=None, sludge_co2e=None)
        reasons.append("costs and emissions of sludge are left out: there is no TSS")
    charges = {}
    for name, price in factors.charges.items():
        if name in series.effluent.negative:
            reasons.append(f"the charge on {name} is left out: it holds concentrations below zero")
        elif name in series.effluent.concentrations:
            charges[name] = price
        else:
            reasons.append(f"the charge on {name} is left out: the table does not give it")
    kept = replace(kept, charges=charges)
    sides: tuple[Side, ...] = ("influent", "effluent") if factors.n2o and factors.n2o.of == "removed" else ("influent",)
    streams = [series.stream(side) for side in sides]
    if factors.n2o and factors.n2o.of != "denitrified" and not worked_out(series, factors):
        if any("TN" not in stream.concentrations for stream in streams):
            kept = replace(kept, n2o=None)
            reasons.append("N2O is left out: the table gives no TN")
        elif any("TN" in stream.negative for stream in streams):
            kept = replace(kept, n2o=None)
            reasons.append("N2O is left out: TN holds concentrations below zero")
    return kept, tuple(reasons)
