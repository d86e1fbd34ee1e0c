"""Cases on several processes: the same to the bit as one after the other, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from pool_cases import bits, cheap_cases, open_broken, open_cheap, open_nothing

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Pool, Slurm, crew, open_pool, run_cases, running, worker

pytest.importorskip("distributed")
RELIABILITY = Path(__file__).parents[2] / "benchmarks" / "reliability"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")


def serial(cases, opened=open_cheap):
    return run_cases(opened, cases, None, fingerprint="f", pool=Pool(1))


def test_a_pool_evaluates_one_set_after_another_to_the_same_bits(tmp_path):
    cases = cheap_cases(60)
    with open_pool(partial(open_cheap, tmp_path), Pool(3)) as pool:
        first, second = pool.map(cases), pool.map(cases[:30])
        assert pool.map([]) == []
    assert bits(first) == bits(serial(cases))
    assert bits(second) == bits(serial(cases[:30]))
    opened = [path.name.split("-")[1] for path in tmp_path.iterdir()]
    assert 1 <= len(opened) <= 3
    assert len(set(opened)) == len(opened)  # once a process
    assert str(os.getpid()) not in opened


def test_what_fails_or_kills_its_process_stops_nothing_else(tmp_path):
    cases = cheap_cases(14)
    for number, what in ((3, "die"), (5, "refuse"), (9, "fail")):
        cases[number]["do"] = what
    journal = tmp_path / "journal"
    outcomes = run_cases(open_cheap, cases, journal, fingerprint="f", pool=Pool(2))
    assert outcomes[3].error.startswith("its process was ended 6 times, as the system does where memory runs out")
    assert outcomes[5].error == "plant.yaml: no such tank\n  fix: write another"
    assert outcomes[9].error.startswith("a fault of asm-hybrid, not of your input: ZeroDivisionError (")
    good = [number for number in range(14) if number not in (3, 5, 9)]
    whole = serial(cheap_cases(14))
    assert bits([outcomes[number] for number in good]) == bits([whole[number] for number in good])
    cases[3]["do"] = "well"  # as with more memory
    assert journal.read_bytes().count(b"\n") == 14


@pytest.fixture(scope="module")
def cluster():
    """Return a cluster that runs already, whose workers are threads of this process."""
    from distributed import LocalCluster

    options = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        scheduler_kwargs=options,
    ) as found:
        yield found


def test_a_cluster_that_runs_already_evaluates_cases(cluster):
    cases = cheap_cases(20)
    for _ in range(2):
        found = run_cases(open_cheap, cases, None, fingerprint="f", pool=Pool(cluster=cluster.scheduler_address))
        assert bits(found) == bits(serial(cases))
    assert not worker._SESSIONS
    assert not worker._OPENED


def test_workers_with_other_versions_are_refused_by_name(cluster, monkeypatch):
    own = worker.versions()
    assert len(own["files of asm-hybrid"]) == 12
    monkeypatch.setattr(crew, "versions", lambda: own | {"numpy": "1.0"})
    with pytest.raises(InputError, match=rf"other versions: numpy {own['numpy']} \(here 1\.0\)"):
        run_cases(open_cheap, cheap_cases(4), None, fingerprint="f", pool=Pool(cluster=cluster.scheduler_address))


@pytest.mark.parametrize(
    ("opened", "error", "match"),
    [
        (open_nothing, InputError, r"^plant.yaml: the plant cannot be read\n  fix: write another$"),
        (open_broken, RuntimeError, r"LookupError: lost"),
    ],
)
def test_what_cannot_be_opened_is_told_once(cluster, opened, error, match):
    with pytest.raises(error, match=match):
        run_cases(opened, cheap_cases(4), None, fingerprint="f", pool=Pool(cluster=cluster.scheduler_address))


def test_an_address_where_nobody_answers_is_refused(monkeypatch):
    monkeypatch.setattr(crew, "CONNECT", 0.5)
    for address in ("tcp://127.0.0.1:1", "no address at all"):
        with pytest.raises(InputError, match=rf"{address}: no scheduler answers"):
            run_cases(open_cheap, cheap_cases(2), None, fingerprint="f", pool=Pool(cluster=address))


def test_a_cluster_without_workers_is_not_waited_for_without_end(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr(crew, "NOBODY", 0.1)
    monkeypatch.setattr(crew, "LOOK", 0.1)
    options = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=0, processes=False, protocol="tcp://", host="127.0.0.1", scheduler_kwargs=options) as c,
        pytest.raises(InputError, match="no process has joined the cluster"),
    ):
        run_cases(open_cheap, cheap_cases(2), None, fingerprint="f", pool=Pool(cluster=c.scheduler_address))


def test_slurm_gets_its_jobs(monkeypatch, tmp_path):
    """The part of dask-jobqueue is played by a cluster of threads, which keeps what it was asked for."""
    import types

    from distributed import LocalCluster

    asked = {}

    class SLURMCluster(LocalCluster):
        def __init__(self, security, protocol, scheduler_options, **options):
            asked.update(options)
            super().__init__(
                n_workers=0,
                threads_per_worker=1,
                processes=False,
                security=security,
                protocol=protocol,
                host="127.0.0.1",
                scheduler_kwargs=scheduler_options,
            )

        def scale(self, n=0, jobs=None):
            super().scale(n if jobs is None else jobs)

    module = types.ModuleType("dask_jobqueue")
    module.SLURMCluster = SLURMCluster
    module.__spec__ = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "dask_jobqueue", module)
    monkeypatch.chdir(tmp_path)
    slurm = Slurm(
        2, cores=4, memory="8GB", walltime="02:00:00", queue="short", account="w", prologue=("module load x",)
    )
    cases = cheap_cases(6)
    found = run_cases(open_cheap, cases, None, fingerprint="f", pool=Pool(slurm=slurm))
    assert bits(found) == bits(serial(cases))
    assert asked["cores"] == asked["processes"] == 4
    assert (asked["memory"], asked["walltime"], asked["queue"], asked["account"]) == ("8GB", "02:00:00", "short", "w")
    assert asked["job_script_prologue"][-1] == "module load x"
    assert "export OMP_NUM_THREADS=1" in asked["job_script_prologue"]


@pytest.mark.parametrize(
    ("pool", "missing", "extra"),
    [(Pool(2), "distributed", "study"), (Pool(slurm=Slurm(1)), "dask_jobqueue", "cluster")],
)
def test_a_missing_library_is_named(monkeypatch, pool, missing, extra):
    from asm_hybrid.parallel import slurm

    for module in (running, slurm):
        monkeypatch.setattr(module, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(InputError, match=rf"asm-hybrid\[{extra}\]"):
        run_cases(open_cheap, cheap_cases(2), None, fingerprint="f", pool=pool)


SCRIPT = """
import ctypes, sys, time
from pathlib import Path
from asm_hybrid.parallel import Outcome, Pool, run_cases

def open_slow():
    def evaluate(number, case):
        if case["hold"]:
            ctypes.PyDLL(None).sleep(60)  # a long call into C that holds the interpreter
        return Outcome(number, {"a": 1.0})
    return evaluate

cases = [{"hold": float(i > 1)} for i in range(6)]
run_cases(open_slow, cases, Path(sys.argv[1]), fingerprint="f", pool=Pool(2))
"""


@LINUX
@pytest.mark.parametrize(("signals", "code"), [([signal.SIGINT] * 2, -signal.SIGINT), ([signal.SIGKILL], -9)])
def test_nothing_stays_behind_a_study_that_was_ended(tmp_path, signals, code):
    """The script has no guarded main part, as scripts in notebooks' company often have none."""
    journal = tmp_path / "journal"
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(journal)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert process.poll() is None
            time.sleep(0.05)
        held = _below(process.pid)
        assert len(held) >= 3
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        assert process.wait(60) == code
    since = time.monotonic()
    while (left := [pid for pid in held if Path(f"/proc/{pid}").exists()]) and time.monotonic() - since < 30:
        time.sleep(0.05)
    assert not left
    cases, opened = [{"hold": float(i > 1)} for i in range(6)], lambda: lambda number, case: Outcome(number, {"b": 2.0})
    found = run_cases(opened, cases, journal, fingerprint="f", pool=Pool(1))
    assert [outcome.figures for outcome in found] == [{"a": 1.0}] * 2 + [{"b": 2.0}] * 4


def _below(number: int) -> list[int]:
    """Return the processes below one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = [number]
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found[1:]


@LINUX
@pytest.mark.slow
def test_a_study_whose_processes_scheduler_and_self_are_killed_gives_the_serial_result(tmp_path):
    words = ["--what=engine", "--count=30", "--kills=3", "--days=14"]
    done = subprocess.run([sys.executable, RELIABILITY / "sweep_kills.py", *words], capture_output=True, cwd=tmp_path)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["equal"], found
    assert (found["scheduler_kills"], found["study_kills"], found["left"]) == (1, 1, 0), found
    assert found["error_told"], found
    assert done.returncode == 0


@LINUX
def test_a_full_disk_ends_a_study_that_goes_on_once_there_is_room(tmp_path):
    words = ["--count=8", "--days=0.5", "--workers=1"]
    done = subprocess.run([sys.executable, RELIABILITY / "full_disk.py", *words], capture_output=True, cwd=tmp_path)
    found = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, found
    assert 0 < found["kept"] < found["rows"] == 8
