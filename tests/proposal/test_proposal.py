"""What is told of a column, what is asked, and what is never guessed."""

import numpy as np
import pandas as pd
import pytest
from export_files import workbook

import asm_hybrid as ah
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.series import read_sources

PLANT = {
    "name": "case",
    "plant": {
        "temperature": 15,
        "tanks": {"anoxic": {"volume": 1000}, "aerobic_1": {"volume": 1000}, "aerobic_2": {"volume": 1000}},
        "influent": {
            "to": "anoxic",
            "flow": 8000,
            "composition": {
                **{"S_I": 30, "S_S": 70, "X_I": 50, "X_S": 200, "X_BH": 28, "X_BA": 0, "X_P": 0, "S_O": 0, "S_NO": 0},
                **{"S_NH": 30, "S_ND": 7, "X_ND": 10, "S_ALK": 7, "S_N2": 0},
            },
        },
        "recycles": {"internal": {"from": "aerobic_2", "to": "anoxic", "flow": 16000}},
        "return_sludge": {"to": "anoxic", "flow": 8000},
        "wastage": {"flow": 150},
    },
}
TIMES = pd.date_range("2023-02-20", periods=400, freq="h")
WAVE = np.sin(np.arange(400) / 7)


def table(tmp_path, columns, times=None, name="plant.csv", separator=";", form="%Y-%m-%d %H:%M", stamp="time"):
    times = TIMES if times is None else times
    rows = [separator.join([stamp, *columns])]
    for k, time in enumerate(times):
        rows.append(separator.join([time.strftime(form), *(str(values[k]) for values in columns.values())]))
    path = tmp_path / name
    path.write_text("\n".join([*rows, ""]), encoding="utf-8")
    return path


def about(found, header):
    return next(c for t in found.tables for c in t.columns if c.header == header)


def wave(mean, swing):
    return np.round(mean + swing * WAVE, 3)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("NH4-N aerobic 2 (mg/l)", "aerobic_2.S_NH"),
        ("Nitrifikation 1 NO3-N [mg/l]", "aerobic_1.S_NO"),
        ("缺氧池硝态氮 mg/L", "anoxic.S_NO"),
        ("Ablauf NH4-N mg/l", "effluent.S_NH"),
        ("Entrée NH4 (mg N/L)", "influent.S_NH"),
        ("Rücklaufschlamm (m³/h)", "return_sludge"),
        ("Vazão de recirculação interna [m3/h]", "recycle.internal"),
        ("Spuislib m3/d", "wastage"),
        ("Caudal afluente (L/s)", "Q_in"),
        ("Temperatuur [°C]", "T"),
        ("aerobic_1 MLSS g/L", "aerobic_1.TSS"),
    ],
)
def test_a_header_that_is_clear_is_placed(tmp_path, header, target):
    mean = {"g/L": 3.5, "°C": 15.0, "m3/d": 150.0}.get(header.split()[-1].strip("[]()"), 30.0)
    found = ah.propose_data(table(tmp_path, {header: wave(mean, 0.1 * mean)}), PLANT, zone="UTC")
    assert about(found, header).target == target
    assert not found.questions


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("NH4 aerobic (mg/l)", "which tank is it|where does the sensor stand"),
        ("NH4_2 (mg/l)", "where does the sensor stand"),
        ("DO_2 (mg/l)", "which tank is it"),
        ("Q (m3/h)", "which flow is it"),
        ("NH4 and NO3 effluent (mg/l)", "names ammonium and nitrate"),
        ("Primary effluent NH4 (mg/l)", "where does the sensor stand"),
        ("AIT-4501 (mg/l)", "nothing is known"),
    ],
)
def test_a_header_that_is_not_clear_is_asked_about_by_name(tmp_path, header, words):
    found = ah.propose_data(table(tmp_path, {header: wave(5, 1)}), PLANT, zone="UTC")
    (question,) = found.questions
    assert any(part in question.text for part in words.split("|"))
    assert header in question.option
    assert not about(found, header).target


@pytest.mark.parametrize(
    ("header", "mean", "words"),
    [
        ("NH4 effluent (mg/l)", 3000, "doubtful for ammonium"),
        ("Temperature (°C)", 59, "doubtful for temperature"),
        ("MLSS aerobic_2 (mg/l)", 3.5, "doubtful for TSS"),
        ("Influent flow", 330, "no unit"),
        ("MLSS aerobic_2", 3.5, "no unit"),
    ],
)
def test_a_unit_that_is_missing_or_does_not_fit_is_asked_for(tmp_path, header, mean, words):
    path = table(tmp_path, {header: wave(mean, 0.1 * mean)})
    (question,) = ah.propose_data(path, PLANT, zone="UTC").questions
    assert words in question.text
    unit = {"NH4": "ug/L", "Tem": "degF", "MLS": "g/L", "Inf": "m3/h"}[header[:3]]
    found = ah.propose_data(path, PLANT, zone="UTC", units={header: unit})
    assert not found.questions
    assert about(found, header).unit == unit


def test_oxygen_in_percent_is_not_used(tmp_path):
    found = ah.propose_data(table(tmp_path, {"DO aerobic_2 (%)": wave(60, 5)}), PLANT, zone="UTC")
    assert about(found, "DO aerobic_2 (%)").reason.startswith("in %, which is no unit of aerobic_2.S_O")
    assert not found.questions


def test_a_set_point_is_no_measurement(tmp_path):
    found = ah.propose_data(table(tmp_path, {"DO setpoint aerobic_2 (mg/l)": wave(2, 0.1)}), PLANT, zone="UTC")
    assert "set point" in about(found, "DO setpoint aerobic_2 (mg/l)").reason


def test_a_sum_of_the_influent_needs_a_fractionation(tmp_path):
    found = ah.propose_data(table(tmp_path, {"COD influent (mg/l)": wave(400, 50)}), PLANT, zone="UTC")
    assert "fractionation" in about(found, "COD influent (mg/l)").reason
    assert "# COD influent (mg/l): a measured sum" in found.yaml


def test_what_columns_give_is_taken_out_of_the_plant(tmp_path):
    columns = {"Influent flow (m3/d)": wave(8000, 900), "Temp °C": wave(15, 1), "NH4 effluent (mg/l)": wave(3, 1)}
    found = ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC")
    assert [str(change) for change in found.changes] == ["remove plant.influent.flow", "remove plant.temperature"]
    out = found.write(tmp_path / "config.yaml")
    config = load_config(out)
    assert build_layout(config, load_kinetics(config))
    assert found.refused == ()
    with pytest.raises(ah.InputError, match="is there already"):
        found.write(out)


def test_an_answer_that_fits_nothing_is_refused(tmp_path):
    path = table(tmp_path, {"NH4_2 (mg/l)": wave(5, 1)})
    with pytest.raises(ah.InputError, match="no tank 'aerobic_3'"):
        ah.propose_data(path, PLANT, zone="UTC", names={"NH4_2 (mg/l)": "aerobic_3.S_NH"})
    with pytest.raises(ah.InputError, match="no name of the model: those are Q_in"):
        ah.propose_data(path, PLANT, zone="UTC", names={"NH4_2 (mg/l)": "ammonium"})
    with pytest.raises(ah.InputError, match="kla belongs to a tank"):
        ah.propose_data(path, PLANT, zone="UTC", names={"NH4_2 (mg/l)": "effluent.kla"})
    with pytest.raises(ah.InputError, match="no file has it"):
        ah.propose_data(path, PLANT, zone="UTC", names={"NH4_3": "aerobic_2.S_NH"})
    with pytest.raises(ah.InputError, match="cannot be used"):
        ah.propose_data(path, PLANT, zone="CET")
    with pytest.raises(ah.InputError, match=r"the unit 'kg/d'"):
        ah.propose_data(
            path, PLANT, zone="UTC", names={"NH4_2 (mg/l)": "aerobic_2.S_NH"}, units={"NH4_2 (mg/l)": "kg/d"}
        )


def test_two_columns_for_one_input_are_asked_about(tmp_path):
    columns = {"Temp inlet (°C)": wave(15, 1), "Temp tank (°C)": wave(16, 1)}
    found = ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC")
    assert "2 columns stand for T" in found.questions[0].text
    again = ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC", names={"Temp inlet (°C)": "ignored"})
    assert not again.questions


def test_files_one_after_another_are_told(tmp_path):
    columns = {"Influent flow (m3/h)": wave(300, 30)}
    first = table(tmp_path, columns, name="feb.csv")
    second = table(tmp_path, columns, TIMES + pd.Timedelta(days=30), name="mar.csv")
    (question,) = ah.propose_data([second, first], PLANT, zone="UTC").questions
    assert "one after another" in question.text


@pytest.mark.parametrize(
    ("zone", "times", "words"),
    [
        ("Europe/Berlin", pd.date_range("2023-03-20", periods=400, freq="h", tz="Europe/Berlin"), "is missing"),
        ("Europe/Berlin", pd.date_range("2023-10-20", periods=400, freq="h", tz="Europe/Berlin"), "stands twice"),
    ],
)
def test_summer_time_in_the_stamps_is_told_and_the_zone_asked_for(tmp_path, zone, times, words):
    path = table(tmp_path, {"Influent flow (m3/h)": wave(300, 30)}, times.tz_localize(None))
    found = ah.propose_data(path)
    assert any(words in note and "follows summer time" in note for note in found.tables[0].clock.notes)
    assert [q.kind for q in found.questions] == ["zone"]


def test_the_order_of_day_and_month_follows_from_the_days_or_from_their_order(tmp_path):
    days = pd.date_range("2023-02-01", periods=12, freq="D").repeat(24) + pd.to_timedelta(
        list(range(24)) * 12, unit="h"
    )
    columns = {"Influent flow (m3/h)": wave(300, 30)}
    for form, day_first in (("%d/%m/%Y %H:%M", True), ("%m/%d/%Y %H:%M", False)):
        found = ah.propose_data(table(tmp_path, columns, days, form=form), zone="UTC")
        assert found.tables[0].clock.section["format"] == form
        assert "time goes back and forth" in found.tables[0].clock.notes[0]
        single = table(tmp_path, columns, days[:24], form=form)
        assert "day and month cannot be told apart" in ah.propose_data(single, zone="UTC").questions[0].text
        answered = ah.propose_data(single, zone="UTC", day_first=day_first)
        assert answered.tables[0].clock.section["format"] == form


def test_elapsed_time_needs_its_origin(tmp_path):
    path = tmp_path / "plant.csv"
    rows = [f"{k / 96:.6f},{300 + 30 * WAVE[k]:.1f}" for k in range(400)]
    path.write_text("\n".join(["time [d],Influent flow (m3/h)", *rows, ""]))
    assert "--origin" in ah.propose_data(path, zone="UTC").questions[0].option
    found = ah.propose_data(path, zone="UTC", origin="2023-02-20 00:00")
    assert not found.questions
    assert found.tables[0].clock.section == {
        **{"column": "time [d]", "unit": "d", "origin": "2023-02-20 00:00", "zone": "UTC"}
    }


def test_values_that_a_status_does_not_call_good_are_left_out(tmp_path):
    status = ["GOOD"] * 400
    status[50:60] = ["BAD"] * 10
    columns = {"NH4 effluent (mg/l)": wave(3, 1), "Quality": status}
    found = ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC")
    assert about(found, "NH4 effluent (mg/l)").exclude == (("2023-02-22 02:00:00", "2023-02-22 11:00:00"),)
    config = load_config(found.config())
    kinetics = load_kinetics(config)
    ((source,), _) = read_sources(config, kinetics, build_layout(config, kinetics))
    assert np.flatnonzero(np.isnan(source.series[0].values)).tolist() == list(range(50, 60))


@pytest.mark.parametrize(("place", "asked"), [("effluent", False), ("influent", True)])
def test_limits_are_told_and_cannot_drive_the_plant(tmp_path, place, asked):
    header, cells = f"NH4 {place} (mg/l)", [str(v) for v in wave(30, 1)]
    cells[3:5] = ["<0.5"] * 2
    found = ah.propose_data(table(tmp_path, {header: cells}), PLANT, zone="UTC")
    assert bool(found.questions) is asked
    assert bool(about(found, header).target) is not asked
    assert ("'<' or '>' in 2 cells: beyond that limit" in about(found, header).notes) is not asked
    if asked:
        assert found.questions[0].text.startswith("2 cells tell a limit")


def test_the_newest_row_may_come_first(tmp_path):
    columns = {"NH4 effluent (mg/l)": wave(3, 1)}
    found = ah.propose_data(table(tmp_path, columns, TIMES[::-1], form="%d/%m/%Y %H:%M"), PLANT, zone="UTC")
    assert "the newest row comes first" in found.tables[0].clock.notes
    assert found.refused == ()


def test_what_the_check_would_refuse_is_told(tmp_path):
    values = [str(v) for v in wave(3, 1)]
    values[7] = "1e9"
    found = ah.propose_data(table(tmp_path, {"NH4 effluent (mg/l)": values}), PLANT, zone="UTC")
    assert "no concentration can be" in found.refused[0]
    assert "asm-hybrid check would refuse it" in found.text


def test_line_breaks_in_headers_are_spaces(tmp_path):
    rows = [["Date", "NH4-N\naerobic_2\n(mg/l)"], *([t, float(v)] for t, v in zip(TIMES, wave(3, 1), strict=True))]
    found = ah.propose_data(workbook(tmp_path / "plant.xlsx", {"S": rows}), PLANT, zone="UTC")
    assert found.tables[0].columns[0].target == "aerobic_2.S_NH"
    assert found.refused == ()


def test_a_config_without_data_is_a_plant(tmp_path):
    path = tmp_path / "draft.yaml"
    path.write_text(
        "name: draft\nmodel: {mode: hybrid, calibrate: [mu_A]}\nplant:\n  tanks: {reactor: {volume: 1000, kla: 100}}\n"
        "  influent: {to: reactor, flow: 500}\ntraining: {warmup: 1 h}\n"
    )
    found = ah.propose_data(table(tmp_path, {"DO (mg/l)": wave(2, 0.2)}), str(path), zone="UTC")
    assert about(found, "DO (mg/l)").target == "reactor.S_O"
    assert about(found, "DO (mg/l)").role == "observation"
    path.write_text("name: draft\n")
    with pytest.raises(ah.InputError, match="no section 'plant'"):
        ah.propose_data(tmp_path / "plant.csv", str(path))


def test_without_a_plant_streams_are_told_and_tanks_asked_for(tmp_path):
    columns = {"Influent flow (m3/h)": wave(300, 30), "DO tank 2 (mg/l)": wave(2, 0.1)}
    found = ah.propose_data(table(tmp_path, columns), zone="UTC")
    assert about(found, "Influent flow (m3/h)").target == "Q_in"
    assert "TANK.S_O" in found.questions[0].text


@pytest.mark.parametrize(
    ("header", "factor", "unit"),
    [
        ("Q in 1000 m3/d", 8.0, "1000 m3/d"),
        ("Q in, ×10³ m³/d", 8.0, "10^3 m3/d"),
        ("进水量(万m³/d)", 0.8, "10^4 m3/d"),
        ("Inlet flow (MLD)", 8.0, "MLD"),
    ],
)
def test_a_power_of_ten_before_a_unit_is_a_part_of_it(tmp_path, header, factor, unit):
    path = table(tmp_path, {header: factor * (1 + 0.2 * WAVE), "Ablauf NH4-N mg/l": wave(3, 1)})
    found = ah.propose_data(path, PLANT, zone="UTC")
    assert (about(found, header).target, about(found, header).unit) == ("Q_in", unit)
    config = load_config(found.config())
    kinetics = load_kinetics(config)
    (source,), _ = read_sources(config, kinetics, build_layout(config, kinetics))
    (flow,) = [s.values for s in source.series if s.target == "Q_in"]
    assert np.allclose(flow, 8000 * (1 + 0.2 * WAVE))


@pytest.mark.parametrize(
    ("header", "mean"),
    [
        ("Inlet flow thousand m3/d", 8.0),
        ("Inlet flow (m3/d) /1000", 8.0),
        ("Inlet flow imperial gpm", 1200.0),
        ("aerobic 2 NH4-N (mg/l) x10", 25.0),
        ("aerobic 2 NH4-N µmol/100ml", 25.0),
        ("Inlet flow (m3/15min)", 80.0),
    ],
)
def test_a_unit_that_is_not_known_is_never_taken_for_a_usual_one(tmp_path, header, mean):
    found = ah.propose_data(table(tmp_path, {header: mean + WAVE}), PLANT, zone="UTC")
    assert about(found, header).target == ""
    assert "which unit" in about(found, header).question.text


@pytest.mark.parametrize(("unit", "mean"), [("m3/d", 8.0), ("Mm3/d", 0.008), ("m3/s", 8000.0)])
def test_a_flow_that_does_not_fit_the_tanks_is_doubted(tmp_path, unit, mean):
    header = f"Q in ({unit})"
    found = ah.propose_data(table(tmp_path, {header: mean * (1 + 0.2 * WAVE)}), PLANT, zone="UTC")
    assert "doubtful" in about(found, header).question.text


def test_a_pump_that_rests_most_of_the_time_is_not_doubted(tmp_path):
    values = np.where(np.arange(400) % 4, 0, 8000)
    assert about(ah.propose_data(table(tmp_path, {"Q in (m3/d)": values}), PLANT), "Q in (m3/d)").target == "Q_in"


def test_of_lowest_highest_and_mean_values_the_mean_is_used(tmp_path):
    names = [f"aerobic 2 NH4-N {word} (mg/l)" for word in ("min", "Maximum", "avg", "15 min")]
    found = ah.propose_data(table(tmp_path, dict.fromkeys(names, wave(3, 1))), PLANT, zone="UTC")
    assert [about(found, name).target for name in names] == ["", "", "aerobic_2.S_NH", "aerobic_2.S_NH"]
    assert "lowest" in about(found, names[0]).reason
    assert "2 columns stand for aerobic_2.S_NH" in found.text


@pytest.mark.parametrize(
    ("cells", "decimal", "asks"),
    [
        (["8.123", "7.950", "912"], ".", True),
        (["8,123", "7,950", "9,120"], ",", True),
        (["8.123", "7.950", "1912"], ".", False),
        (["8.123", "7.95", "9.1"], ".", False),
        (["1.234.567", "8.123", "912"], ",", False),
        (["2.345", "312.450", "1.150"], ".", False),
    ],
)
def test_a_point_before_three_digits_is_asked_about_where_nothing_tells_what_it_parts(tmp_path, cells, decimal, asks):
    path = table(tmp_path, {"Q in (m3/h)": [cells[k % 3] for k in range(400)]})
    found = ah.propose_data(path, zone="UTC")
    assert any("--decimal" in q.option for q in found.questions) == asks
    assert found.tables[0].options.get("decimal", ".") == decimal
    assert not any("--decimal" in q.option for q in ah.propose_data(path, zone="UTC", decimal=",").questions)


def test_a_second_table_beside_the_first_is_asked_about(tmp_path):
    days = [str(TIMES[0] + pd.Timedelta(days=k))[:16] if k < 20 else "" for k in range(400)]
    columns = {"Q in (m3/d)": 8000 + 500 * WAVE, "sampled": days, "Ablauf NH4-N mg/l": wave(3, 1)}
    (question,) = ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC").questions
    assert question.about == "sampled"
    assert not ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC", names={"sampled": "ignored"}).questions
    columns["sampled"] = [str(t - pd.Timedelta(hours=1 + (k > 99)))[:16] for k, t in enumerate(TIMES)]
    assert not ah.propose_data(table(tmp_path, columns), PLANT, zone="UTC").questions


def test_cells_merged_upwards_name_their_column(tmp_path):
    rows = [["time", "Q in (m3/d)", "Ablauf", ""], ["", "", "NH4-N (mg/l)", "NO3-N (mg/l)"]]
    rows += [[t, 8000 + k, 3.0 + k % 5, 9.0] for k, t in enumerate(TIMES)]
    found = ah.propose_data(workbook(tmp_path / "merged.xlsx", {"a": rows}), PLANT, zone="UTC")
    assert found.tables[0].clock.section["column"] == "time"
    assert {c.target for c in found.tables[0].columns} == {"Q_in", "effluent.S_NH", "effluent.S_NO"}


def test_lines_above_the_header_may_be_wider_than_it(tmp_path):
    path = table(tmp_path, {"Q in (m3/d)": 8000 + 500 * WAVE})
    path.write_text("Report;of;a;plant;;\n" + path.read_text())
    assert about(ah.propose_data(path, PLANT), "Q in (m3/d)").target == "Q_in"


def test_a_tag_whose_unit_changes_is_asked_about_and_others_keep_theirs(tmp_path):
    tags = {"Inlet flow": ("m3/h", "l/s"), "Effluent NH4": ("mg NH4/l",), "Effluent NO3-N": ("mg/l", "ug/l")}
    columns = {"Tag": [], "Units": [], "Value": []}
    for k in range(400):
        for tag, units in tags.items():
            columns["Tag"].append(tag)
            columns["Units"].append(units[k // 200 if len(units) > 1 else 0])
            columns["Value"].append(333 if "flow" in tag else 5)
    found = ah.propose_data(table(tmp_path, columns, times=TIMES.repeat(3)), PLANT, zone="UTC")
    assert (about(found, "Effluent NH4").target, about(found, "Effluent NH4").unit) == ("effluent.S_NH", "mg NH4/l")
    for tag in ("Inlet flow", "Effluent NO3-N"):
        assert "which unit" in about(found, tag).question.text
    assert "mg/l and ug/l" in about(found, "Effluent NO3-N").question.text
