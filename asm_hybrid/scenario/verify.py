"""Simulate BSM1 as published, and compare with the published figures.

The protocol [1]_: the steady state at constant influent; from there 14 d of dry weather; from there 14 d of each
weather, of which days 7 to 14 count. Samples of the influent are held until the next. In closed loop the sensors are
noisy: the noise of the published run is another realisation than ours.

What remains in open loop comes mostly from the hold. With straight lines between the samples, sludge production comes
within 0.003 % of the published figure instead of 0.1 %, and X_S of storm weather within 0.03 % instead of 0.7 %. The
published run seems to have interpolated: the README of the influent files says that interpolation brings the mean
effluent flow closer to 18061.332 m3/d, and 18061.3325 is published.

References
----------
.. [1] Alex, J. et al. (2018): Benchmark Simulation Model no. 1 (BSM1). IWA Task Group, chapters 5 and 6.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import user_path
from asm_hybrid.config import build_layout, load_kinetics, load_plant, parameter_values
from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.errors import InputError
from asm_hybrid.parallel.side_processes import side_processes
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.kpi import Indicator, evaluate
from asm_hybrid.scenario.kpi_series import Stream, cut_window
from asm_hybrid.scenario.published import Check, published_averages, published_steady_state
from asm_hybrid.scenario.scoring import plant_series
from asm_hybrid.scenario.simulation_inputs import assemble_inputs

if TYPE_CHECKING:
    from asm_hybrid.training import Progress

__all__ = [
    "PLANTS",
    "Comparison",
    "Verification",
    "average",
    "compare_average",
    "compare_steady_state",
    "compile_plant",
    "find_influents",
    "read_influents",
    "simulate_fortnight",
    "verify",
]

PLANTS: Mapping[str, str] = MappingProxyType({"open": "bsm1", "closed": "bsm1_closed"})
"""Shipped layouts of the plant without and with control."""
WEATHERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"dry": ("dry",), "rain": ("rain",), "storm": ("storm", "strm")}
)
"""What the names of their influent files contain."""
ENDINGS = (".txt", ".ascii", ".dat", ".csv", ".tsv", ".gz")
"""Endings of influent files."""

DAYS, SCORED = 14.0, 7.0
"""Length of a simulation, and where its averages begin [d]."""
SEED = 1
"""Seed of the sensors' noise; the fortnight before has the next one."""

TOLERANCE, SOLIDS, NOISY = 0.0015, 0.01, 0.02
"""Largest relative deviations of averages: in open loop; there for effluent solids, and percentiles; in closed loop."""
INERT = "influent.S_I"
"""What rain dilutes, and copies of the influents do not."""
BY_SOLIDS = ("effluent.X_", "effluent.TSS", "effluent.BOD5")
"""Effluent concentrations that are solids, or mostly."""


@dataclass(frozen=True)
class Comparison:
    """Checks of one simulation.

    Attributes
    ----------
    title : str
        What was simulated.
    checks : tuple of Check
        Published figures beside ours.
    """

    title: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(c.passed for c in self.checks)


@dataclass(frozen=True)
class Verification:
    """All comparisons.

    Attributes
    ----------
    comparisons : tuple of Comparison
        One a steady state, and one a loop and weather.
    dynamic : bool
        Whether there were influents, so that weathers were simulated.
    notes : tuple of str
        What was changed in the influents.
    seconds : float
        How long it took [s].
    """

    comparisons: tuple[Comparison, ...]
    dynamic: bool
    notes: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(c.passed for c in self.comparisons)


@dataclass(frozen=True)
class _Job:
    """One fortnight for another process: files, since equations cannot be sent."""

    plant: str | Path
    start: np.ndarray
    influent: pd.DataFrame
    seed: int


def verify(
    influents: str | Path | None = None, progress: Progress | None = None, plants: Mapping[str, str | Path] = PLANTS
) -> Verification:
    """Compare with the published figures of BSM1.

    Parameters
    ----------
    influents : str or Path, optional
        Folder with the influent files; see `find_influents`. Without it, only the steady states are compared.
    progress : Progress, optional
        Receiver of progress.
    plants : mapping of str to str or Path
        Layouts or files of the plant by loop, ``open`` and ``closed``.

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        When the influents are not found or cannot be read.
    SimulationError
        When a simulation fails.
    """
    began = time.perf_counter()
    frames, notes = read_influents(influents) if influents is not None else ({}, ())
    comparisons, starts = [], {}
    if progress:
        progress.stage("steady states", len(plants))
    for loop, plant in plants.items():
        comparison, starts[loop] = compare_steady_state(loop, plant)
        comparisons.append(comparison)
        if progress:
            progress.advance(f"{loop} loop")
    if frames:
        comparisons += _compare_weathers(plants, starts, frames, progress)
    return Verification(tuple(comparisons), bool(frames), notes, time.perf_counter() - began)


def find_influents(folder: str | Path) -> dict[str, Path]:
    """Return the influent files of dry, rain and storm weather.

    Parameters
    ----------
    folder : str or Path
        A folder with one text file each whose name contains ``dry``, ``rain``, and ``storm`` or ``strm``.

    Returns
    -------
    dict of str to Path

    Raises
    ------
    InputError
        When a file is missing, or there are several.
    """
    folder = user_path(folder)
    if not folder.is_dir():
        raise InputError("the folder does not exist", where=str(folder), expected="the folder of the influent files")
    texts = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in ENDINGS)
    found = {}
    for weather, words in WEATHERS.items():
        files = [p for p in texts if any(word in p.name.lower() for word in words)]
        if len(files) != 1:
            named = ", ".join(p.name for p in files)
            raise InputError(
                f"there are {len(files)} influent files of {weather} weather: {named}"
                if files
                else f"there is no influent file of {weather} weather",
                where=str(folder),
                expected=f"one file whose name contains {' or '.join(words)} and ends in {', '.join(ENDINGS)}",
                fix="keep one file of each weather in the folder",
            )
        found[weather] = files[0]
    return found


def read_influents(folder: str | Path) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Read the influents of dry, rain and storm weather, as they were published.

    Rain dilutes S_I: in the original files its load is that of dry weather. Copies of them have 30 g COD/m3 throughout,
    as that of OpenWasteWater; there S_I is made from the dry weather again.

    Parameters
    ----------
    folder : str or Path
        See `find_influents`.

    Returns
    -------
    frames : dict of str to DataFrame
        As `read_bsm_influent` gives them.
    notes : tuple of str
        What was changed.
    """
    files = find_influents(folder)
    frames = {weather: read_bsm_influent(file).frame for weather, file in files.items()}
    dry, notes = frames["dry"], []
    for weather, frame in frames.items():
        rains = len(frame) == len(dry) and (frame["Q_in"] > dry["Q_in"]).any()
        if rains and frame[INERT].nunique() == 1 and dry[INERT].nunique() == 1:
            frame[INERT] *= dry["Q_in"] / frame["Q_in"]
            notes.append(
                f"{files[weather].name}: S_I stays the same when it rains; in the original it is diluted. It was "
                "replaced by the load of dry weather over the flow"
            )
    return frames, tuple(notes)


def compile_plant(subject: str | Path) -> tuple[CompiledPlant, dict[str, float]]:
    """Return a plant, and the values of its parameters by name.

    Parameters
    ----------
    subject : str or Path
        Layout or file of the plant.

    Returns
    -------
    tuple of CompiledPlant and dict of str to float
        Parameters that the file does not set have their defaults.
    """
    file = load_plant(subject)
    table = load_kinetics(file)
    given = parameter_values(file, table)
    named = {p.name: given.get(p.name, p.default) for p in table.parameters}
    return CompiledPlant(Plant(table, build_layout(file, table)), np.array(list(named.values()))), named


def compare_steady_state(loop: str, plant: str | Path) -> tuple[Comparison, np.ndarray]:
    """Compare the steady state at the constant influent, to every printed digit.

    Parameters
    ----------
    loop : {'open', 'closed'}
        Which published figures.
    plant : str or Path
        Layout or file of the plant.

    Returns
    -------
    comparison : Comparison
        States of tanks, effluent, underflow and settler.
    state : ndarray, shape (state,)
        The steady state.
    """
    compiled, _ = compile_plant(plant)
    inputs = assemble_inputs(compiled.plant, DAYS).mean
    state = compiled.steady_state(inputs).state
    record = compiled.record(np.zeros(1), state[None], inputs[None])
    checks = tuple(
        Check(name, record.units[name], figure, float(record.columns[name][0]))
        for name, figure in published_steady_state(loop).items()
    )
    return Comparison(f"Steady state, {loop} loop", checks), state


def simulate_fortnight(
    compiled: CompiledPlant, start: np.ndarray, influent: pd.DataFrame, *, seed: int | None = None
) -> PlantRecord:
    """Simulate 14 d.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    start : ndarray, shape (state,)
        The state to begin with.
    influent : DataFrame
        As `read_bsm_influent` gives it.
    seed : int, optional
        Seed of the sensors' noise; without it there is none.

    Returns
    -------
    PlantRecord
    """
    known = [c for c in influent.columns if c == "time" or c in compiled.plant.input_index]
    return compiled.simulate(start, assemble_inputs(compiled.plant, DAYS, influent[known], seed=seed))


def compare_average(loop: str, weather: str, indicators: Mapping[str, Indicator]) -> Comparison:
    """Compare the averages of days 7 to 14.

    Parameters
    ----------
    loop : {'open', 'closed'}
        Without or with control.
    weather : {'dry', 'rain', 'storm'}
        The influent.
    indicators : mapping of str to Indicator
        What our simulation gives; see `average`.

    Returns
    -------
    Comparison
    """
    checks = []
    for name, figure in published_averages(loop, weather).items():
        ours = indicators[name]
        checks.append(Check(name, ours.unit, figure, ours.value, _tolerance(loop, name)))
    return Comparison(f"{weather.capitalize()} week, {loop} loop", tuple(checks))


def average(compiled: CompiledPlant, named: Mapping[str, float], record: PlantRecord) -> dict[str, Indicator]:
    """Return the indicators of days 7 to 14, and means of components and of what controllers move.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    named : mapping of str to float
        Values of the table's parameters.
    record : PlantRecord
        Its simulation.

    Returns
    -------
    dict of str to Indicator
    """
    plant = compiled.plant
    series = plant_series(plant, record, named, held=True)
    components = {n: record.columns[f"effluent.{n}"][:-1] for n in plant.table.component_names}
    effluent = Stream(series.effluent.flow, {**series.effluent.concentrations, **components})
    window = cut_window(replace(series, effluent=effluent), SCORED, DAYS)
    rows = list(evaluate(window))
    rows.append(Indicator("recycle.internal mean", window.mean(window.recycle), "m3/d", "mean of the internal recycle"))
    rows += [Indicator(f"{t.name}.kla mean", window.mean(t.kla), "1/d", f"mean kLa of {t.name}") for t in window.tanks]
    return {row.name: row for row in rows}


def _tolerance(loop: str, name: str) -> float:
    if loop == "closed":
        return NOISY
    return SOLIDS if name.startswith(BY_SOLIDS) or name.endswith("95 %") else TOLERANCE


def _fortnight(job: _Job) -> tuple[np.ndarray, dict[str, Indicator]]:
    """Return the last state of a fortnight, and its averages."""
    compiled, named = compile_plant(job.plant)
    record = simulate_fortnight(compiled, job.start, job.influent, seed=job.seed)
    return record.states[-1], average(compiled, named, record)


def _compare_weathers(
    plants: Mapping[str, str | Path],
    starts: Mapping[str, np.ndarray],
    frames: Mapping[str, pd.DataFrame],
    progress: Progress | None,
) -> list[Comparison]:
    """Compare all weathers; every fortnight runs in a process of its own."""
    total = len(plants) * (1 + len(frames))
    if progress:
        progress.stage("fortnights", total)
    found = []
    with side_processes(min(total, os.cpu_count() or 1)) as pool:
        # the closed loop takes longest, and goes first
        before = {
            loop: pool.submit(_fortnight, _Job(plant, starts[loop], frames["dry"], SEED + 1))
            for loop, plant in reversed(list(plants.items()))
        }
        after = {}
        for loop, plant in plants.items():
            state, _ = before[loop].result()
            if progress:
                progress.advance(f"{loop} loop, dry weather before")
            for weather, frame in frames.items():
                after[loop, weather] = pool.submit(_fortnight, _Job(plant, state, frame, SEED))
        for (loop, weather), future in after.items():
            found.append(compare_average(loop, weather, future.result()[1]))
            if progress:
                progress.advance(f"{loop} loop, {weather} weather")
    return found
