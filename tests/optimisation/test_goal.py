"""Goals that cannot be are refused with file, line and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optimisation_plant import PLANT, plant_goal, run_goal

from asm_hybrid.errors import InputError
from asm_hybrid.optimisation.definition import load_goal
from asm_hybrid.optimisation.optimise import find_optimum
from asm_hybrid.scenario.subject import load_subject

AIR: dict[str, Any] = {"input": "aerobic.kla", "set": {"uniform": [60, 240]}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decisions": {}}, "nothing is to be decided"),
        ({"decisions": {"mu": {"parameter": "mu_A", "set": {"uniform": [0.3, 0.6]}}}}, "nobody decides on"),
        ({"decisions": {"less": {"input": "load", "scale": {"uniform": [0.3, 1]}}}}, "load, which nobody decides on"),
        ({"decisions": {"air": {"input": "aerobic.kla", "set": {"normal": [150, 10]}}}}, "uniform or log_uniform"),
        ({"uncertain": {"air": AIR}}, "stands twice"),
        ({"limits": {"effluent.NH4 mean": "as now"}}, "present"),
        ({"search": {"evaluations": 3}}, "evaluations"),
        ({"schedules": {"a": {"input": "aerobic.kla", "set": [1, 2], "every": "5 h"}}}, "a day is no multiple"),
        ({"schedules": {"a": {"input": "aerobic.kla", "every": "6 h"}}}, "exactly one of set, scale and shift"),
        ({"verify": {"x": {"changes": [{"input": "T", "shift": 1}]}}}, "another influent, period or length"),
        ({"scenario": {"scenarios": {"a": [{"input": "T", "shift": 1}]}}}, "several scenarios"),
        ({"minimize": "OCI"}, "minimise"),
    ],
)
def test_a_goal_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_goal(plant_goal(**changes))


def test_the_line_and_key_are_named(tmp_path: Path) -> None:
    path = tmp_path / "goal.yaml"
    path.write_text("minimise: OCI\ndecisions:\n  air: {input: aerobic.kla, sett: {uniform: [1, 2]}}\n")
    with pytest.raises(InputError, match=r"goal\.yaml:3 \(decisions\.air\.sett\)"):
        load_goal(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"minimise": "aeration enrgy"}, "aeration energy"),
        ({"limits": {"effluent.NH mean": 4}}, "effluent.NH4 mean"),
        ({"decisions": {"air": {"input": "tank_5.kla", "set": {"uniform": [1, 2]}}}}, "no input 'tank_5.kla'"),
        ({"decisions": {"air": {"input": "aerobic.kla", "set": {"uniform": ["1 m3/d", "2 m3/d"]}}}}, "air"),
        ({"schedules": {"a": {"input": "tank_5.kla", "set": [1, 2], "every": "6 h"}}, "decisions": {}}, "no input"),
        (
            {"schedules": {"a": {"input": "*.kla", "set": [1.2, 1.7], "every": "6 h", "step": 2}}, "decisions": {}},
            "no multiple of 2",
        ),
        ({"minimise": "effluent.TN 95 %", **{k: v for k, v in run_goal().items() if k == "schedules"}}, "slope"),
    ],
)
def test_what_does_not_fit_the_plant_is_refused(changes: dict[str, Any], said: str) -> None:
    if "minimise" in changes and "schedules" in changes:
        changes = {**changes, "schedules": {"a": {"input": "aerobic.kla", "set": [60, 200], "every": "6 h"}}}
        changes["decisions"] = {}
    with pytest.raises(InputError, match=said):
        find_optimum(lambda: load_subject(PLANT), "basin", load_goal(plant_goal(**changes)))
