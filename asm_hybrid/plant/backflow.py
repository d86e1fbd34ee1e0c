"""What the water of a plant does that it cannot do, over a record of inputs: when, how long, how much."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant.layout import SETTLER
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.settler import IdealSettler
from asm_hybrid.plant.water import OVERFLOW, TOLERANCE, flows_in, main_streams, overdrawn, pipes

__all__ = ["FlowProblem", "flow_names", "flow_problems", "moved_flows"]

LASTING = 0.01
"""Share of the time from which on a flow that cannot be is no slip of a sensor [-]."""
PULSE = 1.0 / 24.0
"""Time for which the water in the tanks makes up for it, as it does between the pulses of a pump [d]."""


@dataclass(frozen=True, eq=False)
class FlowProblem:
    """One thing that the water cannot do, at some times of a record.

    Attributes
    ----------
    error : InputError
        What happens at the worst time, what was expected, and the likely remedy.
    inputs : tuple of str
        The inputs that make it.
    when : ndarray of bool, shape (k,)
        The times at which it happens.
    share : float
        Their share of the record [-].
    longest : float
        How long it goes on at a stretch, at most [d].
    impossible : bool
        Whether water flows backwards or out of nothing; otherwise solids leave where they should not.
    """

    error: InputError
    inputs: tuple[str, ...]
    when: np.ndarray
    share: float
    longest: float
    impossible: bool

    @property
    def lasting(self) -> bool:
        """Whether a simulation with it would be worth nothing."""
        return self.share > LASTING and self.longest >= PULSE if self.impossible else bool(self.when.all())


def flow_names(plant: Plant) -> tuple[str, ...]:
    """Return the inputs of a plant that are flows of water.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of str
        In the order of ``plant.inputs``.
    """
    through = np.any([p.per_input != 0.0 for p in pipes(plant)], axis=0)
    return tuple(spec.name for spec, flows in zip(plant.inputs, through, strict=True) if flows)


def moved_flows(plant: Plant) -> frozenset[str]:
    """Return the flows of water that a controller moves, or a cycle whose phases end by what is measured.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    frozenset of str
        Names of inputs.
    """
    moved = {name for controller in plant.controllers for name in controller.sets}
    moved |= {name for cycle in plant.layout.cycles if cycle.states for name in cycle.inputs}
    return frozenset(moved & set(flow_names(plant)))


def flow_problems(
    plant: Plant, inputs: np.ndarray, lengths: np.ndarray | None = None, unknown: Collection[str] = ()
) -> tuple[FlowProblem, ...]:
    """Find the times at which a flow is negative, more is drawn from a place than arrives, or a settler holds solids.

    Parameters
    ----------
    plant : Plant
        The plant.
    inputs : ndarray, shape (k, input)
        Inputs in the order of ``plant.inputs``, as controllers make them.
    lengths : ndarray, shape (k,), optional
        How long each of them lasts [d]; a day without it.
    unknown : collection of str
        Inputs that are not known yet; what depends on them is passed over.

    Returns
    -------
    tuple of FlowProblem
        One a place or input, those that only follow from others left out.
    """
    lengths = np.ones(len(inputs)) if lengths is None else lengths
    return tuple(
        FlowProblem(error, names, when, float(lengths @ when / lengths.sum()), _longest(when, lengths), impossible)
        for error, names, when, impossible in _found(plant, np.asarray(inputs, dtype=float), unknown)
        if when.any()
    )


def _longest(when: np.ndarray, lengths: np.ndarray) -> float:
    """Return how long the longest stretch of marked times is [d]."""
    stretch = np.cumsum(~when)  # the same number within a stretch
    return float(np.bincount(stretch[when], weights=lengths[when]).max(initial=0.0))


def _found(
    plant: Plant, inputs: np.ndarray, unknown: Collection[str]
) -> Iterator[tuple[InputError, tuple[str, ...], np.ndarray, bool]]:
    open_inputs = [plant.input_index[name] for name in unknown]
    found = pipes(plant)
    known = [not p.per_input[open_inputs].any() for p in found]
    flows = inputs @ np.stack([p.per_input for p in found]).T
    slack = TOLERANCE * np.abs(flows).max(axis=1)
    for name in flow_names(plant):
        values = inputs[:, plant.input_index[name]]
        negative = values < -slack
        if negative.any() and name not in unknown:
            error = InputError(f"the flow {name} is {values.min():g} m3/d", expected="zero or more")
            yield error, (name,), negative, True
    backward = flows < -slack[:, None]
    for place in (*plant.layout.tank_names, *([SETTLER] if plant.layout.settler else [])):
        main = [i for i, p in enumerate(found) if p.source == place and p.name in main_streams(place)]
        into = [i for i, p in enumerate(found) if p.target == place and known[i]]
        pumped = [i for i, p in enumerate(found) if p.source == place and i not in main and known[i]]
        if not main or not pumped or not all(known[i] for i in main):
            continue
        when = backward[:, main].any(axis=1) & (flows[:, pumped] > 0.0).any(axis=1) & ~backward[:, into].any(axis=1)
        worst = int(np.argmin(np.where(when, flows[:, main].min(axis=1), np.inf)))
        names = tuple(spec.name for i, spec in enumerate(plant.inputs) if any(found[j].per_input[i] for j in pumped))
        yield overdrawn(place, flows_in(found, inputs[worst])), names, when, True
    under = [i for i, p in enumerate(found) if p.source == SETTLER and p.name != OVERFLOW]
    if plant.layout.settler and all(known[i] for i in under):
        fed = flows[:, [i for i, p in enumerate(found) if p.target == SETTLER]].sum(axis=1) > slack
        names = tuple(dict.fromkeys(found[i].name for i in under))
        yield _undrawn(plant), names, fed & (flows[:, under] <= slack[:, None]).all(axis=1), False


def _undrawn(plant: Plant) -> InputError:
    """Return the message for a settler that is fed while nothing is drawn from it."""
    ideal = isinstance(plant.layout.settler, IdealSettler)
    return InputError(
        "nothing is drawn from the settler: its solids "
        + ("leave with the effluent, since an ideal settler has no volume to hold them" if ideal else "pile up in it"),
        expected="return_sludge or wastage above zero",
        fix="check these flows" + (", or use a layered settler, which holds solids for a while" if ideal else ""),
    )
