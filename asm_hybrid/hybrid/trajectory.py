"""f along a trajectory: what a placement asks it for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from torch import Tensor

from asm_hybrid.plant import Forcing

if TYPE_CHECKING:
    from asm_hybrid.hybrid.system import PlantSystem

__all__ = ["Trajectory"]


@dataclass(frozen=True)
class Trajectory:
    """f along given states.

    Attributes
    ----------
    system : PlantSystem
        f.
    x : Tensor, shape (time, row, component)
        The states.
    X : Tensor, shape (time, tank, component)
        The effective states of the tanks.
    u : Tensor, shape (time, input)
        Inputs at the same times.
    forcing : Forcing
        What f makes of them.
    rates : Tensor, shape (time, tank, process)
        The rates of f.
    """

    system: PlantSystem
    x: Tensor
    X: Tensor
    u: Tensor
    forcing: Forcing
    rates: Tensor

    @property
    def stoichiometry(self) -> Tensor:
        """S, ``(process, component)``."""
        return cast(Tensor, self.system.stoichiometry)

    def recorded(self, targets: Sequence[str]) -> Tensor:
        """Return quantities by f, ``(time, target)``."""
        return self.system.recording(targets).output(self.x, self.forcing)
