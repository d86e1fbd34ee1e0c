"""What was simulated, kept in the process that simulates: indicators, series, rates, files of the command line."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import casadi
import numpy as np

from asm_hybrid.artefacts import csv_text
from asm_hybrid.jobs import open_job
from asm_hybrid.plant import casadi_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.report.simulation import flowsheet_of, mean_inputs_of
from asm_hybrid.report.simulation_page import PAGE, notes_of, shown_row, simulation_files
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.memory import Memory
from asm_hybrid.scenario.result_folder import series_table
from asm_hybrid.scenario.summary import IndicatorRow, effect_warnings, indicator_groups, indicator_table, main_rows
from asm_hybrid.serve import exchanged
from asm_hybrid.serve.places import RATE
from asm_hybrid.serve.worker import Tell

__all__ = ["kept_means", "series_of", "simulated", "tables", "whole_page"]

RESULTS = 3
"""Simulations whose series are at hand."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """One simulation."""

    found: PlantScenarios
    seconds: float


_results: OrderedDict[str, _Kept] = OrderedDict()
"""Of this process, by subject and scenario file; the one that was not asked for longest goes first."""
_memories: dict[str, Memory] = {}
"""Of this process, by subject."""


def simulated(subject: str, document: dict[str, Any], tell: Tell) -> exchanged.Result:
    """Simulate, for `asm_hybrid.serve.plant_work.simulate`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.
    tell : callable
        Called with what is done and the share of it.

    Returns
    -------
    Result
    """
    _results.pop(_key(subject, document), None)  # files of the plant may have changed since
    kept = _kept(subject, document, tell)
    found = kept.found
    cases = found.cases
    return exchanged.Result(
        title=found.name,
        cases=tuple(case.name for case in cases),
        changes=tuple(case.changes for case in cases),
        main=tuple(_row(row) for row in main_rows(cases)),
        groups={name: tuple(_row(row) for row in rows) for name, rows in indicator_groups(cases).items()},
        limits=found.limits,
        influent=found.influent,
        notes=tuple([*effect_warnings(cases), *notes_of(found)]),
        days=float(cases[0].record.times[-1] - cases[0].record.times[0]),
        seconds=kept.seconds,
    )


def series_of(subject: str, document: dict[str, Any], names: tuple[str, ...]) -> exchanged.Series:
    """Return series, for `asm_hybrid.serve.plant_work.series`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.
    names : tuple of str
        Which.

    Returns
    -------
    Series
    """
    found = _kept(subject, document).found
    first = found.cases[0].record
    stamps = found.stamps(first.times)
    zone = found.fitted.zone if found.fitted else "UTC"
    times = tuple(first.times.tolist()) if stamps is None else tuple(t.isoformat() for t in stamps.tz_convert(zone))
    rates = {name.partition(RATE)[0] for name in names if RATE in name}
    values, low, high, outside = {}, {}, {}, {}
    for k, case in enumerate(found.cases):
        columns = {**case.record.columns, **_rates(found, k, case.record, rates)}
        values[case.name] = _chosen(columns, names)
        if case.low is not None and case.high is not None:
            low[case.name] = _chosen(case.low.columns, names)
            high[case.name] = _chosen(case.high.columns, names)
        if case.trust is not None:
            outside[case.name] = _spans(case.trust.outside, times)
    return exchanged.Series(times, values, low, high, outside)


def tables(subject: str, document: dict[str, Any]) -> dict[str, str]:
    """Return tables, for `asm_hybrid.serve.plant_work.csv_files`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.

    Returns
    -------
    dict of str to str
    """
    found = _kept(subject, document).found
    series = {f"{case.name}/series.csv": csv_text(series_table(found, case), "%.7g") for case in found.cases}
    return {"indicators.csv": csv_text(indicator_table(found.cases), "%.7g"), **series}


def whole_page(subject: str, document: dict[str, Any]) -> bytes:
    """Return the page, for `asm_hybrid.serve.plant_work.page`.

    Parameters
    ----------
    subject, document
        What the user named, and the scenario file.

    Returns
    -------
    bytes
    """
    found = _kept(subject, document).found
    return simulation_files(found, flowsheet_of(found))[PAGE]


def kept_means(subject: str, document: dict[str, Any], case: str) -> np.ndarray | None:
    """Return the mean inputs of a case as they were simulated.

    Parameters
    ----------
    subject, document
        What was simulated.
    case : str
        Name of the case.

    Returns
    -------
    ndarray or None, shape (input,)
        None where this is not at hand.
    """
    kept = _results.get(_key(subject, document))
    if kept is None:
        return None
    names = [one.name for one in kept.found.cases]
    return mean_inputs_of(kept.found, names.index(case)) if case in names else None


def _key(subject: str, document: dict[str, Any]) -> str:
    return json.dumps([subject, document], sort_keys=False)


def _kept(subject: str, document: dict[str, Any], tell: Tell = lambda _, __: None) -> _Kept:
    """Return a simulation, as it was before or made anew, exactly as the command line makes it."""
    key = _key(subject, document)
    if key not in _results:
        began = time.perf_counter()
        memory = _memories.setdefault(subject, Memory())
        job = open_job(subject)
        found = job.simulate(document or None, None, tell, write=False, memory=memory).found
        _results[key] = _Kept(found, time.perf_counter() - began)
    _results.move_to_end(key)
    while len(_results) > RESULTS:
        _results.popitem(last=False)
    return _results[key]


def _row(row: IndicatorRow) -> exchanged.IndicatorRow:
    shown = shown_row(row)
    cells = tuple((str(a), str(b), str(c), str(d)) for a, b, c, d in shown["cells"])
    return exchanged.IndicatorRow(
        str(shown["label"]), str(shown["unit"]), row.description, tuple(map(float, row.values)), cells, row.name
    )


def _chosen(columns: dict[str, np.ndarray] | Any, names: tuple[str, ...]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(np.asarray(columns[name], dtype=float).tolist()) for name in names if name in columns}


def _spans(outside: np.ndarray, times: tuple[Any, ...]) -> tuple[tuple[Any, Any], ...]:
    """Return from when to when something holds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], outside, [False]]).astype(int)))
    return tuple((times[a], times[min(b, len(times) - 1)]) for a, b in edges.reshape(-1, 2).tolist())


def _rates(found: PlantScenarios, k: int, record: PlantRecord, tanks: set[str]) -> dict[str, np.ndarray]:
    """Return the process rates of f in some tanks at the states of a case, by the name of the series."""
    plant = found.plants[k]
    known = [tank for tank in plant.layout.tank_names if tank in tanks]
    if not known or not record.states.size:
        return {}
    parameters = np.array([found.parameters[name] for name in plant.table.parameter_names])
    system = symbolic_system(plant, parameters)
    rates = plant.rates(system.tanks, system.forcing, casadi_namespace())
    places = [plant.layout.tank_index(tank) for tank in known]
    function = casadi.Function("rates", [system.state, system.inputs], [casadi.vec(rates[places, :].T)])
    inputs = np.stack([record.columns.get(n, np.zeros(len(record.times))) for n in plant.inputs.names])
    if record.late is not None:
        inputs = np.vstack([inputs, record.late.T])
    values = np.array(function(record.states.T, inputs))
    names = [f"{tank}{RATE}{process}" for tank in known for process in plant.table.process_names]
    return dict(zip(names, values, strict=True))
