"""The command that serves the page: what it refuses, and what it needs."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.serve import serve_page
from asm_hybrid.serve.guard import HOST


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"the port {port} cannot be used.*\\n.*\\n  fix: give another one"):
            serve_page("bsm1", port=port, browser=False)


@pytest.mark.parametrize("port", [70000, -1])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(InputError, match="from 1024 to 65535"):
        serve_page("bsm1", port=port, browser=False)


@pytest.mark.parametrize("subject", ["bsm11", "no/such/folder", ""])
def test_what_is_not_there_is_refused_before_anything_starts(subject: str) -> None:
    with pytest.raises(InputError, match="is no shipped layout, and there is no file or folder"):
        serve_page(subject, browser=False)


def test_the_server_knows_neither_torch_nor_casadi() -> None:
    modules = ["app", "home", "plant_page", "desk", "charts", "shell", "worker", "run_page", "trainings"]
    script = (
        f"import importlib, sys; [importlib.import_module('asm_hybrid.serve.' + m) for m in {modules}];"
        "sys.exit(' '.join(m for m in ('torch', 'casadi', 'pandas', 'matplotlib', 'scipy') if m in sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stderr.strip() == ""
    )
