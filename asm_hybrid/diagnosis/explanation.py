"""What f failed to capture, as ``diagnosis.json`` says it: whether anything is missing, its cause, driver and law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load as load_tensors

from asm_hybrid.artefacts import json_text
from asm_hybrid.diagnosis.drivers import drivers
from asm_hybrid.diagnosis.explanation_words import sentences
from asm_hybrid.diagnosis.tell_apart import measurable_targets, tell_apart
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.explanations.explained import Explained, Trajectories, explain
from asm_hybrid.explanations.laws.distilled import Curve, distilled_law
from asm_hybrid.explanations.laws.in_plant import fitted_record
from asm_hybrid.explanations.read import record_of
from asm_hybrid.manifest import replace_files
from asm_hybrid.training.improvement import improvement
from asm_hybrid.training.recorded_run import RunRecord

__all__ = ["DIAGNOSIS", "explain_run"]

DIAGNOSIS = "diagnosis.json"
FLAT = 0.3
"""Share of the range of an explanation's factor, in logarithms, below which n has not learnt it [-]."""
SHORT = 3.0
"""Days of the validation block below which n is not judged by it [d]."""
FEW = 20
"""Samples of a variable in the validation block below which it is not judged by it."""

ENOUGH = 10
"""Days with measurements from which on an explanation can be told from chance, see `asm_hybrid.explanations.scores`."""


@dataclass
class _Writing:
    """A diagnosis on its way."""

    run: RunRecord
    found: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unable: str = ""
    """Why explanations could not compete."""


def explain_run(run: RunRecord, explained: Explained | None = None) -> dict[str, Any]:
    """Say what f failed to capture, and write it into a run folder as ``diagnosis.json``.

    Parameters
    ----------
    run : RunRecord
        The run.
    explained : Explained, optional
        What explains the misfit of f, where explanations have competed already.

    Returns
    -------
    dict
        What is written.
    """
    writing = _Writing(run)
    if explained is None:
        try:
            explained = explain(record_of(run.model.config, run.model.plant, run.dataset))
        except InputError as error:
            writing.unable = f"explanations could not compete ({error.found}; expected {error.expected})"
            remedy = f"; {error.fix}" if error.fix else ""
            writing.notes.append(f"Explanations could not compete: {error.found}; expected {error.expected}{remedy}.")
        except SimulationError as error:
            writing.unable = f"explanations could not compete ({error})"
            writing.notes.append(f"Explanations could not compete: {error}")
    _missing(writing, explained)
    _ranked(writing, explained)
    _driver(writing, explained)
    _law(writing, explained)
    _told_apart(writing, explained)
    writing.found["notes"] = writing.notes
    writing.found["sentences"] = sentences(writing.found)
    replace_files(run.folder, {DIAGNOSIS: json_text(writing.found).encode()})
    return writing.found


def _missing(writing: _Writing, explained: Explained | None) -> None:
    """Say whether anything is missing: n against recalibrated f on the validation block, and the explanations."""
    variables, why = _n_against_f(writing)
    better = [label for label, row in variables.items() if row["high"] < 0]
    p_value = explained.ranking.p_value if explained else None
    if explained and explained.first is not None:
        answer, why = "yes", f"an explanation errs less than recalibrated f on days left out (chance {p_value:.2g})"
    elif better:
        answer = "yes"
        why = f"n errs less than recalibrated f in {', '.join(better)} on the validation block"
        if explained:
            why += ", and no single explanation does"
    elif explained and not explained.ranking.decides:
        answer, why = "unknown", _too_short(explained)
    elif explained:
        answer = "no"
        why = f"no explanation errs less than recalibrated f on days left out by more than chance ({p_value:.2g})"
    else:
        answer = "no" if variables else "unknown"
        why = ", and ".join(text for text in (writing.unable, why) if text)
    found: dict[str, Any] = {"answer": answer, "why": why, "p_value": p_value, "variables": variables, "misfit": {}}
    if explained:
        columns = zip(writing.run.model.labels, explained.competition.misfit, strict=True)
        found["misfit"] = {label: float(size) for label, size in columns}
    writing.found["missing"] = found


def _too_short(explained: Explained) -> str:
    """Say that no explanation can be told from chance, since there are too few days."""
    days = len(explained.competition.arena.record.day_of)
    return (
        f"with measurements on {days} days in the blocks train and validate even the best explanation has a chance of "
        f"{explained.ranking.least_p:.2g} or more to help by luck, and about {ENOUGH} days are needed"
    )


def _n_against_f(writing: _Writing) -> tuple[dict[str, dict[str, float]], str]:
    """Return the change of the error by n with its interval, by variable, and why there is none."""
    run, notes = writing.run, writing.notes
    if run.model.term is None or run.predictions is None:
        notes.append("The run has no n: set model.mode: hybrid to see what a learnt term makes of the misfit.")
        return {}, "the run has no n"
    if run.model.members < 2:
        notes.append(
            "n has one seed, so nothing shows by how much it differs by chance: give several under training.seeds."
        )
    begin, end = run.blocks["validate"]
    days = (end - begin) / pd.Timedelta(days=1)
    if days < SHORT:
        notes.append(f"The validation block has {days:.2g} days; n is judged on at least {SHORT:g}: make it longer.")
        return {}, "the validation block is too short"
    found, few = {}, []
    for label in run.model.labels:
        errors = {model: run.errors(label, model, "validate") for model in ("hybrid", "recalibrated")}
        own, other = errors["hybrid"], errors["recalibrated"]
        if own is None or other is None or len(own[1]) < FEW:
            few.append(label)
            continue
        times = np.asarray((own[0] - run.first) / pd.Timedelta(days=1), dtype=float)
        interval = improvement(times, own[1][None], other[1][None])
        if interval is None:
            few.append(label)
            continue
        change = 100.0 * (np.sqrt(np.mean(own[1] ** 2)) / max(float(np.sqrt(np.mean(other[1] ** 2))), 1e-300) - 1.0)
        found[label] = {"change_percent": float(change), "low": interval.low, "high": interval.high}
    if few:
        notes.append(f"Too few samples or days of {', '.join(few)} in the validation block for an interval.")
    return found, "" if found else "the validation block has too few samples"


def _ranked(writing: _Writing, explained: Explained | None) -> None:
    """Say which explanations compete, which remain, and what they propose."""
    found = writing.found
    if explained is None:
        empty: dict[str, Any] = {"set": [], "first": None, "confidence": 0.0, "family": None}
        found |= {"explanations": [], "answer": empty, "second": None, "proposals": []}
        return
    first, named, beside = explained.first, explained.named, explained.beside
    families = {r.explanation.family for r in named}
    found["explanations"] = explained.rows()
    found["answer"] = {
        "set": [r.explanation.name for r in named],
        "first": first.explanation.name if first else None,
        "confidence": explained.ranking.confidence if first else 0.0,
        "family": families.pop() if len(families) == 1 else None,
    }
    found["second"] = None
    if beside is not None and first is not None:
        gain = 1.0 - beside.loss.sum() / first.loss.sum()
        found["second"] = {"name": beside.explanation.name, "title": beside.explanation.title, "gain": float(gain)}
        found["second"] |= {"low": None, "high": None, "chance": explained.chance}
    found["proposals"] = explained.proposals()


def _process(explained: Explained | None) -> str | None:
    first = explained.first if explained else None
    if first is None or first.explanation.family != "kinetics":
        return None
    return first.explanation.name.removeprefix("process.")


def _driver(writing: _Writing, explained: Explained | None) -> None:
    """Say what drives the winning process: by the explanation, and by n where it has a factor on it."""
    run, process = writing.run, _process(explained)
    writing.found["driver"] = None
    if explained is None or process is None or explained.first is None:
        return
    states = run.folder / "states.safetensors"
    over = explained.first.driver
    if run.model.term is not None and states.exists():
        stored = load_tensors(states.read_bytes())
        X, knots = stored["X"], stored["knot"]
        stamps = pd.DatetimeIndex([run.stamp(float(k)) for k in knots])
        try:
            found = drivers(run.model, X, torch.as_tensor(run.inputs)[knots], stamps, process, over=over, zone=run.zone)
        except InputError as error:
            writing.notes.append(f"What drives {process} cannot be read from n: {error}")
        else:
            if not _flat(found, explained.curve()):
                writing.found["driver"] = found
                return
            writing.notes.append(f"n has learnt little on {process}; the driver is that of the explanation alone.")
    curve = explained.curve()
    if curve is not None:
        unit = _unit(run, over)
        writing.found["driver"] = {
            "process": process,
            "tank": None,
            "driver": over,
            "share": None,
            "in_rate": False,
            "curve": curve | {"density": [1.0 / len(curve["x"])] * len(curve["x"]), "unit": unit},
            "inputs": [],
            "when": [],
        }


def _flat(found: Mapping[str, Any], own: Mapping[str, Any] | None) -> bool:
    """Return whether the factor that n has learnt varies far less than that of the explanation."""
    if own is None:
        return False
    if found["curve"] is None:
        return True
    learnt, needed = (float(np.ptp(np.log(np.maximum(c["factor"], 1e-9)))) for c in (found["curve"], own))
    return learnt < FLAT * needed


def _unit(run: RunRecord, driver: str) -> str:
    plant = run.model.plant
    units = {c.name: c.unit for c in plant.table.components} | plant.inputs.units
    return units.get(driver, "-")


def _law(writing: _Writing, explained: Explained | None) -> None:
    """Say by which law the winning process may be described."""
    writing.found["law"] = None
    process, curve = _process(explained), explained.curve() if explained else None
    if explained is None or process is None or curve is None or explained.first is None:
        return
    x, factor = np.array(curve["x"]), curve["level"] * np.array(curve["factor"])
    spread = np.log(np.array(curve["high"]) / np.array(curve["low"]))
    weight = 1.0 / (spread**2 + np.median(spread) ** 2)
    record = fitted_record(writing.run.model, writing.run.dataset)
    try:
        curves = [Curve(explained.first.driver, x, factor, weight)]
        begin = explained.parameters()
        law, notes = distilled_law(record, process, curves, reference=_validated(explained), begin=begin)
    except (InputError, SimulationError) as error:
        law, notes = None, [f"No law of {process} could be fitted: {error}"]
    drawn = (writing.found["driver"] or {}).get("curve")
    if law is not None and drawn is not None:
        law["curve"]["factor"] = _level(law["curve"], drawn)
    writing.found["law"] = law
    writing.notes += notes


def _level(law: Mapping[str, Any], drawn: Mapping[str, Any]) -> list[float]:
    """Return the factor of a law at the level at which it comes nearest to the curve beside which it is drawn."""
    factor, weight = np.asarray(drawn["factor"]), np.asarray(drawn["density"])
    at = np.interp(drawn["x"], law["x"], law["factor"])
    scale = float(np.sum(weight * at * factor) / max(float(np.sum(weight * at**2)), 1e-300))
    return [scale * value for value in law["factor"]]


def _validated(explained: Explained) -> dict[str, float] | None:
    """Return what the winner errs by on the validation block, mean square in units of noise, by variable.

    It was fitted to that block too, so that a law, which was not, is asked for more rather than less.
    """
    record, first = explained.competition.arena.record, explained.first
    if first is None or first.fitted is None:
        return None
    begin, end = record.blocks["validate"]
    inside = (record.times >= begin) & (record.times <= end)
    found = {}
    for i, o in enumerate(record.observations):
        own = inside & (record.columns == i)
        if own.any():
            found[o.label] = float(np.mean(first.fitted.near.errors[own] ** 2))
    return found


def _told_apart(writing: _Writing, explained: Explained | None) -> None:
    """Say which measurement would tell the remaining explanations apart."""
    run = writing.run
    writing.found["tell_apart"] = None
    if explained is None or len(explained.named) < 2:
        return
    hourly = max(1, round(1.0 / 24.0 / run.interval))
    targets = measurable_targets(run.model.plant)
    seen = Trajectories.of(explained, targets, hourly)
    if len(seen.values) < 2:
        return
    knots = next(iter(seen.values.values())).shape[0]
    times = pd.DatetimeIndex([run.stamp(float(k * hourly)) for k in range(knots)])
    measured = [o.target for o in run.variables]
    table = run.model.plant.table
    writing.found["tell_apart"] = tell_apart(seen.values, targets, times, table, measured=measured, zone=run.zone)
