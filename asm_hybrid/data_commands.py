"""The commands about data: ``asm-hybrid data``."""

from __future__ import annotations

import typer

__all__ = ["data_app"]

data_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Public data sets, and your own files.")
