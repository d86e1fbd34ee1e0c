"""The process that holds a scheduler and processes of this machine; `local_cluster` begins it.

It ends when its standard input does, and so when the process that began it ends in whatever way, and takes its
processes with it. Connections are encrypted, and the keys are known to these processes alone: whoever could connect
could run code.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import threading
from typing import Any

import dask
from distributed import Nanny, Scheduler, Security
from distributed.utils import get_mp_context

from asm_hybrid.parallel.local_cluster import KEYS, NO_PAGE, SETTINGS

__all__ = ["main"]

HOST = "127.0.0.1"
REST = 1.0
"""Time between two attempts to begin a process [s]."""


def main() -> None:
    """Hold a scheduler and its processes until the standard input ends; the words of the command line say how many."""
    words = json.loads(sys.argv[1])
    dask.config.set({**SETTINGS, "temporary-directory": words["scratch"]})
    context = get_mp_context()
    if sys.platform == "linux":
        context.set_forkserver_preload(words["modules"])
    threading.Thread(target=_end_with_input, args=(words["scratch"],), daemon=True).start()
    asyncio.run(_hold(words["workers"]))


async def _hold(workers: int) -> None:
    security: Any = Security.temporary()
    options: dict[str, Any] = {"protocol": "tls://", "host": HOST, "security": security}
    async with Scheduler(port=0, **options, **NO_PAGE) as scheduler:
        keys = {name: getattr(security, name) for name in KEYS}
        print(json.dumps({"address": scheduler.address, "keys": keys}), flush=True)
        await asyncio.gather(*(_keep(scheduler.address, number, options) for number in range(workers)))


async def _keep(address: str, number: int, options: dict[str, Any]) -> None:
    """Have one process at any time; what dask has for that gives up on one that dies as soon as it began."""
    while True:
        with contextlib.suppress(Exception):
            async with Nanny(address, nthreads=1, name=number, memory_limit=0, dashboard=False, **options) as nanny:
                await nanny.finished()
        await asyncio.sleep(REST)


def _end_with_input(scratch: str) -> None:
    """Wait for the end of the standard input, and end all processes: they hold nothing that is still wanted."""
    with contextlib.suppress(OSError):
        sys.stdin.buffer.read()
    shutil.rmtree(scratch, ignore_errors=True)
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


if __name__ == "__main__":
    main()
