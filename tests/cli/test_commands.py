"""The command line as a user meets it: help, exit codes, one message for bad input, nothing half-written."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.cli import main
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.training.compared import model_of

QUICK = CONFIG.replace("iterations: 4", "iterations: 2").replace(
    "calibration_evaluations: 3", "calibration_evaluations: 1"
)
COMMANDS = [
    "train",
    "simulate",
    "diagnose",
    "distill",
    "export",
    "check",
    "models",
    "layouts",
    "verify",
    "init",
    "schema",
]


def call(capsys, *arguments):
    """Run the command line; return exit code, standard output and standard error."""
    torch.set_num_threads(1)
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return caught.value.code or 0, captured.out, captured.err


def refused(capsys, *arguments):
    """Run a command that must be refused; return its message."""
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "Traceback" not in err
    assert err.count("error:") == 1
    return err


def test_help_names_every_command(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capsys, name):
    code, out, _ = call(capsys, name, "--help")
    assert code == 0
    assert "Usage" in out


def test_help_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys\nfrom asm_hybrid.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'matplotlib', 'pandas', 'sympy', 'scipy'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_fitted_model_is_used_without_scipy():
    code = (
        "import sys\nimport asm_hybrid.jobs, asm_hybrid.newdata.forecast, asm_hybrid.report.new_data\n"
        "sys.exit(str([m for m in sys.modules if m.startswith('scipy.')]) if 'scipy' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version(capsys):
    code, out, _ = call(capsys, "--version")
    assert code == 0
    assert out.startswith("asm-hybrid 0.")


def test_models_lists_tables_and_shows_one_uncut(capsys):
    _, out, _ = call(capsys, "models")
    assert "asm1" in out
    assert "lotka_volterra" in out
    _, out, _ = call(capsys, "models", "asm1")
    assert "aerobic_growth_autotrophs" in out
    assert "mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * X_BA" in out
    assert "…" not in out


def test_an_unknown_model_is_refused_with_the_nearest_name(capsys):
    assert "'asm1'" in refused(capsys, "models", "asm11")


def test_schema_is_json_schema_of_the_config(capsys):
    code, out, _ = call(capsys, "schema")
    assert code == 0
    assert set(json.loads(out)["properties"]) >= {"model", "plant", "data", "network", "training"}


def test_init_writes_a_config_once(capsys, tmp_path):
    code, out, _ = call(capsys, "init", tmp_path / "new")
    assert code == 0
    assert (tmp_path / "new" / "config.yaml").exists()
    assert "asm-hybrid check" in out
    assert "config.yaml" in refused(capsys, "init", tmp_path / "new")


def test_check_says_what_it_understood(capsys, tmp_path):
    code, out, _ = call(capsys, "check", write_case(tmp_path))
    assert code == 0
    for text in ("influent.S_NH", "aerobic.S_O", "0 errors", "test"):
        assert text in out
    assert {p.name for p in tmp_path.iterdir()} == {"config.yaml", "plant.csv", "config-flowsheet.svg"}


def test_check_ends_with_two_on_bad_data(capsys, tmp_path):
    path = write_case(tmp_path)
    rows = (tmp_path / "plant.csv").read_text().splitlines()
    rows[7] = rows[6]
    (tmp_path / "plant.csv").write_text("\n".join(rows) + "\n")
    code, out, _ = call(capsys, "check", path)
    assert code == 2
    assert "1 error," in out
    assert "remove or merge the rows" in out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mode: hybrid", "mode: hybird", ["mode", "hybrid", ":3"]),
        ("warmup: 6 h", "wramup: 6 h", ["wramup", "warmup"]),
        ("volume: 1000", "volume: -5", ["volume", "-5"]),
        ("from: aerobic", "from: aerobik", ["aerobik", "aerobic"]),
        ("as: aerobic.S_NH", "as: aerobic.S_PO4", ["S_PO4"]),
        ("unit: m3/d}", "unit: kg}", ["kg", "m3/d"]),
        ("file: plant.csv", "file: plnt.csv", ["plnt.csv", "plant.csv"]),
        ("NH4_in: {", "NH4_influent: {", ["NH4_influent", "NH4_in"]),
        ("test: [0.8, 1.0]", 'test: ["2030-01-01", "2030-02-01"]', ["test"]),
        ("volume: 1000}", "volume: 1000, volume: 2000}", ["volume", "twice"]),
    ],
)
def test_a_bad_config_is_refused_by_train_and_leaves_nothing(capsys, tmp_path, old, new, words):
    assert CONFIG.count(old) >= 1
    path = write_case(tmp_path)
    path.write_text(CONFIG.replace(old, new, 1))
    message = refused(capsys, "train", path, "--out", tmp_path / "run")
    assert all(w in message for w in words), message
    assert not (tmp_path / "run").exists()


def test_a_missing_config_is_refused(capsys, tmp_path):
    assert "nothing.yaml" in refused(capsys, "train", tmp_path / "nothing.yaml")


def test_an_unwritable_or_full_run_folder_is_refused(capsys, tmp_path):
    path = write_case(tmp_path)
    assert "--out" in refused(capsys, "train", path, "--out", tmp_path / "plant.csv" / "run")
    assert "not empty" in refused(capsys, "train", path, "--out", tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"config.yaml", "plant.csv"}


def test_export_refuses_an_unknown_format_and_a_folder_that_is_no_run(capsys, tmp_path):
    assert "bundle" in refused(capsys, "export", tmp_path, "--format", "bundel")
    refused(capsys, "export", tmp_path)
    assert not list(tmp_path.parent.glob(f"{tmp_path.name}-bundle*"))


CHILD = """
import os, signal, sys
from asm_hybrid.cli import main
from asm_hybrid.training.run_folder import MetricsLog

# A shell that starts tests in the background has its children ignore Ctrl-C; a terminal does not.
signal.signal(signal.SIGINT, signal.default_int_handler)
stage, write = sys.argv.pop(1), MetricsLog.write


def then_ctrl_c(log, record):
    write(log, record)
    if record["stage"] == stage:
        os.kill(os.getpid(), signal.SIGINT)


MetricsLog.write = then_ctrl_c
main()
"""
"""Runs the command line, and sends itself Ctrl-C at the first record of a stage."""


def start(path, out, *, stop_at=""):
    """Start a training in a process of its own."""
    path.write_text(QUICK)
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, stop_at, "train", str(path), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_equal_seeds_give_equal_files_in_two_processes(capsys, tmp_path):
    path = write_case(tmp_path)
    process = start(path, tmp_path / "a")
    out, err = process.communicate()
    assert process.returncode == 0, err
    code, here, err = call(capsys, "train", path, "--out", tmp_path / "b")
    assert code == 0, err
    assert "RMSE on the test block" in out
    assert "RMSE on the test block" in here
    for name in ("metrics.jsonl", "weights.safetensors", "predictions.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("stage", ["calibration", "n"])
def test_ctrl_c_ends_cleanly_with_the_best_model(capsys, tmp_path, stage):
    path, out = write_case(tmp_path), tmp_path / "run"
    process = start(path, out, stop_at=stage)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert str(out) in err
    assert json.loads((out / "summary.json").read_text())["stopped"] == "interrupted"
    verify_manifest(out)
    model, inputs = load_model(out), read_inputs(out)
    predicted = model.predict(inputs)
    assert np.isfinite(predicted).all(axis=None)
    if stage == "n":
        assert model.term is not None
        assert "NH4 low" in predicted
    code, _, err = call(capsys, "export", out)
    assert code == 0, err
    assert load_model(tmp_path / "run-bundle").predict(inputs).equals(predicted)


def test_ctrl_c_before_there_is_a_run_ends_with_130(capsys, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("asm_hybrid.checking.check", interrupt)
    code, _, err = call(capsys, "check", "bsm1")
    assert code == 130
    assert "Traceback" not in err


def test_ctrl_c_during_the_diagnosis_names_the_folder(capsys, tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("asm_hybrid.workflow.diagnose", interrupt)
    path = write_case(tmp_path, QUICK.replace("mode: hybrid", "mode: mechanistic"))
    code, _, err = call(capsys, "train", path, "--out", tmp_path / "run")
    assert code == 130
    assert str(tmp_path / "run") in err
    assert model_of(load_model(tmp_path / "run")).name == "recalibrated"


def test_a_diverging_training_ends_with_one_and_keeps_the_last_good_model(capsys, tmp_path):
    text = QUICK.replace("inputs: [S_NH, S_O]", "placement: state")
    path = write_case(tmp_path, text.replace("iterations: 2", "iterations: 6, learning_rate: 1.0e300"))
    code, _, err = call(capsys, "train", path, "--out", tmp_path / "run")
    assert code == 1
    assert "Traceback" not in err
    assert err.count("error:") == 1
    for part in ("every window diverges at iteration 2", "first NH4 at 2024-03-0", "mu_A = ", str(tmp_path / "run")):
        assert part in err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["stopped"] == "failed"
    verify_manifest(tmp_path / "run")
    predicted = load_model(tmp_path / "run").predict(read_inputs(tmp_path / "run"))
    assert "NH4 low" in predicted
    assert np.isfinite(predicted).all(axis=None)


RESUMED = ["train", "--resume", "run"]


@pytest.mark.parametrize(
    "arguments",
    [
        *(["bogus"], ["simulate"], ["train"], ["check", "a", "b"], ["models", "--all"]),
        *([*RESUMED, "config.yaml"], [*RESUMED, "--out", "other"], [*RESUMED, "--accept"]),
    ],
)
def test_a_wrong_call_ends_with_two_and_its_usage(capsys, arguments):
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert "Usage" in err


@pytest.mark.parametrize("command", ["train", "check"])
def test_a_folder_instead_of_a_config_is_refused(capsys, tmp_path, command):
    assert str(tmp_path) in refused(capsys, command, tmp_path)


def test_init_below_a_file_is_refused(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    assert str(tmp_path / "file") in refused(capsys, "init", tmp_path / "file" / "new")


def test_the_config_that_init_writes_is_understood(capsys, tmp_path):
    call(capsys, "init", tmp_path)
    message = refused(capsys, "check", tmp_path / "config.yaml")
    assert "does not exist" in message
    assert ".csv" in message
