"""Findings about the constants of a plant: values that can be, and that are not to be expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asm_hybrid.config import input_keys, parameter_values
from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.kinetics.values import doubts
from asm_hybrid.plant.inputs import PlantInputs

if TYPE_CHECKING:
    from asm_hybrid.config import PlantFile
    from asm_hybrid.kinetics import Table
    from asm_hybrid.plant.layout import Layout

__all__ = ["CONSTANTS", "constant_findings", "unusual"]

CONSTANTS = ("parameter", "constant")
"""Kinds of these findings."""

RANGES = {
    "degC": (2.0, 42.0, "temperatures of water in treatment plants"),
    "1/d": (0.0, 1000.0, "oxygen transfer coefficients of aerated tanks"),
    "mol/m3": (0.0, 100.0, "alkalinities of sewage"),
}
"""Lowest and highest value to be expected, by unit of an input, and of what."""

DENSE = 100_000.0
"""Concentration that no water has, a tenth of its own weight [g/m3]."""


def constant_findings(config: PlantFile, table: Table, layout: Layout) -> list[QualityFinding]:
    """Return warnings about parameters outside the bounds of the table, and about unlikely constants.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        Its flow sheet, with the constants in internal units.

    Returns
    -------
    list of QualityFinding
        Warnings; what cannot be at all was refused when parameters and flow sheet were read.
    """
    found = []
    for doubt in doubts(table, parameter_values(config, table)):
        where = config.where("model", "parameters", doubt.name)
        fix = f"check value and unit of {doubt.name}; it is used as it is"
        found.append(QualityFinding("warning", where, "", "", "parameter", doubt.found, doubt.expected, fix))
    inputs = {spec.name: spec for spec in PlantInputs.of(layout, table) if spec.kind != "noise"}
    for name, value in layout.constants.items():
        odd = unusual(name, value, inputs[name].unit) if name in inputs else None
        if odd is not None:
            where = config.where(*input_keys(inputs[name]))
            found.append(QualityFinding("warning", where, "", "", "constant", *odd, "check the unit"))
    return found


def unusual(name: str, value: float, unit: str) -> tuple[str, str] | None:
    """Return what is unusual about a value of an input, and what would not be.

    Parameters
    ----------
    name : str
        The input.
    value : float
        Its value.
    unit : str
        Its internal unit. Flows have no range of their own.

    Returns
    -------
    (str, str) or None
        Found and expected; None where it may well be.
    """
    low, high, what = RANGES.get(unit, (0.0, DENSE, "concentrations in water"))
    if unit.endswith("m3/d") or low <= value <= high:
        return None
    return f"{name} is {value:g} {unit}, outside what is usual for {what}", f"{low:g} to {high:g} {unit}"
