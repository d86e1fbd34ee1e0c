"""What n makes of COD and N: nothing on rates and parameters; on derivatives what it adds, and it is said."""

import json

import numpy as np
import pytest
import torch
from plant_tools import component, defaults, make_plant
from small_plant import CONFIG, write_case
from term_tools import make_term, operating_point, shake, system_of

from asm_hybrid.diagnosis.imbalance import contents, imbalance
from asm_hybrid.hybrid import LearntTerms
from asm_hybrid.workflow import run_training


def found(*terms, imposed=True):
    plant = make_plant(imposed=imposed)
    made = [shake(make_term(plant, *t, seeds=(1,)), scale=0.5) for t in terms]
    x, u = operating_point(plant, members=3)
    return imbalance(system_of(plant, LearntTerms(made)), x, u.expand(3, -1)), plant, made, x, u


@pytest.mark.parametrize(
    "terms",
    [[("rates", "multiplicative")], [("rates", "additive")], [("parameters",)], [("rates", "additive"), ("parameters",)]],
)
def test_rates_and_parameters_are_closed(terms):
    rows = found(*terms)[0]
    assert set(rows) == {"COD", "N"}
    for row in rows.values():
        assert row["relative"] < 1e-12
        assert row["absolute"] < 1e-9 * row["influent"]


def test_derivatives_count_what_n_adds_in_every_tank():
    rows, plant, (term,), x, u = found(("state",), imposed=False)
    with torch.no_grad():
        added = term.additions(x[:1], u)[0]
    volume = np.array([tank.volume for tank in plant.layout.tanks])
    nitrogen = contents(plant.table, defaults(plant))["N"]
    by_hand = float(np.sum(added.numpy() @ nitrogen.numpy() * volume)) / 1000
    assert abs(by_hand) > 1.0
    assert rows["N"]["net"] == pytest.approx(by_hand, rel=1e-12)
    assert rows["N"]["absolute"] == pytest.approx(abs(by_hand), rel=1e-12)
    assert rows["N"]["relative"] > 1e-3


def test_contents_are_those_of_asm1():
    plant = make_plant()
    held = contents(plant.table, defaults(plant))
    k = component(plant, "S_NO")
    assert float(held["N"][k]) == 1.0
    assert float(held["COD"][k]) == pytest.approx(-64 / 14, rel=1e-12)
    assert float(held["COD"][component(plant, "S_O")]) == -1.0
    assert float(held["N"][component(plant, "X_BH")]) == pytest.approx(0.086)


def test_a_placement_that_changes_no_reaction_has_no_imbalance():
    assert found(("output",))[0] == {}


@pytest.mark.parametrize("placement", ["rates", "state"])
def test_a_run_says_what_it_makes(tmp_path, placement):
    torch.set_num_threads(1)
    text = CONFIG.replace("network: {", f"network: {{placement: {placement}, ").replace("seeds: [1, 2]", "seeds: [1]")
    run_training(write_case(tmp_path, text), tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    told = [w for w in summary["warnings"] if "does not conserve" in w]
    influent = 5000 * (30 + 6 + 9) / 1000
    assert summary["imbalance"]["N"]["influent"] == pytest.approx(influent + 5 * 25 * 0.086, rel=0.4)
    if placement == "state":
        assert summary["imbalance"]["N"]["absolute"] > 0.01
        assert len(told) == 1
        assert "kg N/d" in told[0]
        assert "kg N/d" in page
    else:
        assert all(row["relative"] < 1e-8 for row in summary["imbalance"].values())
        assert not told
        assert "no COD; no N" in page
