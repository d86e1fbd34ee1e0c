"""A plant simulated, and everything written that it gave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from asm_hybrid.report.flowsheet import draw_flowsheet
from asm_hybrid.report.simulation_page import simulation_files
from asm_hybrid.scenario.plants import PlantScenarios, simulate_plant
from asm_hybrid.scenario.result_folder import check_target, write_plant_folder
from asm_hybrid.yamlfile import YamlSource

__all__ = ["run_simulation"]

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
    if progress is not None:
        progress("plots and page", 0.0)
    files = simulation_files(result, _flowsheet(result))
    folder = out or PARENT / f"{result.name}-{datetime.now():%Y%m%d-%H%M%S}"
    write_plant_folder(result, folder, files)
    return result, folder


def _flowsheet(result: PlantScenarios) -> str:
    """Draw the plant with the mean of what the base case was given and its controllers made."""
    columns, constants = result.cases[0].record.columns, result.plant.layout.constants
    means = [columns[name].mean() if name in columns else constants[name] for name in result.plant.inputs.names]
    return draw_flowsheet(result.plant, np.array(means)).decode()
