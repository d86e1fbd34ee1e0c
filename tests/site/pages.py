"""Pages that teach: their blocks of code are run from top to bottom, and what they show as output is compared.

A page runs in a folder of its own that holds ``configs/``, ``data/`` and the files of ``docs/`` beside its pages, as
the repository does. What each kind of block means:

- ``bash``: the lines are run by one bash, which ends at the first command that fails; ``# exit code 2`` at the end of
  the last line says that it ends with this code.
- ``python``: is executed, in one namespace a page.
- any kind of `DATA` with ``title="NAME"``: the file NAME gets this content.
- any kind of `DATA` without a title: an excerpt; a file of the folder holds these lines, as they are.
- ``text``: output of the last block that ran; its lines stand in the output in this order, and ``…`` stands for
  anything.
- ``console``: is shown and not run; each has its reason in `NOT_RUN`.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "DATA",
    "NOT_RUN",
    "Block",
    "PageError",
    "blocks",
    "front_matter",
    "make_folder",
    "page_name",
    "pages",
    "run",
]

ROOT = Path(__file__).parents[2]
TEACHING = ("start", "tutorials")
DATA = ("yaml", "csv")
INSTALL = ("python3 -m venv .venv", "py -m venv .venv")
"""How the installation begins, by system."""
NOT_RUN = {
    **{(page, first): "installs" for page in ("start/index.md", "start/zh.md") for first in INSTALL},
    **{
        (page, "asm-hybrid train configs/quickstart.yaml"): "minutes, which the fixture `quickstart` spends once"
        for page in ("start/index.md", "start/zh.md")
    },
    ("tutorials/fmu.md", "pip install 'asm-hybrid[fmu]' fmpy"): "installs",
}
"""Why a block of kind ``console`` is not run, by page and first line."""

TIME_LIMIT = 1200
"""Seconds that a block may take; a block that waits for something would never end."""


class PageError(AssertionError):
    """A block that does not do what its page says."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    path: Path
    line: int
    """Line of its first content."""
    kind: str
    title: str
    text: str

    @property
    def place(self) -> str:
        """File and line, as editors take them."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"


@dataclass
class Session:
    """What a page has done so far."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    output: str | None = None
    """What the last block printed that ran."""


def pages() -> list[Path]:
    """Return the pages that teach."""
    return sorted(path for part in TEACHING for path in (ROOT / "docs" / part).rglob("*.md"))


def page_name(path: Path) -> str:
    """Return the path of a page below ``docs/``."""
    return path.relative_to(ROOT / "docs").as_posix()


def front_matter(path: Path) -> dict[str, Any]:
    """Return what stands between the lines ``---`` at the top of a page."""
    found = re.match(r"---\n(.*?)^---\n", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return dict(yaml.safe_load(found[1])) if found else {}


def blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    found: list[Block] = []
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    for i, line in lines:
        if opening := re.match(r"( *)(`{3,}|~{3,})(.*)", line):
            indent, fence, info = opening.groups()
            body: list[str] = []
            for _, inner in lines:
                if re.fullmatch(rf" *{fence}{fence[0]}* *", inner):
                    break
                body.append(inner.removeprefix(indent))
            else:
                raise PageError(f"{path.relative_to(ROOT)}:{i}: the block does not end")
            title = re.search(r'title="([^"]*)"', info)
            kind = re.split(r"[\s{]", info.strip(), maxsplit=1)[0]
            found.append(Block(path, i + 1, kind, title[1] if title else "", "\n".join(body) + "\n"))
    return found


def make_folder(folder: Path) -> None:
    """Put into a folder what a page finds there."""
    for part in ("configs", "data"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("*.md", "hooks", "__pycache__"))


def run(path: Path, folder: Path) -> None:
    """Run a page in a folder; `PageError` tells the first block that does not do what the page says."""
    session = Session(folder)
    for block in blocks(path):
        if block.kind == "bash":
            session.output = _bash(block, folder)
        elif block.kind == "python":
            session.output = _python(block, session)
        elif block.kind == "text":
            _compare(block, session)
        elif block.kind in DATA and block.title:
            _write(block, folder)
        elif block.kind in DATA:
            _find(block, folder)
        elif block.kind != "console":
            raise PageError(f"{block.place}: a block of kind {block.kind!r} has no meaning here")


def _bash(block: Block, folder: Path) -> str:
    said = re.search(r"# exit code (\d+)\s*$", block.text)
    place = f"{block.path.relative_to(ROOT)}:$((LINENO + {block.line - 4}))"
    script = f"set -euo pipefail\ntrap 'echo \"{place}: failed\"' ERR\nexec 2>&1\n{block.text}"
    tools = Path(sys.executable).parent
    settings = {
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "MPLBACKEND": "Agg",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=os.environ | settings,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PageError(f"{block.place}: not done after {TIME_LIMIT} s\n{block.text}") from error
    code = int(said[1]) if said else 0
    if done.returncode != code:
        raise PageError(
            f"{block.place}: the exit code is {done.returncode}, and should be {code}\n{block.text}"
            f"--- output\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def _python(block: Block, session: Session) -> str:
    output = io.StringIO()
    source = "\n" * (block.line - 1) + block.text
    linecache.checkcache(str(block.path))
    try:
        with contextlib.chdir(session.folder), contextlib.redirect_stdout(output):
            exec(compile(source, str(block.path), "exec"), session.names)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        raise PageError(f"{block.place}: the block raises\n{trace}--- output\n{output.getvalue()}") from error
    return output.getvalue()


def _compare(block: Block, session: Session) -> None:
    if session.output is None:
        raise PageError(f"{block.place}: a block of kind 'text' is output, and no block above it ran")
    found = [line.rstrip() for line in session.output.splitlines()]
    rest = iter(found)
    for i, line in enumerate(block.text.splitlines()):
        if line.strip() and not _stands_in(line, rest):
            raise PageError(
                f"{block.path.relative_to(ROOT)}:{block.line + i}: not in the output, or not in this order\n"
                f"--- expected\n{line}\n--- found\n{session.output}"
            )


def _stands_in(line: str, rest: Iterator[str]) -> bool:
    """Tell whether a line comes in what is left of an output, and go on behind it."""
    if line.strip() == "…":
        return True
    pattern = ".*".join(map(re.escape, line.rstrip().split("…")))
    return any(re.fullmatch(pattern, found) for found in rest)


def _write(block: Block, folder: Path) -> None:
    target = folder / block.title
    if not target.resolve().is_relative_to(folder.resolve()):
        raise PageError(f"{block.place}: {block.title} is not a file below the folder of the page")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(block.text, encoding="utf-8")


def _find(block: Block, folder: Path) -> None:
    lines = [line.rstrip() for line in block.text.splitlines()]
    wanted = "\n" + "\n".join(lines) + "\n"
    files = [path for path in folder.rglob(f"*.{block.kind}") if path.is_file()]
    if not any(wanted in "\n" + path.read_text(encoding="utf-8", errors="replace") + "\n" for path in files):
        raise PageError(
            f'{block.place}: an excerpt that stands in no {block.kind} file of the folder; with title="NAME" it is '
            f"written as a file\n{block.text}"
        )
