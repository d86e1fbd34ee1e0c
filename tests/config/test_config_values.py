"""Numbers of a plant or a config that cannot be are refused at their key; those of the schema have an upper end."""

from __future__ import annotations

import pytest

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.config.builders.names import check_names
from asm_hybrid.equations.config import load_ode_config
from asm_hybrid.errors import InputError

BASE = "name: mine\nextends: {layout}\n{text}\n"


def layout_of(folder, layout, text):
    path = folder / "mine.yaml"
    path.write_text(BASE.format(layout=layout, text=text))
    file = load_plant(path)
    return build_layout(file, load_kinetics(file))


@pytest.mark.parametrize(
    ("layout", "text", "place", "words"),
    [
        ("bsm1", "model: {parameters: {K_OA: 0}}", "(model.parameters.K_OA)", "half-saturation"),
        ("bsm1", "model: {parameters: {b_H: -0.3}}", "(model.parameters.b_H)", "above 0"),
        ("bsm1", "model: {parameters: {Y_H: 67 %}}", "(model.parameters.Y_H)", ""),
        ("bsm1", "model: {parameters: {Y_H: 67}}", "(model.parameters.Y_H)", "up to 1"),
        ("a2o", "model: {parameters: {Y_PAO: 1.2}}", "(model.parameters.Y_PAO)", "up to 1"),
        ("bsm1", "plant: {influent: {composition: {S_NH: -31.56}}}", "(plant.influent.composition.S_NH)", "-31.56"),
        ("bsm1", "plant: {influent: {composition: {S_S: -9 mg/L}}}", "(plant.influent.composition.S_S)", "-9 mg/L"),
        ("bsm1", "plant: {influent: {flow: -5}}", "(plant.influent.flow)", "-5"),
        ("bsm1", "plant: {influent: {flow: 1e12}}", "(plant.influent.flow)", "1000000000"),
        ("bsm1", "plant: {temperature: 90 degC}", "(plant.temperature)", "60"),
        ("bsm1", "plant: {aeration: {theta: 2}}", "(plant.aeration.theta)", "1.1"),
        ("bsm1", "plant: {aeration: {saturation: 0}}", "(plant.aeration.saturation)", "above 0"),
        ("bsm1", "plant: {aeration: {saturation: 8 kg/L}}", "(plant.aeration.saturation)", "correct the unit"),
        ("bsm1", "plant: {aeration: {saturation: henry}}", "(plant.aeration.saturation)", "henry"),
        ("bsm1_closed", "plant: {control: {oxygen: {setpoint: -2 mg/L}}}", "(plant.control.oxygen.setpoint)", "-2"),
        ("bsm1_closed", "plant: {control: {oxygen: {low: -5}}}", "(plant.control.oxygen.low)", "-5"),
        ("bsm1_closed", "plant: {control: {oxygen: {sensor: {noise: -1}}}}", "(plant.control.oxygen.sensor", "-1"),
        ("bsm1", "plant: {settler: {layers: 100000}}", "(plant.settler.layers)", "100"),
        (
            "sbr",
            "plant: {cycles: {sbr: {phases: [{duration: 1 h, set: {Q_in: -240 m3/h}}]}}}",
            "(plant.cycles.sbr.phases.0.set.Q_in)",
            "-240",
        ),
        ("sbr", "plant: {cycles: {sbr: {phases: [{duration: 1 s}]}}}", "(plant.cycles.sbr)", "a minute or more"),
        ("sbr", "plant: {cycles: {sbr: {phases: [{duration: 1e300}]}}}", "(plant.cycles.sbr.phases.0", "36525"),
    ],
)
def test_a_plant_with_a_number_that_cannot_be_is_refused_at_its_key(tmp_path, layout, text, place, words):
    if not words:
        assert layout_of(tmp_path, layout, text)
        return
    with pytest.raises(InputError) as caught:
        layout_of(tmp_path, layout, text)
    assert "mine.yaml:" in str(caught.value)
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_an_offset_and_a_gain_may_be_negative(tmp_path):
    text = "plant: {control: {oxygen: {gain: -2, offset: -10 1/d}}}"
    (loop,) = [c for c in layout_of(tmp_path, "bsm1_closed", text).controllers if c.name == "oxygen"]
    assert (loop.law.gain, loop.law.offset) == (-2.0, -10.0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[mu_A]", "{mu_A: [0, 1]}", ["model.calibrate.mu_A", "logarithms", "raise the lower bound"]),
        ("[mu_A]", "{f_P: [0, 0.2]}", ["model.calibrate.f_P", "logarithms"]),
        ("[mu_A]", "{Y_H: [0.4, 1.3]}", ["model.calibrate.Y_H", "Y_H is 1.3", "up to 1"]),
        ("[mu_A]", "[mu_A]\n  parameters: {mu_A: 0}", ["model.parameters.mu_A", "1e-6"]),
    ],
)
def test_bounds_of_a_fit_are_checked_before_it(case, old, new, words):
    assert_refused(case.replace(old, new), words)


def test_a_share_that_its_table_lets_begin_at_zero_needs_bounds_of_its_own_to_be_fitted(case):
    case.replace("kinetics: asm1", "kinetics: asm2d").replace("[mu_A]", "[f_SI]")
    assert_refused(case, ["model.calibrate.0", "f_SI are [0, 0.1]", "calibrate: {f_SI: [lower, upper]}"])


def assert_refused(case, words):
    config = case.load()
    with pytest.raises(InputError) as caught:
        check_names(config, load_kinetics(config))
    assert "case.yaml:" in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hidden: [8]", "hidden: [1000000000]", ["network.hidden", "1.6e+02 GB", "1024 units"]),
        ("hidden: [8]", f"hidden: [{', '.join('8' * 40)}]", ["network.hidden", "8 layers"]),
        ("warmup: 6 h", "iterations: 1000000000000", ["training.iterations", "10000000"]),
        ("warmup: 6 h", "batch: 1000000000000", ["training.batch"]),
        ("warmup: 6 h", f"seeds: {list(range(100))}", ["training.seeds", "at most 64"]),
        ("warmup: 6 h", "calibration_evaluations: 1000000000000", ["training.calibration_evaluations"]),
        ("warmup: 6 h", "window: 1e9", ["training.window", "36525"]),
        ("warmup: 6 h", "stages: []", ["training.stages", "the list is empty", "mode: mechanistic"]),
    ],
)
def test_numbers_that_exhaust_memory_or_time_are_refused(case, old, new, words):
    case.replace(old, new)
    with pytest.raises(InputError) as caught:
        case.load()
    assert all(word in str(caught.value) for word in words), str(caught.value)


ODE = """\
name: lv
ode:
  table: lotka_volterra
  fit: {alpha: {start: 2.2, bounds: [0.1, 10]}}
initial: {prey: 1, predator: 1}
span: [0, 10]
data: {times: {count: 20}, target: {prey: 1.0}}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("predator: 1}", "predator: -1}", ["initial.predator", "zero or above"]),
        ("bounds: [0.1, 10]", "bounds: [-1, 10]", ["ode.fit.alpha.bounds", "above 0"]),
        ("count: 20", "count: 1000000000", ["data.times.count", "100000"]),
    ],
)
def test_a_generic_equation_from_a_table_is_held_to_the_same(tmp_path, old, new, words):
    path = tmp_path / "lv.yaml"
    path.write_text(ODE.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_ode_config(path).table()
    assert all(word in str(caught.value) for word in words), str(caught.value)
