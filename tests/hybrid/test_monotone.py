"""The monotone network: its signs hold whatever its weights, it leaves zero, and a run trains, saves and loads it."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
import torch
from plant_tools import defaults, make_plant
from small_plant import BEYOND, CONFIG, write_case
from term_tools import make_term, operating_point, shake

from asm_hybrid import load_model
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.ensemble import Ensemble
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.workflow import run_training

INPUTS = ("S_O", "S_NH", "T")
SIGNS = {"rises_with": ("S_O",), "falls_with": ("S_NH",)}
MONOTONE = NETWORKS["monotone"]


def ensemble(hidden=(8, 8), targets=3):
    return Ensemble(MONOTONE(INPUTS, hidden, targets, "tanh", SIGNS), (1, 2))


@pytest.mark.parametrize("hidden", [(), (8,), (8, 5, 8)])
def test_signs_hold_for_random_weights(hidden):
    network, generator = ensemble(hidden), torch.Generator().manual_seed(3)
    moves = []
    for _ in range(20):
        with torch.no_grad():
            for p in network.parameters():
                p.copy_(2.0 * torch.randn(p.shape, dtype=p.dtype, generator=generator))
            x = 2.0 * torch.randn(2, 200, 3, dtype=torch.float64, generator=generator)
            moves.append([network(x + step) - network(x) for step in 0.3 * torch.eye(3, dtype=torch.float64)])
    up, down, free = (torch.stack(m) for m in zip(*moves, strict=True))
    assert float(up.min()) >= -1e-12
    assert float(down.max()) <= 1e-12
    assert float(up.max()) > 0.1
    assert float(down.min()) < -0.1
    assert float(free.min()) < -0.1 < 0.1 < float(free.max())


def test_it_is_zero_at_the_start_and_learns_from_there():
    network, generator = ensemble(targets=1), torch.Generator().manual_seed(0)
    x = torch.randn(2, 400, 3, dtype=torch.float64, generator=generator)
    wanted = torch.tanh(2.0 * x[..., :1]) - 0.5 * x[..., 1:2] + torch.sin(2.0 * x[..., 2:])
    assert torch.equal(network(x), torch.zeros(2, 400, 1, dtype=torch.float64))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(400):
        loss = (network(x) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.1 * float(wanted.var())


def test_a_slope_of_the_wrong_sign_is_not_learnt():
    network, generator = ensemble(targets=1), torch.Generator().manual_seed(0)
    x = torch.randn(2, 400, 3, dtype=torch.float64, generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(200):
        loss = (network(x) + x[..., :1]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) > 0.8


def test_it_is_the_same_in_casadi():
    plant = make_plant()
    like = make_term(plant, "rates", inputs=INPUTS)
    spec = replace(like.spec, network="monotone", options={**like.spec.options, **SIGNS})
    scaling = TermScaling(**{n: getattr(like, n) for n in TermScaling.__dataclass_fields__})
    takes_part = participants(plant, plant.stoichiometry(defaults(plant), torch_namespace()))
    term = shake(LearntTerm(spec, plant, scaling, takes_part))
    symbols = symbolic_system(plant, defaults(plant).numpy(), symbolic_term(term, 1))
    function = casadi.Function("f", [symbols.state, symbols.inputs], [symbols.derivative])
    system, bare = (PlantSystem(plant, defaults(plant), ("last.S_NH",), t) for t in (term.member(1), None))
    for seed in range(20):
        x, u = operating_point(plant, seed, members=1)
        with torch.no_grad():
            expected, f = (s.derivative(x, s.forcing(u))[0].numpy().ravel() for s in (system, bare))
        found = np.array(function(x.flatten().numpy(), u.numpy())).ravel()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
        assert np.abs(expected - f).max() > 0.1


def test_a_run_trains_saves_and_loads_it(tmp_path):
    network = "hidden: [4], inputs: [S_NH, S_O], type: monotone, rises_with: [S_NH]"
    text = CONFIG.replace("hidden: [4], inputs: [S_NH, S_O]", network)
    text = text.replace("calibrate: [mu_A, eta_g]", "calibrate: []")
    path = write_case(tmp_path, text.replace("iterations: 4,", "iterations: 10, learning_rate: 0.1,"), truth=BEYOND)
    run_training(path, tmp_path / "run")
    (term,) = load_model(tmp_path / "run").term
    assert term.spec.network == "monotone"
    x = torch.randn(2, 300, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        moved = term.network(x + torch.tensor([1.0, 0.0], dtype=torch.float64)) - term.network(x)
    assert float(moved.min()) >= 0.0
    assert float(moved.max()) > 1e-3
    assert "type: monotone" in (tmp_path / "run" / "config.yaml").read_text()


def checked(path):
    config = load_config(path)
    build_layout(config, load_kinetics(config))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("type: monotone", "no input has a sign"),
        ("type: monotone, rises_with: [S_NO]", "n does not read 'S_NO'"),
        ("type: monotone, rises_with: [time_of_day]", "the time of day goes round.*remove it"),
        ("type: monotone, rises_with: [S_O], falls_with: [S_NH, S_O]", "rises and falls with 'S_O'"),
        ("type: monotone, rises_with: [S_O], activation: silu", "'silu' is given with the type 'monotone'"),
        ("rises_with: [S_O]", "'rises_with' with the type 'monotone' only"),
        ("type: monoton", "'monoton'.*did you mean"),
    ],
)
def test_signs_that_do_not_fit_are_refused_with_the_line(tmp_path, keys, message):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("hidden: [4], inputs", f"{keys}, hidden: [4], inputs"), encoding="utf-8")
    with pytest.raises(InputError, match=f"(?s){message}") as caught:
        checked(path)
    assert "config.yaml:" in str(caught.value)
