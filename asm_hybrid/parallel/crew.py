"""Cases that processes of a cluster evaluate: dask schedules, tries again and tells; this asks and collects."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from distributed import Client, Future, KilledWorker, Security
from distributed.utils import silence_logging_cmgr

from asm_hybrid.errors import AsmHybridError, InputError
from asm_hybrid.parallel.evaluation import Evaluated, not_evaluated
from asm_hybrid.parallel.local_cluster import Scheduler
from asm_hybrid.parallel.pool import Job, Jobs, OpenEvaluate
from asm_hybrid.parallel.worker import Refused, Session, versions, work

__all__ = ["Crew", "crew_of"]

OUT = 2000
"""Cases that are handed out at most; the scheduler holds those that wait."""
LOOK = 1.0
"""Time between two looks whether the cluster is still there [s]."""
NOBODY = 120.0
"""Time without any process in a cluster after which the call ends [s]."""
CONNECT = 20.0
"""Longest time until a scheduler answers [s]."""
GO_ON = "see why it ended; then go on with --resume: what came in is kept"


class Crew:
    """Processes of a cluster that evaluate cases.

    Parameters
    ----------
    client : Client
        Connected.
    scheduler : Scheduler
        What it is connected to.
    key : str
        Of the session that its processes were given.
    """

    def __init__(self, client: Client, scheduler: Scheduler, key: str) -> None:
        self._client, self._scheduler, self._key = client, scheduler, key
        self._seen = time.monotonic()

    def __call__(self, jobs: Jobs) -> Iterator[Evaluated]:
        """Evaluate cases.

        Parameters
        ----------
        jobs : iterable of tuple of int and mapping
            Cases with their numbers.

        Yields
        ------
        Evaluated
            As they are done.

        Raises
        ------
        InputError
            When the cluster is lost, or cannot evaluate any case.
        """
        rest, out = iter(jobs), dict[Any, int]()
        done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._seen = time.monotonic()
        while self._hand_out(rest, out, done):
            try:
                found = [done.get(timeout=LOOK)]
            except queue.Empty:
                self._look()
                continue
            while not done.empty():
                found.append(done.get())
            yield from self._collect(found, out, done)

    def _hand_out(
        self,
        rest: Iterator[Job],
        out: dict[Any, int],
        done: queue.SimpleQueue[Future[Any]],
    ) -> bool:
        """Hand out cases where few are out; return whether any is."""
        if len(out) <= OUT // 2:
            new = list(islice(rest, OUT - len(out)))
            group = f"case-{secrets.token_hex(4)}"
            keys = [(group, number) for number, _ in new]
            out |= {key: number for key, (number, _) in zip(keys, new, strict=True)}
            if new:
                call = partial(work, self._key)
                for future in self._client.map(call, *zip(*new, strict=True), key=keys, pure=False):
                    future.add_done_callback(done.put)
        return bool(out)

    def _collect(
        self, found: list[Future[Any]], out: dict[Any, int], done: queue.SimpleQueue[Future[Any]]
    ) -> Iterator[Evaluated]:
        """Give what has come in."""
        good = [future for future in found if future.status == "finished"]
        for future in found:
            if future.status == "error":
                yield self._failed(future, out.pop(future.key))
            elif future.status == "cancelled":
                raise self._lost()
            elif future.status != "finished":  # its process ended in between; it is evaluated again
                future.add_done_callback(done.put)
        try:
            results = self._client.gather(good)
        except Exception as error:  # of many kinds, by the instant at which the connection broke
            raise self._lost() from error
        for future, result in zip(good, results, strict=True):
            if isinstance(result, Refused):
                raise _refusal(result)
            del out[future.key]
            yield result

    def _failed(self, future: Future[Any], number: int) -> Evaluated:
        """Say why a case was not evaluated."""
        error = future.exception()
        if isinstance(error, KilledWorker):
            return not_evaluated(
                number,
                f"its process was ended {error.allowed_failures + 1} times, as the system does where memory runs out\n"
                "  fix: fewer --workers, or more memory; --resume tries it again",
            )
        raise InputError(
            f"the processes of the cluster cannot evaluate cases ({type(error).__name__}: {error})",
            where=self._scheduler.address,
            expected="processes with the same asm-hybrid as here",
            fix="install the same versions there",
        )

    def _look(self) -> None:
        """See whether the cluster is still there, and somebody in it."""
        if self._scheduler.ended or self._client.status not in ("running", "connecting"):
            raise self._lost()
        if self._client.status == "running" and self._client.nthreads():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > NOBODY:
            raise InputError(
                f"no process has joined the cluster for {NOBODY:.0f} s",
                where=self._scheduler.address,
                expected="processes that evaluate cases",
                fix="begin some, such as `dask worker ADDRESS --nthreads 1`; then go on with --resume",
            )

    def _lost(self) -> InputError:
        return InputError("the scheduler of the processes has ended", where=self._scheduler.address, fix=GO_ON)


@contextmanager
def crew_of(scheduler: Scheduler, open_evaluate: OpenEvaluate, *, local: bool) -> Iterator[Crew]:
    """Hold a connection to a cluster, whose processes are given what evaluates cases.

    Parameters
    ----------
    scheduler : Scheduler
        Of the cluster.
    open_evaluate : callable
        Gives what evaluates cases.
    local : bool
        Whether its processes are ours, and end with us.

    Yields
    ------
    Crew

    Raises
    ------
    InputError
        When no scheduler answers.
    """
    security = Security(require_encryption=True, **scheduler.keys) if scheduler.keys else None
    with silence_logging_cmgr("CRITICAL"):
        try:
            client = Client(scheduler.address, security=security, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no scheduler answers ({error})",
                where=scheduler.address,
                expected="the address of a scheduler of dask, such as tcp://HOST:8786",
                fix="see that `dask scheduler` runs there and can be reached",
            ) from error
        session = Session(secrets.token_hex(8), open_evaluate, None if local else versions())
        try:
            client.register_plugin(session)
            yield Crew(client, scheduler, session.key)
            if not local:
                client.unregister_worker_plugin(session.name)
        finally:
            client.close(timeout=1.0)


def _refusal(refused: Refused) -> Exception:
    """Return the error that a process met when it opened what evaluates cases."""
    if refused.exit_code == InputError.exit_code:
        return InputError(refused.reason)
    if refused.exit_code:
        return AsmHybridError(refused.reason)
    return RuntimeError(f"what evaluates cases could not be opened:\n{refused.reason}")
