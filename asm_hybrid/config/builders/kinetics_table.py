"""The kinetics table that a config names."""

from __future__ import annotations

from asm_hybrid.config.builders.loop_parameters import with_loop_parameters
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table, load_table

__all__ = ["load_kinetics"]


def load_kinetics(config: PlantFile) -> Table:
    """Load the kinetics table that ``model.kinetics`` names, with what is calibrated of controllers behind it.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If there is no such table, with the config's line; or if the table cannot be used, with its own.
    """
    try:
        table = load_table(config.kinetics)
    except InputError as error:
        path = str(config.kinetics)
        if error.where not in (None, path):
            raise
        found = f"{path}: {error.found}" if error.where else error.found
        where = config.where("model", "kinetics")
        raise InputError(found, where=where, expected=error.expected, fix=error.fix) from None
    return with_loop_parameters(config, table)
