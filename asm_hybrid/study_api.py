"""What a script or a notebook calls for many cases of a plant: ``import asm_hybrid as ah``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from asm_hybrid.jobs import open_job
from asm_hybrid.live import receiver_of
from asm_hybrid.parallel import Pool
from asm_hybrid.paths import as_folder, as_path
from asm_hybrid.yamlfile import YamlSource

if TYPE_CHECKING:
    from asm_hybrid.live import LiveProgress
    from asm_hybrid.notebook.optimisation_result import Optimisation
    from asm_hybrid.notebook.sweep_result import Sweep
    from asm_hybrid.parallel import Progress
    from asm_hybrid.training.progress import Silent

__all__ = ["optimise", "resume_sweep", "sweep"]


def sweep(
    subject: YamlSource,
    study: YamlSource,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Sweep:
    """Simulate many cases of a plant or a fitted model, or train many, side by side.

    Parameters
    ----------
    subject : str, Path or mapping
        As for `simulate`: a layout, the file of a plant, a config, or the folder of a run or a bundle. Where factors
        are keys of a config, it is trained.
    study : str, Path or mapping
        The study file, or its content.
    out : str or Path, optional
        The folder, new or empty; a dated one below ``studies`` without it.
    workers : int, optional
        Processes of this machine; one a core without it. With one, all is done in this process.
    cluster : str, optional
        Address of the scheduler of a dask cluster, such as ``tcp://HOST:8786``, in place of this machine.
    progress : bool
        Whether to show what is being done.

    Returns
    -------
    Sweep
        Cases, series and sensitivities as data frames; the folder has the page. Its figures are the same, to the bit,
        whatever the number of processes. Cases that failed are in it with their reason.

    Raises
    ------
    InputError
        When subject, study or folder cannot be used, before anything is simulated.
    """
    with receiver_of(progress) as receiver:
        return open_job(subject).sweep(study, as_folder(out), Pool(workers, cluster), _told(receiver))


def resume_sweep(
    folder: str | Path, *, workers: int | None = None, cluster: str | None = None, progress: bool = False
) -> Sweep:
    """Go on with a study that was stopped; it ends with the figures that it would have had in one go, to the bit.

    Parameters
    ----------
    folder : str or Path
        Its folder.
    workers, cluster, progress
        As in `sweep`.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        When there is nothing to go on with, or what decides its figures has changed.
    """
    from asm_hybrid.notebook.sweep_result import Sweep
    from asm_hybrid.sweeps.running import resume_study

    with receiver_of(progress) as receiver:
        where = as_path(folder, "the path of a folder")
        return Sweep(*resume_study(where, Pool(workers, cluster), _told(receiver)))


def optimise(
    subject: YamlSource,
    goal: YamlSource,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Optimisation:
    """Find set points, flows and schedules that cost least within effluent limits.

    Parameters
    ----------
    subject : str, Path or mapping
        As for `simulate`: a layout, the file of a plant, a config, or the folder of a run or a bundle.
    goal : str, Path or mapping
        The goal file, or its content.
    out : str or Path, optional
        The folder, in which files of the same name are replaced; a dated one below ``optimisations`` without it.
    workers : int, optional
        Processes of this machine; one a core without it. With one, all is done in this process.
    cluster : str, optional
        Address of the scheduler of a dask cluster, such as ``tcp://HOST:8786``, in place of this machine.
    progress : bool
        Whether to show what is being done.

    Returns
    -------
    Optimisation
        What was found and what may be claimed of it. Its figures are the same whatever the number of processes.

    Raises
    ------
    InputError
        When subject, goal or folder cannot be used.
    SimulationError
        When present operation or optimum cannot be simulated.
    """
    with receiver_of(progress) as receiver:
        return open_job(subject).optimise(goal, as_folder(out), Pool(workers, cluster), receiver.share)


def _told(receiver: LiveProgress | Silent) -> Callable[[Progress], None]:
    """Return what takes how far a study is."""
    return lambda p: receiver.cases(p.done, p.failed, p.total, p.rate, p.left)
