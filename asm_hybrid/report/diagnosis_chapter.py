"""The first chapter of the report: what f failed to capture, as far as it can be told."""

from __future__ import annotations

from typing import Any

from asm_hybrid.diagnosis.explanation_words import EVERYTHING, NOTHING, proposal_lines
from asm_hybrid.diagnosis.plain_words import explanation_title, held_words
from asm_hybrid.report.diagnosis_record import Diagnosis, Explanation, Law
from asm_hybrid.report.explanation_figures import driver_figure, effects_figure, ranking_figure
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.text import process_words

__all__ = ["diagnosis_chapter"]

_RANKED = 9
"""Explanations that are drawn; those that cannot be told from the best are drawn in any case."""
_WHEN = 5
"""Conditions that are listed."""


def diagnosis_chapter(found: Diagnosis) -> dict[str, Any]:
    """Return what the template shows of a diagnosis.

    Parameters
    ----------
    found : Diagnosis
        The diagnosis.

    Returns
    -------
    dict
        Sentences, figures, tables and lines to paste; what cannot be told is None or empty.
    """
    rows = [(explanation_title(row.name, row.title), row) for row in found.explanations]
    titles = {row.name: title for title, row in rows}
    named = [row for row in rows if row[1].name not in (NOTHING, EVERYTHING)]
    shown = [row for i, row in enumerate(named) if i < _RANKED or row[1].in_set]
    driver = found.driver
    return {
        "sentences": found.sentences,
        "ranking": ranking_figure([*shown, *_ends(found)], "dr") if named else None,
        "linear": any(row.fitted == "linear" for _, row in shown),
        "implausible": any(not row.plausible for _, row in shown),
        "remaining": len([row for _, row in shown if row.in_set]),
        "rest": [row for row in named if row not in shown],
        "all": [(title, row, _sizes(row)) for title, row in named],
        "driver": driver,
        "process": process_words(driver.process) if driver else "",
        "curve": driver_figure(driver, found.law, "dc") if driver and driver.curve else None,
        "effects": effects_figure(driver, "de") if driver and driver.inputs else None,
        "decided": driver is not None and found.answer.names == [f"process.{driver.process}"],
        "when": [row for row in driver.when if row.share_of_effect > row.share_of_time][:_WHEN] if driver else [],
        "law": found.law,
        "law_held": held_words(found.law.share_of_gain) if found.law and found.law.share_of_gain is not None else "",
        "law_rows": _law_rows(found.law) if found.law else [],
        "proposals": found.proposals,
        "all_clear": all(p.clear for p in found.proposals),
        "lines": "\n".join(proposal_lines([p.model_dump() for p in found.proposals])),
        "tell_apart": found.tell_apart,
        "between": [titles.get(name, name) for name in found.tell_apart.between] if found.tell_apart else [],
        "notes": found.notes,
    }


def _ends(found: Diagnosis) -> list[tuple[str, Explanation]]:
    """Return the two ends of the scale: f as it is, and all explanations at once."""
    known = {row.name: row for row in found.explanations}
    return [
        (title, known.get(name) or Explanation(name=name, gain=gain))
        for name, title, gain in ((NOTHING, "nothing: f as it is", 0.0), (EVERYTHING, "everything at once", 1.0))
    ]


def _sizes(row: Explanation) -> str:
    parts = []
    for size in row.size:
        unit = "" if size.unit in ("", "-") else f" {unit_text(size.unit)}"
        span = f" ({number(size.low)} to {number(size.high)})" if size.low is not None and size.high is not None else ""
        parts.append(f"{size.name} {number(size.value)}{unit}{span}")
    return "; ".join(parts)


def _law_rows(law: Law) -> list[tuple[str, str, str, str, str]]:
    """Return the RMSE on the test block of f, f with the law, and f + n, by variable."""
    return [(k, unit_text(s.unit), number(s.f), number(s.law), number(s.n)) for k, s in law.scores.items()]
