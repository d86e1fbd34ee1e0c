"""Cases that processes of a cluster evaluate: dask schedules, tries again and tells; this asks and collects."""

from __future__ import annotations

import asyncio
import queue
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
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
        self._done: queue.SimpleQueue[tuple[int, object]] = queue.SimpleQueue()

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
        rest, out = iter(jobs), dict[int, Future[Any]]()
        self._seen = time.monotonic()
        while self._hand_out(rest, out):
            try:
                number, result = self._done.get(timeout=LOOK)
            except queue.Empty:
                self._look()
                continue
            del out[number]
            yield self._judged(number, result)

    def _hand_out(self, rest: Iterator[Job], out: dict[int, Future[Any]]) -> bool:
        """Hand out cases where few are out; return whether any is."""
        if len(out) <= OUT // 2 and (new := list(islice(rest, OUT - len(out)))):
            group = f"case-{secrets.token_hex(4)}"
            keys = [(group, number) for number, _ in new]
            numbers, cases = zip(*new, strict=True)
            futures = self._client.map(partial(work, self._key), numbers, cases, key=keys, pure=False)
            out |= zip(numbers, futures, strict=True)
            loop: Any = self._client.loop
            for number, future in zip(numbers, futures, strict=True):
                asyncio.run_coroutine_threadsafe(self._bring(number, future), loop.asyncio_loop)
        return bool(out)

    async def _bring(self, number: int, future: Future[Any]) -> None:
        """Wait for what a case gave; where its process ends before that is here, dask has it evaluated again."""
        try:
            result = await self._client.gather(future, asynchronous=True)
        except (Exception, asyncio.CancelledError) as error:  # an error is judged where the others are
            result = error
        self._done.put((number, result))

    def _judged(self, number: int, result: Any) -> Evaluated:
        """Return what became of a case, or say why no case is evaluated any more."""
        if isinstance(result, Evaluated):
            return result
        if isinstance(result, Refused):
            raise _refusal(result)
        if isinstance(result, KilledWorker):
            return not_evaluated(
                number,
                f"its process was ended {result.allowed_failures + 1} times, as the system does where memory runs out\n"
                "  fix: fewer --workers, or more memory; --resume tries it again",
            )
        if isinstance(result, (CancelledError, asyncio.CancelledError, OSError)):
            raise self._lost()
        raise self._unable(result)

    def _look(self) -> None:
        """See whether the cluster is still there, and somebody in it."""
        if self._scheduler.ended or self._client.status not in ("running", "connecting"):
            raise self._lost()
        if self._client.status == "running" and self._client.nthreads():
            self._seen = time.monotonic()
        elif not self._scheduler.patient and time.monotonic() - self._seen > NOBODY:
            raise InputError(
                f"no process has joined the cluster for {NOBODY:.0f} s",
                where=self._scheduler.address,
                expected="processes that evaluate cases",
                fix="begin some, such as `dask worker ADDRESS --nthreads 1`; then go on with --resume",
            )

    def _unable(self, error: object) -> InputError:
        return InputError(
            f"the processes of the cluster cannot evaluate cases ({type(error).__name__}: {error})",
            where=self._scheduler.address,
            expected="processes with the same asm-hybrid as here",
            fix="install the same versions there",
        )

    def _lost(self) -> InputError:
        return InputError("the scheduler of the processes has ended", where=self._scheduler.address, fix=GO_ON)


@contextmanager
def crew_of(scheduler: Scheduler, open_evaluate: OpenEvaluate) -> Iterator[Crew]:
    """Hold a connection to a cluster, whose processes are given what evaluates cases.

    Parameters
    ----------
    scheduler : Scheduler
        Of the cluster.
    open_evaluate : callable
        Gives what evaluates cases.

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
        session = Session(secrets.token_hex(8), open_evaluate, None if scheduler.local else versions())
        try:
            client.register_plugin(session)
            yield Crew(client, scheduler, session.key)
            if not scheduler.local:
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
