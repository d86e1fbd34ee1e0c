"""One training, as it goes: its progress, losses, picture and log; to stop it, to go on, to open its run."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

from nicegui import ui

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.serve.charts import Line, chart_options
from asm_hybrid.serve.run_files import file_address
from asm_hybrid.serve.run_page import run_address
from asm_hybrid.serve.shell import note, tell
from asm_hybrid.serve.training_list import METRICS, STATES, RunEntry
from asm_hybrid.serve.training_process import Step, Trainings, further, read_log, read_losses, step_of

__all__ = ["TrainingPanel"]

PICTURE = "progress.png"
FEW = 30
"""Points of a line below which each of them is drawn: a single one makes no line."""
STOPPED = "Ctrl-C was sent: it keeps the best so far, which can take a moment."
AT_ONCE = "It was ended at once: it goes on from its last checkpoint."


class TrainingPanel:
    """A panel that follows one training at a time.

    Parameters
    ----------
    trainings : Trainings
        All trainings.

    Attributes
    ----------
    folder : Path or None
        The run that is shown.
    """

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings
        self.folder: Path | None = None
        self._seen: dict[str, object] = {}
        self._found: dict[str, list[tuple[int, float]]] = {}
        self._title = ui.html("", tag="h2", sanitize=False)
        self._messages = ui.element("div").classes("ah-messages").props('role=alert aria-label="This training"')
        self._state = ui.label().classes("ah-followed").props("role=status")
        self._bar = ui.linear_progress(0.0, show_value=False, size="12px").props('aria-label="Share of the stage"')
        self._note = ui.label().classes("ah-muted")
        with ui.element("div").classes("ah-row"):
            self._stop = ui.button("Stop", on_click=self._end)
            self._go_on = ui.button("Go on", on_click=self._resume)
            self._open = ui.link("Open the run", "/run")
            ui.button("Close", on_click=self.close).props("outline")
        self._losses = ui.element("figure").classes("ah-figure")
        self._chart: ui.echart | None = None
        self._picture = ui.html("", sanitize=False)
        with ui.element("details") as details:
            ui.html("Log", tag="summary", sanitize=False)
            self._where = ui.label().classes("ah-muted")
            self._log = ui.html("", tag="pre", sanitize=False).classes("ah-log")
            self._log.props('tabindex=0 aria-label="Log" role=region')
        details.props("open")

    def show(self, folder: Path) -> None:
        """Follow a training.

        Parameters
        ----------
        folder : Path
            Its run folder.
        """
        self.folder, self._seen = folder, {}
        self._losses.clear()
        self._chart = None
        self._title.set_content(html.escape(f"Training {folder.name}"))
        self._where.set_text(str(self._trainings.log(folder)))
        note("", within=self._messages)
        self.look()

    def close(self) -> None:
        """Follow no training."""
        self.folder = None

    def look(self) -> None:
        """Show where the training is now; what has not changed is not drawn again."""
        if self.folder is None:
            return
        entry = self._trainings.entry(self.folder)
        if entry is None:
            self._state.set_text("there is no such run")
            return
        log = read_log(self._trainings.log(self.folder))
        if self._changed("log", log):
            self._log.set_content(html.escape(log) or "nothing was printed; it was not begun from this page")
            ui.run_javascript(f"const log = getHtmlElement({self._log.id}); if (log) log.scrollTop = log.scrollHeight")
        if self._changed("losses", _written(self.folder / METRICS)):
            self._found = read_losses(self.folder)
            self._show_losses()
        if self._changed("step", (entry, log, _written(self.folder / METRICS))):
            self._show_step(entry, further(step_of(log), self._found))
        if self._changed("picture", _written(self.folder / PICTURE)):
            self._show_picture(self.folder)

    def _changed(self, what: str, now: object) -> bool:
        before = self._seen.get(what, self)
        self._seen[what] = now
        return before is self or before != now

    def _show_step(self, entry: RunEntry, step: Step) -> None:
        goes = entry.state in ("running", "stopping")
        if self._changed("state", entry.state) and not goes:
            note("", within=self._messages)
        told = f": {step.title}" if goes and step.title else f": {entry.message}" if entry.message else ""
        self._state.set_text(STATES[entry.state] + told)
        parts = [
            step.note,
            f"the run: {step.left} left" if step.left else "",
            f"by {entry.holder}" if entry.holder else "",
        ]
        self._note.set_text("; ".join(filter(None, parts)) if goes else entry.verdict)
        self._bar.visible = goes
        self._bar.set_value(step.share or 0.0)
        self._bar.props(
            add="indeterminate" if step.share is None else "", remove="" if step.share is None else "indeterminate"
        )
        self._stop.visible = goes
        self._stop.set_text("End at once" if entry.state == "stopping" else "Stop")
        self._go_on.visible = entry.state == "stopped"
        self._open.visible = entry.openable
        self._open.props(f'href="{html.escape(run_address(entry.folder))}"')

    def _show_losses(self) -> None:
        found = self._found
        lines = [
            Line(name, [float(step) for step, _ in points], [loss for _, loss in points], colour=k)
            for k, (name, points) in enumerate(found.items())
        ]
        if not lines:
            return
        options = chart_options("Loss", "-", lines)
        options["xAxis"] |= {"name": "step"}
        options["yAxis"] |= {"type": "log"}
        options["yAxis"]["axisLabel"] = {**options["yAxis"]["axisLabel"], ":formatter": "v => +(+v).toPrecision(3)"}
        options["dataZoom"] = []
        options["grid"]["bottom"] = 34
        for series in options["series"]:
            series["showSymbol"] = len(series["data"]) < FEW
        last = "; ".join(f"{name}: {points[-1][1]:.4g} at step {points[-1][0]}" for name, points in found.items())
        if self._chart is None:
            with self._losses:
                ui.html("Loss by stage, the best of the seeds", tag="figcaption", sanitize=False)
                self._chart = ui.echart(options).style("height: 260px").props("role=img")
        else:
            self._chart.options.update(options)
        self._chart.props(f'aria-label="Chart of the loss over the steps of each stage. {html.escape(last)}"')

    def _show_picture(self, folder: Path) -> None:
        stamp = _written(folder / PICTURE)
        address = file_address(folder, PICTURE, stamp)
        alt = "Measured and predicted up to the end of the validation block, as it is now"
        image = f'<img src="{html.escape(address)}" alt="{alt}" style="max-width: 100%">' if stamp else ""
        self._picture.set_content(image)

    def _end(self) -> None:
        entry = self._trainings.entry(self.folder) if self.folder else None
        self._do(self._trainings.stop, AT_ONCE if entry is not None and entry.state == "stopping" else STOPPED)

    def _resume(self) -> None:
        self._do(self._trainings.go_on, "")

    def _do(self, action: Callable[[Path], None], said: str) -> None:
        """Do something with the training, and say what happens then, or why not."""
        if self.folder is None:
            return
        try:
            action(self.folder)
        except AsmHybridError as error:
            tell(error, self._messages)
        else:
            note(said, "note", self._messages)
        self.look()


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
