"""A table of laws of one's own, from check to bundle: nitrifiers collapse in the heat, a decay follows the load."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from run_files import bundle_of
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid import load_model, read_inputs
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.workflow import run_training

TABLE = """\
name: warm
extends: asm1
title: ASM1 whose nitrifiers collapse in the heat
parameters:
  T_c: {default: 24, unit: degC, bounds: [18, 28], source: own work}
  T_w: {default: 1.5, unit: K, bounds: [0.3, 10], source: own work}
  L_c: {default: 1.5e6, unit: g COD/d, bounds: [1e5, 1e8], source: own work}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * min(monod(S_NH, K_NH), monod(S_O, K_OA)) / (1 + exp((T - T_c) / T_w)) * X_BA
  decay_heterotrophs:
    rate: b_H * (1 + max(0, load.COD - L_c) / L_c) * X_BH
"""
WARM = (
    CONFIG.replace("kinetics: asm1,", "kinetics: warm.yaml,")
    .replace("  temperature: 18 degC\n", "")
    .replace("        flow: {", "        T: {role: input, as: T, unit: degC}\n        flow: {")
)


def case(folder, *changes):
    """Write a record of a plant that collapses at 21 degC, and a config by which it does at 24 degC."""
    (folder / "warm.yaml").write_text(TABLE, encoding="utf-8")
    text = WARM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return write_case(folder, text, truth={"T_c": 21.0}, more={"T": lambda t: 20.0 + 2.5 * np.sin(2 * np.pi * t / 4)})


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def test_calibration_finds_the_temperature_of_the_collapse(tmp_path):
    changes = ("mode: hybrid, calibrate: [mu_A, eta_g]", "mode: mechanistic, calibrate: [T_c]")
    path = case(tmp_path, changes, ("calibration_evaluations: 3", "calibration_evaluations: 12"))
    run_training(path, tmp_path / "run")
    (row,) = (
        r for r in json.loads((tmp_path / "run" / "parameters.json").read_text())["parameters"] if r["calibrated"]
    )
    assert (row["name"], row["unit"], row["default"]) == ("T_c", "degC", 24.0)
    assert row["value"] == pytest.approx(21.0, abs=0.3)
    assert "T_c" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    table = load_table(bundle_of(tmp_path / "run", tmp_path / "bundle") / "kinetics-fitted.yaml")
    assert table.input_names == ("T", "load.COD")


@pytest.mark.parametrize(
    "network",
    [
        "placement: [rates, forcing, output], influent: [S_NH], inputs: {rates: [T], forcing: [Q_in], output: [S_NH]}",
        "placement: [parameters, state], parameters: [mu_A, T_w], inputs: [S_NH, T]",
    ],
    ids=["rates, forcing, output", "parameters, state"],
)
def test_train_load_export_and_simulate_with_every_placement(network, tmp_path):
    quick = ("iterations: 4", "iterations: 2"), ("calibration_evaluations: 3", "calibration_evaluations: 1")
    path = case(tmp_path, ("inputs: [S_NH, S_O]", network), ("seeds: [1, 2]", "seeds: [1]"), *quick)
    run = tmp_path / "run"
    run_training(path, run)
    model, inputs = load_model(run), read_inputs(run)
    assert "T = p[" in (run / "kinetics.py").read_text()
    assert load_model(bundle_of(run, tmp_path / "bundle")).predict(inputs).equals(model.predict(inputs))
    warmer = inputs.assign(T=inputs["T"] + 3.0)
    assert (model.predict(warmer) - model.predict(inputs)).abs().max().max() > 0.1
    scenario = tmp_path / "warmer.yaml"
    scenario.write_text("name: warmer\nchanges:\n  - {input: T, shift: 3}\n", encoding="utf-8")
    base, warm = (found.record.columns["effluent.S_NO"].mean() for found in simulate_run(run, scenario).cases)
    assert warm < base


def test_check_and_simulate_a_plant_from_the_command_line(tmp_path, capsys):
    path = case(tmp_path)
    for command in (["check", str(path)], ["simulate", str(path), "--out", str(tmp_path / "out")]):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert not ended.value.code
    shown = capsys.readouterr().out
    assert "EQI" in shown
    assert "(rates read T [degC], load.COD [g COD/d])" in shown


def test_a_plant_without_the_tank_is_told_file_and_line(tmp_path):
    path = case(tmp_path)
    text = TABLE.replace("load.COD - L_c) / L_c", "aerobc.air - Q_a) / Q_a").replace(
        "  L_c: {default: 1.5e6, unit: g COD/d, bounds: [1e5, 1e8]", "  Q_a: {default: 9, unit: m3/d, bounds: [1, 99]"
    )
    (tmp_path / "warm.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"the rate reads 'aerobc\.air', which the plant does not have") as caught:
        run_training(path, tmp_path / "run")
    assert str(caught.value.where).endswith("warm.yaml:12 (processes.decay_heterotrophs.rate)")
    assert not (tmp_path / "run").exists()


def test_a_generic_ode_is_told_that_there_is_no_plant(tmp_path):
    (tmp_path / "warm.yaml").write_text(TABLE, encoding="utf-8")
    names = ", ".join(f"{n}: 1" for n in load_table("asm1").component_names)
    path = tmp_path / "ode.yaml"
    path.write_text(
        "name: o\node: {table: warm.yaml, fit: {mu_A: {start: 0.5, bounds: [0.1, 1]}}}\n"
        f"initial: {{{names}}}\nspan: [0, 1]\ndata: {{times: {{count: 5}}, target: {{S_NH: 5}}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="reads 'T', an input of a plant, and here is no plant") as caught:
        ah.run(path, tmp_path / "run")
    assert caught.value.where == f"{path}:2 (ode.table)"
