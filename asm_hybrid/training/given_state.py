"""A state from which a fitted model shall start, as a user gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from asm_hybrid.errors import InputError, nearest, readable
from asm_hybrid.plant import Plant, torch_namespace

__all__ = ["GivenState", "as_stamp", "plant_state", "state_values"]

GivenState = Mapping[str, float] | pd.Series | pd.DataFrame | str | datetime
"""Values by the names of the states, one row for all members or one a member; or a time."""

WHERE = "start"
ROUNDING = 1e-6
"""How far below zero a state may be by rounding, in its unit."""


def as_stamp(time: str | datetime) -> pd.Timestamp:
    """Return a time in UTC.

    Parameters
    ----------
    time : str or datetime
        The time; without a zone it is UTC.

    Returns
    -------
    Timestamp

    Raises
    ------
    InputError
        When it is no time.
    """
    with readable("the start is no time", where=WHERE, expected="a time such as 2024-03-31T08:00, or a state"):
        stamp = pd.Timestamp(time)
        if pd.isna(stamp):
            raise ValueError("it is not a time")
        return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def plant_state(given: Any, plant: Plant, parameters: Tensor, members: int) -> np.ndarray:
    """Return a state of a plant.

    Parameters
    ----------
    given : mapping, Series or DataFrame
        Values by the names of the states, such as ``aerobic.S_NH``. Imposed concentrations may be left out.
    plant : Plant
        The plant.
    parameters : Tensor, shape (parameter,)
        Its parameters.
    members : int
        Members of the model.

    Returns
    -------
    ndarray, shape (member, row, component)

    Raises
    ------
    InputError
        When a state is missing or unknown, no number, or negative where it cannot be.
    """
    names, components = plant.rows.names, plant.table.component_names
    imposed = [f"{plant.layout.tank_names[i]}.{components[j]}" for i, j in np.argwhere(plant.free == 0)]
    turnover = np.asarray(plant.stoichiometry(parameters, torch_namespace()).detach().cpu())
    falls = (turnover < 0).any(axis=0) & (np.asarray(plant.limiting) == 0)  # nothing holds it at zero
    signed = [name for name in names if name.rpartition(".")[2] in np.array(components)[falls]]
    found = np.zeros((members, *plant.shape))
    found[:, plant.rows.active > 0] = state_values(given, names, members, optional=imposed, signed=signed)
    return found


def state_values(
    given: Any, names: Sequence[str], members: int, *, optional: Collection[str] = (), signed: Collection[str] = ()
) -> np.ndarray:
    """Return the values of states.

    Parameters
    ----------
    given : mapping, Series or DataFrame
        Values by the names of the states; a frame has one row, or one a member.
    names : sequence of str
        The states.
    members : int
        Members of the model.
    optional, signed : collection of str
        States that may be left out, and are zero then, and that may be negative.

    Returns
    -------
    ndarray, shape (member, state)

    Raises
    ------
    InputError
        When a state is missing or unknown, no number, or negative where it cannot be.
    """
    if not isinstance(given, Mapping | pd.Series | pd.DataFrame):
        expected = "a Series, dict or DataFrame by the names of the states, or a time of the record"
        raise InputError(f"the start is a {type(given).__name__}", where=WHERE, expected=expected)
    table = given if isinstance(given, pd.DataFrame) else pd.Series(given, dtype=object).to_frame().T
    rows = len(table)
    if rows not in (1, members):
        found, expected = f"the start has {rows} rows", "one row" + (f", or {members}" if members > 1 else "")
        raise InputError(found, where=WHERE, expected=expected, fix="choose one, such as states.iloc[[-1]]")
    held = [str(name) for name in table.columns]
    for name in held:
        if name not in names:
            expected = "the states of the model, such as " + ", ".join(names[:3])
            raise InputError(
                f"{name!r} is no state of the model", where=WHERE, expected=expected, fix=nearest(name, names)
            )
        if held.count(name) > 1:
            raise InputError(f"{name!r} is there twice", where=WHERE, expected="every state once")
    lacking = [name for name in names if name not in held and name not in optional]
    if lacking:
        shown = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
        fix = "give them all, as 'states' of a simulation has them"
        raise InputError(f"the start lacks {shown}", where=WHERE, expected=f"all {len(names)} states", fix=fix)
    table = table.set_axis(held, axis=1)
    columns = [_column(table[name], name, name in signed) if name in held else np.zeros(rows) for name in names]
    return np.broadcast_to(np.column_stack(columns), (members, len(names)))


def _column(values: pd.Series, name: str, signed: bool) -> np.ndarray:
    """Return the values of one state, once they are possible."""
    where, expected = f"{WHERE}, state {name}", "a finite number" + ("" if signed else ", zero or above")
    with readable("the state is not a number", where=where, expected=expected):
        found = values.to_numpy(dtype=float, na_value=np.nan)
    bad = ~np.isfinite(found) | ((found < -ROUNDING) & (not signed))
    if bad.any():
        raise InputError(f"the state is {found[bad][0]:g}", where=where, expected=expected)
    return np.asarray(found)
