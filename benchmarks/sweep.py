"""A study of BSM1 on one process and on two: how much faster, and what a case costs beside its simulation.

Run on a quiet machine with two cores or more::

    python benchmarks/sweep.py [--influent Inf_dry.txt] [--cases 64] [--repeats 3]

The cases change load, temperature, aeration and wastage of BSM1 over 14 d of dry weather, made or from a file of the
benchmark. `speedup` is the time that a case takes on one process over that on two, once they are there;
`speedup_command` the time of the whole command ``asm-hybrid sweep`` with ``--workers 1`` over that with two, in which
both begin for three seconds and write their page. Both of the fastest of the repeats, which take turns.
`overhead_ms` is what a case costs beside its simulation: what is worked out before and behind it, in time of the
processor, and its way through two processes and the journal, measured by cases that do nothing. `rate_per_core` are
cases a second on one core. `load` is that of the machine at the begin: figures of a machine with other work tell
little. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from asm_hybrid.parallel import Evaluate, Outcome, Pool, Progress, Value, run_cases
from asm_hybrid.scenario.subject import load_subject
from asm_hybrid.studies.definition import load_study
from asm_hybrid.studies.designs import make_design
from asm_hybrid.studies.evaluation import Bench, OpenBench, open_bench
from asm_hybrid.sweeps.folder import cases_of
from asm_hybrid.yamlfile import to_yaml

EMPTY = 400
"""Cases that do nothing."""
WORKERS = 2


def content_of(influent: Path | None, cases: int) -> dict[str, Any]:
    """Return the content of the study that is measured."""
    comes_in: dict[str, Any] = {"file": str(influent.absolute())} if influent else {"generate": {"sewage": "settled"}}
    return {
        "scenario": {"days": 14, "influent": comes_in},
        "factors": {
            "load": {"input": "load", "scale": {"uniform": [0.8, 1.2]}},
            "temperature": {"input": "T", "set": {"uniform": [10, 20]}},
            "air": {"input": "tank_[345].kla", "scale": {"uniform": [0.8, 1.2]}},
            "wastage": {"input": "wastage", "scale": {"uniform": [0.7, 1.3]}},
        },
        "design": {"method": "latin_hypercube", "cases": cases, "seed": 1},
        "outputs": {"series": ["effluent.NH4", "effluent.TN"]},
    }


def commanded(content: dict[str, Any], workers: int) -> float:
    """Return how long the whole command takes [s]."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "study.yaml").write_text(to_yaml(content), encoding="utf-8")
        words = ["sweep", "bsm1", "--study", "study.yaml", "--out", "out", "--workers", str(workers)]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "asm_hybrid", *words],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return time.perf_counter() - began


def timed(evaluate: Callable[[], Evaluate], cases: list[Mapping[str, Value]], workers: int) -> tuple[float, float]:
    """Return how long all cases take [s], and how long one of them on average between the first and the last."""
    moments: list[float] = []

    def note(progress: Progress) -> None:
        moments.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        outcomes = run_cases(
            evaluate, cases, Path(folder) / "journal", fingerprint="benchmark", pool=Pool(workers), progress=note
        )
        spent = time.perf_counter() - began
    failed = [outcome for outcome in outcomes if outcome.error]
    assert not failed, failed[0].error
    first, last = moments[workers], moments[-1]
    return spent, (last - first) / (len(moments) - workers - 1)


def nothing() -> Evaluate:
    """Return what evaluates a case that does nothing but give as many figures and series as a real one."""
    import numpy as np

    figures, series = {f"figure {i}": float(i) for i in range(20)}, {n: np.zeros(337) for n in ("a", "b")}
    return lambda case, values: Outcome(case, figures, series)


def beside(bench: Bench, cases: list[Mapping[str, Value]]) -> tuple[float, float]:
    """Return the time of the processor of a case [s], and what of it is neither steady state, simulation nor scores."""
    whole = bare = 0.0
    for values in cases:
        began = time.process_time()
        bench.outcome(0, values)
        whole += time.process_time() - began
        prepared = bench.prepare(values)
        simulation, model = prepared.simulation, prepared.model
        given = simulation.given[-1]
        began = time.process_time()
        simulation.one(given, model, simulation.starts(model, given)[0])
        bare += time.process_time() - began
    return whole / len(cases), (whole - bare) / len(cases)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--influent", type=Path, help="dry-weather influent of BSM1; made without it")
    parser.add_argument("--cases", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    content = content_of(given.influent, given.cases)
    study = load_study(content)
    read = partial(load_subject, "bsm1")
    bench = open_bench(read, "bsm1", study)
    cases = cases_of(make_design(study, bench.factors).cases)
    bench.outcome(0, {})  # what a process does once
    seconds, prepared = beside(bench, cases[:8])
    way = min(timed(nothing, [{"x": float(i)} for i in range(EMPTY)], WORKERS)[1] for _ in range(given.repeats))
    times: dict[int, list[tuple[float, float]]] = {1: [], WORKERS: []}
    for _ in range(given.repeats):
        for workers, found_times in times.items():
            found_times.append((commanded(content, workers), timed(OpenBench(read, "bsm1", study), cases, workers)[1]))
        print(
            "; ".join(f"{n} processes: {t[-1][0]:.1f} s, {t[-1][1]:.3f} s a case" for n, t in times.items()), flush=True
        )
    (one, one_cases), (two, two_cases) = (map(min, zip(*t, strict=True)) for t in times.values())
    found = {
        "speedup": round(one_cases / two_cases, 3),
        "speedup_command": round(one / two, 3),
        "overhead_ms": round(1000 * (prepared + way), 2),
        "rate_per_core": round(1 / one_cases, 3),
        "cases": given.cases,
        "seconds_one": round(one, 2),
        "seconds_two": round(two, 2),
        "cpu_seconds_per_case": round(seconds, 3),
        "prepared_ms": round(1000 * prepared, 2),
        "way_ms": round(1000 * way, 2),
        "load": round(load, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
