"""What optimisation saves: BSM1 in closed loop against its published set points, and the oxygen of a fitted plant.

    python benchmarks/optimise.py [--data FOLDER] [--run RUN] [--out FOLDER] [--stages set_points aeration all]

BSM1 gets the dry weather of the benchmark twice, from the steady state of each case; the last week counts. Three goals
follow each other, so that it can be told what is won by what: the two set points alone, with the aeration of tanks 3
and 4, and with wastage as well. No limit of the effluent may be exceeded for longer, or more often, than with the
published set points. What was found is then tried on rain and storm. With RUN, a run of configs/quickstart.yaml, the
goal configs/goals/quickstart.yaml is done too. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import asm_hybrid as ah

ROOT = Path(__file__).resolve().parents[1]
SET_POINTS = {
    "oxygen": {"input": "oxygen.setpoint", "set": {"uniform": [0.5, 3.0]}},
    "nitrate": {"input": "nitrate.setpoint", "set": {"uniform": [0.3, 4.0]}},
}
AERATION = {f"air_{k}": {"input": f"tank_{k}.kla", "set": {"uniform": [100.0, 300.0]}} for k in (3, 4)}
WASTAGE = {"wastage": {"input": "wastage", "set": {"uniform": [250.0, 450.0]}}}
STAGES: dict[str, tuple[dict[str, Any], int]] = {
    "set_points": (SET_POINTS, 30),
    "aeration": (SET_POINTS | AERATION, 60),
    "all": (SET_POINTS | AERATION | WASTAGE, 70),
}
"""Decisions, and simulations of the search."""
SHOWN = ("OCI", "EQI", "aeration energy", "sludge production", "effluent.NH4 mean", "effluent.TN mean")


def bsm1_goal(data: Path, stage: str) -> dict[str, Any]:
    """Return the goal of a stage."""
    decisions, evaluations = STAGES[stage]
    weather = {name: {"file": str(data / f"bsm1_asm1_Inf_{name}.txt")} for name in ("dry", "rain", "strm")}
    return {
        "name": f"bsm1-{stage.replace('_', '-')}",
        "scenario": {"influent": weather["dry"], "days": 14, "spin_up": 14, "score_from": 7},
        "minimise": "OCI",
        "limits": {"effluent.* violation share": "present", "effluent.* violation occasions": "present"},
        "decisions": decisions,
        "search": {"evaluations": evaluations, "seed": 1},
        "verify": {"rain": {"influent": weather["rain"]}, "storm": {"influent": weather["strm"]}},
    }


def told(found: ah.Optimisation, seconds: float) -> dict[str, Any]:
    """Return what an optimisation gave."""
    optimum = found.found
    table = found.indicators.set_index("indicator")
    return {
        "claim": optimum.claim,
        "gain_percent": [round(100 * share, 2) for share in found.gain],
        "decisions": {
            name: value if isinstance(value, str) else round(value, 4) for name, value in optimum.decisions.items()
        },
        "at_end_of_range": optimum.at_bounds,
        "indicators": {
            name: [round(float(table[case][name]), 3) for case in ("base", "optimum")]
            for name in SHOWN
            if name in table.index
        },
        "exceeded": [limit.name for limit in optimum.limits if not limit.kept],
        "verified": {
            v.name: {
                "gain_percent": [round(100 * share, 2) for share in (v.gain.low, v.gain.high)],
                "exceeded": {x.name: [round(x.present, 3), round(x.optimum, 3)] for x in v.limits if not x.kept},
            }
            for v in optimum.verified
        },
        "evaluations": len(optimum.evaluations),
        "cpu_seconds": round(seconds, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "bsm")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stages", nargs="*", choices=list(STAGES), default=list(STAGES))
    given = parser.parse_args()
    jobs: list[tuple[str, Any, Any]] = [(stage, "bsm1_closed", bsm1_goal(given.data, stage)) for stage in given.stages]
    if given.run is not None:
        jobs.append(("quickstart", given.run, ROOT / "configs" / "goals" / "quickstart.yaml"))
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, subject, goal in jobs:
            began = time.process_time()
            found = ah.optimise(subject, goal, (given.out or Path(temporary)) / name, workers=1)
            results[name] = told(found, time.process_time() - began)
            print(found, flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
