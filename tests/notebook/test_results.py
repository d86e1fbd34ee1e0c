"""The public names as a notebook uses them: what they give, how it shows itself, and what is refused."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diagnosis_cases import GROWTH, kinetics
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.cards import card, listed, tabulated
from asm_hybrid.diagnosis.explanation_words import sentences
from asm_hybrid.manifest import write_manifest
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.yamlfile import parse_yaml

QUICK = (
    CONFIG.replace("mode: hybrid", "mode: mechanistic")
    .replace("calibration_evaluations: 3", "calibration_evaluations: 1")
    .replace("name: small", "name: small\ndescription: <b>raw</b>")
)
POND = {
    "name": "pond",
    "model": {"kinetics": "asm1"},
    "plant": {
        "temperature": "15 degC",
        "tanks": {"pond": {"volume": np.float64(100), "kla": 50}},
        "influent": {
            "to": "pond",
            "flow": "50 m3/d",
            "composition": dict.fromkeys(("X_BA", "X_P", "S_O", "S_NO", "S_N2"), 0)
            | {"S_I": 30, "S_S": 60, "X_I": 50, "X_S": 200, "X_BH": 20, "S_NH": 30, "S_ND": 7, "X_ND": 10, "S_ALK": 7},
        },
        "wastage": {"flow": "10 m3/d"},
    },
}

ENDLESS: dict[str, object] = {}
ENDLESS["itself"] = ENDLESS


class _Text(HTMLParser):
    """Collects the text of a piece of HTML, and refuses tags that are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ah.RunResult:
    base = tmp_path_factory.mktemp("notebook")
    return ah.run(write_case(base, QUICK), base / "run")


def test_importing_the_library_loads_nothing_heavy() -> None:
    code = (
        "import sys, asm_hybrid\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pydantic', 'matplotlib', 'sympy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(hasattr(ah, name) for name in ah.__all__)
    assert set(dir(ah)) == set(ah.__all__)
    with pytest.raises(AttributeError, match="runn"):
        _ = ah.runn


def test_a_run_gives_its_figures_as_frames(result: ah.RunResult) -> None:
    assert not result.interrupted
    scores = result.scores
    assert scores.index.names == ["block", "variable", "model"]
    assert scores.loc[("test", "NH4", "recalibrated"), "rmse"] == pytest.approx(
        result.summary["scores"]["test"]["NH4"]["recalibrated"]["rmse"]
    )
    rows = result.predictions.query("variable == 'NH4' and block == 'test'")
    error = rows["recalibrated"] - rows["measured"]
    assert np.sqrt((error**2).mean()) == pytest.approx(scores.loc[("test", "NH4", "recalibrated"), "rmse"])
    assert str(rows["time"].dt.tz) == "UTC"
    assert set(result.forecasts["horizon"]) == {1, 6, 24}
    assert result.parameters.loc["mu_A", "calibrated"]
    assert list(result.missing.columns)[:3] == ["kind", "name", "tank"]
    assert result.missing.empty
    assert result.report.is_file()
    assert list(result.model.predict(result.inputs)) == ["NH4", "NO3"]
    assert ah.load_run(result.folder).scores.equals(scores)


def test_what_f_failed_to_capture_is_there_where_explanations_have_competed(
    result: ah.RunResult, tmp_path: Path
) -> None:
    shutil.copytree(result.folder, tmp_path / "run")
    path = tmp_path / "run" / "diagnosis.json"
    path.unlink(missing_ok=True)
    write_manifest(tmp_path / "run")
    run = ah.load_run(tmp_path / "run")
    assert not run.diagnosed
    with pytest.raises(ah.InputError, match="asm-hybrid diagnose"):
        _ = run.diagnosis
    found = kinetics() | {"sentences": sentences(kinetics())}
    path.write_text(json.dumps(found), encoding="utf-8")
    write_manifest(tmp_path / "run")
    assert run.diagnosed
    assert run.diagnosis == found
    explanations = run.explanations
    assert explanations.index[0] == GROWTH
    assert explanations.loc[GROWTH, ["gain", "best_share", "in_set"]].tolist() == [0.83, 0.97, True]
    assert "falls below about 1 mol/m3" in _Text(run._repr_html_()).text


def test_a_run_shows_itself(result: ah.RunResult) -> None:
    shown = _Text(result._repr_html_()).text
    for words in ("Run small", result.verdict, "Mechanistic, recalibrated", "NH4 [g N/m³]", "report.html"):
        assert words in shown
    assert "NH4 [g N/m3]: mean " in repr(result)
    assert str(result.folder) in repr(result)


def test_a_model_and_a_table_show_themselves_in_short(result: ah.RunResult) -> None:
    assert "predicts: NH4 (aerobic.S_NH), NO3 (aerobic.S_NO)" in repr(result.model)
    assert "Fitted model small" in _Text(result.model._repr_html_()).text
    table = ah.load_table("asm1")
    assert repr(table) == "Table asm1: Activated Sludge Model No. 1; 14 components, 8 processes, 22 parameters"
    shown = _Text(table._repr_html_()).text
    assert "mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * X_BA" in shown
    assert "henze1987" in shown  # among the parameters


def test_a_bundle_is_read_like_a_run(result: ah.RunResult, tmp_path: Path) -> None:
    bundle = ah.load_run(result.export(out=tmp_path / "bundle").paths["bundle"][0])
    assert bundle.scores.equals(result.scores)
    assert "report" not in _Text(bundle._repr_html_()).text
    with pytest.raises(ah.InputError, match=r"predictions\.csv"):
        _ = bundle.predictions


def test_a_changed_file_is_not_read(result: ah.RunResult, tmp_path: Path) -> None:
    copy = result.export(out=tmp_path / "bundle").paths["bundle"][0]
    with (copy / "summary.json").open("a") as stream:
        stream.write(" ")
    with pytest.raises(ah.InputError, match=r"summary\.json"):
        _ = ah.load_run(copy).scores


def test_a_stopped_run_says_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("asm_hybrid.workflow.diagnose", stop)
        stopped = ah.run(write_case(tmp_path, QUICK), tmp_path / "run")
    assert stopped.interrupted
    assert stopped.verdict == ""
    assert f"asm_hybrid.resume('{tmp_path / 'run'}')" in _Text(stopped._repr_html_()).text
    assert "stopped" in repr(stopped)
    for name in ("report", "missing"):
        with pytest.raises(ah.InputError, match="goes on with it"):
            getattr(stopped, name)
    lost = ah.load_run(shutil.copytree(stopped.folder, tmp_path / "copy", ignore=lambda *_: ["checkpoint"]))
    with pytest.raises(ah.InputError, match=r"stopped before report\.html was there(.|\n)*train again"):
        _ = lost.report
    resumed = ah.resume(tmp_path / "run")
    assert not resumed.interrupted
    assert not stopped.interrupted
    assert stopped.verdict == resumed.verdict
    assert stopped.report.is_file()


def test_scenarios_of_a_run_are_written_where_it_is_said(result: ah.RunResult, tmp_path: Path) -> None:
    scenario = {"name": "load", "changes": [{"input": "influent.S_NH", "scale": 1.5}]}
    alone = ah.simulate(result.folder)
    assert alone.cases == ("base",)
    found = ah.simulate(result.folder, scenario)
    assert found.folder is None
    assert not (result.folder / "scenarios").exists()
    assert found.cases == ("base", "load")
    pd.testing.assert_series_equal(found.states["aerobic.S_NH"], found.series["aerobic.S_NH"])
    given = result.inputs.set_index("time")["aerobic.S_O"]
    oxygen = found.states.loc["load", "aerobic.S_O"]
    np.testing.assert_allclose(oxygen, given[oxygen.index])
    base, load = (found.series.loc[case, "effluent.S_NH"] for case in found.cases)
    assert isinstance(base.index, pd.DatetimeIndex)
    assert load.mean() > base.mean()
    pd.testing.assert_frame_equal(alone.series.loc["base"], found.series.loc["base"][alone.series.columns])
    row = found.indicators.loc["aerobic.S_NH over time"]
    assert row["load"] == pytest.approx(found.series.loc["load", "aerobic.S_NH"].mean(), rel=1e-6)
    assert found.outside_hours == {}  # f alone has learnt nothing that could be left
    assert not any("training saw" in text for text in found.warnings)
    assert ah.simulate(result.folder, scenario, tmp_path / "out").folder == tmp_path / "out"
    assert (tmp_path / "out" / "load" / "series.csv").is_file()
    assert (tmp_path / "out" / "index.html").is_file()


def test_a_plant_may_be_written_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scenario = {"days": "1 d", "scenarios": {"strong": [{"input": "influent.S_NH", "scale": 2}]}}
    found = ah.simulate(POND, scenario)
    assert not list(tmp_path.iterdir())
    assert found.units["pond.S_NH"] == "g N/m3"
    assert found.series.index.names == ["case", "time"]
    assert found.series.loc["base"].index[-1] == 1.0
    pd.testing.assert_series_equal(found.series["pond.S_NH"], found.states["pond.S_NH"])
    nitrogen = found.indicators.loc["effluent.TN mean"]
    assert nitrogen["strong"] > nitrogen["base"]
    shown = _Text(found._repr_html_()).text
    assert "Simulation of pond" in shown
    assert "strong: influent.S_NH × 2" in shown
    assert "Simulation pond: base, strong" in repr(found)
    written = ah.simulate(POND, scenario, "out")
    assert {"index.html", "indicators.csv", "base", "strong"} <= {p.name for p in written.folder.iterdir()}


def test_a_scenario_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    simulate = CompiledPlant.simulate

    def fail_when_warm(self: CompiledPlant, start: object, inputs: InputSeries, *rest: object) -> object:
        if inputs.begin.max() > 9e3:
            raise ah.SimulationError("the integration fails")
        return simulate(self, start, inputs, *rest)

    monkeypatch.setattr(CompiledPlant, "simulate", fail_when_warm)
    cases = {name: [{"input": "influent.S_NH", "set": value}] for name, value in (("mild", 40), ("extreme", 1e4))}
    with pytest.raises(ah.SimulationError, match=r"^extreme: the integration fails"):
        ah.simulate(POND, {"days": "1 d", "scenarios": cases})


def test_a_check_gives_findings_and_the_flow_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = ah.check(POND | {"model": {"kinetics": "asm1", "parameters": {"K_NH": 30}}})
    assert found.errors == 0
    (row,) = found.findings.query("kind == 'parameter'").to_dict("records")
    assert row["file"] == "config (model.parameters.K_NH)"
    assert "pond" in found.flowsheet
    shown = _Text(found._repr_html_()).text
    assert "K_NH is 30 g N/m3" in shown
    assert found.text in shown
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"model": {"kinetics": "asm1", "parameters": {"mu_A": float("nan")}}}, "config (model.parameters.mu_A)"),
        ({"plant": POND["plant"] | {"tanks": {"pond": {"volume": pd.Timestamp(0)}}}}, "plant.tanks.pond.volume"),
        ({"plant": POND["plant"] | {"tanks": {3: {}}}}, "plant.tanks.3"),
        ({"plant": POND["plant"] | {"tanks": {"pond": {"volume": 10**30}}}}, "config (plant.tanks.pond.volume)"),
        ({"plant": POND["plant"] | {"tanks": {"pond": {"kla": ["a", "b\0"]}}}}, "config (plant.tanks.pond.kla.1)"),
        ({"plant": POND["plant"] | {"wastage": {"flow": np.ones(3)}}}, "config (plant.wastage.flow)"),
        ({"plant": ENDLESS}, "config (plant.itself.itself.itself"),
        ({"plant": POND["plant"] | {"wastage": {"flwo": 3}}}, "config (plant.wastage.flwo)"),
        ({"plant": POND["plant"] | {"wastage": {"flow": "3 kg"}}}, "config (plant.wastage.flow)"),
    ],
)
def test_an_error_in_a_dict_names_its_key(changes: dict[str, object], where: str) -> None:
    with pytest.raises(ah.InputError) as caught:
        ah.simulate(POND | changes)
    assert where in str(caught.value)
    assert ":1" not in caught.value.where


def test_an_equation_may_be_written_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {
        "name": "decay",
        "ode": {"network": {"hidden": (4,)}},
        "initial": {"u": 1.0},
        "span": (0, 1),
        "data": {"times": {"count": 5}, "truth": {"matrix": [[-1.0]]}},
        "extrapolation": {"count": 2, "box": {"u": [0.5, 2]}},
        "training": {"iterations": 2},
    }
    assert "1 parameters" not in ah.check(config).text
    found = ah.run(config, "run")
    assert isinstance(found, ah.EquationResult)
    assert list(found.scores.index) == ["model", "constant", "linear"]
    assert found.scores.loc["linear", "extrapolation"] < found.scores.loc["constant", "extrapolation"]
    assert set(found.predictions["series"]) == {"data", "model", "truth"}
    assert found.parameters.empty
    assert found.picture.is_file()
    assert "Fit of decay" in _Text(found._repr_html_()).text
    again = parse_yaml((tmp_path / "run" / "config.yaml").read_text(), "config.yaml").data
    assert again["ode"] == {"network": {"hidden": [4]}}


def test_a_layout_can_be_changed_in_python() -> None:
    plant = ah.load_plant("bsm1")
    scenario = {"days": "1 d"}
    own, shipped = ah.simulate(plant, scenario), ah.simulate("bsm1", scenario)
    pd.testing.assert_frame_equal(own.series, shipped.series)
    plant["plant"]["tanks"]["tank_5"]["kla"] = 240
    stronger = ah.simulate(plant, scenario).series.loc["base", "tank_5.kla"]
    assert set(stronger) == {240}


def test_a_config_can_be_changed_in_python_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ah.load_config(write_case(tmp_path, QUICK))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert config["data"]["sources"]["online"]["file"] == str(tmp_path / "plant.csv")
    config["plant"]["wastage"]["flow"] = 900.0
    assert "wastage" in " ".join(ah.check(config).findings["fix"])
    ode = ah.load_config(Path(__file__).parents[2] / "configs" / "lotka_volterra.yaml")
    assert "lotka_volterra" in ah.check(ode).text


def test_nothing_is_printed_unless_asked(capfd: pytest.CaptureFixture[str]) -> None:
    ah.simulate(POND, {"days": "1 d"})
    assert capfd.readouterr() == ("", "")
    ah.simulate(POND, {"days": "1 d"}, progress=True)
    assert "steady state" in capfd.readouterr().err


def test_what_is_no_subject_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ah.InputError, match="did you mean 'bsm1'"):
        ah.simulate("bsm11")
    with pytest.raises(ah.InputError, match="a shipped layout, which has no data, cannot be trained"):
        ah.run("bsm1")
    with pytest.raises(ah.InputError, match="a run folder cannot be checked"):
        ah.check(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["check", "load_config", "load_plant", "load_run", "load_model", "read_inputs", "resume"]
)
def test_a_result_in_place_of_its_folder_is_refused_with_the_remedy(result: ah.RunResult, name: str) -> None:
    for wrong, fix in ((result, "give the attribute folder of it"), (None, ""), (5, ""), (["bsm1"], ""), (b"bsm1", "")):
        with pytest.raises(ah.InputError, match=f"this is a {type(wrong).__name__}(.|\n)*{fix}"):
            getattr(ah, name)(wrong)


def test_scenario_folder_and_table_of_a_wrong_type_are_refused(tmp_path: Path) -> None:
    for call in (
        lambda: ah.simulate("bsm1", [{"input": "T", "shift": 4}]),
        lambda: ah.simulate("bsm1", out=5),
        lambda: ah.load_table({"name": "mine"}),
        lambda: ah.run(write_case(tmp_path, QUICK), 5),
    ):
        with pytest.raises(ah.InputError, match="this is a "):
            call()


def test_a_folder_without_a_run_is_no_stopped_run(tmp_path: Path) -> None:
    for folder, found in (("absent", "the folder does not exist"), (".", "has no manifest")):
        with pytest.raises(ah.InputError, match=found):
            ah.load_run(tmp_path / folder)
        with pytest.raises(ah.InputError, match="shipped layout" if folder == "absent" else found):
            ah.simulate(tmp_path / folder)


def test_a_run_that_is_gone_or_damaged_says_so_where_it_is_shown(result: ah.RunResult, tmp_path: Path) -> None:
    bundle = ah.load_run(result.export(out=tmp_path / "bundle").paths["bundle"][0])
    (bundle.folder / "summary.json").write_text("{")
    for shown in (repr(bundle), _Text(bundle._repr_html_()).text):
        assert "summary.json was changed or damaged" in shown
    shutil.move(bundle.folder, tmp_path / "elsewhere")
    for shown in (repr(bundle), _Text(bundle._repr_html_()).text):
        assert "the folder does not exist" in shown
    with pytest.raises(ah.InputError, match="the folder does not exist"):
        _ = bundle.interrupted


def test_a_run_is_found_from_another_folder(
    result: ah.RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(result.folder.parent)
    near = ah.load_run(result.folder.name)
    monkeypatch.chdir(tmp_path)
    assert near == result
    assert near.scores.equals(result.scores)


def test_what_is_read_may_be_changed_and_is_read_again_as_it_was(result: ah.RunResult) -> None:
    plant = ah.simulate(POND, {"days": "1 d"})
    fitted = ah.simulate(result.folder, {"name": "load", "changes": [{"input": "T", "shift": 1}]})
    names = {
        result: ("scores", "predictions", "forecasts", "parameters", "inputs"),
        plant: ("series", "states", "indicators"),
        fitted: ("series", "states", "indicators"),
        ah.check(POND): ("findings",),
    }
    for thing, frames in names.items():
        for name in frames:
            before = getattr(thing, name)
            before["own"] = 1
            assert "own" not in getattr(thing, name)
    result.summary["name"] = "another"
    assert result.name == "small"
    states = plant.states
    first = states.iloc[0].copy()
    states.iloc[:] = -1.0
    pd.testing.assert_series_equal(plant.states.iloc[0], first)


def test_results_are_sent_to_another_process(result: ah.RunResult) -> None:
    plant, model = ah.simulate(POND, {"days": "1 d"}), result.model
    sent_run, sent_plant, sent_model = pickle.loads(pickle.dumps((result, plant, model)))
    assert sent_run == result
    pd.testing.assert_frame_equal(sent_plant.states, plant.states)
    pd.testing.assert_frame_equal(sent_model.predict(result.inputs), model.predict(result.inputs))
    assert len({plant, sent_plant, model, sent_model}) == 4


def test_text_is_escaped_wherever_it_stands() -> None:
    bad = "<script>alert('&')</script>"
    html = card(bad, tabulated([bad], [[bad]], bad, bold=frozenset({(0, 0)})), listed([bad] * 4, "warning", "warnings"))
    assert "<script" not in html
    assert _Text(html).text.count(bad) == 8
