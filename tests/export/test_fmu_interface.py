"""What an FMU does when it is used as the standard allows, and as it does not."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

import numpy as np
import pytest
from fmu_tools import KINDS, SLAVES, Instance, instance
from fmu_toy import DAY, GAIN, HIGH, LEARNT, Q, exact

S = "tank_1.S"
OK, DISCARD, ERROR = 0, 2, 3


def advanced(one: Instance, made, times=3, start=0):
    """Go on by some steps of 15 minutes: by Euler's method where the host integrates."""
    for k in range(start, start + times):
        if one.kind == "CoSimulation":
            assert one.step(900.0 * k, 900.0) == OK
        else:
            state, rate = one.get(made[S])[0], one.get(made[f"der({S})"])[0]
            one.fmu.setTime(900.0 * (k + 1))
            one.fmu.setContinuousStates((ctypes.c_double * 2)(state + 900 * rate, one.get(made["pump"])[0]), 2)
    return one.get(made[S], made["pump"], made["Gute"], made[f"der({S})"])


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_a_restored_state_goes_on_to_the_same_bits(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one, instance(made, version, kind) as other:
        one.begin()
        other.begin()
        advanced(one, made, 30)
        kept = one.fmu.getFMUState()
        bytes_of = one.fmu.serializeFMUState(kept)
        first = advanced(one, made, 60, 30)
        one.set(made["feed.S"], 77.0)
        one.fmu.setFMUState(kept)
        assert one.fmu.serializeFMUState(one.fmu.getFMUState()) == bytes_of
        np.testing.assert_array_equal(advanced(one, made, 60, 30), first)
        other.fmu.setFMUState(other.fmu.deserializeFMUState(bytes_of))
        np.testing.assert_array_equal(advanced(other, made, 60, 30), first)


@pytest.mark.parametrize("version", [2, 3])
def test_a_changed_or_foreign_state_is_refused(toy_fmus, version):
    made = toy_fmus[version]
    with instance(made, version, "CoSimulation") as one, instance(made, version, "ModelExchange") as other:
        one.begin()
        kept = one.fmu.serializeFMUState(one.fmu.getFMUState())
        name = "DeSerializeFMUstate" if version == 2 else "DeserializeFMUState"
        byte = ctypes.c_char if version == 2 else ctypes.c_uint8
        changed = bytearray(kept)
        changed[len(kept) // 2] ^= 1
        for content in (bytes(changed), kept[:-1], b"", kept + b"\0"):
            buffer = (byte * max(len(content), 1)).from_buffer_copy(content or b"\0")
            assert one.status(name, buffer, len(content), ctypes.byref(ctypes.c_void_p())) == ERROR
        buffer = (byte * len(kept)).from_buffer_copy(kept)
        assert other.status(name, buffer, len(kept), ctypes.byref(ctypes.c_void_p())) == ERROR
        assert "no saved state of this model" in other.messages[-1]
        assert one.status("SetFMUstate" if version == 2 else "SetFMUState", None) == ERROR


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_two_instances_share_nothing(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as alone:
        alone.begin()
        expected = advanced(alone, made)
    with instance(made, version, kind) as one, instance(made, version, kind) as other:
        one.begin()
        other.begin()
        assert other.set(made["feed.S"], 100.0) == OK
        advanced(other, made)
        np.testing.assert_array_equal(advanced(one, made), expected)
        assert other.get(made[S])[0] > expected[0]


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_a_thousand_instances_leave_no_memory_behind(toy_fmus, version, kind):
    if not Path("/proc/self/statm").exists():
        pytest.skip("the memory of a process is read on Linux")
    made = toy_fmus[version]

    def use(one: Instance, times: int) -> int:
        for _ in range(times):
            one.free()
            one.fmu.instantiate()
            one.begin()
            state = one.fmu.getFMUState()
            one.fmu.setFMUState(state)
            one.fmu.freeFMUState(state)
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    with instance(made, version, kind) as one:
        before = use(one, 200)
        assert use(one, 1000) - before < 500_000  # an instance has some 5 kB, a state 1 kB


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_absurd_inputs_are_an_error_and_no_crash(toy_fmus, version, kind):
    made, rng = toy_fmus[version], np.random.default_rng(5)
    references = [made[name] for name in (S, "feed.S", "Q", "gain", "besides", f"der({S})", "Gute")] + [999]
    seen = set()
    with instance(made, version, kind) as one:
        for k in range(200):
            assert one.status("Reset") == OK
            one.messages.clear()
            if k % 2:
                one.begin()
            value = rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e300, 1e-310, *rng.uniform(-10, 10, 4)])
            status = one.set(int(rng.choice(references)), float(value))
            assert status == ERROR or np.isfinite(value)
            if k % 2 and kind == "CoSimulation" and status == OK:
                status = one.step(0.0, float(rng.choice([900.0, 0.0, -900.0, np.nan, np.inf, 1e300])))
            assert status == OK or one.messages
            assert status != OK or np.isfinite(one.get(made[S]))
            seen.add(status)
    assert seen == {OK, DISCARD, ERROR}


@pytest.mark.parametrize(("version", "kind"), SLAVES)
@pytest.mark.parametrize(
    ("now", "size"), [(0.0, 0.0), (0.0, -1.0), (np.nan, 900.0), (0.0, np.nan), (5.0, 900.0), (0.0, 2e6)]
)
def test_impossible_steps_are_errors(toy_fmus, version, kind, now, size):
    with instance(toy_fmus[version], version, kind) as one:
        one.begin(stop=DAY)
        assert one.step(now, size) == ERROR
        assert one.messages[-1].startswith("logStatusError: ")
        assert one.step(0.0, 900.0) == ERROR  # it has failed
        assert one.status("Reset") == OK
        one.begin(stop=DAY)
        assert one.step(0.0, 900.0) == OK


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_a_step_that_cannot_be_integrated_says_why(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        assert one.set(made["pump"], 1.0) == OK
        one.begin()
        assert one.set(made["gain"], 1e308) == OK
        before = one.get(made[S])[0]
        assert one.step(0.0, 2 * DAY) == ERROR
        assert "0 s to 172800 s: " in one.messages[-1]
        assert one.get(made[S])[0] == before


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_what_is_out_of_range_is_not_taken(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        assert one.set(made["Q"], 11.0) == DISCARD
        assert one.messages == ["logStatusDiscard: Q was given 11, where 0.1 to 10 is expected"]
        assert one.get(made["Q"])[0] == Q
        assert one.set(made["feed.S"], -1.0) == DISCARD
        member = (ctypes.c_uint32 * 1)(made["member"])
        sizes = () if version == 2 else (1,)
        name = "SetInteger" if version == 2 else "SetInt32"
        assert one.status(name, member, 1, (ctypes.c_int32 * 1)(3), *sizes) == DISCARD
        assert one.status(name, member, 1, (ctypes.c_int32 * 1)(2), *sizes) == OK
        one.begin()
        assert one.status(name, member, 1, (ctypes.c_int32 * 1)(0), *sizes) == ERROR


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_derivatives_along_a_direction_are_the_exact_ones(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        one.begin()
        unknowns = [made[name] for name in (f"der({S})", "Gute", S, "der(pump)")]
        level = one.get(made[S])[0]
        for known, expected in {
            S: [-Q / DAY, 4 * level, 1.0, 0.0],
            "pump": [GAIN / DAY, 0.0, 0.0, 0.0],
            "feed.S": [Q / DAY, 1.0, 0.0, 0.0],
            "Q": [(3.0 - level) / DAY, 0.0, 0.0, 0.0],
        }.items():
            found = one.fmu.getDirectionalDerivative(unknowns, [made[known]], [2.0])
            np.testing.assert_allclose(found, 2.0 * np.array(expected), rtol=1e-12)
        rate = one.get(made[f"der({S})"])[0]
        assert rate == pytest.approx((Q * (3.0 - level) + LEARNT) / DAY, rel=1e-12)


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_outputs_have_derivatives_by_time(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        one.begin()
        assert one.step(0.0, 900.0) == OK
        references = (ctypes.c_uint32 * 2)(made[S], made["Gute"])
        values = (ctypes.c_double * 2)()
        name, sizes = ("GetRealOutputDerivatives", ()) if version == 2 else ("GetOutputDerivatives", (2,))
        assert one.status(name, references, 2, (ctypes.c_int32 * 2)(1, 1), values, *sizes) == OK
        level, rate = one.get(made[S], made[f"der({S})"])
        np.testing.assert_allclose(list(values), [rate, 4 * level * rate], rtol=1e-12)
        assert one.status(name, references, 2, (ctypes.c_int32 * 2)(1, 2), values, *sizes) == ERROR


@pytest.mark.parametrize("version", [2, 3])
def test_an_integrator_is_told_of_time_and_state_events(toy_fmus, version):
    made = toy_fmus[version]
    with instance(made, version, "ModelExchange") as one:
        one.begin()
        one.fmu.enterEventMode()
        again, ends, _, moved, defined, when = one.update()
        assert (bool(again), bool(ends), bool(moved), bool(defined)) == (False, False, False, True)
        assert when == pytest.approx(0.25 * DAY)
        one.fmu.enterContinuousTimeMode()
        one.fmu.setTime(0.25 * DAY)
        assert one.get(made["besides"])[0] == 0.0  # up to the event the phase before it holds
        one.fmu.enterEventMode()
        assert one.update()[5] == pytest.approx(0.5 * DAY)
        assert one.get(made["besides"])[0] == 1.5
        one.fmu.enterContinuousTimeMode()
        distance = (ctypes.c_double * 1)()
        one.fmu.setContinuousStates((ctypes.c_double * 2)(3.9, 0.0), 2)
        one.fmu.getEventIndicators(distance, 1)
        assert distance[0] == pytest.approx(-0.1)
        one.fmu.enterEventMode()
        again, _, _, moved, _, _ = one.update()
        assert (bool(again), bool(moved)) == (True, True)
        assert not one.update()[0]
        assert one.get(made["pump"])[0] == 1.0
        one.fmu.getEventIndicators(distance, 1)
        assert distance[0] == pytest.approx(HIGH - 3.9)
        if version == 3:
            assert one.get(made["event_indicators[1]"])[0] == distance[0]


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_calls_out_of_order_are_errors(toy_fmus, version, kind):
    exchange = kind == "ModelExchange"
    none = [None] * 6
    for function, arguments in (
        ("ExitInitializationMode", ()),
        ("Terminate", ()),
        ("EnterEventMode", ()),
        ("EnterContinuousTimeMode", ()),
        ("CompletedIntegratorStep", (1, None, None)),
        ("SetTime", (1.0,)),
        *([("NewDiscreteStates", none[:1])] if version == 2 else [("UpdateDiscreteStates", none)]),
    ):
        with instance(toy_fmus[version], version, kind) as one:
            if not hasattr(one.fmu, f"fmi{version}{function}"):
                continue  # FMPy has it for the other kind alone
            assert one.status(function, *arguments) == ERROR
            assert "is not allowed in this mode" in one.messages[-1]
            assert function in one.messages[-1]
    with instance(toy_fmus[version], version, kind) as one:
        one.begin()
        assert one.status("ExitInitializationMode") == ERROR
        assert one.status("Reset") == OK
        one.begin()
        assert one.status("Terminate") == OK
        if not exchange:
            assert one.step(0.0, 900.0) == ERROR
        assert one.set(toy_fmus[version]["feed.S"], 1.0) == ERROR


@pytest.mark.parametrize("version", [2, 3])
def test_messages_follow_the_categories(toy_fmus, version):
    made = toy_fmus[version]
    with instance(made, version, "ModelExchange", logging=True) as told:
        told.begin()
        told.fmu.setTime(0.25 * DAY)
        told.fmu.enterEventMode()
        told.update()
        assert told.messages == [f"logEvents: a time table goes on at {0.25 * DAY:.17g} s"]
        told.fmu.setDebugLogging(True, ["logStatusError"])
        told.fmu.setTime(0.5 * DAY)
        told.update()
        assert len(told.messages) == 1
    with instance(made, version, "CoSimulation") as silent:
        silent.begin()
        assert silent.step(0.0, DAY) == OK
        assert silent.messages == []
        assert silent.set(999, 1.0) == ERROR
        assert silent.messages == ["logStatusError: no real variable has the value reference 999"]


@pytest.mark.parametrize(("version", "kind"), KINDS)
def test_a_foreign_token_makes_no_instance(toy_fmus, version, kind):
    from dataclasses import replace

    from fmpy.model_description import read_model_description

    made = toy_fmus[version]
    description = read_model_description(made.folder)
    description.guid = "{another}"
    with pytest.raises(Exception, match="Failed to instantiate"):
        Instance(replace(made, description=description), version, kind)


@pytest.mark.parametrize(("version", "kind"), SLAVES)
def test_an_experiment_may_begin_within_a_table(toy_fmus, version, kind):
    made = toy_fmus[version]
    with instance(made, version, kind) as one:
        if version == 2:
            one.fmu.setupExperiment(startTime=0.3 * DAY, tolerance=1e-9)
            one.fmu.enterInitializationMode()
        else:
            one.fmu.enterInitializationMode(startTime=0.3 * DAY, tolerance=1e-9)
        one.fmu.exitInitializationMode()
        assert one.get(made["besides"])[0] == 1.5
        assert one.step(0.3 * DAY, 0.2 * DAY) == OK
        assert one.get(made["besides"])[0] == 0.0
        rate = Q * (3.0 + 1.5) + LEARNT
        level = rate / Q + (5.0 - rate / Q) * np.exp(-Q * 0.2)
        assert one.get(made[S])[0] == pytest.approx(level, rel=1e-7)
        assert exact([0.2])[0] != pytest.approx(level, rel=1e-3)
