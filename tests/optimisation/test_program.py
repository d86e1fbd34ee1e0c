"""The program of schedules: its figures are those of the indicators, its inputs keep loads, its schedules are whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from optimisation_plant import PLANT

from asm_hybrid.optimisation.planning import schedule_changes
from asm_hybrid.optimisation.schedules import Schedule
from asm_hybrid.optimisation.symbolic_figures import symbolic_figures
from asm_hybrid.optimisation.transcription import Transcription, mean_of_inputs
from asm_hybrid.scenario.changes import StampClock
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.influents import Influent
from asm_hybrid.scenario.kpi import BSM_LIMITS
from asm_hybrid.scenario.kpi_factors import Factors
from asm_hybrid.scenario.scoring import score
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs
from asm_hybrid.scenario.subject import load_subject

NAMES = (
    "OCI", "OCI original", "EQI", "IQI", "aeration energy", "pumping energy", "mixing energy", "sludge production",
    "effluent.NH4 mean", "effluent.TN load", "influent.COD mean", "cost total", "CO2e total",
)  # fmt: skip
FACTORS = Factors(energy_price=0.25, sludge_price=300.0, charges={"TN": 2.5}, energy_co2e=0.4)


@pytest.fixture(scope="module")
def compiled() -> CompiledPlant:
    subject = load_subject(PLANT)
    return CompiledPlant(subject.plant, subject.parameters)


def warmer_by_day(compiled: CompiledPlant) -> InputSeries:
    """Return a day in which flow and ammonium swing, with straight lines between samples."""
    times = np.arange(0.0, 1.0 + 1e-9, 1 / 24)
    wave = 1.0 + 0.4 * np.sin(2 * np.pi * times)
    frame = pd.DataFrame({"time": times, "Q_in": 4000.0 * wave, "influent.S_NH": 25.0 * wave})
    return assemble_inputs(compiled.plant, 1.0, frame, held=False)


def test_figures_are_those_of_the_indicators(compiled: CompiledPlant) -> None:
    inputs = warmer_by_day(compiled)
    record = compiled.simulate(compiled.start(inputs.mean), inputs)
    named = dict(zip(compiled.plant.table.parameter_names, compiled.parameters.tolist(), strict=True))
    figures = symbolic_figures(compiled, named, {}, FACTORS, NAMES)
    assert figures.names == NAMES
    given = inputs.at(inputs.sampled)
    moments = np.array(figures.moment(record.states[:-1].T, given[:-1].T))
    stored = np.array(figures.stored(record.states.T, given.T))
    found = np.array(figures.total(moments.mean(axis=1), stored[:, -2] - stored[:, 0], 1.0)).ravel()
    expected = {i.name: i.value for i in score(compiled.plant, record, named, 0.0, BSM_LIMITS, FACTORS).indicators}
    assert dict(zip(NAMES, found, strict=True)) == pytest.approx({n: expected[n] for n in NAMES}, rel=1e-9)


def test_an_excess_is_the_mean_of_what_is_above(compiled: CompiledPlant) -> None:
    inputs = warmer_by_day(compiled)
    record = compiled.simulate(compiled.start(inputs.mean), inputs)
    values = record.columns["effluent.S_NH"]
    limit = float(np.median(values))
    figures = symbolic_figures(compiled, {}, {"over": ("NH4", limit)}, None, ["over"])
    found = np.array(figures.moment(record.states.T, inputs.at(inputs.sampled).T)).ravel().mean()
    assert found == pytest.approx(np.maximum(values - limit, 0.0).mean(), abs=0.01 * limit)  # it bends within 2 %


def test_means_of_inputs_keep_what_comes_in(compiled: CompiledPlant) -> None:
    inputs = warmer_by_day(compiled)
    edges = np.linspace(0.0, 1.0, 18)
    parts = mean_of_inputs(inputs, edges[:-1], edges[1:])
    assert parts.mean(axis=0) == pytest.approx(inputs.mean, rel=1e-12)


def test_the_program_moves_air_to_where_it_is_needed(compiled: CompiledPlant) -> None:
    inputs = warmer_by_day(compiled)
    steady = compiled.steady_state(inputs.mean).state
    record = compiled.simulate(steady, inputs)
    named = dict(zip(compiled.plant.table.parameter_names, compiled.parameters.tolist(), strict=True))
    figures = symbolic_figures(compiled, named, {}, None, ["aeration energy", "effluent.NH4 mean"])
    place = compiled.plant.input_index["aerobic.kla"]
    edges = np.linspace(0.0, 1.0, 5)
    air = Schedule("air", "aerobic.kla", "1/d", "set", (place,), 60.0, 240.0, edges, np.arange(4), 5.0, 100.0)
    ammonium = float(np.average(record.columns["effluent.S_NH"], weights=record.columns["effluent.flow"]))
    present = {"aeration energy": 1.0, "effluent.NH4 mean": ammonium}
    program = Transcription(compiled, figures, inputs, record, [air], 0.0)
    planned = program.solve({"aeration energy": 1.0}, {"effluent.NH4 mean": ammonium}, np.full(4, 150.0), present)
    assert planned.converged
    assert planned.figures["effluent.NH4 mean"] <= ammonium * (1 + 1e-4)
    assert planned.values.mean() < 149.0  # less than the present 150, with as much ammonium
    moved = inputs.begin.copy()
    moved[:, place] = planned.values[air.variable_at(inputs.times[:-1])]
    end = None if inputs.end is None else inputs.end.copy()
    assert end is not None
    end[:, place] = moved[:, place]
    again = compiled.simulate(steady, InputSeries(inputs.times, moved, end))
    simulated = float(np.average(again.columns["effluent.S_NH"], weights=again.columns["effluent.flow"]))
    assert simulated == pytest.approx(planned.figures["effluent.NH4 mean"], rel=0.03)  # hours against the simulator


def daily(**changes: float) -> Schedule:
    given = {"low": 0.25, "high": 2.0, "step": 0.1, "change": 0.55} | changes
    edges = np.arange(9) * 0.25
    return Schedule("a", "x", "-", "set", (0,), edges=edges, variables=np.arange(8) % 4, **given)  # type: ignore[arg-type]


def test_rounded_values_keep_bounds_and_steps() -> None:
    schedule = daily()
    assert schedule.count == 4
    assert schedule.rounded(np.array([0.25, 1.04, 1.06, 1.99])) == pytest.approx([0.3, 1.0, 1.1, 2.0])
    assert schedule.most == pytest.approx(0.5)
    assert {tuple(pair) for pair in schedule.neighbours.tolist()} == {(0, 1), (1, 2), (2, 3), (3, 0)}
    rounded = schedule.rounded(np.array([0.45, 0.95]) - 1e-12)
    assert abs(rounded[1] - rounded[0]) <= 0.5 + 1e-9


def test_changes_name_times_of_the_zone() -> None:
    clock = StampClock(pd.Timestamp("2021-05-23T00:00", tz="UTC"), "Europe/Amsterdam")
    influent = Influent(None, 2.0, True, "", clock=clock)
    found = schedule_changes([daily()], np.array([0.5, 0.5, 0.8, 0.5]), influent)
    assert [change["set"] for change in found] == [0.5, 0.8, 0.5, 0.8, 0.5]
    assert found[1]["start"] == "2021-05-23 14:00:00"
    assert found[1]["end"] == "2021-05-23 20:00:00"
