"""Simulations of before: taken where nothing differs, and never where anything does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asm_hybrid.config import layout_text
from asm_hybrid.scenario import simulation
from asm_hybrid.scenario.memory import Memory
from asm_hybrid.scenario.plants import simulate_plant

DAY: dict[str, Any] = {"days": 0.5}


def more_air(kla: float) -> dict[str, Any]:
    return {**DAY, "scenarios": {"a": [{"input": "tank.kla", "set": kla}], "b": [{"input": "T", "set": 15}]}}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets an entry for each simulation that is really done."""
    found: list[int] = []
    done = simulation._members

    def members(*args: Any) -> Any:
        found.append(1)
        return done(*args)

    monkeypatch.setattr(simulation, "_members", members)
    return found


def test_only_what_has_changed_is_simulated_and_all_figures_are_the_same(counted: list[int]) -> None:
    memory = Memory()
    simulate_plant("cstr", more_air(100.0), memory=memory)
    assert len(counted) == 3
    again = simulate_plant("cstr", more_air(90.0), memory=memory)
    assert len(counted) == 4
    fresh = simulate_plant("cstr", more_air(90.0))
    for one, other in zip(again.cases, fresh.cases, strict=True):
        assert one.indicators == other.indicators
        assert all(np.array_equal(one.record.columns[n], values) for n, values in other.record.columns.items())


@pytest.mark.parametrize(
    ("old", "new"), [("volume: 2000 m3", "volume: 900 m3"), ("kinetics: asm1", "kinetics: asm1, parameters: {mu_H: 5}")]
)
def test_a_plant_that_was_changed_meanwhile_is_simulated_anew(
    counted: list[int], tmp_path: Path, old: str, new: str
) -> None:
    path, memory, text = tmp_path / "plant.yaml", Memory(), layout_text("cstr")
    assert old in text
    path.write_text(text)
    before = simulate_plant(path, DAY, memory=memory)
    path.write_text(text.replace(old, new))
    after = simulate_plant(path, DAY, memory=memory)
    assert len(counted) == 2
    assert before.cases[0].indicators != after.cases[0].indicators


@pytest.mark.parametrize("more", [{"days": 0.75}, {"tolerance": 1e-7}])
def test_other_settings_are_other_simulations(counted: list[int], more: dict[str, Any]) -> None:
    memory = Memory()
    simulate_plant("cstr", DAY, memory=memory)
    simulate_plant("cstr", {**DAY, **more}, memory=memory)
    assert len(counted) == 2


def test_it_keeps_no_more_than_it_may(counted: list[int]) -> None:
    memory = Memory(most=1)
    for kla in (100.0, 90.0):
        simulate_plant("cstr", more_air(kla), memory=memory)
    assert len(counted) == 6
