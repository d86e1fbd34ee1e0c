"""Scenarios of plants without data: what they give, that they leave the base case alone, and what is refused."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import available_layouts, build_layout, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.cases import BASE
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.result_folder import series_table, write_plant_folder
from asm_hybrid.scenario.summary import IndicatorRow, indicator_groups, indicator_table, main_rows

BSM1 = """\
name: two
days: 2
score_from: 1
limits: {NH4: 1.5, TN: 18}
scenarios:
  more-air: [{input: tank_5.kla, set: 200 1/d, start: 6 h}]
  less-recycle: [{input: recycle.internal, scale: 0.5}, {input: T, shift: -2, start: 1, end: 1.5}]
"""


def write(folder, text):
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bsm1(tmp_path_factory):
    return simulate_plant("bsm1", write(tmp_path_factory.mktemp("plants"), BSM1))


def values(case):
    return {i.name: i.value for i in case.indicators}


def test_a_plant_alone_runs_its_base_case_for_two_weeks():
    seen = []
    result = simulate_plant("cstr", progress=lambda what, share: seen.append((what, share)))
    (case,) = result.cases
    assert (case.name, case.changes) == (BASE, ())
    assert case.record.times[-1] == 14.0
    assert result.residual < 1e-8
    assert np.ptp(case.record.columns["effluent.S_NH"]) < 1e-6
    assert [what for what, _ in seen if what == "scenarios"] == []
    assert seen[-1] == (BASE, 1.0)


def test_the_base_case_does_not_depend_on_the_scenarios(bsm1, tmp_path):
    alone = simulate_plant("bsm1", write(tmp_path, "days: 2\nscenarios: {other: [{input: T, shift: 1}]}\n"))
    assert [c.name for c in bsm1.cases] == [BASE, "more-air", "less-recycle"]
    for name, column in bsm1.cases[0].record.columns.items():
        np.testing.assert_allclose(column, alone.cases[0].record.columns[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_other_processes_give_the_same(bsm1, tmp_path, monkeypatch):
    monkeypatch.setattr("asm_hybrid.scenario.simulation.SERIAL", 0.0)
    other = simulate_plant("bsm1", write(tmp_path, BSM1), workers=2)
    for a, b in zip(bsm1.cases, other.cases, strict=True):
        assert a.indicators == b.indicators


def test_changes_act_from_their_start_and_until_their_end(bsm1):
    base, air, recycle = (case.record for case in bsm1.cases)
    times = base.times
    np.testing.assert_array_equal(air.columns["tank_5.kla"], np.where(times < 0.25, 84.0, 200.0))
    np.testing.assert_array_equal(recycle.columns["T"], np.where((times >= 1) & (times < 1.5), 13.0, 15.0))
    np.testing.assert_allclose(recycle.columns["recycle.internal"], 55338 / 2)
    before = times <= 0.25
    np.testing.assert_allclose(air.columns["effluent.S_NH"][before], base.columns["effluent.S_NH"][before], rtol=1e-6)
    assert air.columns["effluent.S_NH"][-1] < base.columns["effluent.S_NH"][-1]
    assert bsm1.cases[2].changes == ("recycle.internal × 0.5", "T − 2 degC from day 1 until day 1.5")


def test_indicators_are_those_made_by_hand(bsm1):
    case = bsm1.cases[1]
    found, record = values(case), case.record
    counts = (record.times >= 1 - 1e-9) & (record.times < 2 - 1e-9)
    assert counts.sum() == 96
    c = {name: column[counts] for name, column in record.columns.items()}
    flow = c["Q_in"] - c["wastage"]
    np.testing.assert_allclose(c["effluent.flow"], flow)
    np.testing.assert_allclose(found["effluent.NH4 mean"], (flow * c["effluent.S_NH"]).sum() / flow.sum())
    volume = {"tank_3": 1333, "tank_4": 1333, "tank_5": 1333}
    transfer = sum(v * c[f"{t}.kla"] * c["saturation"] for t, v in volume.items()).mean()
    np.testing.assert_allclose(found["aeration energy"], transfer / 1800)
    pumped = 0.004 * c["recycle.internal"] + 0.008 * c["return_sludge"] + 0.05 * c["wastage"]
    np.testing.assert_allclose(found["pumping energy"], pumped.mean())
    np.testing.assert_allclose(found["mixing energy"], 24 * 0.005 * 2000)
    weights = {"TSS": 2, "COD": 1, "TKN": 30, "S_NO": 10, "BOD5": 2}
    quality = sum(w * (flow * c[f"effluent.{q}"]).mean() for q, w in weights.items()) / 1000
    np.testing.assert_allclose(found["EQI"], quality)
    np.testing.assert_allclose(found["effluent.NH4 violation share"], 100 * (c["effluent.S_NH"] > 1.5).mean())
    assert "effluent.COD violation share" not in found


def test_rows_hold_the_difference_to_the_base_case(bsm1):
    row = next(r for r in main_rows(bsm1.cases) if r.name == "pumping energy")
    assert row.changes[0] == 0
    assert row.changes[2] == pytest.approx((row.values[2] - row.values[0]) / row.values[0])
    groups = indicator_groups(bsm1.cases)
    assert sum(map(len, groups.values())) == len(bsm1.cases[0].indicators)
    assert "Other" not in groups
    limits = [r.label for r in main_rows(bsm1.cases) if "violation" in r.name]
    assert limits == ["time with NH4 above 1.5 g N/m3", "time with TN above 18 g N/m3"]


def test_seeds_that_answer_with_both_signs_give_a_range_and_no_median():
    row = IndicatorRow("time", "%", "", (0.69, 0.58), ((0.23, 0.69, 1.27), (0.35, 0.58, 1.51)))
    assert row.disputed(1)
    assert row.change_range(1) == pytest.approx((0.58 / 0.69 - 1, 0.35 / 0.23 - 1))
    agreed = replace(row, members=((0.23, 0.69), (0.35, 0.98)))
    assert not agreed.disputed(1)
    assert replace(row, by_f=(False, True), alone=(1.0, 2.0)).change_range(1) is None


def test_rounding_is_no_sludge_and_no_difference():
    rows = {r.name: r for r in main_rows(simulate_plant("cstr").cases)}
    assert rows["sludge production"].values == (0.0,)
    assert rows["sludge production"].changes == (None,)
    assert "external carbon" not in rows


def test_the_folder_holds_series_indicators_plant_and_scenario(bsm1, tmp_path):
    write_plant_folder(bsm1, tmp_path / "out", {"page.html": b"x"})
    files = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    series = {f"{case.name}/series.csv" for case in bsm1.cases}
    assert files == series | {"indicators.csv", "plant.yaml", "scenario.yaml", "page.html"}
    read = pd.read_csv(tmp_path / "out" / "more-air" / "series.csv")
    pd.testing.assert_frame_equal(read, series_table(bsm1, bsm1.cases[1]), rtol=1e-6, check_dtype=False)
    assert {"time [d]", "tank_5.kla [1/d]", "effluent.S_NH [g N/m3]"} <= set(read)
    table = pd.read_csv(tmp_path / "out" / "indicators.csv", index_col="indicator")
    assert list(table) == ["unit", "description", BASE, "more-air", "less-recycle"]
    np.testing.assert_allclose(table.loc["EQI", "more-air"], values(bsm1.cases[1])["EQI"], rtol=1e-6)
    again = load_plant(tmp_path / "out" / "plant.yaml")
    assert build_layout(again, load_kinetics(again)) == build_layout(bsm1.file, load_kinetics(bsm1.file))
    assert (tmp_path / "out" / "scenario.yaml").read_text() == BSM1


def test_a_plant_of_ones_own_and_a_name_of_ones_own(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nextends: cstr\nplant: {influent: {flow: 300 m3/d}}\n")
    result = simulate_plant(tmp_path / "mine.yaml", write(tmp_path, "days: 1\nchanges: [{input: load, scale: 1.2}]\n"))
    assert result.name == "mine"
    assert [c.name for c in result.cases] == [BASE, "scenario"]
    assert set(result.cases[0].record.columns["Q_in"]) == {300.0}
    assert indicator_table(result.cases).set_index("indicator").loc["IQI", "scenario"] > 0


def influent(folder, **columns):
    """Write two days of a BSM1 influent: time, 13 components, flow."""
    time = np.arange(0, 2 + 1e-9, 1 / 96)
    load = [30, 69.5, 51.2, 202.32, 28.17, 0, 0, 0, 0, 31.56, 6.95, 10.59, 7]
    flow = 18446 * (1 + 0.3 * np.sin(2 * np.pi * time))
    rows = np.column_stack([time, np.tile(load, (len(time), 1)), flow])
    text = "\n".join("\t".join(f"{v:.8g}" for v in row) for row in rows)
    (folder / "influent.txt.gz").write_bytes(gzip.compress(text.encode()))
    return rows


def test_an_influent_file_is_used_and_gives_the_days(tmp_path):
    rows = influent(tmp_path)
    text = "influent: {file: influent.txt.gz}\nspin_up: 0.5\nscenarios: {cold: [{input: T, shift: -3}]}\n"
    result = simulate_plant("bsm1", write(tmp_path, text))
    record = result.cases[0].record
    assert record.times[-1] == 2.0
    np.testing.assert_allclose(record.columns["Q_in"][:-1], rows[:-1, -1], rtol=1e-6)


TWICE = "changes: [{input: T, shift: 1}]\nscenarios: {a: [{input: T, shift: 2}]}\n"


@pytest.mark.parametrize(
    ("subject", "text", "words"),
    [
        ("bsm2", "", ["bsm2", "did you mean 'bsm1'", ".yaml"]),
        ("bsm1", 'period: {start: "2021-01-01"}\n', ["scenario.yaml:1 (period)", "record of a run", "run folder"]),
        ("bsm1", "influent: {file: nothing.txt}\n", ["nothing.txt"]),
        (
            "bsm1",
            "scenarios: {a: [{input: tank_6.kla, scale: 2}]}\n",
            ["tank_6.kla", "tank_5.kla", "scenarios.a.0.input"],
        ),
        ("bsm1", "scenarios: {a: [{input: T, shift: 1, start: 9}]}\n", ["T", "scenarios.a.0.start", "day 3"]),
        ("bsm1", "scenarios: {a: [{input: T, shift: 1, start: 2, end: 1}]}\n", ["ends before", "day 2", "day 1"]),
        ("bsm1", "scenarios: {a: [{input: T, shift: 1, start: monday}]}\n", ["monday", "7 d"]),
        ("bsm1", TWICE, ["both changes and scenarios"]),
        ("bsm1", "scenarios: {base: [{input: T, shift: 1}]}\n", ["'base'", "another name"]),
        ("bsm1", "score_from: 3\n", ["scenario.yaml:1 (score_from)", "before day 3"]),
        ("bsm1", "limits: {NH5: 4}\n", ["NH5", "did you mean 'NH4'", "(limits.NH5)"]),
        ("bsm1_closed", "scenarios: {a: [{input: tank_5.kla, scale: 2}]}\n", ["no effect", "oxygen.setpoint"]),
        ("sbr", "scenarios: {a: [{input: reactor.kla, scale: 2}]}\n", ["no effect", "cycles.sbr"]),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, subject, text, words):
    text += "days: 3\n" + ("" if "changes:" in text or "scenarios:" in text else "changes: [{input: T, shift: 1}]\n")
    with pytest.raises(InputError) as caught:
        simulate_plant(subject, write(tmp_path, text))
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_an_influent_of_other_components_is_refused(tmp_path):
    influent(tmp_path)
    path = write(tmp_path, "influent: {file: influent.txt.gz}\nchanges: [{input: T, shift: 1}]\n")
    with pytest.raises(InputError, match=r"influent\.X_BH.*asm2d"):
        simulate_plant("a2o", path)


def test_every_layout_is_listed():
    assert {"bsm1", "bsm1_closed", "cstr", "mle", "a2o", "uct", "sbr", "tilburg"} <= set(available_layouts())


def test_means_count_a_phase_for_as_long_as_it_lasts(tmp_path):
    """10 min of wastage in a cycle of 6 h: 40 m3/d, which take 2 kWh/d by the pumps of BSM1."""
    durations = {"fill": (90, "Q_in: 240 m3/h"), "aerate": (180, "reactor.kla: 150"), "waste": (10, "wastage: 60 m3/h")}
    durations |= {"settle": (50, ""), "draw": (30, "reactor.decant: 700 m3/h")}
    phases = [f"{{name: {n}, duration: {m} min, set: {{{values}}}}}" for n, (m, values) in durations.items()]
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\nextends: sbr\nplant: {{cycles: {{sbr: {{phases: [{', '.join(phases)}]}}}}}}\n")
    base = simulate_plant(file, write(tmp_path, "days: 1\n")).cases[0]
    assert {i.name: i.value for i in base.indicators}["pumping energy"] == pytest.approx(2.0)
    assert len(base.record.times) == 289
