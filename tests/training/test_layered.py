"""Learning through plants with more than tanks: the layered settler of BSM1, and a primary clarifier."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from layout_tools import compiled_layout, layout_plant
from small_plant import CONFIG, write_case

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant, PrimaryClarifier
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import train
from asm_hybrid.training.simulation_models import PlantModel, start_state

TARGETS = ("tank_5.S_NH", "tank_1.S_NO", "effluent.TSS")


def parameters(plant):
    return torch.tensor([p.default for p in plant.table.parameters], dtype=torch.float64)


def diurnal(plant, days):
    """Return held inputs with a diurnal flow, and the same as knots."""
    inputs = assemble_inputs(plant, days)
    begin = inputs.begin.copy()
    begin[:, plant.input_index["Q_in"]] *= 1 + 0.4 * np.sin(2 * np.pi * inputs.times[:-1])
    return InputSeries(inputs.times, begin, None), torch.as_tensor(np.vstack([begin, begin[-1:]]))


@pytest.fixture(scope="module")
def with_primary():
    plant = layout_plant("bsm1")
    return Plant(plant.table, replace(plant.layout, primary=PrimaryClarifier()))


def errors(plant, days, substeps):
    """Return the largest differences from CVODES at 1e-9, relative to each quantity's mean, by substeps."""
    p = parameters(plant)
    system = PlantSystem(plant, p, TARGETS)
    series, knots = diurnal(plant, days)
    start = start_state(system, torch.as_tensor(series.mean))
    tight = CompiledPlant(plant, p.numpy(), tolerance=1e-9)
    record = tight.simulate(start[0].numpy()[plant.rows.active > 0], series)
    out = []
    for n in substeps:
        with torch.no_grad():
            solution = PlantModel(system, Grid(1 / 96, n, False)).simulate(start, knots)
        found = solution.outputs[0].numpy()
        out.append(max(np.abs(y / record.columns[t] - 1).max() for y, t in zip(found.T, TARGETS, strict=True)))
    return out


def test_bsm1_with_its_settler_follows_cvodes():
    coarse, fine = errors(layout_plant("bsm1"), 1.0, (3, 15))
    assert coarse < 0.02
    assert fine < coarse / 8


def test_a_primary_clarifier_follows_cvodes(with_primary):
    assert errors(with_primary, 0.5, (15,))[0] < 2e-3


def test_the_steady_start_is_that_of_the_compiled_plant():
    plant, compiled = layout_plant("bsm1"), compiled_layout("bsm1")
    u = assemble_inputs(plant, 1.0).mean
    found = start_state(PlantSystem(plant, parameters(plant), TARGETS), torch.as_tensor(u))[0].numpy()
    expected = compiled.steady_state(u).state
    np.testing.assert_allclose(found[plant.rows.active > 0], expected, rtol=1e-6, atol=1e-8)


def test_gradients_through_the_settler_equal_differences():
    plant = layout_plant("bsm1")
    base, (_, knots) = parameters(plant), diurnal(plant, 0.125)
    x0 = start_state(PlantSystem(plant, base, TARGETS), knots.mean(0))
    index = [plant.table.parameter_names.index(n) for n in ("mu_A", "b_H")]

    def loss(p):
        outputs = PlantModel(PlantSystem(plant, p, TARGETS), Grid(1 / 96, 15, False)).simulate(x0, knots).outputs
        return outputs.square().mean()

    p = base.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(p), p)
    for i in index:
        step = torch.zeros_like(base)
        step[i] = 1e-4 * base[i]
        with torch.no_grad():
            difference = (loss(base + step) - loss(base - step)) / (2 * step[i])
        assert float(gradient[i]) == pytest.approx(float(difference), rel=2e-3)


def summary_of(tmp_path, text):
    """Train one member on two days, without diagnosis and report, and return the summary."""
    text = text.replace("seeds: [1, 2]", "seeds: [1]").replace("iterations: 4", "iterations: 1")
    text = text.replace("calibrate: [mu_A, eta_g]", "calibrate: []")
    train(write_case(tmp_path, text, days=2), tmp_path / "run")
    return json.loads((tmp_path / "run" / "summary.json").read_text())


@pytest.mark.slow
def test_a_run_learns_through_a_layered_settler(tmp_path):
    text = CONFIG.replace("{type: ideal, non_settleable: 0.002}", "{type: takacs, area: 400, height: 4}")
    summary = summary_of(tmp_path, text.replace("step: 30 min", "step: 5 min"))
    assert 0 < summary["gradient_error"] < 1
    assert all(np.isfinite(row["hybrid"]["rmse"]) for row in summary["scores"]["test"].values())


def test_a_step_that_cannot_be_compiled_runs_as_it_is(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", fail)
    summary = summary_of(tmp_path, CONFIG.replace("training: {", "training: {compile: true, "))
    assert any("no compiler here" in warning for warning in summary["warnings"])
