"""Every component and conserved material, over the whole flow sheet: closed in every plant, and a loss is seen."""

import numpy as np
import pytest
from flowsheets import LAYOUTS, draw_inputs, draw_states, flow_sheet, parameters

from asm_hybrid.kinetics import candidate_patch, candidates_for, parse_table
from asm_hybrid.plant import IdealSettler, Plant, PrimaryClarifier
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.scenario.case_findings import closure_in_words
from asm_hybrid.yamlfile import to_yaml


def closures(plant, count=4):
    """Return the balances over random states and inputs."""
    rng, values = np.random.default_rng(3), parameters(plant)
    states = draw_states(plant, rng, count)[:, plant.rows.active > 0]
    balance = MaterialBalance(symbolic_system(plant, values), values)
    return {c.name: c for c in balance.close(np.arange(count, dtype=float), states, draw_inputs(plant, rng, count))}


@pytest.mark.parametrize("table", ["asm1_bsm", "asm2d"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_balance_of_everything_closes_in_every_flow_sheet(name, table):
    if table == "asm2d" and (flow_sheet(name).controllers or flow_sheet(name).layout.imposed):
        pytest.skip("its controllers and imposed states name components of ASM1")
    plant = flow_sheet(name, table)
    found = closures(plant)
    assert set(found) == {*plant.table.materials, *plant.table.component_names}
    assert {n: c.missed for n, c in found.items()} == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-10)
    assert all(c.turnover > 0 for n, c in found.items() if n.startswith("X_"))


@pytest.mark.parametrize("name", ["air", "batch_air", "bypass"])
def test_the_balance_holds_gases_that_leave_with_the_air(name):
    found = closures(flow_sheet(name, "asm1_2n"))
    assert {n: c.missed for n, c in found.items()} == pytest.approx(dict.fromkeys(found, 0.0), abs=1e-10)


def test_what_rounded_coefficients_make_is_told_apart():
    assert abs(closures(flow_sheet("bsm1"))["COD"].made) > 1e-6
    assert abs(closures(flow_sheet("bsm1", "asm1"))["COD"].made) < 1e-10


def test_solids_that_a_settler_swallows_are_missed(monkeypatch):
    plain = IdealSettler.thickening
    monkeypatch.setattr(IdealSettler, "thickening", lambda *a: 0.8 * plain(*a))
    found = closures(flow_sheet("bypass"))
    assert min(found[n].missed for n in ("COD", "N", "X_I", "X_BH")) > 1e-3
    assert found["S_NH"].missed < 1e-10


def test_solids_that_a_clarifier_swallows_are_missed(monkeypatch):
    monkeypatch.setattr("asm_hybrid.plant.casadi_plant.primary_sludge", lambda plant, X, forcing, xp: (0.0, X[5, :]))
    assert isinstance(flow_sheet("primary_bypass").layout.primary, PrimaryClarifier)
    assert closures(flow_sheet("primary_bypass"))["X_S"].missed > 1e-3


def test_a_settler_whose_solids_change_their_composition_says_what_that_makes():
    assert abs(closures(flow_sheet("bsm1"))["X_I"].recomposed) > 1e-3
    assert closures(flow_sheet("bypass"))["X_I"].recomposed == 0.0


def test_what_a_process_exchanges_with_the_outside_is_told_apart_and_named(tmp_path):
    base = flow_sheet("bsm1", "asm1")
    stripping = next(c for c in candidates_for(base.table) if c.name == "ammonia_stripping")
    table = parse_table(to_yaml(candidate_patch(stripping, 0.5, extends="asm1")), tmp_path / "stripped.yaml")
    found = closures(Plant(table, base.layout))
    assert found["N"].made < -1e-4
    assert max(abs(found[m].made) for m in ("COD", "charge")) < 1e-10
    assert max(c.missed for c in found.values()) < 1e-10
    words = closure_in_words(Plant(table, base.layout), (found["N"], found["COD"]))
    assert "Processes that exchange matter with the outside in the table asm1_ammonia_stripping make -" in words
    assert "Rounded coefficients" not in words
