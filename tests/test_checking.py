"""``asm-hybrid check`` of configs, plants and layouts: what is said, and the flow sheet."""

import pandas as pd
import pytest
from small_plant import write_case

from asm_hybrid.checking import check
from asm_hybrid.cli import main
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


def test_a_layout_is_drawn_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = check("bsm1")
    assert found.errors == 0
    assert found.flowsheet.count("tank_5") >= 1
    assert any("recycle.internal" in line and "55338" in line for line in found.lines)
    assert not list(tmp_path.iterdir())


def test_the_command_draws_a_plant_of_ones_own_beside_its_file(tmp_path, capsys):
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT)
    with pytest.raises(SystemExit):
        main(["check", str(path)])
    assert f"flow sheet: {tmp_path / 'pond-flowsheet.svg'}" in capsys.readouterr().out.replace("\n", " ")
    assert "pond" in (tmp_path / "pond-flowsheet.svg").read_text(encoding="utf-8")


def test_water_that_would_flow_backwards_is_an_error(tmp_path):
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT.replace("flow: 10 m3/d", "flow: 60 m3/d"))
    found = check(path)
    assert found.errors == 1
    assert any("60 m3/d are drawn from" in line for line in found.lines)
    assert found.lines[-1] == "1 error, 0 warnings"


def test_a_layout_shows_its_sludge_age(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = check("bsm1").lines
    assert any(line.split()[:4] == ["SRT", "with", "settler", "9.17"] for line in lines)
    assert any(line.split()[:2] == ["F/M", "0.182"] for line in lines)


def test_a_batch_reactor_says_what_is_not_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = check("sbr")
    assert found.errors == 0
    assert any("are unknown" in line and "volume" in line for line in found.lines)


def test_a_wastage_per_hour_is_found_without_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plant.yaml"
    path.write_text("name: hourly\nextends: bsm1\nplant:\n  wastage: {flow: 385 m3/h}\n")
    found = check(path)
    assert found.errors == 0
    assert any("sludge age of" in line and "warning" in line for line in found.lines)


def test_a_config_is_drawn_with_the_mean_flows_of_its_data(tmp_path):
    config = write_case(tmp_path)
    found = check(config)
    assert found.errors == 0
    assert "aerobic" in found.flowsheet
    assert any(line.startswith("water on average") for line in found.lines)


def test_an_unknown_layout_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="no layout 'bsm2'") as caught:
        check("bsm2")
    assert "bsm1" in str(caught.value)


def test_a_table_without_solids_says_that_the_sludge_age_is_not_told(tmp_path):
    (tmp_path / "bare.yaml").write_text("name: bare\nextends: asm1\ncomposites: {TSS: null}\n")
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT.replace("kinetics: asm1", "kinetics: bare.yaml"))
    found = check(path)
    assert found.errors == 0
    assert any("no composite TSS" in line for line in found.lines)


def test_parameters_outside_their_range_are_listed_for_a_plant_and_for_a_config(tmp_path):
    path = tmp_path / "pond.yaml"
    path.write_text(PLANT.replace("kinetics: asm1", "kinetics: asm1, parameters: {K_NH: 30}"))
    found = "\n".join(check(path).lines)
    assert "pond.yaml:2 (model.parameters.K_NH): K_NH is 30 g N/m3, outside the range that asm1 gives it" in found
    assert "expected: 0.1 to 5 g N/m3" in found
    path = write_case(tmp_path)
    path.write_text(path.read_text().replace("mode: hybrid,", "mode: hybrid, parameters: {K_NH: 30},"))
    result = check(path)
    assert result.errors == 0
    assert "config.yaml:3 (model.parameters.K_NH): K_NH is 30 g N/m3" in "\n".join(result.lines)


def test_matter_is_checked_and_a_settler_that_swallows_solids_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = [text for text in check("tilburg").lines if text.startswith("matter")]
    assert "COD, N, charge, every component close to" in line
    plain = IdealSettler.thickening
    monkeypatch.setattr(IdealSettler, "thickening", lambda *a: 0.9 * plain(*a))
    found = check("tilburg")
    assert found.errors > 0
    assert any(text.startswith("  error: ") and "of X_I is lost or made" in text for text in found.lines)


def test_an_oxygen_controller_does_not_hide_water_that_flows_backwards(tmp_path):
    path = tmp_path / "plant.yaml"
    path.write_text("name: a\nextends: mle\nplant: {wastage: {from: aerobic_1, flow: 5000 m3/d}}\n")
    found = check(path)
    assert found.errors == 1
    assert any("backwards" in text for text in found.lines)


@pytest.mark.parametrize(("kind", "mean"), [("linear", "4002.5"), ("previous", "4000")])
def test_the_water_table_has_the_mean_of_the_record(tmp_path, kind, mean):
    """The last knot is where the record ends: half an interval of a line, nothing of a held value."""
    path = write_case(tmp_path)
    path.write_text(path.read_text().replace("interval: 30 min", f"interval: 30 min\n  interpolation: {kind}"))
    frame = pd.read_csv(tmp_path / "plant.csv")
    frame["flow"] = 4000.0
    frame.loc[len(frame) - 1, "flow"] = 5200.0
    frame.to_csv(tmp_path / "plant.csv", index=False)
    (row,) = [line.split() for line in check(path).lines if line.split()[:2] == ["influent", "anoxic"]]
    assert row[-1] == mean


def test_explanations_and_candidates_are_checked_too(tmp_path):
    path = write_case(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + "diagnosis: {leave_out: [sensor.NH3.bias]}\n", encoding="utf-8")
    found = check(path)
    assert found.errors == 1
    said = "\n".join(found.lines)
    assert "there is no explanation 'sensor.NH3.bias'" in said
    assert "sensor.NH4.bias" in said
    assert "sludge age" in said or "SRT" in said
