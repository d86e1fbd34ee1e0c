"""Stages of learning: what a config may ask for, each by itself, resumed, and started from another run."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_plant import BEYOND, COLLOCATION_STEPS, CONFIG, write_case

from asm_hybrid import load_model
from asm_hybrid.config import load_config
from asm_hybrid.errors import InputError
from asm_hybrid.training import Silent, collocation, train
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.descent_schedule import schedule

ALL = "calibration, collocation, growing, windows, shooting"


def with_stages(stages, **changes):
    """Return a config with windows that grow over four lengths."""
    text = CONFIG.replace("training: {", f"training: {{stages: {stages}, ").replace("window: 2 h", "window: 4 h")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("stages", "message", "fix"),
    [
        ("[]", "the list is empty", "remove the key"),
        ("[windows, calibration]", "the stages are windows, calibration", r"\[calibration, windows\]"),
        ("[shooting, growing]", "the stages are shooting, growing", r"\[growing, shooting\]"),
        ("[windows, windows]", "'windows' is listed twice", ""),
        ("[calibration, shoting]", "the list holds 'shoting'", "shooting"),
        ("windows", "the value is 'windows'", ""),
    ],
)
def test_lists_that_make_no_sense_are_refused_with_place_and_remedy(tmp_path, stages, message, fix):
    (tmp_path / "config.yaml").write_text(with_stages(stages), encoding="utf-8")
    with pytest.raises(InputError, match=rf"training\.stages(.|\n)*{message}(.|\n)*{fix}"):
        load_config(tmp_path / "config.yaml")


@pytest.mark.parametrize("iterations", [0, 1, 5, 120])
@pytest.mark.parametrize("stages", [("windows",), ("growing", "shooting"), tuple(ALL.split(", "))])
def test_gradient_steps_are_shared_out_and_growing_reaches_the_full_window(stages, iterations):
    parts = schedule(stages, 48, iterations)
    assert sum(part.iterations for part in parts) == iterations
    for stage in set(stages) - {"calibration", "collocation"}:
        own = [part for part in parts if part.stage == stage]
        assert own[-1].length == 48
        assert [part.length for part in own] == ([6, 12, 24, 48] if stage == "growing" else [48])
        share = sum(part.iterations for part in own)
        assert abs(share - iterations / len({part.stage for part in parts})) < 1
    assert not schedule(("calibration", "collocation"), 48, iterations)


@pytest.fixture(scope="module", autouse=True)
def _short_collocation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collocation, "STEPS", COLLOCATION_STEPS)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run all stages in one go; return the run folder."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("stages")
    path = write_case(base, with_stages(f"[{ALL}]", **{"iterations: 4": "iterations: 9"}), truth=BEYOND)
    train(path, base / "run")
    return base / "run"


def records(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_all_stages_run_one_after_the_other(whole):
    names = [record["stage"] for record in records(whole)]
    assert list(dict.fromkeys(names)) == ["calibration", "collocation", "n", "the pure neural ODE"]
    assert [r["iteration"] for r in records(whole) if r["stage"] == "n"] == list(range(1, 10))
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["fits"]["n"]["iterations"] == 9
    weights = load_file(whole / "weights.safetensors")
    assert weights["n.by_kind.process.network.weights.1"].abs().max() > 0


def test_a_run_stopped_in_its_last_stage_is_resumed_to_the_same_bits(whole, tmp_path, monkeypatch):
    calls, save = [], Checkpoints.save

    def stop(self, stage, tensors, facts):
        save(self, stage, tensors, facts)
        if stage.startswith("n"):
            calls.append(stage)
            if stage == "n-6":
                raise KeyboardInterrupt

    path = write_case(tmp_path, with_stages(f"[{ALL}]", **{"iterations: 4": "iterations: 9"}), truth=BEYOND)
    monkeypatch.setattr(Checkpoints, "save", stop)
    assert train(path, tmp_path / "run").interrupted
    assert calls[-1] == "n-6"
    monkeypatch.undo()
    assert not train(tmp_path / "run" / "config.yaml", tmp_path / "run", resume=True).interrupted
    for name in ("weights.safetensors", "metrics.jsonl", "predictions.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("stage", ["collocation", "growing", "shooting"])
def test_a_stage_runs_alone_from_another_run(whole, tmp_path, stage):
    """The last of them from a zip of it."""
    other = whole
    if stage == "shooting":
        other = Path(shutil.make_archive(str(tmp_path / "other"), "zip", whole))
    path = write_case(tmp_path, with_stages(f"[{stage}], start_from: {other}"))
    train(path, tmp_path / "run")
    before, after = load_model(whole), load_model(tmp_path / "run")
    torch.testing.assert_close(after.parameters, before.parameters, rtol=0, atol=0)
    names = {record["stage"] for record in records(tmp_path / "run")} - {"the pure neural ODE"}
    assert names == {stage if stage == "collocation" else "n"}
    config = load_config(tmp_path / "run" / "config.yaml")
    assert config.resolve(config.training.start_from).resolve() == other.resolve()


def test_without_gradient_steps_n_is_that_of_the_other_run_to_the_last_bit(whole, tmp_path):
    text = with_stages(f"[windows], start_from: {whole}", **{"iterations: 4": "iterations: 0"})
    train(write_case(tmp_path, text), tmp_path / "run")
    found, expected = load_file(tmp_path / "run" / "weights.safetensors"), load_file(whole / "weights.safetensors")
    for name in (n for n in expected if n.startswith("n.") or n == "f.parameters"):
        assert torch.equal(found[name], expected[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("hidden: [4]", "hidden: [5]"), r"network\.hidden is \[4\] there and \[5\] here"),
        (("seeds: [1, 2]", "seeds: [1, 3]"), r"training\.seeds is \[1, 2\] there and \[1, 3\] here"),
        (("inputs: [S_NH, S_O]", "placement: state, inputs: [S_NH, S_O]"), r"network\.placement is \[rates\] there"),
        (("anoxic", "first"), r"has other tanks \(anoxic, first\)"),
    ],
)
def test_a_run_with_another_n_or_plant_is_refused_before_anything_is_written(whole, tmp_path, change, message):
    path = write_case(tmp_path, with_stages(f"[windows], start_from: {whole}"))
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(InputError, match=message) as caught:
        train(path, tmp_path / "run")
    assert "training.start_from" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_without_a_run_to_start_from_is_refused(tmp_path):
    path = write_case(tmp_path, with_stages("[windows], start_from: nowhere"))
    with pytest.raises(InputError, match="there is no folder"):
        train(path, tmp_path / "run")


def test_collocation_is_left_out_where_n_does_not_act_on_the_derivative(tmp_path):
    text = with_stages("[collocation]").replace("inputs: [S_NH, S_O]", "placement: output, inputs: [S_NH, S_O]")
    said = []

    class Listening(Silent):
        def say(self, text):
            said.append(text)

    train(write_case(tmp_path, text), tmp_path / "run", Listening())
    assert any("collocation is left out" in text for text in said)


@pytest.mark.parametrize(("stage", "count"), [("calibration-5", 1), ("n", 1), ("ODE", 1)])
def test_what_was_reached_is_saved_when_a_run_is_stopped(tmp_path, monkeypatch, stage, count):
    calls, save = [], Checkpoints.save

    def stop(self, name, tensors, facts):
        save(self, name, tensors, facts)
        calls.append(name)
        if calls.count(stage) == count:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", stop)
    assert train(write_case(tmp_path, CONFIG), tmp_path / "run").interrupted
    model = load_model(tmp_path / "run")
    assert not torch.equal(model.parameters, model.defaults)
    assert (model.term is not None, model.neural is not None) == (not stage.startswith("calibration"), stage == "ODE")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["stopped"] == "interrupted"
    found = {name: (fit["stopped"], fit["iterations"]) for name, fit in summary["fits"].items()}
    assert (
        found
        == {
            "calibration-5": {},
            "n": {"n": ("interrupted", 2)},
            "ODE": {"n": ("finished", 4), "the pure neural ODE": ("interrupted", 2)},
        }[stage]
    )
