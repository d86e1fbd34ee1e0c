"""How a plant is run on average, in the figures by which engineers know it, and what f settles at there.

Definitions [1]_, [2]_, with V volumes, X suspended solids, Q flows::

    HRT = V / Q_in                                   of a tank, or of all
    SRT = Σ V X / (Q_w X_w + Q_e X_e)                all solids held, over those that leave a day
    aerobic SRT = SRT of the aerated tanks' share    Σ_aerated V X / (Q_w X_w + Q_e X_e)
    F/M = Q_in BOD5 / Σ_tanks V X

X are those of the steady state of f under the mean inputs.

References
----------
.. [1] Metcalf & Eddy, Tchobanoglous, G. et al. (2014): Wastewater Engineering: Treatment and Resource Recovery, 5th
   ed., McGraw-Hill, chapters 7 and 8: SRT, F/M.
.. [2] Henze, M., van Loosdrecht, M. C. M., Ekama, G. A. and Brdjanovic, D., eds. (2008): Biological Wastewater
   Treatment: Principles, Modelling and Design. IWA Publishing, chapters 4 and 5: sludge age, its aerobic part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import casadi
import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.plant import Plant, TakacsSettler, casadi_namespace
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.scoring import INFLUENT_BOD
from asm_hybrid.scenario.simulation_inputs import assemble_inputs

__all__ = [
    "OperatingTank",
    "Operation",
    "Sludge",
    "mean_inputs",
    "operation",
    "plant_inputs",
    "unknown_inputs",
]

AERATED = 0.1
"""Imposed oxygen, on average, from which a tank counts as aerated [g O2/m3]: anoxic zones hold less."""

LOADS = ("COD", "BOD5", "TN", "TKN", "TP", "TSS")
"""Composites whose load is listed."""

CYCLE_DAYS = 14.0
"""Time over which inputs that follow a time table are averaged [d]."""


@dataclass(frozen=True)
class OperatingTank:
    """One tank.

    Attributes
    ----------
    name : str
        Its name.
    volume : float
        Volume, at the start where it varies [m3].
    retention : float or None
        Volume over the influent [d]; None without influent.
    passage : float or None
        Volume over all that flows in, recycles too [d]; None where nothing does.
    aerated : bool
        Whether it counts for the aerobic sludge age.
    solids, oxygen : float or None
        Suspended solids [g TSS/m3] and dissolved oxygen [g O2/m3] at steady state; None where they are not known.
    """

    name: str
    volume: float
    retention: float | None
    passage: float | None
    aerated: bool
    solids: float | None
    oxygen: float | None


@dataclass(frozen=True)
class Sludge:
    """The suspended solids of a plant at steady state.

    Attributes
    ----------
    tanks, aerated, settler : float
        Held in all tanks, in the aerated ones among them, and in a settler with layers [kg TSS].
    wasted, lost : float
        Leaving with the waste sludge and with the effluent [kg TSS/d].
    """

    tanks: float
    aerated: float
    settler: float
    wasted: float
    lost: float

    def age(self, held: float) -> float:
        """Return how long solids stay that are held somewhere [d]; infinite where none leave."""
        leaving = self.wasted + self.lost
        return held / leaving if leaving > 0 else float("inf")

    @property
    def total(self) -> float:
        """Sludge age of tanks and settler [d]."""
        return self.age(self.tanks + self.settler)


@dataclass(frozen=True, eq=False)
class Operation:
    """A plant at its mean operating point.

    Attributes
    ----------
    compiled : CompiledPlant
        f.
    inputs : ndarray, shape (input,)
        The mean inputs, as controllers make them at steady state.
    tanks : tuple of OperatingTank
        In flow order.
    influent : mapping of str to float
        Components and composites of the influent [g/m3].
    settled : mapping of str to float
        The same of what comes to the tanks: behind the primary clarifier where there is one.
    expected : mapping of str to float
        Everything at steady state, by names as in `PlantRecord.columns`; empty where there is none.
    state : ndarray or None, shape (n,)
        The steady state.
    reason : str
        Why there is none; empty where there is.
    failed : bool
        Whether there should be one, and none was found.
    """

    compiled: CompiledPlant
    inputs: np.ndarray
    tanks: tuple[OperatingTank, ...]
    influent: Mapping[str, float]
    settled: Mapping[str, float]
    expected: Mapping[str, float]
    state: np.ndarray | None
    reason: str
    failed: bool

    @property
    def plant(self) -> Plant:
        """The plant."""
        return self.compiled.plant

    @property
    def rows(self) -> np.ndarray:
        """The steady state in the shape of the plant, or a cold start, ``(row, component)``."""
        found = np.zeros(self.plant.shape)
        found[self.plant.rows.active > 0] = self.compiled.start(self.inputs) if self.state is None else self.state
        return found

    @property
    def parameters(self) -> dict[str, float]:
        """Values of the table's parameters."""
        return dict(zip(self.plant.table.parameter_names, self.compiled.parameters.tolist(), strict=True))

    def input(self, name: str) -> float:
        """Return a mean input by name."""
        return float(self.inputs[self.plant.input_index[name]])

    @property
    def primary_flow(self) -> float:
        """Flow of primary sludge [m3/d]."""
        primary = self.plant.layout.primary
        return primary.sludge * self.input("Q_in") if primary else 0.0

    def concentration(self, quantity: str, *, settled: bool = False) -> float | None:
        """Return a component or composite of the influent [g/m3]; None where the table does not have it.

        BOD5 is `INFLUENT_BOD` of biodegradable COD, as in raw sewage.
        """
        water = self.settled if settled else self.influent
        value = water.get(quantity)
        share = self.parameters.get("f_BOD", 0.0)
        return value * INFLUENT_BOD / share if quantity == "BOD5" and value is not None and share > 0 else value

    def load(self, quantity: str, *, settled: bool = False) -> float | None:
        """Return the load of the influent, or of what comes to the tanks [kg/d]."""
        value = self.concentration(quantity, settled=settled)
        flow = self.input("Q_in") - (self.primary_flow if settled else 0.0)
        return None if value is None or "Q_in" in unknown_inputs(self.plant) else flow * value / 1000

    @property
    def loads(self) -> list[tuple[str, float, float]]:
        """Names, mean concentrations [g/m3] and loads [kg/d] of what the influent carries."""
        found = [(name, self.concentration(name), self.load(name)) for name in LOADS]
        return [(name, c, load) for name, c, load in found if c is not None and load is not None]

    @property
    def food(self) -> tuple[str, float] | None:
        """What feeds the sludge, BOD5 where the table has it, else COD, and its load to the tanks [kg/d]."""
        for name in ("BOD5", "COD"):
            load = self.load(name, settled=True)
            if load is not None:
                return name, load
        return None

    @property
    def sludge(self) -> Sludge | None:
        """The suspended solids; None without a steady state, or where the table has no TSS."""
        if "effluent.TSS" not in self.expected:
            return None
        held = {t.name: t.volume * (t.solids or 0.0) / 1000 for t in self.tanks}
        settler, layered = self.plant.layout.settler, 0.0
        if isinstance(settler, TakacsSettler):
            layer = settler.volume / settler.layers
            layered = sum(layer * self.expected[f"settler_{i + 1}.TSS"] for i in range(settler.layers)) / 1000
        return Sludge(
            tanks=sum(held.values()),
            aerated=sum(held[t.name] for t in self.tanks if t.aerated),
            settler=layered,
            wasted=self.input("wastage") * self.expected["waste.TSS"] / 1000,
            lost=self.expected["effluent.flow"] * self.expected["effluent.TSS"] / 1000,
        )

    @property
    def retains(self) -> bool:
        """Whether a settler gives solids back to the tanks."""
        return self.plant.layout.settler is not None and self.input("return_sludge") > 0


def mean_inputs(names: Sequence[str], inputs: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
    """Return the means of a record: of the influent's concentrations weighted by flow, so that loads are kept.

    Parameters
    ----------
    names : sequence of str
        Names of the inputs.
    inputs : ndarray, shape (time, input)
        The inputs.
    lengths : ndarray, shape (time,), optional
        How long each lasts; all as long without it.

    Returns
    -------
    ndarray, shape (input,)
    """
    lengths = np.ones(len(inputs)) if lengths is None else lengths
    mean = lengths @ inputs / lengths.sum()
    water = lengths * inputs[:, list(names).index("Q_in")]
    if not water.sum() > 0:
        return np.asarray(mean)
    carried = np.array([name.startswith("influent.") for name in names])
    return np.asarray(np.where(carried, water @ inputs / water.sum(), mean))


def plant_inputs(plant: Plant) -> np.ndarray:
    """Return the inputs of a plant without data.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    ndarray, shape (input,)
        Each in its unit; the mean of those that follow a time table.
    """
    series = assemble_inputs(plant, CYCLE_DAYS if plant.layout.cycles else 1.0)
    return mean_inputs(plant.inputs.names, series.begin, np.diff(series.times))


def unknown_inputs(plant: Plant) -> tuple[str, ...]:
    """Return the inputs that cycles set whose phases end by what is measured, so that no mean is known.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    tuple of str
        Each once.
    """
    return tuple(dict.fromkeys(name for cycle in plant.layout.cycles if cycle.states for name in cycle.inputs))


def operation(
    plant: Plant, parameters: np.ndarray, inputs: np.ndarray, compiled: CompiledPlant | None = None
) -> Operation:
    """Work out the mean operating point of a plant.

    Parameters
    ----------
    plant : Plant
        The plant.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    inputs : ndarray, shape (input,)
        Mean inputs, from `mean_inputs` or `plant_inputs`.
    compiled : CompiledPlant, optional
        The plant with these parameters, where it is compiled already.

    Returns
    -------
    Operation
        Without a steady state where f has none; `Operation.reason` then says why.
    """
    compiled = compiled or CompiledPlant(plant.at_once, parameters)
    without = _without(compiled)
    state, reason = (None, without) if without else _steady(compiled, inputs)
    at = compiled.start(inputs) if state is None else state
    record = compiled.record(np.zeros(1), at[None], inputs[None])
    columns = {name: float(values[0]) for name, values in record.columns.items()}
    moved = inputs.copy()
    if state is not None:
        for name, k in plant.input_index.items():
            moved[k] = columns.get(name, moved[k])
    influent = _water(columns, "influent")
    expected = columns if state is not None else {}
    return Operation(
        compiled=compiled,
        inputs=moved,
        tanks=_tanks(plant, moved, columns, known=state is not None),
        influent=influent,
        settled=_settled(compiled, at, inputs) if plant.layout.primary and state is not None else influent,
        expected=expected,
        state=state,
        reason=reason,
        failed=state is None and not without,
    )


def _water(columns: Mapping[str, float], place: str) -> dict[str, float]:
    return {name.partition(".")[2]: v for name, v in columns.items() if name.startswith(f"{place}.")}


def _without(compiled: CompiledPlant) -> str:
    """Return why a plant has no steady state by its nature; empty where it may have one."""
    layout = compiled.plant.layout
    if any(t.variable for t in layout.tanks):
        return "the volume of a tank varies"
    if any(cycle.states for cycle in layout.cycles):
        return "phases end by what is measured"
    return "a controller switches on and off" if compiled.problem.after else ""


def _steady(compiled: CompiledPlant, inputs: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Return the steady state, or why none was found."""
    try:
        state = compiled.steady_state(inputs).state
    except SimulationError as error:
        return None, str(error)
    except RuntimeError:  # CasADi's
        return None, "the matrix of its slopes is singular"
    return (state, "") if np.isfinite(state).all() else (None, "a rate of change is not a number")


def _settled(compiled: CompiledPlant, state: np.ndarray, inputs: np.ndarray) -> dict[str, float]:
    """Return components and composites of what leaves the primary clarifier for the tanks."""
    system, xp = compiled.system, casadi_namespace()
    water = casadi.densify(compiled.plant.treated(system.X, xp))
    amounts = compiled.plant.quantities.amounts(water, system.forcing, xp)
    function = casadi.Function("settled", [system.state, system.inputs], [casadi.vertcat(*amounts.values())])
    return dict(zip(amounts, np.array(function(state, inputs)).ravel().tolist(), strict=True))


def _tanks(plant: Plant, inputs: np.ndarray, columns: Mapping[str, float], *, known: bool) -> tuple[OperatingTank, ...]:
    unknown = unknown_inputs(plant)
    flow = 0.0 if "Q_in" in unknown else float(inputs[plant.input_index["Q_in"]])
    arriving = np.zeros(plant.tanks) if unknown else inputs @ plant.maps.inflow[:, 0]
    imposed = {tank for tank, component in plant.layout.imposed if component == plant.table.oxygen}
    found = []
    for tank, passing in zip(plant.layout.tanks, arriving, strict=True):
        oxygen = columns.get(f"{tank.name}.{plant.table.oxygen}")
        by_sensor = tank.name in imposed and oxygen is not None and oxygen >= AERATED
        found.append(
            OperatingTank(
                name=tank.name,
                volume=tank.volume,
                retention=tank.volume / flow if flow > 0 else None,
                passage=tank.volume / float(passing) if passing > 0 else None,
                aerated=by_sensor or columns[f"{tank.name}.kla"] > 0,
                solids=columns.get(f"{tank.name}.TSS") if known else None,
                oxygen=oxygen if known or tank.name in imposed else None,
            )
        )
    return tuple(found)
