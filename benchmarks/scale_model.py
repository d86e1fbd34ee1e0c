"""A study with its client, scheduler, network, disk and workers, event by event; see `scale_simulate.py`.

The client hands out cases, collects outcomes, writes the journal. Client, scheduler, network and disk serve one thing
at a time. Workers begin one after the other, read what is studied, evaluate cases, and may die, after which their cases
go to others. Everything follows from the seed.
"""

from __future__ import annotations

import heapq
import math
import random
import statistics
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from asm_hybrid.parallel.crew import OUT
from asm_hybrid.parallel.journal import SYNC
from asm_hybrid.parallel.local_cluster import DEATHS


@dataclass(frozen=True)
class Costs:
    """What things take, in seconds of a processor core unless it says otherwise.

    Attributes
    ----------
    scheduler_submit, scheduler_case, scheduler_byte : float
        Of the scheduler: to take a case, to have it done and told, and for each byte of its outcome.
    scheduler_rest, scheduler_beat : float
        Of the scheduler: share of its time at rest [-], and for a sign of life of a worker.
    scheduler_join : float
        Of the scheduler, for a worker that begins.
    client_submit, client_case, client_byte : float
        Of the client: to hand out a case, to take its outcome and write it, and for each byte of it.
    worker_case : float
        Of a worker, for a case beside its evaluation.
    worker_begin, worker_open : float
        Of a worker: to begin, with its imports, and to read what is studied.
    sync : float
        To bring rows to the disk [s by the clock].
    disk : float
        What the disk takes [byte/s].
    end : float
        Of the client, at the end: tables and page.
    """

    scheduler_submit: float = 0.0
    scheduler_case: float = 0.0
    scheduler_byte: float = 0.0
    scheduler_rest: float = 0.0
    scheduler_beat: float = 0.0
    scheduler_join: float = 0.0
    client_submit: float = 0.0
    client_case: float = 0.0
    client_byte: float = 0.0
    worker_case: float = 0.0
    worker_begin: float = 0.0
    worker_open: float = 0.0
    sync: float = 0.0
    disk: float = math.inf
    end: float = 0.0


@dataclass(frozen=True)
class Setting:
    """A study, and the machines it has.

    Attributes
    ----------
    workers, cases : int
        How many.
    seconds : float
        Mean time of a case [s].
    spread : float
        Standard deviation of its logarithm [-].
    row : int
        Bytes of an outcome.
    bandwidth, latency : float
        Of the network at the scheduler's machine [byte/s], and one way [s].
    begin_rate : float
        Workers that begin in a second [1/s].
    deaths : float
        Of a worker in an hour [1/h].
    restart : float
        Until a worker begins in the place of one that died [s].
    ahead : int
        Cases that a worker holds at most, the one that it evaluates with them.
    out : int
        Cases that the client hands out at most; it hands out more when half of them are back.
    slow : float
        By what factor workers are slower than a core that is free, as where they share one [-].
    seed : int
        Fixes it.
    """

    workers: int
    cases: int
    seconds: float
    spread: float = 0.0
    row: int = 10_000
    bandwidth: float = math.inf
    latency: float = 0.0
    begin_rate: float = math.inf
    deaths: float = 0.0
    restart: float = 30.0
    ahead: int = 2
    out: int = OUT
    slow: float = 1.0
    seed: int = 1


@dataclass
class Server:
    """What serves one thing at a time, in the order in which they come.

    Attributes
    ----------
    share : float
        Of its time that is left for it [-].
    free : float
        Time from which it is free [s].
    busy : float
        Time that it was busy [s].
    """

    share: float = 1.0
    free: float = 0.0
    busy: float = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Serve something that comes now; return when that is done."""
        self.free = max(now, self.free) + seconds / self.share
        self.busy += seconds / self.share
        return self.free


@dataclass
class Worker:
    """A worker.

    Attributes
    ----------
    up : bool
        Whether it lives and has joined.
    opened : bool
        Whether it has read what is studied.
    life : int
        How often it has begun; what was to happen in an earlier life does not.
    held : deque of int
        Cases that it holds, the first of which it evaluates.
    """

    up: bool = False
    opened: bool = False
    life: int = 0
    held: deque[int] = field(default_factory=deque)


@dataclass(frozen=True)
class Study:
    """What became of a study.

    Attributes
    ----------
    wall : float
        From its begin to its end [s].
    collected : list of int
        How often each case was collected.
    failed : int
        Cases that lost too many workers.
    evaluated : float
        Time of all evaluations that came to their end [s].
    deaths : int
        Workers that died.
    busy : dict of str to float
        Share of the time in which each part was busy [-].
    efficiency : float
        Share of the workers' time in which they evaluated cases whose outcome was kept [-].
    rate : float
        Cases that came in between a fifth and seven tenths of them [1/s], without begin and end.
    """

    wall: float
    collected: list[int]
    failed: int
    evaluated: float
    deaths: int
    busy: dict[str, float]
    efficiency: float
    rate: float


def heartbeats(workers: int) -> float:
    """Return how often a scheduler hears of workers that live [1/s].

    dask asks every worker less often the more there are: `distributed.scheduler.heartbeat_interval`.
    """
    interval = 0.5 if workers <= 10 else 1.0 if workers < 50 else 2.0 if workers < 200 else workers / 200 + 1
    return workers / interval


class Simulation:
    """A study, event by event.

    Parameters
    ----------
    costs : Costs
        What things take.
    setting : Setting
        The study.
    """

    def __init__(self, costs: Costs, setting: Setting) -> None:
        self.costs, self.setting = costs, setting
        self._random = random.Random(setting.seed)
        mean = -(setting.spread**2) / 2  # so that the mean is that of the setting
        draws = (self._random.gauss(mean, setting.spread) for _ in range(setting.cases))
        self._seconds = [setting.seconds * math.exp(draw) for draw in draws]
        rest = costs.scheduler_rest + costs.scheduler_beat * heartbeats(setting.workers)
        if rest >= 1:
            raise ValueError("the scheduler has no time left beside signs of life")
        self._scheduler, self._client = Server(1 - rest), Server()
        self._network, self._disk = Server(), Server()
        self._workers = [Worker() for _ in range(setting.workers)]
        self._idle: deque[int] = deque()
        self._ready: deque[int] = deque()
        self._times: list[float] = []
        self._collected, self._deaths = [0] * setting.cases, [0] * setting.cases
        self._handed = self._back = self._failed = self._died = 0
        self._synced = self._end = self._evaluated = 0.0
        self._unwritten = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = count()

    def run(self) -> Study:
        """Let everything happen; return what became of it."""
        self._hand_out(0.0)
        for number in range(self.setting.workers):
            self._at(number / self.setting.begin_rate, self._begin, number)
        while self._back < self.setting.cases:
            now, _, event, arguments = heapq.heappop(self._events)
            event(now, *arguments)
        wall = self._client.serve(self._end, self.costs.end)
        parts = {"scheduler": self._scheduler, "client": self._client, "network": self._network, "disk": self._disk}
        busy = {name: server.busy / wall if wall else 0.0 for name, server in parts.items()}
        time = self.setting.workers * wall
        efficiency = self._evaluated / time if time else 1.0
        first, last = int(0.2 * len(self._times)), int(0.7 * len(self._times))
        spent = self._times[last] - self._times[first]
        rate = (last - first) / spent if spent else math.inf
        return Study(wall, self._collected, self._failed, self._evaluated, self._died, busy, efficiency, rate)

    def _at(self, time: float, event: Callable[..., None], *arguments: Any) -> None:
        heapq.heappush(self._events, (time, next(self._order), event, arguments))

    def _hand_out(self, now: float) -> None:
        """Hand out cases, where half of those that may be out are back."""
        out, most = self._handed - self._back, self.setting.out
        new = range(self._handed, min(self._handed + most - out, self.setting.cases))
        if out > most // 2 or not new:
            return
        self._handed = new.stop
        sent = self._client.serve(now, self.costs.client_submit * len(new))
        self._at(sent + self.setting.latency, self._taken, new)

    def _taken(self, now: float, cases: Sequence[int]) -> None:
        """Let the scheduler take cases."""
        self._at(self._scheduler.serve(now, self.costs.scheduler_submit * len(cases)), self._wait, cases)

    def _wait(self, now: float, cases: Sequence[int]) -> None:
        self._ready.extend(cases)
        self._match(now)

    def _begin(self, now: float, number: int) -> None:
        """Begin a worker, which joins when it has its imports."""
        begun = now + self.costs.worker_begin * self.setting.slow + self.setting.latency
        self._at(begun, self._ask, number)

    def _ask(self, now: float, number: int) -> None:
        self._at(self._scheduler.serve(now, self.costs.scheduler_join), self._join, number)

    def _join(self, now: float, number: int) -> None:
        worker = self._workers[number]
        worker.up, worker.opened = True, False
        worker.life += 1
        if self.setting.deaths:
            life = self._random.expovariate(self.setting.deaths / 3600)
            self._at(now + life, self._die, number, worker.life)
        self._idle.append(number)
        self._match(now)

    def _match(self, now: float) -> None:
        """Send cases that wait to workers with room."""
        while self._ready and self._idle:
            number = self._idle.popleft()
            worker = self._workers[number]
            if not worker.up or len(worker.held) >= self.setting.ahead:
                continue
            worker.held.append(self._ready.popleft())
            if len(worker.held) == 1:
                self._at(now + self.setting.latency, self._start, number, worker.life, worker.held[0])
            if len(worker.held) < self.setting.ahead:
                self._idle.append(number)

    def _start(self, now: float, number: int, life: int, case: int) -> None:
        """Let a worker evaluate a case."""
        worker = self._workers[number]
        if worker.life != life or not worker.up:
            return
        opening = 0.0 if worker.opened else self.costs.worker_open
        worker.opened = True
        took = (opening + self.costs.worker_case + self._seconds[case]) * self.setting.slow
        self._at(now + took, self._done, number, life, case)

    def _done(self, now: float, number: int, life: int, case: int) -> None:
        """Let a worker tell the scheduler of a case, and go on with the next that it holds."""
        worker = self._workers[number]
        if worker.life != life or not worker.up:
            return
        worker.held.popleft()
        self._evaluated += self._seconds[case]
        if worker.held:
            self._start(now, number, life, worker.held[0])
        self._at(now + self.setting.latency, self._told, number, life, case)

    def _told(self, now: float, number: int, life: int, case: int) -> None:
        costs, row = self.costs, self.setting.row
        sent = self._network.serve(now, 2 * row / self.setting.bandwidth)  # to the scheduler, and from it
        told = self._scheduler.serve(sent, costs.scheduler_case + costs.scheduler_byte * row)
        self._at(told, self._known, number, life, case)

    def _known(self, now: float, number: int, life: int, case: int) -> None:
        """Let the scheduler send an outcome on, and give the worker, which has room, another case."""
        if self._workers[number].life == life:
            self._idle.append(number)
        self._match(now)
        self._at(now + self.setting.latency, self._collect, case)

    def _collect(self, now: float, case: int) -> None:
        """Let the client take an outcome and write it."""
        costs = self.costs
        self._at(self._client.serve(now, costs.client_case + costs.client_byte * self.setting.row), self._written, case)

    def _written(self, now: float, case: int) -> None:
        self._collected[case] += 1
        self._finish(now)

    def _finish(self, now: float) -> None:
        """Count a case that is back, bring rows to the disk, and hand out more."""
        self._back += 1
        self._times.append(max(now, self._client.free))
        self._end = max(now, self._client.free)
        self._unwritten += self.setting.row
        if now - self._synced >= SYNC or self._back == self.setting.cases:
            done = self._disk.serve(now, self.costs.sync + self._unwritten / self.costs.disk)
            self._end = self._client.serve(now, done - now)
            self._synced, self._unwritten = now, 0
        self._hand_out(now)

    def _die(self, now: float, number: int, life: int) -> None:
        """Let a worker die; its cases go to others, and another begins in its place."""
        worker = self._workers[number]
        if worker.life != life:
            return
        worker.up = False
        self._died += 1
        lost, worker.held = list(worker.held), deque()
        if lost:  # the one that it evaluated is blamed
            self._deaths[lost[0]] += 1
            if self._deaths[lost[0]] > DEATHS:
                self._failed += 1
                self._collected[lost[0]] += 1
                del lost[0]
                self._finish(now)
        self._ready.extendleft(reversed(lost))
        self._at(now + self.setting.restart, self._begin, number)
        self._match(now)


def simulate(costs: Costs, setting: Setting) -> Study:
    """Simulate a study.

    Parameters
    ----------
    costs : Costs
        What things take.
    setting : Setting
        The study.

    Returns
    -------
    Study
    """
    return Simulation(costs, setting).run()


def limits(costs: Costs, setting: Setting) -> dict[str, float]:
    """Return what each part can do at most [cases/s]."""
    rest = 1 - costs.scheduler_rest - costs.scheduler_beat * heartbeats(setting.workers)
    row = setting.row
    work = (setting.seconds + costs.worker_case) * setting.slow
    scheduler = (costs.scheduler_submit + costs.scheduler_case + costs.scheduler_byte * row) / rest
    client = costs.client_submit + costs.client_case + costs.client_byte * row
    times = {
        "scheduler": scheduler,
        "client": client,
        "network": 2 * row / setting.bandwidth,
        "disk": row / costs.disk,
        "workers": work / setting.workers,
    }
    return {name: 1 / seconds if seconds else math.inf for name, seconds in times.items()}


def costs_of(found: dict[str, Any]) -> Costs:
    """Return costs from what `scale_measure.py` has measured.

    Parameters
    ----------
    found : dict
        What it wrote.

    Returns
    -------
    Costs
    """
    journal, submit = found["journal"], found["handing"]
    rows = list(found["rows"].values())
    sizes = [row["bytes"] for row in rows]
    _, by_byte = _line(sizes, [row["seconds"]["scheduler"] for row in rows])
    _, client_byte = _line(sizes, [row["seconds"]["client"] for row in rows])
    empty = list(found["cluster"].values())
    case, client = (statistics.median(each["seconds"][part] for each in empty) for part in ("scheduler", "client"))
    worker = statistics.median(each["seconds"]["workers"] for each in found["local"].values())
    rest, beat = _line(
        [heartbeats(int(workers)) for workers in found["cluster"]],
        [each["idle_share"]["scheduler"] for each in found["cluster"].values()],
    )
    small = sizes[0]
    written, write_byte = _line(
        [row["bytes"] for row in journal["rows"].values()], [row["write_s"] for row in journal["rows"].values()]
    )
    return Costs(
        scheduler_submit=submit["scheduler"],
        scheduler_case=max(case - submit["scheduler"] - by_byte * small, 0.0),
        scheduler_byte=max(by_byte, 0.0),
        scheduler_rest=max(rest, 0.0),
        scheduler_beat=max(beat, 0.0),
        scheduler_join=statistics.median(each["join_s"] for each in found["cluster"].values()),
        client_submit=submit["client"],
        client_case=max(client - submit["client"] - client_byte * small, 0.0) + max(written, 0.0),
        client_byte=max(client_byte, 0.0) + max(write_byte, 0.0),
        worker_case=worker,
        worker_begin=found["start"]["imports"]["seconds"],
        sync=journal["fsync_wall_s"]["median"],
        disk=1e6 * min(row["mb_per_s"] for row in journal["rows"].values()),
    )


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Return where a line of least squares begins, and its slope."""
    slope, intercept = statistics.linear_regression(x, y)
    return intercept, slope
