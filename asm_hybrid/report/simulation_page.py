"""The page of a simulated plant: cases, indicators, series, in one file that asks for nothing from any network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from markupsafe import Markup

from asm_hybrid.config import Config
from asm_hybrid.data import QualityFinding
from asm_hybrid.data.corrections import correction_texts
from asm_hybrid.plant import TakacsSettler
from asm_hybrid.report.simulation_figures import draw_all, steady_operation
from asm_hybrid.report.style import embed, number, unit_text
from asm_hybrid.report.templating import get_template
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.summary import SILENT, UNTOLD, IndicatorRow, effect_warnings, indicator_groups, main_rows, said

__all__ = ["PAGE", "notes_of", "render_page", "shown_row", "simulation_files"]

PAGE = "index.html"
OPEN = 4
"""Groups of indicators that are open at first."""
DIGITS = 4
TITLES = {
    "kpi": "Energies and indices of all cases",
    "measured": "Measured quantities over time",
    "effluent": "Effluent concentrations and their limits over time",
    "effluent_more": "Effluent flow, concentrations without a limit, pH and off-gas over time",
    "operation": "Controlled quantities, oxygen and air over time",
    "settler": "Solids of the final settler",
}


def simulation_files(result: PlantScenarios, flowsheet: str | None = None) -> dict[str, bytes]:
    """Return page and plots of a simulation.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.
    flowsheet : str, optional
        The flow sheet as SVG, which has its place on the page.

    Returns
    -------
    dict of str to bytes
        Files by name: PNG and SVG of each figure, and last ``index.html``. The same simulation gives the same bytes.
    """
    figures = draw_all(result)
    plots = {name: content for files in figures.values() for name, content in files.items()}
    return {**plots, PAGE: render_page(result, figures, flowsheet).encode()}


def render_page(
    result: PlantScenarios, figures: Mapping[str, Mapping[str, bytes]], flowsheet: str | None = None
) -> str:
    """Return the page of a simulation as HTML.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.
    figures : mapping of str to mapping of str to bytes
        From `draw_all`.
    flowsheet : str, optional
        The flow sheet as SVG.

    Returns
    -------
    str
    """
    cases = [{"name": case.name, "changes": case.changes} for case in result.cases]
    groups = [(name, [shown_row(row) for row in rows]) for name, rows in indicator_groups(result.cases).items()]
    return get_template("simulation.html.j2").render(
        title=result.name,
        description=result.file.description,
        version=version("asm-hybrid"),
        facts=_facts(result),
        cases=cases,
        main=[shown_row(row) for row in main_rows(result.cases)],
        groups=groups[:OPEN],
        more=groups[OPEN:],
        figures={kind: _embedded(kind, files) for kind, files in figures.items()},
        steady=_steady(result),
        flowsheet=embed(flowsheet, "Flow sheet", "flowsheet") if flowsheet else None,
        start=result.start,
        trust=effect_warnings(result.cases),
        fitted=result.fitted,
        band=result.band,
        alone=any(case.alone for case in result.cases),
        notes=notes_of(result),
        plant_text=None if result.fitted else result.file.to_yaml(),
        scenario_text=result.scenario.document.text if result.scenario else None,
    )


def _steady(result: PlantScenarios) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what is not drawn of the operation: name, unit, and a text for each case."""
    units = {name: unit for case in result.cases for name, unit in case.record.units.items()}
    return [(name, unit_text(units[name]), texts) for name, texts in steady_operation(result).items()]


def shown_row(row: IndicatorRow) -> dict[str, Any]:
    """Return an indicator as the page shows it.

    Parameters
    ----------
    row : IndicatorRow
        The indicator.

    Returns
    -------
    dict
        ``name``, ``label``, ``description``, ``unit``, and ``cells``: by case its value, its difference to the base
        case, the range of the members, and f alone, each as text that may be empty.
    """
    cells = []
    for k, value in enumerate(row.values):
        told_by_f = bool(row.by_f and row.by_f[k])
        change = "" if k == 0 else _change(row, k)
        if told_by_f and change:
            change = f"f: {change}"
        cells.append((_cell(value), change, _range(row, k), _alone(row, k)))
    texts = {"name": row.name, "label": unit_text(row.label), "description": row.description}
    return {**texts, "unit": unit_text(row.unit), "cells": cells}


def _range(row: IndicatorRow, case: int) -> str:
    """Return the range of the members, where they differ in the digits that are shown."""
    if not row.ranges:
        return ""
    low, high = (_cell(value) for value in row.ranges[case])
    return "" if low == high else f"{low}–{high}"


def _alone(row: IndicatorRow, case: int) -> str:
    """Return the value of f alone with its difference to the base case, where it is another."""
    if not row.alone or _cell(row.alone[case]) == _cell(row.values[case]):
        return ""
    change = _difference(row.alone_changes[case]) if case else ""
    return f"f alone {_cell(row.alone[case])} {change}".strip()


def _cell(value: float) -> str:
    if math.isnan(value):
        return "–"
    return number(value, DIGITS) if value != round(value) else f"{value:.0f}"


def _change(row: IndicatorRow, case: int) -> str:
    """Return the difference to the base case; its range where the members answer with both signs."""
    limits = row.change_range(case)
    if limits is None or not row.disputed(case):
        return _difference(row.changes[case])
    low, high = (f"{100 * limit:+.1f}".replace("-", "−") for limit in limits)
    return f"{low} to {high} %"


def _difference(share: float | None) -> str:
    """Return a difference to the base case in words; nothing where that is zero or the same."""
    if share is None or abs(share) < UNTOLD:
        return ""
    return f"{100 * share:+.1f} %".replace("-", "−")


def _embedded(kind: str, files: Mapping[str, bytes]) -> list[Markup]:
    drawings = [content for name, content in files.items() if name.endswith(".svg")]
    return [embed(drawing, TITLES[kind], f"{kind}{i}") for i, drawing in enumerate(drawings)]


def _facts(result: PlantScenarios) -> list[tuple[str, str]]:
    layout, times, fitted = result.plant.layout, result.cases[0].record.times, result.fitted
    tanks = len(layout.tanks)
    kind = result.file.name if fitted is None else f"run {result.file.name}"
    facts = [
        ("Plant", f"{kind}: {tanks} tank{'s' if tanks != 1 else ''}, {result.plant.table.name}"),
        ("Simulated", f"{times[-1]:.6g} d, indicators from day {result.start:g}"),
        ("Influent", result.influent),
        ("Cases", f"base and {len(result.cases) - 1} more" if len(result.cases) > 1 else "base alone"),
    ]
    if result.draws:
        facts.append(("Process noise", f"{result.draws} draws: median and 5 to 95 %"))
    if fitted is not None:
        seeds = f"{fitted.members} seeds: median and range" if fitted.members > 1 else "one seed"
        alone = "calibrated f, since n is zero" if fitted.silent else "calibrated f"
        facts.append(("Model", f"calibrated f and n, {seeds}" if result.cases[0].trust else alone))
    return facts


def _warning(finding: QualityFinding) -> str:
    """Return a finding as sentences."""
    advice = f"; expected: {finding.expected}" if finding.expected else ""
    return f"Warning: {finding.where}: {finding.message}{advice}." + (f" Advice: {finding.fix}." if finding.fix else "")


def _fitted_notes(result: PlantScenarios) -> list[str]:
    fitted = result.fitted
    assert fitted is not None
    notes = [f"{SILENT[0].upper()}{SILENT[1:]}."] if fitted.silent else []
    if fitted.by_knots:
        notes.append("The base case is the prediction of the run: the same equations, inputs, states and steps.")
    elif fitted.origin is not None:
        why = "noise acts" if result.draws else "controllers or time tables act"
        notes.append(
            f"All cases begin with the state of the run, and are integrated by CVODES, since {why} "
            "within the steps of the training. The base case differs from the prediction of the run by the error "
            "of these steps."
        )
    if fitted.members > 1 and not result.draws:
        notes.append(
            f"Values are medians of {fitted.members} seeds of n, each simulated in all cases; differences are the "
            "median of each seed's own. The range holds neither the error of f nor that of the data."
        )
    return notes


def _noise_notes(result: PlantScenarios) -> list[str]:
    """Say what the draws are."""
    each = (
        f"{result.draws} times"
        if result.fitted is None or result.fitted.members == 1
        else (f"{result.draws} times with each of {result.fitted.members} seeds of n")
    )
    return [
        f"Every case is simulated {each} with noise of its states, from the same state and with the same noise as the "
        "other cases. Values are medians over these draws, and bands hold 90 % of them; differences are the median of "
        "each draw's own. Balances, and where a case leaves what training saw, are those of a simulation without noise."
    ]


def notes_of(result: PlantScenarios) -> list[str]:
    """Return what is to be said of a simulation.

    Parameters
    ----------
    result : PlantScenarios
        The simulation.

    Returns
    -------
    list of str
        A note each; findings and warnings first.
    """
    layout, content = result.plant.layout, result.scenario.content if result.scenario else None
    notes = [_warning(finding) for finding in result.findings]
    fitted = result.fitted
    if isinstance(result.file, Config) and fitted is None:
        notes.append(
            "f alone is simulated, with the parameters that the config gives: nothing is calibrated or learnt here."
        )
    if isinstance(result.file, Config):
        texts = correction_texts(result.file, result.plant.table, layout)
        notes += [f"The inputs of the record are corrected: {'; '.join(texts)}."] if texts else []
    notes += _fitted_notes(result) if fitted else []
    notes += _noise_notes(result) if result.draws else []
    notes += [f"Warning: {text}." for text in said(result.cases, "warnings")]
    notes += [f"{text[0].upper()}{text[1:]}." for text in said(result.cases, "left_out")]
    if result.residual is not None:
        notes.append(
            "The simulation starts at the steady state of the mean inputs. The largest relative rate of change that is "
            f"left there is {result.residual:.1e} 1/d.".replace("e-", "e−")
        )
    elif fitted is None or fitted.origin is None:
        notes.append(
            "A plant with a time table or on/off control has no steady state. The simulation begins with seed sludge, "
            "so that the first days show how it settles in: set spin_up or score_from."
        )
    if content and content.spin_up > 0:
        notes.append(f"Before it, the base case ran for {content.spin_up:g} d with the influent from its begin.")
    if not result.limits and fitted and not result.parameters:
        return notes  # a neural model has no plant to judge
    imposed = sorted({tank for plant in result.plants for tank in plant.held})
    if imposed:
        notes.append(
            f"The oxygen of {', '.join(imposed)} is imposed by its record: kLa there is what holds it, by the model's "
            "own balance of oxygen, and the energy for aeration is that of this kLa. So cases with imposed and with "
            "controlled oxygen are compared by one formula; limits of the blowers count only where a controller has "
            "them."
        )
    notes.append(
        "Indicators follow the definitions and weights of the benchmark BSM1 (Alex et al. 2018): EQI weighs TSS 2, "
        "COD 1, TKN 30, NO3 10 and BOD5 2; OCI is aeration, pumping and mixing energy + 5 × sludge + 3 × external "
        "carbon. They compare cases; they are no bill. Every sample counts for the time until the next."
    )
    if isinstance(layout.settler, TakacsSettler):
        notes.append(
            f"The final settler has {layout.settler.layers} layers without reactions. Its particulates have at every "
            "moment the composition of those in the feed."
        )
    notes += said(result.cases, "balance")
    if any(c.sensor.noise > 0 for c in layout.controllers):
        seed = content.seed if content else None
        notes.append(
            "The sensors are without noise, since no seed is given."
            if seed is None
            else f"The noise of the sensors has the seed {seed}; it is the same in all cases."
        )
    return notes
