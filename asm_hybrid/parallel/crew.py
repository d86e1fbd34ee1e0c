"""Cases that processes of a cluster evaluate: dask schedules, tries again and tells; this asks and collects."""

from __future__ import annotations

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
NOBODY = 600.0
"""Time without any process in a cluster after which the call ends [s]; on a busy machine they take minutes to begin."""
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

    Attributes
    ----------
    key : str
        See above.
    """

    def __init__(self, client: Client, scheduler: Scheduler, key: str) -> None:
        self._client, self._scheduler, self.key = client, scheduler, key
        self._call, self._seen = 0, time.monotonic()
        self._came: queue.SimpleQueue[tuple[int, int, object]] = queue.SimpleQueue()

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
        jobs = list(jobs)
        rest, missing = iter(jobs), {number for number, _ in jobs}
        out: dict[int, Future[Any]] = {}
        self._call += 1
        self._seen = time.monotonic()
        while missing:
            self._hand_out(rest, out)
            try:
                call, number, came = self._came.get(timeout=LOOK)
            except queue.Empty:
                self._look()
                continue
            if call != self._call:  # the last signs of cases of a call before
                continue
            if isinstance(came, Evaluated):
                found: Evaluated | None = came
            else:
                found = self._ended(number, came, missing)
                del out[number]
            if found is not None and found.case in missing:
                missing.remove(found.case)
                yield found

    def _hand_out(self, rest: Iterator[Job], out: dict[int, Future[Any]]) -> None:
        """Hand out cases where few are out."""
        if len(out) <= OUT // 2 and (new := list(islice(rest, OUT - len(out)))):
            group = f"case-{secrets.token_hex(4)}"
            keys = [(group, number) for number, _ in new]
            numbers, cases = zip(*new, strict=True)
            futures = self._client.map(partial(work, self.key, self._call), numbers, cases, key=keys, pure=False)
            out |= zip(numbers, futures, strict=True)
            for number, future in zip(numbers, futures, strict=True):
                future.add_done_callback(partial(self._end, self._call, number))

    def take(self, event: tuple[float, tuple[int, int, tuple[Any, ...]]]) -> None:
        """Take what a process sent."""
        call, number, content = event[1]
        self._came.put(
            (call, number, Evaluated(*content) if len(content) == len(Evaluated._fields) else Refused(*content))
        )

    def _end(self, call: int, number: int, future: Future[Any]) -> None:
        """Note that a case has ended."""
        ended: BaseException | None = None
        if future.cancelled():
            ended = CancelledError()
        elif future.status == "error":
            ended = future.exception()
        self._came.put((call, number, ended))

    def _ended(self, number: int, error: object, missing: set[int]) -> Evaluated | None:
        """Return what became of a case that gave nothing, or say why no case is evaluated any more."""
        if isinstance(error, Refused):
            raise _refusal(error)
        if isinstance(error, KilledWorker):
            return not_evaluated(
                number,
                f"its process was ended {error.allowed_failures + 1} times, as the system does where memory runs out\n"
                "  fix: fewer --workers, or more memory; --resume tries it again",
            )
        if isinstance(error, CancelledError) or (error is None and number in missing):
            raise self._lost()
        if error is not None:
            raise self._unable(error)
        return None

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
            crew = Crew(client, scheduler, session.key)
            client.subscribe_topic(session.key, crew.take)
            client.register_plugin(session)
            yield crew
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
