"""Processes in jobs of Slurm, submitted by dask-jobqueue from this process, which holds their scheduler."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from threading import Event, Thread
from typing import Any

import dask
from distributed import Security

from asm_hybrid.errors import InputError
from asm_hybrid.parallel.local_cluster import KEYS, NO_PAGE, ONE_THREAD, SETTINGS, Scheduler
from asm_hybrid.parallel.pool import Slurm

__all__ = ["slurm_scheduler"]

LOOK = 10.0
"""Time between two looks whether a job has ended [s]."""


@contextmanager
def slurm_scheduler(slurm: Slurm) -> Iterator[Scheduler]:
    """Hold a scheduler, and submit jobs whose processes join it; a job that ends is submitted again.

    Parameters
    ----------
    slurm : Slurm
        The jobs.

    Yields
    ------
    Scheduler

    Raises
    ------
    InputError
        When dask-jobqueue is not installed, or Slurm takes no jobs.
    """
    if find_spec("dask_jobqueue") is None:
        raise InputError(
            "dask-jobqueue is not installed, which jobs of Slurm need", fix='pip install "asm-hybrid[cluster]"'
        )
    from dask_jobqueue import SLURMCluster

    security: Any = Security.temporary()
    with dask.config.set(SETTINGS):
        try:
            cluster = SLURMCluster(
                cores=slurm.cores,
                processes=slurm.cores,
                memory=slurm.memory,
                walltime=slurm.walltime,
                queue=slurm.queue,
                account=slurm.account,
                python=sys.executable,
                job_script_prologue=[
                    *(f"export {name}={value}" for name, value in ONE_THREAD.items()),
                    *slurm.prologue,
                ],
                worker_extra_args=["--no-dashboard", "--memory-limit", "0"],  # Slurm looks after that
                scheduler_options=NO_PAGE,
                security=security,
                protocol="tls://",
                shared_temp_directory=os.getcwd(),
                silence_logs="critical",
            )
            cluster.scale(jobs=slurm.jobs)
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(
                f"Slurm takes no jobs ({error})",
                where="cluster",
                expected="a machine from which `sbatch` submits jobs",
                fix="begin the study on a login node, and see what sbatch says there",
            ) from error
        ended = Event()
        Thread(target=_keep, args=(cluster, slurm.jobs, ended), daemon=True).start()
        try:
            yield Scheduler(cluster.scheduler_address, {name: getattr(security, name) for name in KEYS}, patient=True)
        finally:
            ended.set()
            with suppress(OSError, RuntimeError, TimeoutError):
                cluster.close(timeout=10)


def _keep(cluster: Any, jobs: int, ended: Event) -> None:
    """Submit jobs that have ended again, which dask-jobqueue does for jobs of a single process alone."""
    known: set[str] = set()
    while not ended.wait(LOOK):
        joined = [str(worker["name"]) for worker in cluster.scheduler_info["workers"].values()]
        here = {job for job in cluster.workers if any(name == job or name.startswith(f"{job}-") for name in joined)}
        for job in known - here:
            cluster.workers.pop(job, None)
        if known - here:
            cluster.scale(jobs=jobs)
        known = here
