"""f along a trajectory: what a placement asks it for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asm_hybrid.plant import Forcing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Trajectory"]


@dataclass(frozen=True)
class Trajectory:
    """f along given states.

    Attributes
    ----------
    X : Tensor, shape (time, tank, component)
        The effective states of the tanks.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    forcing : Forcing
        What f makes of them.
    rates : Tensor, shape (time, tank, process)
        The rates of f.
    stoichiometry : Tensor, shape (process, component)
        S.
    recorded : callable
        Gives quantities by f, ``(time, target)``, by their names.
    """

    X: Tensor
    u: Tensor
    forcing: Forcing
    rates: Tensor
    stoichiometry: Tensor
    recorded: Callable[[Sequence[str]], Tensor]
