"""From what n has learnt of one rate to a formula: the best law, its constants in the plant, and what it is worth."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.explanations.laws.in_plant import FittedLaw, fit_alone, fit_law, squares
from asm_hybrid.explanations.laws.law import Law
from asm_hybrid.explanations.laws.patch import expression_of, repeated
from asm_hybrid.explanations.laws.problem import Fit, least_squares
from asm_hybrid.explanations.laws.rank import product_law, rank_laws
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID
from asm_hybrid.training.compared.recalibrated import MODEL as RECALIBRATED
from asm_hybrid.training.compared_model import FittedRecord

__all__ = ["KEPT", "Curve", "distilled_law"]

KEPT = 0.8
"""Share of the gain of f + n that a law must hold to be kept [-]."""
LEADING = 3
"""Laws of the first driver that are refitted within the plant."""
SIMPLER = 0.97
"""Share of the best gain from which on the law with fewer constants is taken [-]."""
CLOSE = 0.95
"""Correlation from which two parameters stand for each other."""
POINTS = 61
"""Points at which a law is drawn."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A learnt factor over one driver.

    Attributes
    ----------
    driver : str
        Name of the driver, as `driver_of` reads it.
    x, factor, weight : ndarray, shape (point,)
        The driver, the factor of the rate [-], and how much each point counts, such as its share of the record. Points
        that are not finite, or do not count, are left out.
    """

    driver: str
    x: np.ndarray
    factor: np.ndarray
    weight: np.ndarray

    def __post_init__(self) -> None:
        x, factor, weight = (np.asarray(v, dtype=float) for v in (self.x, self.factor, self.weight))
        used = np.isfinite(x) & np.isfinite(factor) & (weight > 0)
        for name, values in (("x", x), ("factor", factor), ("weight", weight)):
            object.__setattr__(self, name, values[used])


def distilled_law(
    record: FittedRecord,
    process: str,
    curves: Sequence[Curve],
    *,
    fit: Fit = least_squares,
    reference: Mapping[str, float] | None = None,
    begin: Mapping[str, float] | None = None,
) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the law of a process, with its constants fitted within the plant and its scores.

    The leading laws of the first driver, and the product of the best of the first two drivers, are fitted to the
    training block. The one that errs least on the validation block is taken; among those that gain nearly as much, the
    one with the fewest constants, and of these the nearest to what was learnt. Gains count from f as the run has it, or
    with the same parameters refitted without a law, whichever errs less: so nothing that a calibration can do is
    counted as the law's.

    Parameters
    ----------
    record : FittedRecord
        Of the run, from `fitted_record`.
    process : str
        The process whose rate n changes.
    curves : sequence of Curve
        What was learnt of its rate, over the driver that explains most of it, and over a second one if there is one.
    fit : callable, optional
        What fits the constants within the plant.
    reference : mapping of str to float, optional
        Mean squared error on the validation block in units of noise, by variable, of what the law has to keep up with
        where there is no n, or none that errs less than f.
    begin : mapping of str to float, optional
        Parameters that belong to the factor that was learnt, from which the fits begin: those of f alone have bent to
        what it lacks, and may let a law begin in another steady state, such as one without nitrifiers.

    Returns
    -------
    law : dict or None
        ``law`` of ``diagnosis.json``; None where there is none.
    notes : list of str
        What a reader must know of it, or why there is none.
    """
    table, origin = record.model.plant.table, record.model.config.name
    alone = RECALIBRATED.simulate(record).values
    before = _mean(squares(record, alone, "validate"))
    if not np.isfinite(before):
        return None, ["The validation block has no measurements, so that no law can be judged."]
    ranked = [rank_laws(c.x, c.factor, c.weight, c.driver, table) for c in curves[:2]]
    if not ranked or not ranked[0]:
        return None, [_without(curves)]
    both = product_law(*ranked) if len(ranked) > 1 else None
    tried, notes = [], []
    for law in [*ranked[0][:LEADING], *([both] if both else [])]:
        try:
            tried.append(fit_law(record, process, law, origin, fit, begin))
        except SimulationError as error:
            notes.append(f"The law {law.kind} of {process} could not be fitted within the plant: {error}")
    n = _learnt(record)
    validated = [_validated(record, one) for one in tried]
    if not tried or not np.isfinite(validated).any():
        return None, [*notes, f"No law of {process} could be simulated over the record."]
    before = min(before, _alone(record, process, fit))
    best = _chosen(tried, before - np.array(validated))
    learnt = _mean(squares(record, n, "validate")) if n is not None else np.inf
    goal = learnt if learnt < before else _mean(reference or {})
    share = (before - validated[best]) / (before - goal) if goal < before else None
    if share is None:
        notes.append(
            "There is nothing that the law could be measured by: neither n nor another explanation errs less than f on "
            "the validation block."
        )
    found = tried[best]
    scored = [{"kind": one.law.kind, "score": v} for one, v in zip(tried, validated, strict=True)]
    law_json = _described(process, found, record.model.config.model.calibrate) | {
        "share_of_gain": share,
        "kept": share is not None and share >= KEPT,
        "scores": _scores(record, "test", alone, found, n),
        "validation": _scores(record, "validate", alone, found, n),
        "curve": _drawn(found.law, curves[0]),
        "others": [row for i, row in enumerate(scored) if i != best and np.isfinite(validated[i])],
    }
    return law_json, [*notes, *repeated(table, process, found.law), *_doubts(found)]


def _without(curves: Sequence[Curve]) -> str:
    """Say why there is no law."""
    if not curves:
        return "No driver of the learnt factor is known, so that there is no law."
    name = curves[0].driver
    return f"No law can be read over {name}: a rate cannot read it, it does not vary, or it has too few points."


def _learnt(record: FittedRecord) -> tuple[np.ndarray, ...] | None:
    """Return what f + n predicts, ``(seed, sample)`` each; seeds that diverge are left out."""
    loop = HYBRID.simulate(record) if record.model.term is not None else None
    if loop is None:
        return None
    whole = np.all([np.isfinite(y).all(-1) for y in loop.values], axis=0)
    return tuple(y[whole] for y in loop.values) if whole.any() else None


def _alone(record: FittedRecord, process: str, fit: Fit) -> float:
    """Return the error on the validation block of f with the parameters refitted that are fitted beside a law."""
    try:
        error = _mean(squares(record, fit_alone(record, process, fit), "validate"))
    except SimulationError:
        return np.inf
    return error if np.isfinite(error) else np.inf


def _mean(errors: Mapping[str, float]) -> float:
    """Return the mean over the variables."""
    return float(np.mean(list(errors.values()))) if errors else np.inf


def _validated(record: FittedRecord, found: FittedLaw) -> float:
    error = _mean(squares(record, found.values, "validate"))
    return error if np.isfinite(error) else np.inf


def _chosen(tried: Sequence[FittedLaw], gains: np.ndarray) -> int:
    """Return the place of the law that gains most; of those that gain nearly as much, of the simplest.

    Between two with as many constants that the validation block cannot tell apart, the learnt factor decides: they come
    in its order.
    """
    most = float(gains.max())
    enough = [i for i, gain in enumerate(gains) if gain >= min(most, SIMPLER * most)]
    return min(enough, key=lambda i: len(tried[i].constants))


def _described(process: str, found: FittedLaw, calibrated: Collection[str]) -> dict[str, Any]:
    """Return formula, constants and table; `calibrated` are the parameters that the run calibrates."""
    law, solution = found.law, found.solution
    constants: list[dict[str, Any]] = []

    def add(name: str, value: float, unit: str, fitted: bool) -> None:
        low, high = solution.intervals[found.free.index(name)].tolist() if fitted else (None, None)
        constants.append({"name": name, "value": value, "low": low, "high": high, "unit": unit})

    for factor, names in zip(law.factors, found.names.constants, strict=True):
        for constant in factor.form.constants:
            value = float(factor.values[constant.symbol])
            add(names[constant.symbol], value, factor.unit(constant.symbol), constant.value is None)
    if found.names.scale:
        add(found.names.scale, found.fitted[found.names.scale], "-", True)
    rate = next(p.rate.text for p in found.table.processes if p.name == process)
    own = set(found.constants)
    return {
        "process": process,
        "kind": law.kind,
        "drivers": [factor.driver.name for factor in law.factors],
        "text": "; ".join(f"{f.form.title} by {f.driver.name}: {f.form.text}" for f in law.factors),
        "expression": expression_of(law, found.names),
        "rate": rate,
        "constants": constants,
        "parameters": {name: value for name, value in found.fitted.items() if name not in own},
        "calibrate": [name for name in found.free if name not in calibrated],
        "table": found.text,
    }


def _scores(
    record: FittedRecord,
    block: str,
    alone: tuple[np.ndarray, ...],
    found: FittedLaw,
    n: tuple[np.ndarray, ...] | None,
) -> dict[str, dict[str, Any]]:
    """Return the RMSE on a block of f, f + law and f + n, by variable in its unit."""
    models = {"f": alone, "law": found.values, "n": n}
    errors = {name: {} if values is None else squares(record, values, block) for name, values in models.items()}
    return {
        o.label: {
            name: float(np.sqrt(own[o.label])) * o.noise if np.isfinite(own.get(o.label, np.nan)) else None
            for name, own in errors.items()
        }
        | {"unit": o.unit}
        for o in record.observations
        if o.label in errors["f"]
    }


def _drawn(law: Law, curve: Curve) -> dict[str, list[float]]:
    """Return the law over its first driver, at the scale at which it fits the learnt factor best."""
    first = law.factors[0]
    own = Law((first,), 1.0, 0.0, 0.0)
    at = own.evaluate(curve.x)
    scale = float(np.sum(curve.weight * at * curve.factor)) / max(float(np.sum(curve.weight * at**2)), 1e-300)
    x = np.linspace(curve.x.min(), curve.x.max(), POINTS)
    return {"x": x.tolist(), "factor": (scale * own.evaluate(x)).tolist()}


def _doubts(found: FittedLaw) -> list[str]:
    """Say what the fit within the plant could not tell."""
    solution, own, notes = found.solution, set(found.constants), []
    bounds = {p.name: p.bounds for p in found.table.parameters}
    for name, (low, high) in zip(found.free, solution.intervals, strict=True):
        if name in own:
            ends = {"below": low <= bounds[name][0], "above": high >= bounds[name][1]}
            open_ = " and ".join(word for word, reached in ends.items() if reached)
            notes += [f"The data do not bound {name} {open_}: its interval runs into its bounds."] if open_ else []
    for i, a in enumerate(found.free):
        for j, b in enumerate(found.free[:i]):
            r = float(solution.correlation[i, j])
            if abs(r) > CLOSE and {a, b} & own:
                notes.append(f"{b} and {a} stand for each other (correlation {r:+.2f}).")
    if not solution.arrived:
        notes.append("The fit of the law within the plant has not arrived; its constants may move on.")
    return notes
