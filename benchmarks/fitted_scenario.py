"""Time four scenarios of a trained run by this version, and one by an older one, in turn.

Run ``python benchmarks/fitted_scenario.py RUN --old CHECKOUT`` with the folder of a run, such as one of the quickstart,
and a checkout of commit 29c5b70 (``git worktree add CHECKOUT 29c5b70``). The older version simulates one scenario
through torch, and writes series, means and a plot. This one simulates four, each with all seeds, f alone, bands,
indicators, series, plots and a page. Both are whole commands, from the start of Python on; seconds are those of the
processor on one thread, the least of several rounds. ``--old-run`` names a run of the older version where it cannot
read RUN. The last line of the output is JSON: ``ratio_case`` is the older version's scenario over a quarter of this
version's four.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SCENARIOS = {
    "colder": "[{input: T, shift: -4}]",
    "more-load": "[{input: load, scale: 1.3}]",
    "less-oxygen": "[{input: '*.S_O', scale: 0.8}]",
    "older-sludge": "[{input: wastage, scale: 0.8}, {input: 'recycle.*', scale: 1.2}]",
}
CODE = "import sys, torch; torch.set_num_threads(1); from asm_hybrid.cli import main; main(sys.argv[1:])"
HERE = Path(__file__).resolve().parent.parent


def seconds(root: Path, run: Path, scenario: str) -> float:
    """Return the seconds of the processor that ``asm-hybrid simulate`` takes with the code below a folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(scenario, encoding="utf-8")
        command = [sys.executable, "-c", CODE, "simulate", str(run), "--scenario", str(path), "--out", f"{folder}/out"]
        environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run with a hybrid or mechanistic model")
    parser.add_argument("--old", type=Path, required=True, help="checkout of the older version")
    parser.add_argument("--old-run", type=Path, help="run of the older version; RUN without it")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of which the least time counts")
    arguments = parser.parse_args()
    run, old = arguments.run.resolve(), arguments.old.resolve()
    old_run = (arguments.old_run or run).resolve()
    listed = "".join(f"  {name}: {changes}\n" for name, changes in SCENARIOS.items())
    spent: dict[str, list[float]] = {"old": [], "new": []}
    for _ in range(arguments.rounds):
        spent["new"].append(seconds(HERE, run, f"name: four\nscenarios:\n{listed}"))
        spent["old"].append(seconds(old, old_run, f"name: one\nchanges: {SCENARIOS['colder']}\n"))
    one, four = min(spent["old"]), min(spent["new"])
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {run}")
    print(f"one scenario by the older version: {one:.1f} s of the processor, with series, means and a plot")
    print(f"four by this one: {four:.1f} s, with indicators, bands of the seeds, f alone and a page")
    print(
        json.dumps({"ratio_case": one / (four / len(SCENARIOS)), "old_s": one, "new_s": four, "cases": len(SCENARIOS)})
    )


if __name__ == "__main__":
    main()
