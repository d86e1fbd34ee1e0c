"""A case of a study is what `asm-hybrid simulate` gives for the same changes, to the bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asm_hybrid.config import layout_text
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.cases import Case
from asm_hybrid.scenario.fitted_subject import load_fitted
from asm_hybrid.scenario.operation import operation
from asm_hybrid.scenario.plants import simulate_plant, simulate_run
from asm_hybrid.scenario.subject import load_subject
from asm_hybrid.studies.definition import load_study
from asm_hybrid.studies.evaluation import Bench, open_bench
from asm_hybrid.yamlfile import parse_yaml

ANY = {"uniform": [0.5, 2.0]}


def study_of(factors: dict[str, Any], scenario: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "scenario": {"days": 0.5} if scenario is None else scenario,
        "factors": factors,
        "design": {"method": "latin_hypercube", "cases": 4},
        "outputs": {"indicators": "all"},
        **more,
    }


def bench_of(factors: dict[str, Any], plant: Any = "cstr", scenario: dict[str, Any] | None = None) -> Bench:
    return open_bench(partial(load_subject, plant), "plant", load_study(study_of(factors, scenario)))


def layout(name: str, **changes: Any) -> dict[str, Any]:
    """Return a shipped layout as a dict, with other values at some keys, their steps joined by points."""
    data = parse_yaml(layout_text(name), name).data
    for key, value in changes.items():
        *parents, last = key.split("__")
        section = data
        for step in parents:
            section = section.setdefault(step, {})
        section[last] = value
    return data


def same(case: Case, other: Case) -> None:
    assert {i.name: i.value for i in case.indicators} == {i.name: i.value for i in other.indicators}
    for name, values in other.record.columns.items():
        np.testing.assert_array_equal(case.record.columns[name], values)


def test_inputs_parameters_and_keys_give_the_figures_of_simulate() -> None:
    bench = bench_of(
        {
            "load": {"input": "load", "scale": ANY},
            "cold": {"input": "T", "shift": {"uniform": [-5, 0]}},
            "air": {"input": "tank.kla", "set": {"uniform": [90, 150]}},
            "mu_A": {"parameter": "mu_A", "set": {"normal": [0.5, 0.05]}},
            "volume": {"key": "plant.tanks.tank.volume", "scale": ANY},
        }
    )
    values = {"load": 1.1, "cold": -2.0, "air": 130.0, "mu_A": 0.55, "volume": 1.25}
    changes = [{"input": "load", "scale": 1.1}, {"input": "T", "shift": -2.0}, {"input": "tank.kla", "set": 130.0}]
    plant = layout("cstr", plant__tanks__tank__volume=2500.0, model__parameters={"mu_A": 0.55})
    expected = simulate_plant(plant, {"days": 0.5, "starts": "own", "changes": changes}).cases[1]
    bench.outcome(0, {**values, "mu_A": 0.4})
    same(bench.case(values)[0], expected)
    base = simulate_plant("cstr", {"days": 0.5})
    same(bench.case({})[0], base.cases[0])
    assert bench.outcome(3, {}).figures == {i.name: i.value for i in base.cases[0].indicators}


def test_changes_of_the_scenario_come_first_and_timed_ones_do_not_move_the_start() -> None:
    common = {"days": 0.5, "spin_up": 0.25, "changes": [{"input": "T", "shift": -5, "start": 0.25}]}
    bench = bench_of({"load": {"input": "load", "scale": ANY}}, scenario=common)
    changes = [*common["changes"], {"input": "load", "scale": 1.5}]
    expected = simulate_plant("cstr", {**common, "starts": "own", "changes": changes}).cases[1]
    case = bench.case({"load": 1.5})[0]
    same(case, expected)
    unmoved = bench_of({"load": {"input": "load", "scale": ANY}}, scenario={"days": 0.5, "spin_up": 0.25})
    start = unmoved.case({"load": 1.5})[0].record.states[0]
    np.testing.assert_array_equal(case.record.states[0], start)


def test_several_factors_on_one_input_act_in_the_order_of_the_file() -> None:
    first = {"all": {"input": "load", "scale": ANY}, "one": {"input": "influent.S_NH", "set": {"uniform": [10, 50]}}}
    second = dict(reversed(first.items()))
    values = {"all": 1.5, "one": 20.0}
    ammonium = [bench_of(factors).case(values)[0].record.columns["influent.S_NH"][0] for factors in (first, second)]
    assert ammonium == [20.0, 30.0]


def test_a_share_of_the_influent_changes_and_cod_and_nitrogen_stay() -> None:
    bench = bench_of({"inert": {"fraction": "S_I", "set": {"uniform": [0.05, 0.2]}}})
    base, case = bench.case({})[0].record.columns, bench.case({"inert": 0.12})[0].record.columns
    organics = [f"influent.{name}" for name in ("S_I", "S_S", "X_I", "X_S", "X_BH")]
    cod = sum(base[name] for name in organics)
    np.testing.assert_allclose(case["influent.S_I"], 0.12 * cod, rtol=1e-12)
    for name in ("influent.COD", "influent.TKN", "influent.TN"):
        np.testing.assert_allclose(case[name], base[name], rtol=1e-12)
    assert (case["influent.X_S"] < base["influent.X_S"]).all()
    np.testing.assert_array_equal(case["influent.S_S"], base["influent.S_S"])
    nitrogen = bench_of({"ammonium": {"fraction": "S_NH", "scale": ANY}})
    other = nitrogen.case({"ammonium": 0.9})[0].record.columns
    np.testing.assert_allclose(other["influent.TKN"], base["influent.TKN"], rtol=1e-12)
    np.testing.assert_allclose(
        other["influent.S_ND"] / other["influent.X_ND"], base["influent.S_ND"] / base["influent.X_ND"], rtol=1e-12
    )
    with pytest.raises(InputError, match="less than nothing of X_S"):
        bench.prepare({"inert": 0.9})


def test_a_sludge_age_is_that_of_the_steady_state_and_one_that_no_wastage_gives_is_refused() -> None:
    bench = bench_of({"age": {"sludge_age": {"uniform": ["5 d", "20 d"]}}}, "mle", {"days": 0.1})
    case, more = bench.case({"age": 12.0})
    wastage = more["age: wastage"]
    changes = [{"input": "wastage", "set": wastage}]
    same(case, simulate_plant("mle", {"days": 0.1, "starts": "own", "changes": changes}).cases[1])
    subject = load_subject("mle")
    prepared = bench.prepare({"age": 12.0})
    inputs = prepared.simulation.given[-1].lasting.mean
    sludge = operation(subject.plant, subject.parameters, inputs).sludge
    assert sludge is not None
    assert sludge.total == pytest.approx(12.0, rel=1e-6)
    with pytest.raises(InputError, match="no wastage gives a sludge age of 5000 d") as error:
        bench.case({"age": 5000.0})
    assert "an age that this plant can have" in str(error.value)


@pytest.mark.parametrize(
    ("factors", "values", "message"),
    [
        ({"a": {"parameter": "mu_A", "scale": ANY}}, {"a": -1.0}, "mu_A is"),
        ({"a": {"key": "plant.tanks.tank.volume", "scale": ANY}}, {"a": 0.0}, "volume"),
        ({"a": {"input": "T", "set": ANY}}, {"a": 90.0}, "impossible"),
        ({"a": {"input": "influent.S_NH", "shift": ANY}}, {"a": -100.0}, "negative"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_is_simulated(
    factors: dict[str, Any], values: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        bench_of(factors).prepare(values)
    assert "factors.a" in str(error.value)


def test_a_value_outside_of_the_bounds_of_the_table_is_told() -> None:
    bench = bench_of({"a": {"parameter": "mu_A", "set": {"uniform": [0.1, 4.0]}}})
    assert any("outside the range" in note for note in bench.outcome(0, {"a": 3.0}).notes)
    assert not any("outside the range" in note for note in bench.outcome(0, {"a": 0.5}).notes)


def test_cases_of_a_run_start_from_its_record_and_have_the_range_of_its_seeds(small_run: Path) -> None:
    factors = {"load": {"input": "influent.S_NH", "scale": ANY}, "fitted": {"parameters": "fitted"}}
    study = load_study(study_of(factors, {}, outputs={"indicators": "all", "series": ["aerobic.NH4"], "every": "1 h"}))
    bench = open_bench(partial(load_fitted, small_run), "run", study)
    change = {"changes": [{"input": "influent.S_NH", "scale": 1.2}]}
    base, expected = simulate_run(small_run, change).cases
    same(bench.case({"load": 1.2})[0], expected)
    same(bench.case({})[0], base)
    outcome = bench.outcome(0, {"load": 1.2})
    assert expected.ends is not None
    low, high = expected.ends
    assert {name: outcome.figures[f"{name} low"] for name in low} == low
    assert {name: outcome.figures[f"{name} high"] for name in high} == high
    known = bench.rehearse()
    assert [figure.name for figure in known.figures] == list(outcome.figures)
    assert outcome.series["aerobic.NH4"].shape == known.times.shape
    drawn = bench.outcome(1, {"load": 1.0, "mu_A": 0.5, "eta_g": 0.5}).figures
    assert drawn != bench.outcome(2, {}).figures
    assert bench.outcome(3, {"load": 1.0, "mu_A": 0.5, "eta_g": 0.5}).figures == drawn


def test_a_run_in_a_changed_plant_is_integrated_alike_in_all_cases(small_run: Path) -> None:
    study = load_study(study_of({"v": {"key": "plant.tanks.aerobic.volume", "scale": ANY}}, {}))
    bench = open_bench(partial(load_fitted, small_run), "run", study)
    assert not bench.by_knots
    same_volume, other = bench.outcome(0, {"v": 1.0}).figures, bench.outcome(1, {"v": 1.3}).figures
    base = bench.outcome(2, {}).figures
    assert base == same_volume
    assert other["aerobic.S_NH over time"] < base["aerobic.S_NH over time"]


def test_parameters_of_another_run_are_taken_where_they_mean_the_same(small_run: Path) -> None:
    factors = {"kinetics": {"parameters": "fitted", "run": str(small_run)}}
    bench = bench_of(factors)
    assert set(bench.factors.names) == {"mu_A", "eta_g"}
    value = bench.parameters["mu_A"]
    assert bench.outcome(0, {"mu_A": value}).figures == bench.outcome(1, {}).figures
    with pytest.raises(InputError, match="is not that of the table asm1_bsm"):
        bench_of(factors, "bsm1")
