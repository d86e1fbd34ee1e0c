"""BSM1 beside its published figures, and that a wrong parameter is found."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from asm_hybrid import terminal
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.scenario.published import Check, Figure, published_averages, published_steady_state
from asm_hybrid.scenario.verify import (
    PLANTS,
    Comparison,
    Verification,
    average,
    compare_average,
    compare_steady_state,
    compile_plant,
    find_influents,
    read_influents,
    simulate_fortnight,
    verify,
)

SHARED = Path(__file__).parents[3] / "shared"
INFLUENTS, REFERENCE = SHARED / "data" / "bsm", SHARED / "reference"

with_influents = pytest.mark.skipif(not INFLUENTS.is_dir(), reason="needs the BSM1 influents in ../shared/data/bsm")
with_reference = pytest.mark.skipif(
    not (INFLUENTS.is_dir() and REFERENCE.is_dir()), reason="needs ../shared/data/bsm and ../shared/reference"
)
SOLUBLE = ("S_S", "S_O", "S_NO", "S_NH", "S_ND", "S_ALK")
SOLIDS = ("X_I", "X_S", "X_BH", "X_BA", "X_P", "X_ND", "TSS")


@pytest.fixture(scope="module")
def open_loop():
    """Return the plant without control at its default tolerance, its parameters, and the state after 14 d."""
    compiled, named = compile_plant("bsm1")
    return compiled, named, before(compiled)


def before(compiled):
    _, start = compare_steady_state("open", "bsm1")
    return simulate_fortnight(compiled, start, read_influents(INFLUENTS)[0]["dry"]).states[-1]


def wrong(folder, layout, parameter):
    path = folder / f"wrong_{layout}.yaml"
    path.write_text(f"name: wrong\nextends: {layout}\nmodel: {{parameters: {{{parameter}}}}}\n")
    return path


def failures(comparison):
    return {c.name for c in comparison.checks if not c.passed}


@pytest.mark.parametrize("loop", PLANTS)
def test_steady_states_agree_to_every_printed_digit(loop):
    comparison, _ = compare_steady_state(loop, PLANTS[loop])
    assert not failures(comparison)
    names = {c.name for c in comparison.checks}
    assert len(names) == len(comparison.checks) == 7 * 14 + 10 + (loop == "closed")
    assert {"tank_5.S_ALK", "effluent.X_ND", "waste.TSS", "settler_10.TSS"} <= names


@pytest.mark.parametrize("parameter", ["mu_A: 0.505 1/d", "b_H: 0.3003 1/d", "i_XB: 0.0801"])
@pytest.mark.parametrize("loop", PLANTS)
def test_a_wrong_parameter_is_found(loop, parameter, tmp_path):
    comparison, _ = compare_steady_state(loop, wrong(tmp_path, PLANTS[loop], parameter))
    assert len(failures(comparison)) > 20


def test_the_misprint_is_named_and_follows_from_its_parts():
    figures = published_steady_state("open")
    solids = sum(figures[f"tank_1.{name}"].value for name in ("X_I", "X_S", "X_BH", "X_BA", "X_P"))
    assert figures["tank_1.TSS"].value == pytest.approx(0.75 * solids, abs=1e-4)
    assert "3285.0039" in figures["tank_1.TSS"].note
    assert [name for name, figure in figures.items() if figure.note] == ["tank_1.TSS"]


def test_published_figures_are_consistent():
    for loop in PLANTS:
        figures = published_steady_state(loop)
        for place in (*(f"tank_{i}" for i in range(1, 6)), "effluent", "waste"):
            solids = sum(figures[f"{place}.{name}"].value for name in ("X_I", "X_S", "X_BH", "X_BA", "X_P"))
            assert figures[f"{place}.TSS"].value == pytest.approx(0.75 * solids, rel=1e-6 if solids > 100 else 1e-5)
        for weather in ("dry", "rain", "storm"):
            value = {name: figure.value for name, figure in published_averages(loop, weather).items()}
            energy = value["aeration energy"] + value["pumping energy"] + value["mixing energy"]
            assert value["OCI"] == pytest.approx(energy + 5 * value["sludge production"], abs=1e-3)
            assert value["effluent.TN mean"] == pytest.approx(
                value["effluent.TKN mean"] + value["effluent.S_NO mean"], abs=2e-4
            )


def test_half_a_unit_of_the_last_digit_is_allowed():
    for printed, ours, passed in (
        ("3.6620", 3.66204, True),
        ("3.6620", 3.66206, False),
        ("2559.18", 2559.1826, True),
        ("0.000063132", 6.31324e-5, True),
        ("0.000063132", 6.31326e-5, False),
    ):
        assert Check("a", "g/m3", Figure(printed), ours).passed is passed
    assert Check("a", "g/m3", Figure("200.0"), 200.29, 0.0015).passed
    assert not Check("a", "g/m3", Figure("200.0"), 199.69, 0.0015).passed
    assert not Check("a", "g/m3", Figure("200.0"), float("nan"), 0.0015).passed


@with_influents
@pytest.mark.parametrize("weather", ["dry", "rain", "storm"])
def test_weeks_in_open_loop(open_loop, weather):
    compiled, named, start = open_loop
    record = simulate_fortnight(compiled, start, read_influents(INFLUENTS)[0][weather])
    comparison = compare_average("open", weather, average(compiled, named, record))
    assert len(comparison.checks) == 35
    assert not failures(comparison)


@with_influents
def test_a_wrong_parameter_is_found_in_a_week(open_loop, tmp_path):
    compiled, named = compile_plant(wrong(tmp_path, "bsm1", "mu_A: 0.505 1/d"))
    record = simulate_fortnight(compiled, open_loop[2], read_influents(INFLUENTS)[0]["dry"])
    comparison = compare_average("open", "dry", average(compiled, named, record))
    assert {"effluent.S_NH mean", "effluent.TKN mean", "EQI"} <= failures(comparison)


@with_influents
@pytest.mark.slow
def test_everything_in_both_loops(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["verify", "--influents", str(INFLUENTS)])
    out = capsys.readouterr().out
    assert not caught.value.code
    assert "all published figures are met" in out
    assert out.count("S_I stays the same when it rains") == 2
    assert all(f"{weather} week, {loop} loop" in out for weather in ("Dry", "Rain", "Storm") for loop in PLANTS)


def deviations(compiled, start, weather):
    """Return the RMS deviation of every effluent series from the converged one, relative to the RMS of that."""
    record = simulate_fortnight(compiled, start, read_influents(INFLUENTS)[0][weather])
    with (REFERENCE / f"bsm1_open_loop_{weather}.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = {}
    for name in ("S_I", *SOLUBLE, *SOLIDS):
        given = np.array([float(row[name.replace("_", "")]) for row in rows])
        ours = record.columns[f"effluent.{name}"][: len(given)]
        found[name] = float(np.sqrt(np.mean((ours - given) ** 2) / np.mean(given**2)))
    return found


@with_reference
@pytest.mark.parametrize("weather", ["dry", "rain", "storm"])
def test_effluents_come_closer_to_the_converged_ones(open_loop, weather):
    compiled, _, start = open_loop
    loose = deviations(compiled, start, weather)
    fine = replace(compiled, tolerance=1e-7)
    tight = deviations(fine, before(fine), weather)
    assert max(loose.values()) < 1e-3
    assert max(tight.values()) < 2e-5
    assert all(tight[name] < max(loose[name] / 8, 1e-6) for name in loose)


def test_influents_are_found_by_name(tmp_path):
    for name in ("dryinfluent.ascii", "raininfluent.ascii", "Inf_STRM.txt", "constinfluent.ascii", "dryinfluent.mat"):
        (tmp_path / name).write_text("")
    found = find_influents(tmp_path)
    assert {weather: path.name for weather, path in found.items()} == {
        "dry": "dryinfluent.ascii",
        "rain": "raininfluent.ascii",
        "storm": "Inf_STRM.txt",
    }
    (tmp_path / "Inf_dry.txt").write_text("")
    with pytest.raises(InputError, match=r"2 influent files of dry weather: Inf_dry.txt, dryinfluent.ascii"):
        find_influents(tmp_path)
    (tmp_path / "Inf_dry.txt").unlink()
    (tmp_path / "raininfluent.ascii").unlink()
    with pytest.raises(InputError, match="no influent file of rain weather"):
        find_influents(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_influents(tmp_path / "nowhere")


@with_influents
def test_diluted_inert_matter_is_left_as_it_is(tmp_path):
    frames, notes = read_influents(INFLUENTS)
    assert len(notes) == 2
    assert frames["rain"]["influent.S_I"][9 * 96] == pytest.approx(15.37191896, abs=1e-8)  # of the original file
    assert frames["storm"]["influent.S_I"][854] == pytest.approx(15.61634986, abs=1e-8)
    for weather, frame in frames.items():
        names = [c for c in frame.columns if c not in ("time", "Q_in", "influent.S_N2")]
        frame[["time", *names, "Q_in"]].to_csv(tmp_path / f"{weather}.txt", sep="\t", index=False, header=False)
    again, notes = read_influents(tmp_path)
    assert not notes
    assert np.allclose(again["rain"]["influent.S_I"], frames["rain"]["influent.S_I"])


def test_the_command_says_where_influents_are(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["verify"])
    out = capsys.readouterr().out
    assert not caught.value.code
    for text in ("jobehrendt/OpenWasteWater", "Lund", "3285.0039", "108", "109", "all published figures are met"):
        assert text in out


def test_the_command_fails_with_a_figure(capsys, monkeypatch):
    check = Check("effluent.S_NH mean", "g N/m3", Figure("4.7589"), 4.8, 0.0015)
    result = Verification((Comparison("Dry week, open loop", (check,)),), True, (), 1.0)
    monkeypatch.setattr("asm_hybrid.scenario.verify.verify", lambda *_: result)
    with pytest.raises(SystemExit) as caught:
        main(["verify"])
    assert caught.value.code == 1
    out = capsys.readouterr().out
    assert "figures that are not met: 1" in out
    assert "NO" in out


def test_tables_fit_a_narrow_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(terminal, "_console", lambda: Console(file=stream, width=80, highlight=False))
    checks = tuple(
        Check(name, "kg TSS/d", figure, 1.001 * figure.value, 0.0015)
        for name, figure in published_averages("closed", "storm").items()
    )
    result = verify()
    terminal.print_verification(
        replace(result, comparisons=(*result.comparisons, Comparison("Storm week, closed loop", checks)))
    )
    out = stream.getvalue()
    assert "…" not in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert all(f" {c.figure.printed} " in out and f" {c.name} " in out for c in checks)
