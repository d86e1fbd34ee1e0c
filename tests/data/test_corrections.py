"""Corrections of a record: what they change, in which units, and which of them are refused or told."""

import numpy as np
import pytest

from asm_hybrid.config import build_layout, corrected_config, load_config, load_kinetics
from asm_hybrid.data.corrections import CORRECTION, Corrections, build_corrections, input_groups
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table

FLOWS = """  return_sludge: {to: anoxic, flow: 4000}
  wastage: {flow: 200}
  recycles: {internal: {from: aerobic, to: anoxic, flow: 9000}}"""
HOUR = 1 / 24


@pytest.fixture
def recorded(record):
    """A record whose recycle, return and waste sludge are constants of the layout."""
    return record.replace("  settler: {type: none}", FLOWS)


def corrected(record, section):
    """Return the dataset without and with a section ``corrections``."""
    before = record.read()
    record.text += f"corrections: {section}\n"
    return before, record.read()


def column(dataset, name):
    return dataset.inputs[:, dataset.input_names.index(name)]


def doubts(dataset):
    return [f for f in dataset.quality if f.kind == CORRECTION]


def test_factors_act_on_columns_constants_and_groups(recorded):
    section = "{factors: {wastage: 1.75, internal: 0.5, Q_in: 1.02, influent.COD: 0.9, influent.solids: 1.2}}"
    before, after = corrected(recorded, section)
    factors = {"wastage": 1.75, "recycle.internal": 0.5, "Q_in": 1.02, "influent.S_S": 0.9, "influent.S_I": 0.9}
    factors |= {f"influent.{name}": 0.9 * 1.2 for name in ("X_I", "X_S", "X_BH")} | {"influent.X_ND": 1.2}
    for name in before.input_names:
        np.testing.assert_allclose(column(after, name), factors.get(name, 1.0) * column(before, name), rtol=1e-14)
    assert (after.observations[0].values == before.observations[0].values).all()
    assert not doubts(after)


def test_a_recycle_has_its_name_or_that_of_the_input(recorded):
    before, after = corrected(recorded, "{factors: {recycle.internal: 0.5}}")
    assert (column(after, "recycle.internal") == 0.5 * column(before, "recycle.internal")).all()


@pytest.mark.parametrize(
    ("name", "organic", "nitrogen", "solids"),
    [
        ("asm1", "S_I S_S X_I X_S X_BH X_BA X_P", "S_NH S_ND X_ND", "X_I X_S X_BH X_BA X_P X_ND"),
        (
            "asm2d",
            "S_F S_A S_I X_I X_S X_H X_PAO X_PHA X_AUT",
            "S_NH4",
            "X_I X_S X_H X_PAO X_PP X_PHA X_AUT X_MeOH X_MeP",
        ),
        ("asm3", "S_I S_S X_I X_S X_H X_STO X_A", "S_NH4", "X_I X_S X_H X_STO X_A"),
    ],
)
def test_groups_follow_from_the_composition_of_the_table(name, organic, nitrogen, solids):
    groups = {"influent.COD": organic, "influent.N": nitrogen, "influent.solids": solids}
    assert input_groups(load_table(name)) == {key: tuple(text.split()) for key, text in groups.items()}


def test_a_table_without_materials_has_no_groups():
    assert input_groups(load_table("lotka_volterra")) == {}


@pytest.mark.parametrize("hours", [2, -2])
def test_a_shift_moves_all_concentrations_and_holds_the_ends(recorded, hours):
    before, after = corrected(recorded, f"{{shifts: {{influent: {hours} h}}}}")
    was, now = column(before, "influent.S_NH"), column(after, "influent.S_NH")
    moved = 2 * abs(hours)  # knots of 30 min
    late, early = (now, was) if hours > 0 else (was, now)
    np.testing.assert_allclose(late[moved:], early[:-moved], rtol=1e-12)
    held = slice(None, moved) if hours > 0 else slice(-moved, None)
    np.testing.assert_allclose(now[held], was[0 if hours > 0 else -1], rtol=1e-12)
    i = after.input_names.index("influent.S_NH")
    unknown = np.zeros(len(now), dtype=bool)
    unknown[held] = True
    assert (after.input_filled[:, i] == unknown).all()
    assert (column(after, "Q_in") == column(before, "Q_in")).all()


def test_a_shift_by_a_part_of_a_knot_lies_on_the_line_between_two(recorded):
    before, after = corrected(recorded, "{shifts: {Q_in: 10 min}}")
    was, now = column(before, "Q_in"), column(after, "Q_in")
    np.testing.assert_allclose(now[1:], (2 * was[1:] + was[:-1]) / 3, rtol=1e-12)
    assert (column(after, "influent.S_NH") == column(before, "influent.S_NH")).all()


def test_a_delay_of_the_influent_is_a_shift_and_adds_to_one(recorded):
    before, after = corrected(recorded, "{shifts: {influent: 2 h}}")
    recorded.text = recorded.text.replace("influent: 2 h", "influent: 1 h")
    delayed = recorded.replace("    to: anoxic\n    composition", "    to: anoxic\n    delay: 60 min\n    composition")
    found = delayed.read()
    np.testing.assert_allclose(found.inputs, after.inputs, rtol=1e-12)
    assert not (column(found, "influent.S_NH") == column(before, "influent.S_NH")).all()


def test_a_delay_of_the_influent_is_not_learnt_by_this_key(recorded):
    recorded.replace("    to: anoxic\n    composition", "    to: anoxic\n    delay: learn\n    composition")
    with pytest.raises(InputError, match=r"influent\.delay") as caught:
        recorded.config()
    assert "--accept" in str(caught.value)


def test_a_held_input_is_shifted_by_whole_samples():
    values = np.array([1.0, 5.0, 2.0, 7.0])
    found = Corrections(shifts={"Q_in": 1.5 * HOUR}).course("Q_in", values, HOUR, "previous")
    assert found.tolist() == [1.0, 1.0, 1.0, 5.0]


def test_an_offset_of_imposed_oxygen_is_clipped_at_zero(recorded):
    before, after = corrected(recorded, "{offsets: {aerobic.S_O: -0.7 mg/L}}")
    np.testing.assert_allclose(column(after, "aerobic.S_O"), np.maximum(column(before, "aerobic.S_O") - 0.7, 0.0))
    (doubt,) = doubts(after)
    assert "leaves aerobic.S_O at zero in" in doubt.message
    assert f"case.yaml:{recorded.line('corrections:')} (corrections.offsets.aerobic.S_O)" in doubt.file


def test_an_offset_of_the_temperature_is_a_difference(recorded):
    before, after = corrected(recorded, "{offsets: {T: -1.8 degF}}")
    np.testing.assert_allclose(column(after, "T"), column(before, "T") - 1.0)


def test_offset_and_drift_of_a_sensor_move_its_limits_too(recorded):
    recorded.replace("noise: 0.3}", "noise: 0.3, detection_limit: 2.5, sample: {composite: 4 h}}")
    before, after = corrected(recorded, "{offsets: {NH4: 0.5 mg/L}, drifts: {NH4: 0.7 mg/L/week}}")
    (was,), (now,) = before.observations, after.observations
    np.testing.assert_allclose(now.values, was.values + 0.5 + 0.1 * (was.times - 2 * HOUR))
    assert (was.censored == 1).any()
    assert (now.censored == was.censored).all()
    limit = now.censored == 1
    low = now.error(now.values - 1.0)
    assert (low[limit] == 0.0).all()
    assert low[~limit] == pytest.approx(-1.0)


def test_a_drift_goes_on_in_later_data(recorded):
    (one,) = recorded.read().observations
    (later,) = Corrections(drifts={"NH4": 0.1}).observed([one], elapsed=30.0)
    np.testing.assert_allclose(later.values, one.values + 0.1 * (one.times + 30.0))


def test_an_empty_section_changes_nothing(recorded):
    before, after = corrected(recorded, "{}")
    assert np.array_equal(before.inputs, after.inputs)
    assert Corrections().driven(before.inputs, (), 1.0) is before.inputs


@pytest.mark.parametrize(
    ("section", "key", "found", "help"),
    [
        ("factors: {wastge: 2}", "factors.wastge", "'wastge'", "wastage"),
        ("factors: {influent.TSS: 2}", "factors.influent.TSS", "'influent.TSS'", "influent.solids"),
        ("factors: {T: 2}", "factors.T", "'T'", "write it under offsets"),
        ("factors: {NH4: 2}", "factors.NH4", "'NH4'", "offsets or drifts"),
        ("factors: {wastage: 0}", "factors.wastage", "0", "above 0"),
        ("shifts: {wastage: 2 h}", "shifts.wastage", "'wastage'", "influent or Q_in"),
        ("shifts: {influent: 2 m}", "shifts.influent", "unit m", "converts to d"),
        ("offsets: {aerobc.S_O: 1}", "offsets.aerobc.S_O", "'aerobc.S_O'", "aerobic.S_O"),
        ("offsets: {anoxic.S_O: 1}", "offsets.anoxic.S_O", "'anoxic.S_O'", "NH4"),
        ("offsets: {NH4: 1 mg COD/L}", "offsets.NH4", "mg COD/L", "g N/m3"),
        ("drifts: {NH3: 1}", "drifts.NH3", "'NH3'", "NH4"),
        ("drifts: {NH4: 1 mg/L}", "drifts.NH4", "mg/L", "g N/m3/d"),
    ],
)
def test_what_cannot_be_corrected_is_named_with_its_line(recorded, section, key, found, help):
    recorded.text += f"corrections:\n  {section}\n"
    with pytest.raises(InputError) as caught:
        recorded.read()
    text = str(caught.value)
    assert found in caught.value.found
    assert f"case.yaml:{recorded.line(section)} (corrections.{key})" in text
    assert help in text


def test_what_a_controller_or_a_cycle_gives_is_no_record(recorded):
    recorded.replace(
        "  wastage: {flow: 200}\n",
        "  wastage: {}\n  cycles: {daily: {phases: [{duration: 12 h, "
        "set: {wastage: 100}}, {duration: 12 h, set: {wastage: 0}}]}}\n",
    )
    recorded.text += "corrections: {factors: {wastage: 2}}\n"
    with pytest.raises(InputError, match=r"wastage is given by the cycle 'daily'"):
        recorded.read()


def test_a_header_that_is_an_input_too_is_refused(recorded):
    recorded.replace("        NH4: {role", "        wastage: {role")
    recorded.frame = recorded.frame.rename(columns={"NH4": "wastage"})
    recorded.text += "corrections: {offsets: {wastage: 1}}\n"
    with pytest.raises(InputError, match="rename the column"):
        recorded.read()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("factors: {wastage: 17.5}", "the factor of wastage is 17.5"),
        ("factors: {wastage: 0.1}", "the factor of wastage is 0.1"),
        ("shifts: {influent: 2 d}", "influent is shifted by 48 h"),
        ("offsets: {NH4: 50 mg/L}", "the correction of NH4 exceeds all that is recorded"),
        ("offsets: {NH4: -2.5 mg/L}", "% of the values of NH4 are below zero"),
        ("drifts: {NH4: -1 mg/L/d}", "% of the values of NH4 are below zero"),
        ("offsets: {aerobic.S_O: 30 mg/L}", "the offset of aerobic.S_O exceeds all that is recorded"),
        ("offsets: {T: 40}", "T is 55 degC, outside what is usual"),
    ],
)
def test_corrections_that_no_fault_explains_are_warnings(recorded, section, message):
    recorded.text += f"corrections: {{{section}}}\n"
    assert any(message in doubt.message for doubt in doubts(recorded.read()))


def test_a_correction_that_lets_water_run_backwards_is_refused(recorded):
    recorded.text += "corrections: {factors: {wastage: 200}}\n"
    with pytest.raises(InputError, match="in 100 % of the time") as caught:
        recorded.read()
    assert "or correct the section corrections" in str(caught.value)


def test_check_lists_what_is_corrected(recorded):
    recorded.text += "corrections: {factors: {wastage: 1.75}, shifts: {influent: 90 min}, offsets: {NH4: -0.5 mg/L}}\n"
    lines = recorded.check().lines
    first = lines.index("corrections of the record: all that follows, and every run, takes it as corrected")
    assert lines[first + 1 : first + 4] == ("  wastage × 1.75", "  influent 1.5 h later", "  NH4 − 0.5 g N/m3")


def test_proposals_are_added_to_what_is_accepted(recorded):
    recorded.text += "corrections: {factors: {wastage: 2}, offsets: {NH4: -0.5 mg/L}}\ndiagnosis: {accept: true}\n"
    proposals = [
        {"section": "factors", "key": "wastage", "value": 0.875, "unit": "-"},
        {"section": "factors", "key": "influent.COD", "value": 0.9, "unit": "1"},
        {"section": "shifts", "key": "influent", "value": 1.5, "unit": "h"},
        {"section": "offsets", "key": "NH4", "value": -1000.0, "unit": "ug N/L"},
        {"section": "drifts", "key": "NH4", "value": -0.06, "unit": "g N/m3/d"},
    ]
    config = recorded.config()
    found = corrected_config(recorded.write(), proposals)
    table = load_kinetics(found)
    values = build_corrections(found, table, build_layout(found, table))
    assert values.factors["wastage"] == 1.75
    assert values.factors["influent.S_S"] == 0.9
    assert values.shifts["influent.S_NH"] == pytest.approx(1.5 * HOUR)
    assert values.offsets == {"NH4": pytest.approx(-1.5)}
    assert values.drifts == {"NH4": pytest.approx(-0.06)}
    assert not found.diagnosis.accept
    kept = recorded.folder / "kept.yaml"
    kept.write_text(found.to_yaml(recorded.folder), encoding="utf-8")
    again = load_config(kept)
    assert again.corrections == found.corrections
    assert build_corrections(again, table, build_layout(again, table)) == values
    assert config == load_config(recorded.folder / "case.yaml")


def test_a_proposal_for_an_unknown_name_is_refused(recorded):
    with pytest.raises(InputError, match="'NH3' is not an input of this plant"):
        corrected_config(recorded.write(), [{"section": "offsets", "key": "NH3", "value": 1.0, "unit": "g N/m3"}])
