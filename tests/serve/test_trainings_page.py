"""The page of runs and trainings, without a browser."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation

from asm_hybrid.artefacts import UNFINISHED
from asm_hybrid.locking import locked
from asm_hybrid.serve import run_page, trainings
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.worker import Worker
from asm_hybrid.training.run_folder import LOCK


class Here:
    """Calls functions in this process."""

    async def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


@dataclass(frozen=True)
class Visited:
    """The pages, the program behind them, and its folder."""

    user: User
    program: Program
    folder: Path


def visit(folder: Path, what: Callable[[Visited], Awaitable[None]], subject: str | None = None) -> None:
    """Look at the pages of a program in a folder."""

    async def looked() -> None:
        async with user_simulation(lambda: None) as user:
            program = Program(subject, folder, cast(Worker, Here()))
            for module in (run_page, trainings):
                module.register(program)
            await what(Visited(user, program, folder))

    asyncio.run(looked())


def test_runs_are_listed_with_what_became_of_them(small_run: Path, tmp_path: Path) -> None:
    first = tmp_path / "runs" / "first"
    shutil.copytree(small_run, first)

    async def look(at: Visited) -> None:
        await at.user.open("/trainings")
        await at.user.should_see("first")
        await at.user.should_see("finished")
        (first / UNFINISHED).mkdir()
        with locked(first / UNFINISHED / LOCK, first):  # another process writes it
            await at.user.should_see("running", retries=40)
        shutil.rmtree(first)
        await at.user.should_see("deleted", retries=40)
        await at.user.should_see("its folder was deleted or moved")

    visit(tmp_path, look)


def test_a_second_tab_sees_the_same(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nplnat: {}\n", encoding="utf-8")

    async def look(at: Visited) -> None:
        at.program.trainings.begin("bad.yaml", "bad", at.program.trainings.folder)
        await at.user.open("/trainings?run=bad")
        await at.user.should_see("Training bad")
        await at.user.should_see("failed", retries=600)
        await at.user.should_see("plnat", retries=20)

    visit(tmp_path, look)


def test_what_a_check_finds_is_shown_and_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nplnat: {}\n", encoding="utf-8")

    async def look(at: Visited) -> None:
        await at.user.open("/trainings")
        await at.user.should_see("There is no run in this folder.")
        at.user.find("Check and start").click()
        await at.user.should_see("no config is named")
        at.user.find(kind=ui.input, content="Config").type("bad.yaml")
        at.user.find("Check and start").click()
        await at.user.should_see("plnat", retries=20)
        at.user.find("Compare the chosen").click()
        await at.user.should_see("there is one run only", retries=20)
        assert at.program.trainings.running == []

    visit(tmp_path, look)


def test_a_run_that_is_not_there_is_said_where_the_user_looks(tmp_path: Path) -> None:
    async def look(at: Visited) -> None:
        await at.user.open("/run")
        await at.user.should_see("No run was named.")
        await at.user.open("/run?folder=runs/none")
        await at.user.should_see("the folder does not exist", retries=20)

    visit(tmp_path, look)


def test_the_run_that_was_opened_is_shown(small_run: Path) -> None:
    async def look(at: Visited) -> None:
        await at.user.open("/run")
        await at.user.should_see("Its flow sheet and scenarios", retries=100)
        await at.user.should_see("The hybrid model", retries=20)
        await at.user.should_see("Measured and predicted")
        await at.user.should_see(kind=ui.echart)

    visit(small_run.parent, look, "run")
