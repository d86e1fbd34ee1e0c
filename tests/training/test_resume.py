"""A run that is killed at any instant and resumed ends as it would have in one go, byte for byte."""

import io
import json
import os
import shutil

import pytest
import torch
from killed_runs import killed
from run_files import content
from small_plant import COLLOCATION_STEPS, CONFIG, write_case
from torch import nn

from asm_hybrid.artefacts import WritingError
from asm_hybrid.errors import InputError
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training import collocation
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.fit import Fit, FitProblem, FitSettings
from asm_hybrid.training.run_folder import MetricsLog, hold_run
from asm_hybrid.workflow import resume_training, run_training

STAGES = "stages: [calibration, collocation, growing, windows, shooting]"
TEXT = (
    CONFIG.replace("iterations: 4", "iterations: 12")
    .replace("window: 2 h", f"window: 4 h, batch: 5, {STAGES}")
    .replace("as: aerobic.S_NH, unit", "as: aerobic.S_NH, bias: learn, lag: learn, unit")
)


@pytest.fixture(scope="module", autouse=True)
def _short_collocation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collocation, "STEPS", COLLOCATION_STEPS)
        yield


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Return the config and the folder of a run in one go."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("whole")
    config = write_case(base, TEXT)
    run_training(config, base / "run")
    return config, base / "run"


@pytest.fixture(scope="module")
def killed_often(tmp_path_factory):
    """Return two folders of a config, its data, and a run that was killed again and again.

    One is as it was after the kill in the last stage of n, the other as it was after the last kill.
    """
    early, late = tmp_path_factory.mktemp("early"), tmp_path_factory.mktemp("late")
    config, run = write_case(late, TEXT), late / "run"
    places = ["save calibration-2", "save f", "save n-2", "save n-5", "save n-6", "save ODE", "end", "end"]
    for place, count in zip(places, [1, 1, 1, 1, 2, 3, 3, 9], strict=True):
        assert killed(run, config, place, count)
        if place == "save n-6":
            shutil.copytree(late, early, dirs_exist_ok=True)
    return early, late


@pytest.mark.slow
def test_a_run_killed_many_times_ends_as_one_in_one_go(case, killed_often):
    whole, run = case[1], killed_often[1] / "run"
    assert not (run / "report.html").exists()
    resume_training(run)
    expected, found = content(whole), content(run)
    assert sorted(found) == sorted(expected)
    assert [n for n in expected if found[n] != expected[n]] == []
    assert not (run / "checkpoint").exists()


@pytest.fixture
def stopped(killed_often, tmp_path):
    """Return a run that was killed within the fit of n, with its data beside it."""
    shutil.copytree(killed_often[0], tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def test_a_damaged_checkpoint_and_other_data_are_refused(stopped):
    path = stopped / "checkpoint" / "n-6.safetensors"
    good = path.read_bytes()
    path.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    with pytest.raises(InputError, match="damaged") as error:
        resume_training(stopped)
    assert "n-6.safetensors" in str(error.value)
    path.write_bytes(good)
    plant = stopped.parent / "plant.csv"
    plant.write_text(plant.read_text().replace("5000", "5001", 1) + "\n")
    with pytest.raises(InputError, match=r"differ from those the run began with; changed: \.\./plant\.csv"):
        resume_training(stopped)


def test_another_config_and_missing_data_are_refused(stopped):
    config = stopped / "config.yaml"
    config.write_text(config.read_text().replace("iterations: 12", "iterations: 13"))
    (stopped.parent / "plant.csv").unlink()
    with pytest.raises(InputError, match=r"changed: config\.yaml; missing: \.\./plant\.csv"):
        resume_training(stopped)


def cut(text: str) -> dict[str, bytes | None]:
    """Return what a power cut may leave of a log, by name; None where it is lost."""
    whole = text.encode()
    half = len(whole) // 2
    return {
        "lost": None,
        "empty": b"",
        "cut within a line": whole[: whole.index(b"\n", half) - 5],
        "cut at a line": whole[: whole.index(b"\n", half) + 1],
        "ahead": whole + b'{"stage": "n", "iteration": 99, "loss": [0.0]}\n' * 3,
        "half a line ahead": whole + b'{"stage": "n", "itera',
        "zeros": whole[:half] + bytes(len(whole) - half),
        "other bytes": b"\xff\xfe" * 40,
    }


@pytest.mark.parametrize("state", list(cut("{}\n{}\n")))
def test_the_log_is_that_of_the_checkpoint_whatever_a_power_cut_left(stopped, state):
    known = Checkpoints(stopped).log
    assert known.count("\n") > 10
    path = stopped / "metrics.jsonl"
    left = cut(path.read_text())[state]
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    log = MetricsLog(path, Checkpoints(stopped).log)
    assert path.read_text() == known
    for line in known.splitlines():
        log.write(json.loads(line))
    assert log.text == known
    log.write({"stage": "n"})
    log.close()
    assert path.read_text() == known + '{"stage": "n"}\n'


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(28, "No space left on device")

    log = MetricsLog(tmp_path / "metrics.jsonl")
    log._stream.close()
    log._stream = Full()
    with pytest.raises(InputError, match="No space left") as error:
        log.write({"stage": "n"})
    assert "metrics.jsonl" in str(error.value)


def test_a_run_that_another_process_writes_is_not_touched(stopped):
    (stopped / "checkpoint" / "lock").unlink()  # of the killed process
    before = content(stopped)
    with hold_run(stopped), pytest.raises(InputError, match=f"process {os.getpid()} on") as error:
        resume_training(stopped)
    assert str(stopped) in str(error.value)
    assert content(stopped) == before


def test_two_runs_are_not_begun_in_one_folder(tmp_path):
    config = write_case(tmp_path, TEXT)
    (tmp_path / "run").mkdir()
    with hold_run(tmp_path / "run"):
        with pytest.raises(InputError, match=f"process {os.getpid()} on"):
            run_training(config, tmp_path / "run")
        assert not (tmp_path / "run" / "config.yaml").exists()
    assert not list((tmp_path / "run").iterdir())


def test_a_run_is_held_until_its_report_is_written(tmp_path, monkeypatch):
    def diagnosed(folder):
        with pytest.raises(InputError, match="is writing it"):
            resume_training(folder)
        raise KeyboardInterrupt

    short = TEXT.replace("iterations: 12", "iterations: 1").replace("seeds: [1, 2]", "seeds: [1]")
    monkeypatch.setattr("asm_hybrid.workflow.diagnose", diagnosed)
    result = run_training(write_case(tmp_path, short), tmp_path / "run")
    assert result.interrupted
    assert result.resumable
    assert not (tmp_path / "run" / "checkpoint" / "lock").exists()


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "[]",
        "{}",
        '{"files": 1}',
        '{"files": {"config.yaml": 1}, "packages": {}}',
        '{"files": {}, "packages": {}}',
        None,
    ],
)
def test_an_origin_that_says_nothing_is_refused(stopped, origin):
    path = stopped / "checkpoint" / "origin.json"
    path.unlink()
    if origin is None:
        path.mkdir()
    else:
        path.write_text(origin)
    with pytest.raises(InputError, match=r"origin\.json") as error:
        resume_training(stopped)
    assert "another folder" in str(error.value)


def test_a_disk_without_room_ends_the_run_in_one_message_and_it_goes_on_though_its_log_is_lost(
    case, stopped, monkeypatch
):
    def full(self, *args):
        raise WritingError(OSError(28, "No space left on device"), self.folder)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", full)
        with pytest.raises(InputError, match="No space left") as error:
            resume_training(stopped)
    assert f"--resume {stopped}" in str(error.value)
    assert not (stopped / "summary.json").exists()
    log = stopped / "metrics.jsonl"
    log.write_bytes(log.read_bytes()[:50])
    resume_training(stopped)
    expected, found = content(case[1]), content(stopped)
    assert [n for n in expected if found[n] != expected[n]] == []
    assert not [p for p in stopped.rglob("*") if p.name.startswith(".") or p.name == "lock"]


def test_a_folder_that_vanishes_ends_the_run_in_one_message(tmp_path, monkeypatch):
    config, save = write_case(tmp_path, TEXT), Checkpoints.save

    def vanish(self, *args):
        shutil.rmtree(tmp_path / "run")
        save(self, *args)

    monkeypatch.setattr(Checkpoints, "save", vanish)
    with pytest.raises(InputError, match="cannot be written"):
        run_training(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_resumed(case, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        resume_training(tmp_path)
    with pytest.raises(InputError, match="nothing to go on from"):
        resume_training(case[1])


class Shift(nn.Module):
    """A model whose state falls by a tenth in a window and rises by a learnt w."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2, 1, 1, dtype=torch.float64))

    def simulate(self, x0, inputs, *, record_knots=False):
        final = 0.9 * x0 + self.w.view(-1, *[1] * (x0.dim() - 1))
        return Solution(final, None, final, torch.ones(final.shape[:-1], dtype=torch.bool))


class Cut:
    """Eight windows; measured is one at the end of each."""

    def __len__(self):
        return 8

    def inputs(self, inputs, index):
        return inputs[index]

    def counts(self, index):
        return torch.ones(len(index))

    def residuals(self, outputs, index):
        return outputs - 1.0


@pytest.mark.parametrize("optimiser", ["adam", "soap"])
@pytest.mark.parametrize("carry_from", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_a_fit_goes_on_from_each_of_its_states_to_the_same_bits(tmp_path, seed, carry_from, optimiser):
    # Two of eight windows a step: most starts are those of the open-loop simulation of the validation before.
    kept, count = Checkpoints(tmp_path), 0

    def run(saved=None, save=None):
        records, model = [], Shift()
        starts = torch.arange(16, dtype=torch.float64).reshape(2, 8, 1)
        settings = FitSettings(12, 2, 0.05, 1, 99, (seed,), carry_from, optimiser, carries_adjoint=True)

        def validate():
            along = [torch.tensor([[0.0], [8.0]], dtype=torch.float64)]
            for _ in range(8):
                along.append(model.simulate(along[-1], None).final)
            return (along[-1] - 3.0).square().flatten(1).sum(1), torch.stack(along[:-1], dim=1)

        problem = FitProblem(model, model, torch.zeros(8, 3, 1), Cut(), starts, validate)
        result = Fit(problem, settings).run(saved, report=records.append, save=save)
        return records, result, model.w.tolist()

    def save(tensors, facts):
        nonlocal count
        kept.save(str(count), tensors, facts)
        count += 1

    whole = run(save=save)
    assert count == 12
    for k in range(count):
        records, result, w = run(saved=kept.load(str(k)))
        assert records == whole[0][k + 1 :]
        assert (result, w) == whole[1:]


def test_a_checkpoint_is_what_was_saved(tmp_path):
    kept = Checkpoints(tmp_path)
    assert kept.load("n") is None
    assert kept.log == ""
    tensors = {"a": torch.randn(3, 2, dtype=torch.float64), "b": torch.tensor([1, 2])}
    log = '{"loss": 1.0}\n{"loss": Infinity}\n'
    facts = {"records": 2, "log": log, "seconds": {"start": 1.0, "n": 2.0}, "loss": 0.1 + 0.2, "far": float("inf")}
    kept.save("n", tensors, facts)
    kept.save("f", {}, {"records": 1, "log": log[:14], "seconds": {"start": 1.0, "n": 0.5}})
    found = kept.load("n")
    assert all(torch.equal(found.tensors[k], v) for k, v in tensors.items())
    assert found.facts == facts
    assert kept.log == log
    assert kept.seconds == {"start": 1.0, "n": 2.0}
    kept.discard()
    assert kept.load("n") is None


def test_tensorboard_shows_the_records(case, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = write_case(tmp_path, TEXT.replace("training: {", "training: {tensorboard: true, "))
    assert killed(tmp_path / "run", config, "save n-3", 1)
    resume_training(tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [r["loss"][0] for line in lines if (r := json.loads(line))["stage"] == "n"]
    shown = events.Scalars("n/loss/seed_1")
    assert [e.step for e in shown] == list(range(1, len(losses) + 1))
    assert {"n/validation/seed_2", "n/best/seed_2", "n/learning_rate", "calibration/parameters/mu_A"} <= set(
        events.Tags()["scalars"]
    )
    assert [e.value for e in shown] == pytest.approx(losses, rel=1e-6)


def test_tensorboard_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("asm_hybrid.training.tensorboard_log.find_spec", lambda name: None)
    config = write_case(tmp_path, TEXT.replace("training: {", "training: {tensorboard: true, "))
    with pytest.raises(InputError, match="pip install 'asm-hybrid"):
        run_training(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
