"""Plants without data: layouts, variants, and what is said of mistakes in flow sheet, control and cycles."""

import pytest

from asm_hybrid.config import available_layouts, build_layout, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.plant import PI, OnOff, Plant, TakacsSettler

PLANT = """\
name: mine
extends: bsm1
plant:
  tanks:
    tank_5: {kla: null}
  control:
    oxygen: {measure: tank_5.S_O, move: tank_5.kla, setpoint: 2 mg/L, gain: 25, integral_time: 5 min, high: 360 1/d}
"""


def layout_of(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    file = load_plant(path)
    return build_layout(file, load_kinetics(file))


def failure(tmp_path, text):
    with pytest.raises(InputError) as caught:
        layout_of(tmp_path, text)
    return str(caught.value)


@pytest.mark.parametrize("name", available_layouts())
def test_every_shipped_layout_is_a_plant(name):
    file = load_plant(name)
    table = load_kinetics(file)
    plant = Plant(table, build_layout(file, table))
    assert set(plant.layout.constants) >= {spec.name for spec in plant.inputs}


def test_layouts_are_those_that_are_promised():
    promised = {"cstr", "bsm1", "bsm1_closed", "mle", "a2o", "uct", "sbr", "tilburg"}
    assert set(available_layouts()) == promised


def test_a_variant_changes_what_it_names(tmp_path):
    layout = layout_of(tmp_path, PLANT)
    (controller,) = layout.controllers
    assert isinstance(controller.law, PI)
    assert controller.sets == ("tank_5.kla",)
    assert layout.constants["oxygen.setpoint"] == 2.0
    assert controller.law.tracking_time == pytest.approx(5 / 1440)
    assert isinstance(layout.settler, TakacsSettler)
    assert layout.tanks[4].aerated


def test_values_carry_units_and_a_written_plant_loads_again(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(PLANT)
    file = load_plant(path)
    again = tmp_path / "again.yaml"
    again.write_text(file.to_yaml(tmp_path))
    other = load_plant(again)
    assert build_layout(other, load_kinetics(other)) == build_layout(file, load_kinetics(file))


def test_streams_are_split_by_shares(tmp_path):
    text = PLANT + "  influent: {to: {tank_1: 0.6, tank_2: 0.4}}\n"
    layout = layout_of(tmp_path, text)
    assert layout.influent_to == {"tank_1": 0.6, "tank_2": 0.4}


def test_on_off_control_and_timed_phases(tmp_path):
    text = """\
name: mine
extends: bsm1
plant:
  tanks: {tank_4: {kla: null}, tank_5: {kla: null}}
  control:
    air: {type: on_off, measure: tank_4.S_NH, move: tank_4.kla, on: 240, switch_on: 3 mg N/L, switch_off: 1 mg N/L}
  cycles:
    air_5: {phases: [{duration: 1 h, set: {tank_5.kla: 200}}, {duration: 30 min, until: tank_5.S_NO < 1 mg N/L}]}
"""
    layout = layout_of(tmp_path, text)
    assert isinstance(layout.controllers[0].law, OnOff)
    (cycle,) = layout.cycles
    assert cycle.length == pytest.approx(1.5 / 24)
    assert cycle.states == ("air_5.phase", "air_5.clock")
    assert cycle.phases[1].until.value == 1.0


SUMS = """\
name: mine
plant:
  temperature: 15 degC
  tanks: {tank: {volume: 100 m3}}
  influent:
    to: tank
    flow: 10 m3/d
    fractionation: {type: settled}
    composition: {COD: 381.19, TKN: 50, S_NH: 31.56, S_ALK: 7 mol/m3}
  wastage: {flow: 1 m3/d}
"""


def test_constant_sums_become_components(tmp_path):
    constants = layout_of(tmp_path, SUMS).constants
    assert constants["influent.X_S"] == pytest.approx(0.5308 * 381.19)
    assert constants["influent.X_BA"] == 0.0
    message = failure(tmp_path, SUMS.replace("TKN: 50", "TKN: 20"))
    assert "mine.yaml:9" in message
    assert "TKN" in message


MISTAKES = [
    ("extends: bsm1", "extends: bsm3", ["no layout 'bsm3'", "bsm1", ":2"]),
    ("move: tank_5.kla", "move: tank_6.kla", ["'tank_6.kla'", "tank_4.kla", ":7"]),
    ("measure: tank_5.S_O", "measure: tank_5.S_OO", ["'S_OO'", "S_O"]),
    ("measure: tank_5.S_O", "measure: tank_7.S_O", ["'tank_7'", "tank_5"]),
    ("setpoint: 2 mg/L", "setpoint: 2 m3/h", ["m3/h", "setpoint"]),
    ("setpoint: 2 mg/L, ", "", ["lacks setpoint"]),
    ("gain: 25", "gain: 25, switch_on: 3", ["has no switch_on"]),
    ("gain: 25", "gian: 25", ["gian", "gain"]),
    ("high: 360 1/d", "high: 360 1/d, low: 400", ["limits are 400.0 and 360.0"]),
    ("tank_5: {kla: null}", "tank_5: {kla: 84}", ["given twice", "tank_5.kla"]),
    ("tank_5: {kla: null}", "tank_5: {kla: null, to: tank_9}", ["'tank_9'"]),
    ("tank_5: {kla: null}", "tank_5: {kla: null, to: {settler: 0.5}}", ["add to 0.5"]),
    ("tank_5: {kla: null}", "tank_5: {kla: null, air: {sote: 0.2}, volume: -3}", ["-3"]),
    ("tank_5: {kla: null}", "tank_5: {kla: null, to: tank_1}", ["circle"]),
    ("  control:", "  settler: {non_settleable: 0.1}\n  control:", ["'takacs' has no non_settleable"]),
    ("  control:", "  settler: {feed_layer: 11}\n  control:", [":6 (plant.settler)", "fed in layer 11"]),
    ("  control:", "  settler: {layers: 4}\n  control:", [":6 (plant.settler)", "fed in layer 5", "feed_layer: 2"]),
    ("  control:", "  primary: {volume: 9, f_X: 1.2}\n  control:", [":6 (plant.primary.f_X)", "1.0 or below"]),
    ("  control:", "  recycles: {x: {from: tank_2, to: tank_2, flow: 9}}\n  control:", ["'x' leaves", "again", ":6"]),
    ("gain: 25", "gain: 0", ["the gain is 0", "moves nothing"]),
    ("gain: 25", "gain: 25, sensor: {low: 5, high: 1}", ["measures from 5.0 to 1.0", ":7"]),
    ("  control:", "  wastage: {from: tank_0}\n  control:", ["'tank_0'"]),
    ("  control:", "  cycles: {c: {phases: [{duration: 1 h, set: {tank_3.kla: 1}}]}}\n  control:", ["given twice"]),
    ("  control:", "  cycles: {c: {phases: [{duration: 1 h, set: {Q: 1}}]}}\n  control:", ["'Q'"]),
    ("  control:", "  cycles: {c: {phases: [{duration: 0 h}]}}\n  control:", ["above 0"]),
    ("  control:", "  cycles: {c: {phases: [{duration: 1 h, until: S_O lt 2}]}}\n  control:", ["S_O lt 2", "'reactor"]),
]


@pytest.mark.parametrize(("old", "new", "words"), MISTAKES, ids=[m[1].strip()[:40] for m in MISTAKES])
def test_a_mistake_is_named_with_file_and_remedy(tmp_path, old, new, words):
    assert old in PLANT
    message = failure(tmp_path, PLANT.replace(old, new))
    for word in ["mine.yaml", *words]:
        assert word in message


def test_a_plant_without_settler_has_no_underflow(tmp_path):
    text = PLANT.replace("  control:", "  settler: {type: none, area: null, height: null}\n  control:")
    assert "'settler' is not a tank" in failure(tmp_path, text)
    without = text.replace("  control:", "  wastage: null\n  control:")
    assert "return sludge, and no settler" in failure(tmp_path, without)


def test_two_controllers_of_one_input_and_circles_are_refused(tmp_path):
    second = "    other: {measure: tank_4.S_O, move: tank_5.kla, setpoint: 1, gain: 1, integral_time: 1 h, high: 9}\n"
    assert "set by two controllers" in failure(tmp_path, PLANT + second)
    circle = second.replace("tank_5.kla", "oxygen.setpoint")
    text = PLANT.replace("move: tank_5.kla", "move: other.setpoint").replace("360 1/d", "9") + circle
    assert "circle" in failure(tmp_path, text)


@pytest.mark.parametrize("name", ["a.b", " a", "a*", "<b>a</b>", "a/b", "", "x" * 61, "settler_3", "primary_sludge"])
def test_names_of_parts_that_cannot_be_told_from_what_belongs_to_them_are_refused(tmp_path, name):
    text = f"name: mine\nextends: bsm1\nplant:\n  tanks:\n    '{name}': {{volume: 100 m3}}\n"
    message = failure(tmp_path, text)
    assert "mine.yaml:5" in message or "is taken" in message
    assert repr(name) in message


@pytest.mark.parametrize("kind", ["recycles", "control", "cycles"])
def test_names_of_flows_and_loops_follow_the_same_rule(tmp_path, kind):
    sections = {
        "recycles": "{from: tank_4, to: tank_2, flow: 100}",
        "control": "{measure: tank_4.S_O, move: wastage, setpoint: 2, gain: 1, integral_time: 1 h, high: 500}",
        "cycles": "{phases: [{duration: 1 h, set: {wastage: 400}}]}",
    }
    text = "name: mine\nextends: bsm1\nplant:\n  wastage: {flow: null}\n  %s: {'%s': %s}\n"
    flow = text if kind != "recycles" else text.replace("flow: null", "flow: 400")
    layout_of(tmp_path, flow % (kind, "line 2-b", sections[kind]))
    assert "the name is 'a.b'" in failure(tmp_path, flow % (kind, "a.b", sections[kind]))
