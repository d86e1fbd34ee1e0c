"""A fitted model on data that came later."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from newdata_case import TEST_FROM, Case
from run_files import bundle_of
from safetensors.torch import load_file, save

import asm_hybrid as ah
from asm_hybrid.manifest import verify_manifest, write_manifest
from asm_hybrid.newdata import judgement


def same_rows(run: Path, measured: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the new rows of a prediction and those of the run's own predictions."""
    own = pd.read_csv(run / "predictions.csv")
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    both = measured[measured["part"] == "new"].merge(own, on=["time", "variable"], suffixes=("", "_run"))
    return both, own


def test_the_test_block_as_new_data_gives_the_figures_of_the_run(case: Case, tmp_path: Path) -> None:
    data = case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM])
    found = ah.predict(case.run, data)
    both, own = same_rows(case.run, found.measured)
    assert len(both) == (own["block"] == "test").sum()
    for column in ("hybrid", "recalibrated", "hybrid_low", "hybrid_high", "band_low", "band_high"):
        np.testing.assert_allclose(both[column], both[f"{column}_run"], rtol=0, atol=1e-8)
    summary = json.loads((case.run / "summary.json").read_text())
    for label, models in summary["scores"]["test"].items():
        for model in ("hybrid", "recalibrated"):
            for key in ("rmse", "mae", "bias", "r2", "n"):
                assert found.scores.loc[(label, model), key] == pytest.approx(models[model][key], abs=1e-8)
        assert found.facts["variables"][label]["band"]["coverage"] == pytest.approx(
            summary["bands"]["variables"][label]["test"]["coverage"]
        )


def test_a_second_call_reads_what_the_first_has_kept_and_a_damaged_file_is_made_anew(
    case: Case, tmp_path: Path
) -> None:
    data = case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM])
    first = ah.predict(case.run, data).series
    (kept,) = (case.run / "predictions").glob(".record-*.safetensors")
    content = bytearray(kept.read_bytes())
    content[-9] ^= 1
    kept.write_bytes(content)
    pd.testing.assert_frame_equal(ah.predict(case.run, data).series, first, check_exact=True)


def test_hours_that_training_has_seen_are_not_scored(case: Case, tmp_path: Path) -> None:
    found = ah.predict(case.run, case.write(tmp_path / "all.csv", case.rows))
    assert found.facts["begin"] == "inside"
    parts = found.measured.groupby("part")["time"]
    until = pd.Timestamp(json.loads((case.run / "summary.json").read_text())["blocks"]["validate"][1])
    assert parts.max()["training"] <= until < parts.min()["new"]
    assert found.scores["n"].tolist() == [(case.rows["time"].dt.tz_localize("UTC") > until).sum()] * 4


def test_data_after_the_record_go_on_from_its_end(case: Case, tmp_path: Path) -> None:
    found = ah.predict(case.run, case.write(tmp_path / "next.csv", case.later(1)))
    assert found.facts["begin"] == "after"
    assert (found.measured["part"] == "new").all()
    assert not any("warm-up" in text for text in found.warnings)


def test_a_short_gap_is_bridged_and_a_long_one_begins_with_a_warm_up(case: Case, tmp_path: Path) -> None:
    short = ah.predict(case.run, case.write(tmp_path / "short.csv", case.later(1, "2024-03-09 04:00")))
    assert short.facts["begin"] == "bridged"
    assert any("h between the record and the new data are filled" in text for text in short.warnings)
    long = ah.predict(case.run, case.write(tmp_path / "long.csv", case.later(1, "2024-04-09 00:00")))
    assert long.facts["begin"] == "gap"
    assert long.facts["hours"]["warm-up"] == 6.0
    assert any("31 d after the record" in text and "not scored" in text for text in long.warnings)
    assert (long.measured.query("part == 'warm-up'")["time"] < pd.Timestamp("2024-04-09 06:00", tz="UTC")).all()
    before = ah.predict(case.run, case.write(tmp_path / "before.csv", case.later(1, "2024-02-01 00:00")))
    assert before.facts["begin"] == "before"
    with pytest.raises(ah.InputError, match=r"shorter than the warm-up"):
        ah.predict(case.run, case.write(tmp_path / "few.csv", case.later(0.2, "2024-04-09 00:00")))


def test_without_measurements_there_is_a_prediction_and_no_score(case: Case, tmp_path: Path) -> None:
    rows = case.later(1)
    for name, data in {
        "absent": rows.drop(columns=["NH4", "NO3"]),
        "empty": rows.assign(NH4=np.nan, NO3=np.nan),
    }.items():
        found = ah.predict(case.run, case.write(tmp_path / f"{name}.csv", data))
        assert len(found.series) == 2 * len(rows)
        assert found.scores.empty
        assert found.measured.empty
        assert not found.alarm
        assert sum("NH4" in text for text in found.warnings) == 1
    one = ah.predict(case.run, case.write(tmp_path / "one.csv", rows.drop(columns=["NH4"])))
    assert set(one.scores.index.get_level_values("variable")) == {"NO3"}


def test_a_model_that_errs_far_more_than_on_validation_raises_the_alarm(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judgement, "FEWEST", 1)
    rows = case.later(4)
    found = ah.predict(case.run, case.write(tmp_path / "far.csv", rows.assign(NH4=rows["NH4"] + 8)), tmp_path / "out")
    assert found.alarm
    (text,) = found.found.alarms
    assert text.startswith("NH4 errs by")
    assert text.endswith("the model no longer holds there")
    assert "The model no longer holds" in (tmp_path / "out" / "index.html").read_text()
    assert json.loads((tmp_path / "out" / "prediction.json").read_text())["alarm"] is True


def test_what_lies_outside_of_training_is_named_and_units_are_doubted(case: Case, tmp_path: Path) -> None:
    rows = case.later(1)
    found = ah.predict(case.run, case.write(tmp_path / "wet.csv", rows.assign(flow=rows["flow"] * 24)))
    assert any(text.startswith("outside of what training saw") and "Q_in" in text for text in found.warnings)
    assert any("Q_in" in text and "another unit" in text for text in found.warnings)
    inside = case.rows[case.rows["time"] >= TEST_FROM]
    found = ah.predict(case.run, case.write(tmp_path / "off.csv", inside.assign(flow=inside["flow"] * 1.5)))
    assert any("Q_in differs from the record over the same time" in text for text in found.warnings)


def test_other_names_units_and_stamps_come_with_a_column_map(case: Case, tmp_path: Path) -> None:
    rows = case.rows[case.rows["time"] >= TEST_FROM]
    plain = ah.predict(case.run, case.write(tmp_path / "june.csv", rows))
    other = rows.rename(columns={"flow": "Zulauf", "NH4": "Ammonium"}).assign(Zulauf=lambda d: d["Zulauf"] / 24)
    other = other.assign(time=(other["time"] + pd.Timedelta(hours=1)).dt.strftime("%d.%m.%Y %H:%M"))
    other.to_csv(tmp_path / "logger.csv", index=False, sep=";", float_format="%.12g")
    (tmp_path / "map.yaml").write_text(
        """
data:
  sources:
    logger:
      file: logger.csv
      separator: ";"
      time: {column: time, format: "%d.%m.%Y %H:%M", zone: "+01:00"}
      columns:
        Zulauf: {role: input, as: Q_in, unit: m3/h}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        Ammonium: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}
""",
        encoding="utf-8",
    )
    mapped = ah.predict(case.run, tmp_path / "map.yaml")
    for frame in (plain, mapped):
        assert frame.scores.loc[("NH4", "hybrid"), "n"] == len(rows)
    assert mapped.scores.loc[("NH4", "hybrid"), "rmse"] == pytest.approx(
        plain.scores.loc[("NH4", "hybrid"), "rmse"], abs=1e-6
    )
    assert any("no NO3" in text for text in mapped.warnings)


def test_a_bundle_predicts_and_cannot_judge(case: Case, tmp_path: Path) -> None:
    bundle = bundle_of(case.run, tmp_path / "bundle")
    found = ah.predict(bundle, case.write(tmp_path / "next.csv", case.later(1)))
    assert all("no error on the validation block" in text for text in found.verdicts)
    with pytest.raises(ah.InputError, match="does not hold the measurements of the validation block"):
        ah.forecast(bundle, tmp_path / "next.csv")


def test_the_folder_of_a_prediction_is_whole(case: Case, tmp_path: Path) -> None:
    data = case.write(tmp_path / "next.csv", case.later(1))
    found = ah.predict(case.run, data, tmp_path / "out")
    assert found.folder == tmp_path / "out"
    names = {"series.csv", "measured.csv", "days.csv", "prediction.json", "plot.png", "index.html"}
    assert set(verify_manifest(tmp_path / "out")) == names
    assert {p.name for p in found.folder.iterdir()} == names | {"manifest.json"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Too short to tell" in page
    assert 'src="http' not in page
    again = pd.read_csv(tmp_path / "out" / "series.csv")
    np.testing.assert_allclose(again["hybrid"], found.series["hybrid"])
    assert "Prediction of" in repr(found)
    assert "Prediction of new data" in found._repr_html_()
    with pytest.raises(ah.InputError, match="the folder of a run"):
        ah.predict(case.run, data, case.run)


BAD = {
    "empty": (lambda rows: rows.iloc[:0], "has no row of data"),
    "unsorted": (lambda rows: pd.concat([rows.iloc[5:], rows.iloc[:5]]), "time goes back"),
    "twice": (lambda rows: pd.concat([rows.iloc[:5], rows.iloc[4:]]), "stands more than once"),
    "renamed": (lambda rows: rows.rename(columns={"flow": "Flow rate"}), "no column 'flow'"),
    "no input": (lambda rows: rows.drop(columns=["DO"]), "no column 'DO'"),
    "empty input": (lambda rows: rows.assign(DO=np.nan), "no cell has a value"),
    "negative": (lambda rows: rows.assign(flow=-rows["flow"]), "outside the plausible range"),
}


@pytest.mark.parametrize("name", BAD)
def test_data_that_cannot_be_used_give_one_message(case: Case, tmp_path: Path, name: str) -> None:
    change, words = BAD[name]
    data = case.write(tmp_path / "bad.csv", change(case.later(1)))
    with pytest.raises(ah.InputError, match=words) as error:
        ah.predict(case.run, data, tmp_path / "out")
    assert "bad.csv" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_stamps_in_another_format_and_files_that_are_not_named_rightly(case: Case, tmp_path: Path) -> None:
    rows = case.later(1)
    rows.assign(time=rows["time"].dt.strftime("%d.%m.%Y %H:%M")).to_csv(tmp_path / "dots.csv", index=False)
    for data, words in (
        (tmp_path / "dots.csv", "does not fit the format"),
        (tmp_path / "absent.csv", "does not exist"),
        ("lab=" + str(tmp_path / "dots.csv"), "no source 'lab'"),
        ({"data": {"sources": {}}}, "sources"),
        ({"lab": "x.csv"}, "no source 'lab'"),
        (3, "this is a int"),
    ):
        with pytest.raises(ah.InputError, match=words):
            ah.predict(case.run, data)


def changed(case: Case, folder: Path, config: str | None, dropped: str | None) -> Path:
    """Return a copy of the run with another mode, or without weights that begin with a word."""
    shutil.copytree(case.run, folder, ignore=shutil.ignore_patterns("predictions", "forecasts"))
    if config:
        text = (folder / "config.yaml").read_text()
        assert "mode: hybrid" in text
        (folder / "config.yaml").write_text(text.replace("mode: hybrid", config))
    weights = load_file(folder / "weights.safetensors")
    kept = {k: v for k, v in weights.items() if not dropped or not k.startswith(dropped)}
    (folder / "weights.safetensors").write_bytes(save(kept))
    write_manifest(folder)
    return folder


def test_a_pure_neural_run_predicts_as_it_did(case: Case, tmp_path: Path) -> None:
    run = changed(case, tmp_path / "run", "mode: neural", None)
    data = case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM])
    found = ah.predict(run, data)
    both, _ = same_rows(run, found.measured)
    np.testing.assert_allclose(both["neural"], both["neural_run"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(both["recalibrated"], both["recalibrated_run"], rtol=0, atol=1e-8)
    ahead = ah.forecast(run, data, horizon="3 h")
    assert ahead.series["neural"].notna().all()
    empty = changed(case, tmp_path / "stopped", "mode: neural", "neural.")
    with pytest.raises(ah.InputError, match="stopped before its neural model was there"):
        ah.predict(empty, data)


def test_a_run_without_n_predicts_with_f_alone(case: Case, tmp_path: Path) -> None:
    run = changed(case, tmp_path / "run", None, "n.")
    data = case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM])
    found = ah.predict(run, data)
    both, _ = same_rows(run, found.measured)
    assert "hybrid" not in found.series
    np.testing.assert_allclose(both["recalibrated"], both["recalibrated_run"], rtol=0, atol=1e-8)
    assert found.facts["outside"] == []
    assert ah.forecast(run, data, horizon="3 h").series["recalibrated"].notna().all()


def test_a_run_that_is_not_finished_names_the_remedy(case: Case, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(case.run, run)
    (run / "manifest.json").unlink()
    (run / "checkpoint").mkdir()
    with pytest.raises(ah.InputError, match="--resume"):
        ah.predict(run, case.write(tmp_path / "next.csv", case.later(1)))


def test_a_gap_in_the_inputs_is_told_and_its_days_are_not_judged(case: Case, tmp_path: Path) -> None:
    rows = case.later(3)
    gap = (rows["time"] >= "2024-03-10 01:00") & (rows["time"] < "2024-03-10 22:00")
    found = ah.predict(case.run, case.write(tmp_path / "gap.csv", rows.assign(DO=rows["DO"].mask(gap))))
    assert any("filled from the values around them: aerobic.S_O 21 h" in text for text in found.warnings)
    assert "2024-03-10" not in set(found.days["date"])
    assert found.scores.loc[("NH4", "hybrid"), "n"] == len(rows)


def test_bridged_hours_are_not_taken_for_another_record(case: Case, tmp_path: Path) -> None:
    rows = case.rows[case.rows["time"] >= TEST_FROM]
    gap = rows["time"].between("2024-03-08 06:00", "2024-03-08 18:00")
    found = ah.predict(case.run, case.write(tmp_path / "gap.csv", rows[~gap]))
    assert any("bridged" in text for text in found.warnings)
    assert not any("differs from the record" in text for text in found.warnings)


def test_inputs_once_a_day_are_told(case: Case, tmp_path: Path) -> None:
    rows = case.later(5).iloc[::40]
    found = ah.predict(case.run, case.write(tmp_path / "daily.csv", rows))
    (text,) = (text for text in found.warnings if "further apart" in text)
    assert "daily.csv" in text


def test_which_side_has_too_few_days_is_said(case: Case, tmp_path: Path) -> None:
    long = ah.predict(case.run, case.write(tmp_path / "long.csv", case.later(5)))
    short = ah.predict(case.run, case.write(tmp_path / "short.csv", case.later(1)))
    assert all("those of the validation block are fewer" in text for text in long.verdicts)
    assert all("these are fewer" in text for text in short.verdicts)
