"""Flows over a record that cannot be, and volumes that run empty or drift."""

import numpy as np
import pytest
from flowsheet_tools import make, point
from flowsheets import LAYOUTS, draw_inputs, flow_sheet

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.plant import Plant
from asm_hybrid.plant.backflow import flow_names, flow_problems, moved_flows
from asm_hybrid.plant.volumes import drifting, emptied, volume_course


def record(plant, **changes):
    """Return ten times an operating point, each change at some of them."""
    inputs = np.tile(point(plant), (10, 1))
    for name, (rows, value) in changes.items():
        inputs[rows, plant.input_index[name]] = value
    return inputs


def test_a_record_without_fault_has_no_problem():
    assert flow_problems(make("bsm1"), record(make("bsm1"))) == ()


def test_times_and_share_of_a_backward_effluent_are_told():
    plant = make("bsm1")
    weights = np.array([3.0, *[1.0] * 9])
    (found,) = flow_problems(plant, record(plant, Q_in=([0, 4], 0.0)), weights)
    np.testing.assert_array_equal(np.flatnonzero(found.when), [0, 4])
    assert found.share == pytest.approx(4 / 12)
    assert found.inputs == ("return_sludge", "wastage")
    assert found.lasting
    assert "drawn from 'settler'" in found.error.found
    assert "backwards" in found.error.found


def test_a_moment_is_no_lasting_fault():
    plant = make("bsm1")
    inputs = np.tile(point(plant), (200, 1))
    inputs[7, plant.input_index["Q_in"]] = 0.0
    (found,) = flow_problems(plant, inputs)
    assert not found.lasting


def test_pulses_of_a_pump_are_no_lasting_fault():
    """An influent that rests 10 of 15 min, while return sludge and wastage are drawn; and one that rests an hour."""
    plant = make("bsm1")
    inputs = np.tile(point(plant), (1440, 1))
    inputs[np.arange(1440) % 15 >= 5, plant.input_index["Q_in"]] = 0.0
    lengths = np.full(1440, 1 / 1440)
    (found,) = flow_problems(plant, inputs, lengths)
    assert found.share == pytest.approx(2 / 3)
    assert found.longest == pytest.approx(10 / 1440)
    assert not found.lasting
    inputs[300:360, plant.input_index["Q_in"]] = 0.0
    (found,) = flow_problems(plant, inputs, lengths)
    assert found.lasting


def test_negative_flows_are_told():
    plant = make("bsm1")
    found = flow_problems(plant, record(plant, wastage=([3], -5.0)))
    assert [p.error.found for p in found] == ["the flow wastage is -5 m3/d"]


def test_what_depends_on_an_unknown_flow_is_passed_over():
    plant = make("bsm1")
    inputs = record(plant, Q_in=([2], 0.0))
    assert flow_problems(plant, inputs, unknown=["wastage"]) == ()
    assert len(flow_problems(plant, inputs, unknown=["recycle.internal"])) == 1


def test_times_without_underflow_are_told():
    plant = flow_sheet("bypass")
    inputs = draw_inputs(plant, np.random.default_rng(0), 4)
    inputs[1, [plant.input_index[n] for n in ("return_sludge", "wastage")]] = 0.0
    (found,) = [p for p in flow_problems(plant, inputs) if not p.impossible]
    assert found.share == 0.25
    assert not found.lasting
    assert "leave with the effluent" in found.error.found
    inputs[:, [plant.input_index[n] for n in ("return_sludge", "wastage")]] = 0.0
    assert any(p.lasting for p in flow_problems(plant, inputs))


def test_flows_that_controllers_move_are_known():
    assert moved_flows(flow_sheet("bsm1_closed")) == {"recycle.internal"}
    assert moved_flows(flow_sheet("cascade")) == frozenset()
    for name in LAYOUTS:
        assert {"Q_in", "wastage"} <= set(flow_names(flow_sheet(name)))


SBR = """\
name: batch
extends: sbr
plant:
  wastage: {flow: 0}
  cycles:
    sbr:
      phases:
        - {name: fill, duration: 2 h, set: {Q_in: 120 m3/h}}
        - {name: aerate, duration: 3 h, set: {reactor.kla: 150}}
        - {name: draw, duration: 1 h, set: {reactor.decant: DRAWN m3/h}}
"""


def batch(tmp_path, drawn):
    (tmp_path / "plant.yaml").write_text(SBR.replace("DRAWN", str(drawn)))
    file = load_plant(tmp_path / "plant.yaml")
    table = load_kinetics(file)
    return Plant(table, build_layout(file, table))


def course(plant, days):
    cycle = plant.layout.cycles[0]
    times = np.append(cycle.edges(days - 1e-6), days)
    inputs = np.tile([plant.layout.constants[spec.name] for spec in plant.inputs], (len(times) - 1, 1))
    for name in cycle.inputs:
        inputs[:, plant.input_index[name]] = cycle.values(name, times[:-1])
    return times, {"reactor": volume_course(plant, times, inputs)[:, 0]}


def test_a_volume_follows_from_the_inputs(tmp_path):
    times, volumes = course(batch(tmp_path, 240), 0.5)
    np.testing.assert_allclose(times * 24, [0, 2, 5, 6, 8, 11, 12])
    np.testing.assert_allclose(volumes["reactor"], [1000, 1240, 1240, 1000, 1240, 1240, 1000])


def test_a_cycle_that_closes_needs_no_word(tmp_path):
    plant = batch(tmp_path, 240)
    times, volumes = course(plant, 14.0)
    assert emptied(plant, times, volumes) is None
    assert drifting(plant, times, volumes) == []


def test_a_reactor_that_fills_without_end_is_named_with_what_comes_and_leaves(tmp_path):
    plant = batch(tmp_path, 100)
    times, volumes = course(plant, 14.0)
    (said,) = drifting(plant, times, volumes)
    for words in ("'reactor'", "grows from 1000 to 8840 m3", "240 m3 come in and 100 m3 leave"):
        assert words in said


def test_a_reactor_that_runs_empty_is_named_with_the_time(tmp_path):
    plant = batch(tmp_path, 900)
    times, volumes = course(plant, 2.0)
    error = emptied(plant, times, volumes)
    assert "the tank 'reactor' runs empty" in error.found
    assert "at 0.5 d" in error.found


@pytest.mark.parametrize(("flow", "told"), [(-1e-11, False), (-0.5, True)])
def test_a_flow_that_is_below_zero_by_rounding_is_none_that_runs_backwards(flow, told):
    file = load_plant("sbr")
    plant = Plant(load_kinetics(file), build_layout(file, load_kinetics(file)))
    inputs = np.tile([plant.layout.constants[spec.name] for spec in plant.inputs], (4, 1))
    inputs[1:, plant.input_index["reactor.decant"]] = flow
    found = [p.error.found for p in flow_problems(plant, inputs)]
    assert any("the flow reactor.decant is -0.5" in text for text in found) == told
    assert bool(found) == told
