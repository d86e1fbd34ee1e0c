"""The folder of an optimisation: the optimum as files that can be used, what was simulated, and the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asm_hybrid import __version__
from asm_hybrid.artefacts import write_csv_atomic, write_json_atomic, write_text_atomic
from asm_hybrid.optimisation.definition import load_goal
from asm_hybrid.optimisation.optimise import find_optimum
from asm_hybrid.optimisation.result import Gain, Optimum
from asm_hybrid.parallel import Pool
from asm_hybrid.report.optimisation_page import optimisation_files, schedule_table
from asm_hybrid.scenario.fitted_subject import load_fitted
from asm_hybrid.scenario.result_folder import check_target, write_plant_folder
from asm_hybrid.scenario.subject import Subject, load_subject
from asm_hybrid.yamlfile import YamlSource, source_name, to_yaml

__all__ = ["optimise_plant", "optimise_run"]

PARENT = Path("optimisations")
"""Where folders are made that nobody named."""
SCENARIO = "optimum.yaml"
"""The scenario by which the optimum can be simulated."""

Tell = Callable[[str, float], None]


def optimise_plant(
    source: YamlSource, goal: YamlSource, out: Path | None, pool: Pool, tell: Tell
) -> tuple[Optimum, Path]:
    """Find the best operation of a plant, and write it with its page.

    Parameters
    ----------
    source : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training.
    goal : str, Path or mapping
        The goal file, or its content.
    out : Path or None
        The folder, in which files of the same name are replaced; a dated one below ``optimisations`` without it.
    pool : Pool
        The processes.
    tell : callable
        Called with what is done and the share of it.

    Returns
    -------
    Optimum
    Path
        The folder.

    Raises
    ------
    InputError
        When plant, goal or folder cannot be used; nothing is written then.
    SimulationError
        When present operation or optimum cannot be simulated; nothing is written then.
    """
    return _optimise(partial(load_subject, source), source_name(source), goal, out, pool, tell)


def optimise_run(run: Path, goal: YamlSource, out: Path | None, pool: Pool, tell: Tell) -> tuple[Optimum, Path]:
    """Find the best operation of the plant of a run, with what was calibrated and learnt; see `optimise_plant`.

    Parameters
    ----------
    run : Path
        A run folder or a bundle.
    goal, out, pool, tell
        As in `optimise_plant`.

    Returns
    -------
    Optimum
    Path
        The folder.

    Raises
    ------
    InputError
        When run, goal or folder cannot be used; nothing is written then.
    SimulationError
        When present operation or optimum cannot be simulated; nothing is written then.
    """
    return _optimise(partial(load_fitted, run), str(run), goal, out, pool, tell)


def _optimise(
    load: Callable[[], Subject], name: str, goal: YamlSource, out: Path | None, pool: Pool, tell: Tell
) -> tuple[Optimum, Path]:
    check_target(out or PARENT)
    wanted = load_goal(goal)
    result = find_optimum(load, name, wanted, pool, tell)
    folder = out or PARENT / f"{wanted.content.name}-{datetime.now():%Y%m%d-%H%M%S}"
    tell("plots and page", 0.0)
    _write(result, folder)
    return result, folder


def _write(result: Optimum, folder: Path) -> None:
    simulation = result.simulation
    assert simulation.scenario is not None
    write_plant_folder(replace(simulation, scenario=None), folder, {})
    write_text_atomic(folder / "goal.yaml", result.goal.document.text)
    write_text_atomic(folder / SCENARIO, to_yaml(simulation.scenario.written(folder)))
    if not result.evaluations.empty:
        write_csv_atomic(folder / "evaluations.csv", result.evaluations)
    if result.plan is not None:
        write_csv_atomic(folder / "schedule.csv", schedule_table(result))
    if result.drawn is not None:
        write_csv_atomic(folder / "draws.csv", result.drawn.values.assign(gain=result.drawn.gains))
    write_json_atomic(folder / "summary.json", _summary(result))
    for file, content in optimisation_files(result).items():
        write_text_atomic(folder / file, content)


def _summary(result: Optimum) -> dict[str, Any]:
    """Return the content of ``summary.json``."""
    return {
        "name": result.goal.content.name,
        "subject": result.subject,
        "version": __version__,
        "minimised": dict(result.goal.content.minimise),
        "claim": result.claim,
        "gain": _gain(result.gain),
        "decisions": dict(result.decisions),
        "present": dict(result.present),
        "limits": [
            {
                "name": limit.name,
                "unit": limit.unit,
                "limit": limit.bound,
                "of_present": limit.of_present,
                "present": limit.present,
                "optimum": limit.optimum,
                "kept": limit.kept,
            }
            for limit in result.limits
        ],
        "outside_training_hours": result.outside,
        "evaluations": len(result.evaluations),
        "verified": {
            v.name: {"gain": _gain(v.gain), "exceeded": [limit.name for limit in v.limits if not limit.kept]}
            for v in result.verified
        },
        "draws": None
        if result.drawn is None
        else {
            "draws": len(result.drawn.gains),
            "failed": list(result.drawn.failed),
            "gain_5_95": [_known(v) for v in result.drawn.band],
            "limits_kept": _known(result.drawn.kept),
        },
        "notes": list(result.notes),
    }


def _gain(gain: Gain) -> dict[str, object]:
    return {"share": gain.share, "low": gain.low, "high": gain.high, "members": gain.banded, "f_alone": gain.by_f}


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
