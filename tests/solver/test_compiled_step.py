"""The step as torch compiles it: the same values and gradients, and a plain step where compilation fails."""

import shutil

import pytest
import torch
from test_rosenbrock import Problem, brusselator, exact_jacobian, ramp

from asm_hybrid.solver import rosenbrock
from asm_hybrid.solver.rosenbrock import integrate


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, inside its compiler
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_a_compiled_step_gives_the_same():
    found = []
    for compiled in (False, True):
        x0 = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
        system = Problem(brusselator, exact_jacobian(brusselator))
        final = integrate(system, x0, ramp(4), 0.25, 2, compiled=compiled).final
        (gradient,) = torch.autograd.grad(final.square().sum(), x0)
        found.append(torch.cat([final.detach().flatten(), gradient.flatten()]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_a_step_is_compiled_once_for_a_system(monkeypatch):
    made = []
    monkeypatch.setattr(rosenbrock.torch, "compile", lambda f, **_: made.append(f) or f)
    system, x0 = Problem(brusselator, exact_jacobian(brusselator)), torch.ones(1, 1, 2, dtype=torch.float64)
    for _ in range(2):
        integrate(system, x0, ramp(4), 0.25, 2, compiled=True)
    assert len(made) == 1
