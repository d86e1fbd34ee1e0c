"""A toy network."""

from __future__ import annotations

import numpy as np
from small_plant import BEYOND, CONFIG, write_case

from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.training import load_model
from asm_hybrid.workflow import run_training


def test_it_trains_and_is_the_same_in_casadi(tmp_path):
    text = CONFIG.replace("hidden: [4],", "hidden: [4], type: residual, linear_scale: 2.0,")
    run_training(write_case(tmp_path, text, truth=BEYOND), tmp_path / "run")
    model = load_model(tmp_path / "run")
    (term,) = model.term
    assert float(term.network.tensors()["linear"][0].detach().abs().sum()) > 0
    X, u = model.start[1], model.plant.inputs
    u = np.array([model.plant.layout.constants.get(s.name, 1.0) for s in u])
    import torch

    found = term.outputs(X.expand(2, *X.shape), torch.as_tensor(u))[1].detach().numpy()
    symbolic = symbolic_term(term, 1)
    assert np.allclose(np.array(symbolic.outputs(X.numpy(), u)), found, atol=1e-12)
