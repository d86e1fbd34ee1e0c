"""A cluster of processes of this machine, held by a process of its own.

That process is begun by ``python -m``, since `multiprocessing` would want a guarded main part of every script; nothing
that it writes reaches the terminal, and no Ctrl-C its processes. It ends when its standard input does, and so when the
process that began it ends in whatever way, and takes its processes with it. Connections are encrypted, and the keys
are known to these processes alone: whoever could connect could run code.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
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

__all__ = ["Scheduler", "local_scheduler", "main", "modules_of"]

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
SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.scheduler.worker-saturation": 1.0,  # what waits stays with the scheduler, and dies with no process
    "distributed.scheduler.worker-ttl": None,  # a long call into C may hold the interpreter for minutes
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.multiprocessing-method": "forkserver" if sys.platform == "linux" else "spawn",
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
    """

    def __init__(
        self, address: str, keys: dict[str, str] | None = None, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.address, self.keys, self._process = address, keys, process

    @property
    def ended(self) -> bool:
        """Whether the process that holds it has ended."""
        return self._process is not None and self._process.poll() is not None


@contextmanager
def local_scheduler(workers: int, modules: Sequence[str]) -> Iterator[Scheduler]:
    """Hold a scheduler and processes of this machine.

    Parameters
    ----------
    workers : int
        How many processes.
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
    with tempfile.TemporaryDirectory(prefix="asm-hybrid-", ignore_cleanup_errors=True) as scratch:
        process = _begin(workers, modules, Path(scratch))
        try:
            import_module("distributed")  # which takes a moment, in both processes at a time
            yield _announced(process, Path(scratch))
        finally:
            _end(process)


def _begin(workers: int, modules: Sequence[str], scratch: Path) -> subprocess.Popen[bytes]:
    own: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is for this process, which then ends the others
    if sys.platform == "win32":
        own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    paths = [str(Path(__file__).parents[2]), *(path for path in sys.path if path)]
    words = json.dumps({"workers": workers, "modules": list(modules), "scratch": str(scratch)})
    with (scratch / "errors").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **ONE_THREAD, "TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(paths)},
            **own,
        )


def _announced(process: subprocess.Popen[bytes], scratch: Path) -> Scheduler:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        said = (scratch / "errors").read_text(errors="replace").strip().splitlines() or ["it said nothing"]
        raise InputError(
            f"the processes for the cases could not be begun ({said[-1]})",
            fix="see that memory, disk and processes are not used up; --workers 1 needs no other process",
        )
    return Scheduler(**json.loads(line), process=process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the processes at once: they hold nothing that is still wanted."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait(WAIT)
    process.stdout.close()


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


def main() -> None:
    """Hold a scheduler and its processes until the standard input ends; the words of the command line say how many."""
    import dask
    from distributed import LocalCluster, Security
    from distributed.utils import get_mp_context

    words = json.loads(sys.argv[1])
    dask.config.set({**SETTINGS, "temporary-directory": words["scratch"]})
    context = get_mp_context()
    if sys.platform == "linux":
        context.set_forkserver_preload(words["modules"])
    security = Security.temporary()
    cluster = LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
        security=security,
        silence_logs=logging.CRITICAL,
        death_timeout=60,
    )
    cluster.scale(words["workers"])
    keys = {name: getattr(security, name) for name in KEYS}
    print(json.dumps({"address": cluster.scheduler_address, "keys": keys}), flush=True)
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    shutil.rmtree(words["scratch"], ignore_errors=True)
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
