"""Figures of a simulated plant: indicators, effluent, operation and settler, all cases in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.plant import TakacsSettler
from asm_hybrid.report.case_style import CASE_COLOURS, PANEL_TITLE, WIDTH, finish, tick
from asm_hybrid.report.indicator_figures import plot_effluents, plot_indicators
from asm_hybrid.report.style import INK, drawing, unit_text
from asm_hybrid.scenario.kpi import SUBSTANCES
from asm_hybrid.scenario.plants import Case, PlantScenarios
from asm_hybrid.scenario.scoring import counted

__all__ = ["draw_all"]

PANEL = 1.75
"""Height of a panel [inch]."""
QUANTITIES = ("NH4", "NO3", "TN", "TP", "COD", "TSS")
SHADE = "#eef1f5"
CHANGED = 1e-6
"""Share by which an input must vary to be drawn [-]."""
NOTHING = 1e-9
"""What stays below this is drawn as zero."""


def draw_all(result: PlantScenarios) -> dict[str, dict[str, bytes]]:
    """Draw a simulation.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.

    Returns
    -------
    dict of str to dict of str to bytes
        For ``kpi``, ``effluent``, ``effluent_more``, ``operation`` and, with a layered settler, ``settler``: PNG and
        SVG files by name. With more cases than there are colours, the base case stands in several figures.
    """
    found: dict[str, dict[str, bytes]] = {}
    groups = _groups(result.cases)
    for i, cases in enumerate(groups):
        title = result.name if len(groups) == 1 else f"{result.name} ({i + 1} of {len(groups)})"
        for kind, draw in FIGURES.items():
            files = draw(result, cases, title)
            found.setdefault(kind, {}).update(files if i == 0 else _numbered(files, i + 1))
    return {kind: files for kind, files in found.items() if files}


def _groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Return the base case with as many others as there are colours, as often as it takes."""
    base, *others = cases
    step = len(CASE_COLOURS) - 1
    return [[base, *others[i : i + step]] for i in range(0, max(len(others), 1), step)]


def _numbered(files: Mapping[str, bytes], number: int) -> dict[str, bytes]:
    return {f"{name.partition('.')[0]}_{number}.{name.partition('.')[2]}": v for name, v in files.items()}


def _indicators(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    return plot_indicators(title, {case.name: case.indicators for case in cases})


def _effluent(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    if not result.limits:
        return {}
    return plot_effluents(title, {case.name: result.window(case) for case in cases}, result.limits)


def _effluent_more(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw the flow of the effluent, and what has no limit."""
    series = [counted(result.plant, case.record, result.parameters, 0.0) for case in cases]
    panels = [_Panel("effluent.flow", "m3/d", [(s.time, s.effluent.flow) for s in series])]
    for name in QUANTITIES:
        if name in series[0].effluent.concentrations and name not in result.limits:
            lines = [(s.time, s.concentration("effluent", name)) for s in series]
            panels.append(_Panel(f"effluent.{name}", f"g{SUBSTANCES.get(name, '')}/m3", lines))
    return _panels(result, cases, title, "effluent_more", [panels[i : i + 2] for i in range(0, len(panels), 2)])


def _operation(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw what is controlled, oxygen and air of the tanks, and inputs that vary or differ."""

    def lines(name: str) -> Lines:
        return [(case.record.times, case.record.columns[name]) for case in cases]

    setpoints = {spec.owner: spec.name for spec in result.plant.inputs.of_kind("setpoint")}
    points = {c.measured: setpoints[c.name] for c in result.plant.layout.controllers if c.name in setpoints}
    units = cases[0].record.units
    rows = [
        [_Panel(n, units[n], lines(n), lines(points[n]) if n in points else ()) for n in row]
        for row in _operated(result)
    ]
    return _panels(result, cases, title, "operation", rows)


def _operated(result: PlantScenarios) -> list[list[str]]:
    """Return what to draw in each row: what is measured and what it moves, oxygen and air of a tank, other inputs."""
    layout, oxygen, columns = result.plant.layout, result.plant.table.oxygen, result.cases[0].record.columns
    inputs = result.plant.inputs
    setpoints = {spec.name for spec in inputs.of_kind("setpoint")}
    rows = [[c.measured, *(n for n in c.sets if n not in setpoints)] for c in layout.controllers]
    for tank in layout.tanks:
        if tank.aerated or tank.air or (tank.name, oxygen) in layout.imposed:
            air = [f"{tank.name}.air"] if tank.air else [f"{tank.name}.kla"] if tank.aerated else []
            rows.append([f"{tank.name}.{oxygen}", *air])
    others = [f"{tank.name}.volume" for tank in layout.tanks if tank.variable]
    for spec in inputs:
        if spec.name in columns and spec.kind != "setpoint":
            values = np.stack([case.record.columns[spec.name] for case in result.cases])
            if np.ptp(values) > CHANGED * np.abs(values).max():
                others.append(spec.name)
    drawn: set[str] = set()
    kept = []
    for row in (*rows, others):
        new = [n for n in dict.fromkeys(row) if n in columns and n not in drawn]
        drawn |= set(new)
        kept += [new[i : i + 2] for i in range(0, len(new), 2)]
    return kept


Lines = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class _Panel:
    """What one panel shows: times and values of each case, and of their setpoints."""

    label: str
    unit: str
    lines: Lines
    setpoints: Lines = ()


def _panels(
    result: PlantScenarios, cases: Sequence[Case], title: str, name: str, rows: Sequence[Sequence[_Panel]]
) -> dict[str, bytes]:
    """Draw panels over time in two columns."""
    if not rows:
        return {}
    with drawing():
        figure = Figure(figsize=(WIDTH, PANEL * len(rows)))
        grid = figure.subplots(len(rows), 2, squeeze=False)
        for axes, row in zip(grid, rows, strict=True):
            for ax in axes[len(row) :]:
                ax.set_visible(False)
            for ax, panel in zip(axes, row, strict=False):
                for k, (times, values) in enumerate(panel.lines):
                    _line(ax, times, values, k)
                for times, values in panel.setpoints:
                    ax.plot(times, values, color=INK, linestyle="--", linewidth=0.9, zorder=4)
                _frame(ax, panel.label, panel.unit, [values for _, values in (*panel.lines, *panel.setpoints)])
                if result.start > 0:
                    ax.axvspan(0.0, result.start, color=SHADE, linewidth=0, zorder=0)
        figure.supxlabel("time [d]", fontsize=8.5)
        more: list[Any] = []
        if any(panel.setpoints for row in rows for panel in row):
            more.append(Line2D([], [], color=INK, linestyle="--", linewidth=0.9, label="setpoint"))
        if result.start > 0:
            more.append(Patch(color=SHADE, label="before the indicators count"))
        return finish(figure, [case.name for case in cases], title, name, more)


def _settler(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw the solids of a layered settler: by layer at the end, and at its bottom over time."""
    settler = result.plant.layout.settler
    if not isinstance(settler, TakacsSettler):
        return {}
    names = [f"settler_{i + 1}.TSS" for i in range(settler.layers)]
    layers = np.arange(1, settler.layers + 1)
    with drawing():
        figure = Figure(figsize=(WIDTH, 3.2))
        left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.3])
        for k, case in enumerate(cases):
            profile = [float(case.record.columns[n][-1]) for n in names]
            left.plot(profile, layers, color=CASE_COLOURS[k], marker="o", markersize=3.5, zorder=3 - k / 10)
            _line(right, case.record.times, case.record.columns[names[-1]], k)
        left.set_xscale("log")
        left.set_ylim(settler.layers + 0.5, 0.5)
        left.set_yticks(layers)
        left.axhline(settler.feed_layer, color=INK, linewidth=0.8, linestyle=":", zorder=1)
        left.annotate(
            "feed",
            (1.0, settler.feed_layer),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
        )
        left.xaxis.set_major_formatter(tick)
        left.set_title(f"At the end, by layer [{unit_text('g TSS/m3')}]", **PANEL_TITLE)
        left.set_ylabel("layer, from the top")
        left.set_xlabel("TSS")
        bottom = [case.record.columns[names[-1]] for case in cases]
        _frame(right, f"Bottom layer, {names[-1]}", "g TSS/m3", bottom)
        right.set_xlabel("time [d]")
        return finish(figure, [case.name for case in cases], title, "settler")


def _line(ax: Axes, times: np.ndarray, values: np.ndarray, k: int) -> None:
    """Draw a line of the case k; the base case lies on top."""
    ax.plot(times, values, color=CASE_COLOURS[k], linewidth=1.3, zorder=3 - k / 10)


def _frame(ax: Axes, label: str, unit: str, values: Sequence[np.ndarray]) -> None:
    """Name a panel, and let its axis begin at zero, unless it shows temperatures."""
    ax.set_title(f"{label} [{unit_text(unit)}]", **PANEL_TITLE)
    ax.margins(x=0.01)
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    if unit == "degC":
        ax.set_ylim(low - 1.0, high + 1.0)
    else:
        ax.set_ylim(min(0.0, 1.12 * low), 1.12 * high if high > NOTHING else 1.0)
    ax.locator_params(axis="y", nbins=5)
    ax.yaxis.set_major_formatter(tick)


Draw = Callable[[PlantScenarios, Sequence[Case], str], dict[str, bytes]]
FIGURES: Mapping[str, Draw] = {
    "kpi": _indicators,
    "effluent": _effluent,
    "effluent_more": _effluent_more,
    "operation": _operation,
    "settler": _settler,
}
"""What draws each figure."""
