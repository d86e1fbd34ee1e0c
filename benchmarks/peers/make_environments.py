"""Make one virtual environment for each peer of the benchmarks, in `benchmarks/.peers`.

Run ``python3.11 benchmarks/peers/make_environments.py``; a few minutes the first time. What is there already, with the
same pins, is left alone; ``--fresh`` makes it again. Packages come from PyPI. `requirements-PEER.txt` pins everything.
`simulate_bsm1.py` needs qsdsan and bsm2_python, `train_step.py` needs diffrax.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = ("qsdsan", "bsm2_python", "diffrax")
PYTHON = "3.11"
HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / ".peers"
CHECKS = {"qsdsan": "import exposan.bsm1", "bsm2_python": "import bsm2_python.bsm1_ol", "diffrax": "import diffrax"}


def version(python: str) -> str | None:
    """Return the version of an interpreter, as 3.11; None if it does not run."""
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def find_python(given: str | None) -> str:
    """Return a Python 3.11 that can make virtual environments."""
    if given is not None:
        if version(given) != PYTHON:
            raise SystemExit(f"--python {given} is not a Python {PYTHON} with venv")
        return given
    for candidate in (sys.executable, "python3.11", "/usr/bin/python3.11"):
        if version(candidate) == PYTHON:
            return candidate
    raise SystemExit(
        f"No Python {PYTHON} with venv found. The peers are pinned for it: qsdsan 1.4.3 needs packages that have no "
        f"wheels for later versions. Install one and name it with --python /path/to/python{PYTHON}."
    )


def interpreter(peer: str) -> Path:
    """Return the Python of a peer's environment."""
    place = FOLDER / peer
    return place / "Scripts" / "python.exe" if sys.platform == "win32" else place / "bin" / "python"


def pins(peer: str) -> str:
    """Return the text of a peer's requirements."""
    return (HERE / f"requirements-{peer}.txt").read_text()


def ready(peer: str) -> bool:
    """Say whether a peer's environment was made with today's pins."""
    stamp = FOLDER / peer / "pins.txt"
    return interpreter(peer).exists() and stamp.exists() and stamp.read_text() == pins(peer)


def make(peer: str, python: str) -> None:
    """Make a peer's environment from nothing, and import the peer in it."""
    place = FOLDER / peer
    if place.exists():
        shutil.rmtree(place)
    print(f"{peer}: making {place} with {python}", flush=True)
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    install = [str(interpreter(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # wheel, so that the packages that come as source are built the modern way
    subprocess.run([*install, "wheel", "setuptools<81"], check=True)
    print(f"{peer}: installing {pins(peer).count('==')} packages", flush=True)
    subprocess.run([*install, "-r", str(HERE / f"requirements-{peer}.txt")], check=True)
    print(f"{peer}: importing it once, which compiles", flush=True)
    subprocess.run([str(interpreter(peer)), "-c", CHECKS[peer]], check=True)
    (place / "pins.txt").write_text(pins(peer))


def main() -> None:
    """Make what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help=f"a Python {PYTHON}; looked for by default")
    parser.add_argument("--fresh", action="store_true", help="make them again")
    parser.add_argument("peers", nargs="*", metavar="peer", help=f"of {', '.join(PEERS)}; all by default")
    options = parser.parse_args()
    unknown = set(options.peers) - set(PEERS)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    for peer in options.peers or PEERS:
        if ready(peer) and not options.fresh:
            print(f"{peer}: {FOLDER / peer} is there, with the same pins")
            continue
        try:
            make(peer, find_python(options.python))
        except subprocess.CalledProcessError as failure:
            raise SystemExit(f"{peer}: failed: {' '.join(map(str, failure.cmd))}") from None
        print(f"{peer}: done")


if __name__ == "__main__":
    main()
