"""The runs in a folder, and what became of each: read from small files, without what trains them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import UNFINISHED, read_json
from asm_hybrid.errors import InputError
from asm_hybrid.locking import held_by
from asm_hybrid.manifest import MANIFEST

__all__ = ["STATES", "RunEntry", "list_runs", "look_at"]

STATES: Mapping[str, str] = {
    "running": "running",
    "stopping": "stopping",
    "finished": "finished",
    "stopped": "stopped, can go on",
    "ended": "stopped early, cannot go on",
    "failed": "failed",
    "gone": "deleted",
}
"""What may have become of a run, in words."""
CONFIG, SUMMARY, METRICS, PREDICTIONS = "config.yaml", "summary.json", "metrics.jsonl", "predictions.csv"
ORIGIN, LOCK = "origin.json", "lock"
"""In `UNFINISHED`: what an unfinished run goes on from, and what its process holds."""

_known: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}
"""What the summaries said when they were read last, with time and size of the file."""


@dataclass(frozen=True)
class RunEntry:
    """A run in the list.

    Attributes
    ----------
    folder : Path
        Its folder.
    state : str
        One of `STATES`.
    created : str
        When it was made (ISO 8601); empty where that is not known.
    verdict : str
        Its verdict in a sentence; empty without one.
    holder : str
        The process that writes it, in words; empty where none does.
    message : str
        Why it failed, where that is known.
    """

    folder: Path
    state: str
    created: str = ""
    verdict: str = ""
    holder: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def openable(self) -> bool:
        """Whether the page of the run has something to show."""
        return self.state == "finished"


def list_runs(folder: Path) -> list[RunEntry]:
    """Return the runs in a folder, the latest first.

    Parameters
    ----------
    folder : Path
        The folder; what holds no run is passed over.

    Returns
    -------
    list of RunEntry
        Empty where there is no such folder.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    try:
        inside = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    except OSError as error:
        raise InputError(
            f"the folder cannot be read ({error.strerror or error})",
            where=str(folder),
            expected="a folder with run folders",
            fix="name another one, or get the right to read it",
        ) from None
    found = [entry for entry in map(look_at, inside) if entry is not None]
    return sorted(found, key=lambda entry: (_age(entry.folder), entry.name), reverse=True)


def look_at(folder: Path) -> RunEntry | None:
    """Tell what became of a run.

    Parameters
    ----------
    folder : Path
        A folder.

    Returns
    -------
    RunEntry or None
        None where it holds no run.
    """
    unfinished = folder / UNFINISHED
    holder = held_by(unfinished / LOCK)
    summary = _summary(folder)
    written = (folder / MANIFEST).is_file()
    begun = written or unfinished.is_dir() or (folder / METRICS).is_file()
    bundle = written and not unfinished.is_dir() and not (folder / PREDICTIONS).is_file()
    if not holder and (not (folder / CONFIG).is_file() or not begun or bundle):
        return None
    created, verdict = str(summary.get("created", "")), summary.get("verdict")
    sentence = str(verdict.get("sentence", "")) if isinstance(verdict, dict) else ""
    if holder:
        state = "running"
    elif (unfinished / ORIGIN).is_file():
        state = "stopped"
    elif not written:
        state = "failed"
    else:
        state = "ended" if summary.get("stopped") == "interrupted" else "finished"
    message = "it ended before it could be resumed; train again" if state == "failed" else ""
    return RunEntry(folder, state, created, sentence, holder or "", message)


def _summary(folder: Path) -> dict[str, Any]:
    """Return the summary of a run; nothing where there is none that can be read, which the page of the run tells."""
    path = folder / SUMMARY
    try:
        facts = path.stat()
        stamp = (facts.st_mtime_ns, facts.st_size)
        if _known.get(path, ((0, 0), {}))[0] != stamp:
            _known[path] = (stamp, read_json(path))
        return _known[path][1]
    except (OSError, InputError):
        return {}


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
