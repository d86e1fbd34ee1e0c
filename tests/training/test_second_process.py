"""A run whose pure neural ODE is fitted by another process ends as one that does all by itself, byte for byte."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from run_files import content
from small_plant import CONFIG, write_case

from asm_hybrid import load_model
from asm_hybrid.errors import InputError
from asm_hybrid.training import Silent, discard_checkpoints, second_process, train
from asm_hybrid.training.neural_process import fit_beside

TEXT = CONFIG.replace("seeds: [1, 2]", "seeds: [1]").replace("calibration_evaluations: 3", "calibration_evaluations: 1")
SCRIPT = """
import os, signal, sys
from pathlib import Path
import torch
from asm_hybrid.training import second_process, train
from asm_hybrid.training.checkpoints import Checkpoints

torch.set_num_threads(1)
second_process.ENOUGH, second_process._cores = 0, lambda: 2
begin = second_process.SecondProcess.__init__

def told(self, *args):
    begin(self, *args)
    print(self._process.pid, flush=True)

def killed(self, *args):
    os.kill(os.getpid(), signal.SIGKILL)

second_process.SecondProcess.__init__ = told
Checkpoints.save = killed
train(sys.argv[1], Path(sys.argv[2]))
"""


def trained(config, folder, progress=None, *, resume=False):
    """Train to the end; return the files of the run, which is not diagnosed."""
    assert not train(config, folder, progress or Silent(), resume=resume).interrupted
    discard_checkpoints(folder)
    return content(folder)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the files of a run in one process."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("alone")
    return trained(write_case(base, TEXT), base / "run")


@pytest.fixture
def both(monkeypatch):
    """Let a run begin another process, however little there is to do."""
    monkeypatch.setattr(second_process, "ENOUGH", 0)
    monkeypatch.setattr(second_process, "_cores", lambda: 2)


class Told(Silent):
    """Keeps what a user is told."""

    def __init__(self):
        self.said, self.steps, self.lefts = [], [], []

    def say(self, text):
        self.said.append(text)

    def beside(self, title, done, total, note):
        self.steps.append((title, done, total, note))

    def left(self, share, seconds):
        self.lefts.append((share, seconds))


@pytest.mark.slow
def test_the_other_process_ends_with_the_run_that_goes_on_to_the_same_bytes(alone, both, tmp_path):
    config = write_case(tmp_path, TEXT)
    command = [sys.executable, "-c", SCRIPT, str(config), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    other, begin = int(done.stdout), time.monotonic()
    while _runs(other) and time.monotonic() - begin < 60:
        time.sleep(0.05)
    assert not _runs(other)
    told = Told()
    found = trained(tmp_path / "run" / "config.yaml", tmp_path / "run", told, resume=True)
    assert told.said == [text for text in told.said if "resuming" in text]  # no word of a process that failed
    assert told.steps[-1][:3] == ("fitting the pure neural ODE", 4, 4)
    assert "validation" in told.steps[-1][3]
    assert all(0 <= share <= 1 and seconds >= 0 for share, seconds in told.lefts)
    assert [n for n in alone if found.get(n) != alone[n]] == []
    seconds = json.loads((tmp_path / "run" / "summary.json").read_text())["seconds"]
    assert {"neural", "waiting for the second process"} <= set(seconds)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_run_does_what_the_other_process_failed_to_do(alone, both, tmp_path, monkeypatch):
    monkeypatch.setattr(second_process, "MODULE", "asm_hybrid.training.no_such_module")
    told = Told()
    found = trained(write_case(tmp_path, TEXT), tmp_path / "run", told)
    assert len(told.said) == 1
    assert "ended early (" in told.said[0]
    assert "no_such_module" in told.said[0]
    assert [n for n in alone if found.get(n) != alone[n]] == []


def test_ctrl_c_while_the_other_process_works_keeps_its_best_so_far(alone, both, tmp_path, monkeypatch):
    wait = second_process.SecondProcess.wait

    def interrupted(self):
        wait(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(second_process.SecondProcess, "wait", interrupted)
        outcome = train(write_case(tmp_path, TEXT), tmp_path / "run")
    assert outcome.interrupted
    fits = json.loads((outcome.folder / "summary.json").read_text())["fits"]
    assert fits["the pure neural ODE"]["iterations"] == 4
    whole = json.loads(alone["summary.json"])["fits"]["the pure neural ODE"]
    assert fits["the pure neural ODE"]["best"] == whole["best"]
    assert load_model(outcome.folder).neural is not None
    found = trained(outcome.folder / "config.yaml", outcome.folder, resume=True)
    assert [n for n in alone if found.get(n) != alone[n]] == []


def test_the_other_process_refuses_data_that_changed(tmp_path, monkeypatch):
    def stopped(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("asm_hybrid.training.run.find_start", stopped)
    train(write_case(tmp_path, TEXT), tmp_path / "run")
    with (tmp_path / "plant.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"changed: \.\./plant\.csv"):
        fit_beside(tmp_path / "run")


@pytest.mark.parametrize(("cores", "enough", "begun"), [(1, 0, False), (2, 10**9, False), (2, 0, True)])
def test_a_second_process_is_begun_where_it_pays(tmp_path, monkeypatch, cores, enough, begun):
    monkeypatch.setattr(second_process, "ENOUGH", enough)
    monkeypatch.setattr(second_process, "_cores", lambda: cores)
    seen = []

    def stopped(context, f):
        raise KeyboardInterrupt

    def noted(folder, progress):
        seen.append(folder)
        raise OSError

    monkeypatch.setattr("asm_hybrid.training.run.find_start", stopped)
    monkeypatch.setattr(second_process, "SecondProcess", noted)
    train(write_case(tmp_path, TEXT), tmp_path / "run")
    assert bool(seen) == begun
