"""What a user may say about the steps, and the tolerances where nothing is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import InputError, nearest

__all__ = ["MOST_STEPS", "StepOptions", "as_tolerance", "default_tolerances", "sizes"]

MOST_STEPS = 100_000
"""Steps from one time to the next, at most."""

_TOLERANCES = {
    torch.float64: (1e-7, 1e-9),
    torch.float32: (1e-5, 1e-6),
    torch.float16: (1e-2, 1e-3),
    torch.bfloat16: (5e-2, 1e-2),
}
"""Relative and absolute tolerance, by the type of the states: far enough above what the type can tell apart."""


def default_tolerances(dtype: torch.dtype) -> tuple[float, float]:
    """Return the tolerances for states of a type.

    Parameters
    ----------
    dtype : torch.dtype
        The type; one that is not known has those of double precision.

    Returns
    -------
    tuple of (float, float)
        Relative [-], and absolute in the unit of the states.
    """
    return _TOLERANCES.get(dtype, _TOLERANCES[torch.float64])


_ELSEWHERE = {
    "perturb": "name the times at which f jumps in jump_t",
    "grid_constructor": "name the times at which steps end in step_t, with steps=1",
    "interp": "remove it: events with fixed steps are as exact as the steps",
}
"""What to do for options of torchdiffeq that are not offered here."""


@dataclass(frozen=True)
class StepOptions:
    """Options of the steps; lengths are positive, whichever way the times run.

    Attributes
    ----------
    first_step : float or None
        Length of the first step that is tried; from the slopes at the start by default [1]_.
    min_step, max_step : float
        Least and greatest length. A step of the least length is taken, whatever its error.
    max_num_steps : int
        Steps from one time to the next, at most.
    step_size : float or None
        Greatest length of fixed steps, in place of a number of steps from time to time.
    step_t : tuple of float
        Times at which a step ends.
    jump_t : tuple of float
        Times at which f jumps: a step ends just before, and the next begins just behind.
    norm : callable or None
        From errors over their tolerances, shaped as the state, to one number; a step is taken where it is one at most.
        By default the root mean square, and the largest of these for several tensors.

    References
    ----------
    .. [1] E. Hairer, S. P. Nørsett, G. Wanner (1993), "Solving Ordinary Differential Equations I", second edition,
       Springer, section II.4.
    """

    first_step: float | None = None
    min_step: float = 0.0
    max_step: float = math.inf
    max_num_steps: int = MOST_STEPS
    step_size: float | None = None
    step_t: tuple[float, ...] = ()
    jump_t: tuple[float, ...] = ()
    norm: Callable[[Any], Any] | None = None

    @staticmethod
    def of(given: Mapping[str, Any] | None, name: str = "options") -> StepOptions:
        """Check what a user has given."""
        known = [field.name for field in fields(StepOptions)]
        if not isinstance(given, Mapping | None):
            raise InputError(f"{name} is {type(given).__name__}", expected="a mapping", fix=f"use {', '.join(known)}")
        given = dict(given or {})
        for key in given:
            if key not in known:
                raise InputError(
                    f"{name} has no entry {key!r}",
                    expected="an option of steps",
                    fix=_ELSEWHERE.get(key) or nearest(str(key), known),
                )
        for key in ("first_step", "min_step", "max_step", "step_size"):
            if given.get(key) is not None:
                given[key] = _length(given[key], f"{name}[{key!r}]", least=key == "min_step")
        for key in ("step_t", "jump_t"):
            if given.get(key) is not None:
                given[key] = _times(given[key], f"{name}[{key!r}]")
        options = StepOptions(**{key: value for key, value in given.items() if value is not None})
        if not isinstance(options.max_num_steps, int) or options.max_num_steps < 1:
            found = repr(options.max_num_steps)
            raise InputError(f"{name}['max_num_steps'] is {found}", expected="a whole number, one at least")
        if options.norm is not None and not callable(options.norm):
            raise InputError(f"{name}['norm'] is {options.norm!r}", expected="a function of the errors")
        if options.min_step > options.max_step:
            raise InputError(
                f"{name}['min_step'] is {options.min_step}, above 'max_step' of {options.max_step}",
                expected="a least length below the greatest",
            )
        return options


def _length(given: Any, name: str, least: bool) -> float:
    """Return an option as a length of a step; the least length may be zero."""
    try:
        value = float(given)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is {given!r}", expected="a length above zero") from None
    if not value >= 0.0 or (value == math.inf if least else value == 0.0):
        raise InputError(f"{name} is {value}", expected="a length above zero")
    return value


def _times(given: Any, name: str) -> tuple[float, ...]:
    """Return an option as times."""
    try:
        values = torch.as_tensor(given, dtype=torch.float64).detach().flatten()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} holds no times", expected="finite times") from None
    if not bool(torch.isfinite(values).all()):
        raise InputError(f"{name} has times that are not finite", expected="finite times")
    return tuple(values.tolist())


def as_tolerance(value: Any, name: str) -> Tensor:
    """Return a tolerance as a tensor in double precision.

    Parameters
    ----------
    value : float or Tensor
        What a user has given.
    name : str
        Its name, for messages.

    Returns
    -------
    Tensor
        Shaped as it was given, without gradients.

    Raises
    ------
    InputError
        When it holds no numbers, or negative ones.
    """
    try:
        found = torch.as_tensor(value, dtype=torch.float64).detach()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is {value!r}", expected="a number, or numbers that fit the state") from None
    if not bool((found >= 0.0).all()):
        raise InputError(f"{name} is {value!r}", expected="numbers that are not negative")
    return found


def sizes(x: Tensor, y: Tensor, rtol: float | Tensor, atol: float | Tensor) -> Tensor:
    """Return the size that an error may have in a step.

    It is in single precision at least, so that an error over it does not leave the numbers of half precision.

    Parameters
    ----------
    x, y : Tensor, shape (…, n)
        States at its begin and end.
    rtol, atol : float or Tensor
        Relative and absolute tolerance.

    Returns
    -------
    Tensor, shape (…, n)
        Entry by entry.
    """
    largest = torch.maximum(x.abs(), y.abs())
    return (largest if largest.dtype.itemsize > 2 else largest.float()) * rtol + atol
