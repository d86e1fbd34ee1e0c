"""The commands about kinetics tables: listed, shown in every format, checked; wrong calls end in one message."""

import json
import subprocess
import sys

import pytest

from asm_hybrid.cli import main
from asm_hybrid.kinetics import available_tables, load_table
from asm_hybrid.kinetics.document import FORMATS, document_table, gujer_text
from asm_hybrid.kinetics.read import TABLES

OWN = """\
name: two_step
title: Nitrification alone
oxygen: S_O
continuity: {materials: [COD, N], tolerance: 0}
components:
  X_A:  {unit: g COD/m3, phase: particulate, composition: {COD: 1, N: i_N}}
  S_NH: {unit: g N/m3, phase: soluble, composition: {N: 1}}
  S_NO: {unit: g N/m3, phase: soluble, composition: {COD: -64/14, N: 1}}
  S_O:  {unit: g O2/m3, phase: soluble, composition: {COD: -1}}
parameters:
  mu:  {default: 0.8, unit: 1/d, T_ref: 20, theta: 1.103, bounds: [0.2, 1.5], source: own work}
  K_N: {default: 1.0, unit: g N/m3, bounds: [0.1, 5.0], source: own work}
  K_O: {default: 0.4, unit: g O2/m3, bounds: [0.05, 2.0], source: own work}
  Y:   {default: 0.24, unit: g COD/(g N), bounds: [0.07, 0.28], source: own work}
  i_N: {default: 0.086, unit: g N/(g COD), bounds: [0.04, 0.12], source: own work}
processes:
  nitrification:
    rate: mu * monod(S_NH, K_N) * monod(S_O, K_O) * X_A
    stoichiometry: {X_A: 1, S_NO: 1/Y, S_NH: "?", S_O: "?"}
"""


def call(capsys, *arguments):
    """Run the command line; return exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return caught.value.code or 0, captured.out, captured.err


def refused(capsys, *arguments):
    """Run a command that must be refused; return its message."""
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert err.count("error:") == 1
    return err


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def test_every_shipped_table_is_listed(capsys):
    code, out, _ = call(capsys, "models")
    assert code == 0
    assert all(name in out.split() for name in available_tables())


@pytest.mark.parametrize("name", available_tables())
def test_a_name_alone_shows_the_table_as_text(capsys, name):
    for arguments in (["models", name], ["models", "show", name], ["models", "show", name, "--format", "text"]):
        code, out, err = call(capsys, *arguments)
        assert (code, err) == (0, "")
        assert out == gujer_text(load_table(name)) + "\n"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", available_tables())
def test_every_table_is_shown_in_every_format(capsys, tmp_path, name, form):
    code, out, _ = call(capsys, "models", "show", name, "--format", form)
    assert code == 0
    assert out == document_table(load_table(name), form) + "\n"
    target = tmp_path / "table.out"
    code, out, _ = call(capsys, "models", name, "--format", form, "--out", target)
    assert (code, out) == (0, f"wrote {target}\n")
    assert target.read_text(encoding="utf-8") == document_table(load_table(name), form) + "\n"
    assert [p.name for p in tmp_path.iterdir()] == ["table.out"]


def test_the_format_follows_the_ending_of_the_file(capsys, tmp_path, own):
    call(capsys, "models", own, "--out", tmp_path / "own.json")
    assert json.loads((tmp_path / "own.json").read_text())["name"] == "two_step"
    call(capsys, "models", "show", own, "-o", tmp_path / "own.html")
    assert (tmp_path / "own.html").read_text().startswith("<!DOCTYPE html>")
    call(capsys, "models", "show", own, "-f", "latex", "-o", tmp_path / "own.txt")
    assert (tmp_path / "own.txt").read_text().startswith(r"\documentclass")


def test_a_table_is_never_overwritten_by_its_document(capsys, own):
    assert "--out" in refused(capsys, "models", "show", own, "--out", own)
    assert own.read_text() == OWN
    assert "--out" in refused(capsys, "models", "show", own, "--out", own.parent)
    assert "cannot be written" in refused(capsys, "models", "show", own, "--out", own.parent / "no" / "a.html")


def test_check_says_what_was_checked_and_found(capsys, own):
    code, out, err = call(capsys, "models", "check", own)
    assert (code, err) == (0, "")
    assert out.startswith(f"two_step: Nitrification alone\nfile: {own}\nfound: 4 components, 1 process, 5 parameters\n")
    for line in (
        "  COD  no imbalance in any process",
        "  N    no imbalance in any process",
        "  nitrification, S_NH = -(Y*i_N + 1)/Y",
        "  nitrification, S_O = (7*Y - 32)/(7*Y)",
        "  nitrification  g COD/(m3 d)",
    ):
        assert line in out.splitlines()
    assert "two_step" not in call(capsys, "models", "check", "asm1")[1]


def test_check_measures_the_imbalance_that_a_table_allows(capsys, own):
    # 4.57 for 64/14 is wrong by 0.00143 for one N, and 1/Y N are oxidised: most at the lower bound of Y, 0.07
    own.write_text(OWN.replace('S_O: "?"}', "S_O: (Y - 4.57)/Y}").replace("tolerance: 0}", "tolerance: 0.03}"))
    _, out, _ = call(capsys, "models", "check", own)
    assert "  COD  largest imbalance 0.0204 for one unit of rate, in nitrification" in out.splitlines()
    assert "the table allows: at most 0.03" in out
    own.write_text(own.read_text().replace("tolerance: 0.03}", "tolerance: 0.02}"))
    assert "makes COD of nothing" in refused(capsys, "models", "check", own)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mu * monod", "mu_A * monod", ["own.yaml:18", "'mu_A' is not known", "fix"]),
        ("monod(S_NH, K_N)", "__import__('os').system('x')", ["own.yaml:18", "expected"]),
        ('S_NH: "?", S_O: "?"', 'S_NH: 1, S_O: "?"', ["own.yaml:19", "makes N of nothing"]),
        ("default: 0.8, unit: 1/d", "default: 8, unit: 1/d", ["own.yaml:11", "outside its bounds"]),
        ("K_N: {default: 1.0, unit: g N/m3", "K_N: {default: 1.0, unit: g O2/m3", ["own.yaml:18", "is in g N/m3"]),
        ("name: two_step", "name: two_step\nname: x", ["own.yaml:2", "name"]),
        ("processes:", "processes: &a\n  x: *a\nprocess:", ["own.yaml"]),
    ],
)
@pytest.mark.parametrize("command", [["check"], ["show"], ["show", "--format", "html"], []])
def test_a_bad_table_ends_in_one_message(capsys, own, command, old, new, words):
    assert OWN.count(old) == 1
    own.write_text(OWN.replace(old, new))
    message = refused(capsys, "models", *command, own)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("command", [["check"], ["show"], []])
def test_a_misspelt_name_offers_the_nearest(capsys, command):
    assert "did you mean 'asm1'" in refused(capsys, "models", *command, "asm11")
    assert "'lotka_volterra'" in refused(capsys, "models", *command, "lotka")
    assert "does not exist" in refused(capsys, "models", *command, "nothing.yaml")


def test_an_unknown_format_offers_the_nearest(capsys):
    assert "did you mean 'html'" in refused(capsys, "models", "show", "asm1", "--format", "htlm")


@pytest.mark.parametrize("arguments", [["shwo", "asm1"], ["show"], ["check"], ["--all"], ["show", "asm1", "asm2"]])
def test_a_wrong_call_ends_with_its_usage(capsys, arguments):
    code, out, err = call(capsys, "models", *arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err
    if arguments[0] == "shwo":
        assert "'show'" in err


def test_help_names_both_commands_and_the_short_form(capsys):
    code, out, _ = call(capsys, "models", "--help")
    assert code == 0
    assert all(word in out for word in ("NAME", "show", "check"))
    for command in ("show", "check"):
        code, out, _ = call(capsys, "models", command, "--help")
        assert code == 0
        assert "Name of a shipped table" in out


def test_help_of_the_group_imports_nothing_heavy():
    code = (
        "import sys\nfrom asm_hybrid.cli import main\n"
        "try:\n    main(['models', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'matplotlib', 'pandas', 'sympy', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_shipped_table_can_be_checked_by_its_path(capsys):
    code, out, _ = call(capsys, "models", "check", TABLES / "asm1.yaml")
    assert code == 0
    assert "found: 14 components, 8 processes, 22 parameters, 7 composites" in out
