"""Cases of studies by kind, as a process evaluates them one after the other: processor time, memory, size of the row.

    python benchmarks/scale_cases.py bsm1 --count 20
    python benchmarks/scale_cases.py run --run runs/quickstart

The last line is JSON: seconds of the processor for the imports, for reading what is studied with the first case, for
each later case; memory; bytes of a row. `scale_measure.py` calls this script, so that every kind has its own process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

LOAD: dict[str, Any] = {
    "load": {"input": "load", "scale": {"uniform": [0.8, 1.2]}},
    "water": {"input": "Q_in", "scale": {"uniform": [0.9, 1.1]}},
}
FITTED: dict[str, Any] = {"fitted": {"parameters": "fitted"}, **LOAD}
HOURLY: dict[str, Any] = {"indicators": "all", "series": ["effluent.S_NH", "effluent.TN"], "every": "1 h"}
GENERATED: dict[str, Any] = {"days": 14, "influent": {"generate": {}}}
VOLUME: dict[str, Any] = {"volume": {"key": "plant.tanks.tank_3.volume", "scale": {"uniform": [0.8, 1.2]}}}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "bsm1_constant": ("bsm1", {"scenario": {"days": 14}, "factors": LOAD}),
    "bsm1": ("bsm1", {"scenario": GENERATED, "factors": LOAD}),
    "bsm1_volume": ("bsm1", {"scenario": GENERATED, "factors": LOAD | VOLUME}),
    "bsm1_closed": ("bsm1_closed", {"scenario": GENERATED, "factors": LOAD}),
    "bsm1_draws": (
        "bsm1",
        {"scenario": GENERATED | {"process_noise": {"S_NH": "5 %"}, "draws": 20}, "factors": LOAD},
    ),
    "run": ("run", {"factors": LOAD}),
    "run_fitted": ("run", {"factors": FITTED}),
}
"""Subject and study by kind. Of a run its test block is simulated, with all its seeds."""


def main() -> None:
    """Evaluate cases of one kind; print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--run", type=Path, help="folder of a run, for the kinds that have one")
    arguments = parser.parse_args()
    before = time.process_time()
    from asm_hybrid.parallel.evaluation import evaluated
    from asm_hybrid.parallel.rows import decode
    from asm_hybrid.scenario.fitted_subject import load_fitted
    from asm_hybrid.scenario.subject import load_subject
    from asm_hybrid.studies.definition import load_study
    from asm_hybrid.studies.designs import make_design
    from asm_hybrid.studies.evaluation import open_bench

    imports = time.process_time() - before
    subject, content = KINDS[arguments.kind]
    if subject == "run" and arguments.run is None:
        sys.exit("this kind needs --run FOLDER")
    name = str(arguments.run) if subject == "run" else subject
    count = arguments.count + 1
    design = {"method": "latin_hypercube", "cases": count, "seed": 1}
    outputs = HOURLY if subject != "run" else {"indicators": "all"}
    before = time.process_time()
    study = load_study({"name": "measured", "design": design, "outputs": outputs, **content})
    load = partial(load_fitted, arguments.run) if subject == "run" else partial(load_subject, name)
    bench = open_bench(load, name, study)
    cases = make_design(study, bench.factors).cases.to_dict("records")
    rows = [evaluated(bench.outcome, 0, {str(k): v for k, v in cases[0].items()})]
    opening = time.process_time() - before
    seconds = []
    for number, case in enumerate(cases[1:], start=1):
        before = time.process_time()
        rows.append(evaluated(bench.outcome, number, {str(k): v for k, v in case.items()}))
        seconds.append(time.process_time() - before)
    failed = [error for row in rows if (error := decode(row.case, row.row).error)]
    if failed:
        sys.exit(f"{len(failed)} of {count} cases failed: {failed[0]}")
    memory = psutil.Process().memory_full_info()
    found = {
        "imports_s": imports,
        "opening_s": opening,
        "seconds": seconds,
        "rss_mb": memory.rss / 1e6,
        "own_mb": memory.uss / 1e6,
        "bytes": len(rows[-1].row),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
