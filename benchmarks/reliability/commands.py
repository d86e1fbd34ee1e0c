"""Commands as the command line runs them, in processes that others can be asked about."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import torch
from forked import run_forked
from small_training import COLLOCATION_STEPS, settled, train_or_resume, write_case

from asm_hybrid.artefacts import TEMPORARY
from asm_hybrid.training import collocation

MARK = "ASM_HYBRID_RELIABILITY"
"""In the environment of a command and of all processes that it begins."""
VANISH = 20.0
"""Time after which a process that should end with another counts as left [s]; machines are busy."""


def command(words: list[str], folder: Path, mark: str, terminal: str = "") -> int:
    """Run a command in a session of its own; return its exit code.

    Parameters
    ----------
    words : list of str
        Behind the name of the program.
    folder : Path
        Where it runs. It gets ``said``, and ``tmp`` for its temporary files.
    mark : str
        Tells its processes from those of others.
    terminal : str
        The terminal that it writes to, which becomes that of its session; into ``said`` without one.
    """
    os.setsid()
    os.environ |= {MARK: mark, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    tempfile.tempdir = None
    (folder / "tmp").mkdir(exist_ok=True)
    os.chdir(folder)
    flags = os.O_RDWR if terminal else os.O_WRONLY | os.O_CREAT | os.O_APPEND
    target = os.open(terminal or folder / "said", flags)
    for number in (1, 2):
        os.dup2(target, number)
    os.close(target)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell has begun the script behind it
    torch.set_num_threads(1)
    collocation.STEPS = COLLOCATION_STEPS
    from asm_hybrid.cli import main

    (folder / "begun").touch()
    try:
        main(words)
    except SystemExit as ended:
        sys.stdout.flush()
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def left_over(mark: str) -> list[str]:
    """Return the processes of a command that are still there, once they had time to end."""
    end = time.monotonic() + VANISH
    while (found := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def _marked(mark: str) -> list[str]:
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if words:  # else it has ended, and is still to be waited for
                    found.append(f"{entry.name}: {words[:120]}")
        except OSError:
            continue
    return found


def wait_for(path: Path, pid: int) -> None:
    """Wait until a file is there, or a process has ended."""
    while not os.path.lexists(path) and _runs(pid):
        time.sleep(0.0005)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def temporary(folder: Path) -> list[str]:
    """Return temporary files and locks in a folder and below, but for those in ``checkpoint`` and in ``tmp``."""
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if "checkpoint" in name.parts or name.parts[0] == "tmp":
            continue
        if TEMPORARY in path.name or path.name == "lock" or path.name.endswith(".lock"):
            found.append(name.as_posix())
    return found


SCENARIO = """\
name: three
scenarios:
  more: {changes: [{input: Q_in, scale: 1.1}]}
  less: {changes: [{input: Q_in, scale: 0.9}]}
  much: {changes: [{input: Q_in, scale: 1.2}]}
"""
STUDY = """\
name: few
factors: {load: {input: load, scale: {uniform: [0.9, 1.1]}}}
design: {method: latin_hypercube, cases: 6, seed: 1}
outputs: {indicators: main, series: [effluent.NH4], every: 1 h}
"""


def write_subjects(base: Path) -> Path:
    """Write a config, a finished run, a scenario and a study; return the run."""
    config = write_case(base)
    ended = run_forked(train_or_resume, config, base / "run", base / "stage", False, False)
    if ended.refused or ended.fault:
        raise RuntimeError(ended.refused or ended.fault)
    (base / "scenario.yaml").write_text(SCENARIO, encoding="utf-8")
    (base / "study.yaml").write_text(STUDY, encoding="utf-8")
    return base / "run"


def settled_study(folder: Path) -> dict[str, str]:
    """Return a digest of every file of a study, by name, without times and the name of its folder."""
    found = settled(folder)
    for name in ("journal", "begun.json"):
        found.pop(name, None)
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    found["summary.json"] = json.dumps({k: v for k, v in summary.items() if k not in ("seconds", "command")})
    page = (folder / "report.html").read_text(encoding="utf-8").replace(summary["command"], "")
    found["report.html"] = hashlib.sha256(page.encode()).hexdigest()
    return found
