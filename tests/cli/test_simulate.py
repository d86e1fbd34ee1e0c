"""The command ``simulate`` for plants without data, and ``layouts``."""

import pytest
from test_commands import call, refused

SHORT = "name: short\ndays: 0.25\nscenarios:\n  more-air: [{input: tank.kla, scale: 1.5}]\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.yaml").write_text(SHORT)
    return tmp_path


def test_a_layout_gives_a_dated_folder_with_a_page(capsys, here):
    code, out, err = call(capsys, "simulate", "cstr", "--scenario", "scenario.yaml")
    assert code == 0, err
    (folder,) = (here / "simulations").iterdir()
    assert folder.name.startswith("short-20")
    assert (folder / "index.html").exists()
    for text in ("largest relative rate of change", "more-air: tank.kla × 1.5", "+50.0 %", "time with TN above 18"):
        assert text in out
    assert str(folder.relative_to(here) / "index.html") in out
    stages = [line.split("  ", 1)[1] for line in err.splitlines() if "%" not in line]
    assert [stage for stage in stages if stage != "spin-up"] == ["steady state", "base", "scenarios", "plots and page"]


def test_files_of_a_given_folder_are_replaced(capsys, here):
    for scale in ("1.5", "0.5"):
        (here / "scenario.yaml").write_text(SHORT.replace("1.5", scale))
        assert call(capsys, "simulate", "cstr", "-s", "scenario.yaml", "--out", "out")[0] == 0
    assert "× 0.5" in (here / "out" / "index.html").read_text()
    assert not list((here / "out").glob(".*"))


def test_a_copied_layout_is_a_plant_of_ones_own(capsys, here):
    _, out, _ = call(capsys, "layouts", "cstr")
    (here / "mine.yaml").write_text(out.replace("name: cstr", "name: mine"))
    code, out, err = call(capsys, "simulate", "mine.yaml", "-s", "scenario.yaml", "-o", "out")
    assert code == 0, err
    assert "name: mine" in (here / "out" / "plant.yaml").read_text()


def test_layouts_lists_every_layout_with_its_title(capsys):
    code, out, _ = call(capsys, "layouts")
    assert code == 0
    for text in ("bsm1_closed", "sbr", "asm2d", "Benchmark Simulation Model no. 1, open loop"):
        assert text in out
    assert "did you mean 'bsm1'" in refused(capsys, "layouts", "bsm11")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cstrr"], ["'cstrr'", "did you mean 'cstr'", "run folder"]),
        (["nothing.yaml"], ["nothing.yaml"]),
        (["bsm1", "-s", "scenario.yaml"], ["tank.kla", "scenario.yaml:4"]),
        (["cstr", "-s", "nothing.yaml"], ["nothing.yaml"]),
        (["cstr", "-s", "scenario.yaml", "-o", "scenario.yaml/out"], ["--out"]),
    ],
)
def test_what_cannot_be_simulated_ends_with_two_and_writes_nothing(capsys, here, arguments, words):
    before = sorted(here.rglob("*"))
    message = refused(capsys, "simulate", *arguments)
    assert all(w in message for w in words), message
    assert sorted(here.rglob("*")) == before


def test_an_empty_folder_is_no_run(capsys, here):
    (here / "run").mkdir()
    assert "no manifest.json" in refused(capsys, "simulate", "run")
    assert "manifest.json" in refused(capsys, "simulate", "run", "-s", "scenario.yaml")
    (here / "cstr").mkdir()
    assert call(capsys, "simulate", "cstr", "-s", "scenario.yaml", "-o", "out")[0] == 0


def test_help_has_examples(capsys):
    _, out, _ = call(capsys, "simulate", "--help")
    assert "asm-hybrid simulate bsm1 " in out
    assert "asm-hybrid layouts" in out


def test_concentrations_below_zero_are_warned_of_on_the_console(capsys, here):
    text = "name: poor\nextends: mle\nplant: {influent: {composition: {S_NH: 3, S_ND: 0.5, X_ND: 1}}}\n"
    (here / "plant.yaml").write_text(text)
    (here / "scenario.yaml").write_text("days: 0.5\nchanges: [{input: T, shift: 0}]\n")
    code, out, err = call(capsys, "simulate", "plant.yaml", "-s", "scenario.yaml", "--out", "o")
    assert code == 0, err
    said = " ".join(out.split())
    assert "warning: all cases: S_NH is below zero in" in said
    assert "EQI is left out" in said
