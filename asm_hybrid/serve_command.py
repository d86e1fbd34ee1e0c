"""The command ``asm-hybrid serve``: a local page for a plant or a run."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="A shipped layout such as bsm1, the YAML file of a plant, a config, or a run folder or bundle.",
            metavar="PLANT_OR_RUN",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port. Default: a free one.", show_default=False)] = None,
    browser: Annotated[bool, typer.Option(help="Whether to open the page in the browser.")] = True,
) -> None:
    """Open the local page in your browser: try scenarios on a plant, look at runs, train.

    No other machine can reach it, and it asks nothing of any other machine. Stop it with Ctrl-C.

      asm-hybrid serve bsm1

      asm-hybrid serve runs/RUN
    """
    from asm_hybrid.serve import serve_page

    serve_page(subject, port=port, browser=browser)
