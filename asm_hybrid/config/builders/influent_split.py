"""How the measured sums of a plant's influent become components."""

from __future__ import annotations

from asm_hybrid.config.builders.columns import series_targets
from asm_hybrid.config.builders.located import located
from asm_hybrid.config.builders.parameter_values import parameter_values
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.fractionation import Fractionation, find_family, make_fractionation
from asm_hybrid.plant.inputs import INFLUENT
from asm_hybrid.plant.layout import Layout

__all__ = ["build_fractionation", "influent_sums"]


def influent_sums(config: PlantFile, table: Table) -> dict[str, str]:
    """Return the measured sums of the influent that columns and constants may give.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.

    Returns
    -------
    dict of str to str
        Names such as ``influent.COD``, with their internal unit; empty without a fractionation.

    Raises
    ------
    InputError
        If the influent of the table cannot be fractionated.
    """
    if config.plant.influent.fractionation is None:
        return {}
    try:
        names = find_family(table).sums
    except InputError as error:
        raise located(error, config.where("plant", "influent", "fractionation")) from None
    return {f"{INFLUENT}{name}": table.composites[name].unit for name in names}


def build_fractionation(config: PlantFile, table: Table, layout: Layout) -> Fractionation | None:
    """Return how measured sums of the influent are split, or None where every component is given by itself.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet; its constants hold those of the influent.

    Returns
    -------
    Fractionation or None
        Family of the table, shares, and what is given by columns and constants.

    Raises
    ------
    InputError
        If what is given does not determine every component; with file and line.
    """
    section = config.plant.influent.fractionation
    if section is None:
        return None
    given = set(layout.constants) | set(series_targets(config))
    names = [name.removeprefix(INFLUENT) for name in given if name.startswith(INFLUENT)]
    try:
        return make_fractionation(table, parameter_values(config, table), section.shares, names, section.tss)
    except InputError as error:
        raise located(error, config.where("plant", "influent", "fractionation")) from None
