"""The same model on CPU and GPU."""

from pathlib import Path

import pytest
import torch

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.fitted import make_grid, term_specs

CONFIG = Path(__file__).parent.parent / "configs" / "quickstart.yaml"


def simulate(device):
    """Run a hybrid with a random n over three hours; return outputs and the gradient of their sum."""
    config = load_config(CONFIG)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    parameters = torch.tensor([p.default for p in table.parameters], dtype=torch.float64, device=device)
    inputs = torch.ones(len(plant.inputs), dtype=torch.float64)
    amounts = {"Q_in": 8000.0, "T": 15.0, "influent.S_S": 70.0, "influent.X_S": 200.0, "influent.S_NH": 30.0}
    for name, value in ({"influent.X_I": 45.0} | plant.layout.constants | amounts).items():
        inputs[plant.input_index[name]] = value
    inputs = inputs.to(device)
    start = start_state(PlantSystem(plant, parameters, ("aerobic_2.S_NH",)), inputs)
    (spec,) = term_specs(config, table)
    few, many = len(spec.inputs), len(table.component_names)
    one = torch.ones(few, dtype=torch.float64)
    scaling = TermScaling(
        mean=5 * one,
        std=one,
        low=-100 * one,
        high=100 * one,
        width=200 * one,
        varied=one,
        typical=torch.ones(len(spec.targets), dtype=torch.float64),
        level=torch.ones(many, dtype=torch.float64),
    )
    takes_part = participants(plant, plant.stoichiometry(parameters, torch_namespace()))
    term = LearntTerm(spec, plant, scaling, takes_part)
    torch.nn.init.normal_(term.network.weights[-1], std=0.1, generator=torch.Generator().manual_seed(0))
    term = term.to(device)
    system = PlantSystem(plant, parameters, ("aerobic_2.S_NH", "effluent.TN"), term)
    found = PlantModel(system, make_grid(config)).simulate(start.expand(len(spec.seeds), -1, -1), inputs.expand(13, -1))
    found.outputs.sum().backward()
    return found.outputs.detach().cpu(), term.network.weights[0].grad.cpu()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_gives_what_the_cpu_gives():
    on_cpu, on_gpu = simulate("cpu"), simulate("cuda")
    for a, b in zip(on_cpu, on_gpu, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_devices_are_chosen_by_what_the_machine_has():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_a_device_is_an_input_error():
    with pytest.raises(InputError, match="CUDA") as caught:
        choose_device("cuda")
    assert "auto" in str(caught.value)


def test_the_model_of_the_gpu_test_runs_on_the_cpu():
    outputs, gradient = simulate("cpu")
    assert torch.isfinite(outputs).all()
    assert gradient.abs().max() > 0
