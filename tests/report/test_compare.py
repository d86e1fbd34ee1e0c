"""Runs side by side: the right figures, and no comparison of what was judged by other data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from asm_hybrid import cli
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.report.compare import COLUMNS, compare_runs, told_apart

Make = Callable[..., Path]


def change_predictions(run: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = run / "predictions.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
    write_manifest(run)


@pytest.fixture
def pair(tmp_path: Path, make_run: Make) -> tuple[Path, Path]:
    """Return a run of f alone and a hybrid, judged by the same data."""
    return make_run(tmp_path / "f", mode="mechanistic"), make_run(tmp_path / "hybrid", placement="state")


def test_figures_are_those_of_the_runs(pair: tuple[Path, Path]) -> None:
    table = compare_runs(pair)
    assert list(table.columns) == [*COLUMNS, "f", "hybrid"]
    summaries = {run.name: json.loads((run / "summary.json").read_text(encoding="utf-8")) for run in pair}
    for row in table.to_dict("records"):
        for name, summary in summaries.items():
            if row["what"] == "simulation":
                expected = summary["scores"]["test"][row["variable"]].get(row["model"], {}).get("rmse")
            elif row["what"].startswith("forecast"):
                scores = summary["forecast"]["scores"]["test"][row["what"].removeprefix("forecast ")]
                expected = scores[row["variable"]].get(row["model"], {}).get("rmse")
            elif row["what"].startswith("coverage "):
                held = summary["forecast"]["bands"]["test"][row["what"].removeprefix("coverage ")]
                own = row["model"] == summary["verdict"]["model"]
                expected = held[row["variable"]]["coverage"] if own else None
            elif row["what"] == "coverage":
                found = summary.get("bands", {}).get("variables", {}).get(row["variable"])
                expected = found and found["test"]["coverage"]
            else:
                continue
            assert pd.isna(row[name]) if expected is None else row[name] == pytest.approx(expected)
    counts = table["what"].value_counts()
    assert counts["simulation"] == 3 * 7
    assert counts["forecast 6 h"] == 3 * 6
    assert counts["coverage"] == 3
    assert counts["coverage 6 h"] == 3 * 2  # of the hybrid, and of f alone


def test_rows_of_a_variable_stand_together_with_the_hybrid_last(pair: tuple[Path, Path]) -> None:
    table = compare_runs(pair)
    part = table[table["what"] == "simulation"]
    assert part["model"].tolist()[6::7] == ["hybrid"] * 3
    assert part["variable"].tolist() == ["NH4"] * 7 + ["NO3"] * 7 + ["O2"] * 7


def test_only_settings_that_differ_are_named(pair: tuple[Path, Path]) -> None:
    table = compare_runs(pair)
    rows = table[table["what"] == "config"].set_index("variable")
    assert list(rows.index) == ["model mode", "network placement"]
    assert rows.loc["model mode", ["f", "hybrid"]].tolist() == ["mechanistic", "hybrid"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[t["variable"] != "O2"], "measures NH4, NO3 instead of NH4, NO3, O2"),
        (lambda t: t[t["time"] < "2021-06-08"], "instead of 2021-05-29T00:00:00Z to 2021-06-08T23:00:00Z"),
        (
            lambda t: t.assign(measured=t["measured"].mask((t["variable"] == "NO3") & (t.index % 9 == 0), "7.5")),
            "has other measurements of NO3",
        ),
        (
            lambda t: t.assign(censored=t["censored"].mask(t["variable"] == "NH4", "True")),
            "has other measurements of NH4",
        ),
    ],
)
def test_other_test_data_are_refused_and_named(
    pair: tuple[Path, Path], change: Callable[[pd.DataFrame], pd.DataFrame], words: str
) -> None:
    change_predictions(pair[1], change)
    with pytest.raises(InputError) as caught:
        compare_runs(pair)
    assert "the test data of hybrid are not those of f" in str(caught.value)
    assert words in str(caught.value)


def test_a_run_is_called_better_only_where_the_interval_does_not_hold_zero(pair: tuple[Path, Path]) -> None:
    told = told_apart(pair)
    assert [sentence.partition(":")[0] for sentence in told] == ["NH4", "NO3", "O2"]
    assert told[0].startswith(
        "NH4: hybrid (the hybrid model) has the lowest RMSE; it is better than f (recalibrated f)"
    )
    change_predictions(pair[1], lambda t: t.assign(hybrid=t["recalibrated"]))
    assert all("cannot be told apart from" in sentence for sentence in told_apart(pair))
    for run in pair:
        change_predictions(run, lambda t: t[(t["block"] != "test") | (t["time"] < "2021-05-31")])
    assert all("for want of days" in sentence and "better" not in sentence for sentence in told_apart(pair))


def test_other_training_data_are_no_obstacle(pair: tuple[Path, Path]) -> None:
    change_predictions(pair[1], lambda t: t[t["block"] != "train"])
    assert len(compare_runs(pair))


def test_one_run_a_run_twice_and_a_changed_file_are_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="one run only"):
        compare_runs(pair[:1])
    with pytest.raises(InputError, match="twice"):
        compare_runs([pair[0], pair[0]])
    (pair[0] / "summary.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="changed or damaged"):
        compare_runs(pair)


def test_the_command_prints_and_writes_the_same_figures(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "table.csv"
    with pytest.raises(SystemExit) as end:
        cli.main(["compare", *map(str, pair), "--out", str(out)])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    table = pd.read_csv(out)
    assert len(table) == len(compare_runs(pair))
    assert "has the lowest RMSE; it" in shown
    for text in ("forecast 24 h", "Settings that differ", "90 % band", f"{float(table['hybrid'][0]):.3g}"):
        assert text in shown
