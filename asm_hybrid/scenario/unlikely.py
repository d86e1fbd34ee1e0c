"""Ratios of flows and of the influent that no plant has, and nitrification that f and the record see differently.

A flow in m3/h that was given in m3/d, two columns of the influent that were swapped, or a concentration in mg that
was given in ug leave all balances closed. They show in ratios that engineers know [1]_, [2]_.

References
----------
.. [1] Metcalf & Eddy, Tchobanoglous, G. et al. (2014): Wastewater Engineering: Treatment and Resource Recovery, 5th
   ed., McGraw-Hill, chapters 3 and 8: sewage, retention, return and recycle ratios.
.. [2] Henze, M., van Loosdrecht, M. C. M., Ekama, G. A. and Brdjanovic, D., eds. (2008): Biological Wastewater
   Treatment: Principles, Modelling and Design. IWA Publishing, chapter 3: ratios of municipal sewage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from asm_hybrid.data import QualityFinding
from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant.acidity import sewage_doubt
from asm_hybrid.plant.inputs import INFLUENT
from asm_hybrid.scenario.operation import Operation, unknown_inputs
from asm_hybrid.scenario.plausible import Comparison, plain
from asm_hybrid.scenario.scoring import NAMES

__all__ = ["flow_findings", "nitrification_findings", "sewage_findings"]

RETENTION = (2.0, 240.0)
"""Hydraulic retention time of all tanks of plants that return sludge [h]: 3 to 36 as a rule [1]_."""
RETURN = (0.1, 5.0)
"""Return sludge over influent [-]: 0.25 to 1.5 as a rule, to 4 with membranes [1]_."""
RECYCLE = 0.25
"""Recycles over influent from which on they serve denitrification [-]: 1 to 6 as a rule; ditches have far more [1]_."""

SEWAGE = (
    ("TKN", "COD", 0.03, 0.3),
    ("ammonium", "TKN", 0.3, 0.98),
)
"""Ratios of sewage [g/g]: TKN over COD is 0.06 to 0.17, ammonium over TKN 0.5 to 0.8 as a rule [2]_."""

NITRIFIED = 0.25
"""Share of the influent's TKN that stays ammonium below which a plant nitrifies [-]."""
NOT_NITRIFIED = 0.5
"""The share above which it does not."""


def _warning(file: str, kind: str, message: str, expected: str, fix: str, column: str = "") -> QualityFinding:
    return QualityFinding("warning", file, column, "", kind, message, expected, fix)


def flow_findings(operation: Operation, file: str) -> Iterator[QualityFinding]:
    """Yield retention times and ratios of flows that no plant with return sludge has.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    flow, units = operation.input("Q_in"), "check values and units: m3/h or m3/d?"
    if unknown_inputs(operation.plant) or not operation.retains or not flow > 0:
        return
    volume = sum(t.volume for t in operation.tanks)
    hours = 24 * volume / flow
    if not RETENTION[0] <= hours <= RETENTION[1]:
        yield _warning(
            file,
            "flows",
            f"the water stays {hours:.3g} h in tanks that hold {plain(volume)} m3, at {plain(flow)} m3/d of influent",
            f"{RETENTION[0]:g} to {RETENTION[1]:g} h in plants that return sludge",
            units,
        )
    ratio = operation.input("return_sludge") / flow
    if not RETURN[0] <= ratio <= RETURN[1]:
        yield _warning(
            file,
            "flows",
            f"the return sludge ({plain(operation.input('return_sludge'))} m3/d) is {ratio:.2g} times the influent "
            f"({plain(flow)} m3/d)",
            f"{RETURN[0]:g} to {RETURN[1]:g} times",
            units,
        )
    recycled = sum(operation.input(spec.name) for spec in operation.plant.inputs.of_kind("recycle"))
    if 0 < recycled < RECYCLE * flow:
        yield _warning(
            file,
            "flows",
            f"all recycles together ({plain(recycled)} m3/d) are {recycled / flow:.2g} times the influent "
            f"({plain(flow)} m3/d), too little to serve denitrification",
            f"at least {RECYCLE:g} times, 1 to 6 as a rule",
            units,
        )


def sewage_findings(operation: Operation, file: str) -> Iterator[QualityFinding]:
    """Yield ratios within the influent that no sewage has.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    water = dict(operation.influent)
    ammonium = _ammonium(water)
    if ammonium is not None:
        water["ammonium"] = water[ammonium]
    for part, whole, low, high in SEWAGE:
        if part not in water or not water.get(whole, 0.0) > 0:
            continue
        ratio = water[part] / water[whole]
        if not low <= ratio <= high:
            yield _warning(
                file,
                "influent",
                f"{part} of the influent is {water[part]:.3g} g/m3 on average, {ratio:.2g} of its {whole} of "
                f"{water[whole]:.3g} g/m3",
                f"{low:g} to {high:g} in sewage",
                "check the units of the columns and constants of the influent, and whether two are swapped; a trade "
                "effluent may be so",
            )
    doubt = sewage_doubt(operation.plant.table, operation.expected.get(f"{INFLUENT}{PH}", math.nan))
    if doubt is not None:
        yield _warning(file, "influent", *doubt)


def nitrification_findings(
    operation: Operation, comparisons: Sequence[Comparison], file: str
) -> Iterator[QualityFinding]:
    """Yield measured ammonium that says that the plant nitrifies where f does not, or the other way round.

    Parameters
    ----------
    operation : Operation
        The mean operating point.
    comparisons : sequence of Comparison
        The measured variables, beside the steady state.
    file : str
        The file, for messages.

    Yields
    ------
    QualityFinding
        Warnings.
    """
    ammonium, nitrogen = _ammonium(operation.influent), operation.influent.get("TKN", 0.0)
    if ammonium is None or not nitrogen > 0 or not any(t.aerated for t in operation.tanks):
        return
    last = {"effluent", operation.tanks[-1].name}
    for c in comparisons:
        place, _, quantity = c.target.partition(".")
        if c.expected is None or place not in last or quantity != ammonium:
            continue
        f, plant = c.expected / nitrogen, c.measured / nitrogen
        if not (min(f, plant) < NITRIFIED and max(f, plant) > NOT_NITRIFIED):
            continue
        does, does_not = ("f", "the plant") if f < plant else ("the plant", "f")
        yield _warning(
            file,
            "nitrification",
            f"{does} nitrifies and {does_not} does not: {c.target} is {c.measured:.3g} {c.unit} on average, and f "
            f"settles at {c.expected:.3g}, of {nitrogen:.3g} g N/m3 TKN that come in",
            "both to nitrify, or neither: recalibration seldom bridges that",
            "check the flows and the wastage, which set the sludge age, the oxygen or kLa of the aerated tanks, the "
            f"influent, and the unit of {c.label}",
            c.label,
        )


def _ammonium(water: Mapping[str, float]) -> str | None:
    """Return the name that a table has for ammonium."""
    return next((name for name in NAMES["NH4"] if name in water), None)
