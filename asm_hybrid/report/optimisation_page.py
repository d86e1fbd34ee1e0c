"""The page of an optimisation: the optimum beside the present operation, in one file that asks for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from asm_hybrid.optimisation.result import Optimum
from asm_hybrid.optimisation.schedules import Schedule
from asm_hybrid.report.case_style import CASE_COLOURS, PANEL_TITLE, WIDTH
from asm_hybrid.report.optimisation_words import gain_text, said, verdict, verified_text
from asm_hybrid.report.simulation_figures import draw_all
from asm_hybrid.report.simulation_page import notes_of, shown_row
from asm_hybrid.report.style import drawing, embed, number, svg, unit_text
from asm_hybrid.report.templating import get_template
from asm_hybrid.scenario.summary import effect_warnings, main_rows

__all__ = ["PAGE", "optimisation_files", "schedule_table"]

PAGE = "report.html"
DRAWN = {
    "measured": "Measured quantities at present and in the optimum",
    "effluent": "Effluent concentrations and their limits at present and in the optimum",
    "operation": "Operation at present and in the optimum",
}
"""Figures of the simulation that the page has."""


def optimisation_files(result: Optimum) -> dict[str, str]:
    """Return the page of an optimisation.

    Parameters
    ----------
    result : Optimum
        The optimisation.

    Returns
    -------
    dict of str to str
        ``report.html``. The same optimisation gives the same bytes.
    """
    simulation = result.simulation
    kind, title, text = verdict(result)
    figures = draw_all(simulation)
    page = get_template("optimisation.html.j2").render(
        title=result.goal.content.name,
        version=version("asm-hybrid"),
        facts=_facts(result),
        verdict={"kind": kind, "title": title, "text": text},
        said=said(result),
        decisions=[_decision(result, k) for k in range(len(result.factors))],
        schedules=[_shown_schedule(result, s, values) for s, values in _parts(result)],
        plan=_schedule_figure(result),
        limits=result.limits,
        outside=result.outside,
        verified=[(v.name, gain_text(v.gain), verified_text(v)) for v in result.verified],
        cases=[{"name": "present"}, {"name": "optimum"}],
        main=[shown_row(row) for row in main_rows(simulation.cases)],
        band=simulation.band,
        alone=any(case.alone for case in simulation.cases),
        trust=effect_warnings(simulation.cases),
        figures=[_embedded(key, what, figures[key]) for key, what in DRAWN.items() if key in figures],
        searched=_searched(result),
        rounds=[] if result.plan is None else result.plan.rounds,
        notes=notes_of(simulation),
        goal=result.goal.document.text,
    )
    return {PAGE: page}


def _embedded(key: str, what: str, files: Mapping[str, bytes]) -> list[Markup]:
    drawings = [content for name, content in files.items() if name.endswith(".svg")]
    return [embed(drawing, what, f"{key}{i}") for i, drawing in enumerate(drawings)]


def _facts(result: Optimum) -> list[tuple[str, str]]:
    simulation, count = result.simulation, len(result.evaluations)
    found = [("Subject", result.subject), ("Minimised", result.objective), ("Influent", simulation.influent)]
    times = simulation.cases[0].record.times
    found.append(("Simulated", f"{times[-1]:.6g} d, indicators from day {simulation.start:g}"))
    decided = [f"{len(result.factors)} decisions, {count} simulations"] if count else []
    if result.plan is not None:
        decided.append(f"{len(result.plan.schedules)} schedules by gradients")
    return [*found, ("Searched", "; ".join(decided))]


def _decision(result: Optimum, k: int) -> dict[str, str]:
    factor = result.factors[k]
    value, before = result.decisions[factor.name], result.present.get(factor.name)
    return {
        "name": factor.name,
        "text": factor.info.text,
        "unit": unit_text(factor.unit),
        "present": "–" if before is None else number(before, 4),
        "optimum": value if isinstance(value, str) else number(float(value), 4),
        "end": "at the end of its range" if factor.name in result.at_bounds else "",
    }


def _parts(result: Optimum) -> list[tuple[Schedule, np.ndarray]]:
    """Return the schedules with their values."""
    if result.plan is None:
        return []
    cuts = np.cumsum([s.count for s in result.plan.schedules])[:-1]
    return list(zip(result.plan.schedules, np.split(result.plan.values, cuts), strict=True))


def schedule_table(result: Optimum) -> pd.DataFrame:
    """Return schedules as a table.

    Parameters
    ----------
    result : Optimum
        An optimisation with schedules.

    Returns
    -------
    DataFrame
        A row an interval: ``schedule``, ``input``, ``how``, ``begin [d]``, ``end [d]``, ``value``, ``unit``.
    """
    rows = []
    for schedule, values in _parts(result):
        for k, place in enumerate(schedule.variables):
            begin, end = schedule.edges[k], schedule.edges[k + 1]
            rows.append(
                {
                    "schedule": schedule.name,
                    "input": schedule.input,
                    "how": schedule.how,
                    "begin [d]": begin,
                    "end [d]": end,
                    "value": values[place],
                    "unit": schedule.unit,
                }
            )
    return pd.DataFrame(rows)


def _shown_schedule(result: Optimum, schedule: Schedule, values: np.ndarray) -> dict[str, Any]:
    """Return a schedule as rows of a table: times of the day where all days are alike, and those of the period."""
    before = _before(result, schedule)
    own = range(schedule.count) if _repeated(schedule) else schedule.variables.tolist()
    rows = []
    for k, place in enumerate(own):
        if _repeated(schedule):
            hours = 24.0 / schedule.count
            span = f"{_clock(k * hours)} to {_clock((k + 1) * hours)}"
        else:
            span = f"day {schedule.edges[k]:.6g} to {schedule.edges[k + 1]:.6g}"
        rows.append((span, "–" if before is None else number(float(before[k])), f"{values[place]:.4g}"))
    words = {"set": "", "scale": "factor of the present value", "shift": "difference to the present value"}
    title = f"{schedule.name}: {schedule.input}"
    return {"title": title, "how": words[schedule.how], "unit": unit_text(schedule.unit), "rows": rows}


def _repeated(schedule: Schedule) -> bool:
    """Whether days are alike."""
    return schedule.count < len(schedule.variables)


def _before(result: Optimum, schedule: Schedule) -> np.ndarray | None:
    """Return the means at present by interval, of the day where days are alike; None where no single input tells."""
    record = result.simulation.cases[0].record
    if schedule.how != "set" or schedule.input not in record.columns:
        return None
    values, times = record.columns[schedule.input], record.times
    place = schedule.variable_at(times) if _repeated(schedule) else np.searchsorted(schedule.edges, times, "right") - 1
    count = schedule.count if _repeated(schedule) else len(schedule.variables)
    inside = place < count
    numbers = np.bincount(place[inside], minlength=count)
    return np.bincount(place[inside], values[inside], count) / np.maximum(numbers, 1)


def _clock(hours: float) -> str:
    minutes = round(60 * hours)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _schedule_figure(result: Optimum) -> Markup | None:
    """Draw the schedules over a day, or over the period."""
    parts = _parts(result)
    if not parts:
        return None
    with drawing(lines=True):
        figure = Figure(figsize=(WIDTH, 0.5 + 1.5 * len(parts)), layout="constrained")
        axes = figure.subplots(len(parts), 1, squeeze=False)[:, 0]
        for ax, (schedule, values) in zip(axes, parts, strict=True):
            repeated, before = _repeated(schedule), _before(result, schedule)
            edges = np.linspace(0.0, 24.0, schedule.count + 1) if repeated else schedule.edges
            held = values if repeated else values[schedule.variables]
            if before is not None:
                ax.stairs(before, edges, color=CASE_COLOURS[0], linewidth=1.2, baseline=None, label="present, mean")
            ax.stairs(held, edges, color=CASE_COLOURS[1], linewidth=1.8, baseline=None, label="optimum")
            ax.legend(loc="upper left", ncols=2)
            ax.set_title(f"{schedule.name} [{unit_text(schedule.unit)}]", **PANEL_TITLE)
            ax.set_xlim(edges[0], edges[-1])
            ax.set_xlabel("hour of the day" if repeated else "time [d]")
            if repeated:
                ax.set_xticks(np.arange(0, 25, 3))
        return svg(figure, "Schedules of the optimum", "schedules")


def _searched(result: Optimum) -> dict[str, Any] | None:
    """Return what is shown of the search: how the best came down, and how many cases kept the limits or failed."""
    table = result.evaluations
    if table.empty:
        return None
    inside = table["within limits"].to_numpy(dtype=bool)
    best = np.minimum.accumulate(np.where(inside, table["goal"].to_numpy(dtype=float), np.inf))
    steps = [k for k in range(len(best)) if np.isfinite(best[k]) and (k == 0 or best[k] < best[k - 1])]
    rows = [(k + 1, f"{100 * (best[k] - 1):+.2f} %".replace("-", "−")) for k in steps]
    return {"count": len(table), "inside": int(inside.sum()), "failed": int((table["error"] != "").sum()), "rows": rows}
