"""Differential-algebraic equations through `solve`: published values, order, gradients, events, jumps."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from asm_hybrid import ODELayer
from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.solve import solve

METHODS = ["rodas4", "rodas5p"]


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def robertson(t, x):
    a, b, c = x.unbind(-1)
    slow, fast, back = 0.04 * a, 3e7 * b**2, 1e4 * b * c
    return torch.stack([back - slow, slow - back - fast, a + b + c - 1.0], dim=-1)


def slopes_of_robertson(t, x):
    a, b, c = x.unbind(-1)
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    first = torch.stack([-0.04 * one, 1e4 * c, 1e4 * b], -1)
    return torch.stack([first, torch.stack([zero, -6e7 * b, zero], -1) - first, torch.stack([one, one, one], -1)], -2)


def test_robertson_as_dae_has_the_published_values():
    """At 4e10 the reference of SUNDIALS (``idaRoberts_dns.c``), at 1e11 that of the Test Set for IVP Solvers (Bari)."""
    found = solve(
        robertson,
        doubles(1.0, 0.0, 0.5),  # the last one is algebraic, and does not fit
        [0.0, 0.4, 40.0, 4e10, 1e11],
        method="rodas5p",
        rtol=1e-8,
        atol=doubles(1e-14, 1e-18, 1e-10),
        mass=[1.0, 1.0, 0.0],
        jacobian=slopes_of_robertson,
    )
    assert found.states[0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-14)
    late = doubles(5.2083474251394888e-08, 2.0833390772616859e-13, 9.9999994791631752e-01)
    last = doubles(0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050)
    np.testing.assert_allclose(found.states[-2], late, rtol=1e-6)
    np.testing.assert_allclose(found.states[-1], last, rtol=1e-6)

    def ode(_, y):
        slope = robertson(0.0, torch.as_tensor(y))
        return [slope[0], slope[1], -slope[0] - slope[1]]

    radau = solve_ivp(ode, (0.0, 40.0), [1.0, 0.0, 0.0], "Radau", t_eval=[0.4, 40.0], rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(found.states[1:3], radau.y.T, rtol=1e-6)


RESISTANCE, SUPPLY = 9000.0, 6.0
CONDUCTANCES = torch.diag(doubles(1e-3, *(k / RESISTANCE for k in (2, 1, 1, 2, 1, 1, 1))))
FEEDS = -SUPPLY / RESISTANCE * doubles(0, 1, 0, 1, 1, 0, 1, 0)
ACROSS, INTO = torch.zeros(2, 8, dtype=torch.float64), torch.zeros(8, 2, dtype=torch.float64)
for _k, _base in enumerate((1, 4)):  # the base of each of two transistors; its emitter and collector come next
    ACROSS[_k, _base : _base + 2] = doubles(1.0, -1.0)
    INTO[_base : _base + 3, _k] = doubles(0.01, -1.0, 0.99)
FIRST = torch.eye(8, dtype=torch.float64)[0]


def amplifier(t, y):
    """Transistor amplifier, Hairer and Wanner (1996), section VI.1; ``transamp`` in the Test Set for IVP Solvers."""
    through = 1e-6 * torch.expm1(y @ ACROSS.T / 0.026)
    return y @ CONDUCTANCES + FEEDS + through @ INTO.T - FIRST * (1e-4 * torch.sin(200.0 * math.pi * t))


def slopes_of_amplifier(t, y):
    return CONDUCTANCES + INTO * (1e-6 / 0.026 * torch.exp(y @ ACROSS.T / 0.026)) @ ACROSS


def capacitors():
    mass = torch.zeros(8, 8, dtype=torch.float64)
    for k, (i, j) in enumerate([(0, 1), (2, 2), (3, 4), (5, 5), (6, 7)], start=1):
        mass[i, i] = mass[j, j] = -k * 1e-6
        if i != j:
            mass[i, j] = mass[j, i] = k * 1e-6
    return mass


def test_the_transistor_amplifier_has_the_published_values():
    """Its mass matrix has rank 5, and no row or column of zeros."""
    assert int(torch.linalg.matrix_rank(capacitors())) == 5
    found = solve(
        amplifier,
        doubles(0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0),
        [0.0, 0.2],
        method="rodas5p",
        rtol=1e-5,
        atol=1e-5,
        mass=capacitors(),
        jacobian=slopes_of_amplifier,
    )
    published = [
        *(-0.5562145012262709e-2, 0.3006522471903042e1, 0.2849958788608128e1, 0.2926422536206241e1),
        *(0.2704617865010554e1, 0.2761837778393145e1, 0.4770927631616772e1, 0.1236995868091548e1),
    ]
    np.testing.assert_allclose(found.states[-1], published, atol=1e-6, rtol=0.0)


def known(t, y):
    """The solution is ``x = exp(sin t)``, ``z = cos t``."""
    x, z = y.unbind(-1)
    return torch.stack([x * z, z**2 + torch.log(x) ** 2 - 1.0 + t * (z - torch.cos(t))], -1)


TURN, MIX = doubles([2.0, 1.0], [1.0, 1.0]), doubles([1.0, 3.0], [-1.0, 2.0])


@pytest.mark.parametrize("turned", [False, True], ids=["diagonal", "full"])
@pytest.mark.parametrize(("method", "order", "steps"), [("rodas4", 4, (40, 80)), ("rodas5p", 5, (8, 16))])
def test_observed_order(method, order, steps, turned):
    """A full singular mass matrix is the same problem in other coordinates and with mixed equations."""
    mass, f, x0 = torch.diag(doubles(1.0, 0.0)), known, doubles(1.0, 1.0)
    back = torch.eye(2, dtype=torch.float64)
    if turned:
        back = TURN.inverse().T
        mass, x0 = MIX @ mass @ TURN.inverse(), x0 @ TURN.T
        f = lambda t, u: known(t, u @ back) @ MIX.T  # noqa: E731
    exact, errors = doubles(math.exp(math.sin(1.0)), math.cos(1.0)), []
    for count in steps:
        found = solve(f, x0, [0.0, 1.0], method=method, mass=mass, steps=count).states[-1]
        errors.append(float((found @ back - exact).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def learnt(p):
    def f(t, y):
        x, z = y.unbind(-1)
        return torch.stack([p[0] * x * z, z**3 + z - p[1] * torch.cos(t * p[2]) - 0.3 * torch.log(x)], -1)

    return f


RATES, STARTS, TIMES = doubles(0.7, 1.3, 2.0), doubles([1.0, 0.3], [1.5, 0.2]), doubles(0.0, 0.7, 1.0)


def differences(value, at, step):
    found = []
    for i in range(at.numel()):
        moved = step * torch.eye(at.numel(), dtype=torch.float64)[i].view_as(at)
        found.append((value(at + moved) - value(at - moved)).detach() / (2.0 * step))
    return torch.stack(found).view_as(at)


def gradient(value, at):
    at = at.clone().requires_grad_()
    return torch.autograd.grad(value(at), at)[0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("of", ["parameters", "starts", "times"])
def test_gradients_are_those_of_the_discrete_solution(method, of):
    given = {"parameters": RATES, "starts": STARTS, "times": TIMES}

    def value(at):
        p, x0, times = (given | {of: at}).values()
        return solve(learnt(p), x0, times, method=method, mass=[1, 0], steps=3).states.square().sum()

    found, expected = gradient(value, given[of]), differences(value, given[of], 1e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    if of == "starts":
        assert found[:, 1].abs().max() < 1e-12  # the given algebraic state is where the search begins


def test_gradients_with_steps_by_tolerance_second_ones_and_those_of_torch_func():
    options = {"method": "rodas5p", "mass": [1, 0]}

    def controlled(p):
        return solve(learnt(p), STARTS, [0.0, 0.5], rtol=1e-7, atol=1e-9, **options).states.square().sum()

    np.testing.assert_allclose(gradient(controlled, RATES), differences(controlled, RATES, 1e-4), rtol=1e-6)

    def coarse(p):
        return solve(learnt(p), STARTS[:1], [0.0, 0.5], steps=1, **options).states.square().sum()

    curved = torch.autograd.functional.hessian(coarse, RATES)
    for i, step in enumerate(1e-5 * torch.eye(3, dtype=torch.float64)):
        row = (gradient(coarse, RATES + step) - gradient(coarse, RATES - step)) / 2e-5
        np.testing.assert_allclose(curved[i], row, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(torch.func.grad(coarse)(RATES), gradient(coarse, RATES), rtol=1e-9)


def test_gradients_of_repeated_times_follow_all_states():
    """The slope of an algebraic state is not f."""

    def gradients(values, weights):
        times = doubles(*values).requires_grad_()
        states = solve(learnt(RATES), STARTS[0], times, method="rodas5p", mass=[1, 0], steps=20).states
        return torch.autograd.grad((states[:, 1] * doubles(*weights)).sum(), times)[0].tolist()

    twice, once = gradients([0.0, 0.7, 0.7], [1.0, 1.0, 1.0]), gradients([0.0, 0.7], [1.0, 2.0])
    assert twice[0] == pytest.approx(once[0], rel=1e-6)
    assert twice[1] + twice[2] == pytest.approx(once[1], rel=1e-6)
    assert twice[1] == pytest.approx(twice[2], rel=1e-5)


def test_an_event_of_an_algebraic_state():
    def found(p):
        return solve(
            learnt(p),
            STARTS,
            [0.0, 1.0],
            method="rodas5p",
            mass=[1, 0],
            rtol=1e-8,
            atol=1e-10,
            event=lambda t, y: y[..., 1].sum() - 0.5,
        )

    def value(p):
        solution = found(p)
        return solution.event_time + 0.1 * solution.event_state[..., 0].sum()

    solution = found(RATES)
    assert 0.0 < float(solution.event_time) < 1.0
    assert float(solution.event_state[..., 1].sum()) == pytest.approx(0.5, abs=1e-8)
    np.testing.assert_allclose(gradient(value, RATES), differences(value, RATES, 1e-4), rtol=1e-6, atol=1e-7)


def test_dense_output_backwards_and_the_layer():
    options = {"method": "rodas4", "mass": np.array([1.0, 0.0]), "rtol": 1e-6, "atol": 1e-8}
    whole = solve(learnt(RATES), STARTS, [0.0, 1.0], dense=True, **options)
    stops = solve(learnt(RATES), STARTS, [0.0, 0.3, 1.0], **options)
    np.testing.assert_allclose(whole.at([0.0, 0.3, 1.0]), stops.states, rtol=1e-6)
    back = solve(learnt(RATES), stops.states[-1], [1.0, 0.0], **options)
    np.testing.assert_allclose(back.states[-1], stops.states[0], rtol=1e-5)
    layer = ODELayer(learnt(RATES), (0.0, 1.0), timed=True, **options)
    np.testing.assert_allclose(layer(STARTS), stops.states[-1], rtol=1e-5)


def test_times_of_dense_output_carry_gradients_of_algebraic_states_too():
    whole = solve(known, doubles(1.0, 1.0), [0.0, 0.5, 1.0], method="rodas5p", mass=[1, 0], dense=True)
    times = doubles(0.0, 0.3, 0.5, 1.0).requires_grad_()
    states = whole.at(times)
    x, z = (torch.autograd.grad(states[:, i].sum(), times, retain_graph=True)[0] for i in range(2))
    t = times.detach()
    np.testing.assert_allclose(x, torch.cos(t) * torch.exp(torch.sin(t)), rtol=1e-4)
    np.testing.assert_allclose(z, -torch.sin(t), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [None, 40])
def test_where_f_jumps_algebraic_states_jump_too(steps):
    def f(t, y):
        x, z = y.unbind(-1)
        return torch.stack([-x * z, z**3 + z - (1.0 if float(t) < 0.5 else 3.0) * x], -1)

    options = {"method": "rodas5p", "mass": [1, 0], "rtol": 1e-9, "atol": 1e-11, "steps": steps}
    whole = solve(f, STARTS[0], [0.0, 0.5, 1.0], options={"jump_t": [0.5]}, dense=True, **options)
    found = whole.states
    assert whole.at(0.5).tolist() == found[1].tolist()  # the state before the jump
    after = solve(f, found[1], [0.5, 1.0], **options).states
    assert float(after[0, 1] - found[1, 1]) > 0.3
    np.testing.assert_allclose(found[2], after[1], rtol=1e-7)


@pytest.mark.parametrize("steps", [None, 10])
def test_an_event_over_which_an_algebraic_state_jumps_comes_with_the_jump(steps):
    def found(p):
        def f(t, y):
            x, z = y.unbind(-1)
            return torch.stack([-x * z, z**3 + z - (p[0] if float(t) < 0.5 else p[1]) * x], -1)

        options = {"method": "rodas5p", "mass": [1, 0], "options": {"jump_t": [0.5]}, "steps": steps}
        return solve(
            f, STARTS[0], [0.0, 0.5, 1.0], event=lambda t, y: y[..., 1] - 0.8, rtol=1e-8, atol=1e-10, **options
        )

    p = doubles(1.0, 3.0)
    solution = found(p)
    x, z = solution.event_state
    assert float(solution.event_time) == pytest.approx(0.5, abs=1e-12)
    assert float(z**3 + z) == pytest.approx(float(3.0 * x), rel=1e-9)
    assert not gradient(lambda p: found(p).event_time + 0.0 * p.sum(), p).any()
    value = lambda p: found(p).event_state.square().sum()  # noqa: E731
    np.testing.assert_allclose(gradient(value, p), differences(value, p, 1e-4), rtol=1e-6)


def test_a_regular_mass_matrix_is_another_way_to_write_an_ode():
    mass = doubles([2.0, 1.0], [0.0, 4.0])
    f = lambda t, x: torch.stack([-x[..., 1], x[..., 0] - x[..., 1]], -1)  # noqa: E731
    options = {"method": "rodas5p", "rtol": 1e-9, "atol": 1e-11}
    found = solve(f, STARTS, [0.0, 1.0], mass=mass, **options).states
    plain = solve(lambda t, x: f(t, x) @ mass.inverse().T, STARTS, [0.0, 1.0], **options).states
    np.testing.assert_allclose(found, plain, rtol=1e-8)


def test_a_solution_that_comes_to_index_two_is_told():
    """``0 = x - z²`` turns back at x = 0, where z no longer follows from it."""
    with pytest.raises(SimulationError, match=r"at time (1|0\.99).*algebraic Jacobian singular"):
        solve(
            lambda t, y: torch.stack([-torch.ones_like(y[..., 0]), y[..., 0] - y[..., 1] ** 2], -1),
            doubles(1.0, 1.0),
            [0.0, 2.0],
            method="rodas5p",
            mass=[1, 0],
        )
