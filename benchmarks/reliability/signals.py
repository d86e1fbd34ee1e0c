"""SIGTERM, SIGINT twice, and a terminal that is closed end every command cleanly.

    python benchmarks/reliability/signals.py --count 10

``train``, ``simulate`` with several processes, ``export`` and ``sweep`` run as the command line does it, in a session
of their own, and get their signal at an instant that is uniform over their processor time; every second ``sweep`` has
two processes, and gets it within five seconds after it has begun its folder. Clean means: the exit code
is 130, or 0 where the work was done already; the message says that the command was interrupted and how it goes on; no
traceback is shown; no process and no temporary file is left; a target is absent or whole. What can be resumed is
resumed, and must end with the bits of a run in one go. ``SIGINT twice`` sends the second one a moment after the first;
``SIGHUP`` closes the terminal that the command writes to. In the end two processes resume one run at the same time, and
two one study: one of them must be refused by name, and the other must end as if it had been alone.

The last line is JSON with the counts; the exit code is 1 where something was not clean.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from commands import command, left_over, settled_study, temporary, wait_for, write_subjects
from forked import Ended, run_forked
from small_training import settled

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.training.resume import find_config

SIGNALS = ("SIGTERM", "SIGINT twice", "SIGHUP")
COMMANDS = ("train", "simulate", "export", "sweep")
INTERRUPTED = 130
TARGET = "target"
"""What each command writes."""
Settle = Callable[[Path], dict[str, str]]


@dataclass(frozen=True)
class Subject:
    """Where the commands find what they work on, and what they give in one go: digests and processor time [s]."""

    base: Path
    whole: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def words(self, name: str, workers: int = 1) -> list[str]:
        """Return the words of a command; `workers` are those of a study."""
        run = str(self.base / "run")
        return {
            "train": ["train", str(self.base / "config.yaml"), "--out", TARGET],
            "simulate": ["simulate", run, "--scenario", str(self.base / "scenario.yaml"), "--out", TARGET],
            "export": ["export", run, *(w for f in FORMATS for w in ("--format", f)), "--out", TARGET],
            "sweep": [
                "sweep",
                run,
                "--study",
                str(self.base / "study.yaml"),
                "--out",
                TARGET,
                "--workers",
                str(workers),
            ],
        }[name]


FORMATS = ("bundle", "xlsx", "onnx", "c", "kinetics")
SETTLE: dict[str, Settle] = {"train": settled, "simulate": settled, "export": settled, "sweep": settled_study}


def prepared(base: Path, names: tuple[str, ...]) -> Subject:
    """Make what is needed, and run each command once."""
    write_subjects(base)
    found = Subject(base)
    for name in names:
        folder = base / f"whole-{name}"
        folder.mkdir()
        ended = run_forked(command, found.words(name), folder, secrets.token_hex(8))
        if ended.value != 0:
            raise RuntimeError(f"{name}: {ended}\n{said(folder)}")
        found.whole[name], found.seconds[name] = SETTLE[name](folder / TARGET), ended.seconds
    return found


def said(folder: Path) -> str:
    """Return what a command has printed."""
    return (folder / "said").read_text(encoding="utf-8", errors="replace") if (folder / "said").exists() else ""


class Terminal:
    """A terminal that somebody looks at, until it is closed."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.name = os.ttyname(theirs)
        self._theirs, self._open = theirs, True
        self.shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):
            while self._open and (piece := os.read(self._ours, 4096)):
                self.shown += piece

    def close(self) -> None:
        """Close it, as a lost connection does."""
        if self._open:
            self._open = False
            os.close(self._theirs)
            os.close(self._ours)


def struck(
    subject: Subject, name: str, what: str, folder: Path, rng: np.random.Generator, mark: str, *, two: bool = False
) -> Ended:
    """Run a command, and send its signal; a study with two processes waits for them most of its time."""
    instant, pause, later = subject.seconds[name] * rng.random(), float(rng.uniform(0.0, 0.5)), 5.0 * rng.random()
    terminal = Terminal() if what == "SIGHUP" else None

    def strike(pid: int) -> None:
        if two:
            wait_for(folder / TARGET / "begun.json", pid)
            time.sleep(later)
        with suppress(ProcessLookupError):
            if terminal is not None:
                terminal.close()
            elif what == "SIGTERM":
                os.kill(pid, signal.SIGTERM)
            else:  # as a terminal does it: for all in the foreground
                os.killpg(pid, signal.SIGINT)
                time.sleep(pause)
                os.killpg(pid, signal.SIGINT)

    path = terminal.name if terminal is not None else ""
    try:
        words = subject.words(name, 1 + two)
        return run_forked(command, words, folder, mark, path, instant=0.0 if two else instant, strike=strike)
    finally:
        if terminal is not None:
            terminal.close()


def faults(subject: Subject, name: str, what: str, folder: Path, ended: Ended, mark: str) -> tuple[str, list[str]]:
    """Return how a command ended after its signal, and what was not clean."""
    found, text = [], said(folder)
    if not (folder / "begun").exists():
        return "before", []
    outcome = "finished" if ended.value == 0 else "interrupted"
    if ended.value not in (0, INTERRUPTED):
        found.append(f"exit code {ended.value}, {ended.code}; {ended.fault}")
    if outcome == "interrupted" and what != "SIGHUP" and "interrupted" not in text:
        found.append("the message does not say that it was interrupted")
    if "Traceback" in text or "Error" in text:
        found.append(f"shown: {text[-2000:]}")
    found += [f"left: {process}" for process in left_over(mark)]
    found += [f"left: {path}" for path in temporary(folder)]
    if (folder / "tmp").exists():
        found += [f"left: tmp/{path.name}" for path in (folder / "tmp").iterdir()]
    target = folder / TARGET
    if name in ("train", "sweep"):
        state, more = _resumed(subject, name, folder, text)
        return f"{outcome}, {state}", found + more
    if target.exists() and (name == "export" or outcome == "finished"):
        found += [f"{n} is not whole" for n in _different(subject.whole[name], SETTLE[name](target))]
    return outcome, found


def _different(whole: dict[str, str], found: dict[str, str]) -> list[str]:
    return sorted(n for n in whole.keys() | found.keys() if whole.get(n) != found.get(n))


def _resumed(subject: Subject, name: str, folder: Path, text: str) -> tuple[str, list[str]]:
    """Resume what was stopped; return its state, and what is wrong in the end."""
    target = folder / TARGET
    if name == "train" and not _goes_on(target):
        state = "finished" if (target / "report.html").exists() else "not begun"
        if state == "not begun":
            return state, []
    elif name == "sweep" and not (target / "begun.json").exists():
        return "not begun", []
    else:
        state = "stopped"
        words = [name, "--resume", TARGET, *(["--workers", "1"] if name == "sweep" else [])]
        done = run_forked(command, words, folder, secrets.token_hex(8))
        if done.value != 0:
            return state, [f"resume: {done.value}; {done.fault}; {said(folder)[len(text) :]}"]
    return state, [f"{n} differs at the end" for n in _different(subject.whole[name], SETTLE[name](target))]


def _begun(study: Path) -> bool:
    return (study / "begun.json").exists() and not (study / "summary.json").exists()


def _goes_on(run: Path) -> bool:
    try:
        find_config(run)
    except AsmHybridError:
        return False
    return True


def two_at_once(subject: Subject, name: str, base: Path) -> tuple[str, list[str]]:
    """Stop a command, and resume what it left by two processes at the same time."""
    folder = base / f"two-{name}"
    for attempt in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        run_forked(command, subject.words(name), folder, "two", instant=(0.4 + 0.04 * attempt) * subject.seconds[name])
        if _goes_on(folder / TARGET) if name == "train" else _begun(folder / TARGET):
            break
    words = [name, "--resume", TARGET, *(["--workers", "1"] if name == "sweep" else [])]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: run_forked(command, words, folder, "two"), range(2)))
    codes, text = sorted(int(e.value) for e in ended), said(folder)
    found = [f"{n} differs at the end" for n in _different(subject.whole[name], SETTLE[name](folder / TARGET))]
    if codes == [0, 2] and "is writing it" not in text:
        found.append(f"not refused by name: {text[-1500:]}")
    if codes not in ([0, 2], [0, 0]):  # both, where one has ended before the other began
        found.append(f"exit codes {codes}: {text[-1500:]}")
    return "refused" if codes == [0, 2] else "one after the other", found


def main() -> None:
    """Send so many signals to each command, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10, help="of each signal for each command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--signals", nargs="+", default=list(SIGNALS), choices=SIGNALS)
    arguments = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    wrong, waits = 0, dict[str, float]()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary_name:
        base = Path(temporary_name)
        subject = prepared(base, tuple(arguments.commands))
        tasks = [(n, w, i) for i in range(arguments.count) for n in arguments.commands for w in arguments.signals]
        for name, what, i in tasks:
            rng = np.random.default_rng([arguments.seed, i, COMMANDS.index(name), SIGNALS.index(what)])
            folder, mark = base / f"{name}-{what.replace(' ', '-')}-{i}", secrets.token_hex(8)
            folder.mkdir()
            two = name == "sweep" and i % 2 == 0
            ended = struck(subject, name, what, folder, rng, mark, two=two)
            outcome, found = faults(subject, name, what, folder, ended, mark)
            counts.setdefault(f"{name} {what}", Counter())[outcome] += 1
            waits[name] = max(waits.get(name, 0.0), round(ended.after, 1))
            wrong += _tell(f"{name}, {what}, number {i} ({outcome})", found)
            if not found:
                shutil.rmtree(folder)
        for name in sorted({"train", "sweep"} & set(arguments.commands)):
            outcome, found = two_at_once(subject, name, base)
            counts[f"{name} resumed twice at once"] = Counter([outcome])
            wrong += _tell(f"{name}, resumed twice at once", found)
    print(json.dumps({"counts": {k: dict(c) for k, c in counts.items()}, "longest_s": waits, "faults": wrong}))
    raise SystemExit(bool(wrong))


def _tell(what: str, found: list[str]) -> bool:
    print("\n  ".join([what, *found]), file=sys.stderr, flush=True)
    return bool(found)


if __name__ == "__main__":
    main()
