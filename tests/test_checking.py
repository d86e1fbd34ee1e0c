"""``asm-hybrid check`` of configs, plants and layouts: what is said, and the flow sheet."""

import pytest
from small_plant import write_case

from asm_hybrid.checking import check
from asm_hybrid.errors import InputError
from asm_hybrid.plant import IdealSettler

PLANT = """\
name: pond
model: {kinetics: asm1}
plant:
  temperature: 15 degC
  tanks:
    pond: {volume: 100 m3, kla: 50}
  influent:
    to: pond
    flow: 50 m3/d
    composition: {S_I: 30, S_S: 60, X_I: 50, X_S: 200, X_BH: 20, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_NH: 30, S_ND: 7,
      X_ND: 10, S_ALK: 7, S_N2: 0}
  wastage: {flow: 10 m3/d}
"""


def test_a_layout_is_drawn_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = check("bsm1")
    assert found.errors == 0
    assert found.flowsheet.read_text(encoding="utf-8").count("tank_5") >= 1
    assert any("recycle.internal" in line and "55338" in line for line in found.lines)


def test_a_plant_of_ones_own_is_drawn_beside_its_file(tmp_path):
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT)
    found = check(path)
    assert found.errors == 0
    assert found.flowsheet == tmp_path / "pond-flowsheet.svg"
    assert found.flowsheet.exists()


def test_water_that_would_flow_backwards_is_an_error(tmp_path):
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT.replace("flow: 10 m3/d", "flow: 60 m3/d"))
    found = check(path)
    assert found.errors == 1
    assert any("wastage" in line for line in found.lines[-1:])


def test_a_config_is_drawn_with_the_mean_flows_of_its_data(tmp_path):
    config = write_case(tmp_path)
    found = check(config)
    assert found.errors == 0
    assert found.flowsheet.exists()
    assert any(line.startswith("water on average") for line in found.lines)


def test_an_unknown_layout_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="no layout 'bsm2'") as caught:
        check("bsm2")
    assert "bsm1" in str(caught.value)


def test_matter_is_checked_and_a_settler_that_swallows_solids_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = [text for text in check("tilburg").lines if text.startswith("matter")]
    assert "COD, N, charge, every component close to" in line
    plain = IdealSettler.thickening
    monkeypatch.setattr(IdealSettler, "thickening", lambda *a: 0.9 * plain(*a))
    found = check("tilburg")
    assert found.errors > 0
    assert any(text.startswith("error: ") and "of X_I is lost or made" in text for text in found.lines)


def test_an_oxygen_controller_does_not_hide_water_that_flows_backwards(tmp_path):
    path = tmp_path / "plant.yaml"
    path.write_text("name: a\nextends: mle\nplant: {wastage: {from: aerobic_1, flow: 5000 m3/d}}\n")
    found = check(path)
    assert found.errors == 1
    assert any("backwards" in text for text in found.lines)
