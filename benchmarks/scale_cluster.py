"""A scheduler of dask with many light workers on this machine, to measure what a case costs beside its evaluation.

    python benchmarks/scale_cluster.py scheduler
    python benchmarks/scale_cluster.py workers ADDRESS COUNT

The scheduler is dask's own, as it comes, in a process by itself. The workers are dask's own, too, but many of them live
in one process, so that hundreds fit on a machine; their cases do nothing or sleep. `scale_measure.py` reads the
processor time of each process from the system.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from asm_hybrid.parallel import Evaluate, Outcome, Value

QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "10 s",
    "distributed.admin.tick.limit": "1 h",
    "distributed.admin.system-monitor.interval": "10 s",
    "distributed.admin.system-monitor.gil.enabled": False,
}
FIGURES = 30
"""Figures of a case, about what a study keeps when it is asked for all indicators."""


@dataclass(frozen=True)
class Pretended:
    """Cases that take a given time and give outcomes of a given size; to be called in each process.

    Attributes
    ----------
    values : int
        Values of the only series; none with 0.
    busy : bool
        Whether the time of a case, its factor ``seconds``, is spent computing and not sleeping.
    """

    values: int = 0
    busy: bool = False

    def __call__(self) -> Evaluate:
        """Return what evaluates a case."""
        return self.evaluate

    def evaluate(self, number: int, case: Mapping[str, Value]) -> Outcome:
        """Take the time of a case."""
        seconds = float(case.get("seconds", 0.0))
        if self.busy:
            until = time.thread_time() + seconds
            while time.thread_time() < until:
                pass
        elif seconds:
            time.sleep(seconds)
        figures = {f"indicator number {i:02}": number + i / 7 for i in range(FIGURES)}
        series = {"effluent.NH4": np.sin(np.arange(self.values) + number)} if self.values else {}
        return Outcome(number, figures, series)


@dataclass(frozen=True)
class Light:
    """A scheduler that runs, and processes full of workers.

    Attributes
    ----------
    address : str
        Of the scheduler.
    scheduler : Process
        Holds it.
    workers : tuple of Process
        Hold the workers.
    join : float
        Processor time of the scheduler for a worker that joins [s].
    """

    address: str
    scheduler: psutil.Process
    workers: tuple[psutil.Process, ...]
    join: float


@contextmanager
def light_cluster(workers: int, each: int = 64) -> Iterator[Light]:
    """Hold a scheduler and light workers.

    Parameters
    ----------
    workers : int
        How many.
    each : int
        Most of them in one process.

    Yields
    ------
    Light
    """
    begun: list[subprocess.Popen[str]] = []
    try:
        begun.append(scheduler := _begin("scheduler"))
        address = _said(scheduler)
        before = processor([psutil.Process(scheduler.pid)])
        for first in range(0, workers, each):
            begun.append(_begin("workers", address, str(min(each, workers - first))))
        for process in begun[1:]:
            _said(process)
        found = [psutil.Process(process.pid) for process in begun]
        join = (processor(found[:1]) - before) / max(workers, 1)
        yield Light(address, found[0], tuple(found[1:]), join)
    finally:
        for process in reversed(begun):
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)
            process.kill()
            process.wait()


def processor(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time that processes have taken so far [s]."""
    times = [process.cpu_times() for process in processes]
    return float(sum(t.user + t.system for t in times))


def _begin(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).resolve()), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise RuntimeError("a process of the cluster has ended at once")
    return line


async def _until_closed() -> None:
    """Wait for the end of the standard input, which ends with the process that asked for this one."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def _schedule() -> None:
    """Hold a scheduler as `dask scheduler` does."""
    from distributed import Scheduler

    async with Scheduler(host="127.0.0.1", dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await _until_closed()


async def _work(address: str, count: int) -> None:
    """Hold workers, whose cases do not wait for each other."""
    from distributed import Worker

    import asm_hybrid.parallel.worker as own

    own._ONE = nullcontext()  # type: ignore[assignment]  # one case at a time is for real workers, a process each
    workers = [Worker(address, nthreads=1, memory_limit=0, host="127.0.0.1", dashboard=False) for _ in range(count)]
    for i in range(0, count, 16):
        await asyncio.gather(*workers[i : i + 16])
    print("ready", flush=True)
    await _until_closed()


def main() -> None:
    """Hold a part of a cluster until the standard input ends."""
    import dask

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("scheduler", "workers"))
    parser.add_argument("address", nargs="?")
    parser.add_argument("count", nargs="?", type=int, default=1)
    arguments = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))  # where the workers find this module
    dask.config.set({"logging.distributed": "critical"})
    if arguments.part == "workers":  # what every worker does again and again would keep this process busy
        dask.config.set(QUIET)
    asyncio.run(_schedule() if arguments.part == "scheduler" else _work(arguments.address, arguments.count))


if __name__ == "__main__":
    main()
