"""The changes of a plant's inputs to which every run gives its answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asm_hybrid.plant import Plant
from asm_hybrid.plant.loads import inorganic_nitrogen, load_inputs

__all__ = ["StandardChange", "standard_changes"]

SHARE = 0.1
"""Change of every input but the temperature, as a share of its value [-]."""
DEGREES = 2.0
"""Change of the temperature [°C]: a share of degrees Celsius means nothing."""
FLOWS = {"recycle": "flow in recycle {}", "return_sludge": "return sludge", "wastage": "wastage"}
"""What is said of flows, by kind of the input."""


@dataclass(frozen=True)
class StandardChange:
    """One quantity of a plant that is changed, down and up.

    Attributes
    ----------
    name : str
        What is changed, in words, such as ``oxygen in aerobic_1``.
    inputs : tuple of str
        The inputs that change, all by the same step.
    size : float
        The step: a share of the value [-], or of the temperature [°C].
    relative : bool
        Whether it is a share.
    operated : bool
        Whether the plant's staff or controllers decide on it, rather than the weather and the sewer.
    """

    name: str
    inputs: tuple[str, ...]
    size: float = SHARE
    relative: bool = True
    operated: bool = True

    @property
    def steps(self) -> tuple[float, float]:
        """The step down, and the step up."""
        return -self.size, self.size

    def applied(self, values: np.ndarray, names: Sequence[str], step: float) -> np.ndarray:
        """Return inputs ``(knot, input)`` with the change in them from the first knot on.

        Parameters
        ----------
        values : ndarray, shape (knot, input)
            The inputs without it.
        names : sequence of str
            Their names.
        step : float
            One of `steps`.
        """
        changed, at = values.copy(), [names.index(name) for name in self.inputs]
        changed[:, at] = values[:, at] * (1.0 + step) if self.relative else values[:, at] + step
        return changed

    def sign(self, step: float) -> str:
        """Return a step as a table shows it, such as ``-10 %``."""
        return f"{100 * step:+g} %" if self.relative else f"{step:+g} degC"

    def words(self, step: float) -> str:
        """Return a step within a sentence, such as ``10 % less oxygen in aerobic_1``."""
        if not self.relative:
            return f"water {abs(step):g} degC {'colder' if step < 0 else 'warmer'}"
        return f"{100 * abs(step):g} % {'less' if step < 0 else 'more'} {self.name}"


def standard_changes(plant: Plant, values: np.ndarray) -> list[StandardChange]:
    """Return the standard changes of a plant: oxygen, temperature, load, recycles, return sludge, wastage.

    Parameters
    ----------
    plant : Plant
        The plant.
    values : ndarray, shape (knot, input)
        Its inputs over the period in question. What is zero throughout is left out.

    Returns
    -------
    list of StandardChange
    """
    names = plant.inputs.names
    flowing = {name for name, column in zip(names, values.T, strict=True) if np.any(column != 0.0)}
    found = []
    for change in _all_changes(plant):
        inputs = tuple(name for name in change.inputs if name in flowing or not change.relative)
        if inputs:
            found.append(replace(change, inputs=inputs))
    return found


def _all_changes(plant: Plant) -> Iterator[StandardChange]:
    for tank in plant.layout.tank_names:
        for kind, word in (("imposed", "oxygen"), ("kla", "kLa"), ("air", "air")):
            for spec in plant.inputs:
                oxygen = kind != "imposed" or spec.name == f"{tank}.{plant.table.oxygen}"
                if spec.kind == kind and spec.owner == tank and oxygen:
                    yield StandardChange(f"{word} in {tank}", (spec.name,))
    yield StandardChange("temperature", ("T",), DEGREES, relative=False, operated=False)
    yield StandardChange("influent at the same concentrations", ("Q_in",), operated=False)
    yield StandardChange("load at the same flow", tuple(load_inputs(plant)), operated=False)
    for name in inorganic_nitrogen(plant.table)[0]:
        yield StandardChange(f"{name} in the influent", (f"influent.{name}",), operated=False)
    for kind, words in FLOWS.items():
        for spec in plant.inputs:
            if spec.kind == kind:
                yield StandardChange(words.format(spec.owner), (spec.name,))
