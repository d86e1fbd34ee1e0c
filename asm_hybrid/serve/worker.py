"""One process beside the server that holds the plants: the server itself knows neither torch nor casadi.

A call names a function of a module and its arguments; both, and what comes back, are pickled. The process starts with
the first call, keeps what it has read and compiled, and ends when nothing has been asked of it for some minutes.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from asm_hybrid.errors import AsmHybridError, InputError, SimulationError

__all__ = ["IDLE", "Fault", "Tell", "Worker", "WorkerEnded"]

IDLE = 180.0
"""Time without a call after which the process ends [s]; it holds some 400 MB, and starts anew in about 3 s."""

Found = TypeVar("Found")
Tell = Callable[[str, float], None]
"""Called with what is done and the share of it."""


class WorkerEnded(SimulationError):
    """The process ended before it answered: somebody stopped it, or the system killed it."""


class Fault(Exception):
    """A fault of the program in the process; the text is that of its traceback."""


class Worker:
    """The process; one call at a time, further ones wait.

    Parameters
    ----------
    idle : float
        Time without a call after which it ends [s].
    """

    def __init__(self, idle: float = IDLE) -> None:
        self._idle = idle
        self._process: Any = None
        self._connection: Connection | None = None
        self._turn: asyncio.Lock | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """Its number; None where it does not run."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    def start(self) -> None:
        """Start the process, if it does not run, without waiting for it."""
        if self.pid is not None:
            return
        self._forget()
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_answer_calls, args=(other,), name="asm-hybrid plants", daemon=True)
        self._process.start()
        other.close()  # so that the end of the process is the end of the pipe

    async def call(self, function: Callable[..., Found], *args: Any, tell: Tell | None = None) -> Found:
        """Return what a function gives in the process.

        Parameters
        ----------
        function : callable
            A function at the top of a module; with ``tell``, it gets that as an argument of this name.
        *args
            Its arguments.
        tell : callable, optional
            Called with what is done and the share of it, in the thread of the page.

        Returns
        -------
        object

        Raises
        ------
        AsmHybridError
            As the function raised it; `WorkerEnded` where the process ended before it answered.
        Fault
            For any other exception.
        """
        task = asyncio.ensure_future(self._call(function, args, tell))
        task.add_done_callback(lambda done: None if done.cancelled() else done.exception())
        return await asyncio.shield(task)  # a page that is closed meanwhile does not leave half an answer in the pipe

    async def _call(self, function: Callable[..., Found], args: tuple[Any, ...], tell: Tell | None) -> Found:
        self._turn = self._turn or asyncio.Lock()
        loop = asyncio.get_running_loop()
        async with self._turn:
            if self._ending is not None:
                self._ending.cancel()
            self._stopped = False
            try:
                heard = None if tell is None else lambda *said: loop.call_soon_threadsafe(tell, *said)
                found: Found = await asyncio.to_thread(self._ask, function, args, heard)
                return found
            finally:
                self._ending = loop.call_later(self._idle, self._rest)

    def stop(self) -> None:
        """End the process at once, and with it the call that is going on."""
        self._stopped = True
        if self._process is not None and self._process.is_alive():
            self._process.kill()

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...], tell: Callable[..., object] | None) -> Any:
        self.start()
        assert self._connection is not None
        try:
            self._connection.send((function, args, tell is not None))
            while True:
                kind, value = self._connection.recv()
                if kind == "tell" and tell is not None:
                    tell(*value)
                elif kind == "found":
                    return value
                elif kind == "input":
                    raise InputError(value["found"], where=value["where"], expected=value["expected"], fix=value["fix"])
                elif kind == "error":
                    raise SimulationError(value)
                elif kind == "fault":
                    raise Fault(value)
        except (EOFError, OSError):
            self._forget()
            how = "it was stopped" if self._stopped else "it was killed, or there was not enough memory"
            raise WorkerEnded(
                f"the process that simulates has ended: {how}\n  fix: nothing that you entered is lost; run it again"
            ) from None

    def _rest(self) -> None:
        if self._turn is not None and not self._turn.locked():
            self.stop()
            self._forget()

    def _forget(self) -> None:
        if self._process is not None:
            self._process.join(timeout=5)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None


def _answer_calls(connection: Connection) -> None:
    """Answer calls until the other end is closed: the main part of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then closes the pipe
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    while True:
        try:
            function, args, telling = connection.recv()
            more = {"tell": lambda text, share: connection.send(("tell", (text, share)))} if telling else {}
            connection.send_bytes(_answer(function, args, more))
        except (EOFError, ConnectionError):
            sys.exit()


def _answer(function: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]) -> bytes:
    """Return what a function gives or raises, pickled."""
    try:
        return pickle.dumps(("found", function(*args, **more)))
    except InputError as error:
        value = {key: getattr(error, key) for key in ("found", "where", "expected", "fix")}
        return pickle.dumps(("input", value))
    except AsmHybridError as error:
        return pickle.dumps(("error", str(error)))
    except ConnectionError:  # the server is gone
        raise
    except Exception:
        return pickle.dumps(("fault", traceback.format_exc()))
