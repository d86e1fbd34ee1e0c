"""Plants and random operating points for the tests of plant and hybrid."""

from __future__ import annotations

import numpy as np
import torch

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import IdealSettler, Layout, Plant, Recycle, Tank

VOLUMES = (1000.0, 1500.0, 800.0)


def make_plant(*, aerated=True, imposed=True, recycles=True, non_settleable=0.01) -> Plant:
    """Return ASM1 in three tanks: anoxic, one with a kLa, one whose oxygen is imposed."""
    names = ("anoxic", "middle", "last")
    layout = Layout(
        tanks=tuple(Tank(n, v, aerated=aerated and n == "middle") for n, v in zip(names, VOLUMES, strict=True)),
        influent_to={"anoxic": 1.0},
        return_to={"anoxic": 1.0},
        recycles=(Recycle("internal", "last", "anoxic"), Recycle("bypass", "anoxic", "last")) if recycles else (),
        settler=IdealSettler(non_settleable),
        imposed=(("last", "S_O"),) if imposed else (),
    )
    return Plant(load_table("asm1"), layout)


def random_inputs(plant: Plant, rng: np.random.Generator) -> np.ndarray:
    """Draw one set of inputs."""
    ranges = {"Q_in": (3000, 9000), "T": (8, 25), "return_sludge": (2000, 8000), "wastage": (50, 300)}
    out = []
    for spec in plant.inputs:
        low, high = ranges.get(spec.name, (0, 100))
        if spec.name.startswith("recycle."):
            low, high = 500, 20000
        if spec.name.endswith(".kla"):
            low, high = 50, 250
        if spec.name.endswith(".S_O"):
            low, high = 0, 4
        out.append(rng.uniform(low, high))
    return np.array(out)


def random_state(plant: Plant, rng: np.random.Generator) -> np.ndarray:
    """Draw a state ``(tank, component)`` with all concentrations above zero."""
    scale = np.where(plant.particulate > 0, 1500.0, 20.0)
    return rng.uniform(0.01, 1.0, plant.shape) * scale


def defaults(plant: Plant) -> torch.Tensor:
    """Return the default parameters."""
    return torch.tensor([p.default for p in plant.table.parameters], dtype=torch.float64)


def component(plant: Plant, name: str) -> int:
    """Return the position of a component."""
    return plant.table.component_names.index(name)
