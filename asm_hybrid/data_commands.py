"""The commands about data: ``asm-hybrid data``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["data_app"]

data_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Get public data sets; look at your own files."
)


@data_app.command("list")
def list_sets(
    name: Annotated[str | None, typer.Argument(help="Name of a set: print all about it.", show_default=False)] = None,
) -> None:
    """List public data sets: what they are good for, their size, their licence; with NAME, all about one.

    docs/howto/data-sources.md
    """
    from asm_hybrid.data_terminal import print_sets

    print_sets(name)


@data_app.command("get")
def get_set(
    name: Annotated[str, typer.Argument(help="Name of a set, see asm-hybrid data list.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Its folder. Default: NAME.", show_default=False)
    ] = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="You have read the terms of the set, and keep to them."),
    ] = False,
) -> None:
    """Download a public data set from where it is published, and check it.

    For example:

      asm-hybrid data get bsm1-influent --out influents

    Files that are there are compared, and not downloaded again; nothing is overwritten. Where a set restricts what may
    be done with it, its terms are shown, and asked for. docs/howto/data-sources.md
    """
    from asm_hybrid.data_terminal import print_get

    print_get(name, out, accept_licence)


@data_app.command()
def check(  # noqa: PLR0913 - an option for each question
    files: Annotated[
        list[Path], typer.Argument(help="CSV, Excel or Parquet files that belong together.", show_default=False)
    ],
    plant: Annotated[
        str | None,
        typer.Option(
            "--plant",
            "-p",
            help="Config, file of a plant, or shipped layout: tanks are told by its names.",
            show_default=False,
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone", "-z", help="Time zone: UTC, a place such as Europe/Amsterdam, or +01:00.", show_default=False
        ),
    ] = None,
    day_first: Annotated[
        bool | None,
        typer.Option(
            "--day-first/--month-first", help="Where the file does not tell day and month apart.", show_default=False
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option("--decimal", help="The decimal sign, where the file does not tell: . or ,", show_default=False),
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="The stamp at which a time in numbers is zero.", show_default=False)
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="COLUMN=NAME",
            help="What a column stands for, or ignored. May be repeated.",
            show_default=False,
        ),
    ] = None,
    units: Annotated[
        list[str] | None,
        typer.Option(
            "--unit", metavar="COLUMN=UNIT", help="The unit of a column. May be repeated.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A new file for the proposal: a config with --plant, else its section data.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Look at files nobody has described, and propose the section data of a config.

    It says of every column what it understood, asks what only a person can know, and prints the section. Answer by
    options, and run it again:

      asm-hybrid data check export.csv --plant my-plant.yaml --zone Europe/Amsterdam

      asm-hybrid data check scada.xlsx lab.csv -p my-plant.yaml -z +01:00 --as 'NH4_2=aerobic.S_NH' --out config.yaml

    Nothing is guessed silently; docs/howto/describe-a-file.md
    """
    from asm_hybrid import api

    found = api.propose_data(
        files,
        plant,
        zone=zone,
        day_first=day_first,
        decimal=decimal,
        origin=origin,
        names=_pairs(names, "--as"),
        units=_pairs(units, "--unit"),
    )
    typer.echo(found.text)
    if out is not None:
        typer.echo(f"wrote {found.write(out)}")
    if found.questions:
        count = len(found.questions)
        typer.echo(f"{count} question{'s are' if count > 1 else ' is'} open: answer as named above, and run again")


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Return what stands on both sides of the last equals sign."""
    pairs = {}
    for text in given or ():
        column, sign, value = text.rpartition("=")
        if not (column and sign and value):
            raise typer.BadParameter(f"{option} takes COLUMN=VALUE, and was given {text!r}")
        pairs[column.strip()] = value.strip()
    return pairs
