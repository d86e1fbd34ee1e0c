"""A plant that is simulated in a moment, and goals for it and for the small run."""

from __future__ import annotations

from typing import Any

PLANT: dict[str, Any] = {
    "name": "basin",
    "model": {"kinetics": "asm1"},
    "plant": {
        "temperature": "18 degC",
        "tanks": {"anoxic": {"volume": 1000.0}, "aerobic": {"volume": 2000.0, "kla": "150 1/d"}},
        "influent": {
            "to": "anoxic",
            "flow": "4000 m3/d",
            "composition": {
                "S_I": 30, "S_S": 70, "X_I": 40, "X_S": 180, "X_BH": 25, "X_BA": 0, "X_P": 0, "S_O": 0, "S_NO": 0,
                "S_NH": 25, "S_ND": 6, "X_ND": 9, "S_ALK": 7, "S_N2": 0,
            },
        },
        "recycles": {"internal": {"from": "aerobic", "to": "anoxic", "flow": "12000 m3/d"}},
        "return_sludge": {"to": "anoxic", "flow": "4000 m3/d"},
        "wastage": {"flow": "90 m3/d"},
        "settler": {"type": "ideal", "non_settleable": 0.002},
    },
}  # fmt: skip


def plant_goal(**changes: Any) -> dict[str, Any]:
    """Return a goal for the plant: least energy for air with ammonium below a limit that the present keeps by far."""
    return {
        "scenario": {"days": 0.5},
        "minimise": "aeration energy",
        "limits": {"effluent.NH4 mean": 4.0},
        "decisions": {"air": {"input": "aerobic.kla", "set": {"uniform": [60, 240]}}},
        "search": {"evaluations": 16},
        **changes,
    }


def run_goal(**changes: Any) -> dict[str, Any]:
    """Return a goal for the small run: a schedule of its oxygen."""
    return {
        "minimise": "aeration energy",
        "limits": {"effluent.NH4 mean": "present"},
        "schedules": {
            "oxygen": {"input": "aerobic.S_O", "set": [0.3, 4.0], "every": "6 h", "step": 0.1, "change": 0.8}
        },
        **changes,
    }
