"""Trainings that are begun from the page: what they say, and what is refused."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from small_plant import BEYOND, CONFIG, write_case

from asm_hybrid.errors import InputError
from asm_hybrid.live import LiveProgress
from asm_hybrid.serve.training_process import (
    Step,
    Trainings,
    further,
    read_log,
    read_losses,
    run_name,
    step_of,
)


def test_a_step_is_read_as_it_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    clock = iter(range(0, 10_000, 100))
    with LiveProgress(lambda: float(next(clock))) as progress:
        progress.stage("reading data")
        assert step_of(capfd.readouterr().err) == Step("reading data")
        progress.stage("fitting n", 200)
        progress.left(0.2, 101.0)
        progress.advance("loss 4.47")
        log = capfd.readouterr().err
        assert step_of(log) == Step("fitting n", 0.005, "loss 4.47", "1:41", 200)
        assert further(step_of(log), {"n": [(1, 2.0), (50, 1.5)]}).share == 0.25
        assert further(step_of(log), {"the pure neural ODE": [(50, 1.5)]}).share == 0.005
        progress.share("simulating", 0.5)
        assert step_of(capfd.readouterr().err).share == 0.5
        progress.stage("searching", 2)
        for _ in range(3):
            progress.advance("error 2")
    last = step_of(capfd.readouterr().err)
    assert (last.title, last.share) == ("searching", None)
    assert step_of("error: something else\n") == Step()


def test_losses_are_those_of_the_record(small_run: Path, tmp_path: Path) -> None:
    found = read_losses(small_run)
    lines = (small_run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert found["n"] == [(r["iteration"], min(r["loss"])) for r in records if r["stage"] == "n"]
    assert found["n, validation"] == [
        (r["iteration"], min(r["validation"])) for r in records if r["stage"] == "n" and "validation" in r
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines[:2], lines[2][:9]]), encoding="utf-8")  # cut by a kill
    assert sum(len(points) for points in read_losses(tmp_path).values()) == 2
    assert read_losses(tmp_path / "nowhere") == {}


@pytest.mark.parametrize("name", ["", " ", ".", "..", "../up", "a/b", "a\\b", "-rf", "x.log", "x" * 200, "a\nb"])
def test_names_that_are_no_folder_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        run_name(name)


def test_names_of_folders_are_taken() -> None:
    assert run_name(" Werk Süd-1.2 ") == "Werk Süd-1.2"


def test_what_cannot_be_begun_is_refused(small_run: Path, tmp_path: Path) -> None:
    trainings = Trainings(tmp_path)
    for config, message in (("", "no config is named"), ("gone.yaml", r"there is no file 'gone\.yaml'")):
        with pytest.raises(InputError, match=message):
            trainings.begin(config, "run", trainings.folder)
    config = str(small_run / "config.yaml")
    with pytest.raises(InputError, match="something in the run folder already"):
        trainings.begin(config, small_run.name, small_run.parent)
    with pytest.raises(InputError, match="no name for a run"):
        trainings.begin(config, "../run", trainings.folder)
    for action in (trainings.go_on, trainings.stop):
        with pytest.raises(InputError, match=r"finished|does not run"):
            action(small_run)
    assert not trainings.folder.exists()
    assert trainings.running == []


def test_why_a_training_failed_is_said_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nplnat: {}\n", encoding="utf-8")
    trainings = Trainings(tmp_path)
    folder = trainings.begin("bad.yaml", "bad", trainings.folder)
    while trainings.running:
        time.sleep(0.05)
    (entry,) = trainings.entries(trainings.folder)
    assert entry.state == "failed"
    assert "plnat" in entry.message
    assert "fix:" in entry.message
    assert "plnat" in read_log(trainings.log(folder))
    again = trainings.begin("bad.yaml", "bad", trainings.folder)  # nothing is left of it that would be in the way
    assert again == folder
    trainings.end()


@pytest.mark.slow
def test_a_training_that_is_ended_at_once_can_go_on(tmp_path: Path) -> None:
    write_case(tmp_path, CONFIG.replace("iterations: 4", "iterations: 2000"), truth=BEYOND)
    trainings = Trainings(tmp_path)
    folder = trainings.begin("config.yaml", "long", trainings.folder)
    with pytest.raises(InputError, match=r"a training of this name is beginning|something in the run folder"):
        trainings.begin("config.yaml", "long", trainings.folder)  # as from a second tab
    while not read_losses(folder).get("n"):
        assert trainings.running, read_log(trainings.log(folder))
        time.sleep(0.1)
    another = Trainings(tmp_path)  # a program that did not begin it finds it, and its process
    (entry,) = another.entries(another.folder)
    assert entry.state == "running"
    another.stop(folder)
    with suppress(InputError):  # it may have ended meanwhile
        another.stop(folder)
    while trainings.running:
        time.sleep(0.05)
    (entry,) = trainings.entries(trainings.folder)
    assert entry.state == "stopped"


def test_a_run_that_is_deleted_is_said(small_run: Path, tmp_path: Path) -> None:
    trainings = Trainings(tmp_path)
    folder = trainings.folder / "run"
    folder.mkdir(parents=True)
    for name in ("config.yaml", "summary.json", "manifest.json", "predictions.csv"):
        (folder / name).write_bytes((small_run / name).read_bytes())
    assert [entry.state for entry in trainings.entries(trainings.folder)] == ["finished"]
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    (entry,) = trainings.entries(trainings.folder)
    assert (entry.state, entry.openable, entry.message) == ("gone", False, "its folder was deleted or moved")


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("".join(f"line {k}\n" for k in range(20_000)), encoding="utf-8")
    lines = read_log(path).splitlines()
    assert lines[-1] == "line 19999"
    assert 1000 < len(lines) < 10_000
    assert lines[0].startswith("line ")
    assert read_log(tmp_path / "none.log") == ""
