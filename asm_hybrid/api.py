"""What a script or a notebook calls: ``import asm_hybrid as ah``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asm_hybrid.jobs import open_job, open_run
from asm_hybrid.live import receiver_of
from asm_hybrid.newdata.given import NewData
from asm_hybrid.paths import as_folder, as_path
from asm_hybrid.yamlfile import YamlSource

if TYPE_CHECKING:
    from asm_hybrid.equations.result import EquationResult
    from asm_hybrid.export.distilled import Distilled
    from asm_hybrid.notebook.check_result import CheckResult
    from asm_hybrid.notebook.new_data_result import Forecast, Prediction
    from asm_hybrid.notebook.run_result import RunResult
    from asm_hybrid.notebook.simulation_result import Simulation
    from asm_hybrid.proposal.data_proposal import DataProposal

__all__ = [
    "check",
    "diagnose",
    "distill",
    "forecast",
    "load_config",
    "load_plant",
    "load_run",
    "predict",
    "propose_data",
    "resume",
    "run",
    "simulate",
]


def run(
    config: YamlSource,
    out: str | Path | None = None,
    *,
    progress: bool = False,
    plot: bool = False,
    accept: bool = False,
) -> RunResult | EquationResult:
    """Do the whole job: train what a config describes, diagnose what f lacks, and write the report.

    Parameters
    ----------
    config : str, Path or mapping
        The config of a plant with data, or of a generic ODE: a YAML file, or what would stand in it. Paths in a
        mapping hold from the current folder.
    out : str or Path, optional
        The run folder, new or empty; a dated one below ``runs`` without it.
    progress : bool
        Whether to show what is being done.
    plot : bool
        Whether to draw predictions against data while a plant trains, refreshed after validations, into
        ``progress.png`` in the run folder, and in a notebook below the cell.
    accept : bool
        Whether to take the corrections of the record that the data clearly call for, as ``diagnosis.accept`` of the
        config says. They stand in the ``config.yaml`` of the run folder.

    Returns
    -------
    RunResult or EquationResult
        Of a plant, or of a generic ODE. After Ctrl-C, or the stop button of a notebook, the best model so far is in
        it, and ``interrupted`` is true.

    Raises
    ------
    InputError
        When config, data or folder cannot be used; with file, line and key, for a mapping with the key.
    SimulationError
        When a simulation diverges; the last good model is in the folder then.
    """
    with receiver_of(progress) as receiver:
        return open_job(config).run(as_folder(out), receiver, plot=plot, accept=accept)


def resume(folder: str | Path, *, progress: bool = False, plot: bool = False) -> RunResult:
    """Go on with a run of a plant that was stopped; it ends as it would have in one go, to the same bits.

    Parameters
    ----------
    folder : str or Path
        Its run folder.
    progress : bool
        Whether to show what is being done.
    plot : bool
        As in `run`.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        When there is nothing to go on from, or config or data have changed.
    SimulationError
        When a simulation diverges.
    """
    from asm_hybrid.workflow import resume_training

    with receiver_of(progress) as receiver:
        return resume_training(open_run(folder).fitted(), receiver, plot=plot)


def diagnose(folder: str | Path, *, progress: bool = False) -> RunResult:
    """Diagnose a finished run of a plant with this version, and write its report anew; nothing is trained.

    Parameters
    ----------
    folder : str or Path
        Its run folder.
    progress : bool
        Whether to show what is being done.

    Returns
    -------
    RunResult
        With its answers to standard changes, which runs of earlier versions do not have.

    Raises
    ------
    InputError
        When the run is not finished, another process is writing it, or a file of it is not the one that was written.
    """
    from asm_hybrid.workflow import diagnose_again

    with receiver_of(progress) as receiver:
        return diagnose_again(open_run(folder).fitted(), receiver)


def distill(folder: str | Path, out: str | Path | None = None, *, force: bool = False) -> Distilled:
    """Write the law that a run found for what f lacks as a kinetics table, and the config of the run with that table.

    Both can be trained, checked and simulated like any other.

    Parameters
    ----------
    folder : str or Path
        The folder of a finished run of a plant.
    out : str or Path, optional
        Folder for ``kinetics.yaml`` and ``config.yaml``, new or empty; ``distilled`` in the run folder without it.
    force : bool
        Whether to replace these two files where the folder holds some.

    Returns
    -------
    Distilled
        The two files, and the law: formula, constants with intervals, scores.

    Raises
    ------
    InputError
        When the run is not finished, its diagnosis has no law that was kept, or the folder is in use.
    """
    from asm_hybrid.workflow import distill_run

    return distill_run(open_run(folder).fitted(), as_folder(out), force=force)


def load_run(folder: str | Path) -> RunResult | EquationResult:
    """Return what `run` returned when the folder was made.

    Parameters
    ----------
    folder : str or Path
        A run folder, or a bundle.

    Returns
    -------
    RunResult or EquationResult

    Raises
    ------
    InputError
        When a file is asked for that is missing, or is not the one that was written.
    """
    return open_run(folder).result()


def load_config(path: str | Path) -> dict[str, Any]:
    """Return a config as a dict, to be changed in Python and given to `run`, `check` or `simulate`.

    Parameters
    ----------
    path : str or Path
        The config of a plant with data, or of a generic ODE.

    Returns
    -------
    dict
        What stands in the file, every default written out, paths absolute.

    Raises
    ------
    InputError
        When it cannot be read; with file, line and key.
    """
    return open_job(path).content()


def load_plant(name: str | Path) -> dict[str, Any]:
    """Return a plant as a dict, to be changed in Python and given to `simulate` or `check`.

    Parameters
    ----------
    name : str or Path
        A shipped layout such as ``"bsm1"``, or the file of a plant.

    Returns
    -------
    dict
        What stands in the file and in those that it extends, every default written out, paths absolute.

    Raises
    ------
    InputError
        When it cannot be read; with file, line and key.
    """
    return open_job(name).content()


def simulate(
    subject: YamlSource,
    scenario: YamlSource | None = None,
    out: str | Path | None = None,
    *,
    progress: bool = False,
    workers: int = 1,
) -> Simulation:
    """Simulate a plant or a fitted model, with and without changes.

    Parameters
    ----------
    subject : str, Path or mapping
        A shipped layout such as ``"bsm1"``, the file of a plant, or the config of a training, which is simulated over
        its record with f as the config has it; or what would stand in such a file. Or the folder of a run or a bundle.
    scenario : str, Path or mapping, optional
        The scenario file, or its content. Without it the base case of a plant runs for 14 d, or over its record;
        that of a fitted model over the test block.
    out : str or Path, optional
        Folder for series, indicators, plots and page; nothing is written without it.
    progress : bool
        Whether to show what is being done.
    workers : int
        Processes at most for the scenarios. With more than one, a script must guard its main part by
        ``if __name__ == "__main__"``, as `multiprocessing` wants it.

    Returns
    -------
    Simulation
        Series, indicators and states of all cases as data frames.

    Raises
    ------
    InputError
        When plant, run, scenario or folder cannot be used.
    SimulationError
        When a simulation fails.
    """
    with receiver_of(progress) as receiver:
        share = receiver.share
        return open_job(subject).simulate(scenario, as_folder(out), share, write=out is not None, workers=workers)


def predict(run: str | Path, data: NewData, out: str | Path | None = None) -> Prediction:
    """Predict new data with a fitted model, open loop, and say whether it still holds.

    Parameters
    ----------
    run : str or Path
        A run folder, or a bundle.
    data : str, Path, mapping, or sequence of str or Path
        A file with the columns of the run's only source; for several sources a dict of source and file, or a list of
        ``"SOURCE=FILE"``; or a YAML file or a dict with ``data``, a column map of its own.
    out : str or Path, optional
        Folder for series, scores, plot and page; nothing is written without it.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        When run, data or folder cannot be used; with file, column and row.
    SimulationError
        When the simulation diverges.
    """
    return open_run(run).predict(data, as_folder(out), write=out is not None)


def forecast(
    run: str | Path,
    data: NewData,
    out: str | Path | None = None,
    *,
    horizon: str = "48 h",
    influent: NewData = "diurnal",
    now: str | None = None,
) -> Forecast:
    """Forecast with a fitted model what comes after the data that are known now.

    Parameters
    ----------
    run : str or Path
        A run folder.
    data : str, Path, mapping, or sequence of str or Path
        The data until now, named as for `predict`. They begin in the record of the run, or later.
    out : str or Path, optional
        Folder for forecast, plot and page; nothing is written without it.
    horizon : str
        How far; a multiple of the interval of the run.
    influent : str, Path, mapping, or sequence of str or Path
        What comes in: ``"diurnal"``, the mean day of the last two weeks; ``"last-week"``, the same hours a week before;
        or files, named as the data.
    now : str, optional
        From when, in the notation of ISO 8601; what the data hold after it is as if it were not there. The end of the
        inputs without it.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When run, data, influent, horizon or folder cannot be used.
    SimulationError
        When the simulation diverges.
    """
    where = as_folder(out)
    return open_run(run).forecast(data, where, horizon=horizon, influent=influent, now=now, write=out is not None)


def check(subject: YamlSource) -> CheckResult:
    """Validate a config and its data, or a plant, without training or simulating; nothing is written.

    Parameters
    ----------
    subject : str, Path or mapping
        A config, the file of a plant, or a shipped layout; or what would stand in such a file.

    Returns
    -------
    CheckResult
        Findings as a data frame, all that was understood as text, and the flow sheet.

    Raises
    ------
    InputError
        When the file cannot be read at all; with file, line and key, for a mapping with the key.
    """
    return open_job(subject).check()


def propose_data(
    files: str | Path | Sequence[str | Path],
    plant: YamlSource | None = None,
    *,
    zone: str | None = None,
    day_first: bool | None = None,
    decimal: str | None = None,
    origin: str | None = None,
    names: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> DataProposal:
    """Look at files that nobody has described, and propose the section ``data`` of a config.

    Parameters
    ----------
    files : str or Path, or sequence of these
        CSV, Excel or Parquet files that belong together.
    plant : str, Path or mapping, optional
        A config, with or without data, the file of a plant, or a shipped layout: tanks are told by its names.
    zone : str, optional
        Time zone of stamps that tell none.
    day_first : bool, optional
        Whether the day stands before the month, where the file does not tell.
    decimal : str, optional
        The decimal sign, a point or a comma, where the file does not tell.
    origin : str, optional
        The stamp at which a time in numbers is zero.
    names : mapping of str to str, optional
        By header, what columns stand for, or ``"ignored"``.
    units : mapping of str to str, optional
        By header, the units of columns.

    Returns
    -------
    DataProposal
        What was understood as text, the questions that are open, and the section as YAML.

    Raises
    ------
    InputError
        When a file is none of series, or an answer fits nothing.
    """
    from asm_hybrid.proposal.answers import Answers
    from asm_hybrid.proposal.propose import propose

    several = [files] if isinstance(files, str | Path) else list(files)
    paths = [as_path(file, "the path of a file") for file in several]
    return propose(paths, plant, Answers(zone, day_first, decimal, origin, names or {}, units or {}))
