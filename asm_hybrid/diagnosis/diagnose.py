"""The diagnosis of a run: added to its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor

from asm_hybrid.artefacts import csv_text, json_text, read_json
from asm_hybrid.diagnosis.answer_words import answer_notes, answer_warnings
from asm_hybrid.diagnosis.answers import standard_answers
from asm_hybrid.diagnosis.contributions import contribution_table, contributions
from asm_hybrid.diagnosis.forecast_value import forecast_verdict
from asm_hybrid.diagnosis.imbalance import imbalance, imbalance_warning
from asm_hybrid.diagnosis.switch_off import missing_dynamics, ranked, switch_off_effects, window_starts
from asm_hybrid.diagnosis.verdict import verdict
from asm_hybrid.hybrid.signs import sign_texts
from asm_hybrid.manifest import replace_files, verify_manifest
from asm_hybrid.training import (
    FittedModel,
    course_departures,
    departures_text,
    load_model,
    read_inputs,
    unvaried_texts,
)

__all__ = ["diagnose"]

SILENT = 1e-3
"""Change of a day's predictions by n, in sensor noises, below which n has found nothing [-]."""


def diagnose(folder: Path) -> dict[str, Any]:
    """Say what f failed to capture, whether the run's model wins, and where its forecasts lose to persistence.

    Parameters
    ----------
    folder : Path
        A run folder. ``contributions.csv`` and ``answers.csv`` are added, ``summary.json`` completed with ``verdict``,
        ``missing`` (empty where n found nothing, which ``n_found_nothing`` says), ``imbalance``, ``outside`` (what
        leaves the trained range), ``answers`` (period and notes of the answers to standard changes), and what its
        ``forecast`` is worth. What an earlier diagnosis of the folder has left is replaced.

    Returns
    -------
    dict
        The completed summary.
    """
    verify_manifest(folder)
    summary = read_json(folder / "summary.json")
    earlier, said = summary.get("diagnosis_warnings", []), summary["warnings"]
    states_file = folder / "states.safetensors"
    model = load_model(folder)
    inputs = read_inputs(folder)
    summary |= {"warnings": [], "missing": [], "imbalance": {}}
    files = _answer(summary, model, inputs)
    if model.term is not None and states_file.exists():
        stored = load_tensors(states_file.read_bytes())
        files |= _diagnose_term(summary, model, inputs, stored)
    own = summary["diagnosis_warnings"] = summary["warnings"]
    summary["warnings"] = [*own, *(text for text in said if text not in (*earlier, *own))]
    summary["verdict"] = verdict(summary)
    if "forecast" in summary:
        summary["forecast"] |= forecast_verdict(summary, summary["verdict"]["model"])
    replace_files(folder, files | {"summary.json": json_text(summary).encode()})
    return summary


def _answer(summary: dict[str, Any], model: FittedModel, inputs: pd.DataFrame) -> dict[str, bytes]:
    """Complete the summary by the answers to standard changes over the validation block; return the file of these."""
    begin, end = (pd.Timestamp(t) for t in summary["blocks"]["validate"])
    found = standard_answers(model, inputs, (begin, end), summary["variables"])
    if found is None:
        return {}
    notes = answer_notes(found) + unvaried_texts(model) + _signs(model)
    summary["answers"] = {"period": [t.isoformat() for t in found.period], "model": found.model, "notes": notes}
    summary["warnings"] += answer_warnings(found)
    return {"answers.csv": csv_text(found.table, "%.6g").encode()}


def _signs(model: FittedModel) -> list[str]:
    """Say which signs n keeps."""
    kept = [(t.signs, t.spec) for t in model.term or () if t.signs is not None]
    return [text for signs, spec in kept for text in sign_texts(signs, spec.targets, spec.inputs)]


def _diagnose_term(
    summary: dict[str, Any], model: FittedModel, inputs_table: pd.DataFrame, stored: Mapping[str, Tensor]
) -> dict[str, bytes]:
    """Complete the summary by what n does along its own trajectory, states ``(hour, row, component)`` at some knots.

    Return the file of that.
    """
    assert model.term is not None
    X, knots = stored["X"], stored["knot"]
    inputs = torch.tensor(inputs_table[[spec.name for spec in model.plant.inputs]].to_numpy())
    stamps = pd.DatetimeIndex(inputs_table["time"])
    terms = model.term.member(model.best)
    found = {term: contributions(model, term, X, inputs[knots]) for term in terms}
    hours = stamps[knots.numpy()]
    times, blocks = [t.isoformat() for t in hours], _blocks(hours, summary["blocks"])
    table = pd.concat([contribution_table(model, term, own, times, blocks) for term, own in found.items()])
    files = {"contributions.csv": csv_text(table, "%.6g").encode()}
    per_day = round(1.0 / model.grid.interval)
    wanted = window_starts(len(inputs), per_day)
    at = [int(np.searchsorted(knots.numpy(), w)) for w in wanted if w in set(knots.tolist())]
    starts = knots[at].tolist()
    cut = torch.stack([inputs[s : s + per_day + 1] for s in starts])
    noise = np.array([summary["variables"][label]["noise"] for label in model.labels])
    rows = []
    for term, own in found.items():
        effects = switch_off_effects(model, term, terms, X[at], cut, noise)
        rows += missing_dynamics(model, term, effects, own["own"], own["learnt"])
    distance = 24.0 * model.grid.interval * int(knots[1] - knots[0]) if len(knots) > 1 else 0.0
    left, faded = course_departures(model, terms, X, inputs[knots], distance)
    summary["outside"] = [asdict(departure) for departure in left]
    if left:
        summary["warnings"].append(
            f"in {100 * faded.mean():.3g} % of the hours n fades, since what it reads lies far outside what it was "
            f"trained on: {departures_text(left)}"
        )
    summary["n_found_nothing"] = sum(row["effect"] for row in rows) < SILENT**2
    if summary["n_found_nothing"]:
        return files
    summary["missing"] = ranked(rows)
    summary["imbalance"] = imbalance(model, terms, X, inputs[knots])
    created = imbalance_warning(summary["imbalance"])
    if created:
        summary["warnings"].append(created)
    return files


def _blocks(stamps: pd.DatetimeIndex, blocks: dict[str, list[str]]) -> list[str]:
    out = np.full(len(stamps), "", dtype=object)
    for name in ("train", "validate", "test"):
        begin, end = (pd.Timestamp(t) for t in blocks[name])
        out[(stamps >= begin) & (stamps <= end)] = name
    return list(out)
