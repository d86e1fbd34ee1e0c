"""FMUs in clients that were not written here: FMPy, in both versions and both kinds, and libcosim."""

from __future__ import annotations

import sys
from itertools import pairwise

import fmpy
import numpy as np
import pytest
from fmpy.validation import validate_fmu
from fmu_tools import KINDS, SLAVES, instance
from fmu_toy import DAY, FEED, exact

S, GRID = "tank_1.S", np.arange(0.0, 2.0 + 1e-9, 1 / 96)


@pytest.mark.parametrize("version", [2, 3])
def test_fmpy_finds_nothing_to_object_to(toy_fmus, version):
    assert validate_fmu(str(toy_fmus[version].path)) == []


def simulate(made, kind, **options):
    return fmpy.simulate_fmu(
        str(made.path), fmi_type=kind, stop_time=2 * DAY, output_interval=900.0, record_events=False,
        relative_tolerance=1e-8, **options,
    )  # fmt: skip


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_events_tables_and_steps_give_the_exact_answer(toy_fmus, version, kind):
    found = simulate(toy_fmus[version], kind)
    bound = 1e-7 if kind == "CoSimulation" else 1e-4  # CVODE of FMPy has an accuracy of its own
    np.testing.assert_allclose(found["time"], GRID * DAY, rtol=1e-12)
    np.testing.assert_allclose(found[S], exact(GRID), atol=bound)
    np.testing.assert_allclose(found["Gute"], 2 * found[S] ** 2 + FEED, rtol=1e-12)
    assert set(found["pump"]) == {0.0, 1.0}


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_parameters_switches_and_member_act(toy_fmus, version, kind):
    found = simulate(toy_fmus[version], kind, start_values={"Q": 3.0, "member": 0, "enabled": False, S: 7.0})
    expected = exact(GRID, member=0, q=3.0, gain=0.0, start=7.0)
    np.testing.assert_allclose(found[S], expected, atol=1e-7 if kind == "CoSimulation" else 1e-4)


KNOTS = np.array([0.0, 0.3, 0.8, 1.1, 2.0])
FEEDS = np.array([3.0, 6.0, 1.0, 4.0, 4.0])
SLOPES = np.append(np.diff(FEEDS) / np.diff(KNOTS), 0.0)


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_inputs_move_within_steps(toy_fmus, version, kind):
    made = toy_fmus[version]
    times = np.round(np.arange(0.0, 2.01, 0.1), 12)
    with instance(made, version, kind) as one:
        one.begin()
        found = [one.get(made[S])[0]]
        for start, end in pairwise(times):
            assert one.set(made["feed.S"], np.interp(start, KNOTS, FEEDS)) == 0
            assert one.move(made, "feed.S", _slope(start) / DAY) == 0
            assert one.step(start * DAY, (end - start) * DAY) == 0
            found.append(one.get(made[S])[0])
    expected = exact(times, lambda t: np.interp(t, KNOTS, FEEDS), slope=_slope, knots=KNOTS[1:])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def _slope(t):
    return SLOPES[np.searchsorted(KNOTS, t + 1e-9) - 1]


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_inputs_move_until_they_are_told_not_to(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        one.begin()
        assert one.move(made, "feed.S", 1 / DAY) == 0
        assert one.step(0.0, 900.0) == 0
        assert one.get(made["feed.S"])[0] == pytest.approx(FEED + 900 / DAY, rel=1e-14)
        assert one.step(900.0, 900.0) == 0
        assert one.get(made["feed.S"])[0] == pytest.approx(FEED + 1800 / DAY, rel=1e-14)
        assert one.move(made, "feed.S", 0.0) == 0
        assert one.step(1800.0, 900.0) == 0
        assert one.get(made["feed.S"])[0] == pytest.approx(FEED + 1800 / DAY, rel=1e-14)


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_a_step_may_be_as_long_as_one_likes(toy_fmus, version, kind):
    with instance(toy_fmus[version], version, kind) as one:
        one.begin()
        assert one.step(0.0, 2 * DAY) == 0
        assert one.get(toy_fmus[version][S])[0] == pytest.approx(exact([2.0])[0], abs=1e-6)


@pytest.mark.skipif(sys.platform != "linux", reason="libcosimpy is tried on Linux")
def test_libcosim_runs_the_co_simulation_of_fmi_2(toy_fmus):
    pytest.importorskip("libcosimpy")
    from libcosimpy.CosimExecution import CosimExecution
    from libcosimpy.CosimObserver import CosimObserver
    from libcosimpy.CosimSlave import CosimLocalSlave

    execution = CosimExecution.from_step_size(step_size=900 * 10**9)
    slave = execution.add_local_slave(CosimLocalSlave(fmu_path=str(toy_fmus[2].path), instance_name="toy"))
    observer = CosimObserver.create_last_value()
    execution.add_observer(observer)
    assert execution.simulate_until(int(DAY) * 10**9)
    assert observer.last_real_values(slave, [toy_fmus[2][S]])[0] == pytest.approx(exact([1.0])[0], abs=1e-4)


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_fmpy_lets_inputs_move_by_their_slopes(toy_fmus, version, kind):
    signals = np.rec.fromarrays([KNOTS * DAY, FEEDS, SLOPES / DAY], names=["time", "feed.S", "der(feed.S)"])
    found = simulate(toy_fmus[version], kind, input=signals)
    times = np.round(found["time"] / DAY, 12)
    expected = exact(times, lambda t: np.interp(t, KNOTS, FEEDS), slope=_slope, knots=KNOTS[1:])
    np.testing.assert_allclose(found[S], expected, atol=1e-6)
