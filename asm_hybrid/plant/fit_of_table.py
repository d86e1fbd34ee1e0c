"""Whether a kinetics table and a layout fit each other."""

from __future__ import annotations

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.rate_inputs import check_inputs
from asm_hybrid.plant.control import Controller, sorted_controllers
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.quantities import Quantities
from asm_hybrid.plant.settler import TakacsSettler
from asm_hybrid.plant.state_rows import Rows

__all__ = ["check_fit", "check_imposed"]


def check_fit(table: Table, layout: Layout, inputs: PlantInputs, rows: Rows, quantities: Quantities) -> None:
    """Check that the table has what the layout needs, and the layout what table and controllers name.

    Parameters
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.
    inputs, rows, quantities
        What both together give.

    Raises
    ------
    InputError
        For the first thing that is missing.
    """
    aerated = [t.name for t in layout.tanks if t.aerated or t.air]
    if aerated and table.oxygen is None:
        raise InputError(
            f"tank {aerated[0]!r} is aerated, but the table {table.name!r} names no dissolved oxygen",
            fix="name it in the table (oxygen: S_O), or drop the kla or air",
        )
    check_imposed(table, layout)
    if isinstance(layout.settler, TakacsSettler) and "TSS" not in table.composites:
        raise InputError(
            f"the table {table.name!r} has no composite TSS, by which solids settle in layers",
            fix="add it to the composites of the table, or use the ideal settler",
        )
    for controller in sorted_controllers(layout.controllers):
        _check_controller(controller, layout, inputs, rows, quantities)
    check_inputs(table.inputs, inputs.names)
    _check_volumes(table, layout)


def check_imposed(table: Table, layout: Layout) -> None:
    """Check that a tank has one source of oxygen, and that it is known by how much air gases are stripped.

    Parameters
    ----------
    table : Table
        The reactions.
    layout : Layout
        The flow sheet.

    Raises
    ------
    InputError
        For imposed oxygen and aeration in one tank, where this would strip nothing; and for imposed oxygen without
        aeration, where it would.
    """
    aerated = {t.name for t in layout.tanks if t.aerated or t.air}
    gases = [gas.component for gas in table.gases]
    for tank, component in layout.imposed:
        if component != table.oxygen or (tank in aerated) == bool(gases):
            continue
        if not gases:
            raise InputError(
                f"tank {tank!r} has both an imposed {component} and aeration",
                fix="drop the kla or air of that tank (a column TANK.air may stay, for n to read), or give the "
                "oxygen column the role 'observation'",
            )
        raise InputError(
            f"the {component} of tank {tank!r} is imposed, and nothing says how much air strips {', '.join(gases)}",
            expected="aeration beside the imposed oxygen, which strips gases and leaves the oxygen as it is imposed",
            fix=f"give the tank {tank!r} 'air: {{flow: measured, sote: …}}' or 'kla' (0 where it is not aerated); or "
            f"take a table that 'extends: {table.name}' with 'gases: null', by which nothing is stripped",
        )


def _check_volumes(table: Table, layout: Layout) -> None:
    varying = [t.name for t in layout.tanks if t.variable]
    read = [i for i in table.inputs if i.name == "here.volume"]
    if varying and read:
        raise InputError(
            f"the rate reads {read[0].name!r}, and the volume of tank {varying[0]!r} varies",
            where=read[0].where,
            expected="tanks whose volumes stay as they are",
            fix="write the rate for a m3 of water, without the volume",
        )


def _check_controller(
    controller: Controller, layout: Layout, inputs: PlantInputs, rows: Rows, quantities: Quantities
) -> None:
    if controller.measured not in rows.extra:
        place, quantity = quantities.observation(controller.measured)
        if place not in layout.tank_names:
            raise InputError(
                f"the controller {controller.name} measures {controller.measured!r}, which is not in a tank",
                expected="TANK.QUANTITY",
                fix=f"measure in the last tank: {layout.tank_names[-1]}.{quantity}",
            )
    for target in controller.sets:
        if target not in inputs.positions:
            raise InputError(
                f"the controller {controller.name} sets {target!r}, which is no input of the plant",
                expected="a flow, TANK.kla, TANK.air or CONTROLLER.setpoint",
                fix=nearest(target, inputs.positions),
            )
