"""What trains runs on a CUDA device unchanged, and gives there what the CPU gives.

Tests run on a CUDA device where the machine has one, and without one on what comes nearest: single steps on a pretended
device (`pretend_cuda`), which refuses what a CUDA device refuses and computes on the CPU; whole runs on the CPU.
"""

from __future__ import annotations

import json
from contextlib import nullcontext

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
from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, collocation, start_state, train
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.soap_optimiser import Soap

HAS_CUDA = torch.cuda.is_available()
NO_CUDA = pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device")


@pytest.fixture(params=["pretended", pytest.param("real", marks=[pytest.mark.gpu, NO_CUDA])])
def on_cuda(request):
    """Return a context in which there is a CUDA device."""
    torch.set_num_threads(1)
    return nullcontext if request.param == "real" else pretended_cuda


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_CUDA])])
def device(request):
    """Return what a run is moved to: a whole run would take minutes on a pretended device."""
    torch.set_num_threads(1)
    return request.param


def same(found, expected, tolerance=1e-9):
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
    return shake(make_term(plant, placement, form, targets=targets, inputs=inputs, network=network), scale=0.1)


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
    case = placement, form, network, optimiser
    expected = descended("cpu", *case)
    with on_cuda():
        same(descended("cuda", *case), expected, 1e-6 if optimiser is Soap else 1e-9)  # its axes may be close to alike


def solved(device, dtype, method, adjoint):
    """Return states and gradients of a batch of pendulums."""
    x0 = torch.tensor([[1.0, 0.0], [0.2, 0.5]], dtype=dtype, device=device, requires_grad=True)
    damping = torch.tensor(0.3, dtype=dtype, device=device, requires_grad=True)
    times = torch.linspace(0.0, 1.0, 4, dtype=torch.float64, device=device)

    def f(t, x):
        return torch.stack([x[..., 1], -torch.sin(x[..., 0]) - damping * x[..., 1]], dim=-1)

    def jacobian(t, x):
        one = torch.ones_like(x[..., 0])
        rows = torch.stack([0 * one, one], dim=-1), torch.stack([-torch.cos(x[..., 0]), -damping * one], dim=-1)
        return torch.stack(rows, dim=-2)

    given = {"adjoint": "backsolve", "parameters": [damping]} if adjoint else {}
    given |= {"jacobian": jacobian} if method == "rodas5p" else {}
    states = ah.solve(f, x0, times, method=method, **given).states
    assert states.dtype == dtype
    return [states, *torch.autograd.grad(states[-1].square().sum(), (x0, damping))]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("method", "adjoint"), [("dopri5", False), ("dopri5", True), ("rodas5p", False)])
def test_the_solver_keeps_to_the_device_in_both_precisions(on_cuda, dtype, method, adjoint):
    if adjoint and on_cuda is pretended_cuda:
        pytest.skip("the device is not pretended within a backward pass that is written in Python")
    expected = solved("cpu", dtype, method, adjoint)
    with on_cuda():
        same(solved("cuda", dtype, method, adjoint), expected, 1e-4 if dtype == torch.float32 else 1e-7)


SHORT = (
    CONFIG.replace("device: cpu", "device: auto")
    .replace("seeds: [1, 2], warmup: 6 h", "seeds: [1], warmup: 1 h, gradient: block")
    .replace("window: 2 h,", "window: 2 h, batch: 3, stages: [calibration, collocation, growing, windows, shooting],")
    .replace("iterations: 4", "iterations: 6")
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


def without_cuda(patch):
    """Have a config with ``device: auto`` run on the CPU."""
    patch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.slow
def test_a_run_goes_through_all_stages_and_from_device_to_device(device, few_steps, tmp_path, monkeypatch):
    config, moved = write_case(tmp_path, SHORT, days=1), tmp_path / "moved"
    with monkeypatch.context() as patch:
        without_cuda(patch)
        train(config, tmp_path / "cpu")
        stop_after(patch, "n-2")  # within the growing windows
        assert train(config, moved).interrupted
    with monkeypatch.context() as patch:
        if device == "cpu":
            without_cuda(patch)
        stop_after(patch, "n-5")  # within the shooting
        assert train(moved / "config.yaml", moved, resume=True).interrupted
    assert (json.loads((moved / "environment.json").read_text())["device"] != "cpu") == (device == "cuda")
    model = load_model(moved, device)
    assert model.parameters.device.type == device
    names = [spec.name for spec in model.plant.inputs]
    inputs = torch.tensor(read_inputs(moved)[names].to_numpy()[:13])
    found, expected = model.simulate(inputs.to(device)), load_model(moved).simulate(inputs)
    torch.testing.assert_close(found.outputs.cpu(), expected.outputs, rtol=1e-7, atol=1e-9)
    with monkeypatch.context() as patch:
        without_cuda(patch)
        assert not train(moved / "config.yaml", moved, resume=True).interrupted
    for name in ("scores", "forecast"):
        assert numbers(moved, name) == pytest.approx(numbers(tmp_path / "cpu", name), rel=1e-5, nan_ok=True)


def numbers(run, part):
    """Return all numbers of a part of the summary, in order."""
    return leaves(json.loads((run / "summary.json").read_text())[part])


def leaves(tree):
    """Return all numbers in a tree, in order."""
    if isinstance(tree, dict):
        return [x for value in tree.values() for x in leaves(value)]
    if isinstance(tree, list):
        return [x for value in tree for x in leaves(value)]
    return [float("nan") if tree is None else float(tree)] if tree is None or isinstance(tree, int | float) else []


@pytest.mark.gpu
@NO_CUDA
@pytest.mark.parametrize("mode", ["hybrid", "neural"])
def test_a_whole_run_on_the_device_has_the_scores_of_one_on_the_cpu(few_steps, tmp_path, monkeypatch, mode):
    config = write_case(tmp_path, SHORT.replace("mode: hybrid", f"mode: {mode}"), days=1)
    with monkeypatch.context() as patch:
        without_cuda(patch)
        train(config, tmp_path / "cpu")
    train(config, tmp_path / "cuda")
    for name in ("scores", "forecast"):
        found, expected = numbers(tmp_path / "cuda", name), numbers(tmp_path / "cpu", name)
        assert found == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_the_steady_start_is_that_of_the_cpu(on_cuda):
    plant = make_plant()
    p, u = defaults(plant), torch.as_tensor(random_inputs(plant, np.random.default_rng(0)))
    expected = start_state(PlantSystem(plant, p, MEASURED), u)
    with on_cuda():
        found = start_state(PlantSystem(plant, p.to("cuda"), MEASURED), u.to("cuda"))
        same([found], [expected])


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
