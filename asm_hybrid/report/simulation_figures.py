"""Figures of a simulated plant: indicators, effluent, operation and settler, all cases in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant import InputSpec, TakacsSettler
from asm_hybrid.plant.layout import WHOLE_OFFGAS
from asm_hybrid.report.case_style import CASE_COLOURS, PANEL_TITLE, WIDTH, CaseLook, TimeAxis, finish, tick
from asm_hybrid.report.indicator_figures import plot_effluents, plot_indicators
from asm_hybrid.report.steady_operation import CHANGED, steady_rows
from asm_hybrid.report.style import INK, drawing, unit_text
from asm_hybrid.scenario.cases import Case, PlantScenarios
from asm_hybrid.scenario.compiled import SHOWN, PlantRecord
from asm_hybrid.scenario.kpi import SUBSTANCES
from asm_hybrid.scenario.scoring import NAMES

__all__ = ["draw_all", "steady_operation"]

PANEL = 1.75
"""Height of a panel [inch]."""
QUANTITIES = ("NH4", "NO3", "TN", "TP", "COD", "TSS")
SHADE = "#eef1f5"
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
        For ``kpi``, ``effluent``, ``effluent_more``, ``operation`` and, with a layered settler, ``settler``, of a run
        also ``measured``: PNG and SVG files by name. With more cases than there are colours, the base case stands in
        several figures.
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
    return plot_indicators(
        title,
        {case.name: case.indicators for case in cases},
        {case.name: case.ends for case in cases if case.ends},
        {case.name: case.alone.indicators for case in cases if case.alone},
        result.band,
    )


def _effluent(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    if not result.limits:
        return {}
    others = {case.name: [result.window(case, own) for own in _others(case)] for case in cases}
    windows = {case.name: result.window(case) for case in cases}
    return plot_effluents(title, windows, result.limits, _look(result, cases), others)


def _others(case: Case) -> list[PlantRecord]:
    """Return the records of lowest and highest members, and of f alone, as far as there are any."""
    found = [case.low, case.high, case.alone.record if case.alone else None]
    return [record for record in found if record is not None]


def _look(result: PlantScenarios, cases: Sequence[Case]) -> CaseLook:
    fitted = result.fitted
    axis = TimeAxis() if fitted is None else TimeAxis(fitted.origin, fitted.zone)
    return CaseLook(
        axis,
        tuple((c.record.times, c.trust.outside, c.trust.faded) for c in cases if c.trust is not None),
        result.band if any(c.low is not None for c in cases) else "",
        any(c.alone is not None for c in cases),
    )


def _measured(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw the measured quantities of a run."""
    if result.fitted is None:
        return {}
    found = []
    for target in result.fitted.measured:
        corrected = target + SHOWN in cases[0].record.columns
        found.append(_panel(cases, target + SHOWN if corrected else target))
    return _panels(result, cases, title, "measured", [found[i : i + 2] for i in range(0, len(found), 2)])


def _effluent_more(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw the flow of the effluent, what has no limit, its pH, and the gases that leave with the air."""
    columns, table = cases[0].record.columns, result.plant.table
    if "effluent.flow" not in columns:
        return {}
    panels = [_panel(cases, "effluent.flow")]
    for name in QUANTITIES:
        options = NAMES.get(name, (name,))
        column = next((o for o in options if f"effluent.{o}" in columns), None)
        if column and name not in result.limits and (name in table.composites or name in NAMES):
            unit = f"g{SUBSTANCES.get(name, '')}/m3"
            panels.append(replace(_panel(cases, f"effluent.{column}"), label=f"effluent.{name}", unit=unit))
    others = [f"effluent.{PH}", *(name for name in columns if name.startswith(f"{WHOLE_OFFGAS}."))]
    panels += [_panel(cases, name) for name in others if name in columns]
    return _panels(result, cases, title, "effluent_more", [panels[i : i + 2] for i in range(0, len(panels), 2)])


def _operation(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw what is controlled, oxygen and air of the tanks, and inputs that vary or differ."""
    points = _setpoints(result)
    stated = steady_operation(result)
    rows = [[n for n in row if n not in stated] for row in _operated(result)]
    pairs, single = [row for row in rows if len(row) == 2], [row[0] for row in rows if len(row) == 1]
    pairs += [single[i : i + 2] for i in range(0, len(single), 2)]
    panels = [[_panel(cases, n, points.get(n)) for n in row] for row in pairs]
    return _panels(result, cases, title, "operation", panels)


def steady_operation(result: PlantScenarios) -> dict[str, tuple[str, ...]]:
    """Return what of the operation is not drawn, since a table says it.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.

    Returns
    -------
    dict of str to tuple of str
        See `asm_hybrid.report.steady_operation.steady_rows`.
    """
    points = _setpoints(result)
    names = [n for row in _operated(result) for n in row if n not in points]
    return steady_rows(result.cases, names, [s.name for p in result.plants for s in p.inputs.of_kind("influent")])


def _setpoints(result: PlantScenarios) -> dict[str, str]:
    """Return the inputs that are set points, by what is measured."""
    found: dict[str, str] = {}
    for plant in result.plants:
        own = {spec.owner: spec.name for spec in plant.inputs.of_kind("setpoint")}
        found |= {c.measured: own[c.name] for c in plant.layout.controllers if c.name in own}
    return found


def _panel(cases: Sequence[Case], name: str, setpoint: str | None = None) -> _Panel:
    """Return the panel of a column: cases that do not have it are left out."""
    unit = next(c.record.units[name] for c in cases if name in c.record.units)

    def line(record: PlantRecord | None, column: str) -> Line | None:
        if record is None or column not in record.columns:
            return None
        return record.times, record.columns[column]

    return _Panel(
        name,
        unit,
        tuple(line(c.record, name) for c in cases),
        tuple(line(c.record, setpoint) for c in cases) if setpoint else (),
        tuple((line(c.low, name), line(c.high, name)) for c in cases),
        tuple(line(c.alone.record, name) if c.alone else None for c in cases),
    )


def _operated(result: PlantScenarios) -> list[list[str]]:
    """Return what to draw in each row: what is measured and what it moves, oxygen and air of a tank, other inputs."""
    columns = {name for case in result.cases for name in case.record.columns}
    oxygen, rows, others = result.plant.table.oxygen, list[list[str]](), list[str]()
    if "effluent.flow" not in columns:  # no plant
        return []
    for plant in result.plants:
        setpoints = {spec.name for spec in plant.inputs.of_kind("setpoint")}
        rows += [[c.measured, *(n for n in c.sets if n not in setpoints)] for c in plant.layout.controllers]
        for tank in plant.layout.tanks:
            imposed = (tank.name, oxygen) in plant.layout.imposed
            if tank.aerated or tank.air or imposed:
                rows.append([f"{tank.name}.{oxygen}", f"{tank.name}.air" if tank.air else f"{tank.name}.kla"])
        others += [f"{tank.name}.volume" for tank in plant.layout.tanks if tank.variable]
        others += [spec.name for spec in plant.inputs if spec.kind != "setpoint" and _varies(result.cases, spec)]
    drawn: set[str] = set()
    kept = []
    for row in (*rows, others):
        new = [n for n in dict.fromkeys(row) if n in columns and n not in drawn]
        drawn |= set(new)
        kept += [new[i : i + 2] for i in range(0, len(new), 2)]
    return kept


def _varies(cases: Sequence[Case], spec: InputSpec) -> bool:
    """Return whether an input is worth a panel: it varies, or, of what the influent carries, differs between cases."""
    values = [case.record.columns[spec.name] for case in cases if spec.name in case.record.columns]
    if not values:
        return False
    if spec.kind == "influent":
        return any(bool((np.abs(v - values[0]) > CHANGED * np.abs(values[0]).max()).any()) for v in values[1:])
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return high - low > CHANGED * max(abs(low), abs(high))


Line = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Panel:
    """What one panel shows, by case: times and values, set points, lowest and highest members, and f alone."""

    label: str
    unit: str
    lines: Sequence[Line | None]
    setpoints: Sequence[Line | None]
    bands: Sequence[tuple[Line | None, Line | None]]
    alone: Sequence[Line | None]

    def draw(self, ax: Axes, look: CaseLook) -> None:
        """Draw it; the base case lies on top."""
        axis = look.axis
        for k, line in enumerate(self.lines):
            low, high = self.bands[k]
            if low is not None and high is not None:
                look.band(ax, low[0], low[1], high[1], CASE_COLOURS[k])
            for own, style, width in ((line, "-", 1.3), (self.alone[k], ":", 1.1)):
                if own is not None:
                    order = 3 - k / 10
                    ax.plot(axis.at(own[0]), own[1], style, color=CASE_COLOURS[k], linewidth=width, zorder=order)
        for line in self.setpoints:
            if line is not None:
                ax.plot(axis.at(line[0]), line[1], color=INK, linestyle="--", linewidth=0.9, zorder=4)

    @property
    def values(self) -> list[np.ndarray]:
        """All values that are drawn."""
        ends = [end for pair in self.bands for end in pair]
        return [line[1] for line in (*self.lines, *self.setpoints, *ends, *self.alone) if line is not None]


def _panels(
    result: PlantScenarios, cases: Sequence[Case], title: str, name: str, rows: Sequence[Sequence[_Panel]]
) -> dict[str, bytes]:
    """Draw panels over time in two columns."""
    if not rows:
        return {}
    look = _look(result, cases)
    with drawing(lines=True):
        figure = Figure(figsize=(WIDTH, PANEL * len(rows)))
        grid = GridSpec(len(rows), 2, figure=figure)
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                ax = figure.add_subplot(grid[i, j])
                panel.draw(ax, look)
                _frame(ax, panel.label, panel.unit, panel.values)
                if result.start > 0:
                    ax.axvspan(look.axis.at(0.0), look.axis.at(result.start), color=SHADE, linewidth=0, zorder=0)
                look.mark(ax)
        figure.supxlabel(look.axis.dress(figure.axes, short=True), fontsize=8.5)
        more: list[Any] = []
        if any(line is not None for row in rows for panel in row for line in panel.setpoints):
            more.append(Line2D([], [], color=INK, linestyle="--", linewidth=0.9, label="setpoint"))
        if result.start > 0:
            more.append(Patch(color=SHADE, label="before the indicators count"))
        return finish(figure, [case.name for case in cases], title, name, [*more, *look.handles])


def _settler(result: PlantScenarios, cases: Sequence[Case], title: str) -> dict[str, bytes]:
    """Draw the solids of a layered settler: by layer at the end, and at its bottom over time."""
    settler = result.plant.layout.settler
    if not isinstance(settler, TakacsSettler):
        return {}
    names = [f"settler_{i + 1}.TSS" for i in range(settler.layers)]
    layers = np.arange(1, settler.layers + 1)
    with drawing(lines=True):
        figure = Figure(figsize=(WIDTH, 3.2))
        left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.3])
        for k, case in enumerate(cases):
            profile = [float(case.record.columns[n][-1]) for n in names]
            left.plot(profile, layers, color=CASE_COLOURS[k], marker="o", markersize=3.5, zorder=3 - k / 10)
        panel, look = _panel(cases, names[-1]), _look(result, cases)
        panel.draw(right, look)
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
        _frame(right, f"Bottom layer, {names[-1]}", "g TSS/m3", panel.values)
        right.set_xlabel(look.axis.dress([right], short=True))
        return finish(figure, [case.name for case in cases], title, "settler")


def _frame(ax: Axes, label: str, unit: str, values: Sequence[np.ndarray]) -> None:
    """Name a panel, and let its axis begin at zero, unless it shows temperatures or a pH."""
    ax.set_title(f"{label} [{unit_text(unit)}]", **PANEL_TITLE)
    ax.margins(x=0.01)
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    if unit == "degC" or label.endswith(f".{PH}"):
        ax.set_ylim(low - 1.0, high + 1.0)
    else:
        ax.set_ylim(min(0.0, 1.12 * low), 1.12 * high if high > NOTHING else 1.0)
    ax.locator_params(axis="y", nbins=5)
    ax.yaxis.set_major_formatter(tick)
    ax.tick_params(axis="y", left=False)


Draw = Callable[[PlantScenarios, Sequence[Case], str], dict[str, bytes]]
FIGURES: Mapping[str, Draw] = {
    "kpi": _indicators,
    "measured": _measured,
    "effluent": _effluent,
    "effluent_more": _effluent_more,
    "operation": _operation,
    "settler": _settler,
}
"""What draws each figure."""
