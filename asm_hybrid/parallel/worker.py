"""What a process of a cluster does: it opens what evaluates cases at its first case, and keeps it."""

from __future__ import annotations

import hashlib
import platform
import socket
import threading
import traceback
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import cloudpickle
from distributed import Worker, WorkerPlugin, get_worker

from asm_hybrid.errors import AsmHybridError, InputError
from asm_hybrid.parallel.evaluation import evaluated
from asm_hybrid.parallel.outcome import Value
from asm_hybrid.parallel.pool import Evaluate, OpenEvaluate
from asm_hybrid.parallel.side_processes import end_with_parent

__all__ = ["Refused", "Session", "versions", "work"]

PACKAGES = ("asm-hybrid", "numpy", "scipy", "casadi", "torch", "pandas")
"""Packages that decide the bits of results."""


class Refused(NamedTuple):
    """Why a process evaluates no case at all.

    Attributes
    ----------
    reason : str
        In words for the user, or the traceback of a fault.
    exit_code : int
        That of the error; 0 for a fault.
    """

    reason: str
    exit_code: int


class Session(WorkerPlugin):
    """What every process of a cluster is given when it joins.

    Parameters
    ----------
    key : str
        Of this session.
    open_evaluate : callable
        Gives what evaluates cases.
    versions : mapping of str to str or None
        Those of the process that asks, which a process on another machine must have, too; None on this machine.
    """

    def __init__(self, key: str, open_evaluate: OpenEvaluate, versions: Mapping[str, str] | None) -> None:
        self.name, self.key, self.versions = f"asm-hybrid-{key}", key, versions
        self.content = cloudpickle.dumps(open_evaluate)

    def setup(self, worker: Worker) -> None:
        """Keep what is needed, and open nothing yet, since this must not take long."""
        if self.versions is None:
            end_with_parent()
        _SESSIONS[self.key] = self

    def teardown(self, worker: Worker) -> None:
        """Forget it."""
        _SESSIONS.pop(self.key, None)
        _OPENED.pop(self.key, None)


_SESSIONS: dict[str, Session] = {}
_OPENED: dict[str, Evaluate | Refused] = {}
_ONE = threading.Lock()
"""Cases of a process follow each other, however many threads it has."""


def work(key: str, call: int, number: int, case: Mapping[str, Value]) -> None:
    """Evaluate a case, and send what became of it.

    It is sent as an event and not returned: a value that is returned stays here until somebody asks for it, and nobody
    is answered while the next case holds the interpreter.

    Parameters
    ----------
    key : str
        Of the session, under which events are told.
    call : int
        Number of the set of cases.
    number : int
        The number of the case.
    case : mapping of str to float or str
        The values of its factors.
    """
    with _ONE:
        if key not in _OPENED:
            _OPENED[key] = _opened(_SESSIONS[key])
        evaluate = _OPENED[key]
        found = evaluate if isinstance(evaluate, Refused) else evaluated(evaluate, number, case)
    get_worker().log_event(key, (call, number, tuple(found)))


def _opened(session: Session) -> Evaluate | Refused:
    if session.versions is not None and (refused := _other_versions(session.versions)):
        return refused
    try:
        open_evaluate: OpenEvaluate = cloudpickle.loads(session.content)
        return open_evaluate()
    except AsmHybridError as error:
        return Refused(str(error), error.exit_code)
    except Exception:
        return Refused(traceback.format_exc(), 0)


def _other_versions(wanted: Mapping[str, str]) -> Refused | None:
    own = versions()
    others = [f"{name} {own[name]} (here {wanted[name]})" for name in wanted if own.get(name) != wanted[name]]
    if not others:
        return None
    error = InputError(
        f"a process of the cluster has other versions: {', '.join(others)}",
        where=socket.gethostname(),
        expected="the same versions on all machines, so that results do not depend on where they were computed",
        fix="install the same versions there",
    )
    return Refused(str(error), error.exit_code)


def versions() -> dict[str, str]:
    """Return the versions of all that decides the bits of results.

    Returns
    -------
    dict of str to str
        By name, with a digest of the files of asm-hybrid, since its version may be the same for other files.
    """
    found: dict[str, str] = {"Python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.suffix in {".py", ".yaml"}):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return found | {"files of asm-hybrid": digest.hexdigest()[:12]}
