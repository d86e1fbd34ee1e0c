"""What the forecasts of a run are worth against persistence, in plain words."""

from __future__ import annotations

from typing import Any

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
        ``sentences`` in plain words, and ``persistence_wins``: by horizon the variables in which that is no worse.
    """
    name = {"hybrid": "the hybrid", "neural": "the pure neural ODE", "recalibrated": "recalibrated f"}[own]
    wins: dict[str, list[str]] = {}
    sentences = []
    for horizon, variables in summary["forecast"]["scores"]["test"].items():
        diverged = [v for v, m in variables.items() if own not in m]
        if diverged:
            sentences.append(f"At {horizon} {name} diverges in {', '.join(diverged)}, and has no score.")
        known = {v: m for v, m in variables.items() if own in m and "persistence" in m}
        if not variables:
            sentences.append(f"At {horizon} there is no forecast to compare on the test block.")
        if not known:
            continue
        lost = [v for v, m in known.items() if m["persistence"]["rmse"] <= m[own]["rmse"]]
        won = [v for v in known if v not in lost]
        wins[horizon] = lost
        if lost:
            rest = f"; {name} is better in {', '.join(won)}" if won else ""
            sentences.append(f"At {horizon} persistence wins in {', '.join(lost)}{rest}.")
        else:
            sentences.append(f"At {horizon} {name} is better than persistence in {', '.join(won)}.")
    return {"sentences": sentences, "persistence_wins": wins}
