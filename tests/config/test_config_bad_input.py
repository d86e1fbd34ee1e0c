"""Every mistake ends in one message: file and line, what was found, what was expected, the likely fix."""

import pytest

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import InputError


def failure(case, deep=False):
    def attempt():
        config = case.load()
        if deep:
            build_layout(config, load_kinetics(config))

    with pytest.raises(InputError) as caught:
        attempt()
    assert caught.value.exit_code == 2
    return caught.value


SHALLOW = [
    # what is replaced; by what; words of the message; text on the line named, if not the last of the change
    ("  hidden: [8]", "  hiden: [8]", ["unknown key 'hiden'", "did you mean 'hidden'?"]),
    ("  warmup: 6 h", "  placement: rates", ["unknown key 'placement'", "belongs under network"]),
    ("name: case", "name: case\ntrainig: {}", ["unknown key 'trainig'", "'training'"]),
    (
        "{volume: 1500}",
        "{volum: 1500}",
        ["key 'volume' is missing", "Liquid volume", "unknown key 'volum'"],
        "aerobic: {",
    ),
    ("{volume: 1500}", "{volume: -1500}", ["-1500", "above 0"]),
    ("{volume: 1500}", "{volume: -1500 m3}", ["-1500 m3", "above 0"]),
    ("{volume: 1500}", "{volume: 1500 kg}", ["kg", "m3"]),
    ("{volume: 1500}", "{volume: big}", ["big"]),
    ("{volume: 1500}", "{volume: }", ["None", "a number in m3"]),
    ("{volume: 1500}", "{volume: true}", ["True", "a number in m3"]),
    ("  hidden: [8]", "  hidden: 8", ["value is 8", "a list", "[8]"]),
    ("  hidden: [8]", "  hidden: [8.5]", ["8.5", "a whole number"]),
    ("  hidden: [8]", "  activation: tahn", ["tahn", "one of", "did you mean 'tanh'?"]),
    ("  warmup: 6 h", '  learning_rate: "1e-3"', ["'1e-3'", "a number", "without quotes: 1e-3"]),
    ("  warmup: 6 h", "  warmup: 6 m3", ["m3"]),
    ("  warmup: 6 h", "  batch: 0", ["value is 0", "above 0"]),
    ("  warmup: 6 h", "  seeds: []", ["at least 1"]),
    ("name: case", "name: a/b", ["'a/b'", "letters, digits"]),
    ("name: case", "name: 3", ["value is 3", "text", "'3'"]),
    ("[mu_A]", "[mu_A, mu_A]", ["listed twice"]),
    ("[mu_A]", "{mu_A: [1.5, 0.3]}", ["[1.5, 0.3]", "lower below upper"]),
    ("zone: UTC", "zone: Europe/Tilburg", ["Europe/Tilburg", "Europe/Amsterdam"]),
    ('format: "%Y-%m-%d %H:%M"', "format: mixed", ["mixed", "%Y-%m-%d", "March and April"]),
    ('format: "%Y-%m-%d %H:%M"', "unit: d", ["lacks 'origin'", "origin: '2021-05-05 11:57:00'"], "time: {"),
    (", noise: 0.3", "", ["no 'noise'", "noise: 0.3"], "NH4: {"),
    (", noise: 0.3", ", noise: 0", ["value is 0", "above 0"]),
    ("as: Q_in, unit: m3/h", "as: Q_in", ["no 'unit'", "unit: m3/h"]),
    ("as: Q_in, unit: m3/h", "as: Q_in, unit: m3/h, noise: 1", ["a 'noise'", "remove 'noise'"]),
    (", noise: 0.3", ", noise: 0.3, range: [9, 1]", ["[9", "lower below upper"]),
    (", noise: 0.3", ", noise: 0.3, range: [9]", ["too short"]),
    ("role: imposed", "role: impose", ["'impose'", "did you mean 'imposed'"]),
    ("  interval: 1 h", "  interval: 0", ["value is 0", "above 0"]),
    ("  interval: 1 h", "  blocks: {train: [0, 1.5]}", ["1.5", "share of the record from 0 to 1"]),
    ("  interval: 1 h", "  blocks: {train: [0, 2021-13-01]}", ["2021-13-01", "'2021-06-01'"]),
    ("  hidden: [8]", "  components: [S_O]", ["'components'", "placement: state"], "network:"),
    ("  hidden: [8]", "  parameters: [mu_A]", ["'parameters'", "set placement: parameters"], "network:"),
    (
        "  hidden: [8]",
        "  placement: output\n  processes: [growth]",
        ["'processes'", "the placement 'output'"],
        "network:",
    ),
    ("  hidden: [8]", "  placement: parameters", ["has no 'parameters'", "add parameters: [mu_A"], "network:"),
    ("  hidden: [8]", "  placement: parameters\n  parameters: []", ["at least 1"]),
    ("  hidden: [8]", "  placement: parametres", ["'parametres'", "did you mean 'parameters'"]),
    ("  hidden: [8]", "  placement: [rates, rates]", ["'rates' is listed twice"]),
    ("  hidden: [8]", "  placement: [[rates]]", ["['rates'] is not known"]),
    ("  hidden: [8]", "  type: [mlp]", ["type of network is ['mlp']"]),
    ("  hidden: [8]", "  placement: []", ["one of rates, state, parameters, forcing, output"]),
    ("  hidden: [8]", "  influent: [S_NH]", ["'influent'", "set placement: forcing"], "network:"),
    ("  hidden: [8]", "  inputs: {forcing: [T]}", ["inputs for 'forcing'", "inputs for 'rates'"], "network:"),
    ("  hidden: [8]", "  inputs: T", ["inputs are 'T'", "a list of names"]),
]


def check(case, row, deep):
    old, new, words, at = (*row, row[1].split("\n")[-1])[:4]
    error = failure(case.replace(old, new), deep)
    for word in words:
        assert word in str(error)
    assert str(error).startswith(f"{case.path}:{case.line(at)} (")
    assert error.expected or error.fix


def ids(rows):
    return [new.strip() or f"without {old.strip()}" for old, new, *_ in rows]


@pytest.mark.parametrize("row", SHALLOW, ids=ids(SHALLOW))
def test_config_that_does_not_fit_the_schema(case, row):
    check(case, row, deep=False)


DEEP = [
    ("kinetics: asm1", "kinetics: asm11", ["asm11", "asm1"]),
    ("kinetics: asm1", "kinetics: mine/asm.yaml", ["mine/asm.yaml: the file does not exist"]),
    ("[mu_A]", "[mu_a]", ["'mu_a' is not a parameter of asm1", "'mu_A'"]),
    ("[mu_A]", "[mu_A]\n  parameters: {mu_B: 1}", ["'mu_B' is not a parameter"]),
    ("[mu_A]", "[mu_A]\n  parameters: {mu_A: 0.8 g/m3}", ["g/m3"]),
    ("[mu_A]", "[mu_A]\n  parameters: {mu_A: 99}", ["starts at 99", "outside its bounds"], "calibrate"),
    ("to: anoxic, flow: 100 m3/h", "to: anoxc, flow: 100 m3/h", ["'anoxc' is not a tank", "'anoxic'"]),
    ("from: aerobic", "from: settler", ["'settler' is not a tank", "aerobic"]),
    ("to: anoxic, flow: 2000", "to: nowhere, flow: 2000", ["'nowhere' is not a tank"]),
    ("to: anoxic\n", "to: front\n", ["'front' is not a tank"], "to: front"),
    ("S_ALK: 7", "S_AKL: 7", ["'S_AKL' is not a component of asm1", "'S_ALK'"]),
    ("S_ALK: 7", "S_ALK: 7 m3/d", ["m3/d"]),
    (" S_ALK: 7, S_N2: 0}", " S_N2: 0}", ["influent.S_ALK", "composition: {S_ALK: 0}"], "composition"),
    ("  temperature: 15 degC\n", "", ["gives T", "plant.temperature"], "plant:"),
    (", flow: 100 m3/h", "", ["gives recycle.internal", "plant.recycles.internal"], "internal:"),
    ("as: Q_in", "as: Q_inn", ["'Q_inn' is not an input", "Q_in"]),
    ("as: influent.S_NH", "as: influent.S_NX", ["'influent.S_NX' is not an input", "influent.S_N"]),
    ("as: influent.S_NH", "as: Q_in", ["Q_in is given twice", "'flow'", "'NH4_in'"], "NH4_in"),
    (
        "as: influent.S_NH",
        "as: influent.S_I",
        ["influent.S_I is given twice", "column or a constant"],
        "S_I: 30",
    ),
    ("as: aerobic.S_O", "as: aerobic", ["'aerobic'", "TANK.COMPONENT"]),
    ("as: aerobic.S_O", "as: tank.S_O", ["'tank' is not a tank"]),
    ("as: aerobic.S_O", "as: aerobic.S_OO", ["'S_OO' is not a component", "S_O"]),
    ("role: imposed", "role: input", ["'aerobic.S_O' is not an input", "'imposed'"], "as: aerobic.S_O"),
    ("as: aerobic.S_NH", "as: aerobic.S_PO4", ["'S_PO4' is not a component or composite of asm1"]),
    ("as: aerobic.S_NH", "as: influent.S_NH", ["influent.S_NH is observed", "role: input"], "NH4: {"),
    ("as: aerobic.S_NH", "as: clarifier.S_NH", ["'clarifier' is not a tank of this plant, or effluent"]),
    ("as: aerobic.S_NH", "as: aerobic.S_O", ["observed, and imposed"], "NH4: {"),
    ("unit: mg N/L, noise", "unit: degC, noise", ["NH4", "degC"]),
    ("unit: mg N/L, noise", "unit: mg COD/L, noise", ["NH4", "COD"]),
    ("unit: m3/h}", "unit: m3/hour2}", ["m3/hour2"]),
    ("{volume: 1500}", "{volume: 1500, kla: 120}", ["imposed S_O and aeration"], "tanks:"),
    ("hidden: [8]", "inputs: [S_NHX]", ["'S_NHX' is not a component of asm1, T, Q_in"]),
    ("hidden: [8]", "processes: [growth]", ["'growth' is not a process of asm1"]),
    ("hidden: [8]", "inputs: [air]", ["'air' is not", "no tank has kla or air"]),
    ("hidden: [8]", "inputs: [load.S_XX]", ["'load.S_XX'", "did you mean 'load.S_"]),
    ("hidden: [8]", "placement: forcing\n  inputs: [S_NH]", ["'S_NH' is not T, Q_in, load.X", "no tank"]),
    ("hidden: [8]", "placement: forcing\n  inputs: [air]", ["'air' is not T, Q_in, load.X"]),
    ("as: influent.S_NH", "as: anoxic.air", ["'anoxic.air' is not an input", "impose its oxygen"]),
    ("hidden: [8]", "placement: forcing\n  influent: [S_XX]", ["'S_XX' is not a component"]),
    ("hidden: [8]", "placement: state\n  components: [S_XX]", ["'S_XX' is not a component"]),
    ("hidden: [8]", "placement: parameters\n  parameters: [mu_a]", ["'mu_a' is not a parameter of asm1", "'mu_A'"]),
    ("hidden: [8]", "placement: parameters\n  parameters: [mu_A, Y_A]", ["'Y_A' sets the stoichiometry", "mu_A, K_NH"]),
    ("hidden: [8]", "placement: parameters\n  parameters: [mu_A, mu_A]", ["'mu_A' is listed twice"]),
    ("hidden: [8]", "processes: [hydrolysis_organics, hydrolysis_organics]", ["'hydrolysis_organics' is listed twice"]),
    ("hidden: [8]", "placement: state\n  components: [S_NH, S_NH]", ["'S_NH' is listed twice"]),
    ("hidden: [8]", "placement: forcing\n  inputs: [T]\n  influent: [S_NH, S_NH]", ["'S_NH' is listed twice"]),
]


@pytest.mark.parametrize("row", DEEP, ids=ids(DEEP))
def test_names_and_units_that_the_model_lacks(case, row):
    check(case, row, deep=True)


def test_no_observation(case):
    case.replace("NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.3}", "NH4: {role: ignored}")
    error = failure(case, deep=True)
    assert "no column has the role 'observation'" in str(error)
    assert "role: observation" in error.fix


def test_several_mistakes_are_told_at_once_in_order_of_the_file(case):
    error = failure(case.replace("{volume: 1500}", "{volume: -1}").replace("hidden: [8]", "hiden: [8]"))
    assert str(error).startswith(f"{case.path}:{case.line('{volume: -1}')} (plant.tanks.aerobic.volume)")
    assert f"also wrong: {case.path}:{case.line('hiden')} (network.hiden): unknown key 'hiden'" in error.fix


def test_yaml_that_is_too_large(case, tmp_path):
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# " + b"x" * 10_000_000)
    with pytest.raises(InputError, match="too large"):
        load_config(path)


def test_key_given_twice(case):
    error = failure(case.replace("  warmup: 6 h", "  warmup: 6 h\n  warmup: 7 h"))
    assert "'warmup' is given twice" in str(error)
    assert f"{case.path}:{case.line('warmup: 7 h')}" in str(error)


def test_alias_bomb(case):
    bomb = "a: &a [1, 1, 1]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]"
    error = failure(case.replace("name: case", f"name: case\n{bomb}"))
    assert "anchor" in str(error)
    assert f"{case.path}:2" in str(error)


def test_config_that_does_not_exist(tmp_path):
    (tmp_path / "plant.yaml").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"does not exist[\s\S]*'plant.yaml'"):
        load_config(tmp_path / "plnt.yaml")
