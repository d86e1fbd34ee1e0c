"""f along a trajectory: what a placement asks it for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
    parameters : Tensor, shape (time, parameter)
        Parameters at the temperature of the liquid.
    rates : Tensor, shape (time, tank, process)
        The rates of f.
    stoichiometry : Tensor, shape (process, component)
        S.
    recorded : callable
        From quantities, ``TANK.QUANTITY`` or ``effluent.QUANTITY``, to their values by f, ``(time, target)``.
    """

    X: Tensor
    u: Tensor
    parameters: Tensor
    rates: Tensor
    stoichiometry: Tensor
    recorded: Callable[[Sequence[str]], Tensor]
