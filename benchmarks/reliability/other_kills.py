"""`kill -9` of an export, a sweep, a diagnosis and a report that is written: absent, the old one, or whole.

    python benchmarks/reliability/other_kills.py --count 100 [--kinds export sweep diagnose report]

Every second one is killed from outside at an instant that is uniform over its processor time, the others within the
moment in which it writes what is seen in the end. After a kill every file at the target is absent, that of before, or
the new one, to the bit, and a reader takes the folder of a run as it was, as it will be, or refuses it with the command
that repairs it. The same call again (a sweep: ``--resume``) ends with the same bits as without a kill, and leaves
nothing temporary. Every second export, and every diagnosis and report, replaces an earlier one. Every tenth sweep has
two processes, which must end with the one that is killed.

The last line is JSON with the counts; the exit code is 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from commands import command, left_over, settled_study, temporary, wait_for, write_subjects
from forked import Ended, kill, run_forked
from small_training import leftovers, settled

from asm_hybrid.artefacts import TEMPORARY, UNFINISHED
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.manifest import REPLACING, replace_files, verify_manifest
from asm_hybrid.report import write_report
from asm_hybrid.workflow import finished_run

KINDS = ("export", "sweep", "diagnose", "report")
TARGET = "target"
FORMATS = ("bundle", "xlsx", "onnx", "c", "kinetics")
SLOWER = 1.25
"""Times the processor time of a call in one go, the latest instant: other programs slow a processor down."""
Found = dict[str, str]
How = dict[str, Any]
"""When and how a process is killed, for `run_forked`; nothing, and it is left alone."""
MOMENTS = {"export": 0.003, "sweep": 0.3, "diagnose": 0.0015, "report": 0.0015}
"""How long they take to write what is seen in the end, about [s]."""


@dataclass(frozen=True)
class Task:
    """One kind of call.

    Attributes
    ----------
    begin : callable
        Prepares a folder, by the number of the case.
    call : callable
        Makes the call in a folder; takes how it is killed, whether it is the second call, and a mark.
    settle : callable
        Gives digests of what is at the target.
    whole, seconds
        Those of a call in one go, and its processor time [s].
    """

    begin: Callable[[Path, int], None]
    call: Callable[[Path, int, How, bool, str], Ended]
    settle: Callable[[Path], Found]
    whole: Found
    seconds: float


def tasks(base: Path, kinds: list[str]) -> dict[str, Task]:
    """Make what is needed, and call each kind once."""
    run = write_subjects(base)
    made = {
        "export": (_old_export(base), _export(run), settled),
        "sweep": (_nothing, _sweep(run, base / "study.yaml"), _settled_as_far),
        "diagnose": (_old_run(run), _diagnose, settled),
        "report": (_old_run(run), _report, settled),
    }
    found = {}
    for kind in kinds:
        begin, call, settle = made[kind]
        folder = base / f"whole-{kind}"
        folder.mkdir()
        begin(folder, 0)
        ended = call(folder, 0, {}, False, secrets.token_hex(8))
        if ended.value != 0:
            raise RuntimeError(f"{kind}: {ended}")
        found[kind] = Task(begin, call, settle, settle(folder / TARGET), ended.seconds)
    return found


def _nothing(folder: Path, number: int) -> None:
    """Prepare nothing."""


def _old_export(base: Path) -> Callable[[Path, int], None]:
    def begin(folder: Path, number: int) -> None:
        if number % 2:
            shutil.copytree(base / "whole-export" / TARGET, folder / TARGET)
            for path in (folder / TARGET).rglob("*"):
                if path.is_file() and path.suffix != ".json":
                    path.write_bytes(path.read_bytes() + b"of before")

    return begin


def _export(run: Path) -> Callable[[Path, int, How, bool, str], Ended]:
    words = ["export", str(run), *(w for f in FORMATS for w in ("--format", f)), "--out", TARGET, "--force"]

    def call(folder: Path, number: int, how: How, again: bool, mark: str) -> Ended:
        return run_forked(command, words, folder, mark, **how)

    return call


def _sweep(run: Path, study: Path) -> Callable[[Path, int, How, bool, str], Ended]:
    def call(folder: Path, number: int, how: How, again: bool, mark: str) -> Ended:
        workers = ["--workers", "2" if number % 10 == 9 and not again else "1"]
        resume = again and (folder / TARGET / "begun.json").exists()
        words = ["--resume", TARGET] if resume else [str(run), "--study", str(study), "--out", TARGET]
        return run_forked(command, ["sweep", *words, *workers], folder, mark, **how)

    return call


def _old_run(run: Path) -> Callable[[Path, int], None]:
    def begin(folder: Path, number: int) -> None:
        target = folder / TARGET
        shutil.copytree(run, target)
        shutil.copy(run.parent / "plant.csv", folder)
        old = {"report.html": (target / "report.html").read_bytes() + b"<!-- of before -->"}
        diagnosis = json.loads((target / "diagnosis.json").read_text(encoding="utf-8"))
        replace_files(target, old | {"diagnosis.json": json.dumps(diagnosis | {"notes": ["of before"]}).encode()})

    return begin


def _diagnose(folder: Path, number: int, how: How, again: bool, mark: str) -> Ended:
    return run_forked(command, ["diagnose", TARGET], folder, mark, **how)


def _report(folder: Path, number: int, how: How, again: bool, mark: str) -> Ended:
    return run_forked(write_again, folder / TARGET, **how)


def write_again(run: Path) -> int:
    """Write the report of a run."""
    write_report(run)
    return 0


def _settled_as_far(folder: Path) -> Found:
    """Return digests of a study, as far as its files are there."""
    if (folder / "summary.json").exists() and (folder / "report.html").exists():
        return settled_study(folder)
    return {n: d for n, d in settled(folder).items() if n not in ("journal", "begun.json", "summary.json")}


def judge(kind: str, task: Task, number: int, seed: int, folder: Path) -> tuple[str, list[str]]:
    """Call, kill, look, call again, and compare."""
    rng = np.random.default_rng([seed, number, KINDS.index(kind)])
    folder.mkdir()
    task.begin(folder, number)
    target, mark = folder / TARGET, secrets.token_hex(8)
    before = settled(target) if target.exists() else {}
    how: How = {"instant": SLOWER * task.seconds * rng.random()}
    if number % 4 in (1, 2):  # with and without an earlier export
        how = {
            "instant": 0.0,
            "strike": partial(kill_at, _begin_of_end(kind, number, target), rng.random() * MOMENTS[kind]),
        }
    ended = task.call(folder, number, how, False, mark)
    if not ended.killed:
        return "not killed", [] if ended.value == 0 else [f"{ended}"]
    found = [f"left: {process}" for process in left_over(mark)]
    now = {n: d for n, d in (task.settle(target) if target.exists() else {}).items() if not _hidden(n)}
    found += [
        f"{name} is neither that of before nor the new one"
        for name, digest in now.items()
        if digest not in (before.get(name), task.whole.get(name))
    ]
    state = "absent" if not now else "of before" if now == before else "new" if now == task.whole else "between"
    if kind in ("diagnose", "report"):
        state += _read(target, found)
    done = task.call(folder, number, {}, True, mark)
    if done.value != 0:
        found.append(f"the second call: {done.value} {done.refused} {done.fault} {_said(folder)}")
        return state, found
    last = task.settle(target)
    found += [
        f"{n} differs at the end" for n in sorted(last.keys() | task.whole.keys()) if last.get(n) != task.whole.get(n)
    ]
    found += [f"left: {path}" for path in {*temporary(folder), *(leftovers(target) if kind != "export" else [])}]
    return state, found


def _begin_of_end(kind: str, number: int, target: Path) -> Path:
    """Return what is there once a call writes what is seen in the end."""
    if kind == "export":
        return target / (".run-export.partial/new/old-0" if number % 2 else "run-bundle")
    return target / ("results.csv" if kind == "sweep" else f"{REPLACING}{TEMPORARY}")


def kill_at(path: Path, wait: float, pid: int) -> None:
    """Kill a process a moment after a file is there [s]."""
    wait_for(path, pid)
    time.sleep(wait)
    kill(pid)


def _hidden(name: str) -> bool:
    """Tell whether a file is none of the result: one on its way, or a lock."""
    return any(part.startswith(".") or part == UNFINISHED for part in Path(name).parts)


def _said(folder: Path) -> str:
    return (folder / "said").read_text(encoding="utf-8", errors="replace")[-1500:] if (folder / "said").exists() else ""


def _read(target: Path, found: list[str]) -> str:
    """Read a run as users do; one that is refused must name the command that repairs it."""
    for reader in (finished_run, verify_manifest):
        try:
            reader(target)
        except AsmHybridError as error:
            if "asm-hybrid diagnose" not in str(error):
                found.append(f"refused without a remedy: {error}")
            return ", to be repaired"
    return ""


def main() -> None:
    """Kill each kind so many times, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10, help="kills of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    arguments = parser.parse_args()
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in arguments.kinds}
    kills, faults = dict.fromkeys(arguments.kinds, 0), 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        base = Path(name)
        made = tasks(base, arguments.kinds)
        for number in range(1, 3 * arguments.count + 3):
            for kind in arguments.kinds:
                if kills[kind] >= arguments.count:
                    continue
                folder = base / f"{kind}-{number}"
                state, found = judge(kind, made[kind], number, arguments.seed, folder)
                counts[kind][state] += 1
                kills[kind] += state != "not killed"
                faults += bool(found)
                print("\n  ".join([f"{kind}, number {number}: {state}", *found]), file=sys.stderr, flush=True)
                if not found:
                    shutil.rmtree(folder)
    print(json.dumps({"kills": kills, "states": {k: dict(c) for k, c in counts.items()}, "faults": faults}))
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
