"""The verdict: whether the run's own model can be told apart from the baselines on the test block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asm_hybrid.training.compared import compared_models, own_model
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID
from asm_hybrid.training.compared.mechanistic import MODEL as MECHANISTIC
from asm_hybrid.training.compared.recalibrated import MODEL as RECALIBRATED

__all__ = ["misfit", "signed_percent", "verdict"]

SAME = 1e-6
"""Difference of all scores up to which two models are one and the same [-]."""
NOTHING_FOUND = "n found nothing that validation confirms"


def verdict(summary: dict[str, Any]) -> dict[str, Any]:
    """Compare the run's model with the others, variable by variable, as far as the data can tell them apart.

    A model is better or worse than another where the interval of the change of its RMSE, from a bootstrap over blocks
    of days, does not hold zero; without an interval nothing is said.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json`` with its scores; ``n_found_nothing`` tells that n stayed at zero.

    Returns
    -------
    dict
        ``wins`` (better than every baseline in every variable), ``model``, ``sentence`` in plain words, ``same_as``
        (models that are the run's own under another name, and so no baselines), ``misfit`` (of f, where n found
        nothing) and ``variables`` with the figures: ``outcome`` is ``better`` (than every baseline), ``worse`` (than
        one), ``open`` or ``diverges``; ``open_against`` and ``worse_than`` name the baselines; ``interval`` is the
        90 % interval of ``change_percent`` against the best baseline, None without one.
    """
    own = own_model(summary["mode"]).name
    test = summary["scores"].get("test", {})
    silent = own == HYBRID.name and bool(summary.get("n_found_nothing"))
    same = _same(summary["scores"], own)
    if silent and not _learns_sensors(summary):
        same = list(dict.fromkeys([*same, RECALIBRATED.name]))
    rows: dict[str, dict[str, Any]] = {}
    for label, models in test.items():
        others = {m: s["rmse"] for m, s in models.items() if m != own and m not in same}
        if others:
            rows[label] = _row(models.get(own), others, summary.get("improvement", {}).get(label, {}).get(own, {}))
    wins = bool(rows) and all(row["outcome"] == "better" for row in rows.values()) and not silent
    found = {
        "wins": wins,
        "model": own,
        "same_as": same,
        "misfit": misfit(summary) if silent else {},
        "variables": rows,
    }
    return found | {"sentence": _sentence(found, silent, summary["variables"])}


def misfit(summary: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return how far recalibrated f lies from the measurements on the test block.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json`` with its scores.

    Returns
    -------
    dict
        By variable ``rmse`` and ``noise`` of the sensor [unit of the variable], and ``times_noise`` [-], their ratio.
        Variables without a score of recalibrated f are left out.
    """
    found = {}
    for label, models in summary["scores"].get("test", {}).items():
        if RECALIBRATED.name in models:
            rmse, noise = models[RECALIBRATED.name]["rmse"], summary["variables"][label]["noise"]
            found[label] = {"rmse": rmse, "noise": noise, "times_noise": rmse / noise}
    return found


def signed_percent(value: float) -> str:
    """Return a change with its sign, and enough digits to see that.

    Parameters
    ----------
    value : float
        The change [%].

    Returns
    -------
    str
        Without the percent sign.
    """
    return f"{value:+.0f}" if abs(value) >= 1 else f"{value:+.1g}"


def _same(scores: dict[str, dict[str, Any]], own: str) -> list[str]:
    """Return the models whose scores are those of the run's own in every block and variable."""
    pairs = [models for block in scores.values() for models in block.values() if own in models]
    names = dict.fromkeys(m for models in pairs for m in models if m != own)
    return [m for m in names if all(m in models and _equal(models[m], models[own]) for models in pairs)]


def _learns_sensors(summary: dict[str, Any]) -> bool:
    """Return whether bias or lag of a sensor was learnt beside n."""
    return any(value["learnt"] for sensor in summary.get("sensors", {}).values() for value in sensor.values())


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(abs(one[k] - other[k]) <= SAME * abs(other["rmse"]) for k in ("rmse", "mae", "bias"))


def _row(found: dict[str, Any] | None, others: dict[str, float], intervals: dict[str, Any]) -> dict[str, Any]:
    best = min(others, key=lambda m: others[m])
    known = {m: intervals[m] for m in others if m in intervals} if found else {}
    worse = sorted((m for m in known if known[m]["low"] > 0), key=lambda m: others[m])
    unclear = sorted(
        (m for m in others if m not in known or known[m]["low"] <= 0 <= known[m]["high"]), key=lambda m: others[m]
    )
    return {
        "outcome": "diverges" if found is None else "worse" if worse else "open" if unclear else "better",
        "best_baseline": best,
        "best_rmse": others[best],
        "own_rmse": found["rmse"] if found else None,
        "change_percent": 100.0 * (found["rmse"] / others[best] - 1.0) if found and others[best] else None,
        "interval": [known[best]["low"], known[best]["high"]] if best in known else None,
        "worse_than": worse,
        "open_against": unclear if found else [],
        "seeds_better": sum(r < others[best] for r in found["rmse_seeds"]) if found else 0,
        "seeds": len(found["rmse_seeds"]) if found else 0,
    }


def _sentence(found: dict[str, Any], silent: bool, variables: dict[str, dict[str, Any]]) -> str:
    rows, same = found["variables"], found["same_as"]
    if not rows:
        return "There is no score on the test block, so nothing can be said."
    name = "It" if silent else _name(found["model"], same)
    outcome = _outcome(name, rows)
    figures = "; ".join(_figures(label, row, variables[label]["unit"]) for label, row in rows.items())
    if not silent:
        return f"{outcome}. {figures}."
    head = f"{NOTHING_FOUND}, so the hybrid model is recalibrated f"
    if RECALIBRATED.name not in same:
        head = f"{NOTHING_FOUND}; the hybrid model is recalibrated f but for what was learnt of the sensors"
    left = "; ".join(
        f"{label} by {row['rmse']:.3g} {variables[label]['unit']} (RMSE), {_times(row['times_noise'])}"
        for label, row in found["misfit"].items()
    )
    left = f" On the test block recalibrated f misses {left}." if left else ""
    return f"{head}.{left} {outcome}. {figures}."


def _name(own: str, same: Sequence[str]) -> str:
    if own == RECALIBRATED.name and MECHANISTIC.name in same:
        return "The mechanistic model with its default parameters"
    return _phrase(own)[0].upper() + _phrase(own)[1:]


def _phrase(name: str) -> str:
    """Return how a model is called within a sentence."""
    return compared_models()[name].phrase


def _times(ratio: float) -> str:
    if ratio < 1.5:
        return "about the noise of its sensor"
    return f"{ratio:.2g} times the noise of its sensor"


def _outcome(name: str, rows: dict[str, dict[str, Any]]) -> str:
    """Say in one clause each in which variables the model is better, cannot be told apart, or is worse."""
    by = {kind: [v for v, row in rows.items() if row["outcome"] == kind] for kind in ("better", "open", "worse")}
    diverges = [v for v, row in rows.items() if row["outcome"] == "diverges"]
    first = by["open"][0] if by["open"] else ""
    against = _phrase(rows[first]["open_against"][0]) if len(by["open"]) == 1 else "the best baselines"
    clauses = [
        ("beats every baseline", by["better"]),
        (f"cannot be told apart from {against}", by["open"]),
        ("loses to a baseline", by["worse"]),
        ("diverges", diverges),
    ]
    clauses = [(text, labels) for text, labels in clauses if labels]
    if len(clauses) == 1:
        text, labels = clauses[0]
        both, every = ("either variable", "any variable") if by["open"] else ("both variables", "all variables")
        where = {1: "", 2: f", in {both}"}.get(len(labels), f", in {every}")
        return f"{name} {text} on the test block{where}"
    parts = [f"{text} in {', '.join(labels)}" for text, labels in clauses]
    return f"{name}, on the test block, {', '.join(parts[:-1])} and {parts[-1]}"


def _figures(label: str, row: dict[str, Any], unit: str) -> str:
    """Return the RMSE of the model and the best baseline of one variable, and how sure the difference is."""
    if row["own_rmse"] is None:
        return f"{label}: it diverges"
    notes = []
    if row["change_percent"] is not None:
        change = row["change_percent"]
        size = f"{abs(change):.0f} % {'lower' if change < 0 else 'higher'}"
        notes.append(size if change <= 100 else f"{1 + change / 100:.2g} times as large")
    if row["interval"] is None:
        notes.append("too few days for an interval, so that the data do not decide")
    else:
        low, high = row["interval"]
        open_ = ", which includes zero, so that the data do not decide" if low <= 0 <= high else ""
        notes.append(f"90 % interval {signed_percent(low)} to {signed_percent(high)} %{open_}")
    best = row["best_baseline"]
    for text, models in (("cannot be told apart from", row["open_against"]), ("also worse than", row["worse_than"])):
        further = [_phrase(m) for m in models if m != best]
        if further and row["interval"] is not None:
            notes.append(f"{text} {', '.join(further)}")  # without an interval, that is said of all
    figures = f"RMSE {row['own_rmse']:.3g} against {row['best_rmse']:.3g} {unit} by {_phrase(best)}"
    return f"{label}: {figures} ({'; '.join(notes)})"
