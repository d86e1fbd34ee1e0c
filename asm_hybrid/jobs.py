"""What a user names, and what can be done with it: the kind of a file or a folder is decided here and nowhere else."""

from __future__ import annotations

import os
from abc import ABC
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asm_hybrid.config import available_layouts
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.training.progress import Progress
from asm_hybrid.yamlfile import load_yaml

if TYPE_CHECKING:
    from asm_hybrid.checking import Check
    from asm_hybrid.workflow import RunResult

__all__ = ["EquationJob", "EquationRun", "Job", "PlantJob", "PlantRun", "open_job", "open_run"]

YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Job(ABC):
    """Something that the user named. What cannot be done with it is refused, with the remedy.

    Attributes
    ----------
    source : str or Path
        What was named.
    what : str
        Its kind, in words.
    remedy : str
        What can be done with it.
    """

    source: str | Path
    what: ClassVar[str]
    remedy: ClassVar[str]

    def check(self) -> Check:
        """Validate it, without training or simulating."""
        raise self._refused("checked", "a config, the file of a plant, or a shipped layout")

    def run(self, out: Path | None, progress: Progress) -> RunResult:
        """Train what it describes, say what f failed to capture, and write the report.

        Parameters
        ----------
        out : Path or None
            The run folder, new or empty; a dated one below ``runs`` without it.
        progress : Progress
            Receiver of progress.
        """
        raise self._refused("trained", "the config of a plant with data, or of a generic ODE")

    def fitted(self) -> Path:
        """Return its folder, when it is the run of a plant."""
        raise self._refused("used as a fitted plant", "the run folder of a plant, or a bundle")

    def plant(self) -> str | Path:
        """Return its file or name, when it is a plant that can be simulated."""
        raise self._refused("simulated", "a plant, a config with a plant, or the run folder of a plant")

    def _refused(self, done: str, expected: str) -> InputError:
        return InputError(f"{self.what} cannot be {done}", where=str(self.source), expected=expected, fix=self.remedy)


class PlantJob(Job):
    """A shipped layout, the file of a plant, or the config of a training."""

    what = "a shipped layout, which has no data,"
    remedy = "asm-hybrid simulate simulates it; asm-hybrid init writes a config to start from"

    def check(self) -> Check:  # noqa: D102
        from asm_hybrid.checking import check

        return check(self.source)

    def run(self, out: Path | None, progress: Progress) -> RunResult:  # noqa: D102
        from asm_hybrid.workflow import run_training

        if not str(self.source).endswith(YAML):
            return super().run(out, progress)
        return run_training(self.source, out, progress)

    def plant(self) -> str | Path:  # noqa: D102
        return self.source


class EquationJob(Job):
    """The config of a generic ODE."""

    what = "the config of a generic ODE"
    remedy = "asm-hybrid train simulates and fits it"

    def check(self) -> Check:  # noqa: D102
        from asm_hybrid.checking import Check
        from asm_hybrid.equations.fit import describe_ode

        return Check(tuple(describe_ode(self.source)), 0, None)

    def run(self, out: Path | None, progress: Progress) -> RunResult:  # noqa: D102
        from asm_hybrid.equations.fit import train_ode
        from asm_hybrid.equations.page import ode_lines, write_ode_plot
        from asm_hybrid.workflow import RunResult

        found = train_ode(self.source, out, progress)
        write_ode_plot(found.folder)
        lines = tuple(ode_lines(found.folder))
        return RunResult(found.folder, None if found.interrupted else found.summary, found.interrupted, lines)


class PlantRun(Job):
    """The run folder of a plant, or a bundle."""

    what = "a run folder"
    remedy = "asm-hybrid simulate, export and compare take it; its config.yaml can be checked and trained again"

    def fitted(self) -> Path:  # noqa: D102
        return Path(self.source)


class EquationRun(Job):
    """The run folder of a generic ODE."""

    what = "the run of a generic ODE"
    remedy = "look at its summary.json and plot.svg; its config.yaml can be trained again"


def open_job(source: str | Path) -> Job:
    """Tell what a user names.

    Parameters
    ----------
    source : str or Path
        A shipped layout, the file of a plant, a config of a plant or of a generic ODE, a run folder, or a bundle.

    Returns
    -------
    Job

    Raises
    ------
    InputError
        When there is no such thing.
    """
    text, layouts = str(source), available_layouts()
    if text.endswith(YAML):
        return EquationJob(source) if _is_equation(Path(source)) else PlantJob(source)
    if os.path.isdir(text) and (text not in layouts or os.path.exists(Path(text) / "config.yaml")):
        return open_run(source)
    if text in layouts:
        return PlantJob(text)
    raise InputError(
        f"{text!r} is no shipped layout, no folder and no .yaml file",
        expected="one of " + ", ".join(layouts) + ", the .yaml file of a plant or a config, or a run folder",
        fix=nearest(text, layouts),
    )


def open_run(folder: str | Path) -> Job:
    """Tell whose run a folder holds.

    Parameters
    ----------
    folder : str or Path
        A run folder, or a bundle.

    Returns
    -------
    PlantRun or EquationRun
        A folder without a config counts as the former: who reads it says what is missing.
    """
    config = Path(folder) / "config.yaml"
    return EquationRun(folder) if os.path.isfile(config) and _is_equation(config) else PlantRun(folder)


def _is_equation(path: Path) -> bool:
    data = load_yaml(path).data
    return "ode" in data and "plant" not in data
