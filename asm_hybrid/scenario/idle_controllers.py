"""Controllers that do not control: at a limit and off their set point all the time, or without a switch."""

from __future__ import annotations

import numpy as np

from asm_hybrid.plant import Plant
from asm_hybrid.plant.control import PI
from asm_hybrid.scenario.compiled import PlantRecord

__all__ = ["control_warnings"]

MOST = 0.9
"""Share of the time from which on a controller at a limit does not control; an on/off one may switch before [-]."""
NEAR = 0.01
"""Share of the range of what is moved within which it is at a limit [-]; an actuator comes close and never arrives."""
OFF = 0.1
"""Share of the set point by which what is measured differs from it when it is not reached [-]."""


def control_warnings(plant: Plant, record: PlantRecord) -> tuple[str, ...]:
    """Return a sentence for every controller that does not control.

    A gain of the wrong sign or unit, a set point out of reach, and a dead band on the wrong side end in this.

    Parameters
    ----------
    plant : Plant
        The plant.
    record : PlantRecord
        Its simulation.

    Returns
    -------
    tuple of str
    """
    found = []
    for controller in plant.layout.controllers:
        law, name = controller.law, controller.sets[0]
        moved, measured = record.columns[name], record.columns[controller.measured]
        if not isinstance(law, PI):
            late = slice(int((1.0 - MOST) * len(moved)), None)
            if np.ptp(moved[late]) <= NEAR * abs(law.on - law.off):
                stays = law.on if abs(moved[-1] - law.on) < abs(moved[-1] - law.off) else law.off
                goal, key = (law.switch_off, "switch_off") if stays == law.on else (law.switch_on, "switch_on")
                found.append(
                    f"the controller {controller.name!r} does not switch: {controller.measured} is "
                    f"{_range(measured[late])} {controller.unit} and does not come to {key}, {goal:.4g}, while {name} "
                    f"stays at {stays:.4g} {record.units[name]}. Look at the values of on and off, and at which of "
                    "switch_on and switch_off is the higher one"
                )
            continue
        setpoint = record.columns[f"{controller.name}.setpoint"]
        missed = np.abs(measured - setpoint) > OFF * np.abs(setpoint)
        slack = NEAR * (law.high - law.low)
        for limit, which, at in (
            (law.low, "lower", moved <= law.low + slack),
            (law.high, "upper", moved >= law.high - slack),
        ):
            share = float((at & missed).mean())
            if share > MOST:
                found.append(
                    f"the controller {controller.name!r} does not reach its set point: {controller.measured} is "
                    f"{measured.mean():.4g} {controller.unit} on average, and should be {setpoint.mean():.4g}, while "
                    f"{name} is at its {which} limit of {limit:g} {record.units[name]} in {100 * share:.0f} % of the "
                    "time. Look at the sign and the unit of the gain, and at the limits"
                )
    return tuple(found)


def _range(values: np.ndarray) -> str:
    low, high = f"{values.min():.4g}", f"{values.max():.4g}"
    return low if low == high else f"{low} to {high}"
