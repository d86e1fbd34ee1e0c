"""Scenarios of a plant, with or without what was learnt: base case and changes, side by side, with their indicators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.definition import load_scenario
from asm_hybrid.scenario.fitted_subject import FittedSubject, load_fitted
from asm_hybrid.scenario.influents import find_influent
from asm_hybrid.scenario.memory import Memory
from asm_hybrid.scenario.neural_cases import simulate_neural
from asm_hybrid.scenario.simulation import Simulation, Tell
from asm_hybrid.scenario.subject import Subject, load_subject, told
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["simulate_plant", "simulate_run"]


def simulate_plant(
    subject: YamlSource,
    scenario_path: YamlSource | None = None,
    progress: Tell | None = None,
    workers: int = 1,
    memory: Memory | None = None,
) -> PlantScenarios:
    """Simulate a plant, and what scenarios change.

    Parameters
    ----------
    subject : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training, whose data then are the inputs; or the
        content of such a file.
    scenario_path : str, Path or mapping, optional
        The scenario file; without it the base case is simulated, for 14 d of constant influent or over the record.
    progress : callable, optional
        Called with what is done and the share of it.
    workers : int
        Processes at most for the scenarios. With more than one, a script must guard its main part by
        ``if __name__ == "__main__"``, as `multiprocessing` wants it.
    memory : Memory, optional
        Simulations of before, which are not done again, and to which these are added; with one worker.

    Returns
    -------
    PlantScenarios

    Raises
    ------
    InputError
        When plant or scenarios cannot be used.
    SimulationError
        When a simulation fails.
    """
    call = _Call(partial(load_subject, subject), source_name(subject), workers, memory)
    return call.simulate(scenario_path, progress)


def simulate_run(
    run: str | Path,
    scenario_path: YamlSource | None = None,
    progress: Tell | None = None,
    workers: int = 1,
    memory: Memory | None = None,
) -> PlantScenarios:
    """Simulate the plant of a run with what was calibrated and learnt, and what scenarios change.

    Parameters
    ----------
    run : str or Path
        A run folder or an exported bundle.
    scenario_path : str, Path or mapping, optional
        The scenario file; without it the base case is simulated over the test block.
    progress, workers, memory
        As in `simulate_plant`.

    Returns
    -------
    PlantScenarios
        Every case with all members of n.

    Raises
    ------
    InputError
        When run or scenarios cannot be used.
    SimulationError
        When a simulation fails.
    """
    return _Call(partial(load_fitted, run), str(run), workers, memory).simulate(scenario_path, progress)


@dataclass(frozen=True, eq=False)
class _Call:
    """How the subject is read, also by another process, what it is called, and with what it is simulated."""

    load: Callable[[], Subject]
    name: str
    workers: int
    memory: Memory | None

    def simulate(self, scenario_path: YamlSource | None, progress: Tell | None) -> PlantScenarios:
        found = self.load()
        scenario = load_scenario(scenario_path) if scenario_path is not None else None
        influent = find_influent(found, scenario)
        if isinstance(found, FittedSubject) and not found.has_plant:
            return simulate_neural(found, scenario, influent)
        with told((*found.findings, *influent.findings)):
            call = Simulation(found, self.name, scenario, influent, self.load, self.workers, self.memory)
            return call.run(progress or (lambda _, __: None))
