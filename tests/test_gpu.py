"""What trains runs on a CUDA device unchanged, and gives there what the CPU gives.

Every test here runs twice: on a CUDA device where the machine has one, and on a pretended one (`pretend_cuda`), which
refuses what a CUDA device refuses and computes on the CPU.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from plant_tools import defaults, make_plant, random_inputs, random_state
from pretend_cuda import pretended_cuda
from small_plant import COLLOCATION_STEPS, CONFIG, write_case
from term_tools import MEASURED, make_term, shake

import asm_hybrid as ah
from asm_hybrid import load_model, read_inputs
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, collocation, start_state, train
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.soap_optimiser import Soap

HAS_CUDA = torch.cuda.is_available()
NO_CUDA = pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")


@pytest.fixture(params=["pretended", pytest.param("real", marks=[pytest.mark.gpu, NO_CUDA])])
def on_cuda(request):
    """Return a context in which there is a CUDA device, and the tolerance of what it gives."""
    torch.set_num_threads(1)
    return (nullcontext, 1e-9) if request.param == "real" else (pretended_cuda, 1e-14)


def same(found, expected, tolerance):
    """Compare tensors of the device with those of the CPU."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.device.type == "cuda"
        size = float(b.detach().abs().max())
        torch.testing.assert_close(a.detach().cpu(), b.detach(), rtol=tolerance, atol=tolerance * size)


def term_of(plant, placement, form, network):
    """Return n with random weights."""
    targets = ("influent.S_NH", "influent.X_S") if placement == "forcing" else None
    inputs = ("T", "load.S_NH") if placement == "forcing" else ("S_S", "S_NH", "T")
    term = make_term(plant, placement, form, targets=targets, inputs=inputs)
    if network == "monotone":
        spec = replace(term.spec, network=network, options=term.spec.options | {"rises_with": inputs[1:2]})
        takes_part = participants(plant, plant.stoichiometry(defaults(plant), torch_namespace()))
        term = LearntTerm(spec, plant, term.scaling, takes_part)
    return shake(term, scale=0.1)


def descended(device, placement, form, network, optimiser):
    """Return outputs, gradients and weights of two gradient steps over an hour, on a device."""
    plant, rng = make_plant(), np.random.default_rng(3)
    term = LearntTerms([term_of(plant, placement, form, network)]).to(device)
    system = PlantSystem(plant, defaults(plant).to(device), MEASURED, term)
    x0 = torch.as_tensor(random_state(plant, rng)).to(device).expand(2, -1, -1)
    inputs = torch.as_tensor(random_inputs(plant, rng)).to(device).expand(5, -1)
    descends = optimiser(term.parameters(), lr=0.01)
    for _ in range(2):
        descends.zero_grad()
        outputs = PlantModel(system, Grid(1 / 96, 1, True)).simulate(x0, inputs).outputs
        outputs.square().mean().backward()
        descends.step()
    return [outputs, *(p.grad for p in term.parameters()), *term.parameters()]


@pytest.mark.parametrize(
    ("placement", "form", "network", "optimiser"),
    [
        ("rates", "multiplicative", "mlp", torch.optim.Adam),
        ("rates", "additive", "monotone", Soap),
        ("state", "", "mlp", torch.optim.Adam),
        ("parameters", "", "monotone", torch.optim.Adam),
        ("forcing", "", "mlp", Soap),
        ("output", "", "mlp", torch.optim.Adam),
    ],
)
def test_each_placement_descends_as_on_the_cpu(on_cuda, placement, form, network, optimiser):
    (context, tolerance), case = on_cuda, (placement, form, network, optimiser)
    expected = descended("cpu", *case)
    with context():
        same(descended("cuda", *case), expected, tolerance)


def solved(device, dtype, method, adjoint):
    """Return states and gradients of a batch of pendulums."""
    x0 = torch.tensor([[1.0, 0.0], [0.2, 0.5]], dtype=dtype, device=device, requires_grad=True)
    damping = torch.tensor(0.3, dtype=dtype, device=device, requires_grad=True)
    times = torch.linspace(0.0, 1.0, 4, dtype=torch.float64, device=device)

    def f(t, x):
        return torch.stack([x[..., 1], -torch.sin(x[..., 0]) - damping * x[..., 1]], dim=-1)

    given = {"adjoint": True, "parameters": [damping]} if adjoint else {}
    states = ah.solve(f, x0, times, method=method, **given).states
    assert states.dtype == dtype
    return [states, *torch.autograd.grad(states[-1].square().sum(), (x0, damping))]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("method", "adjoint"), [("dopri5", False), ("dopri5", True), ("rodas5p", False)])
def test_the_solver_keeps_to_the_device_in_both_precisions(on_cuda, dtype, method, adjoint):
    context, tolerance = on_cuda
    expected = solved("cpu", dtype, method, adjoint)
    with context():
        same(solved("cuda", dtype, method, adjoint), expected, 1e-4 if dtype == torch.float32 else 1e3 * tolerance)


SHORT = (
    CONFIG.replace("device: cpu", "device: auto")
    .replace("seeds: [1, 2], warmup: 6 h", "seeds: [1], warmup: 1 h, gradient: block")
    .replace("window: 6 h", "window: 2 h, batch: 3, stages: [calibration, collocation, growing, windows, shooting]")
    .replace("calibration_evaluations: 3", "calibration_evaluations: 1")
    .replace("as: aerobic.S_NH, unit", "as: aerobic.S_NH, bias: learn, lag: learn, unit")
)
"""One day and one member; the device is that which the machine has."""


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(collocation, "STEPS", COLLOCATION_STEPS // 10)


def stop_after(patch, name):
    """Have a run interrupted once a checkpoint is written."""
    save = Checkpoints.save

    def stop(self, stage, tensors, facts):
        save(self, stage, tensors, facts)
        if stage == name:
            raise KeyboardInterrupt

    patch.setattr(Checkpoints, "save", stop)


def forecast_of(run):
    """Return the scores of forecasts and simulations."""
    summary = json.loads((run / "summary.json").read_text())
    return summary["scores"], summary["forecast"]["scores"]


@pytest.mark.slow
def test_a_run_goes_through_all_stages_and_from_device_to_device(on_cuda, few_steps, tmp_path, monkeypatch):
    context, _ = on_cuda
    config = write_case(tmp_path, SHORT, days=1)
    with monkeypatch.context() as patch:
        if HAS_CUDA:
            patch.setattr(torch.cuda, "is_available", lambda: False)
        train(config, tmp_path / "cpu")
        stop_after(patch, "n-2")  # within the growing windows
        assert train(config, tmp_path / "moved").interrupted
    resume = tmp_path / "moved" / "config.yaml"
    with context():
        with monkeypatch.context() as patch:
            stop_after(patch, "n-6")  # within the shooting
            assert train(resume, tmp_path / "moved", resume=True).interrupted
        facts = json.loads((tmp_path / "moved" / "environment.json").read_text())
        assert facts["device"] != "cpu"
        model = load_model(tmp_path / "moved", "cuda")
        assert model.parameters.device.type == "cuda"
        inputs = torch.as_tensor(
            read_inputs(tmp_path / "moved")[[s.name for s in model.plant.inputs]].to_numpy()[:13], device="cuda"
        )
        on_device = model.simulate(inputs)
    on_cpu = load_model(tmp_path / "moved").simulate(inputs.cpu())
    torch.testing.assert_close(on_device.outputs.cpu(), on_cpu.outputs, rtol=1e-7, atol=1e-9)
    with monkeypatch.context() as patch:
        if HAS_CUDA:
            patch.setattr(torch.cuda, "is_available", lambda: False)
        assert not train(resume, tmp_path / "moved", resume=True).interrupted
    assert list(forecast_of(tmp_path / "moved")[0]["test"]["NH4"]) == list(
        forecast_of(tmp_path / "cpu")[0]["test"]["NH4"]
    )
    for found, expected in zip(forecast_of(tmp_path / "moved"), forecast_of(tmp_path / "cpu"), strict=True):
        assert leaves(found) == pytest.approx(leaves(expected), rel=1e-5, nan_ok=True)


def leaves(tree):
    """Return all numbers in a tree, in order."""
    if isinstance(tree, dict):
        return [x for value in tree.values() for x in leaves(value)]
    if isinstance(tree, list):
        return [x for value in tree for x in leaves(value)]
    return [float("nan") if tree is None else float(tree)]


@pytest.mark.parametrize("mode", ["hybrid", "neural"])
@pytest.mark.slow
def test_a_whole_run_on_the_device_has_the_scores_of_one_on_the_cpu(on_cuda, few_steps, tmp_path, monkeypatch, mode):
    context, _ = on_cuda
    text = SHORT.replace(
        "stages: [calibration, collocation, growing, windows, shooting]", "stages: [calibration, windows]"
    )
    text = text.replace("mode: hybrid", f"mode: {mode}").replace("iterations: 4", "iterations: 2")
    config = write_case(tmp_path, text, days=1)
    with monkeypatch.context() as patch:
        if HAS_CUDA:
            patch.setattr(torch.cuda, "is_available", lambda: False)
        train(config, tmp_path / "cpu")
    with context():
        train(config, tmp_path / "cuda")
    for found, expected in zip(forecast_of(tmp_path / "cuda"), forecast_of(tmp_path / "cpu"), strict=True):
        assert leaves(found) == pytest.approx(leaves(expected), rel=1e-5, nan_ok=True)


def test_the_steady_start_is_that_of_the_cpu(on_cuda):
    context, tolerance = on_cuda
    plant = make_plant()
    p, u = defaults(plant), torch.as_tensor(random_inputs(plant, np.random.default_rng(0)))
    expected = start_state(PlantSystem(plant, p, MEASURED), u)
    with context():
        found = start_state(PlantSystem(plant, p.to("cuda"), MEASURED), u.to("cuda"))
        same([found], [expected], max(tolerance, 1e-9))


def test_devices_are_chosen_by_what_the_machine_has():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if HAS_CUDA else "cpu")


@pytest.mark.skipif(HAS_CUDA, reason="this machine has a CUDA device")
def test_cuda_without_a_device_is_an_input_error():
    with pytest.raises(InputError, match="CUDA") as caught:
        choose_device("cuda")
    assert "auto" in str(caught.value)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: x + torch.ones(3),
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
        lambda x: torch.stack([x[0], torch.tensor(1.0)]),
        lambda x: torch.ones(3)[torch.tensor([1], device=x.device)],
        lambda x: torch.nn.init.normal_(x, generator=torch.Generator()),
        lambda x: torch.where(x > 0, x, torch.zeros(3)),
    ],
)
def test_the_pretended_device_refuses_what_a_device_refuses(mistake):
    with pretended_cuda():
        x = torch.tensor([1.0, 2.0, 3.0], device="cuda")
        assert (2.0 * x + torch.tensor(1.0))[[0, 2]].tolist() == [3.0, 7.0]
        with pytest.raises((RuntimeError, TypeError)):
            mistake(x)


@pytest.mark.gpu
@NO_CUDA
def test_a_compiled_step_on_the_device_gives_what_the_plain_one_gives():
    plant, rng = make_plant(), np.random.default_rng(3)
    system = PlantSystem(plant, defaults(plant).to("cuda"), MEASURED)
    x0 = torch.as_tensor(random_state(plant, rng)).to("cuda").unsqueeze(0)
    inputs = torch.as_tensor(random_inputs(plant, rng)).to("cuda").expand(5, -1)
    with torch.no_grad():
        plain, compiled = (
            PlantModel(system, Grid(1 / 96, 1, True), compiled=c).simulate(x0, inputs).outputs for c in (False, True)
        )
    torch.testing.assert_close(compiled, plain, rtol=1e-9, atol=1e-9)
