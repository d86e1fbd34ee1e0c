"""A study of 10,000 cases on up to 1,000 processes, and a fleet of 500 plants: simulated, from measured costs.

    python benchmarks/scale_simulate.py                       # the tables of docs/scale.md, about a minute
    python benchmarks/scale_simulate.py --validate            # real sweeps on this machine beside what is predicted
    python benchmarks/scale_simulate.py --measured FILE       # other costs, from scale_measure.py --out FILE

Costs are those of `scale_measured.json`; network, deaths and how fast a queue begins workers are assumptions, and
options. `scale_model.py` holds the simulation. The last line is JSON, and the same for the same costs and options.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scale_cluster import Pretended, light_cluster
from scale_model import Costs, Setting, Study, costs_of, limits, simulate

from asm_hybrid.parallel import Evaluate, Outcome, Pool, Value, run_cases

MEASURED = Path(__file__).with_name("scale_measured.json")
WORKERS = (1, 2, 16, 64, 256, 1000)
SECONDS = (0.05, 1.0, 60.0)
CASES = 10_000
ENOUGH = 0.9
"""Efficiency below which a bottleneck is said to bite [-]."""
MOST = 4096
"""Workers up to which a bottleneck is sought."""
EVERYTHING = 10**6
"""Cases that are handed out at once, where nothing is held back."""
YEAR = 365.25
"""Days."""


@dataclass(frozen=True)
class Fleet:
    """Plants, and what each of them needs.

    Attributes
    ----------
    plants : int
        How many.
    trainings, forecasts, sweeps : float
        Of a plant in a year.
    cases : int
        Of a sweep.
    """

    plants: int = 500
    trainings: float = 12.0
    forecasts: float = 24 * YEAR
    sweeps: float = 12.0
    cases: int = 200


@dataclass(frozen=True)
class Timed:
    """What evaluates cases, with the time by the clock as one more figure; to be called in each process.

    Attributes
    ----------
    busy : bool
        Whether cases compute or sleep.
    """

    busy: bool

    def __call__(self) -> Evaluate:
        """Return what evaluates a case."""
        inner = Pretended(values=674, busy=self.busy)()

        def evaluate(number: int, case: Mapping[str, Value]) -> Outcome:
            began = time.perf_counter()
            found = inner(number, case)
            return replace(found, figures={**found.figures, "clock": time.perf_counter() - began})

        return evaluate


def table(costs: Costs, common: Setting, seconds: float) -> list[dict[str, Any]]:
    """Simulate a study on more and more workers; print a line for each."""
    print(f"\n{common.cases} cases of {seconds:g} s, rows of {common.row / 1000:g} kB")
    print(f"{'workers':>8}{'hours':>9}{'efficiency':>12}{'scheduler':>11}{'client':>8}{'network':>9}{'disk':>7}  limit")
    rows = []
    for workers in WORKERS:
        setting = replace(common, workers=workers, seconds=seconds)
        found = simulate(costs, setting)
        most = limits(costs, setting)
        first = min(most, key=lambda name: most[name])
        shares = "".join(f"{100 * found.busy[n]:{w}.1f} %" for n, w in zip(found.busy, (9, 6, 7, 5), strict=True))
        print(f"{workers:8}{found.wall / 3600:9.3f}{100 * found.efficiency:10.1f} %{shares}  {first}")
        rows.append({"workers": workers, "hours": found.wall / 3600, "efficiency": found.efficiency, "limit": first})
        rows[-1]["busy"] = found.busy
    return rows


def bottleneck(costs: Costs, common: Setting, seconds: float) -> dict[str, Any]:
    """Find the number of workers from which on fewer than nine tenths of their time goes to cases, and why.

    Workers that begin, deaths and the page at the end are left out: what is sought is where more workers bring no more.
    """
    steady = replace(costs, worker_begin=0.0, worker_open=0.0, end=0.0, scheduler_join=0.0)
    setting = replace(common, seconds=seconds, deaths=0.0, begin_rate=math.inf)

    def study(workers: int, out: int) -> Study:
        return simulate(steady, replace(setting, workers=workers, cases=max(8000, 8 * workers), out=out))

    def enough(workers: int, out: int = setting.out) -> bool:
        return study(workers, out).rate * (seconds + costs.worker_case) / workers >= ENOUGH

    low, high = 1, 2
    while high < MOST and enough(high):
        low, high = high, 2 * high
    if high >= MOST and enough(high):
        return {"workers": None, "part": None, "seconds": seconds}
    while high - low > max(1, low // 20):
        middle = (low + high) // 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    found = study(high, setting.out)
    if enough(high + high // 5, EVERYTHING):
        part = "cases handed out at a time"
    else:
        part = max(found.busy, key=lambda name: found.busy[name])
    return {"workers": high, "part": part, "seconds": seconds, "cases_per_s": found.rate, "busy": found.busy}


def fleet(found: Mapping[str, Any], plan: Fleet) -> dict[str, Any]:
    """Return what a fleet takes in a year, from what was measured of one plant."""
    training, forecast, case = found["training"], found["forecast"], found["cases"]["run"]
    start = found["start"]["imports"]["seconds"] + case["opening_s"]
    hours = {
        "trainings": plan.plants * plan.trainings * training["seconds"] / 3600,
        "forecasts": plan.plants * plan.forecasts * forecast["seconds"] / 3600,
        "sweeps": plan.plants * plan.sweeps * (plan.cases * case["seconds"] + start) / 3600,
    }
    total = sum(hours.values())
    disk = {
        "trainings": plan.plants * plan.trainings * training["folder_mb"] / 1000,
        "forecasts": plan.plants * forecast["folder_mb"] / 1000,
        "sweeps": plan.plants * plan.sweeps * plan.cases * case["bytes"] / 1e9,
    }
    print(f"\na fleet of {plan.plants} plants in a year")
    for name, value in hours.items():
        print(f"{name:>12}{value:12.0f} core hours{disk[name]:10.1f} GB")
    print(f"together {total:.0f} core hours: {total / (24 * YEAR):.2f} cores, day and night")
    return {"core_hours": hours, "cores": total / (24 * YEAR), "disk_gb": disk}


def night(costs: Costs, common: Setting, found: Mapping[str, Any], plan: Fleet) -> list[dict[str, Any]]:
    """Simulate one training of every plant as cases of one study."""
    print(f"\n{plan.plants} trainings at once")
    rows = []
    for workers in (16, 64, 256):
        setting = replace(
            common, workers=workers, cases=plan.plants, seconds=found["training"]["seconds"], spread=0.3, row=3000
        )
        study = simulate(replace(costs, end=0.0), setting)
        print(f"{workers:8}{study.wall / 3600:9.2f} h{100 * study.efficiency:8.1f} %")
        rows.append({"workers": workers, "hours": study.wall / 3600, "efficiency": study.efficiency})
    return rows


def validate(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Run real sweeps on this machine, and predict their time by the clock.

    Cases of half of them compute, of the others sleep. How long a case takes by the clock is taken from the sweep
    itself, since other work on the machine makes that longer; everything else is predicted.
    """
    rows = []
    for busy, seconds, cases in ((False, 0.25, 200), (True, 0.25, 160)):
        for workers in (1, 2, 4):
            rows.append(_compare(found, busy, seconds, cases, workers))
    with light_cluster(64) as light:
        rows.append(_compare(found, False, 1.0, 1000, 64, Pool(cluster=light.address)))
    return rows


def _compare(
    found: dict[str, Any], busy: bool, seconds: float, cases: int, workers: int, pool: Pool | None = None
) -> dict[str, Any]:
    began = time.perf_counter()
    given: Sequence[Mapping[str, Value]] = [{"seconds": seconds, "number": float(i)} for i in range(cases)]
    outcomes = run_cases(Timed(busy), given, None, fingerprint="", pool=pool or Pool(workers=workers))
    wall = time.perf_counter() - began
    clock = [outcome.figures["clock"] for outcome in outcomes]
    mean = statistics.fmean(clock)
    spread = statistics.pstdev([math.log(each) for each in clock])
    costs = costs_of(found)
    begin = 0.0 if pool or workers == 1 else found["start"]["pool_of_2"]["wall_s"]
    if workers == 1:
        costs = replace(Costs(), worker_case=found["journal"]["rows"]["674"]["encode_s"])
    costs = replace(costs, worker_begin=begin, scheduler_join=0.0)
    setting = Setting(workers, cases, mean, spread, row=8500, ahead=2 if pool else 1)
    predicted = simulate(costs, setting).wall
    error = predicted / wall - 1
    what = "compute" if busy else "sleep"
    load = os.getloadavg()[0]
    print(
        f"{workers:3} workers, {cases} cases that {what} {seconds:g} s ({mean:.3f} s by the clock; load {load:.0f}): "
        f"{wall:.1f} s, predicted {predicted:.1f} s ({100 * error:+.0f} %)",
        flush=True,
    )
    return {"workers": workers, "kind": what, "case_s": mean, "wall_s": wall, "predicted_s": predicted, "error": error}


def main() -> None:
    """Print the tables, and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, default=MEASURED)
    parser.add_argument("--validate", action="store_true", help="run real sweeps as well, some minutes")
    parser.add_argument("--bandwidth", type=float, default=1000.0, help="of the network [Mbit/s]")
    parser.add_argument("--latency", type=float, default=0.25, help="of the network, one way [ms]")
    parser.add_argument("--begin-rate", type=float, default=10.0, help="workers that begin in a second")
    parser.add_argument("--deaths", type=float, default=0.01, help="of a worker in an hour")
    parser.add_argument("--row", type=int, default=0, help="bytes of an outcome; that of a BSM1 case without")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = json.loads(arguments.measured.read_text(encoding="utf-8"))
    case = found["cases"]["bsm1"]
    costs = replace(costs_of(found), worker_open=case["opening_s"], end=found["page"]["337"]["seconds"])
    common = Setting(
        workers=1,
        cases=CASES,
        seconds=1.0,
        spread=0.2,
        row=arguments.row or case["bytes"],
        bandwidth=arguments.bandwidth * 125_000,
        latency=arguments.latency / 1000,
        begin_rate=arguments.begin_rate,
        deaths=arguments.deaths,
        seed=arguments.seed,
    )
    result: dict[str, Any] = {"studies": {}, "bottlenecks": []}
    for seconds in SECONDS:
        result["studies"][f"{seconds:g} s"] = table(costs, common, seconds)
    result["studies"]["bsm1"] = table(costs, common, case["seconds"])
    print()
    for seconds in SECONDS:
        first = bottleneck(costs, common, seconds)
        result["bottlenecks"].append(first)
        print(f"cases of {seconds:g} s: {_words(first)}")
    plan = Fleet()
    result["fleet"] = fleet(found, plan) | {"night": night(costs, common, found, plan)}
    if arguments.validate:
        result["validation"] = validate(found)
    print(json.dumps(result))


def _words(first: Mapping[str, Any]) -> str:
    if first["workers"] is None:
        return "no bottleneck up to 4,096 workers"
    return f"{first['part']}, from {first['workers']} workers on ({first['cases_per_s']:.0f} cases/s)"


if __name__ == "__main__":
    main()
