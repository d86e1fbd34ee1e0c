"""How gradients of a solution are found, and which of the ways can be used with what else is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.solver.butcher import TABLEAUS
from asm_hybrid.solver.delays import WITHOUT
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["ADJOINTS", "check_adjoint", "wanted_parameters"]

ADJOINTS = ("discrete", "checkpointed", "backsolve", "interpolated")
"""Through the steps; through the steps taken again; by the adjoint equation, with the state integrated backwards, or
interpolated between the steps."""

_APART = {
    "checkpointed": ("mass", "delays", "event", "dense", "times that carry gradients"),
    "backsolve": ("mass", "delays", "dense"),
    "interpolated": ("mass", "delays", "dense"),
}
"""What cannot be asked for beside each."""


def check_adjoint(adjoint: str, method: str, beside: Iterable[str] = (), where: str | None = None) -> None:
    """Refuse a way to find gradients that there is not, or that cannot be used with what else is asked for.

    Parameters
    ----------
    adjoint : str
        One of `ADJOINTS`.
    method : str
        The method of the solution.
    beside : iterable of str
        What else is asked for: 'mass', 'delays', 'event', 'dense', 'times that carry gradients'.
    where : str, optional
        Where it is written, for messages.

    Raises
    ------
    InputError
        With what can be used in its place.
    """
    if adjoint not in ADJOINTS:
        known = {"True": "write 'backsolve', which True stood for before", "False": "write 'discrete', or remove it"}
        raise InputError(
            f"there is no adjoint {adjoint!r}",
            where=where,
            expected="one of " + ", ".join(ADJOINTS),
            fix=known.get(str(adjoint)) or nearest(str(adjoint), ADJOINTS),
        )
    if adjoint == "backsolve" and method in STIFF:
        raise InputError(
            f"adjoint='backsolve' is asked for with {method}",
            where=where,
            expected="one of " + ", ".join(TABLEAUS),
            fix="use 'discrete', 'checkpointed' or 'interpolated': what decays fast forwards grows as fast backwards",
        )
    if adjoint == "interpolated" and method in WITHOUT:
        other = "dopri5 or tsit5" if method == "dopri8" else "rodas4 or ros34pw2"
        raise InputError(
            f"adjoint='interpolated' is asked for with {method}, which has no interpolation of its order",
            where=where,
            fix=f"use {other}, or 'discrete' or 'checkpointed'",
        )
    asked = [name for name in _APART.get(adjoint, ()) if name in beside]
    if asked:
        raise InputError(
            f"adjoint={adjoint!r} is asked for with {asked[0]}",
            where=where,
            expected=f"{adjoint} without " + ", ".join(_APART[adjoint]),
            fix="use adjoint='discrete': its gradient comes from the steps themselves",
        )


def wanted_parameters(
    adjoint: str, f: Any, parameters: Iterable[Tensor] | None, adjoint_options: Mapping[str, Any] | None
) -> tuple[Tensor, ...]:
    """Return what gradients are wanted for, beside the initial states and the times.

    Parameters
    ----------
    adjoint : str
        One of `ADJOINTS`.
    f : callable
        f, whose parameters it is by default.
    parameters : iterable of Tensor or None
        What a user has given.
    adjoint_options : mapping or None
        What a user says of the way back, which only the adjoint equation has.

    Returns
    -------
    tuple of Tensor
        Those that require gradients; none for ``discrete``, which finds them itself.

    Raises
    ------
    InputError
        When they cannot be told, or are given where they mean nothing.
    """
    if adjoint_options is not None and adjoint in ("discrete", "checkpointed"):
        raise InputError(
            f"'adjoint_options' is given with adjoint={adjoint!r}, which goes back through the steps",
            fix="remove it, or take 'backsolve' or 'interpolated'",
        )
    if adjoint == "discrete":
        if parameters is not None:
            raise InputError(
                "'parameters' is given with adjoint='discrete', which finds all that f uses", fix="remove it"
            )
        return ()
    if parameters is None:
        if not isinstance(f, nn.Module):
            raise InputError(
                f"adjoint={adjoint!r} is asked for, and f is no module",
                expected="parameters=…, what gradients are wanted for; () for none",
            )
        parameters = f.parameters()
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        raise InputError(f"'parameters' is {type(parameters).__name__}", expected="a tuple of tensors")
    listed = tuple(parameters)
    if not all(isinstance(p, Tensor) for p in listed):
        raise InputError("'parameters' holds something else than tensors", expected="a tuple of tensors")
    return tuple(p for p in listed if p.requires_grad)
