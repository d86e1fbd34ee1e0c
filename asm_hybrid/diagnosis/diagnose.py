"""The diagnosis of a run: added to its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors

from asm_hybrid.artefacts import read_json, verify_manifest, write_json_atomic, write_manifest, write_text_atomic
from asm_hybrid.diagnosis.balance import imbalance, imbalance_warning
from asm_hybrid.diagnosis.contributions import contribution_table, contributions
from asm_hybrid.diagnosis.forecast import forecast_verdict
from asm_hybrid.diagnosis.missing import missing_dynamics, ranked, switch_off_effects, window_starts
from asm_hybrid.diagnosis.verdict import verdict
from asm_hybrid.training import load_model, read_inputs

__all__ = ["diagnose"]


def diagnose(folder: Path) -> dict[str, Any]:
    """Say what f failed to capture, whether the hybrid wins, and where its forecasts lose to persistence.

    Parameters
    ----------
    folder : Path
        A run folder. ``contributions.csv`` is added, ``summary.json`` completed with ``verdict``, ``missing``,
        ``imbalance``, and what its ``forecast`` is worth.

    Returns
    -------
    dict
        The completed summary.
    """
    verify_manifest(folder)
    summary = read_json(folder / "summary.json")
    summary["verdict"] = verdict(summary)
    if "forecast" in summary:
        summary["forecast"] |= forecast_verdict(summary, summary["verdict"]["model"])
    states_file = folder / "states.safetensors"
    model = load_model(folder)
    if model.term is not None and states_file.exists():
        stored = load_tensors(states_file.read_bytes())
        inputs_table = read_inputs(folder)
        names = [spec.name for spec in model.plant.inputs]
        inputs = torch.tensor(inputs_table[names].to_numpy())
        stamps = pd.DatetimeIndex(inputs_table["time"])
        terms = model.term.member(model.best)
        X, knots = stored["X"], stored["knot"]
        found = {term: contributions(model, term, X, inputs[knots]) for term in terms}
        hours = stamps[knots.numpy()]
        times, blocks = [t.isoformat() for t in hours], _blocks(hours, summary["blocks"])
        table = pd.concat([contribution_table(model, term, own, times, blocks) for term, own in found.items()])
        write_text_atomic(
            folder / "contributions.csv",
            table.to_csv(index=False, float_format="%.6g", lineterminator="\n"),
        )
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
        summary["missing"] = ranked(rows)
        summary["imbalance"] = imbalance(model, terms, X, inputs[knots])
        created = imbalance_warning(summary["imbalance"])
        if created:
            summary["warnings"].append(created)
        system = model.recalibrated().system
        with torch.no_grad():
            outside = float(
                terms.outside(system.effective(X, system.forcing(inputs[knots])), inputs[knots]).double().mean()
            )
        if outside > 0:
            summary["warnings"].append(
                f"in {100 * outside:.1f} % of the hours some tank lies outside the states seen in training, and n fades"
            )
    write_json_atomic(folder / "summary.json", summary)
    write_manifest(folder)
    return summary


def _blocks(stamps: pd.DatetimeIndex, blocks: dict[str, list[str]]) -> list[str]:
    out = np.full(len(stamps), "", dtype=object)
    for name in ("train", "validate", "test"):
        begin, end = (pd.Timestamp(t) for t in blocks[name])
        out[(stamps >= begin) & (stamps <= end)] = name
    return list(out)
