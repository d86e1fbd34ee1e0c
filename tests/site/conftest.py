"""The quickstart, which pages that teach share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pages import ROOT, make_folder


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of the quickstart; pages get a copy.

    It is trained once for all workers of a session, in some minutes; the others wait. Where the variable
    ``ASM_HYBRID_QUICKSTART`` names a run folder, ``runs/quickstart`` of a checkout as a rule, that one is taken.
    """
    from asm_hybrid.locking import grip

    if given := os.environ.get("ASM_HYBRID_QUICKSTART"):
        return Path(given)
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "quickstart-run"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("ab") as stream:
        while not grip(stream, shared / "lock"):
            time.sleep(0.5)
        if not (shared / "done").exists():
            make_folder(shared)
            command = [Path(sys.executable).with_name("asm-hybrid"), "train", "configs/quickstart.yaml"]
            subprocess.run([*command, "--out", "runs/quickstart"], cwd=shared, check=True)
            (shared / "done").touch()
    return shared / "runs" / "quickstart"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site; a warning, such as of a link that leads nowhere, is an error."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder))
    assert config.strict
    build(config)
    return folder
