"""What the command line shows: progress, tables of scores, scenarios, model tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from asm_hybrid.equations.result import EquationResult
    from asm_hybrid.notebook.run_result import RunResult
    from asm_hybrid.notebook.simulation_result import Simulation
    from asm_hybrid.scenario.cases import PlantScenarios
    from asm_hybrid.scenario.published import Check
    from asm_hybrid.scenario.summary import IndicatorRow
    from asm_hybrid.scenario.verify import Verification

__all__ = [
    "print_comparison",
    "print_diagnosis",
    "print_layouts",
    "print_model",
    "print_model_check",
    "print_models",
    "print_run",
    "print_scores",
    "print_simulation",
    "print_verification",
]

INFLUENTS = (
    "Only the steady states were compared. The weeks of dry, rain and storm weather need three influent files, which "
    "are not part of this package: dryinfluent, raininfluent and storminfluent of the BSM1 package of the IWA Task "
    "Group (Lund University), or Inf_dry.txt, Inf_rain.txt and Inf_strm.txt in Resources/ASM1 of "
    "jobehrendt/OpenWasteWater on GitHub (CC0). Put them into one folder and give it as --influents; they are found by "
    "dry, rain, and storm or strm in their names."
)


BAND_BLOCKS = (("validate", "the validation block"), ("test", "the test block"))
CASE_WIDTH = 19
"""Columns that a value with its difference takes."""
LEAST_SHARE = 0.005
"""Share of n's effect that is not printed as 0 % [-]."""
WIDTH_IN_FILES = 120
"""Columns of output that goes to a file or a pipe."""


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=WIDTH_IN_FILES, highlight=False)


def _table(text: list[str], figures: list[str]) -> Table:
    """Return a table of text columns, in which no name is ever cut, and of right-aligned figures."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in text:
        table.add_column(name, no_wrap=name != "title")
    for name in figures:
        longest = max(map(len, name.split()))  # a heading may break between its words, not within
        table.add_column(name, justify="right", overflow="fold", no_wrap=name == "unit", min_width=longest)
    return table


def _show(console: Console, title: str, table: Table) -> None:
    """Print a table below its title, which may be wider than the table."""
    console.print(title, style="bold", markup=False)
    console.print(table)


def print_run(result: RunResult | EquationResult) -> None:
    """Print what a finished run gave, and where the rest is.

    Parameters
    ----------
    result : RunResult or EquationResult
        The run; one of a plant with its verdict.
    """
    from asm_hybrid.notebook.run_result import RunResult

    if isinstance(result, RunResult) and result.trial:
        typer.echo(repr(result))
    elif isinstance(result, RunResult):
        print_scores(dict(result.summary))
        if result.diagnosed:
            print_diagnosis(result.diagnosis)
        typer.echo(f"\nrun folder: {result.folder}\nreport:     {result.report}")
    else:
        typer.echo(result.text)


def print_simulation(found: Simulation) -> None:
    """Print what a simulation gave, and where the rest is.

    Parameters
    ----------
    found : Simulation
        The simulation. Nothing is printed of one whose files were not written.
    """
    if found.folder is not None:
        print_plant_scenarios(found.found, found.folder)


def _titles() -> dict[str, str]:
    """Return the titles of the models that are compared, in their order."""
    from asm_hybrid.training.compared import compared_models  # with torch, which not every command needs

    return {name: model.title for name, model in compared_models().items()}


def print_scores(summary: dict[str, Any]) -> None:
    """Print the verdict, the table of test scores, and what f failed to capture.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json`` with its verdict.
    """
    console = _console()
    verdict = summary["verdict"]
    console.print()
    console.print(verdict["sentence"], style="bold green" if verdict["wins"] else "bold yellow", markup=False)
    console.print()
    test = summary["scores"].get("test", {})
    units = [escape(f"{label} [{summary['variables'][label]['unit']}]") for label in test]
    table = _table(["model"], units)
    for model, title in _titles().items():
        cells = [_score_cell(models, model) for models in test.values()]
        if any(cells):
            table.add_row(title, *cells)
    _show(console, "RMSE on the test block, open-loop simulation (range over seeds)", table)
    if "bands" in summary:
        for name, row in summary["bands"]["variables"].items():
            shares = (f"{100 * row[b]['coverage']:.0f} % on {t}" for b, t in BAND_BLOCKS if b in row)
            band = f"{100 * summary['bands']['level']:.0f} % band of {name} in simulation: holds"
            console.print(f"{band} {', '.join(shares)}", markup=False)
    if "forecast" in summary:
        print_forecast(console, summary)
    if summary["missing"]:
        print_missing(console, summary["missing"])
    for warning in summary["warnings"]:
        console.print(f"warning: {warning}", markup=False, style="yellow")


def print_diagnosis(diagnosis: Mapping[str, Any]) -> None:
    """Print what f failed to capture in sentences, and the lines of a config that take what is proposed.

    Parameters
    ----------
    diagnosis : mapping
        Content of ``diagnosis.json``.
    """
    from asm_hybrid.diagnosis.explanation_words import proposal_lines

    console = _console()
    console.print("\nWhat f failed to capture", style="bold")
    for sentence in diagnosis["sentences"]:
        console.print(f"- {sentence}", markup=False)
    lines = proposal_lines([p for p in diagnosis.get("proposals") or [] if p.get("clear", True)])
    if lines:
        console.print("To accept what is proposed, put these lines into the config, or train with --accept:")
        for line in lines:
            console.print(f"  {line}", markup=False, soft_wrap=True)


def print_forecast(console: Console, summary: dict[str, Any]) -> None:
    """Print the test scores of the forecasts, horizon by horizon, and where persistence wins."""
    found = summary["forecast"]
    units = [escape(f"{label} [{variable['unit']}]") for label, variable in summary["variables"].items()]
    table = _table(["horizon", "model"], units)
    for horizon, scores in found["scores"]["test"].items():
        for model, title in _titles().items():
            cells = [_score_cell(scores.get(label, {}), model) for label in summary["variables"]]
            if any(cells):
                table.add_row(horizon, title, *cells)
        table.add_section()
    console.print()
    spacing, origins = found["spacing"]["test"], found["origins"]["test"]
    title = f"RMSE on the test block, forecast from {origins} origins {spacing} h apart, inputs as measured"
    _show(console, title, table)
    for sentence in found["sentences"]:
        console.print(sentence, markup=False)
    for horizon, bands in found["bands"]["test"].items():
        if bands:
            held = ", ".join(f"{100 * row['coverage']:.0f} % of {label}" for label, row in bands.items())
            console.print(f"90 % band of the forecasts at {horizon}: holds {held} on the test block", markup=False)


def _score_cell(models: dict[str, Any], model: str) -> str:
    if model not in models:
        return ""
    score = models[model]
    best = min(s["rmse"] for s in models.values())
    text = f"[bold]{score['rmse']:.3g}[/bold]" if score["rmse"] == best else f"{score['rmse']:.3g}"
    if len(score["rmse_seeds"]) > 1:
        text += f" ({min(score['rmse_seeds']):.3g}–{max(score['rmse_seeds']):.3g})"
    return text


def print_comparison(table: pd.DataFrame, told: Sequence[str]) -> None:
    """Print runs side by side, one table for each kind of figure, the lowest RMSE of a row in bold.

    Parameters
    ----------
    table : DataFrame
        From `asm_hybrid.report.compare.compare_runs`.
    told : sequence of str
        Sentences that follow, from `asm_hybrid.report.compare.told_apart`.
    """
    console, titles = _console(), _titles()
    runs = list(table.columns[4:])
    for what, part in table.groupby("what", sort=False):
        setting = what == "config"
        shown = _table(["setting"] if setting else ["variable", "model"], [escape(run) for run in runs])
        for row in part.to_dict("records"):
            if setting:
                cells = [escape("" if pd.isna(row[run]) else row[run]) for run in runs]
                shown.add_row(escape(row["variable"]), *cells)
                continue
            values = [row[run] for run in runs]
            least = min(v for v in values if pd.notna(v))
            share = str(what).startswith("coverage")
            cells = [_compared(v, not share and v == least) for v in values]
            unit = "" if share else f" [{row['unit']}]"
            shown.add_row(escape(row["variable"] + unit), titles.get(row["model"], row["model"]), *cells)
        name, _, horizon = str(what).partition(" ")
        task = f"forecast {horizon}" if horizon else "simulation"
        title = {
            "config": "Settings that differ",
            "coverage": f"Share of the test measurements in the 90 % band, {task}",
        }
        _show(console, title.get(name, f"RMSE on the test block, {task}"), shown)
    for sentence in told:
        console.print(sentence, markup=False)


def _compared(value: float, least: bool) -> str:
    text = "" if pd.isna(value) else f"{value:.3g}"
    return f"[bold]{text}[/bold]" if least else text


def print_missing(console: Console, missing: list[dict[str, Any]]) -> None:
    """Print the first places where n matters."""
    from asm_hybrid.hybrid.placements import placement_of

    kinds = {row["kind"] for row in missing}
    what = kinds.pop() if len(kinds) == 1 else "target"
    own = "rate or value" if what == "target" else placement_of(what).quantity
    names = ["share", f"f's own {own}", "learnt change", "unit"]
    table = _table([what, "tank"], names)
    shown = [row for row in missing[:5] if row["share"] >= LEAST_SHARE]
    for row in shown or missing[:1]:
        figures = f"{100 * row['share']:.0f} %", f"{row['own']:.4g}", f"{row['learnt']:+.4g}"
        table.add_row(escape(row["name"]), escape(row["tank"]), *figures, escape(row["unit"]))
    _show(console, "Where n acts: share of its effect on the measured variables, no evidence of a cause", table)


def print_verification(result: Verification) -> None:
    """Print the published figures beside ours, and the verdict.

    Parameters
    ----------
    result : Verification
        The comparisons with the published figures of BSM1.
    """
    console = _console()
    summary = _table(["comparison"], ["figures", "met", "nearest to its limit", "off", "max"])
    for comparison in result.comparisons:
        checks = comparison.checks
        percent = "" if checks[0].tolerance is None else " %"
        # short headings, so that 80 columns are enough
        table = _table(["figure"], ["unit", "published", "ours", f"off{percent}", f"max{percent}", "met"])
        for check in checks:
            met = "yes" if check.passed else "NO"
            cells = escape(check.unit), check.figure.printed, *_check_cells(check), met
            table.add_row(escape(check.name), *cells, style=None if check.passed else "bold red")
        _show(console, comparison.title, table)
        for check in checks:
            if check.figure.note:
                console.print(f"{check.name}: {check.figure.note}", markup=False)
        console.print()
        worst = max(checks, key=lambda c: abs(c.deviation) / c.allowed)
        counts = f"{len(checks)}", f"{sum(c.passed for c in checks)}"
        _, *limits = (cell + percent for cell in _check_cells(worst))
        summary.add_row(escape(comparison.title), *counts, escape(worst.name), *limits)
    for note in result.notes:
        console.print(f"note: {note}", markup=False, style="yellow")
    _show(console, "Summary", summary)
    if not result.dynamic:
        console.print(INFLUENTS, markup=False)
    failed = sum(not c.passed for comparison in result.comparisons for c in comparison.checks)
    verdict = f"figures that are not met: {failed}" if failed else "all published figures are met"
    console.print(f"{verdict}, in {result.seconds:.0f} s", style="bold red" if failed else "bold green", markup=False)


def _check_cells(check: Check) -> tuple[str, str, str]:
    """Return our figure, its deviation and the largest one, the latter in percent where they are relative."""
    if check.tolerance is None:
        digits = check.figure.decimals + 1  # one more than published, to show the rounding
        return f"{check.ours:.{digits}f}", f"{check.deviation:+.1e}", f"{check.allowed:.1e}"
    ours = f"{check.ours:.{check.figure.decimals}f}"
    return ours, f"{100 * check.deviation:+.2f}", f"{100 * check.allowed:g}"


def print_plant_scenarios(result: PlantScenarios, folder: Path) -> None:
    """Print what a simulation of a plant gave: the main indicators of each case, and where the rest is."""
    from asm_hybrid.data.check_text import finding_lines
    from asm_hybrid.scenario.summary import SILENT, effect_warnings, main_rows, said

    console = _console()
    if result.fitted is not None and result.fitted.origin is not None:
        console.print(f"{result.influent}; starts from the state of the run", markup=False)
    elif result.residual is None:
        console.print("no steady state, since the plant has a time table or on/off control: starts with seed sludge")
    else:
        console.print(f"steady state of the mean inputs: largest relative rate of change {result.residual:.1e} 1/d")
    if result.fitted is not None and result.fitted.silent:
        console.print(SILENT, markup=False)
    for case in result.cases[1:]:
        console.print(f"{case.name}: {'; '.join(case.changes)}", markup=False)
    if result.findings:
        for line in finding_lines(result.findings):
            console.print(line, style="yellow", markup=False, soft_wrap=True)
    console.print()
    rows = main_rows(result.cases)
    _print_cases(console, result, rows, f"Indicators from day {result.start:g} on", ("indicator", "unit"), _told)
    _print_ranges(console, result, rows)
    if any(case.alone for case in result.cases):
        _print_cases(console, result, rows, "f alone, without what was learnt", ("f alone",), _by_f_alone)
    for text in said(result.cases, "left_out"):
        console.print(text, markup=False)
    for text in effect_warnings(result.cases):
        console.print(f"warning: {text}", markup=False, style="yellow")
    for text in said(result.cases, "warnings"):
        console.print(f"warning: {text}", markup=False, style="yellow")
    console.print(f"page: {folder / 'index.html'}", markup=False, soft_wrap=True)


def _print_ranges(console: Console, result: PlantScenarios, rows: Sequence[IndicatorRow]) -> None:
    """Print the ranges over the seeds or draws of what differs in the digits that are shown."""
    if not result.band:
        return
    members = f"{result.draws} draws" if result.draws else f"{result.fitted.members if result.fitted else 1} seeds"
    title = f"The figures above are medians of {members}"
    differing = [row for row in rows if any(_figure(low) != _figure(high) for low, high in row.ranges)]
    if differing:
        _print_cases(console, result, differing, f"{title}; below, how far these differ", (result.band,), _range)
    else:
        console.print(f"{title}, which do not differ in these digits")


def _print_cases(
    console: Console,
    result: PlantScenarios,
    rows: Sequence[IndicatorRow],
    title: str,
    heads: Sequence[str],
    cell: Callable[[IndicatorRow, int], str],
) -> None:
    """Print a table with as many cases side by side as there is room for, the base case in each."""
    room = console.width - 2 - max(len(r.label) for r in rows) - 10 - 12  # what names, units and the base case leave
    step = max(1, room // CASE_WIDTH)
    for first in range(1, max(len(result.cases), 2), step):
        chosen = range(first, min(first + step, len(result.cases)))
        table = _table([heads[0]], [*heads[1:], "base"])
        for k in chosen:
            table.add_column(escape(result.cases[k].name), justify="right", overflow="fold", min_width=CASE_WIDTH - 3)
        for row in rows:
            units = [escape(row.unit)] * (len(heads) - 1)
            table.add_row(escape(row.label), *units, *(cell(row, k) for k in (0, *chosen)))
        beside = ", with the difference to the base case" if chosen and cell is not _range else ""
        if cell is _told and any(row.by_f and row.by_f[k] for row in rows for k in chosen):
            beside += "; f: that of f alone"
        if cell is _told and any(row.disputed(k) for row in rows for k in chosen):
            beside += f"; ±: the {'draws' if result.draws else 'seeds'} answer with both signs"
        _show(console, f"{title}{beside}", table)


def _told(row: IndicatorRow, case: int) -> str:
    if not case or row.disputed(case):
        return f"{_figure(row.values[case])} {'±':>9}" if case else _figure(row.values[0])
    return _with_change(row.values[case], row.changes[case], by_f=bool(row.by_f and row.by_f[case]))


def _range(row: IndicatorRow, case: int) -> str:
    low, high = row.ranges[case]
    return f"{_figure(low)}–{_figure(high)}"


def _by_f_alone(row: IndicatorRow, case: int) -> str:
    return _with_change(row.alone[case], row.alone_changes[case]) if case else _figure(row.alone[0])


def _figure(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _with_change(value: float, change: float | None, *, by_f: bool = False) -> str:
    from asm_hybrid.scenario.summary import UNTOLD

    same = value == 0 if change is None else abs(change) < UNTOLD
    note = "=" if same else "–" if change is None else f"{100 * change:+.1f} %"
    return f"{_figure(value)} {f'f: {note}' if by_f else note:>9}"


def print_layouts() -> None:
    """Print the shipped layouts."""
    from asm_hybrid.config import available_layouts, load_plant

    table = _table(["name", "title"], ["tanks", "kinetics"])
    for name in available_layouts():
        plant = load_plant(name)
        table.add_row(name, escape(plant.description), str(len(plant.plant.tanks)), escape(plant.model.kinetics))
    _show(_console(), "Shipped layouts", table)
    typer.echo("simulate one:       asm-hybrid simulate NAME\nmake it your plant: asm-hybrid layouts NAME > plant.yaml")


def print_models() -> None:
    """Print the shipped kinetics tables."""
    from asm_hybrid.kinetics import available_tables, load_table

    table = _table(["name", "title"], ["components", "processes", "parameters"])
    for name in available_tables():
        found = load_table(name)
        counts = (len(found.components), len(found.processes), len(found.parameters))
        table.add_row(name, escape(found.title), *map(str, counts))
    _show(_console(), "Kinetics tables", table)


def print_model(name: str, form: str | None = None, out: Path | None = None) -> None:
    """Print the documentation of a kinetics table, or write it to a file.

    Parameters
    ----------
    name : str
        Name of a shipped table, or path of a file.
    form : str, optional
        One of `FORMATS` of `asm_hybrid.kinetics.document`; by the ending of `out` where it is not given.
    out : Path, optional
        The file to write; an existing one is replaced, but never a table.

    Raises
    ------
    InputError
        If the table or the format cannot be used, or the file cannot be written.
    """
    from asm_hybrid.artefacts import write_text_atomic
    from asm_hybrid.errors import InputError
    from asm_hybrid.kinetics import load_table
    from asm_hybrid.kinetics.document import document_table, format_of

    table = load_table(name)
    text = document_table(table, form or ("text" if out is None else format_of(out)))
    if out is None:
        typer.echo(text)
        return
    if out.suffix.lower() in (".yaml", ".yml") or out.is_dir():
        raise InputError(
            f"{str(out)!r} is no file for a document", where="--out", expected="a new file, such as table.html"
        )
    write_text_atomic(out, text + "\n")
    typer.echo(f"wrote {out}")


def print_model_check(name: str) -> None:
    """Check a kinetics table, and print what was checked and found.

    Parameters
    ----------
    name : str
        Name of a shipped table, or path of a file.

    Raises
    ------
    InputError
        If the table cannot be used.
    """
    from asm_hybrid.kinetics import load_table
    from asm_hybrid.kinetics.document import check_text

    typer.echo(check_text(load_table(name)))
