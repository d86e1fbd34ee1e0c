"""Compiling the C sources of an FMU into shared libraries, for this platform and others."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["TARGETS", "Target", "build_libraries", "find_compilers"]


@dataclass(frozen=True)
class Target:
    """A platform that binaries are built for.

    Attributes
    ----------
    fmi2, fmi3 : str
        Its folder of binaries in FMI 2.0 and in FMI 3.0.
    zig : str
        What Zig calls it; on Linux with the C library of 2012, so that the binaries run on older systems too.
    system : str
        What ``platform.system()`` says there.
    ending : str
        Of shared libraries.
    position : tuple of str
        Flags for code that may lie anywhere.
    """

    fmi2: str
    fmi3: str
    zig: str
    system: str
    ending: str
    position: tuple[str, ...]


TARGETS = (
    Target("linux64", "x86_64-linux", "x86_64-linux-gnu.2.17", "Linux", ".so", ("-fPIC",)),
    Target("win64", "x86_64-windows", "x86_64-windows-gnu", "Windows", ".dll", ()),
)
_FLAGS = ("-std=c99", "-O3", "-fno-math-errno", "-fvisibility=hidden")
_ZIG_FLAGS = ("-fno-sanitize=undefined", "-g0")
_SHOWN = 12
"""Lines of a compiler's message that are shown."""


def find_compilers() -> dict[Target, tuple[str, ...]]:
    """Return the command of a compiler for every target that has one here.

    Returns
    -------
    dict of Target to tuple of str
        Zig's, where the package ``ziglang`` is installed; for the own platform otherwise ``cc``, ``gcc`` or ``clang``.
    """
    if find_spec("ziglang") is not None:
        return {t: (sys.executable, "-m", "ziglang", "cc", "-target", t.zig, *_ZIG_FLAGS) for t in TARGETS}
    local = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    own = platform.system() if platform.machine().lower() in ("x86_64", "amd64") and sys.maxsize > 2**32 else None
    return {t: (local,) for t in TARGETS if local is not None and t.system == own}


def build_libraries(
    compilers: Mapping[Target, Sequence[str]], shared: Mapping[str, str], versions: Mapping[int, Mapping[str, str]]
) -> dict[Target, dict[int, bytes]]:
    """Compile and link the sources for every target.

    Parameters
    ----------
    compilers : mapping of Target to sequence of str
        See `find_compilers`.
    shared : mapping of str to str
        Sources that all versions share, by file name: they are compiled once a target.
    versions : mapping of int to (mapping of str to str)
        Sources of each version besides.

    Returns
    -------
    dict of Target to (dict of int to bytes)
        The shared library of every version.

    Raises
    ------
    InputError
        If a compiler fails.
    """
    with tempfile.TemporaryDirectory(prefix="asm-hybrid-fmu-") as place:

        def build(target: Target) -> dict[int, bytes]:
            return _build(Path(place) / target.fmi2, target, compilers[target], shared, versions)

        with ThreadPoolExecutor(max(1, len(compilers))) as pool:
            return dict(zip(compilers, pool.map(build, compilers), strict=True))


def _build(
    folder: Path,
    target: Target,
    compiler: Sequence[str],
    shared: Mapping[str, str],
    versions: Mapping[int, Mapping[str, str]],
) -> dict[int, bytes]:
    objects = _compile(folder / "shared", target, compiler, shared)
    libraries = {}
    for version, sources in versions.items():
        own = _compile(folder / str(version), target, compiler, {**_headers(shared), **sources})
        library = folder / str(version) / f"library{target.ending}"
        link = [*compiler, "-shared", "-s", *_static(compiler), "-o", str(library), *map(str, [*own, *objects]), "-lm"]
        _run(link, folder)
        libraries[version] = library.read_bytes()
    return libraries


def _headers(sources: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in sources.items() if name.endswith(".h")}


def _static(compiler: Sequence[str]) -> tuple[str, ...]:
    """Return what keeps gcc's own library out of what has to be there on the target; Zig's and clang's need nothing."""
    return ("-static-libgcc",) if Path(compiler[0]).stem in ("gcc", "cc") else ()


def _compile(folder: Path, target: Target, compiler: Sequence[str], sources: Mapping[str, str]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    objects = []
    for name in sources:
        if name.endswith(".c"):
            objects.append(folder / f"{name}.o")
            _run([*compiler, *_FLAGS, *target.position, "-c", "-o", str(objects[-1]), str(folder / name)], folder)
    return objects


def _run(command: Sequence[str], folder: Path) -> None:
    steady = {**os.environ, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}  # the same bytes, whenever it runs
    try:
        done = subprocess.run(command, cwd=folder, env=steady, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InputError(
            f"the C compiler cannot be run ({error.strerror or error})", where=command[0], fix="install it anew"
        ) from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()][:_SHOWN]
        raise InputError(
            f"the C compiler stopped with exit code {done.returncode}:\n    " + "\n    ".join(lines),
            where=" ".join(command[:6]),
            expected="a C99 compiler that links shared libraries",
            fix="pip install 'asm-hybrid[fmu]' for a compiler of its own, or export --format c and compile it yourself",
        )
