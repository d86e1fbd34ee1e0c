"""The order in which files run, and the run that they share.

Files with long tests run first, so that no worker ends with one of them alone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that hold a slow test before all others; the order within a file stays."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run of the small plant, for tests that only read it; its data lie beside it.

    It is trained once for all workers of a session; the others wait for the first.
    """
    import torch
    from small_plant import BEYOND, write_case

    from asm_hybrid.locking import grip
    from asm_hybrid.workflow import run_training

    torch.set_num_threads(1)
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small-run"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("ab") as stream:
        while not grip(stream, shared / "lock"):
            time.sleep(0.1)
        if not (shared / "done").exists():
            assert not run_training(write_case(shared, truth=BEYOND), shared / "run").interrupted
            (shared / "done").touch()
    return shared / "run"
