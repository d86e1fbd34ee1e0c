"""The main job, the quickstart from its config to its report, by this version and by an earlier one, in turn.

    python benchmarks/main_job.py [--rounds 1] [--against 29c5b70] [--keep FOLDER]

Every run is a process of its own that does `asm-hybrid train configs/quickstart.yaml`, each version with its own config
and data, with the threads that a user would have: set OMP_NUM_THREADS for both to change that. The earlier version is
taken out of the repository into a temporary folder. Prints stages, wall and processor time, load of the machine, and
the errors of the hybrid on the test block. The last line is JSON: how many times less wall time this version takes, its
wall time, and the largest ratio of its errors to those before, over the variables. With several rounds, medians.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = "import sys; from asm_hybrid.cli import main; main(sys.argv[1:])"
WHERE = "import asm_hybrid; print(asm_hybrid.__file__)"


@dataclass(frozen=True)
class Job:
    """What a run took and found."""

    wall: float
    processor: float
    stages: dict[str, float]
    errors: dict[str, float]


def unpack(commit: str, folder: Path) -> None:
    """Take a version out of the repository."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def run(version: Path, out: Path) -> Job:
    """Train the quickstart of a version."""
    environment = {**os.environ, "PYTHONPATH": str(version)}
    found = subprocess.run([sys.executable, "-c", WHERE], cwd=version, env=environment, capture_output=True, check=True)
    if not Path(found.stdout.decode().strip()).is_relative_to(version):
        sys.exit(f"{found.stdout.decode().strip()} would run, not {version}")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", PROGRAM, "train", "configs/quickstart.yaml", "--out", str(out)]
    done = subprocess.run(command, cwd=version, env=environment, capture_output=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr.decode())
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return Job(
        wall,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        summary["seconds"],
        {name: models["hybrid"]["rmse"] for name, models in summary["scores"]["test"].items()},
    )


def show(name: str, job: Job) -> None:
    """Print a run."""
    load = ", ".join(f"{v:.1f}" for v in os.getloadavg())
    print(f"{name}: {job.wall:.0f} s of wall time, {job.processor:.0f} s of the processor; load {load}")
    for stage, seconds in job.stages.items():
        print(f"  {stage:32}{seconds:8.1f} s")
    print("  RMSE on test, hybrid: " + ", ".join(f"{n} {v:.4g}" for n, v in job.errors.items()), flush=True)


def main() -> None:
    """Run both in turn; print stages and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--against", default="29c5b70", metavar="COMMIT")
    parser.add_argument("--keep", type=Path, help="where the run folders stay", metavar="FOLDER")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'unset')}")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        keep = arguments.keep or base / "runs"
        keep.mkdir(parents=True, exist_ok=True)
        unpack(arguments.against, base / "before")
        jobs: dict[str, list[Job]] = {"before": [], "now": []}
        for turn in range(arguments.rounds):
            for which, version in (("before", base / "before"), ("now", ROOT)):
                jobs[which].append(run(version, keep.resolve() / f"{which}-{turn + 1}"))
                show(f"{arguments.against if which == 'before' else 'this version'}, {turn + 1}", jobs[which][-1])
    walls = {which: statistics.median(job.wall for job in found) for which, found in jobs.items()}
    errors = {
        which: {name: statistics.median(job.errors[name] for job in found) for name in found[0].errors}
        for which, found in jobs.items()
    }
    ratios = {name: errors["now"][name] / value for name, value in errors["before"].items()}
    result = {"ratio_wall": walls["before"] / walls["now"], "wall_s": walls["now"]}
    print(json.dumps(result | {"rmse_ratio_max": max(ratios.values()), "rmse_ratio": ratios}))


if __name__ == "__main__":
    main()
