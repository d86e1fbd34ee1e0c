"""What a case, a process and a row of a study cost on this machine: the figures that `scale_simulate.py` begins from.

    python benchmarks/scale_measure.py                          # all parts but the long training, about 10 CPU minutes
    python benchmarks/scale_measure.py --parts local journal
    python benchmarks/scale_measure.py --parts training         # trains the quickstart, about 4 CPU minutes
    python benchmarks/scale_measure.py --run runs/quickstart    # cases, forecasts and report of a fitted run, too
    python benchmarks/scale_measure.py --out benchmarks/scale_measured.json

Seconds are those of the processor, since a machine that has other work gives wall time no meaning; where wall time is
meant, a name ends in ``wall_s``. Figures are medians of repeats. The last line is JSON. With `--out`, parts that were
measured replace those of an earlier call in the file, and others stay.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from distributed import Client
from scale_cases import KINDS
from scale_cluster import Pretended, light_cluster, processor

from asm_hybrid.parallel import OpenPool, Outcome, Pool, Value, open_pool
from asm_hybrid.parallel.evaluation import evaluated
from asm_hybrid.parallel.journal import open_journal
from asm_hybrid.parallel.rows import decode

ROOT = Path(__file__).parent.parent
HOURLY, QUARTERS = 337, 1345
"""Values of a series over 14 d, every hour and every 15 min."""
MEGA = 1e6
PROGRAM = (sys.executable, "-c", "import sys; from asm_hybrid.cli import main; main(sys.argv[1:])")

Found = dict[str, Any]


def cases_of(count: int, seconds: float = 0.0) -> list[Mapping[str, Value]]:
    """Return cases with five factors, all different."""
    return [{"seconds": seconds, **{f"factor_{j}": i + j / 10 for j in range(4)}} for i in range(count)]


def child(words: Sequence[str]) -> Found:
    """Run a command and return its processor time, wall time and memory."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, spent = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if process.returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(words)}: {errors.read().decode()[-2000:]}")
    return {"seconds": spent.ru_utime + spent.ru_stime, "wall_s": wall, "memory_mb": spent.ru_maxrss / 1024}


def median_child(words: Sequence[str], repeats: int) -> Found:
    """Return the medians of a command over repeats."""
    found = [child(words) for _ in range(repeats)]
    return {key: statistics.median(each[key] for each in found) for key in found[0]}


def per_case(
    pool: OpenPool, watched: Mapping[str, Sequence[psutil.Process]], count: int, rounds: int, rest: float
) -> Found:
    """Return the processor time of each part for a case that does nothing, without what the part takes at rest [s]."""
    idle = {name: _spent(processes, lambda: time.sleep(rest)) / rest for name, processes in watched.items()}
    found: dict[str, list[float]] = {name: [] for name in [*watched, "wall_s"]}
    for _ in range(rounds):
        before = {name: processor(processes) for name, processes in watched.items()}
        began = time.perf_counter()
        pool.map(cases_of(count))
        wall = time.perf_counter() - began
        for name, processes in watched.items():
            found[name].append((processor(processes) - before[name] - idle[name] * wall) / count)
        found["wall_s"].append(wall / count)
    seconds = {name: statistics.median(values) for name, values in found.items()}
    return {"seconds": seconds, "idle_share": idle}


def _spent(processes: Sequence[psutil.Process], call: Callable[[], object]) -> float:
    before = processor(processes)
    call()
    return processor(processes) - before


def start_part(repeats: int) -> Found:
    """Measure what a process costs before its first case, and the memory that it holds."""
    python = sys.executable
    imports = "import asm_hybrid.parallel.worker, asm_hybrid.scenario.plants, asm_hybrid.training"
    hold = f"{imports}, psutil; print(psutil.Process().memory_full_info().uss)"
    uss = int(subprocess.run([python, "-c", hold], capture_output=True, check=True, text=True, cwd=ROOT).stdout)
    found: Found = {"imports": median_child([python, "-c", imports], repeats) | {"own_mb": uss / MEGA}}
    pools = []
    for _ in range(repeats):
        began = time.perf_counter()
        with open_pool(Pretended(), Pool(workers=2)) as pool:
            pool.map(cases_of(2))
            wall = time.perf_counter() - began
            tree = psutil.Process().children(recursive=True)
            pools.append({"wall_s": wall, "seconds": processor(tree), "memory_mb": _shared(tree)})
    found["pool_of_2"] = {key: statistics.median(each[key] for each in pools) for key in pools[0]}
    return found


def _shared(processes: Sequence[psutil.Process]) -> float:
    """Return the memory of processes, what they share counted once [MB]."""
    return float(sum(process.memory_full_info().pss for process in processes) / MEGA)


def local_part(repeats: int) -> Found:
    """Measure scheduler, client and workers of this machine's own processes, for cases that do nothing."""
    found: Found = {}
    for workers in (2, 4, 8):
        with open_pool(Pretended(), Pool(workers=workers)) as pool:
            pool.map(cases_of(20 * workers))
            holder = psutil.Process().children()[0]
            watched = {"scheduler": [holder], "workers": holder.children(recursive=True), "client": [psutil.Process()]}
            found[str(workers)] = per_case(pool, watched, 600, repeats, 4.0)
        _show(f"{workers} processes of this machine", found[str(workers)])
    return found


def cluster_part(repeats: int) -> Found:
    """Measure the same for a cluster of light workers, without encryption."""
    found = {}
    for workers in (2, 16, 64, 256):
        found[str(workers)] = _light(workers, 0, 1000, repeats)
        _show(f"cluster of {workers} light workers", found[str(workers)])
    return found


def rows_part(repeats: int) -> Found:
    """Measure the same for outcomes of several sizes."""
    found = {}
    for values in (0, 2 * HOURLY, 2 * QUARTERS, 20 * QUARTERS):
        size = len(evaluated(Pretended(values).evaluate, 0, cases_of(1)[0]).row)
        found[str(values)] = _light(8, values, 400, repeats) | {"bytes": size}
        _show(f"rows of {size} bytes", found[str(values)])
    return found


def _light(workers: int, values: int, count: int, repeats: int) -> Found:
    with light_cluster(workers) as light, open_pool(Pretended(values), Pool(cluster=light.address)) as pool:
        pool.map(cases_of(2 * workers))
        watched = {"scheduler": [light.scheduler], "workers": light.workers, "client": [psutil.Process()]}
        return per_case(pool, watched, count, repeats, 12.0 if workers > 64 else 6.0) | {"join_s": light.join}


def handing_part(repeats: int) -> Found:
    """Measure what it takes to hand cases to a scheduler that has no worker."""
    from asm_hybrid.parallel.worker import work

    count = 2000
    found: dict[str, list[float]] = {"scheduler": [], "client": []}
    for _ in range(repeats):
        with light_cluster(0) as light, Client(light.address, set_as_default=False) as client:
            own = [psutil.Process()]
            before, mine = processor([light.scheduler]), processor(own)
            futures = client.map(lambda number, case: work("none", 0, number, case), range(count), cases_of(count))
            while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) < len(futures):
                time.sleep(0.1)
            found["scheduler"].append((processor([light.scheduler]) - before) / count)
            found["client"].append((processor(own) - mine) / count)
    medians = {name: statistics.median(values) for name, values in found.items()}
    print(f"a case that is handed out: scheduler {1e3 * medians['scheduler']:.2f} ms of the processor", flush=True)
    return medians


def _show(what: str, found: Found) -> None:
    parts = ", ".join(f"{name} {1e3 * v:.2f}" for name, v in found["seconds"].items() if name != "wall_s")
    rate, idle = 1 / found["seconds"]["wall_s"], found["idle_share"]["scheduler"]
    print(
        f"{what}: ms of the processor a case: {parts}; {rate:.0f} cases/s; scheduler at rest {100 * idle:.1f} %",
        flush=True,
    )


def journal_part(repeats: int) -> Found:
    """Measure rows: making, reading, writing and bringing them to the disk."""
    found: Found = {"rows": {}}
    cases = cases_of(2000)
    for values in (0, 2 * HOURLY, 2 * QUARTERS):
        encoded, decoded, written, walls = [], [], [], []
        for _ in range(repeats):
            clock = time.process_time()
            rows = [evaluated(Pretended(values).evaluate, i, case) for i, case in enumerate(cases)]
            encoded.append((time.process_time() - clock) / len(rows))
            clock = time.process_time()
            for row in rows:
                decode(row.case, row.row)
            decoded.append((time.process_time() - clock) / len(rows))
            with tempfile.TemporaryDirectory(dir=ROOT) as folder:
                with open_journal(Path(folder) / "journal", "f", cases) as journal:
                    clock, began = time.process_time(), time.perf_counter()
                    for row in rows:
                        journal.take(row)
                    written.append((time.process_time() - clock) / len(rows))
                    walls.append((time.perf_counter() - began) / len(rows))
                size = (Path(folder) / "journal").stat().st_size / len(rows)
        found["rows"][values] = {
            "bytes": size,
            "encode_s": statistics.median(encoded),
            "decode_s": statistics.median(decoded),
            "write_s": statistics.median(written),
            "mb_per_s": size / statistics.median(walls) / MEGA,
        }
        shown = ", ".join(f"{k} {v:.3g}" for k, v in found["rows"][values].items())
        print(f"journal, {values} values of series a case: {shown}", flush=True)
    found["fsync_wall_s"] = _fsync(40)
    print(
        f"fsync: {1e3 * found['fsync_wall_s']['median']:.1f} ms, {1e3 * found['fsync_wall_s']['worst']:.1f} ms at most"
    )
    return found


def _fsync(count: int) -> Found:
    walls = []
    with tempfile.NamedTemporaryFile(dir=ROOT) as file:
        for _ in range(count):
            file.write(b"\0" * 100_000)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            walls.append(time.perf_counter() - began)
    return {"median": statistics.median(walls), "worst": max(walls)}


def page_part(count: int) -> Found:
    """Measure the tables and the page of a study at its end, in a process of its own for the memory."""
    script = Path(__file__).resolve()
    found: Found = {}
    for values in (0, HOURLY):
        found[str(values)] = child([sys.executable, str(script), "--page", str(count), str(values)])
        shown = ", ".join(f"{k} {v:.1f}" for k, v in found[str(values)].items())
        print(f"tables and page of {count} cases, {values} values of each of two series: {shown}", flush=True)
    found["cases"] = count
    return found


def write_page(count: int, values: int) -> None:
    """Write tables and page of a study of made figures, whose series are those of BSM1 in number."""
    from asm_hybrid.report.study_page import write_study_page
    from asm_hybrid.report.study_tables import study_tables
    from asm_hybrid.studies.result import FactorInfo, FigureInfo, StudyResult

    random = np.random.default_rng(1)
    factors = tuple(FactorInfo(f"factor {i}", "-", "uniform") for i in range(5))
    figures = tuple(FigureInfo(f"figure {i}", "g/m3", "made") for i in range(30))
    cube = random.random((count, len(factors)))
    levels = cube @ random.random((len(factors), len(figures)))
    day = np.sin(np.arange(values) * 2 * np.pi / 24)
    outcomes = tuple(
        Outcome(
            i,
            {figure.name: float(levels[i, j]) for j, figure in enumerate(figures)},
            {name: levels[i, 0] + day for name in ("effluent.NH4", "effluent.TN")} if values else {},
        )
        for i in range(count)
    )
    result = StudyResult(
        name="made", subject="bsm1", method="latin_hypercube", seed=1, factors=factors, figures=figures,
        design=pd.DataFrame(cube, columns=[factor.name for factor in factors]), outcomes=outcomes,
        times=np.arange(values) / 24, origin=None, zone="UTC",
        units={"effluent.NH4": "g/m3", "effluent.TN": "g/m3"}, limits={"effluent.TN": 3.0},
        pareto=(("figure 0", "min"), ("figure 1", "min")), base=outcomes[0],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        tables = study_tables(result)
        for name, table in tables.items():
            table.to_csv(Path(folder) / f"{name}.csv", index=False)
        write_study_page(result, Path(folder), tables)


def cases_part(repeats: int) -> Found:
    """Measure cases of several kinds, each in a process of its own."""
    found: Found = {}
    for kind, (subject, _) in KINDS.items():
        if subject == "run" and RUN is None:
            continue
        few = kind in ("bsm1_draws", "run_fitted")
        words = [sys.executable, str(Path(__file__).with_name("scale_cases.py")), kind]
        words += ["--count", "1" if few else str(8 * repeats), *(["--run", str(RUN)] if subject == "run" else [])]
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            sys.exit(f"{kind}: {done.stderr[-2000:]}")
        case = json.loads(done.stdout.splitlines()[-1])
        seconds = case.pop("seconds")
        logarithms = np.log(seconds)
        found[kind] = case | {"seconds": statistics.median(seconds), "spread": float(np.std(logarithms))}
        found[kind]["opening_s"] = max(case["opening_s"] - found[kind]["seconds"], 0.0)  # without the first case
        print(f"{kind}: " + ", ".join(f"{k} {v:.3g}" for k, v in found[kind].items()), flush=True)
    return found


def forecast_part(repeats: int) -> Found:
    """Measure a forecast as a scheduler of tasks calls it, a new process each time."""
    if RUN is None:
        sys.exit("the part forecast needs --run FOLDER")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "forecast"
        words = [*PROGRAM, "forecast", str(RUN), "--data", "data/quickstart/plant.csv", "--out", str(out)]
        found = median_child(words, repeats)
        found["folder_mb"] = _size(out)
    print("forecast: " + ", ".join(f"{k} {v:.3g}" for k, v in found.items()), flush=True)
    return found


def training_part(repeats: int) -> Found:
    """Measure the training of the quickstart, or take what a finished one says of itself."""
    if RUN is not None:
        stages = json.loads((RUN / "summary.json").read_text(encoding="utf-8"))["seconds"]
        found = {"seconds": sum(stages.values()), "folder_mb": _size(RUN), "record": True}
    else:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            found = child([*PROGRAM, "train", "configs/quickstart.yaml", "--out", str(out)])
            found |= {"folder_mb": _size(out), "record": False}
    print(f"quickstart: {found['seconds']:.0f} s, folder {found['folder_mb']:.1f} MB", flush=True)
    return found


def _size(folder: Path) -> float:
    """Return the size of a folder [MB]."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MEGA


LONG = ("forecast", "training")
"""Parts that need a run, or long."""
RUN: Path | None = None
"""Folder of the run whose cases are measured."""
PARTS: dict[str, Callable[[int], Found]] = {
    "cases": cases_part,
    "start": start_part,
    "local": local_part,
    "cluster": cluster_part,
    "rows": rows_part,
    "handing": handing_part,
    "journal": journal_part,
    "page": lambda repeats: page_part(10_000),
    "forecast": forecast_part,
    "training": training_part,
}


def main() -> None:
    """Measure the parts that are asked for; print them, and JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[part for part in PARTS if part not in LONG])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="file that keeps what was measured, and takes it up again")
    parser.add_argument("--run", type=Path, help="folder of a run of configs/quickstart.yaml", metavar="FOLDER")
    parser.add_argument("--page", nargs=2, type=int, metavar=("CASES", "VALUES"), help="write a page, and nothing else")
    arguments = parser.parse_args()
    if arguments.page:
        return write_page(*arguments.page)
    global RUN
    RUN = arguments.run and arguments.run.resolve()
    known = arguments.out is not None and arguments.out.exists()
    found: Found = json.loads(arguments.out.read_text(encoding="utf-8")) if known else {}
    found["machine"] = {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    for part in arguments.parts:
        print(f"{part}; load {os.getloadavg()[0]:.1f}", flush=True)
        found[part] = PARTS[part](arguments.repeats)
        if arguments.out is not None:
            arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
