"""Which parameters a factor may change from tank to tank while mass stays conserved."""

from __future__ import annotations

from collections.abc import Iterable

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.table import Table
from asm_hybrid.units import parse_unit

__all__ = ["check_factored"]


def check_factored(table: Table, name: str, where: str | None = None) -> None:
    """Raise an error unless a parameter is one that rates use and stoichiometry does not.

    A factor on a rate constant leaves ``ρ S`` in the span of ``S``, which conserves; one on a yield would need another
    ``S`` in every tank.

    Parameters
    ----------
    table : Table
        The kinetics table.
    name : str
        A parameter.
    where : str, optional
        File and line, for the message.
    """
    if name not in table.parameter_names:
        what = f"a parameter of {table.name}"
        raise InputError(
            f"{name!r} is not {what}", where=where, expected=what, fix=nearest(name, table.parameter_names)
        )
    fixed = {p.name: _names(p.stoichiometry.values()) for p in table.processes}
    users = [process for process, names in fixed.items() if name in names]
    used = _names(p.rate for p in table.processes)
    acids = table.equilibrium.parameters if table.equilibrium else ()
    points = [p.name for p in table.parameters if parse_unit(p.unit).zero]
    if not users and name in used and name not in (*points, *acids):
        return
    options = [n for n in table.parameter_names if n in used and not any(n in names for names in fixed.values())]
    options = [n for n in options if n not in (*points, *acids)]
    if name in points:
        found = f"{name!r} is a temperature in degC, which no factor can change"
    elif name in acids:
        found = f"{name!r} is a constant of the equilibrium, which is the same in all water of one temperature"
    elif users:
        found = f"{name!r} sets the stoichiometry of {users[0]!r}, which n may not change: mass would not be conserved"
    else:
        found = f"{name!r} is used by no rate of {table.name}, so that n on it would change nothing"
    raise InputError(
        found, where=where, expected="a parameter of rates alone: " + ", ".join(options), fix=f"remove {name!r}"
    )


def _names(expressions: Iterable[Expression]) -> set[str]:
    return {s.name for e in expressions for s in e.value.free_symbols}
