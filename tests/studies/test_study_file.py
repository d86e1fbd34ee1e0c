"""Study files: what they may hold, and how they are refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.subject import load_subject
from asm_hybrid.studies.definition import load_study
from asm_hybrid.studies.designs import make_design
from asm_hybrid.studies.evaluation import Bench, open_bench

LATIN = {"method": "latin_hypercube", "cases": 4}
LOAD = {"input": "load", "scale": {"uniform": [0.8, 1.2]}}
ROOT = Path(__file__).parents[2]


def opened(factors: dict[str, Any], plant: str = "cstr", **more: Any) -> Bench:
    return open_bench(partial(load_subject, plant), plant, load_study({"factors": factors, "design": LATIN, **more}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"factors": {}, "design": LATIN}, "factors"),
        ({"factors": {"a": {"input": "T"}}, "design": LATIN}, "no distribution"),
        ({"factors": {"a": {"scale": {"uniform": [1, 2]}}}, "design": LATIN}, "names nothing that it changes"),
        ({"factors": {"a": {**LOAD, "parameter": "mu_A"}}, "design": LATIN}, "input and parameter"),
        ({"factors": {"a": {**LOAD, "set": {"values": [1]}}}, "design": LATIN}, "scale and set"),
        ({"factors": {"a": {"sludge_age": {"uniform": [5]}}}, "design": LATIN}, "sludge_age"),
        (
            {"factors": {"a": {"input": "T", "set": {"uniform": [5, 6], "normal": [5, 1]}}}, "design": LATIN},
            "uniform and",
        ),
        ({"factors": {"a": {"input": "T", "set": {"uniform": [5, 6], "bounds": [5, 6]}}}, "design": LATIN}, "bounds"),
        ({"factors": {"a": {**LOAD, "run": "x"}}, "design": LATIN}, "a run beside input"),
        ({"factors": {"a": LOAD}, "design": {"method": "latin_hypercube"}}, "has no cases"),
        ({"factors": {"a": LOAD}, "design": {"method": "grid", "cases": 5}}, "has no 'cases'"),
        ({"factors": {"a": LOAD}, "design": {"method": "sobol_indices", "base": 100}}, "base is 100"),
        ({"factors": {"a": LOAD}, "design": {"method": "morris", "levels": 3}}, "3 levels"),
        ({"factors": {"a": LOAD}, "design": {"method": "sobol", "cases": 10**7}}, "10,000,000 cases"),
        ({"factors": {"a": LOAD}, "design": {"method": "latin"}}, "latin_hypercube"),
        ({"factors": {"a": LOAD}, "design": LATIN, "outputs": {"indicators": 5}}, "main, all, or a list"),
        ({"factors": {"a": LOAD}, "design": LATIN, "pareto": ["EQI"]}, "one indicator"),
        ({"factors": {"a": LOAD}, "design": LATIN, "scenario": {"dayz": 3}}, "unknown key 'dayz'"),
        ({"factors": {"a": LOAD}, "design": LATIN, "scenario": 3}, "the keys of a scenario file"),
        (
            {"factors": {"a": LOAD}, "design": LATIN, "scenario": {"scenarios": {"x": [{"input": "T", "set": 5}]}}},
            "several scenarios",
        ),
        ({"factors": {"a b": LOAD}, "design": LATIN}, "factors"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_key(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_study(content)


def test_an_error_names_line_and_key_also_in_the_scenario_within(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "factors: {a: {input: T, shift: {uniform: [0, 1]}}}\ndesign: {method: grid}\nscenario:\n  days: -1\n"
    )
    with pytest.raises(InputError) as error:
        load_study(path)
    assert "study.yaml:4 (scenario.days)" in str(error.value)


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ({"input": "tank.kLa", "set": {"uniform": [1, 2]}}, "'tank.kla'"),
        ({"input": "*", "set": {"uniform": [1, 2]}}, r"stands for Q_in \[m3/d\] and T \[degC\]"),
        ({"parameter": "muA", "set": {"uniform": [1, 2]}}, "'mu_A'"),
        ({"key": "plant.tanks.tank.volum", "scale": {"uniform": [1, 2]}}, "'volume'"),
        ({"key": "plant.tanks.tank", "scale": {"uniform": [1, 2]}}, "holds no value but a section"),
        ({"key": "plant.settler.type", "scale": {"uniform": [1, 2]}}, "no number"),
        ({"fraction": "S_O", "set": {"uniform": [0, 1]}}, "no share of 'S_O'"),
        ({"sludge_age": {"uniform": [5, 6]}}, "wastes no sludge"),
        ({"parameters": "fitted"}, "no fitted parameters"),
        ({"input": "T", "set": {"uniform": ["5 mg/L", "6 mg/L"]}}, "cannot be converted to degC"),
        ({"input": "T", "set": {"uniform": [6, 5]}}, "the lower first"),
        ({"input": "load", "scale": {"log_uniform": [0, 1]}}, "above zero"),
        ({"input": "T", "set": {"normal": [5, 0]}}, "above zero"),
        ({"input": "T", "set": {"normal": [5, 1], "bounds": [40, 50]}}, "millionth"),
        ({"input": "T", "set": {"triangular": [5, 4, 6]}}, "ascending"),
        ({"input": "T", "set": {"values": ["warm"]}}, "values are texts"),
    ],
)
def test_a_factor_that_the_plant_does_not_have_is_answered_with_the_nearest(
    factor: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as error:
        opened({"a": factor})
    assert "factors.a" in str(error.value)


def test_what_one_factor_would_undo_of_another_is_refused() -> None:
    mu = {"parameter": "mu_A", "scale": {"uniform": [0.9, 1.1]}}
    opened({"a": mu, "b": mu})
    with pytest.raises(InputError, match="mu_A is changed by 'a' and replaced by 'b'"):
        opened({"a": mu, "b": {"parameter": "mu_A", "set": {"uniform": [0.5, 0.6]}}})


def test_a_pattern_of_which_others_leave_nothing_is_refused() -> None:
    flows = {"input": "[QT]*", "scale": {"uniform": [0.9, 1.1]}}
    warm = {"input": "T", "set": {"uniform": [10, 15]}}
    water = {"input": "Q_in", "set": {"uniform": [1000, 2000]}}
    opened({"a": warm, "b": water, "c": flows})
    opened({"a": flows, "b": warm})
    with pytest.raises(InputError, match=r"\[QT\]\* is changed by 'a' and replaced by 'c'"):
        opened({"a": flows, "b": warm, "c": water})


def test_a_value_that_no_scenario_may_have_is_refused_at_its_factor() -> None:
    bench = opened({"a": {"input": "load", "scale": {"uniform": [-1, 1]}}})
    with pytest.raises(InputError, match=r"scale of a is -0\.5") as error:
        bench.prepare({"a": -0.5})
    assert "factors.a.scale" in str(error.value)


@pytest.mark.parametrize(
    ("first", "then", "refused"),
    [
        ({"key": "plant.tanks.tank_3.volume", "set": 1}, {"key": "plant.tanks.tank_3.volume", "scale": 1}, True),
        ({"input": "tank_3.kla", "scale": 1}, {"input": "tank_*.kla", "set": 1}, True),
        ({"input": "tank_*.kla", "set": 1}, {"input": "tank_3.kla", "set": 1}, False),  # the others keep the first
        ({"input": "influent.S_NH", "set": 1}, {"input": "load", "scale": 1}, False),
        ({"input": "T", "set": 1}, {"key": "plant.temperature", "set": 1}, True),
        ({"key": "plant.temperature", "set": 1}, {"input": "T", "shift": 1}, False),
        ({"sludge_age": 1}, {"input": "was*", "scale": 1}, True),
        ({"key": "plant.wastage.flow", "scale": 1}, {"sludge_age": 1}, True),
        ({"key": "plant.tanks.tank_4.kla", "scale": 1}, {"input": "tank_4.kla", "set": 1}, True),
    ],
)
def test_a_factor_of_which_nothing_would_be_left_is_refused(
    first: dict[str, Any], then: dict[str, Any], refused: bool
) -> None:
    given = {"uniform": [1, 2]}
    factors = {
        name: {key: given if value == 1 else value for key, value in factor.items()}
        for name, factor in (("a", first), ("b", then))
    }
    if not refused:
        opened(factors, plant="bsm1")
        return
    with pytest.raises(InputError, match=r"is changed by '[ab]' and replaced by '[ab]'"):
        opened(factors, plant="bsm1")


def test_values_may_have_units_in_every_place() -> None:
    bench = opened(
        {
            "T": {"input": "T", "set": {"uniform": ["283.15 K", "20 degC"]}},
            "warmer": {"input": "T", "shift": {"uniform": ["-2 K", "2 K"]}},
            "v": {"key": "plant.tanks.tank.volume", "set": {"values": ["1 ML", "3000 m3"]}},
        }
    )
    first, shift, volume = (factor.distribution for factor in bench.factors.columns)
    assert first is not None
    assert shift is not None
    assert volume is not None
    assert first.numbers == pytest.approx((10.0, 20.0))
    assert shift.numbers == (-2.0, 2.0)
    assert bench.factors.columns[2].unit == "ML"
    assert volume.choices == pytest.approx((1.0, 3.0))
    tank = bench.prepare({"v": 3.0}).simulation.given[-1].file.plant.tanks["tank"]
    assert tank.volume == pytest.approx(3000.0)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"indicators": ["EQJ"]}, "'EQI'"),
        ({"series": ["effluent.NH5"]}, "effluent.NH"),
        ({"series": ["effluent.NH4"], "every": "10 min"}, "recorded every 15 min"),
    ],
)
def test_outputs_that_cases_do_not_give_are_refused_before_any_is_simulated(
    outputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        opened({"a": LOAD}, outputs=outputs).rehearse()


@pytest.mark.parametrize(("name", "plant"), [("bsm1_sludge_age", "bsm1"), ("bsm1_uncertainty", "bsm1")])
def test_the_studies_that_are_shipped_fit_their_plants(name: str, plant: str) -> None:
    study = load_study(ROOT / "configs" / "studies" / f"{name}.yaml")
    bench = open_bench(partial(load_subject, plant), plant, study)
    bench.rehearse()
    assert len(make_design(study, bench.factors).cases) in (28, 200)
