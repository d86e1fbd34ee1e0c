"""Trainings as processes of their own, which go on when the page is closed: begin, follow, stop, go on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import UNFINISHED, WritingError, make_folder, user_path
from asm_hybrid.errors import InputError
from asm_hybrid.locking import held_by, holder_process
from asm_hybrid.serve.subjects import is_there
from asm_hybrid.serve.training_list import LOCK, METRICS, RunEntry, list_runs, look_at

__all__ = ["Step", "Trainings", "further", "read_log", "read_losses", "run_name", "step_of"]

RUNS = "runs"
"""Where runs are written without another word, as by `asm-hybrid train`."""
PROGRAM = "from asm_hybrid.cli import main; main()"
INTERRUPTED = 130
"""Exit code of a training that was stopped."""
WIDTH = "110"
"""Columns of what is printed into the log."""
TAIL = 60_000
"""Bytes of a log that are shown: its end."""
PAUSE = 0.1
"""Time between two looks at processes that are waited for [s]."""
_STEP = re.compile(
    r"^\S+ \S+  (?P<title>.+?): (?:step (?P<done>\d+)(?: of (?P<total>\d+))?|(?P<percent>\d+) %)(?P<note>.*)$"
)
_LEFT = re.compile(r"; the run: (\S+) left$")
_TITLE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (.+)$")


@dataclass(frozen=True)
class Step:
    """Where a training is.

    Attributes
    ----------
    title : str
        Its stage; empty where nothing is known.
    share : float or None
        Share of the stage that is done [-]; None where that is not known.
    note : str
        What else is said of the step.
    left : str
        What is left of the whole run, as hours, minutes and seconds; empty where that is not known.
    total : int
        Number of its steps; zero where that is not known.
    """

    title: str = ""
    share: float | None = None
    note: str = ""
    left: str = ""
    total: int = 0


class Trainings:
    """The trainings that this program has begun, and what became of all runs.

    Parameters
    ----------
    working : Path
        The working folder: paths that a user writes hold from there.

    Attributes
    ----------
    folder : Path
        Where runs are, unless a user names another folder.
    """

    def __init__(self, working: Path) -> None:
        self.working, self.folder = working, working / RUNS
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}
        self._codes: dict[Path, int] = {}
        self._stopping: set[Path] = set()
        self._seen: dict[Path, RunEntry] = {}

    def entries(self, folder: Path) -> list[RunEntry]:
        """Return the runs in a folder, the latest first; those that were deleted meanwhile come last.

        Parameters
        ----------
        folder : Path
            The folder.

        Returns
        -------
        list of RunEntry

        Raises
        ------
        InputError
            When it cannot be read.
        """
        there = list_runs(folder)
        known = {entry.folder for entry in there}
        missing = [own for own in {**self._processes, **self._seen} if own.parent == folder and own not in known]
        found = [self._judged(entry) for entry in there]
        found += [entry for own in missing if (entry := self.entry(own)) is not None]
        self._seen.update({entry.folder: entry for entry in found if entry.folder.exists()})
        return found

    def entry(self, folder: Path) -> RunEntry | None:
        """Return what became of one run.

        Parameters
        ----------
        folder : Path
            Its folder.

        Returns
        -------
        RunEntry or None
            None where there is none, and was none as long as this program looked.
        """
        found = look_at(folder)
        if found is None and (self._runs(folder) or (folder in self._processes and folder not in self._seen)):
            found = RunEntry(folder, "running" if self._runs(folder) else "failed")
        if found is None and folder in self._seen:
            return replace(self._seen[folder], state="gone", holder="", message="its folder was deleted or moved")
        return None if found is None else self._judged(found)

    def _judged(self, entry: RunEntry) -> RunEntry:
        """Add what this program knows of a run."""
        folder = entry.folder
        if self._runs(folder):
            entry = replace(entry, state="running")
        if entry.state == "running":
            return replace(entry, state="stopping") if folder in self._stopping else entry
        self._stopping.discard(folder)
        code = self._codes.get(folder, 0)
        if code not in (0, INTERRUPTED) and entry.state in ("failed", "stopped"):
            return replace(entry, message=self._reason(folder))
        return entry

    def _runs(self, folder: Path) -> bool:
        """Return whether the process that this program began for a run goes on."""
        process = self._processes.get(folder)
        if process is None:
            return False
        code = process.poll()
        if code is not None:
            self._codes[folder] = code
        return code is None

    def _reason(self, folder: Path) -> str:
        """Return why a training failed, in the words that it ended with."""
        text = read_log(self.log(folder))
        _, found, message = text.rpartition("error: ")
        if found:
            return message.strip()
        last = text.strip().splitlines()[-1:]
        return " ".join([f"it ended with the code {self._codes[folder]}", *last])

    def log(self, folder: Path) -> Path:
        """Return the file with all that a training has printed: beside its folder."""
        return folder.with_name(f"{folder.name}.log")

    def begin(self, config: str, name: str, into: Path, *, accept: bool = False, plot: bool = False) -> Path:
        """Begin a training.

        Parameters
        ----------
        config : str
            Its config.
        name : str
            Name of the run folder, which is new.
        into : Path
            The folder in which it shall lie.
        accept, plot : bool
            As the options of `asm-hybrid train`.

        Returns
        -------
        Path
            The run folder, which the training makes.

        Raises
        ------
        InputError
            When there is no such config, or the name cannot be used.
        """
        path = self.config_path(config)
        folder = into / run_name(name)
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                "there is something in the run folder already",
                where=str(folder),
                expected="the name of a run that is not there yet",
                fix="give another name",
            )
        if self._runs(folder):
            raise InputError(
                "a training of this name is beginning", where=str(folder), fix="give another name, or wait for it"
            )
        options = [flag for flag, wanted in (("--accept", accept), ("--plot", plot)) if wanted]
        make_folder(into)
        self.log(folder).unlink(missing_ok=True)
        self._start(folder, [str(path), "--out", str(folder), *options])
        return folder

    def config_path(self, given: str) -> Path:
        """Return the path of a config that the user wrote.

        Parameters
        ----------
        given : str
            The path, from the working folder.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            When there is no such file.
        """
        text = given.strip()
        path = self.working / user_path(text)
        if not text or not is_there(path) or path.is_dir():
            raise InputError(
                f"there is no file {text!r}" if text else "no config is named",
                where=str(self.working),
                expected="the path of a config, a .yaml file",
                fix="asm-hybrid init writes one to start from",
            )
        return path

    def go_on(self, folder: Path) -> None:
        """Go on with a run that was stopped.

        Parameters
        ----------
        folder : Path
            Its folder.

        Raises
        ------
        InputError
            When it cannot be resumed, or is being written.
        """
        entry = self.entry(folder)
        if entry is None or entry.state != "stopped":
            raise InputError(
                "there is no such folder any more" if entry is None else f"the run is {entry.state}",
                where=str(folder),
                expected="a run that was stopped",
                fix="look at the list again",
            )
        self._start(folder, ["--resume", str(folder)])

    def _start(self, folder: Path, words: list[str]) -> None:
        """Start `asm-hybrid train`, which writes all that it says into the log."""
        paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        own: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is for this program, which then stops its trainings
        if sys.platform == "win32":
            own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        plain = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "CLICOLOR_FORCE")}
        path = self.log(folder)
        try:
            with path.open("ab") as log:
                log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S}  beginning\n".encode())
                log.flush()  # what an earlier part of the run has printed says no more where it is
                self._processes[folder] = subprocess.Popen(
                    [sys.executable, "-P", "-c", PROGRAM, "train", *words],
                    cwd=self.working,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**plain, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": WIDTH, "NO_COLOR": "1"},
                    **own,
                )
        except OSError as error:
            raise WritingError(error, path) from error
        self._codes.pop(folder, None)
        self._stopping.discard(folder)

    def stop(self, folder: Path) -> None:
        """Stop a training as Ctrl-C does: it keeps its best so far, and can go on.

        A second call ends it at once; then it goes on from its last checkpoint. On Windows the first call does that.

        Parameters
        ----------
        folder : Path
            Its folder.

        Raises
        ------
        InputError
            When it does not run, or on another machine.
        """
        again, process = folder in self._stopping, self._processes.get(folder)
        own = process is not None and self._runs(folder)
        holder = held_by(folder / UNFINISHED / LOCK)
        number = process.pid if own and process is not None else holder_process(holder) if holder else None
        if number is None:
            raise InputError(
                f"it is trained by {holder}" if holder else "it does not run any more",
                where=str(folder),
                expected="a training on this machine",
                fix="stop it there" if holder else "look at the list again",
            )
        self._stopping.add(folder)
        hard = again or os.name != "posix"
        try:
            os.kill(number, signal.SIGTERM if os.name != "posix" else signal.SIGKILL if hard else signal.SIGINT)
        except ProcessLookupError:
            self._stopping.discard(folder)
        except OSError as error:
            self._stopping.discard(folder)
            raise InputError(
                f"it cannot be stopped ({error.strerror or error})", where=str(folder), fix="stop it where it was begun"
            ) from None

    @property
    def running(self) -> list[Path]:
        """The folders of the trainings that this program has begun and that go on."""
        return [folder for folder in self._processes if self._runs(folder)]

    def end(self) -> None:
        """Stop all trainings that this program has begun, and wait until they have kept what they have learnt."""
        for folder in self.running:
            if folder not in self._stopping:
                self.stop(folder)
        while self.running:
            time.sleep(PAUSE)


def run_name(name: str) -> str:
    """Return the name of a run folder, checked.

    Parameters
    ----------
    name : str
        What the user wrote.

    Returns
    -------
    str

    Raises
    ------
    InputError
        When it is empty, or not the plain name of a folder.
    """
    text = name.strip()
    plain = re.fullmatch(r"[\w][\w .+-]{0,99}", text) and not text.endswith((".", ".log"))
    if not plain:
        raise InputError(
            f"{text!r} is no name for a run" if text else "the run has no name",
            expected="letters, digits, and - _ . + or blanks between them",
            fix=f"such as {datetime.now():my-plant-%Y%m%d}",
        )
    return text


def read_log(path: Path) -> str:
    """Return the end of a log.

    Parameters
    ----------
    path : Path
        The log.

    Returns
    -------
    str
        Whole lines; empty where there is no log.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    return text.partition("\n")[2] if size > TAIL else text


def step_of(log: str) -> Step:
    """Return where a training is, by what it has printed last.

    Parameters
    ----------
    log : str
        Lines as `asm_hybrid.live.LiveProgress` prints them into a file.

    Returns
    -------
    Step
    """
    for line in reversed(log.splitlines()):
        if found := _STEP.match(line):
            rest, left = found["note"].removeprefix(", "), _LEFT.search(found["note"])
            done = int(found["percent"] or found["done"])
            total = 100 if found["percent"] else int(found["total"] or 0)
            share = min(1.0, done / total) if total else None
            return Step(found["title"], share, _LEFT.sub("", rest), left[1] if left else "", total)
        if found := _TITLE.match(line):
            return Step(found[1])
    return Step()


def further(step: Step, losses: Mapping[str, Sequence[tuple[int, float]]]) -> Step:
    """Return where a training is, by the steps that it has recorded since it printed the last line.

    Parameters
    ----------
    step : Step
        What it has printed last.
    losses : mapping
        What `read_losses` gave.

    Returns
    -------
    Step
    """
    for stage, points in losses.items():
        if step.total and points and step.title == f"fitting {stage}":
            return replace(step, share=min(1.0, max(step.share or 0.0, points[-1][0] / step.total)))
    return step


def read_losses(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the course of a training, by stage.

    Parameters
    ----------
    folder : Path
        The run folder.

    Returns
    -------
    dict of str to list of (int, float)
        Step and loss, the best of the seeds; ``STAGE, validation`` has the losses of the validation block.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    try:
        lines = (folder / METRICS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    for line in lines:
        try:
            record = json.loads(line)
            stage, step = str(record["stage"]), int(record.get("iteration", record.get("evaluation", 0)))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # cut within a line, or of another version
        for key, name in (("loss", stage), ("validation", f"{stage}, validation")):
            values = record.get(key)
            known = [v for v in (values if isinstance(values, list) else [values]) if isinstance(v, int | float)]
            if known:
                found.setdefault(name, []).append((step, float(min(known))))
    return found
