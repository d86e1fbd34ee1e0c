"""Panels of a generic ODE with noise: ensembles against data, drift and diffusion against those of the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.equations.panels import STATES, TRUTH, legend, title
from asm_hybrid.report.style import INK, MUTED

__all__ = ["noise_panels"]

PATHS = 12
"""Paths of the data that are drawn."""
FILL = 0.25
"""How dense the band of the model is."""


def noise_panels(
    curves: pd.DataFrame, rates: pd.DataFrame, records: list[dict[str, Any]], summary: dict[str, Any]
) -> list[Callable[[Axes], None]]:
    """Return what draws the panels: every state in time, its drift and diffusion, and the loss.

    Parameters
    ----------
    curves : DataFrame
        Content of ``predictions.csv``.
    rates : DataFrame
        Content of ``noise.csv``.
    records : list of dict
        The records of the fit.
    summary : dict
        Content of ``summary.json``.

    Returns
    -------
    list of callable
        Each draws into the axes that it is given.
    """
    found: list[Callable[[Axes], None]] = []
    for state, colour in zip(summary["states"], STATES * len(summary["states"]), strict=False):
        own = rates[rates["state"] == state]
        found.append(partial(_ensemble, curves=curves, state=state, colour=colour))
        found += [partial(_rate, rates=own, what=what, state=state, colour=colour) for what in ("drift", "diffusion")]
    return [*found, partial(_losses, records=records)]


def _ensemble(ax: Axes, *, curves: pd.DataFrame, state: str, colour: str) -> None:
    """Draw the bands of model and truth, some paths of the data, and the quantiles of all."""
    paths = curves[curves["series"] == "data"]
    for i in range(min(PATHS, int(paths["trajectory"].max()) + 1)):
        own = paths[paths["trajectory"] == i]
        ax.plot(own["time"], own[state], color=MUTED, lw=0.5, alpha=0.6)
    lines = {name: rows for name, rows in curves.groupby("series") if name != "data"}
    times = lines["model 5 %"]["time"]
    ax.fill_between(times, lines["model 5 %"][state], lines["model 95 %"][state], color=colour, alpha=FILL, lw=0)
    ax.plot(times, lines["model 50 %"][state], color=colour, lw=1.6)
    for level in ("5 %", "50 %", "95 %"):
        ax.plot(times, lines[f"truth {level}"][state], color=TRUTH, lw=3.0 if level == "50 %" else 1.6, zorder=1.5)
        ax.plot(times, lines[f"data {level}"][state], "o", ms=2.2, mfc="white", mew=0.7, color=INK)
    title(ax, f"{state} in time: 5, 50 and 95 %")
    ax.set_xlabel("time")
    ax.margins(x=0.02)
    handles = [
        Patch(color=colour, alpha=FILL, lw=0, label="fitted, 5 to 95 %"),
        Line2D([], [], color=colour, lw=1.6, label="fitted, median"),
        Line2D([], [], color=TRUTH, lw=2.4, label="truth"),
        Line2D([], [], color=INK, ls="", marker="o", ms=3, mfc="white", label="data, all paths"),
        Line2D([], [], color=MUTED, lw=0.8, label="data, some paths"),
    ]
    legend(ax, handles, 2)


def _rate(ax: Axes, *, rates: pd.DataFrame, what: str, state: str, colour: str) -> None:
    """Draw drift or diffusion along a state."""
    ax.plot(rates["value"], rates[f"true {what}"], color=TRUTH, lw=4, alpha=0.55)
    ax.plot(rates["value"], rates[what], color=colour, lw=1.6)
    if what == "drift":
        ax.axhline(0.0, color=MUTED, lw=0.6)
    else:
        ax.set_ylim(0.0, None)
    title(ax, f"{what.title()} of {state}")
    ax.set_xlabel(state)
    handles = [
        Line2D([], [], color=TRUTH, lw=4, alpha=0.55, label="truth"),
        Line2D([], [], color=colour, lw=1.6, label="fitted"),
    ]
    legend(ax, handles, 2)


def _losses(ax: Axes, *, records: list[dict[str, Any]]) -> None:
    """Draw the loss of every iteration."""
    ax.plot([r["loss"] for r in records], color=INK, lw=1.2)
    ax.set_xlabel("iteration")
    title(ax, "-log likelihood of a datum".replace("-", "\u2212", 1))
