"""What a user names, and what can be done with it: the kind of a file or a folder is decided here and nowhere else."""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from asm_hybrid.config import available_layouts, load_plant_or_config
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.newdata.given import NewData
from asm_hybrid.paths import as_path
from asm_hybrid.training.progress import Progress
from asm_hybrid.unpacked import is_zip, run_folder
from asm_hybrid.yamlfile import YamlSource, load_yaml, parse_yaml, source_name

if TYPE_CHECKING:
    from asm_hybrid.equations.result import EquationResult
    from asm_hybrid.notebook.check_result import CheckResult
    from asm_hybrid.notebook.new_data_result import Forecast, Prediction
    from asm_hybrid.notebook.optimisation_result import Optimisation
    from asm_hybrid.notebook.run_result import RunResult
    from asm_hybrid.notebook.simulation_result import Simulation
    from asm_hybrid.notebook.sweep_result import Sweep
    from asm_hybrid.parallel import Pool
    from asm_hybrid.parallel import Progress as CaseProgress
    from asm_hybrid.scenario.memory import Memory
    from asm_hybrid.scenario.subject import Subject

__all__ = ["EquationJob", "EquationRun", "Job", "PlantJob", "PlantRun", "open_job", "open_run"]

YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Job(ABC):
    """Something that the user named. What cannot be done with it is refused, with the remedy.

    Attributes
    ----------
    source : str, Path or mapping
        What was named, or what would stand in the file.
    what : str
        Its kind, in words.
    remedy : str
        What can be done with it.
    """

    source: YamlSource
    what: ClassVar[str]
    remedy: ClassVar[str]

    def content(self) -> dict[str, Any]:
        """Return what stands in its file, checked and with every default, its paths absolute."""
        raise self._refused("read as a config", "a config, the file of a plant, or a shipped layout")

    def check(self) -> CheckResult:
        """Validate it, without training or simulating."""
        raise self._refused("checked", "a config, the file of a plant, or a shipped layout")

    def run(
        self, out: Path | None, progress: Progress, *, plot: bool = False, accept: bool = False
    ) -> RunResult | EquationResult:
        """Train what it describes, say what f failed to capture, and write the report.

        Parameters
        ----------
        out : Path or None
            The run folder, new or empty; a dated one below ``runs`` without it.
        progress : Progress
            Receiver of progress.
        plot : bool
            Whether to draw the run while it trains.
        accept : bool
            Whether to take the corrections of the record that the data clearly call for.
        """
        raise self._refused("trained", "the config of a plant with data, or of a generic ODE")

    def simulate(
        self,
        scenario: YamlSource | None,
        out: Path | None,
        progress: Callable[[str, float], None],
        *,
        write: bool = True,
        workers: int = 1,
        memory: Memory | None = None,
    ) -> Simulation:
        """Simulate it, with and without changes.

        Parameters
        ----------
        scenario : str, Path or mapping, or None
            The scenario file, or its content.
        out : Path or None
            Where to write; a folder by name and date without it.
        progress : callable
            Called with what is done and the share of it.
        write : bool
            Whether anything is written.
        workers : int
            Processes at most.
        memory : Memory, optional
            Simulations of before, which are not done again where nothing is written.
        """
        raise self._refused("simulated", "a plant, a config with a plant, or the run folder of a plant")

    def sweep(self, study: YamlSource, out: Path | None, pool: Pool, tell: Callable[[CaseProgress], None]) -> Sweep:
        """Simulate, or train, many cases of it.

        Parameters
        ----------
        study : str, Path or mapping
            The study file, or its content.
        out : Path or None
            The folder, new or empty; a dated one below ``studies`` without it.
        pool : Pool
            The processes.
        tell : callable
            Gets the progress.
        """
        raise self._refused("studied", "a plant, a config with a plant, or the run folder of a plant")

    def optimise(
        self, goal: YamlSource, out: Path | None, pool: Pool, tell: Callable[[str, float], None]
    ) -> Optimisation:
        """Find its best operation.

        Parameters
        ----------
        goal : str, Path or mapping
            The goal file, or its content.
        out : Path or None
            Where to write; a dated folder below ``optimisations`` without it.
        pool : Pool
            The processes.
        tell : callable
            Called with what is done and the share of it.
        """
        raise self._refused("optimised", "a plant, a config with a plant, or the run folder of a plant")

    def subject(self) -> Subject:
        """Return what is simulated, when there is a plant."""
        raise self._refused("simulated", "a plant, a config with a plant, or the run folder of a plant")

    def fitted(self) -> Path:
        """Return its folder, when it is the run of a plant."""
        raise self._refused("used as a fitted plant", "the run folder of a plant, or a bundle")

    def predict(self, data: NewData, out: Path | None, *, write: bool = True) -> Prediction:
        """Predict new data with it, when it is the run of a plant.

        Parameters
        ----------
        data : str, Path, mapping, or sequence of str or Path
            The new data.
        out : Path or None
            Where to write; a folder in the run by the name of the data without it.
        write : bool
            Whether anything is written.
        """
        raise self._refused("used as a fitted plant", "the run folder of a plant, or a bundle")

    def forecast(
        self, data: NewData, out: Path | None, *, horizon: str, influent: NewData, now: str | None, write: bool = True
    ) -> Forecast:
        """Forecast with it, when it is the run of a plant.

        Parameters
        ----------
        data : str, Path, mapping, or sequence of str or Path
            The data until now.
        out : Path or None
            Where to write; a folder in the run by the name of the data without it.
        horizon : str
            How far.
        influent : str, Path, mapping, or sequence of str or Path
            What comes in.
        now : str or None
            From when.
        write : bool
            Whether anything is written.
        """
        raise self._refused("used as a fitted plant", "the run folder of a plant")

    def result(self) -> RunResult | EquationResult:
        """Return what it left behind, when it is a run."""
        raise self._refused("read as a run", "a run folder, or a bundle")

    def _refused(self, done: str, expected: str) -> InputError:
        where = source_name(self.source)
        return InputError(f"{self.what} cannot be {done}", where=where, expected=expected, fix=self.remedy)


class PlantJob(Job):
    """A shipped layout, the file of a plant, or the config of a training.

    Attributes
    ----------
    source : str, Path or mapping
        Name of the layout, the file, or what would stand in it.
    """

    what = "a shipped layout, which has no data,"
    remedy = "simulate it, or begin with the config that asm-hybrid init writes"

    def content(self) -> dict[str, Any]:
        """See `Job.content`."""
        return parse_yaml(load_plant_or_config(self.source).to_yaml(), source_name(self.source)).data

    def check(self) -> CheckResult:
        """See `Job.check`."""
        from asm_hybrid.checking import check

        return check(self.source)

    def run(
        self, out: Path | None, progress: Progress, *, plot: bool = False, accept: bool = False
    ) -> RunResult | EquationResult:
        """See `Job.run`."""
        from asm_hybrid.workflow import run_training

        if not isinstance(self.source, Mapping) and not str(self.source).endswith(YAML):
            return super().run(out, progress)
        return run_training(self.source, out, progress, plot=plot, accept=accept)

    def simulate(
        self,
        scenario: YamlSource | None,
        out: Path | None,
        progress: Callable[[str, float], None],
        *,
        write: bool = True,
        workers: int = 1,
        memory: Memory | None = None,
    ) -> Simulation:
        """See `Job.simulate`."""
        from asm_hybrid.notebook.simulation_result import Simulation
        from asm_hybrid.report.simulation import run_simulation
        from asm_hybrid.scenario.plants import simulate_plant

        if write:
            return Simulation(*run_simulation(self.source, scenario, out, progress, workers))
        return Simulation(simulate_plant(self.source, scenario, progress, workers, memory))

    def sweep(self, study: YamlSource, out: Path | None, pool: Pool, tell: Callable[[CaseProgress], None]) -> Sweep:
        """See `Job.sweep`."""
        from asm_hybrid.notebook.sweep_result import Sweep
        from asm_hybrid.sweeps.running import run_study, studied_plant

        return Sweep(*run_study(studied_plant(self.source), study, out, pool, tell))

    def optimise(
        self, goal: YamlSource, out: Path | None, pool: Pool, tell: Callable[[str, float], None]
    ) -> Optimisation:
        """See `Job.optimise`."""
        from asm_hybrid.notebook.optimisation_result import Optimisation
        from asm_hybrid.report.optimisation import optimise_plant

        return Optimisation(*optimise_plant(self.source, goal, out, pool, tell))

    def subject(self) -> Subject:
        """See `Job.subject`."""
        from asm_hybrid.scenario.subject import load_subject

        return load_subject(self.source)


class EquationJob(Job):
    """The config of a generic ODE.

    Attributes
    ----------
    source : str, Path or mapping
        The file, or what would stand in it.
    """

    what = "the config of a generic ODE"
    remedy = "train it, which simulates and fits it"

    def content(self) -> dict[str, Any]:
        """See `Job.content`."""
        from asm_hybrid.equations.config import load_ode_config

        return parse_yaml(load_ode_config(self.source).to_yaml(), source_name(self.source)).data

    def check(self) -> CheckResult:
        """See `Job.check`."""
        from asm_hybrid.equations.fit import describe_ode
        from asm_hybrid.notebook.check_result import CheckResult

        return CheckResult(source_name(self.source), tuple(describe_ode(self.source)))

    def run(
        self, out: Path | None, progress: Progress, *, plot: bool = False, accept: bool = False
    ) -> RunResult | EquationResult:
        """See `Job.run`."""
        from asm_hybrid.equations.fit import train_ode
        from asm_hybrid.equations.page import write_ode_plot
        from asm_hybrid.equations.result import EquationResult

        if plot:
            raise InputError(
                "a generic ODE is not drawn while it is trained",
                where=source_name(self.source),
                expected="the config of a plant",
                fix="leave out --plot, in Python plot=True; its run folder holds plot.svg at the end",
            )
        if accept:
            raise InputError(
                "a generic ODE has no record of a plant that could be corrected",
                where=source_name(self.source),
                expected="the config of a plant",
                fix="leave out --accept, in Python accept=True",
            )
        folder = train_ode(self.source, out, progress).folder
        write_ode_plot(folder)
        return EquationResult(folder)


@dataclass(frozen=True)
class PlantRun(Job):
    """The run folder of a plant, or a bundle.

    Attributes
    ----------
    source : str or Path
        The folder, or a zip of it.
    """

    source: str | Path
    what = "a run folder"
    remedy = "simulate, export or compare it; its config.yaml can be checked and trained again"

    def simulate(
        self,
        scenario: YamlSource | None,
        out: Path | None,
        progress: Callable[[str, float], None],
        *,
        write: bool = True,
        workers: int = 1,
        memory: Memory | None = None,
    ) -> Simulation:
        """See `Job.simulate`."""
        from asm_hybrid.notebook.simulation_result import Simulation
        from asm_hybrid.report.simulation import run_fitted_simulation
        from asm_hybrid.scenario.plants import simulate_run

        self.result()  # says so where the folder holds no run
        if write:
            return Simulation(*run_fitted_simulation(self.fitted(), scenario, out, progress, workers))
        return Simulation(simulate_run(self.fitted(), scenario, progress, workers, memory))

    def sweep(self, study: YamlSource, out: Path | None, pool: Pool, tell: Callable[[CaseProgress], None]) -> Sweep:
        """See `Job.sweep`."""
        from asm_hybrid.notebook.sweep_result import Sweep
        from asm_hybrid.sweeps.running import run_study, studied_run

        self.result()  # says so where the folder holds no run
        return Sweep(*run_study(studied_run(self.fitted()), study, out, pool, tell))

    def optimise(
        self, goal: YamlSource, out: Path | None, pool: Pool, tell: Callable[[str, float], None]
    ) -> Optimisation:
        """See `Job.optimise`."""
        from asm_hybrid.notebook.optimisation_result import Optimisation
        from asm_hybrid.report.optimisation import optimise_run

        self.result()  # says so where the folder holds no run
        return Optimisation(*optimise_run(self.fitted(), goal, out, pool, tell))

    def subject(self) -> Subject:
        """See `Job.subject`."""
        from asm_hybrid.scenario.fitted_subject import load_fitted

        self.result()  # says so where the folder holds no run
        return load_fitted(self.fitted())

    def predict(self, data: NewData, out: Path | None, *, write: bool = True) -> Prediction:
        """See `Job.predict`."""
        from asm_hybrid.newdata.predict import predict
        from asm_hybrid.notebook.new_data_result import Prediction
        from asm_hybrid.report.new_data import run_prediction

        if write:
            return Prediction(*run_prediction(self.fitted(), data, out))
        return Prediction(predict(self.fitted(), data))

    def forecast(
        self, data: NewData, out: Path | None, *, horizon: str, influent: NewData, now: str | None, write: bool = True
    ) -> Forecast:
        """See `Job.forecast`."""
        from asm_hybrid.newdata.forecast import forecast
        from asm_hybrid.notebook.new_data_result import Forecast
        from asm_hybrid.report.new_data import run_forecast

        if write:
            return Forecast(*run_forecast(self.fitted(), data, out, horizon=horizon, influent=influent, now=now))
        return Forecast(forecast(self.fitted(), data, horizon, influent, now))

    def fitted(self) -> Path:
        """See `Job.fitted`; a finished trial is refused, since all that is said of a run rests on its test block."""
        from asm_hybrid.notebook.run_result import RunResult

        folder = run_folder(self.source)
        if (folder / "summary.json").is_file():
            RunResult(folder).refuse_trial()
        return folder

    def result(self) -> RunResult | EquationResult:
        """See `Job.result`."""
        from asm_hybrid.notebook.run_result import RunResult

        return RunResult(run_folder(self.source))


@dataclass(frozen=True)
class EquationRun(Job):
    """The run folder of a generic ODE.

    Attributes
    ----------
    source : str or Path
        The folder, or a zip of it.
    """

    source: str | Path
    what = "the run of a generic ODE"
    remedy = "look at its summary.json and plot.svg; its config.yaml can be trained again"

    def result(self) -> RunResult | EquationResult:
        """See `Job.result`."""
        from asm_hybrid.equations.result import EquationResult

        return EquationResult(run_folder(self.source))


def open_job(source: YamlSource) -> Job:
    """Tell what a user names.

    Parameters
    ----------
    source : str, Path or mapping
        A shipped layout, the file of a plant, a config of a plant or of a generic ODE, or what would stand in such a
        file; a run folder, a bundle, or a zip of either.

    Returns
    -------
    Job

    Raises
    ------
    InputError
        When there is no such thing.
    """
    layouts = available_layouts()
    if isinstance(source, Mapping) or str(source).endswith(YAML):
        return EquationJob(source) if _is_equation(source) else PlantJob(source)
    path = as_path(source, "the name of a layout, a path, or a dict with what would stand in the file")
    if is_zip(path) or (path.is_dir() and (str(source) not in layouts or (path / "config.yaml").exists())):
        return open_run(source)
    if str(source) in layouts:
        return PlantJob(source)
    raise InputError(
        f"{str(source)!r} is no shipped layout, no folder, no zip and no .yaml file",
        expected="one of " + ", ".join(layouts) + ", the .yaml file of a plant or a config, or a run folder or bundle",
        fix=nearest(str(source), layouts),
    )


def open_run(folder: str | Path) -> PlantRun | EquationRun:
    """Tell whose run a folder holds.

    Parameters
    ----------
    folder : str or Path
        A run folder, a bundle, or a zip of either.

    Returns
    -------
    PlantRun or EquationRun
        A folder without a config counts as the former: who reads it says what is missing.
    """
    config = run_folder(folder) / "config.yaml"
    return EquationRun(folder) if os.path.isfile(config) and _is_equation(config) else PlantRun(folder)


def _is_equation(source: YamlSource) -> bool:
    data = load_yaml(source).data
    return "ode" in data and "plant" not in data
