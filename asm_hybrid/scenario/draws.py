"""Simulations of a plant whose states have noise: one path after the other, each by the equations of the plant.

Between two times of a record, a path is that of an ordinary differential equation: white noise is a constant, the
increment of the Wiener process over the time, and takes the place of an input. Solutions of such equations go to the
one after Stratonovich [1]_, with order 1 for noise that is independent from state to state; the drift between the two
interpretations is taken off, so that paths are those of Itô. All that a plant can have, such as controllers, time
tables, volumes that vary and n, acts as without noise, and with noise that fades the simulation is the one without.

References
----------
.. [1] E. Wong, M. Zakai (1965), "On the Convergence of Ordinary Integrals to Stochastic Integrals", Annals of
   Mathematical Statistics 36, 1560-1564, https://doi.org/10.1214/aoms/1177699916.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import casadi
import numpy as np

from asm_hybrid.config import PlantFile, build_process_noise
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.late_streams import integrate_late
from asm_hybrid.scenario.negative import BELOW
from asm_hybrid.scenario.simulation_inputs import SAME, InputSeries
from asm_hybrid.solver.cvodes import CompiledProblem

__all__ = ["HELD", "Draws", "asks_for_draws", "draws_of", "lowest_states"]

HELD = 0.9
"""Share of the draws between the lower and the upper line of a band [-]."""
COUNT = 50
"""Draws, unless a scenario says how many."""
MOST = 2**30
"""Numbers that all draws of a case may hold together: 8 GB."""


@dataclass(frozen=True)
class Draws:
    """How often a plant with noise is simulated.

    Attributes
    ----------
    noise : ProcessNoise
        The noise.
    count : int
        How many paths.
    seed : int
        Fixes them. A path has the same noise in all cases and with all members of n.
    places : mapping of str to str
        Where the noise stands, by its name there.
    """

    noise: ProcessNoise
    count: int
    seed: int
    places: Mapping[str, str]

    def records(
        self,
        compiled: CompiledPlant,
        start: np.ndarray,
        inputs: InputSeries,
        plain: PlantRecord,
        progress: Callable[[float], None],
    ) -> list[PlantRecord]:
        """Simulate all paths.

        Parameters
        ----------
        compiled : CompiledPlant
            The plant.
        start : ndarray, shape (n,)
            The state at the first time, that of every path.
        inputs : InputSeries
            The inputs.
        plain : PlantRecord
            The simulation without noise.
        progress : callable
            Called with the share that is done.

        Returns
        -------
        list of PlantRecord

        Raises
        ------
        InputError
            When the paths need too much memory, or noise makes a concentration negative; with time and place.
        SimulationError
            When the integration fails.
        """
        self._check_size(plain)
        driven, found = _Driven(compiled, self.noise), list[PlantRecord]()
        for i in range(self.count):
            random = np.random.default_rng([self.seed, i])
            try:
                states, given = driven.run(start, inputs, random)
            except SimulationError as error:
                raise SimulationError(f"draw {i + 1} of the process noise: {error}") from None
            self._check_negative(compiled.plant, plain, inputs.times, states, i)
            index = inputs.sampled
            found.append(compiled.record(inputs.times[index], states[index], given))
            progress((i + 1) / self.count)
        return found

    def _check_size(self, plain: PlantRecord) -> None:
        size = len(plain.times) * (plain.states.shape[1] + len(plain.columns))
        if self.count * size > MOST:
            raise InputError(
                f"{self.count} draws of {len(plain.times)} times hold {8e-9 * self.count * size:.2g} GB",
                where=next(iter(self.places.values()), None),
                expected=f"{8e-9 * MOST:.2g} GB at most",
                fix=f"take draws: {max(1, MOST // size)}, or fewer days",
            )

    def _check_negative(
        self, plant: Plant, plain: PlantRecord, times: np.ndarray, states: np.ndarray, draw: int
    ) -> None:
        """Refuse noise that does not fade near zero where that makes a concentration negative."""
        active = plant.rows.active > 0
        amounts = self.noise.absolute[active]
        below = (states < BELOW) & (amounts > 0) & (plain.states >= BELOW).all(axis=0)
        if not below.any():
            return
        row = int(below.any(axis=1).argmax())
        i = int(below[row].argmax())
        name, unit, mean = plant.rows.names[i], plant.rows.units[i], float(plain.states[:, i].mean())
        share = f", such as {100 * amounts[i] / mean:.3g} %" if mean > 0 else ""
        raise InputError(
            f"the noise of {name}, {amounts[i]:g} {unit} for the square root of a day, makes it negative: "
            f"{states[row, i]:.3g} {unit} at {times[row]:.4g} d, in draw {draw + 1} of {self.count}",
            where=self.places.get(name) or self.places.get(name.partition(".")[2]),
            expected="noise that leaves concentrations at zero or above",
            fix=f"write it as a share of the state{share}, which fades near zero, or make it smaller",
        )


@dataclass(frozen=True, eq=False)
class _Driven:
    """A plant whose inputs are followed by white noise, one entry a state that has some."""

    compiled: CompiledPlant
    noise: ProcessNoise

    @cached_property
    def noisy(self) -> np.ndarray:
        """Which states have noise, by their number."""
        return np.flatnonzero(self.noise.noisy[self.compiled.plant.rows.active > 0])

    @cached_property
    def problem(self) -> CompiledProblem:
        """The equations, and what integrates them."""
        plain, active = self.compiled.problem, self.compiled.plant.rows.active > 0
        absolute, relative = self.noise.absolute[active], self.noise.relative[active]
        white, push = casadi.SX.sym("white", len(self.noisy)), casadi.SX.zeros(len(absolute))
        for k, i in enumerate(self.noisy):
            level = casadi.fmax(plain.state[int(i)], 0.0)
            diffusion = float(absolute[i]) + float(relative[i]) * level
            drift = 0.5 * float(relative[i]) * diffusion * (level > 0.0)
            push[int(i)] = diffusion * white[k] - drift
        own = len(self.compiled.plant.inputs)
        return replace(
            plain,
            inputs=casadi.vertcat(plain.inputs[:own], white, plain.inputs[own:]),  # what arrives late stands behind
            derivative=plain.derivative + push,
            _integrators={},
        )

    def run(self, start: np.ndarray, inputs: InputSeries, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the states of one path at all times, ``(k + 1, n)``, and what `CompiledPlant.record` wants of inputs.

        Noise changes where results are recorded.
        """
        cells = np.floor(inputs.times[:-1] / inputs.sample + SAME).astype(int)
        cells -= cells[0]
        white = random.standard_normal((cells[-1] + 1, len(self.noisy)))[cells] / np.sqrt(inputs.sample)
        end = None if inputs.end is None else np.hstack([inputs.end, white])
        index, begin, signals = inputs.sampled, np.hstack([inputs.begin, white]), self.compiled.plant.late
        if not signals:
            return self.problem.run(start, inputs.times, begin, end), inputs.at(index)
        noisy = replace(inputs, begin=begin, end=end)
        states, late = integrate_late(self.problem, self._departing, signals, start, noisy)
        return states, np.hstack([inputs.at(index), late[index]])

    def _departing(self, states: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return what sets out to arrive late, see `CompiledPlant.departing`."""
        own = len(self.compiled.plant.inputs)
        return self.compiled.departing(states, np.delete(given, slice(own, own + len(self.noisy)), axis=1))


def asks_for_draws(scenario: Scenario | None) -> bool:
    """Return whether cases are simulated with noise of their states.

    Parameters
    ----------
    scenario : Scenario or None
        The scenario file.

    Returns
    -------
    bool
    """
    return scenario is not None and (scenario.content.draws is not None or bool(scenario.content.process_noise))


def draws_of(plant: Plant, file: PlantFile, scenario: Scenario | None) -> Draws | None:
    """Return how often a plant with noise is simulated; None where a scenario does not ask for it.

    Parameters
    ----------
    plant : Plant
        The plant of a case.
    file : PlantFile
        Its file, whose noise counts where the scenario has none of its own.
    scenario : Scenario or None
        The scenario file.

    Returns
    -------
    Draws or None

    Raises
    ------
    InputError
        When draws are asked for without noise, or noise does not fit the plant; with file and line.
    """
    if scenario is None or not asks_for_draws(scenario):
        return None
    content, document = scenario.content, scenario.document
    given = content.process_noise or file.process_noise
    if not given:
        raise InputError(
            "'draws' is given, and no state has noise",
            where=document.where("draws"),
            expected="a section process_noise, here or in the file of the plant",
            fix="add process_noise: {S_NH: 5 %}, or remove draws",
        )
    of = (lambda name: document.where("process_noise", name)) if content.process_noise else _of_file(file)
    noise = build_process_noise(given, plant.table, plant.layout, of)
    assert noise is not None
    return Draws(noise, content.draws or COUNT, content.seed or 0, {name: of(name) for name in given})


def _of_file(file: PlantFile) -> Callable[[str], str]:
    return lambda name: file.where("process_noise", name)


def lowest_states(records: Sequence[PlantRecord]) -> PlantRecord:
    """Return a record with the lowest states of several.

    Parameters
    ----------
    records : sequence of PlantRecord
        At the same times.

    Returns
    -------
    PlantRecord
    """
    return replace(records[0], states=np.min([r.states for r in records], axis=0))
