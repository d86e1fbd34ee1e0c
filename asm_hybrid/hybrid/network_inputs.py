"""What n reads: states of the tank it acts in, and the inputs of the plant."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asm_hybrid.plant import Plant, torch_namespace

__all__ = ["LOAD", "Reading", "reading_unit"]

LOAD = "load."
"""Prefix of loads among what n reads."""


class Reading(nn.Module):
    """Picks what n reads from states and inputs.

    A name is one of

    - a component: its concentration in the tank, so not at the influent;
    - ``T`` and ``Q_in``: temperature [°C] and flow [m³/d] of the influent;
    - ``air``: kLa [1/d] or air flow [m³/d] of the tank, zero where it has none; at the influent the air flow of all
      tanks together;
    - ``load.X``: influent load [g/d] of a component or composite X;
    - ``clock.sin``, ``clock.cos``: the time of day;
    - any other input of the plant, the same everywhere, such as ``aerobic_1.air``.

    Parameters
    ----------
    plant : Plant
        The plant.
    inputs : sequence of str
        Names.
    spots : sequence of str
        Places where n acts: tanks, or the influent.

    Attributes
    ----------
    read : Tensor, shape (component, input)
        Picks states.
    drive : Tensor, shape (plant input, spot, input)
        Picks inputs.
    load : Tensor, shape (plant input, input)
        Adds up concentrations of the influent, which are then multiplied by its flow.
    flow : int
        Position of the flow among the plant's inputs.
    """

    read: Tensor
    drive: Tensor
    load: Tensor

    def __init__(self, plant: Plant, inputs: Sequence[str], spots: Sequence[str]) -> None:
        super().__init__()
        at, components = plant.input_index, plant.table.component_names
        read = torch.zeros(len(components), len(inputs), dtype=torch.float64)
        drive = torch.zeros(len(at), len(spots), len(inputs), dtype=torch.float64)
        load = torch.zeros(len(at), len(inputs), dtype=torch.float64)
        for i, name in enumerate(inputs):
            if name in components:
                read[components.index(name), i] = 1.0
            elif name == "air":
                for tank in plant.layout.tank_names:
                    if tank in spots and f"{tank}.kla" in at:
                        drive[at[f"{tank}.kla"], spots.index(tank), i] = 1.0
                    elif f"{tank}.air" in at:
                        drive[at[f"{tank}.air"], spots.index(tank) if tank in spots else 0, i] = 1.0
            elif name.startswith(LOAD):
                first = at[f"influent.{components[0]}"]
                load[first : first + len(components), i] = _weights(plant, name.removeprefix(LOAD))
            else:
                drive[at[name], :, i] = 1.0
        self.register_buffer("read", read, persistent=False)
        self.register_buffer("drive", drive, persistent=False)
        self.register_buffer("load", load, persistent=False)
        self.flow = at["Q_in"]
        self._reads, self._driven, self._loaded = (bool(m.any()) for m in (read, drive, load))

    def forward(self, X: Tensor | None, u: Tensor) -> Tensor:
        """Return what n reads, unscaled, ``(…, spot, input)``.

        Parameters
        ----------
        X : Tensor or None, shape (…, tank, component)
            Effective states; None at the influent.
        u : Tensor, shape (…, plant input)
            Inputs.
        """
        found = X @ self.read if self._reads and X is not None else torch.zeros_like(self.drive[0])
        if self._driven:
            found = found + (u @ self.drive.flatten(1)).reshape(*u.shape[:-1], *self.drive.shape[1:])
        if self._loaded:
            found = found + (u[..., self.flow, None] * (u @ self.load)).unsqueeze(-2)
        return found


def reading_unit(plant: Plant, name: str) -> str:
    """Return the unit of something that n reads, as `Reading` names it."""
    table = plant.table
    units = {c.name: c.unit for c in table.components} | {i.name: i.unit for i in plant.inputs}
    if name.startswith(LOAD):
        units |= {composite: found.unit for composite, found in table.composites.items()}
        return units[name.removeprefix(LOAD)].removesuffix("/m3") + "/d"
    if name == "air":
        return next((i.unit for i in plant.inputs if i.name.endswith((".kla", ".air"))), "-")
    return units[name]


def _weights(plant: Plant, quantity: str) -> Tensor:
    """Return what a component counts in a component or composite, with default parameters, ``(component,)``."""
    names = plant.table.component_names
    if quantity in names:
        return torch.tensor([float(n == quantity) for n in names], dtype=torch.float64)
    defaults = torch.tensor([p.default for p in plant.table.parameters], dtype=torch.float64)
    xp = torch_namespace()
    values = plant.kinetics.composite(quantity, list(xp.entries(defaults)), xp)
    return torch.stack([torch.as_tensor(v, dtype=torch.float64).reshape(()) for v in values])
