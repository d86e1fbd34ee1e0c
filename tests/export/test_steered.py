"""Exports of the plant of a run with the controllers and time tables of a scenario."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_toys import COMPILER, Library, Model

from asm_hybrid.errors import InputError
from asm_hybrid.export import export_run
from asm_hybrid.export.described import describe
from asm_hybrid.export.exported_plant import read_plant
from asm_hybrid.export.format import Source
from asm_hybrid.scenario.plants import simulate_run

LOOP = {"measure": "aerobic.S_O", "move": "aerobic.kla", "setpoint": "2 mg/L", "gain": 30, "integral_time": "20 min"}
OXYGEN = {"control": {"oxygen": LOOP | {"offset": 100, "high": 300, "sensor": {"response": "2 min"}}}}
SWITCHED = {
    "control": {
        "blower": {
            "type": "on_off",
            "measure": "aerobic.S_NH",
            "move": "aerobic.kla",
            "on": 200,
            "off": 20,
            "switch_on": 9,
            "switch_off": 7,
        }
    }
}
TABLE = {
    "cycles": {
        "air": {
            "phases": [
                {"name": "on", "duration": "50 min", "set": {"aerobic.kla": 200}},
                {"name": "off", "duration": "33 min", "set": {"aerobic.kla": 0}},
            ]
        }
    }
}


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize("scenario", [OXYGEN, SWITCHED, TABLE], ids=["pi", "on_off", "table"])
def test_the_model_of_a_scenario_is_simulated_as_the_scenario_is(
    small_run: Path, tmp_path: Path, scenario: dict[str, Any]
) -> None:
    plant = read_plant(Source(small_run, scenario))
    d, subject = describe(plant), plant.subject
    for name, text in d.sources.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    record = simulate_run(small_run, {**scenario, "tolerance": 1e-8}).cases[1].record
    given = {v.name for v in d.inputs}
    inputs = [i for i, name in enumerate(subject.plant.inputs.names) if name in given]
    knots, count = subject.knots[plant.first :][:, inputs], 25
    library, found = Library.of(tmp_path, "model.c", "-O1"), np.empty((plant.members, count, len(d.states)))
    for member in range(plant.members):
        with Model(library, len(d.states), len(d.inputs), len(d.parameters)) as model:
            assert model.calls.ah_set_member(model.handle, member + 1) == 0
            model.x[:] = plant.starts[member + 1]
            for k in range(count):
                found[member, k] = model.x
                model.u[:] = knots[k]
                model.slope[:] = (knots[k + 1] - knots[k]) / subject.interval
                model.step((k + 1) * subject.interval)
    expected = record.states[:count][:, plant.moving]
    size = np.maximum(np.abs(expected).max(axis=0), 1e-2)
    assert (np.abs(np.median(found, axis=0) - expected) / size).max() < 1e-4
    assert d.events == (1 if scenario is SWITCHED else 0)
    assert d.table_inputs == ({"aerobic.kla"} if scenario is TABLE else set())
    assert "aerobic.S_O" not in given
    assert ("oxygen.setpoint" in given) == (scenario is OXYGEN)


def test_a_late_sensor_is_simulated_with_n_and_not_exported(small_run: Path) -> None:
    """A dead time changes what the control does, with n as with f; an exported model knows no past."""
    late = {"control": {"oxygen": OXYGEN["control"]["oxygen"] | {"sensor": {"response": "2 min", "delay": "8 min"}}}}
    at_once, found = (simulate_run(small_run, s).cases[1].record.columns["aerobic.S_O"] for s in (OXYGEN, late))
    assert np.isfinite(found).all()
    assert 0.02 < np.abs(found - at_once).max() < 1.0
    with pytest.raises(InputError, match="oxygen arrives late") as caught:
        read_plant(Source(small_run, late))
    assert "order of 8" in str(caught.value)


def test_the_start_of_the_period_is_that_of_the_model(small_run: Path) -> None:
    usual, other = (read_plant(Source(small_run, s)) for s in (OXYGEN, {**OXYGEN, "period": {"start": "2024-03-06"}}))
    assert usual.first > other.first
    at = [p.states.index("aerobic.S_O") for p in (usual, other)]
    for plant, i in zip((usual, other), at, strict=True):
        base = read_plant(Source(small_run))
        column = base.plant.input_index["aerobic.S_O"]
        np.testing.assert_array_equal(plant.starts[:, i], base.subject.knots[plant.first, column])


TWO = {"scenarios": {"a": OXYGEN, "b": SWITCHED}}


@pytest.mark.parametrize(
    ("scenario", "case", "words"),
    [
        ({"changes": [{"input": "T", "shift": 2}]}, None, "the scenario has changes of inputs"),
        ({**OXYGEN, "spin_up": 2}, None, "the scenario has what comes before the start"),
        (TWO, None, "the file holds 2 scenarios"),
        (TWO, "c", "the file has no scenario 'c'"),
        (None, "a", "the case 'a' is of no scenario"),
    ],
)
def test_what_a_model_cannot_hold_of_a_scenario_is_refused(
    small_run: Path, tmp_path: Path, scenario: dict[str, Any] | None, case: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        export_run(small_run, "c", tmp_path / "c", scenario=scenario, case=case)
    assert not list(tmp_path.iterdir())


def test_one_of_several_scenarios_is_chosen_by_its_name(small_run: Path) -> None:
    assert describe(read_plant(Source(small_run, TWO, "a"))).events == 0
    assert describe(read_plant(Source(small_run, TWO, "b"))).events == 1


def test_formats_that_hold_the_run_as_it_is_refuse_a_scenario(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the format 'xlsx' holds the run as it was trained"):
        export_run(small_run, ["c", "xlsx"], tmp_path / "all", scenario=OXYGEN)
    assert not list(tmp_path.iterdir())


def test_who_drives_a_model_is_told_of_corrections(small_run: Path) -> None:
    plant = read_plant(Source(small_run))
    assert plant.notes == []
    corrections = {"factors": {"wastage": 1.7}, "offsets": {"aerobic.S_O": -0.2, "NH4": 0.1}}
    config = type(plant.subject.model.config).model_validate(
        {**plant.subject.model.config.model_dump(exclude_unset=True), "corrections": corrections}
    )
    subject = replace(plant.subject, model=replace(plant.subject.model, config=config), silent=True)
    first, second = replace(plant, subject=subject).notes
    assert "recorded of wastage, aerobic.S_O: give the model corrected values" in first
    assert "f alone" in second
