"""The commands about kinetics tables: ``asm-hybrid models``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

__all__ = ["models_app"]


class _Models(TyperGroup):
    """The commands about tables; ``models NAME`` is short for ``models show NAME``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Take a first word that is no command for a table, unless other words follow it."""
        first, *rest = args
        options = first.startswith("-") or (rest and not rest[0].startswith("-"))
        if self.get_command(ctx, first) is None and not options:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


models_app = typer.Typer(cls=_Models, invoke_without_command=True, rich_markup_mode="rich")

TableName = Annotated[str, typer.Argument(help="Name of a shipped table, or path of your own.", show_default=False)]


@models_app.callback()
def models(context: typer.Context) -> None:
    """List the kinetics tables; show one, or check your own.

    Without NAME or COMMAND, the shipped tables are listed. With NAME alone, a table is shown as text.
    """
    from asm_hybrid.terminal import print_models

    if context.invoked_subcommand is None:
        print_models()


@models_app.command("show")
def show_model(
    name: TableName,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help="text, markdown, html, latex or json. Default: by the ending of --out, or text."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write. Default: print it.")] = None,
) -> None:
    """Show a table: Gujer matrix, rates, components, parameters, sources.

    For a page to read: asm-hybrid models show asm1 --out asm1.html
    """
    from asm_hybrid.terminal import print_model

    print_model(name, format_, out)


@models_app.command("check")
def check_model(name: TableName) -> None:
    """Check a table, and say what was checked and found."""
    from asm_hybrid.terminal import print_model_check

    print_model_check(name)
