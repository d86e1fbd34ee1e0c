"""The page of a run: everything the templates need, ``report.html``, and chapters of it for other pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from markupsafe import Markup

from asm_hybrid.manifest import replace_files
from asm_hybrid.report import run_files, style
from asm_hybrid.report.answer_tables import answer_tables
from asm_hybrid.report.diagnosis_chapter import diagnosis_chapter
from asm_hybrid.report.diagnosis_record import DIAGNOSIS, read_diagnosis
from asm_hybrid.report.figures import block_figure, overview_figure
from asm_hybrid.report.forecast_tables import ForecastTable, band_rows, forecast_table
from asm_hybrid.report.missing_figures import contribution_figure, heat_map
from asm_hybrid.report.parameter_record import CLEAR, ParameterSet
from asm_hybrid.report.run_record import Missing, Summary
from asm_hybrid.report.run_tables import read_answers, read_contributions, read_forecasts, read_predictions
from asm_hybrid.report.templating import get_template
from asm_hybrid.report.verdict_text import ScoreTable, best_model, cards, headline, score_table
from asm_hybrid.training.compared import own_model
from asm_hybrid.training.compared.mechanistic import MODEL as MECHANISTIC
from asm_hybrid.training.compared.persistence import MODEL as PERSISTENCE
from asm_hybrid.training.compared.recalibrated import MODEL as RECALIBRATED

__all__ = ["CHAPTERS", "chapter_style", "drawn_models", "render_chapters", "render_report", "write_report"]

REPORT = "report.html"
CHAPTERS: Mapping[str, str] = MappingProxyType(
    {
        "head": "run_head.html.j2",
        "nav": "run_nav.html.j2",
        "verdict": "run_verdict.html.j2",
        "missing": "missing.html.j2",
        "scores": "run_scores.html.j2",
        "blocks": "run_blocks.html.j2",
        "bands": "run_bands.html.j2",
        "forecast": "run_forecast.html.j2",
        "answers": "run_answers.html.j2",
        "parameters": "run_parameters.html.j2",
        "data": "run_data.html.j2",
        "reproducibility": "run_reproducibility.html.j2",
    }
)
"""Chapters of the report that hold no series over time, and their templates, in their order."""
_READ = ("summary.json", "config.yaml", "predictions.csv", "parameters.json", "data.json", "environment.json")
_READ_IF_THERE = ("forecasts.csv", "contributions.csv", "answers.csv", DIAGNOSIS)
_PER_TABLE = 3  # variables beside each other in a score table
_SHOWN_HORIZON = 6  # hours ahead whose forecasts are drawn
_TOP = 3  # entries of the ranking that get a figure
_RANKED = 10  # entries of the ranking that are listed
_SMALL = 0.01  # share below which an entry is left to the map
_CLOSE = 0.95  # correlation from which two parameters cannot be told apart


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a run folder, from the files of that folder and nothing else.

    Parameters
    ----------
    run_dir : Path
        A run folder. Its manifest gets the digest of the new page.

    Returns
    -------
    Path
        The page: one file that asks for nothing from any network. The same folder gives the same bytes.

    Raises
    ------
    InputError
        If a file of the run folder is missing, unreadable, or not the one that was written.
    """
    run_dir = Path(run_dir)
    run_files.check_files(run_dir, _READ, _READ_IF_THERE)
    replace_files(run_dir, {REPORT: render_report(run_dir).encode()})
    return run_dir / REPORT


def render_report(run_dir: Path) -> str:
    """Return the report of a run folder as HTML.

    Parameters
    ----------
    run_dir : Path
        A run folder; its manifest is not checked.

    Returns
    -------
    str
        The page of `write_report`.

    Raises
    ------
    InputError
        If a file of the run folder is missing or unreadable.
    """
    facts = _facts(run_dir)
    return get_template("report.html.j2").render(facts.shown, **_figures(run_dir, facts))


def render_chapters(run_dir: Path) -> dict[str, str]:
    """Return the chapters of the report but for measured and predicted series, each a piece of HTML.

    Parameters
    ----------
    run_dir : Path
        A run folder.

    Returns
    -------
    dict of str to str
        By the names in `CHAPTERS`, in their order; a chapter that the run does not have is left out. They want the
        style sheet of `chapter_style`.

    Raises
    ------
    InputError
        If a file of the run folder is missing, unreadable, or not the one that was written.
    """
    run_files.check_files(run_dir, _READ, _READ_IF_THERE)
    shown = _facts(run_dir).shown | {"forecast_series": []}
    found = {name: get_template(file).render(shown).strip() for name, file in CHAPTERS.items()}
    return {name: text for name, text in found.items() if text}


def chapter_style(within: str) -> str:
    """Return the style sheet of the report for pieces of it that stand in another page.

    Parameters
    ----------
    within : str
        Selector of what holds them, such as ``".report"``; nothing outside of it is touched.

    Returns
    -------
    str
        CSS.
    """
    sheet = get_template("style.css").render()
    return f"{within} {{\n{sheet.replace(':root {', '& {')}\n}}\n"


@dataclass(frozen=True)
class _Facts:
    """What the files of a run say, but for the figures over time.

    Attributes
    ----------
    summary : Summary
        Its summary.
    own : str
        The model that the run is about.
    zone : ZoneInfo
        In which times are shown.
    shown : dict
        What the templates show.
    """

    summary: Summary
    own: str
    zone: ZoneInfo
    shown: dict[str, Any]


def _facts(run_dir: Path) -> _Facts:
    summary = run_files.read_summary(run_dir)
    config, config_text = run_files.read_config(run_dir)
    zone = run_files.display_zone(config)
    data, answers = run_files.read_data_record(run_dir), read_answers(run_dir)
    diagnosis = read_diagnosis(run_dir)
    units = {name: variable.unit for name, variable in summary.variables.items()}
    head, detail, kind = headline(summary)
    own = summary.verdict.model if summary.verdict else own_model(summary.mode).name
    shown = {
        "summary": summary,
        "config": _config_facts(config),
        "config_text": config_text,
        "zone": zone.key,
        "headline": head,
        "detail": detail,
        "own": own,
        "kind": kind,
        "cards": cards(summary),
        "tables": {block: _tables(summary, block, units, own) for block in ("test", "validate", "train")},
        "blocks": {name: _span(span, zone) for name, span in summary.blocks.items()},
        "created": _stamp(summary.created, zone),
        "forecasts_of": _forecasts(summary),
        "forecast_shown": _SHOWN_HORIZON,
        "bands": band_rows(summary.bands, summary.variables) if summary.bands else [],
        "diagnosis": None if diagnosis is None else diagnosis_chapter(diagnosis),
        "missing": _missing(read_contributions(run_dir), summary, zone),
        "answers": answer_tables(answers) if summary.answers and answers is not None else [],
        "recalibrated": RECALIBRATED.name,
        "parameters": _parameters(run_files.read_parameters(run_dir)),
        "data": data,
        "environment": run_files.read_environment(run_dir),
    }
    return _Facts(summary, own, zone, shown)


def _figures(run_dir: Path, facts: _Facts) -> dict[str, Any]:
    """Return the figures over time."""
    summary, own, zone = facts.summary, facts.own, facts.zone
    predictions = read_predictions(run_dir)
    units = {name: variable.unit for name, variable in summary.variables.items()}
    return {
        "overview": _overview(predictions, summary, units, own, zone),
        "series": _series(predictions, summary, own, zone),
        "forecast_series": _forecast_series(read_forecasts(run_dir), summary, own, zone),
    }


def _config_facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few entries of the config that the page shows by name, each None where absent."""
    model, tanks = run_files.section(config, "model"), run_files.section(run_files.section(config, "plant"), "tanks")
    return {
        "description": config.get("description"),
        "kinetics": Path(str(model.get("kinetics") or "")).stem or None,
        "tanks": len(tanks) or None,
    }


def _tables(summary: Summary, block: str, units: Mapping[str, str], own: str) -> list[ScoreTable]:
    scores = summary.scores.get(block, {})
    names = [name for name in summary.variables if name in scores]
    groups = [names[i : i + _PER_TABLE] for i in range(0, len(names), _PER_TABLE)]
    return [score_table(scores, units, group, own) for group in groups]


def _forecasts(summary: Summary) -> dict[str, ForecastTable]:
    if summary.forecast is None:
        return {}
    found = {block: forecast_table(summary.forecast, block, summary.variables) for block in ("test", "validate")}
    return {block: table for block, table in found.items() if table is not None}


def _forecast_series(
    frame: pd.DataFrame | None, summary: Summary, own: str, zone: ZoneInfo
) -> list[tuple[str, str, Markup]]:
    if frame is None or own not in frame:
        return []
    figures = []
    for i, (name, variable) in enumerate(summary.variables.items()):
        part = frame[(frame["variable"] == name) & (frame["block"] == "test") & (frame["horizon"] == _SHOWN_HORIZON)]
        if part[own].notna().any():
            models = [PERSISTENCE.name, own]
            figures.append((name, variable.target, block_figure(part, name, variable.unit, models, zone, f"f{i}")))
    return figures


def drawn_models(summary: Summary, variable: str, frame: pd.DataFrame, own: str) -> list[str]:
    """Return the models to draw: the best baseline, recalibrated f, and on top the model the run is about.

    Parameters
    ----------
    summary : Summary
        The run.
    variable : str
        What is drawn.
    frame : DataFrame
        Rows of ``predictions.csv`` for this variable.
    own : str
        The model that the run is about.

    Returns
    -------
    list of str
        Those that have a value.
    """
    best = best_model(summary.scores.get("test", {}).get(variable, {}), but=own)
    mechanistic = next((m.name for m in (RECALIBRATED, MECHANISTIC) if m.name in frame), None)
    order = dict.fromkeys(m for m in (best, mechanistic) if m is not None and m != own)
    return [m for m in (*order, own) if m in frame and frame[m].notna().any()]


def _series(frame: pd.DataFrame, summary: Summary, own: str, zone: ZoneInfo) -> list[tuple[str, str, Markup]]:
    figures = []
    for i, (name, variable) in enumerate(summary.variables.items()):
        part = frame[(frame["variable"] == name) & (frame["block"] == "test")]
        models = drawn_models(summary, name, part, own)
        if len(part) and models:
            figures.append((name, variable.target, block_figure(part, name, variable.unit, models, zone, f"s{i}")))
    return figures


def _overview(
    frame: pd.DataFrame, summary: Summary, units: Mapping[str, str], own: str, zone: ZoneInfo
) -> Markup | None:
    shown = {name: unit for name, unit in units.items() if (frame["variable"] == name).any()}
    if not shown:
        return None
    model = own if own in frame and frame[own].notna().any() else None
    blocks = {
        name: (pd.Timestamp(start), pd.Timestamp(end))
        for name, (start, end) in summary.blocks.items()
        if name in ("train", "validate", "test")
    }
    return overview_figure(frame, shown, model, blocks, zone, "o")


def _missing(frame: pd.DataFrame | None, summary: Summary, zone: ZoneInfo) -> dict[str, Any] | None:
    if not summary.missing or frame is None:
        return None
    large = [e for e in summary.missing[:_RANKED] if (e.share or 0.0) >= _SMALL]
    ranked = large or summary.missing[:1]
    tanks = list(dict.fromkeys([*frame["tank"], *(e.tank for e in summary.missing)]))
    figures: list[tuple[Missing, Markup]] = []
    for i, entry in enumerate(ranked[:_TOP]):
        part = frame[(frame["kind"] == entry.kind) & (frame["name"] == entry.name) & (frame["tank"] == entry.tank)]
        if len(part):
            figures.append((entry, contribution_figure(part, entry, zone, f"m{i}")))
    return {
        "entries": ranked,
        "others": len(summary.missing) - len(ranked),
        "figures": figures,
        "tanks": tanks,
        "rows": heat_map(summary.missing, tanks),
        "kind": _common([e.kind for e in summary.missing], "target"),
        "quantity": _common([e.quantity for e in summary.missing], "rate or value"),
    }


def _common(words: list[str], otherwise: str) -> str:
    return words[0] if len(set(words)) == 1 else otherwise


def _parameters(parameters: ParameterSet) -> dict[str, Any]:
    names = list(parameters.correlations)
    pairs = [
        (a, b, r)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if (r := parameters.correlations[a].get(b)) is not None
    ]
    pairs.sort(key=lambda pair: (-abs(pair[2]), pair[0], pair[1]))
    return {
        "calibrated": [p for p in parameters.parameters if p.calibrated],
        "fixed": [p for p in parameters.parameters if not p.calibrated],
        "at_bound": [p.name for p in parameters.parameters if p.at_bound],
        "pairs": pairs[:10],
        "sensors": parameters.sensors,
        "process_noise": parameters.process_noise,
        "noises_compared": any(n.lost is not None for n in parameters.process_noise.values()),
        "most_missed": parameters.most_missed,
        "clear_loss": CLEAR,
        "close": _CLOSE,
    }


def _span(span: tuple[str, str], zone: ZoneInfo) -> tuple[str, str, str]:
    start, end = (pd.Timestamp(s) for s in span)
    days = (end - start).total_seconds() / 86400
    return _stamp(span[0], zone), _stamp(span[1], zone), f"{style.number(days)} d"


def _stamp(text: str, zone: ZoneInfo) -> str:
    stamp = pd.Timestamp(text)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return stamp.tz_convert(zone).strftime("%Y-%m-%d %H:%M")
