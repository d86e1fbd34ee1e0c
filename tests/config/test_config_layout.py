import pytest

from asm_hybrid.config import build_layout, calibration_bounds, load_kinetics, parameter_values
from asm_hybrid.config.builders.names import check_names
from asm_hybrid.errors import InputError
from asm_hybrid.plant import PlantInputs


def layout(case):
    config = case.load()
    return build_layout(config, load_kinetics(config))


def test_layout_of_a_good_config(case):
    found = layout(case)
    assert found.tank_names == ("anoxic", "aerobic")
    assert [t.volume for t in found.tanks] == [1000.0, 1500.0]
    assert found.imposed == (("aerobic", "S_O"),)
    assert found.influent_to == found.return_to == {"anoxic": 1.0}
    assert (found.recycles[0].source, found.recycles[0].target) == ("aerobic", "anoxic")
    assert found.constants["recycle.internal"] == pytest.approx(2400.0, rel=1e-14)
    assert found.constants["influent.S_S"] == 70.0
    assert found.constants["T"] == 15.0
    assert "Q_in" not in found.constants
    assert "aerobic.S_O" not in found.constants


def test_every_input_is_given_by_a_column_or_a_constant(case):
    config = case.load()
    table = load_kinetics(config)
    found = build_layout(config, table)
    assert set(PlantInputs.of(found, table).names) - set(found.constants) == {"Q_in", "influent.S_NH", "aerobic.S_O"}


def test_kla_as_constant_and_as_measured(case):
    case.replace("DO: {role: imposed, as: aerobic.S_O, unit: mg/L}", "KLA: {role: input, as: aerobic.kla, unit: 1/d}")
    case.replace("anoxic: {volume: 1000 m3}", "anoxic: {volume: 1000, kla: 10 1/d}")
    found = layout(case.replace("aerobic: {volume: 1500}", "aerobic: {volume: 1500, kla: measured}"))
    assert [t.aerated for t in found.tanks] == [True, True]
    assert found.constants["anoxic.kla"] == 10.0
    assert "aerobic.kla" not in found.constants


@pytest.mark.parametrize(
    "network",
    [
        "inputs: [S_NH, air]",
        "placement: forcing\n  inputs: [Q_in, air]",
        "inputs: [aerobic.air, influent.S_NH]",
        "placement: forcing\n  inputs: [aerobic.air, aerobic.S_O]",
    ],
)
def test_the_air_flow_of_a_tank_with_imposed_oxygen_is_there_for_n_to_read(case, network):
    case.replace("DO: {", "Q_air: {role: input, as: aerobic.air, unit: m3/h}\n        DO: {")
    config = case.replace("hidden: [8]", network).load()
    table = load_kinetics(config)
    check_names(config, table)
    found = build_layout(config, table)
    assert found.metered == ("aerobic",)
    assert [t.air for t in found.tanks] == [None, None]
    assert "aerobic.air" in PlantInputs.of(found, table).names


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("anoxic: {volume: 1000 m3}", "2.1: {volume: 1000 m3}", "write '2_1'"),
        ("anoxic: {volume: 1000 m3}", '"": {volume: 1000 m3}', "the name is ''"),
        ("internal: {", "aerobic.S_O: {", "write 'aerobic_S_O'"),
        ("internal: {", '"\\u200b": {', "letters, digits"),
    ],
)
def test_names_that_a_target_cannot_hold(case, old, new, words):
    with pytest.raises(InputError, match=words) as error:
        layout(case.replace(old, new))
    assert "case.yaml:" in str(error.value)


def test_composition_takes_units(case):
    found = layout(case.replace("S_ALK: 7,", "S_ALK: 427 mg HCO3/L,"))
    assert found.constants["influent.S_ALK"] == pytest.approx(7.0, rel=1e-12)


def test_a_plant_without_flow_needs_no_composition(case):
    text = case.text
    begin, end = text.index("    composition:"), text.index("  recycles:")
    case.text = text[:begin] + "    flow: 0\n" + text[end:]
    case.replace("        flow: {role: input, as: Q_in, unit: m3/h}\n", "")
    assert layout(case).constants["influent.S_S"] == 0.0


def test_sections_for_sludge_may_be_left_out(case):
    case.replace("  return_sludge: {to: anoxic, flow: 2000}\n  wastage: {flow: 50}\n", "")
    found = layout(case)
    assert found.constants["return_sludge"] == found.constants["wastage"] == 0.0


def test_a_column_gives_the_wastage_of_a_plant_without_the_section(case):
    case.replace("  wastage: {flow: 50}\n", "")
    case.replace("        NH4_in:", "        WAS: {role: input, as: wastage, unit: m3/h}\n        NH4_in:")
    found = layout(case)
    assert "wastage" not in found.constants
    assert found.waste_from == "settler"


def test_a_column_gives_return_sludge_that_goes_nowhere(case):
    case.replace("  return_sludge: {to: anoxic, flow: 2000}\n", "")
    case.replace("        NH4_in:", "        RAS: {role: input, as: return_sludge, unit: m3/h}\n        NH4_in:")
    with pytest.raises(InputError) as caught:
        layout(case)
    for words in ("'RAS' gives return_sludge, and the plant has none", "return_sludge: {to: anoxic}"):
        assert words in str(caught.value)


def test_parameters_and_bounds(case):
    case.replace("calibrate: [mu_A]", "parameters: {mu_A: 0.7}\n  calibrate: {mu_A: [0.3, 1.5], K_NH: table}")
    config = case.load()
    table = load_kinetics(config)
    bounds = calibration_bounds(config, table)
    assert parameter_values(config, table) == {"mu_A": 0.7}
    assert bounds["mu_A"] == (0.3, 1.5)
    k_nh = table.parameters[table.parameter_names.index("K_NH")]
    assert bounds["K_NH"] == tuple(k_nh.bounds)
