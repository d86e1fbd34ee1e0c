"""Parts of a solver as torch compiles them, kept with the model that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from types import FunctionType
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["compiled"]

_KEPT = "_compiled"
"""Attribute of a model that holds its compiled functions; they refer to it, and kept elsewhere would keep it alive."""
_NUMBERS = count()


def compiled(
    owner: Any, key: tuple[Any, ...], function: Callable[..., Any], arguments: Sequence[Any], *, whole: bool = True
) -> Any:
    """Call a function as torch compiles it; the first call with tensors of a shape compiles.

    Parameters
    ----------
    owner : object
        What the compiled function is kept with, and freed with: any object with a ``__dict__``.
    key : tuple
        Tells the functions of an owner apart; a call with gradients and one without are two as well.
    function : callable
        A function of tensors, which must not be a method.
    arguments : sequence
        Its arguments.
    whole : bool
        On a CPU, whether what calls the kernels is compiled too. Functions that torch has no compiled call for say so
        in warnings.

    Returns
    -------
    object
        What the function returns.
    """
    kept = vars(owner).setdefault(_KEPT, {})
    key = (*key, torch.is_grad_enabled())
    if key not in kept:
        with torch.no_grad():
            function(*arguments)  # fills what the model keeps of constants, for which torch would compile again
        on_cpu = all(a.device.type == "cpu" for a in arguments if isinstance(a, Tensor))
        options: dict[str, Any] | None = {"cpp_wrapper": True} if whole and on_cpu else None
        kept[key] = torch.compile(_alone(function), fullgraph=True, options=options)
    return kept[key](*arguments)


def _alone(function: Callable[..., Any]) -> FunctionType:
    """Return a copy with a code of its own.

    torch counts compilations by code and by its name, so that models after the eighth would not be compiled, and those
    after the first would be compiled for tensors of any shape.
    """
    plain = cast(FunctionType, function)
    code = plain.__code__.replace(co_name=f"{plain.__name__}_{next(_NUMBERS)}")
    return FunctionType(code, plain.__globals__, plain.__name__, plain.__defaults__, plain.__closure__)
