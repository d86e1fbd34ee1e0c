"""What tests of the site share: the quickstart, trained once, and the built site."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pages import ROOT, make_folder


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that is filled once for all workers of a session; the others wait for the first."""
    from asm_hybrid.locking import grip

    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("ab") as stream:
        while not grip(stream, shared / "lock"):
            time.sleep(0.2)
        if not (shared / "done").exists():
            make(shared / "made")
            (shared / "done").touch()
    return shared / "made"


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of the quickstart; pages get a copy.

    Training it takes some minutes. Where the variable ``ASM_HYBRID_QUICKSTART`` names a run folder, ``runs/quickstart``
    of a checkout as a rule, that one is taken.
    """

    def train(folder: Path) -> None:
        make_folder(folder)
        command = [Path(sys.executable).with_name("asm-hybrid"), "train", "configs/quickstart.yaml"]
        subprocess.run([*command, "--out", "runs/quickstart"], cwd=folder, check=True)

    if given := os.environ.get("ASM_HYBRID_QUICKSTART"):
        return Path(given)
    return once(tmp_path_factory, "quickstart-run", train) / "runs" / "quickstart"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site; a warning, such as of a link that leads nowhere, is an error."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    def make(folder: Path) -> None:
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder))
        assert config.strict
        build(config)

    return once(tmp_path_factory, "site", make)
