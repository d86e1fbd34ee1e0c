"""The plants of `benchmarks/knockout/`: each has the cause that it says, and answers are counted as written."""

import json
from importlib import import_module as module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from asm_hybrid.config import load_config

FOLDER = Path(__file__).parent.parent / "benchmarks"
OF_A_FAMILY = {
    "kinetics": "temperature",
    "lacking": "return_sludge",
    "influent": "influent_cod",
    "flows": "wastage",
    "sensors": "ammonium_drift",
    "oxygen": "oxygen_offset",
}
NAMES = sorted(path.stem for path in (FOLDER / "knockout").glob("*.py"))
LENGTH = 4
"""Days of a plant that is made here."""


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(module("knockout_layouts"), "DAYS", LENGTH)
    module("knockout_layouts").water_of.cache_clear()
    yield
    module("knockout_layouts").water_of.cache_clear()


def plants():
    return module("knockout_plant").knockouts()


def test_there_are_eighteen_plants_on_two_layouts_of_which_two_have_nothing_wrong():
    families = [plant.family for plant in plants().values()]
    assert len(families) == 18
    assert {f: families.count(f) for f in set(families)} == {
        "kinetics": 8,
        "lacking": 2,
        "influent": 2,
        "flows": 2,
        "sensors": 1,
        "oxygen": 1,
        None: 2,
    }
    assert {plant.layout for plant in plants().values()} == {"quickstart", "bsm1"}


@pytest.mark.parametrize("name", NAMES)
def test_a_plant_says_what_is_right(name):
    plant, knockout = plants()[name], module("knockout")
    assert plant.name == name
    assert (plant.family is None) == (not plant.right)
    assert plant.family is None or plant.family in {knockout.family(right) for right in plant.right}
    calibrated = module("knockout_layouts").LAYOUTS[plant.layout].calibrate
    assert plant.parameters.keys() <= set(calibrated)
    assert len(plant.parameters) == (2 if plant.right else 3)


@pytest.mark.parametrize("name", OF_A_FAMILY.values(), ids=list(OF_A_FAMILY))
def test_what_is_measured_differs_by_the_cause_and_the_record_does_not_tell(name, tmp_path):
    plant, whole = plants()[name], module("knockout_plant").Knockout
    healthy = whole(name, plant.says, plant.layout, plant.weather, parameters=plant.parameters, logged=plant.logged)
    found, without = plant.make(tmp_path / "ill"), healthy.make(tmp_path / "healthy")
    change = (found.clean - without.clean).abs().drop(columns="time").max()
    assert (change > [found.noise[label] / 2 for label in change.index]).any()
    ill, well = (pd.read_csv(tmp_path / kind / "plant.csv") for kind in ("ill", "healthy"))
    inputs = [c for c in ill if c not in found.noise]
    pd.testing.assert_frame_equal(ill[inputs], well[inputs])
    configs = [yaml.safe_load((tmp_path / kind / "config.yaml").read_text()) for kind in ("ill", "healthy")]
    assert configs[0]["plant"] == configs[1]["plant"]
    assert configs[0]["model"] == configs[1]["model"]


def test_a_record_is_what_a_plant_has(tmp_path):
    plant = plants()["nothing_quickstart"]
    truth = plant.make(tmp_path, seed=5)
    record = pd.read_csv(tmp_path / "plant.csv")
    config = load_config(tmp_path / "config.yaml")
    columns = config.data.sources["plant"].columns
    for label, noise in truth.noise.items():
        error = (record[label] - truth.clean[label]).dropna()
        assert np.std(error) == pytest.approx(noise, rel=0.15)
        assert columns[label].noise == noise
        assert 0.25 < record[label].isna().mean() < 1
    assert json.loads((tmp_path / "truth.json").read_text())["parameters"] == truth.parameters
    other = plant.make(tmp_path / "again", seed=6)
    pd.testing.assert_frame_equal(other.clean, truth.clean)
    assert not record["NH4"].equals(pd.read_csv(tmp_path / "again" / "plant.csv")["NH4"])


CAUSE = ("process.hydrolysis_organics", "process.hydrolysis_nitrogen")


@pytest.mark.parametrize(
    ("right", "first", "named", "verdict"),
    [
        (CAUSE, CAUSE[1], CAUSE[1:], "first"),
        (CAUSE, "process.ammonification", ("process.ammonification", CAUSE[0]), "set"),
        (CAUSE, "influent.COD", ("influent.COD", CAUSE[0]), "set, of another family"),
        (CAUSE, "process.ammonification", ("process.ammonification",), "family"),
        (CAUSE, "flow.wastage", ("flow.wastage",), "wrong"),
        (CAUSE, None, (), "missed"),
        ((), None, (), "quiet"),
        ((), "flow.wastage", ("flow.wastage",), "false alarm"),
    ],
)
def test_an_answer_is_counted_as_written(right, first, named, verdict):
    knockout = module("knockout")
    assert knockout.judge(right, knockout.Answer(first, named, 0.9, None)) == verdict


def test_a_recycle_is_blamed_on_kinetics_only_where_the_set_holds_nothing_else():
    knockout = module("knockout")

    def row(*named):
        answer = knockout.Answer(named[0], named, 0.9, None)
        return knockout.Row("x", "", ("flow.internal",), answer, "", {"NH4": 1.05, "all": 1.2}, {}, None, 1.0)

    assert row("process.ammonification", "lacking.anammox").blamed
    assert not row("process.ammonification", "flow.internal").blamed
    assert row("flow.internal").close


def test_the_last_line_counts_plants_and_draws():
    knockout = module("knockout")

    def row(verdict, right=CAUSE, held=None, failed=False):
        answer = None if failed else knockout.Answer(None, (), None, None)
        return knockout.Row("x", "", right, answer, verdict, {"NH4": 1.2, "all": 1.0}, held or {}, None, 3.0)

    rows = [row("first"), row("set"), row("set, of another family"), row("quiet", ()), row("failed: x", failed=True)]
    draws = [row("quiet", (), {"mu_A": True, "b_A": False}), row("false alarm", (), {"mu_A": True})]
    assert knockout.counts(rows, draws) == {
        "family_right": 3,
        "set_right": 3,
        "first_right": 1,
        "of": 5,
        "false_alarms": 1,
        "null_draws": 2,
        "median_seconds": 3.0,
        "blamed_on_kinetics": 0,
        "failed": 1,
        "null_close": 0,
        "null_close_together": 2,
        "null_held": pytest.approx(2 / 3),
    }


def test_a_run_without_a_diagnosis_is_an_error(tmp_path):
    knockout = module("knockout")
    with pytest.raises(knockout.NoDiagnosisError, match="missing"):
        knockout.read_answer(tmp_path)
    (tmp_path / "diagnosis.json").write_text('{"answer": null, "notes": ["the run was stopped"]}')
    with pytest.raises(knockout.NoDiagnosisError, match="the run was stopped"):
        knockout.read_answer(tmp_path)
    answer = {"set": ["flow.wastage"], "first": "flow.wastage", "confidence": 0.93, "family": "flows"}
    (tmp_path / "diagnosis.json").write_text(json.dumps({"answer": answer, "law": None}))
    assert knockout.read_answer(tmp_path) == knockout.Answer("flow.wastage", ("flow.wastage",), 0.93, None)


def run_of(folder, truth, *, off=0.0, says=None):
    """Write what a run leaves behind whose recalibrated f is the truth, but for an offset in units of noise."""
    folder.mkdir()
    record = pd.read_csv(folder.parent / "plant.csv")
    frames = [
        pd.DataFrame(
            {
                "time": record["time"] + "+00:00",
                "block": np.where(truth.clean["time"] < LENGTH / 2, "train", "test"),
                "variable": label,
                "measured": record[label],
                "recalibrated": truth.clean[label] + off * noise,
            }
        ).dropna()
        for label, noise in truth.noise.items()
    ]
    pd.concat(frames).to_csv(folder / "predictions.csv", index=False)
    rows = [
        {"name": n, "profile_low": 0.9 * v if n != "b_A" else None, "profile_high": (1.1 if n != "K_OA" else 0.99) * v}
        for n, v in truth.parameters.items()
    ]
    (folder / "parameters.json").write_text(json.dumps({"parameters": rows}))
    answer = {"set": [says] if says else [], "first": says, "confidence": 0.8, "family": None}
    law = {"expression": "monod(S_ALK, K)", "kept": False} if says else None
    (folder / "diagnosis.json").write_text(json.dumps({"answer": answer, "law": law, "notes": []}))


def test_the_figures_of_a_run_are_read_from_its_folder(tmp_path, monkeypatch):
    knockout = module("knockout")

    def run_training(config, out):
        truth = plants()["ammonium_drift"].make(config.parent, seed=3)
        run_of(out, truth, off=1.0, says="sensor.NH4.bias")
        missing = [{"name": "ammonification", "tank": "anoxic", "share": 0.31}]
        return type("Result", (), {"folder": out, "summary": {"missing": missing}})

    monkeypatch.setattr(knockout, "run_training", run_training)
    row = knockout.measure("ammonium_drift", 3, tmp_path, None, module("knockout_plant").Settings())
    assert row.verdict == "family"
    assert row.error["all"] == pytest.approx(np.sqrt(2), abs=0.15)
    assert row.error.keys() == {"NH4", "NO3", "NO3_anoxic", "MLSS", "all"}
    assert row.held == {"mu_A": True, "K_NH": True, "K_OA": False, "b_A": False, "eta_g": True}
    assert "sensor.NH4.drift | sensor.NH4.bias | sensor.NH4.bias | 0.80 | monod(S_ALK, K) (not kept)" in (
        knockout.line(row)
    )
    assert "ammonification, anoxic, 31%" in knockout.line(row)
