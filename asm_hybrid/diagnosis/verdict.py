"""The verdict: whether the hybrid model beats the best baseline on the test block."""

from __future__ import annotations

from typing import Any

__all__ = ["verdict"]


def verdict(summary: dict[str, Any]) -> dict[str, Any]:
    """Compare the run's model with the best of the others, variable by variable.

    Parameters
    ----------
    summary : dict
        Content of ``summary.json`` with its scores.

    Returns
    -------
    dict
        ``wins`` (in every variable), ``model``, ``sentence`` in plain words, and ``variables`` with the figures;
        ``interval`` is the 90 % interval of ``change_percent``, None without one.
    """
    own = {"hybrid": "hybrid", "neural": "neural", "mechanistic": "recalibrated"}[summary["mode"]]
    test = summary["scores"].get("test", {})
    rows: dict[str, dict[str, Any]] = {}
    for label, models in test.items():
        others = {m: s["rmse"] for m, s in models.items() if m != own}
        if not others:
            continue
        best = min(others, key=lambda m: others[m])
        found = models.get(own)
        interval = summary.get("improvement", {}).get(label, {}).get(own, {}).get(best)
        rows[label] = {
            "best_baseline": best,
            "best_rmse": others[best],
            "hybrid_rmse": found["rmse"] if found else None,
            "change_percent": 100.0 * (found["rmse"] / others[best] - 1.0) if found and others[best] else None,
            "interval": [interval["low"], interval["high"]] if found and interval else None,
            "seeds_better": sum(r < others[best] for r in found["rmse_seeds"]) if found else 0,
            "seeds": len(found["rmse_seeds"]) if found else 0,
        }
    better = [n for n, r in rows.items() if r["hybrid_rmse"] is not None and r["hybrid_rmse"] < r["best_rmse"]]
    return {
        "wins": bool(rows) and len(better) == len(rows),
        "model": own,
        "sentence": _sentence(own, rows, better, summary["variables"]),
        "variables": rows,
    }


def _sentence(
    own: str, rows: dict[str, dict[str, Any]], better: list[str], variables: dict[str, dict[str, Any]]
) -> str:
    name = {"hybrid": "The hybrid model", "neural": "The pure neural ODE", "recalibrated": "Recalibrated f"}[own]
    if not rows:
        return "There is no score on the test block, so nothing can be said."
    parts = []
    for label, row in rows.items():
        other, unit = row["best_baseline"].replace("_", " "), variables[label]["unit"]
        if row["hybrid_rmse"] is None:
            parts.append(f"{label}: it diverges")
            continue
        change, sure = row["change_percent"], ""
        if row["interval"] is not None:
            low, high = row["interval"]
            sure = f"; 90 % interval {low:+.0f} to {high:+.0f} %" + (", which leaves it open" if low < 0 < high else "")
        parts.append(
            f"{label}: RMSE {row['hybrid_rmse']:.3g} against {row['best_rmse']:.3g} {unit} by the best baseline, "
            f"{other} ({abs(change):.0f} % {'lower' if change < 0 else 'higher'}{sure})"
        )
    if len(better) == len(rows):
        head = f"{name} beats every baseline on the test block, in all {len(rows)} variables"
        head = f"{name} beats every baseline on the test block" if len(rows) == 1 else head
    elif better:
        worse = [n for n in rows if n not in better]
        head = (
            f"{name} beats every baseline on the test block in {', '.join(better)}, "
            f"but loses to a baseline in {', '.join(worse)}"
        )
    else:
        head = f"{name} does not beat the best baseline on the test block in any variable"
    return f"{head}. {'; '.join(parts)}."
