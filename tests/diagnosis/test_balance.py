"""What n makes of nothing: none by rates and parameters, and what is added to derivatives to the last gram."""

import numpy as np
import pytest
import torch
from plant_tools import random_inputs
from small_plant import CONFIG, write_case

from asm_hybrid.diagnosis.imbalance import composition, imbalance, imbalance_warning
from asm_hybrid.training import load_model, train


def shaken_run(folder, placement):
    """Return a model whose n is large and random, and some of its states and inputs."""
    torch.set_num_threads(1)
    text = (
        CONFIG.replace("iterations: 4", "iterations: 0")
        .replace("seeds: [1, 2]", "seeds: [1]")
        .replace("calibration_evaluations: 3", "calibration_evaluations: 1")
    )
    extra = ", parameters: [mu_A, K_OH]" if placement == "parameters" else ""
    text = text.replace("network: {", f"network: {{placement: {placement}{extra}, ")
    model = load_model(train(write_case(folder, text), folder / "run").folder)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.term.parameters():
            p.copy_(0.5 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    rng = np.random.default_rng(0)
    u = torch.as_tensor(np.stack([random_inputs(model.plant, rng) for _ in range(5)]))
    return model, model.start[1].repeat(5, 1, 1), u


@pytest.mark.parametrize("placement", ["rates", "parameters"])
def test_nothing_is_made_of_nothing_by_rates(tmp_path, placement):
    model, X, u = shaken_run(tmp_path, placement)
    found = imbalance(model, model.term.member(0), X, u)
    assert set(found) == {"COD", "N", "charge"}
    assert max(row["of_moved"] for row in found.values()) < 1e-8
    assert max(row["of_influent"] for m, row in found.items() if m != "charge") < 1e-8
    assert imbalance_warning(found) is None


def test_what_is_added_to_derivatives_is_counted(tmp_path):
    model, X, u = shaken_run(tmp_path, "state")
    term = model.term.member(0)
    found = imbalance(model, term, X, u)
    names = list(model.plant.table.component_names)
    oxygen, aerobic = names.index("S_O"), 1
    X[:, aerobic, oxygen] = u[:, model.plant.input_index["aerobic.S_O"]]
    added = next(iter(term)).additions(X.unsqueeze(0), u)[0].detach()
    added[:, aerobic, oxygen] = 0.0  # imposed: n moves nothing there
    holds = dict(zip(("COD", "N", "charge"), composition(model).T.tolist(), strict=True))
    assert holds["N"][names.index("S_N2")] == 1.0
    assert holds["N"][names.index("X_BH")] == 0.086
    assert holds["COD"][oxygen] == -1.0
    volumes = [tank.volume for tank in model.plant.layout.tanks]
    for material in ("COD", "N"):
        held = holds[material]
        made = sum(h * v * added[:, k, i] for i, h in enumerate(held) for k, v in enumerate(volumes)) / 1e3
        assert found[material]["created"] == pytest.approx(float(made.mean()), rel=1e-12)
        assert found[material]["size"] == pytest.approx(float(made.abs().mean()), rel=1e-12)
        fed = sum(h * u[:, model.plant.input_index[f"influent.{n}"]] for n, h in zip(names, held, strict=True))
        load = float((u[:, model.plant.input_index["Q_in"]] * fed).mean()) / 1e3
        assert found[material]["of_influent"] == pytest.approx(found[material]["size"] / load, rel=1e-12)
    sentence = imbalance_warning(found)
    assert "kg/d of N (" in sentence
    assert "kg/d of COD (" in sentence
