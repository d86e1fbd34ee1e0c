"""Generic ODEs with noise: the likelihood, what is learnt and written, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

import asm_hybrid as ah
from asm_hybrid.equations.config import load_ode_config
from asm_hybrid.equations.diffusion import LearntDiffusion, unlikeliness
from asm_hybrid.equations.fit import describe_ode
from asm_hybrid.equations.noisy import NoisyRun
from asm_hybrid.errors import InputError, SimulationError

OU = """
name: small
ode:
  network: {hidden: [4]}
  diffusion: {constants: {x: {start: 1.5, bounds: [0.1, 3]}}}
initial: {x: 1.0}
span: [0, 2]
data:
  times: {count: 21}
  truth: {slopes: {x: -2 * x}, diffusion: {x: 0.6}, paths: 40}
solver: {method: milstein, steps: 2}
training: {iterations: 80, learning_rate: 0.1}
"""


def load(folder, text=OU, **changed):
    for old, new in changed.values():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "small.yaml"
    path.write_text(text)
    return path


def test_the_likelihood_of_a_linear_equation_comes_with_order_two():
    """Two states that decay and turn, whose law is normal."""
    torch.manual_seed(1)
    drift = torch.tensor([[-1.0, 0.5], [-0.5, -2.0]], dtype=torch.float64)
    level, times = torch.tensor([0.4, 0.7], dtype=torch.float64), torch.tensor([0.0, 0.1, 0.4], dtype=torch.float64)
    values = torch.randn(3, 5, 2, dtype=torch.float64)
    total = 0.0
    for i, h in enumerate((0.1, 0.3)):
        both = torch.zeros(4, 4, dtype=torch.float64)  # van Loan: exp of [[-A, Q], [0, A']]
        both[:2, :2], both[:2, 2:], both[2:, 2:] = -drift, torch.diag(level**2), drift.T
        moved = torch.linalg.matrix_exp(both * h)
        step = moved[2:, 2:].T
        law = torch.distributions.MultivariateNormal(values[i] @ step.T, step @ moved[:2, 2:])
        total -= float(law.log_prob(values[i + 1]).sum())
    errors = [
        abs(float(unlikeliness(lambda x: x @ drift.T, lambda x: level.expand_as(x), times, values, n)) - total / 10)
        for n in (8, 32)
    ]
    assert errors[0] == pytest.approx(16 * errors[1], rel=0.1)
    assert errors[1] < 1e-4 * abs(total)


def test_the_gradient_of_the_likelihood():
    torch.manual_seed(2)
    times, values = torch.linspace(0, 1, 4, dtype=torch.float64), torch.randn(4, 3, 2, dtype=torch.float64)

    def loss(p):
        return unlikeliness(
            lambda x: p[0] * torch.sin(x).flip(-1), lambda x: p[1] * torch.exp(p[2] * x), times, values, 3
        )

    p = torch.tensor([0.7, 0.9, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, p, eps=1e-6, atol=1e-6)


def test_a_diffusion_that_is_a_network_starts_as_the_data_move():
    config = load_ode_config({**ah.yamlfile.parse_yaml(OU, "small").data})
    section = type(config.ode.diffusion).model_validate({"network": {"hidden": [3]}})
    torch.manual_seed(3)
    steps = 0.6 * math.sqrt(0.1) * torch.randn(20, 400, 1, dtype=torch.float64)
    values = torch.cat([torch.zeros(1, 400, 1, dtype=torch.float64), steps.cumsum(0)])
    learnt = LearntDiffusion(section, ("x",), 1)
    learnt.scale(torch.linspace(0, 2, 21, dtype=torch.float64), values)
    assert learnt.now()(values[-1]).detach().numpy() == pytest.approx(0.6, rel=0.03)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return ah.run(load(tmp_path_factory.mktemp("noisy")))


def test_constants_are_found_within_their_error(run):
    found = run.parameters.loc["diffusion.x", "fitted"]
    assert abs(found - 0.6) < 3 * 0.6 / math.sqrt(2 * 40 * 20)
    assert run.parameters.loc["diffusion.x", "start"] == 1.5


def test_what_is_written(run):
    scores, summary = run.scores["data"], run.summary
    assert scores["model"] < 0.5 * scores["start"]
    assert scores["model"] < 2 * scores["truth"]
    assert scores["linear noise"] < 2 * scores["truth"]  # the truth is linear here
    assert summary["paths"] == 40
    assert summary["noise"]["x"]["mean"] == pytest.approx(0.6)
    assert summary["noise"]["x"]["error"] == pytest.approx(abs(run.parameters.loc["diffusion.x", "fitted"] - 0.6))
    assert set(run.predictions["series"]) == {
        "data",
        *(f"{series} {level}" for series in ("data", "model", "truth") for level in ("5 %", "50 %", "95 %")),
    }
    assert "RMSE of the 5, 50 and 95 % quantiles" in run.text
    assert "other paths of the truth" in run.text
    picture = run.picture.read_text(encoding="utf-8")
    assert picture.startswith("<?xml")
    assert (run.folder / "weights.safetensors").is_file()


def test_equal_seeds_make_equal_data(tmp_path):
    first, second = (NoisyRun(load_ode_config(load(tmp_path))) for _ in range(2))
    assert torch.equal(first.values, second.values)
    assert first.values.shape == (21, 40, 1)
    assert torch.equal(first.loss().detach(), second.loss().detach())
    lines = "\n".join(describe_ode(load(tmp_path)))
    assert "noise: constants, 1 parameters to fit" in lines
    assert "40 paths at 21 times" in lines


TABLE = """
name: small
ode:
  table: lotka_volterra
  fit: {alpha: {start: 1.2, bounds: [0.1, 10]}}
  diffusion: {network: {hidden: [3]}}
initial: {prey: 1.0, predator: 1.0}
span: [0, 0.5]
data:
  times: {count: 3}
  truth:
    slopes: {prey: 1.5 * prey - prey * predator, predator: prey * predator - 3 * predator}
    diffusion: {prey: 0.1 * prey, predator: 0.1 * predator}
    paths: 3
solver: {method: euler_maruyama, steps: 2}
training: {iterations: 2}
"""


def test_a_table_takes_noise_too(tmp_path):
    found = ah.run(load(tmp_path, TABLE), out=tmp_path / "run")
    assert list(found.parameters.index) == ["alpha"]
    assert (found.folder / "table.yaml").is_file()
    assert (found.folder / "weights.safetensors").is_file()
    assert set(found.summary["noise"]) == {"prey", "predator"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("diffusion: {x: 0.6}, paths: 40", "noise: 0.1", "ode.diffusion is given, and data.truth.diffusion is not"),
        (", paths: 40", "", "data.truth.paths is not"),
        ("{slopes: {x: -2 * x}", "{noise: 0.1, slopes: {x: -2 * x}", "(?s)'noise' is given.*errors of measurement"),
        ("{count: 21}", "{count: 21}\nextrapolation: {count: 2, box: {x: [0, 1]}}", "'extrapolation' is given|.*"),
        ("iterations: 80", "segment_iterations: 5", "(?s)'segment_iterations' is given.*every datum is a start"),
        ("steps: 2}", "steps: 2, adjoint: backsolve}", "(?s)'adjoint' is given.*through the steps"),
        ("iterations: 80", "loss: absolute", "the loss is 'absolute'"),
        ("{method: milstein, steps: 2}", "{method: milstein, steps: 2, rtol: 1e-3}", "'rtol' is given"),
        ("{method: milstein, steps: 2}", "{method: rk4, steps: 2}", "'rk4' is no method for equations with noise"),
        ("{method: milstein, steps: 2}", "{method: milstein}", "'steps' is missing"),
        ("{method: milstein, steps: 2}", "{method: stochastic_heun, steps: 2}", "integral of Stratonovich"),
        ("diffusion: {x: 0.6}", "diffusion: {y: 0.6}", "'diffusion' does not name the states"),
        ("diffusion: {x: 0.6}", "diffusion: {x: 0.6 * y}", "'y' is not known"),
        ("constants: {x:", "constants: {y:", "'constants' does not name the states"),
        ("bounds: [0.1, 3]", "bounds: [-0.1, 3]", "the lower bound is -0.1"),
        ("diffusion: {constants", "diffusion: {network: {hidden: [2]}, constants", "are both given"),
        ("  diffusion: {constants: {x: {start: 1.5, bounds: [0.1, 3]}}}\n", "", "the right-hand side has no noise"),
    ],
)
def test_what_does_not_go_with_noise_is_refused(tmp_path, old, new, words):
    with pytest.raises(InputError, match=words):
        describe_ode(load(tmp_path, change=(old, new)))


def test_milstein_does_not_take_a_network_of_several_states(tmp_path):
    path = load(tmp_path, TABLE, change=("euler_maruyama", "milstein"))
    with pytest.raises(InputError, match=r"(?s)network of several states as diffusion.*use euler_maruyama"):
        describe_ode(path)


def test_moments_that_fail_are_told():
    times, values = torch.linspace(0, 1, 3, dtype=torch.float64), torch.ones(3, 2, 1, dtype=torch.float64)
    with pytest.raises(SimulationError, match="take more steps"):
        unlikeliness(lambda x: 1e200 * x**3, torch.ones_like, times, values, 2)
