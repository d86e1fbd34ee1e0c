"""A cluster of processes of this machine, held by a process of its own; see `cluster_process`.

That process is begun by ``python -m``, since `multiprocessing` would want a guarded main part of every script. Nothing
that it writes reaches the terminal, and no Ctrl-C its processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from asm_hybrid.errors import InputError

__all__ = ["KEYS", "NO_PAGE", "ONE_THREAD", "SETTINGS", "Scheduler", "begun_early", "local_scheduler", "modules_of"]

MODULE = "asm_hybrid.parallel.cluster_process"
WORKER = "asm_hybrid.parallel.worker"
"""Module of what the processes do."""
DEATHS = 5
"""Deaths of processes that a case survives; with the next it has failed."""
WAIT = 5.0
"""Longest time that the processes get to end [s]."""
KEYS = ("tls_ca_file", "tls_client_cert", "tls_client_key")
"""What a client needs for an encrypted connection."""
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
NO_PAGE: dict[str, Any] = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""Options of a scheduler that shows its state to nobody else; it opens a port for that all the same."""
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.scheduler.worker-saturation": 1.0,  # what waits stays with the scheduler, and dies with no process
    "distributed.scheduler.worker-ttl": None,  # a long call into C may hold the interpreter for minutes
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.multiprocessing-method": "forkserver" if sys.platform == "linux" else "spawn",
    "distributed.admin.low-level-log-length": 100,  # of events, which hold outcomes
    "distributed.admin.system-monitor.gil.enabled": False,
}


class Scheduler:
    """A scheduler that a client can connect to.

    Parameters
    ----------
    address : str
        Its address.
    keys : mapping of str to str or None
        Those of the encrypted connection; None for what the configuration of dask says.
    process : Popen or None
        The process that holds it, where it is one of ours.
    patient : bool
        Whether to wait for its processes however long that takes, since they stand in a queue.

    Attributes
    ----------
    address, keys, patient
        See above.
    local : bool
        Whether its processes run on this machine, and end with us.
    """

    def __init__(
        self,
        address: str,
        keys: dict[str, str] | None = None,
        process: subprocess.Popen[bytes] | None = None,
        *,
        patient: bool = False,
    ) -> None:
        self.address, self.keys, self.patient, self._process = address, keys, patient, process
        self.local = process is not None

    @property
    def ended(self) -> bool:
        """Whether the process that holds it has ended."""
        return self._process is not None and self._process.poll() is not None


class _Begun:
    """The process of a cluster, which has begun.

    Parameters
    ----------
    workers : int
        How many processes it holds.
    modules : sequence of str
        Modules that are imported once, for all of them, where the system can do that.
    """

    def __init__(self, workers: int, modules: Sequence[str]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="asm-hybrid-", ignore_cleanup_errors=True)
        own: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is for this process, which then ends the others
        if sys.platform == "win32":
            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        scratch = self._scratch.name
        paths = [str(Path(__file__).parents[2]), *(path for path in sys.path if path)]
        words = json.dumps({"workers": workers, "modules": list(modules), "scratch": scratch})
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **ONE_THREAD, "TMPDIR": scratch, "PYTHONPATH": os.pathsep.join(paths)},
                **own,
            )

    @property
    def _errors(self) -> Path:
        return Path(self._scratch.name) / "errors"

    def announced(self) -> Scheduler:
        """Wait for its scheduler; the processes join that one by one.

        Raises
        ------
        InputError
            When it has ended.
        """
        assert self._process.stdout is not None
        import_module("distributed")  # which takes a moment, in both processes at a time
        line = self._process.stdout.readline()
        if not line:
            said = self._errors.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise InputError(
                f"the processes for the cases could not be begun ({said[-1]})",
                fix="see that memory, disk and processes are not used up; --workers 1 needs no other process",
            )
        return Scheduler(**json.loads(line), process=self._process)

    def end(self) -> None:
        """End all its processes at once: they hold nothing that is still wanted."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait(WAIT)
        self._process.stdout.close()
        self._scratch.cleanup()


_early: list[_Begun] = []


@contextmanager
def begun_early(workers: int, modules: Sequence[str]) -> Iterator[None]:
    """Begin before it is known what is wanted, so that other processes import their modules while this one does.

    Parameters
    ----------
    workers : int
        How many processes there will be at most.
    modules : sequence of str
        What they will need.

    Yields
    ------
    None
        The next `local_scheduler` takes what was begun; what none takes ends.
    """
    _early.append(_Begun(workers, [WORKER, *modules]))
    try:
        yield
    finally:
        while _early:
            _early.pop().end()


@contextmanager
def local_scheduler(workers: int, modules: Sequence[str]) -> Iterator[Scheduler]:
    """Hold a scheduler and processes of this machine.

    Parameters
    ----------
    workers : int
        How many processes; those that were begun early may be more.
    modules : sequence of str
        Modules that are imported once, for all of them, where the system can do that.

    Yields
    ------
    Scheduler
        The processes join it one by one.

    Raises
    ------
    InputError
        When they cannot be begun.
    """
    begun = _early.pop() if _early else _Begun(workers, modules)
    try:
        yield begun.announced()
    finally:
        begun.end()


def modules_of(open_evaluate: Callable[..., Any]) -> list[str]:
    """Return the modules that a process needs for cases.

    Parameters
    ----------
    open_evaluate : callable
        Gives what evaluates cases.

    Returns
    -------
    list of str
        Those that it names itself, as far as they can be imported.
    """
    while isinstance(open_evaluate, partial):
        open_evaluate = open_evaluate.func
    home = getattr(open_evaluate, "__module__", None) or type(open_evaluate).__module__
    found = sys.modules.get(home)
    return [WORKER, *([home] if found is not None and getattr(found, "__spec__", None) else [])]
