"""The command line: parses, calls one function each, prints.

Nothing heavy is imported before a command needs it, so that ``asm-hybrid --help`` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from asm_hybrid.data_commands import data_app
from asm_hybrid.model_commands import models_app
from asm_hybrid.new_data_commands import RunFolder, forecast, predict
from asm_hybrid.serve_command import serve
from asm_hybrid.study_commands import optimise, sweep

__all__ = ["EXIT_CODES", "app", "main"]

COLLECTED = (50_000, 20, 20)
"""When Python looks for cycles among objects. Its default makes imports 0.3 s longer."""
INTERRUPTED, REFUSED, FAILED, FAULT = 130, 2, 1, 70
EXIT_CODES = {
    0: "The command has done its work.",
    FAILED: "A simulation or a training failed numerically; or `verify` found a figure that is not met.",
    REFUSED: "Something that was given cannot be used, such as a key, a file or an option. The message says what was "
    "found, where, and what was expected. `check` ends with it where it found an error.",
    FAULT: "A fault of the program, not of the input. The message names a file for the report of the fault.",
    INTERRUPTED: "Stopped by Ctrl-C, SIGTERM or a closed terminal. What is needed to go on is kept, and the message "
    "says how.",
}
"""What the exit codes say, for the reference."""

app = typer.Typer(
    name="asm-hybrid",
    help="Hybrid models of wastewater treatment plants: activated sludge models that learn what they lack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

ConfigFile = Annotated[
    Path | None,
    typer.Argument(help="YAML file that describes plant, data and model, or a generic ODE.", show_default=False),
]


def _version(wanted: bool) -> None:
    if wanted:
        from asm_hybrid import __version__

        typer.echo(f"asm-hybrid {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    config: ConfigFile = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder, new or empty. Default: runs/NAME-DATE-TIME."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", "-r", help="Folder of a stopped run, which goes on; instead of CONFIG."),
    ] = None,
    plot: Annotated[
        bool,
        typer.Option("--plot", "-p", help="Draw predictions against data while it trains: RUN/progress.png."),
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Take the corrections of flows, influent and sensors that the data clearly call for. They stand under "
            "corrections in the config.yaml of the run folder.",
        ),
    ] = False,
) -> None:
    """Fit the model and its baselines; write report, weights and predictions.

    Ctrl-C keeps the best model so far. A run that was stopped, by Ctrl-C, a kill or a crash, goes on to the same
    result:

      asm-hybrid train --resume runs/RUN

    It is refused when its config or data have changed.

    Several processes share the windows of a training, such as one for each GPU of a machine:

      torchrun --nproc_per_node 4 -m asm_hybrid train CONFIG
    """
    from asm_hybrid import api
    from asm_hybrid.terminal import print_run
    from asm_hybrid.training.follower import follow
    from asm_hybrid.training.ranks import torchrun_ranks

    if (config is None) == (resume is None) or (resume is not None and out is not None):
        raise typer.BadParameter("give either CONFIG, with or without --out, or --resume RUN alone")
    if resume and accept:
        raise typer.BadParameter("a run goes on with what it began with: --accept belongs to CONFIG")
    shown = {"progress": True, "plot": plot}
    with torchrun_ranks() as ranks:
        if not ranks.leads:
            follow(ranks)
            return
        result = api.resume(resume, **shown) if resume else api.run(str(config), out, **shown, accept=accept)
    if result.interrupted or result.resumable:  # a finished run leaves nothing to go on from
        typer.echo(f"interrupted; the best model so far is in {result.folder}", err=True)
        if result.resumable:
            typer.echo(f"to go on: asm-hybrid train --resume {result.folder}", err=True)
        raise typer.Exit(INTERRUPTED)
    print_run(result)


@app.command()
def simulate(
    subject: Annotated[
        str,
        typer.Argument(
            help="A shipped layout such as bsm1, the YAML file of a plant, a config, or a run folder or bundle.",
            metavar="LAYOUT_OR_RUN",
            show_default=False,
        ),
    ],
    scenario: Annotated[
        Path | None,
        typer.Option("--scenario", "-s", help="YAML file with influent, changes and controllers.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the result. Default: simulations/NAME-DATE-TIME, or RUN/scenarios/NAME.",
        ),
    ] = None,
) -> None:
    """Simulate a plant, or a fitted model, with and without changes.

    The result is a page with indicators and plots, and all series. Without a scenario the base case runs alone: of a
    plant for 14 d, of a run over its test block, with what was calibrated and learnt. The config of a training is a
    plant whose base case runs over its record, with f as the config has it.

    For example:

      asm-hybrid simulate bsm1

      asm-hybrid simulate bsm1 -s configs/scenarios/bsm1.yaml --out results/bsm1

      asm-hybrid simulate my-plant.yaml -s my-scenario.yaml

      asm-hybrid simulate config.yaml

      asm-hybrid simulate runs/RUN -s configs/scenarios/quickstart.yaml

    The shipped layouts: asm-hybrid layouts. Scenario files: docs/scenarios.md.
    """
    from asm_hybrid.jobs import open_job
    from asm_hybrid.live import LiveProgress
    from asm_hybrid.terminal import print_simulation

    with LiveProgress() as progress:
        found = open_job(subject).simulate(scenario, out, progress.share, workers=os.cpu_count() or 1)
    print_simulation(found)


app.command()(sweep)
app.command()(optimise)
app.command()(predict)
app.command()(forecast)


@app.command()
def diagnose(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
) -> None:
    """Diagnose a finished run with this version, and write its report anew; nothing is trained.

    Runs of earlier versions get their answers to standard changes that way.
    """
    from asm_hybrid import api
    from asm_hybrid.terminal import print_run

    print_run(api.diagnose(run, progress=True))


@app.command()
def distill(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for both files. Default: RUN/distilled.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace table and config that are there.")] = False,
) -> None:
    """Write the law that a run found for what f lacks: a kinetics table, and the config of the run with it.

    Both are files like any other:

      asm-hybrid distill runs/RUN --out my-plant-law

      asm-hybrid train my-plant-law/config.yaml
    """
    from asm_hybrid import api

    typer.echo(api.distill(run, out, force=force).text)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, two or more.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV file to write as well.", show_default=False)
    ] = None,
) -> None:
    """Lay finished runs side by side: test scores, forecasts, coverage of the bands, settings that differ.

    Runs whose measurements on the test block differ are refused.
    """
    from asm_hybrid.artefacts import write_csv_atomic
    from asm_hybrid.jobs import open_run
    from asm_hybrid.report.compare import compare_runs, told_apart
    from asm_hybrid.terminal import print_comparison

    folders = [open_run(run).fitted() for run in runs]
    table = compare_runs(folders)
    print_comparison(table, told_apart(folders))
    if out is not None:
        write_csv_atomic(out, table)
        typer.echo(f"table: {out}")


class _Formats(TyperCommand):
    """A command whose help lists the export formats."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Add a line a format."""
        from asm_hybrid.export import available_formats

        formats = available_formats().values()
        lines = [f"{f.name}: {f.summary}: {', '.join(f'RUN{ending}' for ending in f.endings)}" for f in formats]
        self.help = "\n\n".join([self.help or "", "Formats, and what each writes:", *lines])
        super().format_help(ctx, formatter)


@app.command(cls=_Formats)
def export(
    run: RunFolder,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="<format>",
            help="Name of a format; again for each further one. Default: bundle.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The file or folder to write; for several files, a folder that takes them. Default: beside RUN.",
        ),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(
            "--scenario",
            "-s",
            help="Scenario whose controllers and time tables the plant gets; with fmu and c.",
            show_default=False,
        ),
    ] = None,
    case: Annotated[
        str | None, typer.Option("--case", help="Which of its scenarios, where it holds several.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace exports that are there.")] = False,
) -> None:
    """Export a fitted model for other tools: FMU, C, Excel, ONNX, a bundle.

    For example:

      asm-hybrid export runs/RUN

      asm-hybrid export runs/RUN --format xlsx --format fmu --out exports

      asm-hybrid export runs/RUN --format fmu --scenario control.yaml
    """
    from asm_hybrid.export import export_run
    from asm_hybrid.jobs import open_run

    typer.echo(
        export_run(open_run(run).fitted(), formats or "bundle", out, scenario=scenario, case=case, force=force).text
    )


@app.command()
def check(
    config: Annotated[
        str, typer.Argument(help="Config of a run, file of a plant, or shipped layout.", show_default=False)
    ],
) -> None:
    """Validate a config and its data, or a plant, without training; draw the flow sheet as SVG."""
    from asm_hybrid import api
    from asm_hybrid.artefacts import WritingError, write_text_atomic

    found = api.check(config)
    typer.echo(found.text)
    if found.flowsheet is not None:
        try:
            target = write_text_atomic(Path(config).with_name(f"{Path(config).stem}-flowsheet.svg"), found.flowsheet)
        except WritingError as error:
            typer.echo(f"the flow sheet cannot be written: {error}")
        else:
            typer.echo(f"flow sheet: {target}")
    if found.errors:
        raise typer.Exit(REFUSED)


app.add_typer(models_app, name="models", subcommand_metavar="[NAME | COMMAND ...]")
app.add_typer(data_app, name="data")
app.command()(serve)


@app.command()
def verify(
    influents: Annotated[
        Path | None,
        typer.Option(
            "--influents",
            "-i",
            help="Folder with the BSM1 influent files: dry, rain, and storm or strm in their names. "
            "Without it, only the steady states are compared.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Simulate the benchmark BSM1 and compare with its published figures.

    The exit code is 0 when all figures are met, and 1 otherwise.
    """
    from asm_hybrid.live import LiveProgress
    from asm_hybrid.scenario.verify import verify as run_verification
    from asm_hybrid.terminal import print_verification

    with LiveProgress() as progress:
        result = run_verification(influents, progress)
    print_verification(result)
    if not result.passed:
        raise typer.Exit(FAILED)


@app.command()
def layouts(
    name: Annotated[str | None, typer.Argument(help="Layout to print as YAML.", show_default=False)] = None,
) -> None:
    """List the shipped layouts of plants; with NAME, print its YAML file to copy and change.

    For example: asm-hybrid layouts bsm1 > my-plant.yaml
    """
    from asm_hybrid.config import layout_text
    from asm_hybrid.terminal import print_layouts

    if name is None:
        print_layouts()
    else:
        typer.echo(layout_text(name), nl=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write config.yaml into.", show_default=False)],
    example: Annotated[
        bool, typer.Option("--example", help="Write the quickstart, a virtual plant with its data, to train at once.")
    ] = False,
) -> None:
    """Write a commented config to start from, or an example."""
    from asm_hybrid.config import write_example, write_template

    if example:
        typer.echo(f"wrote {(path := write_example(folder))} and its data\nnow run: asm-hybrid train {path}")
    else:
        typer.echo(f"wrote {(path := write_template(folder))}\nedit it, then run: asm-hybrid check {path}")


@app.command()
def schema() -> None:
    """Print the JSON schema of the config, for completion in editors."""
    import json

    from asm_hybrid.config import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; every error ends in one message and an exit code, faults of the program included.

    Parameters
    ----------
    arguments : list of str, optional
        Words of the command line behind the name of the program; those of this process where they are not given.

    Returns
    -------
    None
        Never reached: `SystemExit` carries the exit code.
    """
    from asm_hybrid.errors import AsmHybridError
    from asm_hybrid.stopping import stopped_by_signals

    gc.set_threshold(*COLLECTED)
    atexit.register(gc.freeze)  # looking through all modules once more at the end takes 0.6 s
    try:
        with stopped_by_signals():
            app(args=arguments, standalone_mode=True)
    except AsmHybridError as error:
        from asm_hybrid.unpacked import named

        typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(named(str(error)), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _tell_interrupted()
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        if isinstance(getattr(ended.__context__, "__cause__", None), KeyboardInterrupt):  # of which typer says nothing
            _tell_interrupted()
        raise
    except Exception as error:
        _tell_fault(error)
        sys.exit(FAULT)


def _tell_interrupted() -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        typer.echo("interrupted", err=True)


def _tell_fault(error: Exception) -> None:
    """Say that the program has a fault, in one message; what a developer needs goes to a file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="asm-hybrid-fault-", suffix=".txt", delete=False) as file:
        file.write(" ".join(sys.argv) + "\n\n" + traceback.format_exc())
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(
        f"a fault of asm-hybrid, not of your input: {type(error).__name__}: {error}\n"
        f"  fix: report it, with the file {file.name}",
        err=True,
    )
