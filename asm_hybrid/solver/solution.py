"""The result of `solve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.changes import Happened
from asm_hybrid.solver.march import Instant
from asm_hybrid.solver.states import State

__all__ = ["OdeSolution"]


@dataclass(frozen=True)
class OdeSolution:
    """The result of `asm_hybrid.solver.solve.solve`.

    Attributes
    ----------
    times : Tensor, shape (k,)
        Times of the states; with an event, those before it, and its own.
    states : Tensor, shape (k, …, n), or tuple of these
        States at these times; the first is the initial state.
    ok : Tensor of bool, shape (…)
        Whether the states stayed finite, one entry an element of the batch.
    evaluations : int
        Evaluations of f, without those for Jacobians, for the stiffness check and for the backward pass.
    steps : int
        Steps that were taken.
    event_time : Tensor or None, shape ()
        When the event came; None when it did not come, or was not asked for.
    event_state : Tensor or None, shape (…, n), or tuple of these
        The state then.
    events : tuple of Happened
        The events that have changed the solution, in their order.
    """

    times: Tensor
    states: State
    ok: Tensor
    evaluations: int
    steps: int = 0
    event_time: Tensor | None = None
    event_state: State | None = None
    events: tuple[Happened, ...] = ()
    _within: Callable[[Sequence[Instant]], State] | None = field(default=None, repr=False)

    def at(self, times: Tensor | Sequence[float] | float) -> State:
        """Return the states at any times of the solution; needs ``solve(…, dense=True)``.

        Parameters
        ----------
        times : float, sequence of float or Tensor, shape () or (k,)
            Times between the first and the last, in any order. They may carry gradients, as the states do.

        Returns
        -------
        Tensor, shape (…, n) or (k, …, n), or tuple of these
            The states: the method's own interpolation, or a step of the method to that time where it has none as good.
        """
        if self._within is None:
            raise InputError("the solution is not kept between its times", fix="solve with dense=True")
        asked = torch.as_tensor(times, dtype=torch.float64)
        flat, carries = asked.flatten(), asked.requires_grad and torch.is_grad_enabled()
        values = flat.detach().tolist()
        found = self._within([Instant(v, flat[i] if carries else v) for i, v in enumerate(values)])
        if asked.dim():
            return found
        return tuple(part[0] for part in found) if isinstance(found, tuple) else found[0]
