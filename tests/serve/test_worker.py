"""The process that holds the plants."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.serve.worker import Fault, Tell, Worker, WorkerEnded


def own_pid() -> int:
    return os.getpid()


def wait(seconds: float, tell: Tell) -> str:
    tell("begun", 0.0)
    time.sleep(seconds)
    return "done"


def refuse(kind: str) -> None:
    if kind == "input":
        raise InputError("found", where="there", expected="this", fix="that")
    if kind == "simulation":
        raise SimulationError("it left the finite numbers")
    raise ValueError("a fault")


def unpicklable() -> Any:
    return lambda: None


def test_calls_are_answered_by_one_process_that_comes_again() -> None:
    async def calls() -> None:
        worker = Worker()
        first = await worker.call(own_pid)
        assert first == worker.pid
        assert first != os.getpid()
        assert await asyncio.gather(worker.call(own_pid), worker.call(own_pid)) == [first, first]
        for kind, error, text in (
            ("input", InputError, "there: found\n  expected: this\n  fix: that"),
            ("simulation", SimulationError, "it left the finite numbers"),
            ("fault", Fault, "ValueError: a fault"),
        ):
            with pytest.raises(error, match=text):
                await worker.call(refuse, kind)
        with pytest.raises(Fault, match="ickle"):
            await worker.call(unpicklable)
        assert await worker.call(own_pid) == first
        os.kill(first, signal.SIGKILL)
        while worker.pid is not None:
            await asyncio.sleep(0.01)
        assert await worker.call(own_pid) != first
        worker.stop()

    asyncio.run(calls())


def test_a_process_that_ends_within_a_call_says_so_and_the_next_call_works() -> None:
    async def calls() -> None:
        worker, said = Worker(), list[str]()

        async def killed(how: Any) -> str:
            said.clear()
            task = asyncio.ensure_future(worker.call(wait, 600.0, tell=lambda text, _: said.append(text)))
            while not said:
                await asyncio.sleep(0.01)
            how()
            with pytest.raises(WorkerEnded) as caught:
                await task
            return str(caught.value)

        assert "it was stopped" in await killed(worker.stop)
        assert "it was killed" in await killed(lambda: os.kill(worker.pid or 0, signal.SIGKILL))
        assert await worker.call(wait, 0.0, tell=lambda *_: None) == "done"
        worker.stop()

    asyncio.run(calls())


def test_a_page_that_is_closed_within_a_call_leaves_the_next_answer_whole() -> None:
    async def calls() -> None:
        worker, said = Worker(), list[str]()
        task = asyncio.ensure_future(worker.call(wait, 0.5, tell=lambda text, _: said.append(text)))
        while not said:
            await asyncio.sleep(0.01)
        task.cancel()
        assert await worker.call(own_pid) == worker.pid
        worker.stop()

    asyncio.run(calls())


def test_a_process_of_which_nothing_is_asked_ends() -> None:
    async def calls() -> None:
        worker = Worker(idle=0.05)
        first = await worker.call(own_pid)
        while worker.pid is not None:
            await asyncio.sleep(0.01)
        assert await worker.call(own_pid) != first
        worker.stop()

    asyncio.run(calls())
