"""Learnt terms with chosen targets and random weights, for the tests of n."""

from __future__ import annotations

import numpy as np
import torch
from plant_tools import defaults, random_inputs, random_state

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace

INPUTS = ("S_S", "S_NH", "T")
KINETIC = ("mu_A", "K_OA", "K_S", "eta_g", "b_H")
MEASURED = ("last.S_NH", "last.S_NO", "effluent.TN")


def make_term(
    plant, placement="rates", form="multiplicative", targets=None, seeds=(1, 2), inputs=INPUTS, network="mlp"
):
    """Return a term that starts as the zero function, two members unless told otherwise.

    A monotone network rises with the second input.
    """
    table = plant.table
    universe = {
        "rates": table.process_names,
        "state": table.component_names,
        "parameters": KINETIC,
        "output": MEASURED,
    }
    targets = tuple(targets or universe[placement])
    options = {"form": form} | ({"rises_with": inputs[1:2]} if network == "monotone" else {})
    spec = TermSpec(placement, inputs, targets, (8, 8), "tanh", seeds, network, options)
    sizes = {"T": 15.0, "Q_in": 2e4, "load.S_NH": 4e5, "load.TN": 1e6, "air": 100.0}
    row = torch.tensor([sizes.get(name, 10.0) for name in inputs], dtype=torch.float64)
    scaling = TermScaling(
        mean=row,
        std=row / 3,
        low=0.0 * row,
        high=2.0 * row,
        width=2.0 * row,
        varied=torch.ones_like(row),
        typical=torch.full((len(targets),), 50.0, dtype=torch.float64),
        level=torch.full((plant.shape[1],), 10.0, dtype=torch.float64),
    )
    takes_part = participants(plant, plant.stoichiometry(defaults(plant), torch_namespace()))
    return LearntTerm(spec, plant, scaling, takes_part)


def shake(term, seed=0, scale=0.5):
    """Give every weight of a network a random value."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in term.network.parameters():
            p.copy_(scale * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return term


def system_of(plant, term=None):
    """Return f with default parameters, or f + n."""
    return PlantSystem(plant, defaults(plant), MEASURED, term)


def operating_point(plant, seed=0, members=2):
    """Return one random state for every member, and inputs."""
    rng = np.random.default_rng(seed)
    state, inputs = torch.as_tensor(random_state(plant, rng)), torch.as_tensor(random_inputs(plant, rng))
    return state.repeat(members, 1, 1), inputs
