"""The page of a study: one file that asks for nothing from any network."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.report.study_bars import spread_bar
from asm_hybrid.report.study_figures import fan_figure, front_figure
from asm_hybrid.report.study_sensitivity import sensitivity_parts, untold
from asm_hybrid.report.study_words import (
    asked,
    between,
    came_out,
    design_text,
    key_figures,
    records,
    shown,
)
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.report.templating import get_template, template_text
from asm_hybrid.studies import StudyResult, exceedance, fan, pareto_front, quantile_table, sensitivity
from asm_hybrid.studies.blocks import DRAWN
from asm_hybrid.studies.noted import Noted, noted
from asm_hybrid.studies.uncertainty import series_names

__all__ = ["PAGE", "study_page", "write_study_page"]

PAGE = "report.html"
ROWS = 50
"""Cases that the table shows without its script, and at a time with it."""
AXES = 8
"""Axes that the parallel coordinates show at first."""
DIGITS = 7
"""Digits of the numbers in the table of the page; the files have all."""


def write_study_page(result: StudyResult, folder: Path, tables: Mapping[str, pd.DataFrame] | None = None) -> Path:
    """Write the page of a study, whole or not at all.

    Parameters
    ----------
    result : StudyResult
        The study.
    folder : Path
        Gets ``report.html``.
    tables : mapping of str to DataFrame, optional
        What `study_tables` gives, where it is at hand: the intervals of sensitivities take long in large studies.

    Returns
    -------
    Path
        The page. The same study gives the same bytes.

    Raises
    ------
    InputError
        When the folder cannot be written, or SALib is missing.
    """
    return write_text_atomic(folder / PAGE, study_page(result, tables))


def study_page(result: StudyResult, tables: Mapping[str, pd.DataFrame] | None = None) -> str:
    """Return the page of a study as HTML.

    Parameters
    ----------
    result : StudyResult
        The study.
    tables : mapping of str to DataFrame, optional
        As for `write_study_page`.

    Returns
    -------
    str
    """
    told = tables["sensitivity"] if tables and "sensitivity" in tables else sensitivity(result)
    quantiles = quantile_table(result)
    limits, front = exceedance(result), pareto_front(result)
    fans = [(name, table) for name in series_names(result) if len(table := fan(result, name))]
    data = _data(result, told, set(front["case"]))
    script = template_text("study.js")
    return get_template("study.html.j2").render(
        title=result.name,
        description=result.description,
        version=version("asm-hybrid"),
        facts=_facts(result),
        asked=asked(result),
        said=came_out(result, quantiles, limits, told, front),
        notes=_notes(result),
        columns=data["columns"],
        rows=_rows(data, ROWS),
        total=len(result.outcomes),
        data=_json(data),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        factors=result.factors,
        front=_front(result, front),
        fans=fan_figure(result, fans) if fans else None,
        score_from=result.score_from,
        limits=records(limits),
        quantiles=_quantiles(result, quantiles),
        drawn=result.method in DRAWN,
        with_base=result.base is not None,
        sensitivities=sensitivity_parts(result, told),
        untold=untold(told),
        failed=[(outcome.case, outcome.error) for outcome in result.failed],
        reasons=_gathered(noted((outcome.case, (outcome.error,)) for outcome in result.failed)),
        remarks=_gathered(noted((outcome.case, outcome.notes) for outcome in result.done)),
        command=result.command,
        seed=None if result.method in ("grid", "list") else result.seed,
    )


def _gathered(notes: Sequence[Noted]) -> list[tuple[int, str, str]]:
    """Return of how many cases something is said, of which, and what."""
    found = []
    for note in notes:
        more = ", …" if note.count > len(note.cases) else ""
        found.append((note.count, ", ".join(map(str, note.cases)) + more, note.text))
    return found


def _facts(result: StudyResult) -> list[tuple[str, str]]:
    done, total = len(result.done), len(result.outcomes)
    return [
        ("Subject", result.subject),
        ("Design", design_text(result)),
        ("Factors", f"{len(result.factors)}"),
        ("Cases", f"{total:,}" if done == total else f"{total:,}: {done:,} done, {total - done:,} failed"),
    ]


def _notes(result: StudyResult) -> list[str]:
    notes = list(result.notes)
    if result.method in DRAWN:
        notes.append(
            "Bands and intervals hold what the factors of this study vary, by the distributions that were chosen for "
            "them. They hold no error of the model, nor of the data, that is not among the factors."
        )
        notes.append(
            "An interval of 95 % is that of one estimate by itself: of twenty, about one misses its value. Cases are "
            "taken as independent draws, which makes intervals of a Latin hypercube or a Sobol sequence rather too "
            "wide."
        )
    if result.method == "list":
        notes.append("Intervals hold where the list is a random sample; this program did not draw it.")
    if result.method in ("grid", "morris"):
        notes.append(
            "The cases of this design are chosen points, no draws: shares of cases and bands are of these points, and "
            "no probabilities."
        )
    if result.method == "search":
        notes.append(
            "Each case of a search is chosen by what came out before. So the cases are no sample: bands and shares are "
            "of these cases alone, and no sensitivity is told."
        )
    groups = [name for name in dict.fromkeys(result.dimensions) if result.dimensions.count(name) > 1]
    if groups and result.method in ("sobol_indices", "morris"):
        notes.append(f"What varies together counts as one factor: {', '.join(groups)}.")
    return notes


def _first_factors(result: StudyResult, told: pd.DataFrame) -> list[int]:
    """Return the places of the factors, those first that move the figures most of which the head speaks."""
    own = told[told["figure"].isin(key_figures(result)) & told["value"].notna()]
    sizes = own["value"].abs()
    most = sizes.groupby([own["figure"], own["measure"]]).transform("max")
    weights = (sizes / most.where(most > 0, 1.0)).groupby(own["factor"]).max()
    names = [factor.name for factor in result.factors]
    groups = result.dimensions if len(result.dimensions) == len(names) else names
    scores = [max(weights.get(n, 0.0), weights.get(g, 0.0)) for n, g in zip(names, groups, strict=True)]
    return sorted(range(len(names)), key=lambda k: -scores[k])


def _data(result: StudyResult, told: pd.DataFrame, front: set[int]) -> dict[str, Any]:
    """Return what the table and the parallel coordinates show, column by column."""
    columns: list[dict[str, Any]] = []
    for factor in result.factors:
        column = result.design[factor.name]
        held = [str(v) for v in column] if factor.choice else [_rounded(v) for v in column.to_numpy(float)]
        columns.append({"name": factor.name, "unit": _shown(factor.unit), "kind": "factor", "text": factor.choice})
        columns[-1] |= {"description": factor.text, "values": held}
    for figure in result.figures:
        values = [_rounded(v) for v in result.values(figure.name)]
        columns.append({"name": figure.name, "unit": _shown(figure.unit), "kind": "figure", "text": False})
        columns[-1] |= {"description": figure.description, "values": values}
    axes = sorted(_first_factors(result, told)[: AXES - 2])
    wanted = [name for name, _ in result.pareto]
    figures = sorted(range(len(result.factors), len(columns)), key=lambda i: (columns[i]["name"] not in wanted, i))
    axes += figures[: AXES - len(axes)]
    return {
        "columns": columns,
        "cases": [outcome.case for outcome in result.outcomes],
        "failed": [bool(outcome.error) for outcome in result.outcomes],
        "front": [outcome.case in front for outcome in result.outcomes],
        "axes": axes,
        "colour": [*figures, *axes, -1][0],
        "rows": ROWS,
    }


def _rounded(value: float) -> float | None:
    return float(f"{shown(value):.{DIGITS}g}") if math.isfinite(value) else None


def _shown(unit: str) -> str:
    return "" if unit == "-" else unit_text(unit)


def _json(data: object) -> Markup:
    """Return JSON in which no sign ends the element that holds it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _rows(data: dict[str, Any], count: int) -> list[tuple[int, str, list[str]]]:
    """Return the first rows of the table, as they are shown without a script: case, state, cells."""
    found = []
    for k, case in enumerate(data["cases"][:count]):
        state = "failed" if data["failed"][k] else "on the front" if data["front"][k] else ""
        cells = [c["values"][k] if c["text"] else number(c["values"][k], 4) for c in data["columns"]]
        found.append((case, state, cells))
    return found


def _front(result: StudyResult, front: pd.DataFrame) -> dict[str, Any] | None:
    if not result.pareto:
        return None
    names = [name for name, _ in result.pareto]
    pairs = list(itertools.combinations(names, 2)) if len(front) else []
    units = {figure.name: unit_text(figure.unit) for figure in result.figures}
    design = result.design[[factor.name for factor in result.factors]]
    rows = []
    for row in records(front):
        values = [v if isinstance(v, str) else number(float(v), 4) for v in design.iloc[row["case"]]]
        rows.append((row["case"], [number(row[name], 5) for name in names], values))
    return {
        "names": [(name, units.get(name, "-"), direction) for name, direction in result.pareto],
        "factors": [(factor.name, factor.choice) for factor in result.factors],
        "drawings": [front_figure(result, front, pair, f"front{i}") for i, pair in enumerate(pairs)],
        "rows": rows[:ROWS],
        "more": max(0, len(rows) - ROWS),
    }


def _quantiles(result: StudyResult, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table of quantiles, as they are shown."""
    found = []
    for figure, row in zip(result.figures, records(table), strict=True):
        told = row["min"] < row["max"]
        certain = {n: between(row[f"{n}_low"], row[f"{n}_high"]) if told else "" for n in ("p5", "p50", "p95")}
        texts = {name: number(shown(row[name]), 4) for name in ("min", "p5", "p25", "p50", "p75", "p95", "max", "base")}
        own = {"name": figure.name, "unit": unit_text(figure.unit), "description": figure.description}
        found.append({**own, "cases": row["cases"], "shown": texts, "certain": certain, "bar": spread_bar(row)})
    return found
