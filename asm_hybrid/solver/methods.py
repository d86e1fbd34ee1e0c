"""The methods of `solve` by name, and what each needs."""

from __future__ import annotations

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.solver import butcher
from asm_hybrid.solver.noise import check_noisy_method
from asm_hybrid.solver.noise_steps import NOISY
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["ADAPTIVE", "FIXED", "check_method"]

ADAPTIVE = tuple(butcher.ADAPTIVE)
"""Explicit methods that choose their steps."""

FIXED = tuple(butcher.FIXED)
"""Explicit methods with fixed steps."""

_IN_THEIR_PLACE = {
    **dict.fromkeys(("explicit_adams", "implicit_adams", "fixed_adams"), "use dopri8 or tsit5, or torchdiffeq itself"),
    "scipy_solver": "use rodas5p in place of Radau, BDF and LSODA, and dopri5 or dopri8 in place of RK45 and DOP853",
    **dict.fromkeys(
        (
            "implicit_euler",
            "implicit_midpoint",
            "trapezoid",
            "radauIIA3",
            "radauIIA5",
            "gl4",
            "gl6",
            "sdirk2",
            "trbdf2",
        ),
        "use ros34pw2, rodas4 or rodas5p, with steps or without",
    ),
}
"""What to use for methods of torchdiffeq that are not offered here."""


def check_method(
    method: str, steps: int | None, where: str | None = None, step_size: float | None = None, noisy: bool = False
) -> None:
    """Check the name of a method, and that steps are given where it takes fixed ones, and only there.

    Parameters
    ----------
    method : str
        Its name.
    steps : int or None
        Steps from one time to the next.
    where : str, optional
        Where it is written, for messages.
    step_size : float, optional
        Greatest length of fixed steps.
    noisy : bool
        Whether the equation has noise.
    """
    options = (*ADAPTIVE, *FIXED, *STIFF)
    if noisy:
        check_noisy_method(method, where)
    elif method in NOISY:
        raise InputError(
            f"{method} is a method for equations with noise, and none is given",
            where=where,
            expected="a diffusion",
            fix="give diffusion=…, or use " + ("rodas5p" if NOISY[method].implicit else "dopri5"),
        )
    elif method not in options:
        raise InputError(
            f"there is no method {method!r}",
            where=where,
            expected="a method",
            fix=_IN_THEIR_PLACE.get(str(method)) or nearest(str(method), options),
        )
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int)):
        raise InputError(f"'steps' is {steps!r}", where=where, expected="a whole number")
    if steps is not None and step_size is not None:
        raise InputError("'steps' and 'step_size' are given", where=where, expected="one of them")
    given = "steps" if steps is not None else "step_size" if step_size is not None else None
    if method in ADAPTIVE and given:
        raise InputError(
            f"{method} chooses its steps itself, and {given!r} is given",
            where=where,
            expected="rtol and atol alone",
            fix=f"remove {given!r}, or use {' or '.join((*FIXED, *STIFF))}",
        )
    if (given is None and (method in FIXED or noisy)) or (steps is not None and steps < 1):
        found = "'steps' is missing" if steps is None else f"'steps' is {steps}"
        raise InputError(f"{method} takes fixed steps, and {found}", where=where, expected="steps from time to time")
