"""The step as torch compiles it: the same values and gradients, and a plain step where compilation fails."""

import gc
import shutil
import weakref

import pytest
import torch
from test_rosenbrock import Problem, brusselator, exact_jacobian, ramp

from asm_hybrid.solver import compiling
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate


def traceable_jacobian(x, u):
    """Return the Jacobian of the Brusselator by its formula, which torch can compile."""
    a, b = x.unbind(-1)
    rows = [torch.stack([2.0 * a * b - 4.0, a * a], -1), torch.stack([3.0 - 2.0 * a * b, -a * a], -1)]
    return torch.stack(rows, -2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, inside its compiler
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_a_compiled_step_gives_the_same():
    found = []
    for compiled in (False, True):
        x0 = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
        system = Problem(brusselator, traceable_jacobian)
        final = integrate(system, x0, ramp(4), Grid(0.25, 2), compiled=compiled).final
        (gradient,) = torch.autograd.grad(final.square().sum(), x0)
        found.append(torch.cat([final.detach().flatten(), gradient.flatten()]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-14)


def test_step_and_matrix_are_compiled_once_for_a_system_and_with_a_code_of_their_own(monkeypatch):
    made = []
    monkeypatch.setattr(compiling.torch, "compile", lambda f, **_: made.append(f) or f)
    x0 = torch.ones(1, 1, 2, dtype=torch.float64)
    for number in (2, 4):
        system = Problem(brusselator, exact_jacobian(brusselator))
        for _ in range(2):
            integrate(system, x0, ramp(4), Grid(0.25, 2), compiled=True)
        assert len(made) == number
    codes = [f.__code__ for f in made]
    assert len({id(code) for code in codes}) == len({code.co_name for code in codes}) == 4


def test_with_and_without_gradients_are_compiled_each_for_itself(monkeypatch):
    made = []
    monkeypatch.setattr(compiling.torch, "compile", lambda f, **_: made.append(f) or f)
    system, x0 = Problem(brusselator, exact_jacobian(brusselator)), torch.ones(1, 1, 2, dtype=torch.float64)
    integrate(system, x0, ramp(4), Grid(0.25, 2), compiled=True)
    with torch.no_grad():
        integrate(system, x0, ramp(4), Grid(0.25, 2), compiled=True)
    assert len(made) == 3


def test_a_model_is_freed_with_its_compiled_functions(monkeypatch):
    monkeypatch.setattr(compiling.torch, "compile", lambda f, **_: f)
    system = Problem(brusselator, exact_jacobian(brusselator))
    integrate(system, torch.ones(1, 1, 2, dtype=torch.float64), ramp(4), Grid(0.25, 2), compiled=True)
    alive = weakref.ref(system)
    del system
    gc.collect()
    assert alive() is None
