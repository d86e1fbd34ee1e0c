"""The pages as NiceGUI's own simulated user sees them, without a browser: what they say and what buttons do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation

from asm_hybrid.errors import SimulationError
from asm_hybrid.serve.app import build_pages
from asm_hybrid.serve.number_field import NumberField
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.worker import Tell, Worker


class _Here(Worker):
    """A worker that answers in this process, and fails when it is told to."""

    failing = False

    async def call(self, function: Callable[..., Any], *args: Any, tell: Tell | None = None) -> Any:
        if self.failing and function.__name__ == "simulate":
            raise SimulationError("the integration fails at 3 d")
        return function(*args, **({} if tell is None else {"tell": tell}))


def visited(program: Program, visit: Callable[[User], Coroutine[Any, Any, None]]) -> None:
    """Let a user visit the pages of a program."""

    async def session() -> None:
        async with user_simulation(lambda: None) as user:
            build_pages(program)
            await visit(user)

    asyncio.run(session())


def sees(user: User, text: str) -> bool:
    """Return whether a text stands anywhere on the page."""
    try:
        return bool(user.find(text).elements)
    except AssertionError:
        return False


async def soon(holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never became true")


def test_home_opens_what_is_there_and_says_what_is_not(tmp_path: Path) -> None:
    async def visit(user: User) -> None:
        await user.open("/")
        await user.should_see("A shipped layout")
        await user.should_see("bsm1_closed")
        user.find(kind=ui.button, content="Open").click()
        await user.should_see("is no shipped layout")
        field = next(iter(user.find(kind=ui.input).elements))
        for given, said in (("~nobody-of-this-name", "names a home folder"), ("a" * 3000, "'aaaa"), ("\0", "'\\x00'")):
            with user:
                field.value = given
            user.find(kind=ui.button, content="Open").click()
            await user.should_see(said)

    visited(Program(None, tmp_path, _Here()), visit)


def test_a_plant_is_simulated_and_a_failure_keeps_the_last_result(tmp_path: Path) -> None:
    worker = _Here()

    async def visit(user: User) -> None:
        await user.open("/plant?of=cstr")
        await soon(lambda: sees(user, "Simulated: base case, 14 d"))
        user.find(kind=ui.button, content="Add").click()
        field = next(iter(user.find(marker="field Q_in").elements))
        assert isinstance(field, NumberField)
        with user:
            field.value = "300"
        await user.should_see("The scenarios have changed since this result")
        worker.failing = True
        user.find(kind=ui.button, content="Run").click()
        await user.should_see("the integration fails at 3 d")
        await user.should_see("All indicators")
        worker.failing = False
        user.find(kind=ui.button, content="Run").click()
        await soon(lambda: sees(user, "base case and 1 scenario, 14 d"))
        await user.should_not_see("the integration fails at 3 d")

    visited(Program(None, tmp_path, worker), visit)


def test_a_subject_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text("name: half\nmodel: {kinetics: asm1}\n")

    async def visit(user: User) -> None:
        await user.open(f"/plant?of={tmp_path / 'plant.yaml'}")
        await soon(lambda: sees(user, "expected:"))
        await user.should_see("plant.yaml")

    visited(Program(None, tmp_path, _Here()), visit)
