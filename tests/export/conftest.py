"""The FMUs of the toy plant, which all tests of the export share."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def toy_fmus(tmp_path_factory: pytest.TempPathFactory):
    """Return the FMUs of the toy plant by version; they are compiled once for all workers of a session."""
    from fmu_tools import Made
    from fmu_toy import TOY

    from asm_hybrid.export.fmi.archive import make_fmus
    from asm_hybrid.locking import grip

    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "toy-fmus"
    shared.mkdir(exist_ok=True)
    paths = {version: shared / f"toy-fmi{version}.fmu" for version in (2, 3)}
    with (shared / "lock").open("ab") as stream:
        while not grip(stream, shared / "lock"):
            time.sleep(0.1)
        if not (shared / "done").exists():
            for version, content in make_fmus(TOY)[0].items():
                paths[version].write_bytes(content)
            (shared / "done").touch()
    own = tmp_path_factory.mktemp("toy-fmus")
    return {version: Made.of(Path(path), own / str(version)) for version, path in paths.items()}
