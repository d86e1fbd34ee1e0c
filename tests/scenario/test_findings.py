"""What a simulated plant says of itself: water, volumes, concentrations below zero, balances, what is left out."""

import numpy as np
import pytest

from asm_hybrid.checking import check
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.report.simulation_figures import draw_all
from asm_hybrid.report.simulation_page import render_page
from asm_hybrid.scenario.negative import negative_targets
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.summary import indicator_table


def plant_file(folder, text):
    path = folder / "plant.yaml"
    path.write_text(text)
    return path


def case(folder, text, scenario=None):
    """Return the base case of a plant."""
    if scenario:
        (folder / "scenario.yaml").write_text(scenario)
    result = simulate_plant(plant_file(folder, text), folder / "scenario.yaml" if scenario else None)
    return result, result.cases[0], {i.name: i.value for i in result.cases[0].indicators}


DAY = "days: 1\nchanges: [{input: T, shift: 0}]\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "name: a\nextends: cstr\nplant: {settler: {type: ideal}}\n",
            ["nothing is drawn from the settler", "no way out"],
        ),
        (
            "name: a\nextends: cstr\nplant: {settler: {type: takacs, area: 100, height: 4}}\n",
            ["nothing is drawn from the settler"],
        ),
        (
            "name: a\nextends: mle\nplant: {wastage: {from: aerobic_1, flow: 5000 m3/d}}\n",
            ["effluent", "backwards", "'settler'"],
        ),
        (
            "name: a\nextends: bsm1_closed\nplant: {return_sludge: {flow: 0}, wastage: {from: tank_5}}\n",
            ["nothing is drawn"],
        ),
    ],
)
def test_water_that_cannot_flow_is_refused_before_anything_is_simulated(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        simulate_plant(plant_file(tmp_path, text), progress=lambda what, _: pytest.fail(what))
    assert all(word in str(caught.value) for word in words)


def influent(folder, rows):
    """Write an influent file of one day: BSM1's mean sewage, with flows by sample."""
    sewage = "30 69.5 51.2 202.32 28.17 0 0 0 0 31.56 6.95 10.59 7"
    (folder / "in.txt").write_text("".join(f"{k / 96:.6f} {sewage} {q}\n" for k, q in enumerate(rows)))


def test_an_influent_that_fails_for_hours_is_refused_with_the_times(tmp_path):
    influent(tmp_path, [18446.0] * 48 + [0.0] * 12 + [18446.0] * 37)
    (tmp_path / "s.yaml").write_text("influent: {file: in.txt}\nchanges: [{input: T, shift: 0}]\n")
    with pytest.raises(InputError) as caught:
        simulate_plant("bsm1", tmp_path / "s.yaml")
    for words in ("drawn from 'settler'", "backwards", "12 % of the time", "from 0.5 to 0.625 d"):
        assert words in str(caught.value)


def test_a_change_without_which_all_is_well_is_blamed(tmp_path):
    text = "days: 1\nchanges:\n  - {input: T, shift: 1}\n  - {input: return_sludge, set: 60000, start: 6 h}\n"
    (tmp_path / "s.yaml").write_text(text)
    plant = "name: a\nextends: mle\nplant: {recycles: {back: {from: anoxic, to: aerobic_2, flow: 100}}}\n"
    (tmp_path / "s.yaml").write_text(text.replace("return_sludge, set", "recycle.internal, set"))
    simulate_plant(plant_file(tmp_path, plant), tmp_path / "s.yaml")
    (tmp_path / "s.yaml").write_text(text.replace("return_sludge, set: 60000", "wastage, set: 6000"))
    with pytest.raises(InputError) as caught:
        simulate_plant(plant_file(tmp_path, plant), tmp_path / "s.yaml")
    assert "s.yaml:4 (changes.1.input)" in str(caught.value)
    assert "at day 0.25" in str(caught.value)


N_POOR = "name: poor\nextends: mle\nplant: {influent: {composition: {S_NH: 3, S_ND: 0.5, X_ND: 1}}}\n"


def test_concentrations_below_zero_are_warned_of_and_give_no_index(tmp_path):
    result, base, values = case(tmp_path, N_POOR, DAY)
    (warning,) = [w for w in base.warnings if w.startswith("S_NH")]
    least = min(base.record.columns[f"{t}.S_NH"].min() for t in result.plant.layout.tank_names)
    assert least < -0.1
    assert f"down to {least:.4g} g N/m3" in warning
    assert "at all times" in warning
    assert "settler" in warning
    assert not {"EQI", "EQI original"} & set(values)
    assert {"IQI", "OCI", "effluent.NH4 mean"} <= set(values)
    assert any(text.startswith("EQI is left out") and "TKN" in text for text in base.left_out)
    page = render_page(result, {"kpi": {}, "effluent_more": {}})
    notes = page[page.index('id="notes"') :]
    assert "Warning: " in notes
    assert "S_NH is below zero" in notes
    assert "EQI is left out" in notes


def test_an_index_that_one_case_lacks_is_empty_there(tmp_path):
    text = "days: 1\nscenarios: {rich: [{input: influent.S_NH, set: 25}]}\nscore_from: 18 h\n"
    result, _, _ = case(tmp_path, N_POOR, text)
    table = indicator_table(result.cases).set_index("indicator")
    assert "effluent.NH4 mean" in table.index
    assert ("EQI" in table.index) == any("EQI" in {i.name for i in c.indicators} for c in result.cases)


def test_a_plant_without_fault_has_nothing_to_be_warned_of(tmp_path):
    _, base, values = case(tmp_path, "name: a\nextends: mle\n", DAY)
    assert base.warnings == base.left_out == ()
    assert "EQI" in values
    assert "balances of COD, N, charge and of every component close" in base.balance


def test_volumes_are_recorded_and_a_cycle_that_does_not_close_is_told(tmp_path):
    text = """\
name: fills
extends: sbr
plant:
  wastage: {flow: 0}
  cycles:
    sbr:
      phases:
        - {name: fill, duration: 2 h, set: {Q_in: 120 m3/h}}
        - {name: aerate, duration: 3 h, set: {reactor.kla: 150}}
        - {name: draw, duration: 1 h, set: {reactor.decant: 60 m3/h}}
"""
    result, base, values = case(tmp_path, text, "days: 3\nchanges: [{input: T, shift: 0}]\n")
    volume = base.record.columns["reactor.volume"]
    assert base.record.units["reactor.volume"] == "m3"
    assert volume[0] == 1000.0
    assert volume[-1] == pytest.approx(1000 + 12 * 180, rel=1e-6)
    assert any("'reactor'" in w and "240 m3 come in and 60 m3 leave" in w for w in base.warnings)
    window = result.window(base)
    np.testing.assert_allclose(window.tanks[0].volume, volume[:-1])
    held = volume * base.record.columns["reactor.TSS"]
    np.testing.assert_allclose(window.inventory, held[:-1])
    mixed = np.where(base.record.columns["reactor.kla"] < 20, volume, 0.0)[:-1].mean()
    assert values["mixing energy"] == pytest.approx(24 * 0.005 * mixed)


def test_a_batch_reactor_that_runs_empty_is_refused(tmp_path):
    text = (
        "name: dry\nextends: sbr\nplant: {cycles: {sbr: {phases: [{duration: 2 h, set: {reactor.decant: 900 m3/h}}]}}, "
    )
    text += "influent: {flow: 10}, wastage: {flow: 0}}\n"
    with pytest.raises(InputError, match="the tank 'reactor' runs empty"):
        simulate_plant(plant_file(tmp_path, text))


def test_primary_sludge_is_counted_and_shown_apart(tmp_path):
    plain = case(tmp_path, "name: a\nextends: bsm1\n", DAY)[2]
    result, base, values = case(tmp_path, "name: a\nextends: bsm1\nplant: {primary: {volume: 900 m3}}\n", DAY)
    columns, share = base.record.columns, 0.007
    flow, solids = columns["primary_sludge.flow"][:-1], columns["primary_sludge.TSS"][:-1]
    np.testing.assert_allclose(flow, share * columns["Q_in"][:-1])
    treated = (columns["primary.TSS"] - share * columns["primary_sludge.TSS"]) / (1 - share)
    assert (treated < 0.6 * columns["primary.TSS"]).all()
    assert values["primary sludge"] == pytest.approx((flow * solids).mean() / 1000)
    assert values["primary sludge"] > 1000
    assert values["sludge production"] == pytest.approx(values["primary sludge"] + values["secondary sludge"])
    extra = values["pumping energy"] - plain["pumping energy"]
    assert extra == pytest.approx(0.075 * share * 18446.0)
    energies = sum(values[f"{name} energy"] for name in ("aeration", "pumping", "mixing"))
    assert values["OCI"] == pytest.approx(energies + 5 * values["sludge production"])
    assert "primary sludge" not in plain
    assert result.cases[0].warnings == ()


TABLE = "name: mine\nextends: asm1\ntitle: A variant\n"


@pytest.mark.parametrize("lacking", ["BOD5", "COD", "TKN", "TSS", "TN"])
def test_a_table_without_a_composite_is_simulated_and_what_it_lacks_is_named(tmp_path, lacking):
    (tmp_path / "mine.yaml").write_text(TABLE + f"composites: {{{lacking}: null}}\n")
    text = "name: a\nextends: cstr\nmodel: {kinetics: ./mine.yaml}\n"
    prices = "factors: {energy_price: 0.2, sludge_price: 300, charges: {TN: 2}, sludge_co2e: 0.1}\n"
    _, base, values = case(tmp_path, text, DAY + prices)
    assert any(lacking in said for said in base.left_out)
    assert not any(name.startswith(f"effluent.{lacking}") for name in values)
    assert ("EQI" in values) == (lacking == "TN")
    assert ("OCI" in values) == (lacking != "TSS")
    assert ("cost sludge" in values) == (lacking != "TSS")
    assert ("CO2e N2O" in values) == (lacking != "TN")
    assert {"aeration energy", "effluent.NH4 mean"} <= set(values)


def test_a_table_without_the_parameter_of_bod_has_none_of_the_influent(tmp_path):
    change = (
        "parameters: {f_BOD: null}\ncomposites: {BOD5: {weights: {S_S: 0.25, X_S: 0.25, X_BH: null, X_BA: null}}}\n"
    )
    (tmp_path / "mine.yaml").write_text(TABLE + change)
    _, base, values = case(tmp_path, "name: a\nextends: cstr\nmodel: {kinetics: ./mine.yaml}\n", DAY)
    assert "influent.BOD5 mean" not in values
    assert {"EQI", "effluent.BOD5 mean"} <= set(values)
    assert any("f_BOD" in said for said in base.left_out)


def test_a_plant_without_a_steady_state_says_what_piles_up(tmp_path):
    text = "name: a\nextends: mle\nplant: {wastage: {flow: 0}, settler: null}\n"
    text = text.replace("settler: null", "settler: {area: null, height: null, type: ideal, non_settleable: 0}")
    with pytest.raises(SimulationError) as caught:
        simulate_plant(plant_file(tmp_path, text))
    assert "no steady state" in str(caught.value)
    assert "X_I piles up" in str(caught.value)
    assert "{" not in str(caught.value)


MLE = "name: a\nextends: mle\nplant: {control: {oxygen: {%s}}}\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("setpoint: 30 mg/L", ["and should be 30", "upper limit of 48000 m3/d in 100 %"]),
        ("gain: -20000", ["and should be 1.5", "lower limit of 2400 m3/d in 100 %", "sign"]),
        ("high: 120 m3/h", ["and should be 1.5", "upper limit of 2880 m3/d"]),
    ],
)
def test_a_controller_that_stays_at_its_limit_off_its_set_point_is_told(tmp_path, change, words):
    _, base, _ = case(tmp_path, MLE % change, DAY)
    (warning,) = [text for text in base.warnings if "does not reach its set point" in text]
    assert all(word in warning for word in ["'oxygen'", "aerobic_2.S_O", *words])


@pytest.mark.parametrize(("on", "off", "told"), [(1.0, 3.0, False), (3.0, 1.0, True)])
def test_an_on_off_controller_on_the_wrong_side_is_told(tmp_path, on, off, told):
    loop = f"{{type: on_off, measure: tank.S_O, move: tank.kla, on: 240, switch_on: {on}, switch_off: {off}}}"
    text = f"name: a\nextends: cstr\nplant: {{tanks: {{tank: {{kla: null}}}}, control: {{air: {loop}}}}}\n"
    _, base, _ = case(tmp_path, text, DAY)
    assert any("'air' does not switch" in text and "tank.kla stays at" in text for text in base.warnings) == told


def test_an_on_off_controller_that_never_comes_to_its_switch_is_told_which(tmp_path):
    loop = "{type: on_off, measure: tank.S_NH, move: tank.kla, on: 240, switch_on: 1, switch_off: 0}"
    text = f"name: a\nextends: cstr\nplant: {{tanks: {{tank: {{kla: null}}}}, control: {{air: {loop}}}}}\n"
    _, base, _ = case(tmp_path, text, DAY)
    (warning,) = [text for text in base.warnings if "does not switch" in text]
    assert "does not come to switch_off, 0, while tank.kla stays at 240 1/d" in warning


def test_a_plant_from_which_no_water_flows_has_no_effluent_to_judge(tmp_path):
    phases = "[{duration: 1 h, set: {Q_in: 12 m3/h, wastage: 12 m3/h, reactor.decant: 0}}, {duration: 23 h}]"
    text = f"name: a\nextends: sbr\nplant: {{cycles: {{sbr: {{phases: {phases}}}}}}}\n"
    _, base, values = case(tmp_path, text, DAY)
    assert any("EQI" in said and "no water flows" in said for said in base.left_out)
    assert values["effluent flow"] == 0.0
    assert not any(name.startswith(("effluent.", "EQI")) for name in values)
    assert {"IQI", "sludge production", "influent.COD mean"} <= set(values)


def test_recorded_quantities_below_zero_are_told_over_all_members():
    values = np.ones((2, 10, 2))
    values[1, :3, 0] = -0.5
    values[:, :, 1] = -1e-9
    found = negative_targets(["effluent.S_NH", "effluent.TN"], values, ["g N/m3", "g N/m3"])
    assert found == ("effluent.S_NH is below zero in 15 % of the time, down to -0.5 g N/m3",)


CAUSTIC = """\
name: caustic
model: {kinetics: asm1_2n_ph}
plant:
  temperature: 15 degC
  tanks: {reactor: {volume: 1000 m3, air: {flow: 40000, sote: 0.25}}}
  influent:
    to: reactor
    flow: 1000 m3/d
    composition: {S_I: 30, S_S: 70, X_I: 50, X_S: 200, X_BH: 28, X_BA1: 0, X_BA2: 0, X_P: 0, S_O: 0, S_NO3: 0, S_NO2: 0,
      S_NO1: 0, S_N2O: 0, S_N2: 0, S_NH: 30, S_ND: 7, X_ND: 10, S_ALK: 7, S_IC: 0}
  settler: {type: none}
"""


def test_an_influent_without_carbonate_is_named(tmp_path):
    said = "the charges of the influent balance at pH "
    result, base, _ = case(tmp_path, CAUSTIC, DAY)
    drawn = draw_all(result)["effluent_more"]["effluent_more.svg"]
    assert b"effluent.pH" in drawn
    assert b"offgas.S_N2O" in drawn
    assert [w for w in base.warnings if w.startswith(said) and "give S_IC to the influent" in w]
    found = check(plant_file(tmp_path, CAUSTIC)).findings["message"]
    assert found.str.startswith(said).sum() == 1
    whole = CAUSTIC.replace("S_IC: 0", "S_IC: 91")
    assert not [w for w in case(tmp_path, whole, DAY)[1].warnings if w.startswith(said)]
