"""Controllers in a run: what is calibrated of them, from config to report, and what is refused."""

import json

import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import InputError
from asm_hybrid.training import load_model
from asm_hybrid.training.run import train

IMPOSED = "        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}\n"
PI = """\
  control:
    DO: {measure: aerobic.S_O, move: aerobic.kla, setpoint: 1.5 mg/L, gain: 15, integral_time: 2 h, offset: 60 1/d,
      high: 300 1/d, sensor: {response: 5 min}, actuator: {response: 10 min}}
"""
ON_OFF = """\
  control:
    air: {type: on_off, measure: aerobic.S_NH, move: aerobic.kla, on: 200 1/d, switch_on: 4 mg N/L,
      switch_off: 2 mg N/L, sensor: {response: 10 min}, actuator: {response: 10 min}}
"""


def controlled(loops, calibrate, mode="mechanistic"):
    """Return the config of the small plant with a controller in the place of its measured oxygen."""
    text = CONFIG.replace(IMPOSED, "").replace("  influent:\n    to: anoxic", f"{loops}  influent:\n    to: anoxic")
    text = text.replace("calibrate: [mu_A, eta_g]", f"calibrate: {calibrate}").replace("mode: hybrid", f"mode: {mode}")
    return text.replace("step: 30 min", "step: 10 min").replace("seeds: [1, 2]", "seeds: [1]")


def test_a_set_point_is_recovered_and_read_back(tmp_path):
    text = controlled(PI, "{DO.setpoint: [0.6, 4]}").replace("calibration_evaluations: 3", "calibration_evaluations: 9")
    config = write_case(tmp_path, text, truth={"DO.setpoint": 1.0}, missing=0.0, days=3)
    train(config, tmp_path / "run")
    rows = json.loads((tmp_path / "run" / "parameters.json").read_text(encoding="utf-8"))["parameters"]
    found = next(row for row in rows if row["name"] == "DO.setpoint")
    assert found["value"] == pytest.approx(1.0, abs=0.03)
    assert (found["default"], found["unit"]) == (1.5, "g O2/m3")
    model = load_model(tmp_path / "run")
    assert model.plant.table.parameter_names[-1] == "DO.setpoint"
    assert float(model.parameters[-1]) == pytest.approx(found["value"])


@pytest.mark.parametrize(
    ("calibrate", "found"),
    [
        ("{DO.size: [1, 2]}", "what can be calibrated of the controller 'DO'"),
        ("{NH4.gain: [1, 2]}", "or one of a controller of this plant"),
        ("{DO.gain: [50, 90]}", "starts at 15, outside its bounds"),
    ],
)
def test_what_cannot_be_calibrated_of_a_controller_is_named(tmp_path, calibrate, found):
    path = tmp_path / "config.yaml"
    path.write_text(controlled(PI, calibrate), encoding="utf-8")
    config = load_config(path)
    with pytest.raises(InputError, match=found):
        build_layout(config, load_kinetics(config))


def test_switch_points_keep_a_dead_band(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(controlled(ON_OFF, "{air.switch_on: [2.5, 6], air.switch_off: [1, 3]}"), encoding="utf-8")
    with pytest.raises(InputError, match=r"switch points of 'air' may meet: \[1, 3\] and \[2.5, 6\]"):
        load_kinetics(load_config(path))


def test_a_set_point_that_a_column_gives_is_not_calibrated(tmp_path):
    text = controlled(PI, "[DO.setpoint]")
    text = text.replace(
        "        NH4: {role", "        DO: {role: input, as: DO.setpoint, unit: mg/L}\n        NH4: {role"
    )
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"DO\.setpoint is to be calibrated, and a column of the record sets it"):
        load_kinetics(load_config(path))
