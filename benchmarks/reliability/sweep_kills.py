"""A study whose processes are killed at random, and its scheduler, and itself: it ends with the serial result.

``asm-hybrid sweep`` runs a study of BSM1 in one process, and then on several. Meanwhile this script kills (SIGKILL)
processes that evaluate cases at random instants; once that of the scheduler, where the study must end with an error
that says how to go on; and once the whole study, where its processes must end by themselves. After either the study
goes on with ``--resume``. All tables that it writes at the end are compared to the byte.

    python benchmarks/reliability/sweep_kills.py --count 200 --kills 20 --seed 1

With ``--what engine`` the cases are evaluated by `run_cases` alone, and outcomes are compared to the bit.

The last line is JSON; the exit code is 1 where something is not as it should be. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bsm1_cases import draw_cases, open_bsm1, same

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Pool, run_cases

LONG = 600.0
"""Longest time without a case that is done [s]."""
GONE = 20.0
"""Longest time that processes get to end after the study was killed [s]."""


STUDY = """\
name: killed
scenario: {{days: {days}}}
factors:
  load: {{input: load, scale: {{uniform: [0.8, 1.2]}}}}
  temperature: {{input: T, set: {{uniform: [10, 20]}}}}
design: {{method: latin_hypercube, cases: {count}, seed: {seed}}}
outputs: {{indicators: [EQI, OCI], series: [effluent.S_NH, effluent.TSS], every: 1 h}}
"""
COMMAND = (sys.executable, "-c", "from asm_hybrid.cli import main; main()", "sweep")


@dataclass(frozen=True)
class Kind:
    """What is killed: words that begin it and that go on with it, its journal, how many rows that has at the end."""

    begin: list[str]
    resume: list[str]
    journal: Path
    rows: int
    equal: Callable[[], bool]


def command(folder: Path, given: argparse.Namespace) -> Kind:
    """Run the study in one process by the command, and return how it is run on several."""
    (folder / "study.yaml").write_text(STUDY.format(days=given.days, count=given.count, seed=given.seed))
    words = [*COMMAND, "bsm1", "--study", str(folder / "study.yaml"), "--out"]
    alone, torn = folder / "alone", folder / "torn"
    subprocess.run([*words, str(alone), "--workers", "1"], check=True, capture_output=True)
    workers = ["--workers", str(given.workers)]

    def equal() -> bool:
        names = [sorted(p.name for p in one.iterdir() if p.suffix in {".csv", ".parquet"}) for one in (alone, torn)]
        return names[0] == names[1] and all((alone / n).read_bytes() == (torn / n).read_bytes() for n in names[0])

    rows = given.count + 1  # with the base case
    return Kind(
        [*words, str(torn), *workers], [*COMMAND, "--resume", str(torn), *workers], torn / "journal", rows, equal
    )


def engine(folder: Path, given: argparse.Namespace) -> Kind:
    """Evaluate the cases in this process, and return how they are evaluated on several."""
    cases, evaluate = draw_cases(given.count, given.seed), partial(open_bsm1, given.days)
    serial = run_cases(evaluate, cases, None, fingerprint="", pool=Pool(1))
    words = [sys.executable, __file__, f"--journal={folder / 'journal'}"]
    words += [f"--{name}={getattr(given, name)}" for name in ("count", "seed", "days", "workers")]

    def equal() -> bool:
        return same(serial, study(folder / "journal", given.count, given.seed, given.days, 1))

    return Kind(words, words, folder / "journal", given.count, equal)


def study(journal: Path, count: int, seed: int, days: float, workers: int) -> list[Outcome]:
    """Evaluate the cases that the journal does not have."""
    cases = draw_cases(count, seed)
    fingerprint = f"bsm1 {days} d"
    return run_cases(partial(open_bsm1, days), cases, journal, fingerprint=fingerprint, pool=Pool(workers))


class Watched:
    """A study in another process, with what it has begun."""

    def __init__(self, words: list[str], journal: Path) -> None:
        self.journal = journal
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.holder = 0

    def rows(self) -> int:
        """Return how many cases the journal has."""
        return self.journal.read_bytes().count(b"\n") - 1 if self.journal.exists() else 0

    def wait_for(self, rows: int) -> None:
        """Wait until the journal has so many cases, or the study has ended."""
        last, since = self.rows(), time.monotonic()
        while last < rows and self.process.poll() is None:
            time.sleep(0.02)
            if (now := self.rows()) != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > LONG:
                raise RuntimeError(f"no case was done for {LONG:.0f} s")

    def session(self) -> dict[int, int]:
        """Return the processes that the study holds, each with its parent."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (fields := _fields(entry)):
                found[int(entry.name)] = fields
        holders = [number for number, (parent, _) in found.items() if parent == self.process.pid]
        self.holder = holders[0] if holders else self.holder
        return {number: parent for number, (parent, session) in found.items() if self.holder and session == self.holder}

    def evaluating(self) -> list[int]:
        """Return the processes that evaluate cases: those that one begins that the holder has begun."""
        found = self.session()
        return [number for number, parent in found.items() if parent in found and parent != self.holder]

    def end(self) -> tuple[int, str]:
        """Return the exit code of the study and what it said, once it has ended."""
        _, said = self.process.communicate(timeout=LONG)
        return self.process.returncode, said.decode(errors="replace")

    def gone(self) -> float:
        """Return the time until all that the study held has ended [s]."""
        since = time.monotonic()
        while self.session() and time.monotonic() - since < GONE:
            time.sleep(0.02)
        return time.monotonic() - since


def _fields(entry: Path) -> tuple[int, int] | None:
    try:
        fields = (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (int(fields[1]), int(fields[3]))


def kill(number: int) -> bool:
    """Kill a process; return whether it was still there."""
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def torment(kind: Kind, count: int, kills: int, rng: np.random.Generator) -> dict[str, Any]:
    """Run the study to its end, and kill meanwhile; return what came of it."""
    marks = sorted(int(mark) for mark in rng.integers(1, max(2, int(0.8 * count)), size=kills))
    fatal = {kills // 3: "scheduler", 2 * kills // 3: "study"}
    found: dict[str, Any] = {"worker_kills": 0, "scheduler_kills": 0, "study_kills": 0, "gone_s": 0.0}
    done, told = 0, True
    watched = Watched(kind.begin, kind.journal)
    for i, mark in enumerate(marks):
        watched.wait_for(mark)
        watched.session()
        if i not in fatal:
            time.sleep(float(rng.uniform(0.0, 0.3)))
        if (what := fatal.get(i)) is not None and watched.holder and watched.process.poll() is None:
            kill(watched.holder if what == "scheduler" else watched.process.pid)
            code, said = watched.end()
            told &= what == "study" or (code == InputError.exit_code and "--resume" in said)
            found[f"{what}_kills"] = 1
            found["gone_s"] = max(found["gone_s"], round(watched.gone(), 2))
            watched = Watched(kind.resume, kind.journal)
            watched.wait_for(watched.rows() + 1)
        if victims := watched.evaluating():
            done += kill(int(rng.choice(victims)))
    code, said = watched.end()
    found["worker_kills"] = done
    return found | {"error_told": told, "exit_code": code, "left": len(watched.session()), "said": said[-500:]}


def main() -> int:
    """Run the benchmark, or the study that it kills."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=200, help="cases")
    parser.add_argument("--kills", type=int, default=20, help="processes that are killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=float, default=2.0, help="that a case simulates")
    parser.add_argument("--workers", type=int, default=2, help="processes that evaluate cases")
    parser.add_argument("--what", choices=("sweep", "engine"), default="sweep", help="the command, or its engine alone")
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.journal is not None:
        try:
            study(given.journal, given.count, given.seed, given.days, given.workers)
        except InputError as error:
            print(error, file=sys.stderr)
            return error.exit_code
        return 0
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        kind = (engine if given.what == "engine" else command)(Path(folder), given)
        alone = time.perf_counter() - began
        found = torment(kind, given.count, given.kills, np.random.default_rng(given.seed))
        equal, rows = kind.equal(), kind.journal.read_bytes().count(b"\n") - 1
    result = {
        "what": given.what,
        "cases": given.count,
        **found,
        "equal": equal,
        "rows": rows,
        "serial_s": round(alone, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(result))
    good = equal and found["error_told"] and not found["exit_code"] and not found["left"]
    return 0 if good and rows == kind.rows else 1


if __name__ == "__main__":
    sys.exit(main())
