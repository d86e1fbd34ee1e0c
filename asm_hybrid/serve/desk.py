"""The one state of a plant in a program: its scenario file and its last result, which all tabs of the browser show."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from asm_hybrid.artefacts import user_path, write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.serve import plant_work
from asm_hybrid.serve.draft import MOST, Draft
from asm_hybrid.serve.exchanged import Description, Result, Series
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.worker import WorkerEnded
from asm_hybrid.yamlfile import parse_yaml

__all__ = ["Desk", "View"]


class View(Protocol):
    """A tab of the browser that shows a desk."""

    def draft_changed(self, here: bool) -> None:
        """Show the scenario file anew; `here` says whether this tab changed it."""

    def description_changed(self) -> None:
        """Show anew what can be changed."""

    def result_changed(self) -> None:
        """Show the last result, or what failed."""

    def progress_changed(self) -> None:
        """Show what is being done."""


@dataclass(eq=False)
class Desk:
    """The state.

    Attributes
    ----------
    program : Program
        The program.
    subject : str
        What was opened.
    draft : Draft
        The scenario file.
    description : Description or None
        What can be changed; None until it is read.
    result, simulated : Result or None, dict or None
        The last result, and the scenario file that it came from.
    failed, unread : Exception or None
        What the last simulation raised, and what reading the plant did.
    doing : str
        What is being done; empty otherwise.
    seconds : float
        How long the last simulation took, from the click to its result [s].
    views : list of View
        The tabs.
    """

    program: Program
    subject: str
    draft: Draft = field(default_factory=Draft)
    description: Description | None = None
    result: Result | None = None
    simulated: dict[str, Any] | None = None
    failed: Exception | None = None
    unread: Exception | None = None
    doing: str = ""
    seconds: float = 0.0
    views: list[View] = field(default_factory=list)
    _described: dict[str, Any] | None = None

    @property
    def outdated(self) -> bool:
        """Whether the scenario file has changed since the last result."""
        return self.simulated is not None and self.simulated != self.draft.document()

    async def open(self) -> None:
        """Read the plant, and simulate its base case."""
        self._do("Reading the plant")
        await self.describe()
        self._do("")
        if self.unread is None:
            await self.run()

    async def describe(self) -> None:
        """Read what can be changed, where what holds for all cases is new."""
        settings = self.draft.settings
        if self.description is not None and self.unread is None and settings == self._described:
            return
        self.unread = None
        try:
            self.description = await self.program.worker.call(plant_work.describe, self.subject, settings)
            self._described = settings
        except Exception as error:
            self.unread = error
        self.tell_views(lambda view: view.description_changed())

    async def run(self) -> None:
        """Simulate the base case and the scenarios as they stand."""
        if self.doing:
            return
        document, began = self.draft.document(), time.perf_counter()
        self._do("Simulating")
        try:
            found = await self.program.worker.call(plant_work.simulate, self.subject, document, tell=self._progress)
        except Exception as error:
            self.failed = error
        else:
            self.failed, self.result, self.simulated = None, found, document
        self._do("")
        self.seconds = time.perf_counter() - began
        self.tell_views(lambda view: view.result_changed())

    def stop(self) -> None:
        """End what is being simulated."""
        self.program.worker.stop()

    async def series(self, names: tuple[str, ...]) -> Series | None:
        """Return series of the last result; None where there is none."""
        if self.simulated is None:
            return None
        found: Series = await self._again(plant_work.series, names)
        return found

    async def drawing(self, case: str) -> str:
        """Return the flow sheet of a case as it stands in the scenario file."""
        return await self.program.worker.call(plant_work.draw, self.subject, self.draft.document(), case)

    async def tables(self) -> dict[str, str]:
        """Return the tables of the last result, as the command line writes them."""
        found: dict[str, str] = await self._again(plant_work.csv_files)
        return found

    async def page(self) -> bytes:
        """Return the page of the last result, as the command line writes it."""
        found: bytes = await self._again(plant_work.page)
        return found

    async def _again(self, function: Callable[..., Any], *args: Any) -> Any:
        """Ask for something of the last result, once more where the process was ended meanwhile."""
        assert self.simulated is not None
        try:
            return await self.program.worker.call(function, self.subject, self.simulated, *args)
        except WorkerEnded:
            return await self.program.worker.call(function, self.subject, self.simulated, *args)

    # The scenario file

    def edited(self, by: View | None) -> None:
        """Tell the tabs that the scenario file has changed.

        Parameters
        ----------
        by : View or None
            The tab that changed it.
        """
        self.tell_views(lambda view: view.draft_changed(view is by))

    async def load(self, text: str, name: str, file: Path | None, by: View | None) -> None:
        """Take a scenario file in the place of what is there.

        Parameters
        ----------
        text : str
            The file.
        name : str
            Its name, for messages.
        file : Path or None
            Where it is; None where a browser sent it.
        by : View or None
            The tab.

        Raises
        ------
        InputError
            When it is no scenario file of this plant; nothing has changed then.
        """
        await self.program.worker.call(plant_work.opened_file, text, name)
        draft = Draft.of(parse_yaml(text, name), file)
        if len(draft.names) > MOST:
            raise InputError(
                f"the file has {len(draft.names)} scenarios",
                where=name,
                expected=f"at most {MOST}, which is what the page compares",
                fix="simulate it by the command line, or remove some of them",
            )
        described = await self.program.worker.call(plant_work.describe, self.subject, draft.document())
        self.draft, self.description, self._described = draft, described, draft.settings
        self.tell_views(lambda view: view.description_changed())
        self.edited(by)

    def save(self, given: str, replace: bool) -> Path:
        """Write the scenario file.

        Parameters
        ----------
        given : str
            Its path, below the working folder.
        replace : bool
            Whether a file that is there may be replaced.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            When the path is elsewhere, or may not be written.
        FileExistsError
            When there is such a file, and it may not be replaced.
        """
        path = self.path(given)
        if path.suffix not in (".yaml", ".yml"):
            raise InputError(f"{given!r} does not end in .yaml", expected="the name of a YAML file")
        if not replace and os.path.lexists(path):  # a name that is too long is refused when it is written
            raise FileExistsError(str(path))
        write_text_atomic(path, self.draft.text())
        self.draft.file, self.draft.saved = path, self.draft.version
        return path

    def path(self, given: str) -> Path:
        """Return a path below the working folder.

        Parameters
        ----------
        given : str
            What the user wrote.

        Returns
        -------
        Path

        Raises
        ------
        InputError
            When it is elsewhere.
        """
        folder = self.program.folder.resolve()
        path = (folder / user_path(given.strip())).resolve()
        if not given.strip() or not path.is_relative_to(folder) or path == folder:
            raise InputError(
                f"{given!r} is not below the folder in which the program was started",
                expected=f"a path below {folder}",
                fix="download the file instead, or start the program in another folder",
            )
        return path

    def tell_views(self, what: Callable[[View], None]) -> None:
        """Tell all tabs; one that fails, as a tab that is just being closed may, does not keep it from the others."""
        for view in list(self.views):
            try:
                what(view)
            except Exception:
                logging.getLogger(__name__).exception("a tab of the browser could not show what is new")

    def _do(self, what: str) -> None:
        self.doing = what
        self.tell_views(lambda view: view.progress_changed())

    def _progress(self, text: str, share: float) -> None:
        if self.doing:
            self._do(f"Simulating: {text} {100 * share:.0f} %")
