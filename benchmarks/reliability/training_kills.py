"""`kill -9` of trainings at random instants: every resume ends with the same bits, and no folder is corrupt.

    python benchmarks/reliability/training_kills.py --count 1000 --out kills.jsonl

A short training with all stages (see `small_training`) is killed from outside at instants that are uniform over its
processor time, from its begin to the last of the report; half of the kills come up to 5 ms later, so that waits for
the disk are hit too. A training is killed one to five times, each time while it is being resumed. In one of 15 another
process fits the pure neural ODE beside. After each kill the folder is looked at: a file that is there must be whole,
and what a reader accepts as a finished run or a model must be that of the run in one go, to the bit. In the end the run
is resumed and left alone, and every file is compared with the run in one go, report and manifest included; times are
left out. A run that was killed before it began is trained again, as the program then says.

``--out`` keeps one line a training; those that it holds are not done again, so that the script may be killed too.
The last line is JSON with the counts; the exit code is 1 where a resume differs or a folder is corrupt.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forked import kill, run_forked
from small_training import TIMED, leftovers, settled, train_or_resume, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.artefacts import TEMPORARY, UNFINISHED, read_json
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.manifest import MANIFEST
from asm_hybrid.workflow import finished_run

MOST = 5
"""The largest number of kills of a training, one after another."""
BESIDE = 15
"""One of so many trainings has a second process."""
LATER = 0.005
"""The longest time that a kill comes after its instant [s]."""
SLOWER = 1.25
"""Times the processor time of the training in one go, the latest instant: other programs slow a processor down."""
BEGIN = 0.2
"""Processor time that a resumed process takes before it goes on [s]."""
GROWING = (*TIMED, MANIFEST, "weights.safetensors", "metrics.jsonl")
"""Files that a run writes again as it goes on."""


@dataclass
class Course:
    """What became of one training.

    Attributes
    ----------
    seed : int
        Of its instants.
    kills : list of tuple
        Processor time [s], stage, and what the folder was after each kill: ``absent``, ``not begun``, ``stopped``,
        ``finished``.
    faults : list of str
        What was wrong.
    """

    seed: int
    kills: list[tuple[float, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Whole:
    """The training in one go: its folder, its digests, its first predictions, and its processor time [s]."""

    folder: Path
    digests: dict[str, str]
    prediction: bytes
    seconds: float


def predicted(run: Path) -> bytes:
    """Return the prediction of a run over its first knots."""
    return load_model(run).predict(read_inputs(run).iloc[:4]).to_numpy().tobytes()


def trained(folder: Path) -> Whole:
    """Train in one go."""
    folder.mkdir()
    run = folder / "run"
    ended = run_forked(train_or_resume, write_case(folder), run, folder / "stage", False, False)
    if ended.refused or ended.fault:
        raise RuntimeError(ended.refused or ended.fault)
    return Whole(run, settled(run), run_forked(predicted, run).value, ended.seconds)


def in_one_go(base: Path) -> Whole:
    """Train twice without a kill, to see that the same comes of it."""
    first, second = trained(base / "first"), trained(base / "second")
    if first.digests != second.digests:
        raise RuntimeError(f"two trainings differ in {different(first.digests, second.digests)}")
    return second


def different(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the names of files that differ, or that only one has."""
    return sorted(n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n))


def faults_left(run: Path, whole: Whole) -> list[str]:
    """Return what is wrong with a killed folder: files that are not whole, readers that give something else."""
    faults = []
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_dir() or path.name.endswith(TEMPORARY) or name.startswith(UNFINISHED):
            continue
        try:
            content, final = path.read_bytes(), (whole.folder / name).read_bytes()
            if name == "metrics.jsonl":
                if not final.startswith(content):
                    faults.append(f"{name} is no begin of that in one go")
            elif name.endswith(".json"):
                json.loads(content)
            elif name not in GROWING and content != final:
                faults.append(f"{name} differs from that in one go")
        except (OSError, ValueError) as error:
            faults.append(f"{name}: {error}")
    if (run / "report.html").exists() and settled(run)["report.html"] != whole.digests["report.html"]:
        faults.append("report.html differs from that in one go")
    if (run / MANIFEST).exists():  # without it no reader takes the folder
        looked = run_forked(faults_read, run, whole.folder, whole.prediction)
        faults += [*(looked.value or []), *filter(None, [looked.refused, looked.fault])]
    return faults


def faults_read(run: Path, whole: Path, prediction: bytes) -> list[str]:
    """Return what readers give that is not what they give of the run in one go; a refusal is none."""
    faults = []
    try:
        if predicted(run) != prediction:
            faults.append("load_model accepts a model that is not that of the run in one go")
    except AsmHybridError:
        pass
    try:
        found = finished_run(run)
    except AsmHybridError:
        return faults
    if found.summary["scores"] != read_json(whole / "summary.json")["scores"]:
        faults.append("the folder is accepted as a finished run, and has other scores")
    return faults


def kill_later(wait: float, pid: int) -> None:
    """Kill a process after a time by the clock [s]: one that waits for the disk uses no processor time."""
    time.sleep(wait)
    kill(pid)


def state_of(run: Path) -> str:
    """Return what a folder is, by what a user is told of it."""
    if not run.exists():
        return "absent"
    if (run / UNFINISHED / "origin.json").exists():
        return "stopped"
    return "finished" if (run / "report.html").exists() else "not begun"


def course(seed: int, base: Path, whole: Whole) -> Course:
    """Train, kill, look, resume, and compare."""
    rng = np.random.default_rng([27, seed])
    found, folder, beside = Course(seed), base / f"course-{seed}", seed % BESIDE == 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    config, run, noted = write_case(folder), folder / "run", folder / "stage"
    left, resume = SLOWER * whole.seconds, False
    for _ in range(1 + int(rng.integers(MOST))):
        instant, wait = left * rng.random(), LATER * rng.random() * rng.integers(2)
        noted.unlink(missing_ok=True)
        strike = partial(kill_later, wait)
        ended = run_forked(train_or_resume, config, run, noted, beside, resume, instant=instant, strike=strike)
        if not ended.killed:
            found.faults += [f"not killed: {text}" for text in (ended.refused, ended.fault) if text]
            break
        state, stage = state_of(run), noted.read_text(encoding="utf-8") if noted.exists() else "begin"
        found.kills.append((round(instant, 3), stage, state))
        found.faults += [f"after a kill in {stage}: {text}" for text in faults_left(run, whole)]
        if state == "finished":
            break
        if state in ("absent", "not begun"):
            shutil.rmtree(run, ignore_errors=True)
        resume = state == "stopped"
        left = max(left - instant, 0.0) + BEGIN if resume else left
    found.faults += _faults_of_end(config, run, noted, beside, whole)
    if not found.faults:
        shutil.rmtree(folder)
    return found


def _faults_of_end(config: Path, run: Path, noted: Path, beside: bool, whole: Whole) -> list[str]:
    """Bring a run to its end, and compare it with that in one go."""
    if (resume := state_of(run) == "stopped") or not run.exists():
        ended = run_forked(train_or_resume, config, run, noted, beside, resume)
        if ended.refused or ended.fault:
            return [f"the end: {ended.refused or ended.fault}"]
    faults = [f"{name} differs at the end" for name in different(whole.digests, settled(run))]
    return faults + [f"{name} is left" for name in leftovers(run)]


def courses(seeds: list[int], base: Path, workers: int) -> Iterator[Course]:
    """Give the courses as they end; the training in one go comes before."""
    whole = in_one_go(base)
    print(f"in one go: {whole.seconds:.1f} s of processor time", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(course, base=base, whole=whole), seeds)


def tally(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the counts of courses."""
    kills = [tuple(kill) for one in found for kill in one["kills"]]
    return {
        "trainings": len(found),
        "kills": len(kills),
        "killed_again": sum(len(one["kills"]) > 1 for one in found),
        "states": dict(Counter(state for _, _, state in kills)),
        "stages": dict(Counter(stage for _, stage, _ in kills).most_common()),
        "faults": sum(bool(one["faults"]) for one in found),
    }


def main() -> None:
    """Kill so many trainings, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="kills; the last training may be killed once more")
    parser.add_argument("--seed", type=int, default=1, help="of the first training")
    parser.add_argument("--workers", type=int, default=2, help="trainings at once")
    parser.add_argument("--out", type=Path, help="keeps one JSON line a training, and says which are done")
    arguments = parser.parse_args()
    done = arguments.out.read_text(encoding="utf-8").splitlines() if arguments.out and arguments.out.exists() else []
    found = [one for line in done if (one := json.loads(line))["seed"] >= arguments.seed]
    known = {one["seed"] for one in found}
    kills = sum(len(one["kills"]) for one in found)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        seeds = [s for s in range(arguments.seed, arguments.seed + 2 * arguments.count + 2) if s not in known]
        for one in courses(seeds, Path(name), arguments.workers) if kills < arguments.count else ():
            found.append(asdict(one))
            kills += len(one.kills)
            if arguments.out:
                with arguments.out.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(found[-1]) + "\n")
            for fault in one.faults:
                print(f"seed {one.seed}: {fault}", file=sys.stderr, flush=True)
            print(f"{kills} kills, {len(found)} trainings", file=sys.stderr, flush=True)
            if kills >= arguments.count:
                break
    counts = tally(found)
    print(json.dumps(counts))
    raise SystemExit(bool(counts["faults"]))


if __name__ == "__main__":
    main()
