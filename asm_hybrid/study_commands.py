"""The commands on many cases: ``sweep`` and ``optimise``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asm_hybrid.parallel import Pool, early_pool

__all__ = ["optimise", "sweep"]

INTERRUPTED = 130
"""Exit code of a study that was stopped."""
NEEDED = ("asm_hybrid.scenario.fitted_subject", "asm_hybrid.studies.evaluation")
"""Modules that the processes for cases need."""

Workers = Annotated[
    int | None, typer.Option("--workers", "-w", min=1, help="Processes of this machine. Default: one a core.")
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Scheduler of a dask cluster that runs already, such as tcp://HOST:8786, in place of this machine.",
        show_default=False,
    ),
]


def sweep(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="A shipped layout such as bsm1, the YAML file of a plant, a config, or a run folder or bundle.",
            metavar="[PLANT_OR_RUN]",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option("--study", "-s", help="YAML file with factors, design and outputs.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder, new or empty. Default: studies/NAME-DATE-TIME.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", "-r", help="Folder of a study that was stopped, which goes on; instead of the rest."),
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
) -> None:
    """Simulate many cases of a plant or a fitted model, or train many, and say what the factors do.

    Every case is what asm-hybrid simulate gives for the same changes. A case that fails is listed and stops no other.

    For example:

      asm-hybrid sweep bsm1 --study configs/studies/bsm1_sludge_age.yaml

      asm-hybrid sweep runs/RUN --study configs/studies/quickstart.yaml --workers 4

      asm-hybrid sweep --resume studies/STUDY

    A study that was stopped, by Ctrl-C, a kill or a full disk, goes on where it was and ends with the same figures.
    Study files: docs/studies.md.
    """
    given = subject is not None and study is not None
    if given == (resume is not None) or (resume is not None and (subject or study or out)):
        raise typer.BadParameter("give either PLANT_OR_RUN and --study FILE, or --resume FOLDER alone")
    with early_pool(Pool(workers, cluster), NEEDED):
        from asm_hybrid import study_api
        from asm_hybrid.study_terminal import print_study
        from asm_hybrid.sweeps.folder import Stopped

        try:
            if resume is not None:
                found = study_api.resume_sweep(resume, workers=workers, cluster=cluster, progress=True)
            else:
                found = study_api.sweep(str(subject), str(study), out, workers=workers, cluster=cluster, progress=True)
        except Stopped as stopped:
            typer.echo(f"interrupted; to go on: asm-hybrid sweep --resume {stopped.folder}", err=True)
            raise typer.Exit(INTERRUPTED) from None
    print_study(found.found, found.folder)


def optimise(
    subject: Annotated[
        str,
        typer.Argument(
            help="A shipped layout such as bsm1, the YAML file of a plant, a config, or a run folder or bundle.",
            metavar="PLANT_OR_RUN",
            show_default=False,
        ),
    ],
    goal: Annotated[
        Path,
        typer.Option(
            "--goal", "-g", help="YAML file with what is minimised, limits, decisions, schedules.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the result. Default: optimisations/NAME-DATE-TIME.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
) -> None:
    """Find set points, flows and schedules that cost least within effluent limits, and say what is gained.

    Decisions are searched by simulations, schedules by the slopes of the plant's equations. What is reported comes from
    simulations of the present operation and of the optimum alone, with all seeds of a run.

    For example:

      asm-hybrid optimise bsm1_closed --goal configs/goals/bsm1_closed.yaml

      asm-hybrid optimise runs/RUN --goal configs/goals/quickstart.yaml

    Goal files: docs/optimise.md.
    """
    with early_pool(Pool(workers, cluster), NEEDED):
        from asm_hybrid import study_api
        from asm_hybrid.optimisation_terminal import print_optimum

        found = study_api.optimise(subject, goal, out, workers=workers, cluster=cluster, progress=True)
    print_optimum(found.found, found.folder)
