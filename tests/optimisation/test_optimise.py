"""From a goal to an optimum: what is claimed is what simulations give, and no more than bands allow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from optimisation_plant import PLANT, plant_goal, run_goal

import asm_hybrid as ah
from asm_hybrid.notebook.optimisation_result import Optimisation
from asm_hybrid.optimisation.result import Drawn, Gain, Optimum
from asm_hybrid.report.optimisation_words import gain_text, said, verdict
from asm_hybrid.scenario.plants import simulate_plant, simulate_run
from asm_hybrid.studies.distributions import Distribution
from asm_hybrid.studies.factors import Factor
from asm_hybrid.yamlfile import load_yaml


def values_of(case: Any) -> dict[str, float]:
    return {i.name: i.value for i in case.indicators}


@pytest.fixture(scope="module")
def basin(tmp_path_factory: pytest.TempPathFactory) -> Optimisation:
    """Return the plant with the least air, verified over a longer time, with an uncertain growth rate."""
    goal = plant_goal(
        name="least-air",
        verify={"longer": {"days": 0.75}},
        uncertain={"growth": {"parameter": "mu_A", "set": {"uniform": [0.75, 0.85]}}},
        draws=3,
    )
    return ah.optimise(PLANT, goal, tmp_path_factory.mktemp("basin"), workers=1)


@pytest.fixture(scope="module")
def scheduled(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Optimisation:
    """Return a schedule for the oxygen of the small run."""
    return ah.optimise(small_run, run_goal(), tmp_path_factory.mktemp("scheduled"), workers=1)


def test_the_least_air_is_where_the_limit_begins(basin: Optimisation) -> None:
    found = basin.found
    assert found.claim == "gain"
    air = float(found.decisions["air"])
    assert found.present == pytest.approx({"air": 150.0})
    assert air < 150.0
    ammonium = values_of(found.simulation.cases[-1])["effluent.NH4 mean"]
    assert 3.0 < ammonium <= 4.0 * (1 + 1e-9)
    assert found.gain.share == pytest.approx(1 - air / 150.0, abs=0.01)  # energy goes with kLa, at one saturation


def test_figures_are_those_of_simulate(basin: Optimisation) -> None:
    again = simulate_plant(PLANT, basin.folder / "optimum.yaml")
    for mine, other in zip(basin.simulation.cases, again.cases, strict=True):
        assert values_of(mine) == values_of(other)


def test_verified_and_drawn(basin: Optimisation) -> None:
    (verified,), drawn = basin.found.verified, basin.found.drawn
    assert verified.name == "longer"
    assert verified.simulation.cases[0].record.times[-1] == 0.75
    assert verified.gain.share == pytest.approx(basin.found.gain.share, abs=1e-3)  # everything is constant here
    assert drawn is not None
    assert drawn.gains.shape == (3,)
    assert len(drawn.values) == 3
    assert np.isfinite(drawn.gains).all()
    assert 0.0 <= drawn.kept < 1.0  # the limit is met exactly, so that slower growth exceeds it


def test_the_folder(basin: Optimisation) -> None:
    names = {path.name for path in basin.folder.iterdir()}
    assert names >= {"report.html", "goal.yaml", "optimum.yaml", "summary.json", "evaluations.csv", "indicators.csv"}
    summary = json.loads((basin.folder / "summary.json").read_text())
    assert summary["claim"] == "gain"
    page = basin.report.read_text(encoding="utf-8")
    assert "less aeration energy than at present" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert basin.decisions.loc["air", "optimum"] == basin.found.decisions["air"]
    assert bool(basin.limits["kept"].all())
    assert "Optimisation least-air" in repr(basin)
    assert "least-air" in basin._repr_html_()


def test_where_the_present_is_best_no_gain_is_claimed(tmp_path: Path) -> None:
    goal = plant_goal(decisions={"air": {"input": "aerobic.kla", "set": {"uniform": [150, 240]}}})
    found = ah.optimise(PLANT, goal, tmp_path, workers=1).found
    assert found.claim == "none"
    assert verdict(found)[1] == "The present operation is the best that was found"


def test_where_nothing_keeps_the_limits_none_is_claimed(tmp_path: Path) -> None:
    found = ah.optimise(PLANT, plant_goal(limits={"effluent.NH4 mean": 0.01}), tmp_path, workers=1).found
    assert found.claim == "infeasible"
    assert "No operation within the limits" in verdict(found)[1]
    assert "effluent.NH4 mean" in verdict(found)[2]
    assert float(found.decisions["air"]) > 200.0  # the nearest has the most air


@pytest.mark.slow
def test_two_workers_find_the_same(basin: Optimisation, tmp_path: Path) -> None:
    found = ah.optimise(PLANT, plant_goal(), tmp_path, workers=2).found
    assert found.evaluations.equals(basin.found.evaluations)


def test_a_schedule_that_an_operator_would_set(scheduled: Optimisation) -> None:
    plan = scheduled.found.plan
    assert plan is not None
    (schedule,) = plan.schedules
    values = plan.values
    assert len(values) == 4  # every 6 h, the same every day
    assert np.allclose(values / 0.1, np.round(values / 0.1))
    steps = np.abs(values - np.roll(values, 1))
    assert steps.max() <= 0.8 + 1e-9
    assert values.min() >= schedule.low - 1e-9
    assert values.max() <= schedule.high + 1e-9


def test_the_schedule_is_within_limits_in_every_seed(scheduled: Optimisation) -> None:
    found = scheduled.found
    assert found.claim == "gain"
    assert found.gain.banded
    assert 0.0 < found.gain.low <= found.gain.share <= found.gain.high
    base, optimum = found.simulation.cases
    for before, after in zip(base.members, optimum.members, strict=True):
        old, new = ({i.name: i.value for i in own} for own in (before, after))
        assert new["effluent.NH4 mean"] <= old["effluent.NH4 mean"] * (1 + 1e-9)
        assert new["aeration energy"] < old["aeration energy"]


def test_the_schedule_gives_the_same_by_simulate(scheduled: Optimisation, small_run: Path) -> None:
    again = simulate_run(small_run, scheduled.folder / "optimum.yaml")
    for mine, other in zip(scheduled.simulation.cases, again.cases, strict=True):
        assert values_of(mine) == values_of(other)
    content = load_yaml(scheduled.folder / "optimum.yaml").data
    assert {change["input"] for change in content["changes"]} == {"aerobic.S_O"}
    assert len(scheduled.schedules) == len(scheduled.found.plan.schedules[0].variables)  # type: ignore[union-attr]


def test_training_bounds_the_schedule(scheduled: Optimisation, small_run: Path) -> None:
    (schedule,) = scheduled.found.plan.schedules  # type: ignore[union-attr]
    assert schedule.low > 0.3 or schedule.high < 4.0  # a part of what the goal allows, since training saw no more
    assert scheduled.found.outside is not None
    assert scheduled.found.outside[1] <= scheduled.found.outside[0] + 1e-6


def claim_of(gain: Gain, **changes: Any) -> str:
    """Return what an optimum with a gain claims, with all limits kept."""
    given = {"gain": gain, "limits": (), "outside": None, "drawn": None} | changes
    optimum = object.__new__(Optimum)
    for name, value in given.items():
        object.__setattr__(optimum, name, value)
    return optimum.claim


def test_a_gain_is_claimed_where_all_seeds_agree_alone() -> None:
    assert claim_of(Gain(0.1, 0.08, 0.14, True, False)) == "gain"
    assert claim_of(Gain(0.02, -0.01, 0.05, True, False)) == "disputed"
    assert claim_of(Gain(0.02, 0.0, 0.05, True, False)) == "disputed"
    assert claim_of(Gain(0.0001, 0.0001, 0.0001, False, False)) == "none"
    assert claim_of(Gain(-0.1, -0.2, -0.05, True, False)) == "none"
    assert claim_of(Gain(0.1, 0.08, 0.14, True, False), outside=(1.0, 2.0)) == "infeasible"


def drawn_of(gains: list[float], failed: tuple[str, ...] = ()) -> Drawn:
    return Drawn(pd.DataFrame({"growth": np.ones(len(gains))}), np.array(gains), 1.0, failed)


def test_a_draw_that_cannot_be_simulated_is_none_with_a_gain() -> None:
    gain = Gain(0.1, 0.1, 0.1, False, False)
    assert claim_of(gain, drawn=drawn_of([0.1] * 20)) == "gain"
    assert claim_of(gain, drawn=drawn_of([0.1] * 19 + [np.nan], ("why",))) == "gain"
    assert claim_of(gain, drawn=drawn_of([0.1] * 18 + [np.nan] * 2, ("why",))) == "disputed"
    assert claim_of(gain, drawn=drawn_of([np.nan] * 2, ("why",))) == "disputed"


def test_draws_that_cannot_be_simulated_are_told(tmp_path: Path) -> None:
    area = {"key": "plant.tanks.anoxic.volume", "shift": {"values": [-1200, 100]}}
    found = ah.optimise(PLANT, plant_goal(uncertain={"volume": area}, draws=4), tmp_path, workers=1)
    assert found.claim == "disputed"
    assert "2 of 4 draws of what is uncertain tell no gain" in verdict(found.found)[2]
    texts = " ".join(said(found.found))
    assert "Over 2 of 4 draws" in texts
    assert "2 of 4 draws of what is uncertain could not be simulated; the first: " in texts
    assert json.loads((tmp_path / "summary.json").read_text())["draws"]["draws"] == 4


def test_the_present_operation_may_be_the_only_one_within_the_limits(tmp_path: Path) -> None:
    goal = plant_goal(
        decisions={"air": {"input": "aerobic.kla", "set": {"uniform": [10, 30]}}}, search={"evaluations": 10}
    )
    found = ah.optimise(PLANT, goal, tmp_path, workers=1).found
    assert found.claim == "infeasible"
    assert verdict(found)[1] == "No other operation within the limits was found"
    assert not any("Nothing was verified" in text for text in said(found))


def test_the_end_of_a_range_is_told_by_its_distribution() -> None:
    for kind, value, ends in (("uniform", 0.05, True), ("log_uniform", 0.05, False), ("log_uniform", 0.0101, True)):
        optimum = object.__new__(Optimum)
        distribution = Distribution(kind, (0.01, 10.0))  # type: ignore[arg-type]
        object.__setattr__(optimum, "factors", (Factor("a", "a", "input", "wastage", "set", "m3/d", distribution),))
        object.__setattr__(optimum, "decisions", {"a": value})
        assert optimum.at_bounds == ["a"] * ends


def test_gains_in_words() -> None:
    assert gain_text(Gain(0.1, 0.08, 0.14, True, False)) == "8.0 to 14.0 % less"
    assert gain_text(Gain(0.02, -0.01, 0.05, True, False)) == "1.0 % more to 5.0 % less"
    assert gain_text(Gain(0.1, 0.1, 0.1, False, False)) == "10.0 % less"
    assert gain_text(Gain(-0.05, -0.06, -0.04, True, False)) == "4.0 to 6.0 % more"
    assert gain_text(Gain(0.0, 0.0, 0.0, False, False)) == "as much"
