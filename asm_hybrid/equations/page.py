"""Picture and scores of a run of a generic ODE, from its folder and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from asm_hybrid.artefacts import read_json, restored
from asm_hybrid.data.check_text import aligned
from asm_hybrid.equations.noisy_panels import noise_panels
from asm_hybrid.equations.panels import STATES, TRUTH, legend, title
from asm_hybrid.manifest import replace_files, verify_manifest
from asm_hybrid.report.style import INK, MUTED, drawing, number, unit_text

__all__ = ["ode_lines", "write_ode_plot"]

TITLES = {
    "model": "fitted",
    "start": "parameters at the start",
    "linear": "linear, du/dt = u B by least squares",
    "linear noise": "linear with constant noise, by least squares",
    "truth": "other paths of the truth",
    "constant": "constant initial state",
}


def write_ode_plot(folder: Path) -> None:
    """Draw data, fit, truth and extrapolations as ``plot.svg`` and ``plot.png``.

    Parameters
    ----------
    folder : Path
        A run folder. Its manifest gets the digests of the pictures.
    """
    verify_manifest(folder, ["summary.json", "predictions.csv", "metrics.jsonl"])
    summary = read_json(folder / "summary.json")
    curves = restored(pd.read_csv(folder / "predictions.csv"))
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    if "noise" in summary:
        verify_manifest(folder, ["noise.csv"])
        panels = noise_panels(curves, restored(pd.read_csv(folder / "noise.csv")), records, summary)
    else:
        panels = _panels(curves, records, summary)
    files: dict[str, bytes] = {}
    with drawing():
        figure = Figure(figsize=(3.5 * len(panels), 3.7), facecolor="white")
        FigureCanvasAgg(figure)
        for draw, ax in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
            draw(ax)
        figure.suptitle(summary["name"].replace("_", " "), x=0.008, ha="left", fontsize=11.5, fontweight="bold")
        for kind, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, facecolor="white", **cast(Any, options))
            files[f"plot.{kind}"] = content.getvalue()
    replace_files(folder, files)


def _panels(
    curves: pd.DataFrame, records: list[dict[str, Any]], summary: dict[str, Any]
) -> list[Callable[[Axes], None]]:
    """Return what draws the panels of an equation without noise."""
    states, delays = summary["states"], summary.get("delays")
    found: list[Callable[[Axes], None]] = [lambda ax: _time_panel(ax, curves, summary)]
    if len(states) > 1:
        found.append(lambda ax: _phase_panel(ax, curves, summary))
    if bool((curves["trajectory"] > 0).any()):
        found.append(lambda ax: _extrapolation_panel(ax, curves, summary))
    if delays is not None:
        found.append(lambda ax: _delay_panel(ax, records, delays))
    return [*found, lambda ax: _loss_panel(ax, [(r["stage"], r["loss"]) for r in records])]


def _of(curves: pd.DataFrame, series: str, trajectory: int = 0) -> pd.DataFrame:
    return curves[(curves["series"] == series) & (curves["trajectory"] == trajectory)]


def _named(summary: dict[str, Any], state: str) -> str:
    unit = summary["units"][state]
    return state if unit == "-" else f"{state} [{unit_text(unit)}]"


def _styles(curves: pd.DataFrame, constant: bool) -> list[Line2D]:
    """Return the keys of a legend that tells lines by their style, not by colour."""
    present = set(curves.loc[curves["trajectory"] == 0, "series"])
    style: dict[str, dict[str, Any]] = {
        "target": {"ls": (0, (5, 2)), "lw": 1.0, "color": INK},
        "data": {"ls": "", "marker": "o", "ms": 4, "mfc": "white", "color": INK},
        "truth": {"ls": "-", "lw": 4, "color": TRUTH, "alpha": 0.55},
        "start": {"ls": (0, (1, 1.5)), "lw": 1.2, "color": INK},
        "model": {"ls": "-", "lw": 1.6, "color": INK},
    }
    labels = {"data": "data", "truth": "truth", "start": "start", "model": "fitted", "target": "target"}
    shown = [k for k in style if k in present or (k == "target" and constant)]
    return [Line2D([], [], label=labels[k], **style[k]) for k in shown if not (constant and k == "data")]


def _time_panel(ax: Axes, curves: pd.DataFrame, summary: dict[str, Any]) -> None:
    """Draw every state against time."""
    data = _of(curves, "data")
    constant = bool((data[summary["states"]].nunique() <= 1).all())
    for state, colour in zip(summary["states"], STATES * len(summary["states"]), strict=False):
        for series, options in (
            ("truth", {"color": TRUTH, "lw": 4, "alpha": 0.55}),
            ("start", {"color": colour, "ls": (0, (1, 1.5)), "lw": 1.2}),
            ("model", {"color": colour, "lw": 1.6}),
        ):
            rows = _of(curves, series)
            ax.plot(rows["time"], rows[state], **cast(Any, options))
        if constant:
            ax.plot(data["time"], data[state], color=INK, lw=1.0, ls=(0, (5, 2)), zorder=5)
        else:
            ax.plot(data["time"], data[state], "o", ms=3.6, mfc="white", color=colour)
    units = set(summary["units"].values()) - {"-"}
    title(ax, "States" + (f" [{unit_text(units.pop())}]" if len(units) == 1 else "") + " in time")
    ax.set_xlabel("time" + (" [d]" if set(summary["units"].values()) != {"-"} else ""))
    ax.margins(x=0.02)
    names = [
        Line2D([], [], color=c, lw=5, solid_capstyle="butt", label=n)
        for n, c in zip(summary["states"], STATES * len(summary["states"]), strict=False)
    ]
    legend(ax, [*names, *_styles(curves, constant)], 3)


def _phase_panel(ax: Axes, curves: pd.DataFrame, summary: dict[str, Any]) -> None:
    """Draw the first two states against each other."""
    a, b = summary["states"][:2]
    for series, options in (
        ("truth", {"color": TRUTH, "lw": 4, "alpha": 0.55}),
        ("start", {"color": INK, "ls": (0, (1, 1.5)), "lw": 1.2}),
        ("model", {"color": INK, "lw": 1.6}),
    ):
        rows = _of(curves, series)
        ax.plot(rows[a], rows[b], **cast(Any, options))
    data = _of(curves, "data").dropna()
    ax.plot(data[a], data[b], "o", ms=3.6, mfc="white", color=INK)
    first = _of(curves, "model").iloc[0]
    ax.plot(first[a], first[b], "o", ms=5.5, color=INK)
    title(ax, "Phase plane, as fitted")
    _plane(ax, summary)


def _extrapolation_panel(ax: Axes, curves: pd.DataFrame, summary: dict[str, Any]) -> None:
    """Draw truth and model from initial states that were not seen."""
    a, b = summary["states"][:2] if len(summary["states"]) > 1 else ("time", summary["states"][0])
    count = int(curves["trajectory"].max())
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.85, count))
    for i, colour in enumerate(colours):
        truth, model = _of(curves, "truth", i + 1), _of(curves, "model", i + 1)
        ax.plot(truth[a], truth[b], color=TRUTH, lw=3.2, alpha=0.5)
        ax.plot(model[a], model[b], color=colour, lw=1.3)
        ax.plot(model[a].iloc[0], model[b].iloc[0], "o", ms=4.5, color=colour)
    median = summary["scores"]["extrapolation"]["median"]["model"]
    title(ax, f"From {count} unseen initial states")
    _plane(ax, summary)
    handles = [
        Line2D([], [], color=TRUTH, lw=3.2, alpha=0.5, label="truth"),
        Line2D([], [], color=MUTED, lw=1.3, label="model"),
        Line2D([], [], color=MUTED, ls="", marker="o", ms=4.5, label="initial state"),
    ]
    legend(ax, [*handles, Line2D([], [], ls="", label=f"median RMSE {number(median)}")], 3)


def _plane(ax: Axes, summary: dict[str, Any]) -> None:
    if len(summary["states"]) > 1:
        ax.set_xlabel(_named(summary, summary["states"][0]))
        ax.set_ylabel(_named(summary, summary["states"][1]), labelpad=1)
        ax.set_box_aspect(1)


def _delay_panel(ax: Axes, records: list[dict[str, Any]], delays: dict[str, dict[str, float]]) -> None:
    """Draw the delay of every iteration, and those of the truth."""
    for length in delays["truth"].values():
        ax.axhline(length, color=TRUTH, lw=4, alpha=0.55)
    handles = [Line2D([], [], color=TRUTH, lw=4, alpha=0.55, label="truth")] if delays["truth"] else []
    for (name, length), colour in zip(delays["model"].items(), STATES * len(delays["model"]), strict=False):
        path = [r.get("parameters", {}).get(name, length) for r in records]
        ax.plot(path, color=colour, lw=1.6)
        ax.plot(len(path) - 1, length, "o", ms=4.5, color=colour)
        handles.append(Line2D([], [], color=colour, lw=1.6, marker="o", ms=4.5, label=f"{name} = {number(length, 3)}"))
    ax.set_ylim(0.0, max(*ax.get_ylim(), *delays["truth"].values(), *delays["model"].values()))
    ax.set_xlabel("iteration")
    title(ax, "Delays" if len(delays["model"]) > 1 else "Delay")
    legend(ax, handles, 2)


def _loss_panel(ax: Axes, losses: list[tuple[str, float]]) -> None:
    """Draw the loss of every iteration."""
    for stage, colour in (("segments", MUTED), ("whole", INK)):
        own = [(i, loss) for i, (at, loss) in enumerate(losses) if at == stage]
        if own:
            label = "from datum to datum" if stage == "segments" else "whole trajectory"
            ax.plot(*zip(*own, strict=True), color=colour, lw=1.2, label=label)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, position: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("iteration")
    if losses[0][0] == "segments":
        ax.legend(loc="upper center", fontsize=7.5, handlelength=1.6)
    title(ax, "Loss")


def ode_lines(folder: Path) -> list[str]:
    """Return the scores of a run as lines of text.

    Parameters
    ----------
    folder : Path
        A run folder.

    Returns
    -------
    list of str
    """
    verify_manifest(folder, ["summary.json"])
    summary = read_json(folder / "summary.json")
    scores = summary["scores"]
    lines = ["", f"{summary['name']}: loss {summary['loss']:.3g} after {summary['iterations']} iterations, "
             f"{summary['seconds']:.0f} s", ""]  # fmt: skip
    if (folder / "parameters.json").is_file():
        verify_manifest(folder, ["parameters.json"])
        rows = read_json(folder / "parameters.json")["parameters"]
        cells = [("parameter", "start", "fitted", "bounds", "unit")]
        cells += [
            (r["name"], f"{r['start']:g}", f"{r['fitted']:.4g}", "{:g} to {:g}".format(*r["bounds"]), r["unit"])
            for r in rows
        ]
        lines += [*aligned(cells), ""]
    beyond = scores.get("extrapolation")
    head = ("RMSE of the 5, 50 and 95 % quantiles" if "noise" in summary else "RMSE", "on the data") + (
        ("median of extrapolations", "range") if beyond else ()
    )
    table = [head]
    for name, words in TITLES.items():
        if name in scores["data"]:
            row: tuple[str, ...] = (words, f"{scores['data'][name]:.3g}")
            if beyond:
                single = [t["rmse"][name] for t in beyond["trajectories"]]
                row += (f"{beyond['median'][name]:.3g}", f"{min(single):.3g} to {max(single):.3g}")
            table.append(row)
    lines += [*aligned(table), ""]
    if "noise" in summary:
        rows = [(name, f"{own['error']:.3g}", f"{own['mean']:.3g}") for name, own in summary["noise"].items()]
        lines += [*aligned([("diffusion of", "mean error", "mean of the truth"), *rows]), ""]
    return [*lines, f"run folder: {folder}", f"picture:    {folder / 'plot.svg'}"]
