"""From a learnt factor to a law within a small plant, whose nitrification needs alkalinity, and to table and config."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.cli import main
from asm_hybrid.config import build_layout, load_config, load_kinetics, observed_targets
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.explanations.laws import Curve, distilled_law, fit_law, fitted_record, rank_laws
from asm_hybrid.explanations.laws.in_plant import law_problem, squares
from asm_hybrid.explanations.laws.problem import least_squares
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import Plant
from asm_hybrid.training import FittedModel, load_model, start_state
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.sensors import Sensors, sensor_specs

NITRIFICATION = "aerobic_growth_autotrophs"
TRUE_K = 2.0
TRUTH = f"""\
name: soft
extends: asm1
title: ASM1 whose nitrifiers need alkalinity
parameters:
  K_ALK: {{default: {TRUE_K}, unit: mol/m3, bounds: [0.01, 20], source: own work}}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * monod(S_ALK, K_ALK) * X_BA
"""


def learnt(name="S_ALK", K=1.2):
    """Return a curve as n may learn it: of the right form, with another constant."""
    x = np.linspace(0.5, 4.0, 20)
    return Curve(name, x, 1.5 * x / (K + x), np.ones(20))


def quick(problem):
    """Fit in one step, where it does not matter how well."""
    return least_squares(problem, rounds=1)


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Return the record of a plant with that truth, and ASM1 with the true parameters but K_ALK as its model."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("soft")
    (folder / "soft.yaml").write_text(TRUTH, encoding="utf-8")
    write_case(folder, CONFIG.replace("kinetics: asm1,", "kinetics: soft.yaml,"), truth={"mu_A": 0.9})
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    config = load_config(folder / "config.yaml")
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    defaults = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
    observed = observed_targets(config)
    inputs = torch.as_tensor(dataset.inputs, dtype=torch.float64)
    system = PlantSystem(plant, defaults, tuple(observed.values()))
    start = start_state(system, inputs.mean(0))
    noise = torch.tensor([o.noise for o in dataset.observations], dtype=torch.float64)
    model = FittedModel(
        config=config,
        plant=plant,
        grid=make_grid(config),
        targets=tuple(observed.values()),
        labels=tuple(observed),
        defaults=defaults,
        parameters=defaults,
        start=start.expand(2, -1, -1),
        sensors=Sensors(sensor_specs(config), noise, 2),
    )
    return fitted_record(model, dataset)


@pytest.fixture(scope="module")
def found(record):
    """Return law and notes, measured by what a perfect model would err by."""
    return distilled_law(record, NITRIFICATION, [learnt()], reference={"NH4": 0.07, "NO3": 0.07})


def test_the_law_of_the_truth_is_found_and_its_constant_within_its_interval(found) -> None:
    law, notes = found
    assert law["kind"] == "monod"
    assert law["expression"] == "monod(S_ALK, K_ALK_aut)"
    (constant,) = law["constants"]
    assert constant["unit"] == "mol/m3"
    assert TRUE_K / 2 < constant["low"] < TRUE_K < constant["high"] < TRUE_K * 2
    assert law["parameters"]["mu_A"] == pytest.approx(0.9, rel=0.15)
    assert law["calibrate"] == ["K_ALK_aut"]
    assert law["kept"]
    assert law["share_of_gain"] > 0.95
    assert len(law["others"]) == 2
    json.dumps([law, notes], allow_nan=False)


def test_its_scores_are_those_of_the_three_models_and_its_curve_lies_on_what_was_learnt(found) -> None:
    law, _ = found
    for label in ("NH4", "NO3"):
        row = law["scores"][label]
        assert row["law"] < 0.07 < row["f"]
        assert row["n"] is None
        assert row["unit"] == "g N/m3"
        assert law["validation"][label]["law"] < law["validation"][label]["f"]
    x, factor = (np.array(law["curve"][key]) for key in ("x", "factor"))
    assert (x[0], x[-1]) == (0.5, 4.0)
    np.testing.assert_allclose(factor, np.interp(x, learnt().x, learnt().factor), rtol=0.25)


def test_a_law_that_holds_too_little_is_not_kept(record) -> None:
    # the sludge varies too little for a law of it: what remains is the scale, which f fits as well without it
    law, _ = distilled_law(record, NITRIFICATION, [learnt("X_P", 5.0)], reference={"NH4": 0.07, "NO3": 0.07})
    assert not law["kept"]
    assert law["share_of_gain"] < 0.8


def test_without_n_or_another_explanation_nothing_is_kept(record) -> None:
    law, notes = distilled_law(record, NITRIFICATION, [learnt()], fit=quick)
    assert law["share_of_gain"] is None
    assert not law["kept"]
    assert any("nothing that the law could be measured by" in note for note in notes)


def test_what_no_rate_can_read_has_no_law_and_the_reason_is_said(record) -> None:
    law, notes = distilled_law(record, NITRIFICATION, [learnt("time_of_day")])
    assert law is None
    assert "No law can be read over time_of_day" in notes[0]
    assert distilled_law(record, NITRIFICATION, []) == (
        None,
        ["No driver of the learnt factor is known, so that there is no law."],
    )


def test_a_validation_block_without_measurements_is_said(record) -> None:
    empty = replace(record, blocks=record.blocks | {"validate": (100.0, 101.0)})
    law, notes = distilled_law(empty, NITRIFICATION, [learnt()])
    assert law is None
    assert "validation block has no measurements" in notes[0]


def test_laws_that_cannot_be_fitted_are_said(record) -> None:
    def fit(problem):
        raise SimulationError("it diverges")

    law, notes = distilled_law(record, NITRIFICATION, [learnt()], fit=fit)
    assert law is None
    assert len([note for note in notes if "could not be fitted within the plant: it diverges" in note]) == 3


def test_a_product_of_two_drivers_competes_too(record) -> None:
    kinds = []

    def fit(problem):
        kinds.append(problem.names)
        raise SimulationError("not fitted here")

    distilled_law(record, NITRIFICATION, [learnt(), learnt("S_NO", 9.0)], fit=fit)
    assert {"K_ALK_aut", "K_NO_aut"} <= {*kinds[-1]}
    assert len(kinds) == 4


def test_what_is_fitted_are_calibrated_parameters_the_scale_and_the_constants(record) -> None:
    curve = learnt()
    law = rank_laws(curve.x, curve.factor, curve.weight, "S_ALK", record.model.plant.table)[0]
    problem, names = law_problem(record, NITRIFICATION, law, "small")
    assert problem.names == ("mu_A", "eta_g", "K_ALK_aut")
    at = dict(zip(problem.names, problem.start, strict=True))
    default = dict(zip(record.model.plant.table.parameter_names, record.model.defaults.tolist(), strict=True))
    assert at["mu_A"] == pytest.approx(min(default["mu_A"] * law.scale, problem.bounds[0, 1]))
    assert at["K_ALK_aut"] == pytest.approx(1.2, rel=0.01)
    other, names = law_problem(record, "aerobic_growth_heterotrophs", law, "small")
    assert names.scale == "f_het"
    assert other.names == ("mu_A", "eta_g", "K_ALK_het", "f_het")


def test_a_fitted_law_predicts_what_its_table_does(record) -> None:
    curve = learnt()
    law = rank_laws(curve.x, curve.factor, curve.weight, "S_ALK", record.model.plant.table)[0]
    fitted = fit_law(record, NITRIFICATION, law, "small")
    again = dict(zip(fitted.table.parameter_names, [p.default for p in fitted.table.parameters], strict=True))
    assert again["K_ALK_aut"] == pytest.approx(fitted.fitted["K_ALK_aut"])
    assert squares(record, fitted.values, "train")["NH4"] == pytest.approx(0.07, abs=0.04)


@pytest.fixture
def run(small_run, found, tmp_path):
    """Return a copy of the finished run of the small plant, with that law in its diagnosis."""
    shutil.copytree(small_run.parent, tmp_path / "small")
    folder = tmp_path / "small" / "run"
    diagnose(folder, found[0])
    return folder


def diagnose(folder, law, notes=()):
    (folder / "diagnosis.json").write_text(json.dumps({"law": law, "notes": list(notes)}), encoding="utf-8")
    write_manifest(folder)


def test_distill_writes_a_table_and_a_config_that_check_and_simulate(run, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["distill", str(run), "--out", str(tmp_path / "law")])
    shown = capsys.readouterr().out
    assert "aerobic_growth_autotrophs: mu_A * monod(S_NH, K_NH)" in shown
    assert "K_ALK_aut = " in shown
    assert "f + law" in shown
    assert {p.name for p in (tmp_path / "law").iterdir()} == {"kinetics.yaml", "config.yaml"}
    checked = ah.check(tmp_path / "law" / "config.yaml")
    assert not checked.errors
    config = load_config(tmp_path / "law" / "config.yaml")
    assert config.name == "small-law"
    assert list(config.model.calibrate) == ["mu_A", "eta_g", "K_ALK_aut"]
    assert config.sources["online"].file == "../small/plant.csv"
    table = load_kinetics(config)
    assert load_table(tmp_path / "law" / "kinetics.yaml").text == table.text
    base = ah.simulate(tmp_path / "law" / "config.yaml")
    assert np.isfinite(base.series.loc["base", "aerobic.S_NH"]).all()


def test_what_was_distilled_trains(run, tmp_path) -> None:
    made = ah.distill(run)
    assert made.folder == run / "distilled"
    config = ah.load_config(made.config)
    config["model"]["mode"] = "mechanistic"
    result = ah.run(config, tmp_path / "again")
    fitted = load_model(result.folder)
    assert "K_ALK_aut" in fitted.plant.table.parameter_names
    rows = json.loads((result.folder / "parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert next(r for r in rows if r["name"] == "K_ALK_aut")["calibrated"]


def test_a_folder_in_the_way_is_refused_and_replaced_when_asked(run, tmp_path) -> None:
    out = tmp_path / "law"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    (out / "config.yaml").write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match="--force"):
        ah.distill(run, out)
    assert (out / "config.yaml").read_text(encoding="utf-8") == "old"
    assert ah.distill(run, out, force=True).table.exists()
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert load_config(out / "config.yaml").name == "small-law"
    with pytest.raises(InputError, match="holds a run or a bundle"):
        ah.distill(run, run, force=True)
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="a file of that name exists"):
        ah.distill(run, tmp_path / "file", force=True)


def test_runs_without_a_law_are_refused_with_the_reason(run, found, tmp_path) -> None:
    diagnose(run, None, ["n explains nothing."])
    with pytest.raises(InputError, match="has no law: n explains nothing"):
        ah.distill(run)
    diagnose(run, found[0] | {"kept": False, "share_of_gain": 0.43})
    with pytest.raises(InputError, match="was not kept: it keeps 43 %"):
        ah.distill(run)
    diagnose(run, {key: value for key, value in found[0].items() if key != "table"})
    with pytest.raises(InputError, match=r"cannot be used.*table"):
        ah.distill(run)
    (run / "diagnosis.json").unlink()
    write_manifest(run)
    with pytest.raises(InputError, match="asm-hybrid diagnose"):
        ah.distill(run)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    del summary["verdict"]
    (run / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    write_manifest(run)
    with pytest.raises(InputError, match="stopped before it was finished"):
        ah.distill(run)
    assert not (run / "distilled").exists()


def test_the_same_law_is_measured_by_n_where_a_run_has_one(small_run) -> None:
    model = load_model(small_run)
    dataset = read_dataset(model.config, model.plant.table, model.plant.layout)
    law, _ = distilled_law(fitted_record(model, dataset), NITRIFICATION, [learnt("S_NH")], fit=quick)
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    for label in ("NH4", "NO3"):
        assert law["scores"][label]["n"] == pytest.approx(summary["scores"]["test"][label]["hybrid"]["rmse"], rel=0.02)
        assert law["scores"][label]["f"] == pytest.approx(
            summary["scores"]["test"][label]["recalibrated"]["rmse"], rel=1e-6
        )


def test_the_fit_begins_as_f_does_and_knows_its_biases(record) -> None:
    sensors = copy.deepcopy(record.model.sensors)
    sensors.beside_f[:] = torch.tensor([0.5, -0.25])
    start = record.model.start.clone()
    start[1, :, record.model.plant.table.component_names.index("X_BA")] *= 1.3
    other = replace(record, model=replace(record.model, start=start, sensors=sensors))
    curve = learnt()
    law = rank_laws(curve.x, curve.factor, curve.weight, "S_ALK", record.model.plant.table)[0]
    problem, _ = law_problem(other, NITRIFICATION, law, "small")
    names = [c.name for c in record.model.plant.table.components if c.phase == "particulate"]
    assert dict(zip(names, problem.first, strict=True)) == pytest.approx(
        dict.fromkeys(names, 0.0) | {"X_BA": np.log(1.3)}, abs=1e-3
    )
    asked = []

    def fit(given):
        asked.append(given)
        return least_squares(given, rounds=1)

    plain, moved = (fit_law(r, NITRIFICATION, law, "small", fit) for r in (record, other))
    assert [given.first.max() > 0.2 for given in asked] == [False, True]
    assert np.mean(moved.values[0] - plain.values[0]) != pytest.approx(0.0, abs=0.05)
