"""Diagnoses by hand, one of each kind, in the form of ``diagnosis.json``."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

GROWTH = "process.aerobic_growth_autotrophs"
TITLES = {
    "influent.N": "nitrogen of the influent",
    "flow.internal": "flow of internal",
    "flow.wastage": "flow of wastage",
    "oxygen.aerobic_2": "zero of the oxygen sensor in aerobic_2",
    "sensor.NH4.drift": "drift of the sensor NH4",
    "influent.timing": "timing of the influent",
}


def _explanation(
    name: str, family: str, gain: float, best: float, *, in_set: bool = False, **other: Any
) -> dict[str, Any]:
    row = {
        "name": name,
        "title": TITLES.get(name, name.partition(".")[2].replace("_", " ")),
        "family": family,
        "gain": gain,
        "low": gain - 0.12,
        "high": min(gain + 0.1, 1.02),
        "removed": 0.8 * gain,
        "removed_low": 0.8 * gain - 0.1,
        "removed_high": 0.8 * gain + 0.07,
        "best_share": best,
        "in_set": in_set,
        "plausible": True,
        "fitted": "full",
        "driver": None,
        "size": [],
        "text": "",
    }
    return row | other


def _driver() -> dict[str, Any]:
    x = np.linspace(0.2, 2.3, 12)
    factor = 1.35 * x / (0.35 + x)
    inputs = []
    for name, unit, share, size, top in (
        ("S_ALK", "mol/m3", 0.81, 0.35, 2.3),
        ("S_NH", "g N/m3", 0.55, -0.08, 9.0),
        ("S_NO", "g N/m3", 0.16, 0.03, 14.0),
        ("S_O", "g O2/m3", 0.02, 0.01, 2.4),
    ):
        at = np.linspace(0.05 * top, top, 15)
        curve = size * (at / (0.2 * top + at) - 0.7)
        inputs.append(
            {
                "name": name,
                "unit": unit,
                "share": share,
                "low": max(share - 0.06, 0.0),
                "high": share + 0.03,
                "x": at.tolist(),
                "effect": [(curve * (1 + 0.1 * k)).tolist() for k in (-1, 0, 1)],
                "density": np.exp(-(((at / top - 0.5) / 0.3) ** 2)).tolist(),
            }
        )
    return {
        "process": "aerobic_growth_autotrophs",
        "tank": "aerobic_2",
        "driver": "S_ALK",
        "share": 0.81,
        "curve": {
            "x": x.tolist(),
            "factor": factor.tolist(),
            "low": (factor * 0.96).tolist(),
            "high": (factor * 1.04).tolist(),
            "density": np.exp(-(((x - 1.2) / 0.6) ** 2)).tolist(),
            "unit": "mol/m3",
        },
        "inputs": inputs,
        "when": [
            {"condition": "S_ALK below 0.82 mol/m3", "share_of_time": 0.25, "share_of_effect": 0.8},
            {"condition": "T below 13.1 degC", "share_of_time": 0.4, "share_of_effect": 0.68},
            {"condition": "wet weather, Q_in above 11,600 m3/d", "share_of_time": 0.09, "share_of_effect": 0.04},
        ],
    }


def _law() -> dict[str, Any]:
    x = np.linspace(0.05, 2.4, 25)
    return {
        "process": "aerobic_growth_autotrophs",
        "kind": "monod",
        "expression": "monod(S_ALK, K_ALK)",
        "rate": "mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * X_BA * monod(S_ALK, K_ALK)",
        "constants": [{"name": "K_ALK", "value": 0.483, "low": 0.35, "high": 0.66, "unit": "mol/m3"}],
        "share_of_gain": 0.94,
        "kept": True,
        "scores": {
            "NH4": {"f": 1.62, "law": 0.38, "n": 0.41, "unit": "g N/m3"},
            "NO3": {"f": 1.21, "law": 0.44, "n": 0.45, "unit": "g N/m3"},
        },
        "curve": {"x": x.tolist(), "factor": (1.37 * x / (0.4 + x)).tolist()},
        "others": [
            {"kind": "hill", "score": 1.31},
            {"kind": "haldane", "score": 1.35},
            {"kind": "arrhenius", "score": 4.2},
        ],
    }


_YES = {
    "answer": "yes",
    "why": "the interval of the change does not hold zero",
    "p_value": 0.002,
    "variables": {
        "NH4": {"change_percent": -41.0, "low": -52.0, "high": -28.0},
        "NO3": {"change_percent": -22.0, "low": -37.0, "high": -4.0},
        "MLSS": {"change_percent": 1.0, "low": -3.0, "high": 4.0},
    },
}
_OTHERS = [
    _explanation("process.hydrolysis_organics", "kinetics", 0.31, 0.01),
    _explanation("influent.N", "influent", 0.28, 0.01),
    _explanation("lacking.anammox", "lacking", 0.22, 0.01, fitted="linear"),
    _explanation("flow.internal", "flows", 0.17, 0.0),
    _explanation("oxygen.aerobic_2", "oxygen", 0.15, 0.0, plausible=False),
    _explanation("sensor.NH4.drift", "sensors", 0.12, 0.0, fitted="linear"),
    _explanation("influent.timing", "influent", 0.08, 0.0, fitted="linear"),
]


def kinetics() -> dict[str, Any]:
    """Return a diagnosis that is clear: kinetics, with its driver and law."""
    return {
        "missing": copy.deepcopy(_YES),
        "explanations": [
            _explanation(GROWTH, "kinetics", 0.83, 0.97, in_set=True, driver="S_ALK", low=0.7, high=0.92),
            *copy.deepcopy(_OTHERS),
        ],
        "answer": {"set": [GROWTH], "first": GROWTH, "confidence": 0.97, "family": "kinetics"},
        "second": None,
        "driver": _driver(),
        "law": _law(),
        "tell_apart": None,
        "proposals": [],
        "sentences": [],
        "notes": [],
    }


def fault() -> dict[str, Any]:
    """Return a diagnosis that is clear: a fault of the record, with what is proposed."""
    size = [{"name": "factor", "value": 1.75, "low": 1.62, "high": 1.9, "unit": "-"}]
    first = _explanation("flow.wastage", "flows", 0.61, 0.94, in_set=True, size=size)
    proposal = {
        "name": "flow.wastage",
        "text": "wastage 420 instead of 240 m3/d explains 61 % of the misfit",
        "section": "factors",
        "key": "wastage",
        "value": 1.75,
        "unit": "-",
        "low": 1.62,
        "high": 1.9,
        "share": 0.61,
    }
    return kinetics() | {
        "explanations": [first, _explanation(GROWTH, "kinetics", 0.35, 0.03), *copy.deepcopy(_OTHERS)],
        "answer": {"set": ["flow.wastage"], "first": "flow.wastage", "confidence": 0.94, "family": "flows"},
        "driver": None,
        "law": None,
        "proposals": [proposal],
        "notes": ["there is no law, since the answer is no process"],
    }


def several() -> dict[str, Any]:
    """Return a diagnosis in which kinetics and influent cannot be told apart."""
    names = [GROWTH, "influent.N", "process.hydrolysis_organics"]
    families = ["kinetics", "influent", "kinetics"]
    rows = [
        _explanation(name, family, gain, best, in_set=True)
        for name, family, gain, best in zip(names, families, (0.61, 0.58, 0.55), (0.42, 0.33, 0.2), strict=True)
    ]
    return kinetics() | {
        "explanations": [*rows, *copy.deepcopy(_OTHERS[2:])],
        "answer": {"set": names, "first": names[0], "confidence": 0.95, "family": None},
        "law": None,
        "tell_apart": {
            "between": names,
            "target": "aerobic_1.S_ALK",
            "variable": "S_ALK",
            "tank": "aerobic_1",
            "unit": "mol/m3",
            "begin": "2021-05-12",
            "end": "2021-05-18",
            "difference": 0.62,
            "noise": 0.16,
            "times_noise": 3.9,
            "text": "24-h composites of alkalinity (S_ALK) in aerobic_1 for a week would tell them apart: in days like "
            "2021-05-12 to 2021-05-18 they differ by at least 0.62 mol/m3, 3.9 times the usual noise of 0.16 mol/m3",
        },
    }


def nothing() -> dict[str, Any]:
    """Return a diagnosis that found nothing missing."""
    variables = {
        "NH4": {"change_percent": -3.0, "low": -12.0, "high": 6.0},
        "NO3": {"change_percent": 1.0, "low": -4.0, "high": 5.0},
    }
    missing = {"answer": "no", "why": "both intervals hold zero", "p_value": 0.41, "variables": variables}
    empty = {"set": [], "first": None, "confidence": 0.0, "family": None}
    rest: dict[str, Any] = dict.fromkeys(("second", "driver", "law", "tell_apart"))
    return {
        "missing": missing,
        "explanations": [],
        "answer": empty,
        "proposals": [],
        "sentences": [],
        "notes": [],
    } | rest


def unknown() -> dict[str, Any]:
    """Return a diagnosis of a run without n: whether anything is missing cannot be told, explanations can."""
    missing = {"answer": "unknown", "why": "the run has no n", "p_value": None, "variables": {}}
    return fault() | {"missing": missing, "notes": ["the run has no n: train with model.mode: hybrid to tell more"]}


def second() -> dict[str, Any]:
    """Return a diagnosis in which a second explanation helps."""
    found = kinetics()
    return found | {"second": {"name": "influent.N", "gain": 0.12, "low": 0.05, "high": 0.2}}


CASES = {
    "kinetics": kinetics,
    "fault": fault,
    "several": several,
    "nothing": nothing,
    "unknown": unknown,
    "second": second,
}
