"""The commands about new data of a fitted run: ``asm-hybrid predict`` and ``asm-hybrid forecast``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["RunFolder", "forecast", "predict"]

RunFolder = Annotated[Path, typer.Argument(help="Run folder, or exported bundle (folder or zip).", show_default=False)]

NewFiles = Annotated[
    list[str],
    typer.Option(
        "--data",
        "-d",
        help="File of series; SOURCE=FILE for each where the run has several sources; or a YAML file with a section "
        "data, where columns, units or stamps are not those of the run.",
        show_default=False,
    ),
]


def predict(
    run: RunFolder,
    data: NewFiles,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the result. Default: RUN/predictions/NAME.")
    ] = None,
) -> None:
    """Predict new data with a fitted model, score it, and say whether the model still holds.

    The model goes on from the state that it reached along its record. Nothing is trained, and no measurement moves it.

    For example:

      asm-hybrid predict runs/RUN --data june.csv

      asm-hybrid predict runs/RUN --data online=june.csv --data influent=lab-june.csv

      asm-hybrid predict runs/RUN --data new-logger.yaml --out results/june

    The exit code is 0 also where the model no longer holds: prediction.json has "alarm": true then. docs/new-data.md
    """
    from asm_hybrid.jobs import open_run
    from asm_hybrid.new_data_terminal import print_prediction

    print_prediction(open_run(run).predict(data, out))


def forecast(
    run: RunFolder,
    data: NewFiles,
    horizon: Annotated[str, typer.Option("--horizon", "-t", help="How far, such as 48h or 90 min.")] = "48h",
    influent: Annotated[
        list[str] | None,
        typer.Option(
            "--influent",
            "-i",
            help="What comes in: diurnal (mean day of the last two weeks), last-week (same hours a week before), or "
            "files, named as those of --data. Default: diurnal.",
            show_default=False,
        ),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option("--now", help="From when, such as 2024-06-01T12:00. Default: the end of the inputs."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the result. Default: RUN/forecasts/NAME.")
    ] = None,
) -> None:
    """Forecast tomorrow with a fitted model, its states updated by what was measured until now.

    For example:

      asm-hybrid forecast runs/RUN --data until-now.csv

      asm-hybrid forecast runs/RUN --data until-now.csv --horizon 24h --influent weather-plan.csv

    A scheduler may call it every 15 minutes: files are replaced as a whole, the page last. docs/new-data.md
    """
    from asm_hybrid.jobs import open_run
    from asm_hybrid.new_data_terminal import print_forecast_ahead

    comes = influent[0] if influent and len(influent) == 1 else influent or "diurnal"
    print_forecast_ahead(open_run(run).forecast(data, out, horizon=horizon, influent=comes, now=now))
