"""What is to be said of one simulated case: water, concentrations and balances that a reader must know of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant import Plant, TakacsSettler
from asm_hybrid.plant.acidity import influent_warnings
from asm_hybrid.plant.materials import Closure, MaterialBalance
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.idle_controllers import control_warnings
from asm_hybrid.scenario.impossible_water import water_warnings
from asm_hybrid.scenario.negative import negative_concentrations
from asm_hybrid.scenario.simulation_inputs import InputSeries

__all__ = ["CLOSES", "Findings", "closure_in_words", "find"]

CLOSES = 1e-6
"""Largest share of the turnover that a balance may miss without a word [-]."""


@dataclass(frozen=True)
class Findings:
    """What was found in a case.

    Attributes
    ----------
    warnings : tuple of str
        What may make its figures wrong.
    balance : str
        How far the balances of all components and materials close.
    """

    warnings: tuple[str, ...]
    balance: str


def find(
    compiled: CompiledPlant, record: PlantRecord, inputs: InputSeries, lowest: PlantRecord | None = None
) -> Findings:
    """Look at a simulation.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    record : PlantRecord
        Its simulation.
    inputs : InputSeries
        What it was given.
    lowest : PlantRecord, optional
        The lowest values of all members of n, which are looked at for what is below zero.

    Returns
    -------
    Findings
    """
    plant, columns = compiled.plant, record.columns
    given = inputs.at(np.searchsorted(inputs.times, record.times - 1e-7))
    moved = np.stack([columns.get(s.name, given[:, i]) for i, s in enumerate(plant.inputs)], axis=-1)
    volumes = {t.name: columns[f"{t.name}.volume"] for t in plant.layout.tanks if t.variable}
    given = given if record.late is None else np.hstack([given, record.late])
    balance = MaterialBalance(compiled.system, compiled.parameters)
    closures = balance.close(record.times, record.states, given)
    words = closure_in_words(plant, closures)
    if plant.constants.arrival:
        words += _late_in_words(plant, closures, balance.taken_up(record.times, record.states, given))
    missed = [c for c in closures if c.missed > CLOSES]
    lost = [f"the balance of {c.name} misses {100 * c.missed:.2g} % of what passes through" for c in missed]
    warnings = [*water_warnings(plant, record.times, moved, volumes), *control_warnings(plant, record)]
    if plant.table.equilibrium is not None:
        warnings += influent_warnings(columns[f"influent.{PH}"], record.times)
    warnings += [*negative_concentrations(plant, (lowest or record).states), *lost]
    return Findings(tuple(warnings), words)


def _late_in_words(plant: Plant, closures: tuple[Closure, ...], taken_up: np.ndarray) -> str:
    """Return what streams with a delay have taken up, as a sentence behind others."""
    known = zip(closures[: len(plant.table.materials)], taken_up, strict=False)
    parts = [f"{100 * amount / c.turnover:+.2g} % of {c.name}" for c, amount in known if c.turnover > 0.0]
    return (
        f" Streams with a delay have taken up {', '.join(parts)} beyond what they brought: what they hold more than at "
        "the begin, and what a constant time of travel makes of flows that vary."
    )


def closure_in_words(plant: Plant, closures: tuple[Closure, ...]) -> str:
    """Return how far the balances close, as a sentence or two.

    Parameters
    ----------
    plant : Plant
        The plant.
    closures : tuple of Closure
        How far each balance closes.

    Returns
    -------
    str
        A sentence, and one each for what rounded coefficients and the settler make.
    """
    materials = ", ".join(plant.table.materials)
    text = (
        f"The balances of {materials} and of every component close to {max(c.missed for c in closures):.1g} of what "
        "passes through, over all streams of the flow sheet."
    )
    made = [c for c in closures if abs(c.made) > CLOSES]
    exchanged = {m for process in plant.table.processes for m in process.exchanges}
    for what, some in (
        ("Rounded coefficients", [c for c in made if c.name not in exchanged]),
        ("Processes that exchange matter with the outside", [c for c in made if c.name in exchanged]),
    ):
        if some:
            parts = ", ".join(f"{100 * c.made:+.2g} % of {c.name}" for c in some)
            text += f" {what} in the table {plant.table.name} make {parts}."
    moved = [c for c in closures if abs(c.recomposed) > CLOSES]
    if moved and isinstance(plant.layout.settler, TakacsSettler):
        worst = sorted((c for c in moved if c.name in plant.table.materials), key=lambda c: -abs(c.recomposed))
        if worst:
            parts = ", ".join(f"{100 * c.recomposed:+.2g} % of {c.name}" for c in worst)
            text += f" The solids in the settler take the composition of the feed, which makes {parts}."
    return text
