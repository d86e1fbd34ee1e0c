"""What the command line shows of new data: verdicts, scores, what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from asm_hybrid.notebook.new_data_result import Forecast, Prediction

__all__ = ["print_forecast_ahead", "print_prediction"]

WIDTH_IN_FILES = 120
"""Columns of output that goes to a file or a pipe."""


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH_IN_FILES, highlight=False)


def print_prediction(found: Prediction) -> None:
    """Print whether a model still holds on new data, its scores, and where the rest is.

    Parameters
    ----------
    found : Prediction
        The prediction, written.
    """
    from asm_hybrid.report.style import number

    console = _console()
    for text in found.verdicts or ("nothing was measured that is new: there is no score",):
        broken = text in found.found.alarms
        console.print(text, style="bold red" if broken else "bold", markup=False)
    rows = [
        (f"{label} \\[{row['unit']}]", model, score, row["validation"][model])
        for label, row in found.facts["variables"].items()
        for model, score in row["scores"].items()
    ]
    if rows:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in ("variable", "model"):
            table.add_column(name, no_wrap=True)
        for name in ("RMSE", "bias", "validation RMSE", "samples"):
            table.add_column(name, justify="right")
        for title, model, score, known in rows:
            figures = number(score["rmse"]), number(score["bias"]), number(known), str(score["n"])
            table.add_row(title, model, *figures)
        console.print(table)
    _end(console, found.warnings, found)


def print_forecast_ahead(found: Forecast) -> None:
    """Print what comes, what such forecasts erred by, and where the rest is.

    Parameters
    ----------
    found : Forecast
        The forecast, written.
    """
    from asm_hybrid.report.style import number

    console = _console()
    console.print(f"from {found.now:%Y-%m-%d %H:%M} UTC; what comes in: {found.found.ahead.text}", markup=False)
    series, own = found.series, found.found.own
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("variable", no_wrap=True)
    for name in ("ahead", "forecast", "90 % band", "such forecasts erred by", "last value kept", "their band held"):
        table.add_column(name, justify="right")
    for label, row in found.facts["variables"].items():
        part = series[series["variable"] == label]
        for errors in row["errors"]:
            at = int((part["lead"] - errors["lead"]).abs().argmin())
            value, low, high = (float(part[c].iloc[at]) for c in (own, "band_low", "band_high"))
            table.add_row(
                f"{label} \\[{row['unit']}]",
                f"{errors['lead']:g} h",
                number(value),
                f"{number(low)} to {number(high)}",
                number(errors["rmse"], 2),
                number(errors["persistence"], 2),
                f"{100 * errors['coverage']:.0f} % of {errors['n']}",
            )
    console.print(table)
    _end(console, found.warnings, found)


def _end(console: Console, warnings: tuple[str, ...], found: Prediction | Forecast) -> None:
    for text in warnings:
        console.print(f"warning: {text}", style="yellow", markup=False)
    if found.folder is not None:
        console.print(f"page: {found.folder / 'index.html'}", markup=False)
