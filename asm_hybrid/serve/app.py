"""The server of the page: its address, its token, its pages."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import webbrowser
from pathlib import Path
from typing import Any

from asm_hybrid.errors import InputError
from asm_hybrid.serve.guard import HOST, Guard
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.subjects import check_subject
from asm_hybrid.serve.worker import Worker

__all__ = ["build_pages", "serve_page"]


def serve_page(subject: str | None, *, port: int | None = None, browser: bool = True) -> None:
    """Serve the page until it is stopped.

    Parameters
    ----------
    subject : str or None
        What the user named; None for the list of what there is.
    port : int, optional
        The port; a free one without it.
    browser : bool
        Whether the page is opened in the browser.

    Raises
    ------
    InputError
        When there is no such subject, the port cannot be used, or NiceGUI is not installed.
    """
    if subject is not None:
        subject = check_subject(subject, Path.cwd())
    with contextlib.closing(_socket(port)) as bound:
        worker = Worker()
        worker.start()  # it reads what it needs while the server starts
        try:
            _serve(Program(subject, Path.cwd(), worker), bound, browser)
        finally:
            worker.stop()


def _socket(port: int | None) -> socket.socket:
    """Return a socket that listens to this machine alone, so that no port is lost between looking and taking."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # there, a port that somebody listens to stays taken; what the last program left does not
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port or 0))
        bound.listen()  # a second program that binds the same port fails from here on
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"the port {port} cannot be used: {reason}",
            where="--port",
            expected="a free port from 1024 to 65535",
            fix="give another one, or leave --port out, which takes a free one",
        ) from None
    return bound


def _serve(program: Program, bound: socket.socket, browser: bool) -> None:
    try:
        import uvicorn
        from fastapi import FastAPI
        from nicegui import ui
    except ImportError:
        raise InputError(
            "NiceGUI, which draws the page, is not installed", fix='pip install "asm-hybrid[serve]"'
        ) from None
    build_pages(program)
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    options: dict[str, Any] = {"language": "en-US", "show_welcome_message": False, "tailwind": False}
    ui.run_with(application, title="asm-hybrid", **options)
    guard = Guard(application, bound.getsockname()[1])
    print(f"asm-hybrid serves {program.subject or 'what it finds here'} at\n\n  {guard.address}\n", flush=True)
    print("Only this machine can open it. Stop it with Ctrl-C.", flush=True)
    if browser:
        webbrowser.open(guard.address)
    logging.getLogger("nicegui").setLevel(logging.ERROR)
    config = uvicorn.Config(guard, log_level="error", ws="wsproto", lifespan="on", server_header=False)
    uvicorn.Server(config).run(sockets=[bound])


def build_pages(program: Program) -> None:
    """Register all pages.

    Parameters
    ----------
    program : Program
        What they share.
    """
    from asm_hybrid.serve import home, plant_page, run_files, run_page, trainings

    for module in (home, plant_page, run_files, run_page, trainings):
        module.register(program)
