"""What the forecasts of a run are worth against persistence, in plain words."""

from __future__ import annotations

from typing import Any

from asm_hybrid.training.compared import compared_models
from asm_hybrid.training.compared.persistence import MODEL as PERSISTENCE

__all__ = ["forecast_verdict"]


def forecast_verdict(summary: dict[str, Any], own: str) -> dict[str, Any]:
    """Compare the forecasts of the run's model with the last measurement, on the test block.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json`` with its forecasts.
    own : str
        The run's model.

    Returns
    -------
    dict
        ``sentences`` in plain words; by horizon ``persistence_wins``, the variables in which persistence is better, and
        ``open``, those in which the two cannot be told apart: the interval of the change of the RMSE, from a bootstrap
        over blocks of days, holds zero, or there is none.
    """
    name = compared_models()[own].phrase
    wins: dict[str, list[str]] = {}
    unclear: dict[str, list[str]] = {}
    sentences = []
    intervals = summary["forecast"].get("improvement", {}).get("test", {})
    for horizon, variables in summary["forecast"]["scores"]["test"].items():
        diverged = [v for v, m in variables.items() if own not in m]
        if diverged:
            sentences.append(f"At {horizon} {name} diverges in {', '.join(diverged)}, and has no score.")
        known = [v for v, m in variables.items() if own in m and PERSISTENCE.name in m]
        if not variables:
            sentences.append(f"At {horizon} there is no forecast to compare on the test block.")
        if not known:
            continue
        found = {v: intervals.get(horizon, {}).get(v) for v in known}
        lost = [v for v, i in found.items() if i is not None and i["low"] > 0]
        won = [v for v, i in found.items() if i is not None and i["high"] < 0]
        wins[horizon], unclear[horizon] = lost, [v for v in known if v not in lost and v not in won]
        apart = f"{name} and persistence cannot be told apart"
        parts = [
            (f"{name} is better than persistence in", won),
            ("persistence wins in", lost),
            (f"{apart} in", [v for v in unclear[horizon] if found[v] is not None]),
            (f"{apart}, for want of days, in", [v for v in unclear[horizon] if found[v] is None]),
        ]
        said = "; ".join(f"{text} {', '.join(labels)}" for text, labels in parts if labels)
        sentences.append(f"At {horizon} {said}.")
    return {"sentences": sentences, "persistence_wins": wins, "open": unclear}
