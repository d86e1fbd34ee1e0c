"""Trainings as cases of a study: chosen by the validation block, with the test block out of reach."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from small_plant import BEYOND, CONFIG, write_case

from asm_hybrid import workflow
from asm_hybrid.api import load_run, resume, run, simulate
from asm_hybrid.config import load_config
from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Pool, run_cases
from asm_hybrid.sweeps import trainings as module
from asm_hybrid.sweeps.trainings import KeyChange, belongs_to_training, open_trainings

TEXT = CONFIG.replace("seeds: [1, 2]", "seeds: [1], stages: [windows]").replace("iterations: 4", "iterations: 2")
CHANGES = {
    "rate": KeyChange("training.learning_rate", "scale", "study.yaml:3"),
    "width": KeyChange("network.hidden", "set", "study.yaml:4"),
    "steps": KeyChange("training.iterations", "set", "study.yaml:5"),
}
CASES = [{}, {"rate": 3.0, "width": "[3]", "steps": 2.6}]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Return a config whose f is wrong, so that n has something to learn."""
    torch.set_num_threads(1)
    return write_case(tmp_path_factory.mktemp("plant"), TEXT, truth=BEYOND)


def all_cases(config: Path, folder: Path):
    """Return the outcomes of all cases, as numbers that compare to the bit."""
    trainings = open_trainings(config, CHANGES, folder)
    outcomes = run_cases(trainings, CASES, folder / "journal", fingerprint=trainings.fingerprint, pool=Pool(1))
    assert [o.error for o in outcomes] == ["", ""]
    return [{name: value.hex() for name, value in o.figures.items()} for o in outcomes]


@pytest.fixture(scope="module")
def study(config, tmp_path_factory):
    """Return the folder of a study with two trials, and what they gave."""
    folder = tmp_path_factory.mktemp("study")
    return folder, all_cases(config, folder)


def trial(folder: Path, case: int) -> Path:
    """Return the folder of a trial."""
    (found,) = folder.glob(f"trainings/{case}-*")
    return found


def test_a_trial_is_the_config_with_its_keys_changed(study):
    folder, figures = study
    first, second = (load_config(trial(folder, i) / "config.yaml") for i in (0, 1))
    assert not second.training.test
    assert (first.training.learning_rate, second.training.learning_rate) == (0.01, 0.03)
    assert (first.network.hidden, second.network.hidden, second.training.iterations) == ((4,), (3,), 3)
    assert figures[0]["validation"] != figures[1]["validation"]
    assert set(figures[0]) == {f.name for f in open_trainings({}, CHANGES, folder).figures}


def test_the_figures_are_those_of_the_validation_block(study):
    folder, figures = study
    summary = json.loads((trial(folder, 0) / "summary.json").read_text())
    assert set(summary["scores"]) == {"train", "validate"}
    assert "forecast" not in summary
    assert "verdict" not in summary
    validated = summary["scores"]["validate"]

    def error(model):
        parts = [validated[v][model] for v in ("NH4", "NO3")]
        return (sum(p["n"] * (p["rmse"] / 0.2) ** 2 for p in parts) / sum(p["n"] for p in parts)) ** 0.5

    found = {name: float.fromhex(value) for name, value in figures[0].items()}
    assert found["validation"] == pytest.approx(error("hybrid"), rel=1e-12)
    assert found["validation.NH4"] == validated["NH4"]["hybrid"]["rmse"]
    assert found["against.mean"] == pytest.approx(error("hybrid") / error("mean"), rel=1e-12)


def test_measurements_of_the_test_block_change_nothing(config, study, tmp_path):
    shutil.copy(config, tmp_path)
    with (config.parent / "plant.csv").open() as file:
        header, *rows = csv.reader(file)
    for row in rows[round(0.8 * (len(rows) - 1)) :]:  # from the begin of the test block on
        row[1:] = [f"{1.7 * float(cell) + 1:.6g}" if cell else "" for cell in row[1:]]
    with (tmp_path / "plant.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    assert all_cases(tmp_path / "config.yaml", tmp_path / "study") == study[1]
    for name in ("weights.safetensors", "predictions.csv", "metrics.jsonl", "inputs.csv"):
        found, expected = (trial(base, 1) / name for base in (tmp_path / "study", study[0]))
        assert found.read_bytes() == expected.read_bytes()


def test_a_trial_that_was_stopped_goes_on_and_a_finished_one_is_not_trained_again(config, study, tmp_path, monkeypatch):
    trainings = open_trainings(config, CHANGES, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("asm_hybrid.training.run.learn_n", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            trainings.evaluate(1, CASES[1])
    place = trial(tmp_path, 1)
    assert (place / "checkpoint" / "f.safetensors").exists()
    monkeypatch.setattr(module, "run_training", None)  # resumed, not begun
    found = trainings.evaluate(1, CASES[1])
    assert {name: value.hex() for name, value in found.figures.items()} == study[1][1]
    monkeypatch.setattr(module, "resume_training", None)
    assert trainings.evaluate(1, CASES[1]).figures == found.figures
    (place / "weights.safetensors").write_bytes(b"")  # damaged: trained anew
    monkeypatch.undo()
    assert trainings.evaluate(1, CASES[1]).figures == found.figures
    assert (place / "weights.safetensors").stat().st_size


def _interrupted(*args):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("key", "way", "value", "message"),
    [
        ("training.learnin_rate", "set", 0.1, r"study.yaml:9: .* unknown key 'learnin_rate'[\s\S]*'learning_rate'"),
        ("training.optimiser", "set", "adm", r"study.yaml:9: .* the value is 'adm'[\s\S]*did you mean 'adam'"),
        ("training.learning_rate", "set", -1.0, r"study.yaml:9: .* the value is -1.0[\s\S]*above 0"),
        ("training.optimiser", "scale", 2.0, r"holds 'adam', which scale cannot change"),
        ("name.first", "set", 2.0, r"'name.first' is no key for trials"),
        ("training.loss.kind", "set", 2.0, r"'loss' holds no further keys"),
        ("data.blocks.validate", "set", "[0.1, 0.2]", r"scored by the same measurements"),
        ("training.test", "set", "true", r"scored by the same measurements"),
    ],
)
def test_a_key_or_a_value_that_cannot_be_is_refused_before_anything_is_trained(
    config, tmp_path, key, way, value, message
):
    with pytest.raises(InputError, match=message):
        open_trainings(config, {"x": KeyChange(key, way, "study.yaml:9")}, tmp_path).check([{"x": value}])
    assert not (tmp_path / "trainings").exists()


def test_which_keys_belong_to_a_training():
    assert belongs_to_training("training.learning_rate")
    assert belongs_to_training("network.hidden")
    assert not belongs_to_training("plant.tanks.aerobic.volume")
    assert not belongs_to_training("volume")


def test_a_trial_says_what_it_is_and_is_no_model_to_use(study):
    place = trial(study[0], 0)
    result = load_run(place)
    assert result.trial
    assert not result.interrupted
    assert "a trial" in repr(result)
    assert "validate block" in repr(result)
    with pytest.raises(InputError, match="a trial, which has not read its test block"):
        simulate(place)
    with pytest.raises(InputError, match="a trial"):
        workflow.finished_run(place)
    with pytest.raises(InputError, match="a trial"):
        resume(place)


def test_the_same_config_with_its_test_block_validates_as_its_trial(config, tmp_path):
    """Both begin at the mean inputs of their first ten days, so that those must be the same: here they are constant."""
    path = write_case(tmp_path, TEXT, truth=BEYOND)
    rows = [line.split(",") for line in (tmp_path / "plant.csv").read_text().splitlines()]
    constant = [rows[1][1:4]] * (len(rows) - 1)
    lines = [",".join([row[0], *held, *row[4:]]) for row, held in zip(rows[1:], constant, strict=True)]
    (tmp_path / "plant.csv").write_text("\n".join([",".join(rows[0]), *lines, ""]))
    whole = run(path, tmp_path / "whole").summary
    outcome = open_trainings(path, {}, tmp_path / "study").evaluate(0, {})
    expected = pytest.approx(
        whole["scores"]["validate"]["NH4"]["hybrid"]["rmse"], rel=1e-9
    )  # means differ in the last bit
    assert outcome.figures["validation.NH4"] == expected
    assert {"test"} == set(whole["scores"]) - {"train", "validate"}
