"""What is simulated: a plant with the influent of a scenario, or a config with its record; and what is said of both."""

from __future__ import annotations

import numpy as np
import pytest
from small_plant import write_case

from asm_hybrid.errors import InputError
from asm_hybrid.report.simulation_page import render_page
from asm_hybrid.scenario.cases import BASE
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.subject import load_subject
from asm_hybrid.terminal import print_plant_scenarios

LOAD = [30, 69.5, 51.2, 202.32, 28.17, 0, 0, 0, 0, 31.56, 6.95, 10.59, 7]


def write(folder, text, name="scenario.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def influent(folder, *, step=1 / 96, days=1, last=(18446,), unit=1.0, alkalinity=7):
    time = np.arange(0, days, step)[:, None] * unit
    rows = np.hstack([time, np.tile([*LOAD[:-1], alkalinity, *last], (len(time), 1))])
    write(folder, "\n".join("\t".join(f"{v:.8g}" for v in row) for row in rows), "in.txt")


def page_and_console(result, folder, capsys):
    """Return the notes of the page and what the console shows, each in one line."""
    print_plant_scenarios(result, folder)
    page = render_page(result, {"kpi": {}, "effluent_more": {}})
    notes = page[page.index('id="notes"') : page.index('id="files"')]
    return (" ".join(text.split()) for text in (notes, capsys.readouterr().out))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"last": (211.27, 15.0)}, "the mean flow is 15 m3/d, and the influent of the plant has 500 m3/d"),
        ({"last": (18446.0, 15.0)}, "TSS is 1.845e+04"),
        ({"unit": 24.0, "days": 2}, "steps are longer than 15 min"),
        ({"step": 1 / 24}, "steps are longer than 15 min"),
        ({"alkalinity": 280}, "influent.S_ALK is 280 mol/m3"),
    ],
)
def test_what_the_reader_finds_in_an_influent_is_printed_and_noted(tmp_path, capsys, made, words):
    influent(tmp_path, **made)
    result = simulate_plant("cstr", write(tmp_path, "influent: {file: in.txt}\ndays: 0.5\n"))
    assert any(words in finding.message for finding in result.findings)
    for text in page_and_console(result, tmp_path, capsys):
        assert words in text
        assert "in.txt" in text


def test_a_simulation_that_fails_says_what_was_found_before(tmp_path):
    influent(tmp_path, last=(211.27, 15.0))
    with pytest.raises(InputError, match=r"found before: warning: .*in\.txt, column Q_in: the mean flow is 15 m3/d"):
        simulate_plant("bsm1", write(tmp_path, "influent: {file: in.txt}\ndays: 0.5\n"))


@pytest.mark.parametrize(("days", "simulated"), [(2, 2.0), (1.75, 1.0), (0.5, 0.5)])
def test_an_influent_is_simulated_to_the_end_of_its_last_whole_day(tmp_path, days, simulated):
    influent(tmp_path, days=days)
    result = simulate_plant("cstr", write(tmp_path, "influent: {file: in.txt}\n"))
    assert result.cases[0].record.times[-1] == pytest.approx(simulated, abs=1 / 95)


@pytest.mark.parametrize(
    ("made", "words"), [({"unit": 86400.0, "days": 3}, "the last at 2"), ({"days": 1 / 96}, "has 1 row, ")]
)
def test_an_influent_of_no_length_or_without_end_is_refused(tmp_path, made, words):
    influent(tmp_path, **made)
    with pytest.raises(InputError) as caught:
        simulate_plant("cstr", write(tmp_path, "influent: {file: in.txt}\n"))
    assert words in str(caught.value)
    assert "times in days" in str(caught.value)


def test_water_that_an_influent_lacks_is_said_with_its_file(tmp_path):
    influent(tmp_path, last=(50,))
    with pytest.raises(InputError, match=r"mle, with the file in\.txt: .*backwards"):
        simulate_plant("mle", write(tmp_path, "influent: {file: in.txt}\n"))


def test_a_change_to_what_is_unusual_is_warned_of(tmp_path, capsys):
    changes = "[{input: T, set: 1}, {input: tank.kla, set: 5000, start: 3 h}, {input: influent.S_ALK, shift: 1}]"
    result = simulate_plant("cstr", write(tmp_path, f"days: 0.25\nchanges: {changes}\n"))
    base, changed = result.cases
    assert base.warnings == ()
    assert [text.split(",")[0] for text in changed.warnings] == ["T is 1 degC", "tank.kla is 5000 1/d"]
    for shown in page_and_console(result, tmp_path, capsys):
        assert "tank.kla is 5000 1/d, outside what is usual" in shown


def test_a_value_that_is_set_is_told_with_one_unit(tmp_path):
    values = {"3": "3 mol/m3", '"4"': "4 mol/m3", "3 mol/m3": "3 mol/m3", "61 mg HCO3/L": "61 mg HCO3/L"}
    changes = ", ".join(f"{{input: influent.S_ALK, set: {value}}}" for value in values)
    result = simulate_plant("cstr", write(tmp_path, f"days: 0.1\nchanges: [{changes}]\n"))
    assert result.cases[1].changes == tuple(f"influent.S_ALK = {told}" for told in values.values())


def test_a_plain_influent_and_a_plain_plant_have_no_finding(tmp_path):
    influent(tmp_path)
    assert simulate_plant("bsm1", write(tmp_path, "influent: {file: in.txt}\ndays: 0.5\n")).findings == ()


def test_a_value_outside_its_range_is_printed_and_noted(tmp_path, capsys):
    text = "name: mine\nextends: cstr\nmodel: {parameters: {mu_A: 30}}\nplant: {temperature: 1 degC}\n"
    result = simulate_plant(write(tmp_path, text, "mine.yaml"), write(tmp_path, "days: 0.25\n"))
    assert [finding.kind for finding in result.findings] == ["parameter", "constant"]
    for shown in page_and_console(result, tmp_path, capsys):
        assert "mu_A is 30 1/d" in shown
        assert "0.2 to 1.5 1/d" in shown
        assert "T is 1 degC" in shown
        assert "mine.yaml:3" in shown


@pytest.mark.parametrize("text", ["influent: {file: in.txt}\n", "days: 1\n", "days: 1\nchanges: []\nscenarios: {}\n"])
def test_a_scenario_without_a_change_simulates_the_base_case_alone(tmp_path, text):
    influent(tmp_path, days=1.1)
    (case,) = simulate_plant("bsm1", write(tmp_path, text)).cases
    assert (case.name, case.changes) == (BASE, ())
    assert case.record.times[-1] == 1.0


def test_a_scenario_of_several_has_changes_in_each(tmp_path):
    with pytest.raises(InputError, match="'cold' has no change"):
        simulate_plant("cstr", write(tmp_path, "days: 1\nscenarios: {cold: []}\n"))


@pytest.mark.parametrize(
    ("made", "expected"),
    [("{temperature: 14}", 14.0), ("{start_day: 200}", 20.0), ("{temperature: 9, start_day: 30}", 9.0)],
)
def test_the_temperature_that_is_written_is_simulated(tmp_path, made, expected):
    """Without one it is that of the plant, 20 degC."""
    result = simulate_plant("cstr", write(tmp_path, f"days: 2\nscore_from: 1\ninfluent: {{generate: {made}}}\n"))
    assert result.cases[0].record.columns["T"][:-1].mean() == pytest.approx(expected, abs=1e-6)
    assert f"water of {expected:.1f} °C" in result.influent


def test_an_influent_that_cannot_be_made_names_its_place(tmp_path):
    text = "days: 2\ninfluent: {generate: {temperature: 0.2}}\n"
    with pytest.raises(InputError, match=r"scenario\.yaml:2 \(influent\.generate\).*falls to"):
        simulate_plant("cstr", write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("days: 100000000\n", "(days)"),
        ("days: 1\nspin_up: 100000000\n", "(spin_up)"),
        ("days: 1\ninfluent: {generate: {start_day: 1000}}\n", "(influent.generate.start_day)"),
        ("days: 1\ninfluent: {generate: {random_rain: {interval: 1 s}}}\n", "(influent.generate.random_rain.interval)"),
    ],
)
def test_lengths_that_exhaust_memory_are_refused(tmp_path, text, place):
    with pytest.raises(InputError) as caught:
        simulate_plant("cstr", write(tmp_path, text))
    assert place in str(caught.value)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return write_case(tmp_path_factory.mktemp("config"))


def test_a_config_is_simulated_over_its_record(config):
    result = simulate_plant(config)
    record, data = result.cases[0].record, load_subject(config).record
    assert result.influent == "the record of the config, 2024-03-04 00:00 to 2024-03-09 00:00 UTC"
    assert record.times[-1] == pytest.approx(5.0, rel=1e-12)
    for name in ("Q_in", "aerobic.S_O", "influent.S_NH"):
        expected = np.interp(record.times, data.frame["time"], data.frame[name])
        np.testing.assert_allclose(record.columns[name], expected, rtol=1e-9, err_msg=name)
    assert np.ptp(record.columns["effluent.S_NH"]) > 0.1
    assert "nothing is calibrated or learnt" in render_page(result, {"kpi": {}, "effluent_more": {}})


HELD = """\
days: 2
score_from: 0.5
factors: {energy_price: 0.2}
scenarios:
  imposed: [{input: aerobic.S_O, set: 1.5}]
  controlled:
    control:
      oxygen: {measure: aerobic.S_O, move: aerobic.kla, setpoint: 1.5, gain: 300, integral_time: 10 min, offset: 60,
        high: 500}
"""


def test_oxygen_that_is_imposed_takes_the_air_that_a_controller_would_give(config, tmp_path):
    """The kLa that holds an imposed oxygen is that by which a controller holds it, and so is the energy."""
    result = simulate_plant(config, write(tmp_path, HELD))
    base, imposed, controlled = result.cases
    late = imposed.record.times > 0.5
    np.testing.assert_allclose(controlled.record.columns["aerobic.S_O"][late], 1.5, atol=0.02)
    kla = [case.record.columns["aerobic.kla"][late] for case in (imposed, controlled)]
    assert kla[0].min() > 10.0
    assert np.ptp(kla[0]) > 20.0
    np.testing.assert_allclose(kla[1], kla[0], rtol=0.02)
    energies = [{i.name: i.value for i in case.indicators} for case in (imposed, controlled, base)]
    for name in ("aeration energy", "mixing energy", "OCI", "energy total", "cost energy"):
        assert energies[1][name] == pytest.approx(energies[0][name], rel=0.01), name
    assert energies[0]["energy total"] == pytest.approx(
        sum(energies[0][f"{name} energy"] for name in ("aeration", "pumping", "mixing"))
    )
    assert energies[2]["aeration energy"] != pytest.approx(energies[0]["aeration energy"], rel=0.001)
    assert controlled.changes == (
        "controller oxygen: aerobic.S_O at 1.5 by aerobic.kla",
        "aerobic.S_O is no longer imposed",
    )
    assert "oxygen of aerobic is imposed" in render_page(result, {"kpi": {}, "effluent_more": {}})


def test_changes_of_a_config_are_written_in_days(config, tmp_path):
    text = "days: 2\nscenarios: {wet: [{input: Q_in, scale: 2, start: 1, end: 1.5}]}\n"
    base, wet = (case.record for case in simulate_plant(config, write(tmp_path, text)).cases)
    ratio = wet.columns["Q_in"] / base.columns["Q_in"]
    np.testing.assert_allclose(ratio, np.where((base.times >= 1) & (base.times < 1.5), 2.0, 1.0), rtol=1e-9)
    assert np.abs(wet.columns["effluent.S_NH"] - base.columns["effluent.S_NH"])[base.times > 1.25].max() > 0.01


@pytest.mark.parametrize(
    ("text", "words"),
    [("days: 6\n", ["(days)", "at most 5 d"]), ("influent: {generate: {}}\n", ["(influent)", "constants for all"])],
)
def test_what_a_config_cannot_give_is_refused(config, tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        simulate_plant(config, write(tmp_path, text))
    assert all(word in str(caught.value) for word in words)


def test_a_config_whose_data_have_an_error_is_refused(config, tmp_path):
    text = config.read_text().replace("plant.csv", "other.csv")
    with pytest.raises(InputError, match=r"other\.csv"):
        simulate_plant(write(tmp_path, text, "config.yaml"))
