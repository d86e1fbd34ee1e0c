"""What n reads: states of the tank it acts in, and the inputs of the plant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import ArrayNamespace, Plant, torch_namespace

__all__ = ["LOAD", "Reading", "reading_unit"]

LOAD = "load."
"""Prefix of loads among what n reads."""


class Reading:
    """Picks what n reads from states and inputs, in any array namespace.

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
    inputs : tuple of str
        The names.
    read : ndarray, shape (component, input)
        Picks states.
    drive : ndarray, shape (plant input, spot, input)
        Picks inputs.
    load : ndarray, shape (plant input, 1, input)
        Adds up concentrations of the influent, which are then multiplied by its flow.
    flow : int
        Position of the flow among the plant's inputs.
    """

    def __init__(self, plant: Plant, inputs: Sequence[str], spots: Sequence[str]) -> None:
        at, components = plant.input_index, plant.table.component_names
        self.inputs = tuple(inputs)
        self.read = read = np.zeros((len(components), len(inputs)))
        self.drive = drive = np.zeros((len(at), len(spots), len(inputs)))
        self.load = load = np.zeros((len(at), 1, len(inputs)))
        self.flow = at["Q_in"]
        for i, name in enumerate(inputs):
            if name in components:
                read[components.index(name), i] = 1.0
            elif name == "air":
                for tank in plant.layout.tank_names:
                    given = (plant.inputs.owned(tank, "kla") if tank in spots else None) or plant.inputs.owned(
                        tank, "air"
                    )
                    if given:
                        drive[at[given.name], spots.index(tank) if tank in spots else 0, i] = 1.0
            elif name.startswith(LOAD):
                load[plant.inputs.influent, 0, i] = _weights(plant, name.removeprefix(LOAD))
            else:
                drive[at[name], :, i] = 1.0
        self._nothing = np.zeros((len(spots), len(inputs)))
        self._driven, self._loaded = bool(drive.any()), bool(load.any())

    def __deepcopy__(self, memo: object) -> Reading:
        """Return itself: nothing in it changes, so copies of a term share it."""
        return self

    def __call__(self, X: Array | None, u: Array, xp: ArrayNamespace[Array]) -> Array:
        """Return what n reads, unscaled, ``(…, spot, input)``.

        Parameters
        ----------
        X : array or None, shape (…, tank, component)
            Effective states; None at the influent. Their leading axes are those of the result, also where n reads
            inputs alone.
        u : array, shape (…, plant input)
            Inputs.
        xp : ArrayNamespace
            Array operations.
        """
        found = xp.constant(self._nothing, u) if X is None else xp.matmul(X, xp.constant(self.read, X))
        if self._driven:
            found = found + xp.combine(u, xp.constant(self.drive, u))
        if self._loaded:
            loads = xp.column(xp.entry(u, self.flow)) * xp.combine(u, xp.constant(self.load, u))
            found = found + xp.rows([loads] * len(self._nothing))
        return found


def reading_unit(plant: Plant, name: str) -> str:
    """Return the unit of something that n reads.

    Parameters
    ----------
    plant : Plant
        The plant.
    name : str
        Its name, as in `Reading`.

    Returns
    -------
    str
        ``g/d`` or the like of a load; ``-`` of ``air`` in a plant without air.
    """
    table = plant.table
    units = {c.name: c.unit for c in table.components} | {i.name: i.unit for i in plant.inputs}
    if name.startswith(LOAD):
        units |= {composite: found.unit for composite, found in table.composites.items()}
        return units[name.removeprefix(LOAD)].removesuffix("/m3") + "/d"
    if name == "air":
        return next((i.unit for i in plant.inputs.of_kind("kla", "air")), "-")
    return units[name]


def _weights(plant: Plant, quantity: str) -> np.ndarray:
    """Return what a component counts in a component or composite, with default parameters, ``(component,)``."""
    import torch  # a config asks what n can read, and does without

    names = plant.table.component_names
    if quantity in names:
        return np.array([float(n == quantity) for n in names])
    xp = torch_namespace()
    defaults = torch.tensor([p.default for p in plant.table.parameters], dtype=torch.float64)
    values = plant.kinetics.composite(quantity, list(xp.entries(defaults)), xp)
    return np.array([float(v) for v in values])
