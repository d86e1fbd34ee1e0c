"""A plant simulated, and everything written that it gave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from asm_hybrid.report.flowsheet import draw_flowsheet
from asm_hybrid.report.simulation_page import simulation_files
from asm_hybrid.scenario.cases import BASE, PlantScenarios
from asm_hybrid.scenario.plants import simulate_plant, simulate_run
from asm_hybrid.scenario.result_folder import check_target, write_plant_folder
from asm_hybrid.unpacked import refuse_zip
from asm_hybrid.yamlfile import YamlSource

__all__ = ["flowsheet_of", "mean_inputs_of", "run_fitted_simulation", "run_simulation"]

PARENT = Path("simulations")


def run_simulation(
    subject: YamlSource,
    scenario: YamlSource | None = None,
    out: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    workers: int = 1,
) -> tuple[PlantScenarios, Path]:
    """Simulate a plant and what scenarios change, and write series, indicators, plots and a page.

    Parameters
    ----------
    subject : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training.
    scenario : str, Path or mapping, optional
        The scenario file.
    out : Path, optional
        The folder, in which files of the same name are replaced; a dated one below ``simulations`` without it.
    progress : callable, optional
        Called with what is done and the share of it.
    workers : int
        Processes at most; see `simulate_plant`.

    Returns
    -------
    PlantScenarios
        The simulation.
    Path
        The folder.

    Raises
    ------
    InputError
        When plant, scenarios or folder cannot be used; nothing is written then.
    SimulationError
        When a simulation fails; nothing is written then.
    """
    check_target(out or PARENT)
    result = simulate_plant(subject, scenario, progress, workers)
    folder = out or PARENT / f"{result.name}-{datetime.now():%Y%m%d-%H%M%S}"
    _write(result, folder, progress)
    return result, folder


def run_fitted_simulation(
    run: str | Path,
    scenario: YamlSource | None = None,
    out: Path | None = None,
    progress: Callable[[str, float], None] | None = None,
    workers: int = 1,
) -> tuple[PlantScenarios, Path]:
    """Simulate the plant of a run and what scenarios change, and write what `run_simulation` writes.

    Parameters
    ----------
    run : str or Path
        A run folder or a bundle.
    scenario, progress, workers
        As in `run_simulation`.
    out : Path, optional
        The folder, in which files of the same name are replaced; ``scenarios/NAME`` in the run folder without it.

    Returns
    -------
    PlantScenarios
        The simulation.
    Path
        The folder.

    Raises
    ------
    InputError
        When run, scenarios or folder cannot be used; nothing is written then.
    SimulationError
        When a simulation fails; nothing is written then.
    """
    parent = Path(run) / "scenarios"
    if out is None:
        refuse_zip(Path(run), "name a folder for the result with --out")
    check_target(out or parent)
    result = simulate_run(run, scenario, progress, workers)
    folder = out or parent / (result.scenario.content.name if result.scenario else BASE)
    _write(result, folder, progress)
    return result, folder


def _write(result: PlantScenarios, folder: Path, progress: Callable[[str, float], None] | None) -> None:
    if progress is not None:
        progress("plots and page", 0.0)
    write_plant_folder(result, folder, simulation_files(result, flowsheet_of(result)))


def flowsheet_of(result: PlantScenarios) -> str | None:
    """Draw the plant with what the base case was given and its controllers made, on average.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.

    Returns
    -------
    str or None
        SVG; None for a neural model, which has no plant.
    """
    if "effluent.flow" not in result.cases[0].record.columns:
        return None
    return draw_flowsheet(result.plant, mean_inputs_of(result, 0)).decode()


def mean_inputs_of(result: PlantScenarios, case: int) -> np.ndarray:
    """Return the mean of what a case was given and its controllers made.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.
    case : int
        Which of its cases.

    Returns
    -------
    ndarray, shape (input,)
    """
    columns, plant = result.cases[case].record.columns, result.plants[case]
    constants = plant.layout.constants
    return np.array(
        [columns[name].mean() if name in columns else constants.get(name, 0.0) for name in plant.inputs.names]
    )
