"""From sections ``process_noise`` to the diffusion of states in internal units."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from asm_hybrid.config.builders.located import known, located_quantity
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.plant.state_rows import Rows

__all__ = ["build_process_noise"]


def build_process_noise(
    given: Mapping[str, float | str], table: Table, layout: Layout, where: Callable[[str], str]
) -> ProcessNoise | None:
    """Return the noise of the states of a plant.

    Parameters
    ----------
    given : mapping of str to float or str
        Noise by component, for all tanks, or by ``TANK.COMPONENT``, which comes before that of all tanks: an amount in
        the unit of the component, or a share in %, both for the square root of a day.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    where : callable
        From a name in `given` to its file and line.

    Returns
    -------
    ProcessNoise or None
        None where no noise is given.

    Raises
    ------
    InputError
        If a name is unknown, a unit does not fit, an amount is negative, or a series gives the concentration.
    """
    if not given:
        return None
    rows, components = Rows(table, layout), list(table.component_names)
    single = [f"{tank}.{c}" for tank in layout.tank_names for c in components]
    absolute, relative = (np.zeros((rows.count, len(components))) for _ in range(2))
    for name in sorted(given, key=lambda n: "." in n):
        at = where(name)
        known(name, [*components, *single], "a component of a tank (TANK.COMPONENT), or one of all tanks", at)
        tank, _, component = name.rpartition(".")
        column = components.index(component)
        places = [layout.tank_names.index(tank)] if tank else range(len(layout.tank_names))
        share, amount = _noise(given[name], table.components[column].unit, at)
        for row in places:
            if (layout.tank_names[row], component) in layout.imposed:
                if not tank:
                    continue
                raise InputError(
                    f"{name} has noise, and a series gives its concentration",
                    where=at,
                    expected="a concentration that the model works out",
                    fix=f"remove {name} here, or the role 'imposed' of its column",
                )
            relative[row, column], absolute[row, column] = (amount, 0.0) if share else (0.0, amount)
    return ProcessNoise(absolute, relative)


def _noise(value: float | str, unit: str, where: str) -> tuple[bool, float]:
    """Return whether noise is a share of the state, and how much."""
    share = isinstance(value, str) and value.strip().endswith("%")
    amount = located_quantity(value, "-" if share else unit, where)
    if amount < 0.0:
        raise InputError(
            f"the noise is {value}",
            where=where,
            expected=f"zero or above, as an amount [{unit}] or a share [%], for the square root of a day",
            fix="remove the sign",
        )
    return share, amount
