"""What is given to `solve` and `ODELayer`: used as it is meant, or refused in a sentence."""

import math
import warnings

import pytest
import torch

from asm_hybrid import ODELayer
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.solve import StiffnessWarning, solve

WHOLE = {"dopri5": {}, "rk4": {"steps": 4}, "rodas5p": {}}


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def decay(t, x):
    return -x


def identity_for(x):
    return -torch.eye(x.shape[-1], dtype=x.dtype)


@pytest.mark.parametrize("method", ["dopri5", "rk4", "bosh3"])
class TestSlopesAreNotOverwritten:
    """A tensor that f fills again would change the slopes of earlier stages."""

    def test_a_buffer_that_f_fills_again(self, method):
        buffer = torch.zeros(2, dtype=torch.float64)

        def f(t, x):
            return buffer.copy_(-x).view(2)

        with pytest.raises(InputError, match="changes the slopes"):
            solve(f, doubles(1.0, 2.0), [0.0, 1.0], method=method, **WHOLE.get(method, {}))

    def test_a_state_that_f_changes(self, method):
        with pytest.raises(InputError, match="changes the state"):
            solve(lambda t, x: x.neg_(), doubles(1.0, 2.0), [0.0, 1.0], method=method, **WHOLE.get(method, {}))

    def test_what_is_returned_again_and_not_changed(self, method):
        held = doubles(1.0, -2.0)
        found = solve(lambda t, x: held, doubles(1.0, 2.0), [0.0, 1.0], method=method, **WHOLE.get(method, {}))
        assert found.states[-1].tolist() == pytest.approx([2.0, 0.0], abs=1e-12)
        grown = solve(lambda t, x: x, doubles(1.0, 2.0), [0.0, 1.0], method=method, **WHOLE.get(method, {}))
        assert grown.states[-1].tolist() == pytest.approx([math.e, 2.0 * math.e], rel=1e-3)


@pytest.mark.parametrize("method", WHOLE)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"times": "ab"}, "the times are no numbers"),
        ({"times": None}, "the times are no numbers"),
        ({"times": torch.tensor([0.0, 1.0j])}, "type torch.complex64"),
        ({"times": torch.tensor([False, True])}, "type torch.bool"),
        ({"x0": doubles(1.0, math.nan)}, "the initial state holds numbers that are not finite"),
        ({"x0": torch.ones(2, device="meta")}, "no numbers that can be read"),
        ({"x0": torch.eye(2).to_sparse()}, "torch.sparse_coo"),
        ({"f": 3.0}, "f is float"),
        ({"f": lambda t, x: torch.ones(2, dtype=torch.float64, device="meta")}, "device meta for states on cpu"),
        ({"event": 3.0}, "event is float"),
        ({"rtol": -1.0}, "rtol is -1.0"),
        ({"rtol": math.nan}, "rtol is nan"),
        ({"rtol": "fine"}, "rtol is 'fine'"),
        ({"atol": doubles(1e-6, -1e-6)}, "atol is tensor"),
        ({"options": 3}, "options is int"),
        ({"options": "abc"}, "options is str"),
        ({"options": {3: 1.0}}, "no entry 3"),
        ({"options": {"first_step": "short"}}, "'first_step'.* is 'short'"),
        ({"options": {"first_step": [0.1]}}, "'first_step'"),
        ({"options": {"min_step": math.inf}}, "'min_step'"),
        ({"options": {"max_num_steps": 1.5}}, "'max_num_steps'.* is 1.5"),
        ({"options": {"max_num_steps": math.nan}}, "'max_num_steps'"),
        ({"options": {"step_t": "noon"}}, "'step_t'"),
        ({"options": {"jump_t": ["noon"]}}, "'jump_t'"),
        ({"options": {"norm": 3}}, "'norm'"),
        ({"method": None, "steps": None}, "no method None"),
        ({"method": 5, "steps": None}, "no method 5"),
        ({"method": "rk4", "steps": 2.5}, "'steps' is 2.5"),
        ({"method": "rk4", "steps": "many"}, "'steps' is 'many'"),
        ({"method": "rk4", "steps": None, "options": {"step_size": 1e-300}}, "asks for 1e\\+300 steps"),
    ],
)
def test_what_is_refused(method, change, words):
    given = {"f": decay, "x0": doubles(1.0, 2.0), "times": [0.0, 1.0], "method": method, **WHOLE[method]} | change
    with pytest.raises(InputError, match=words):
        solve(**given)


@pytest.mark.parametrize("answer", [lambda e: e, lambda e: "small", lambda e: None])
def test_a_norm_that_gives_no_number(answer):
    with pytest.raises(InputError, match="one number"):
        solve(decay, doubles(1.0, 2.0), [0.0, 1.0], options={"norm": answer})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parameters": 3}, "'parameters' is int"),
        ({"parameters": [1.0]}, "else than tensors"),
        ({"adjoint_options": 3}, "adjoint_options is int"),
        ({"adjoint_options": {"rtol": -1.0}}, r"adjoint_options\['rtol'\] is -1.0"),
        ({"adjoint_options": {"rtol": "a"}}, "'a'"),
        ({"adjoint_options": {"method": "rk4", "steps": "a"}}, "'steps' is 'a'"),
    ],
)
def test_what_is_refused_of_the_adjoint(change, words):
    with pytest.raises(InputError, match=words):
        solve(decay, doubles(1.0), [0.0, 1.0], adjoint="backsolve", **({"parameters": ()} | change))


@pytest.mark.parametrize("wrong", [lambda t, x: x, lambda t, x: None, lambda t, x: torch.eye(3)])
@pytest.mark.parametrize("method", ["ros34pw2", "rodas4", "rodas5p"])
def test_a_jacobian_of_another_shape_is_refused(method, wrong):
    with pytest.raises(InputError, match="the Jacobian has"):
        solve(decay, doubles(1.0, 2.0), [0.0, 1.0], method=method, jacobian=wrong)


def test_a_jacobian_in_another_precision_is_used():
    found = solve(decay, torch.ones(4, 2).double(), [0.0, 1.0], method="rodas5p", jacobian=lambda t, x: -torch.eye(2))
    assert found.states[-1, 3, 1].item() == pytest.approx(math.exp(-1.0), abs=1e-6)


def test_times_from_anything_that_gives_numbers_one_by_one():
    found = solve(decay, doubles(1.0), (0.5 * i for i in range(3)))
    assert found.states[:, 0].tolist() == pytest.approx([1.0, math.exp(-0.5), math.exp(-1.0)], abs=1e-6)


def test_times_in_a_list_keep_their_gradients():
    end = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    found = solve(decay, doubles(1.0), [0.0, end])
    assert torch.autograd.grad(found.states[-1, 0], end)[0].item() == pytest.approx(-math.exp(-1.5), abs=1e-6)


@pytest.mark.parametrize("method", WHOLE)
def test_a_slope_without_a_number_at_the_start_is_named(method):
    given = dict(WHOLE[method]) | ({"check": True} if method == "rk4" else {})
    with pytest.raises(SimulationError, match=r"not finite|finite numbers"):
        solve(lambda t, x: x * math.nan, doubles(1.0), [0.0, 1.0], method=method, **given)


def test_an_element_without_numbers_among_others():
    x0 = torch.tensor([[1.0], [math.nan]], dtype=torch.float64)
    for method, extra in (("rk4", {"steps": 10}), ("rodas5p", {})):
        found = solve(decay, x0, [0.0, 1.0], method=method, check=False, **extra)
        assert found.ok.tolist() == [True, False]
        assert found.states[-1, 0, 0].item() == pytest.approx(math.exp(-1.0), abs=1e-5)
    with pytest.raises(InputError, match="not finite"):
        solve(decay, x0, [0.0, 1.0], check=False)


@pytest.mark.parametrize("method", ["rodas4", "rodas5p"])
def test_time_gradients_of_stiff_methods_in_single_precision(method):
    """x' = -(1 + t) x: the slope in time comes from differences, whose rounding no gradient multiplies."""
    times = doubles(0.0, 0.5, 1.0).requires_grad_()
    found = solve(lambda t, x: -x * (1.0 + t.to(x)), torch.ones(2), times, method=method)
    (by,) = torch.autograd.grad(found.states[1:].square().sum(), times)
    square = [2.0 * math.exp(-2.0 * t - t * t) for t in (0.5, 1.0)]
    rates = [-2.0 * (1.0 + t) * s for t, s in zip((0.5, 1.0), square, strict=True)]
    assert by.tolist() == pytest.approx([2.0 * sum(square), *rates], rel=1e-3)


def test_the_stiffness_check_does_not_break_what_it_checks():
    """f that refuses states beside its solution, and f whose numbers are hidden by torch.func."""
    true = solve(lambda t, x: torch.cos(9.0 * t) + 0.0 * x, doubles(0.0), [0.0, 9.0], method="bosh3").states[-1]

    def strict(t, x):
        if float(t) == 9.0 and abs(float(x[0] - true[0])) > 0.0:
            raise ValueError("not a state of the solution")
        return torch.cos(9.0 * t) + 0.0 * x

    with warnings.catch_warnings():
        warnings.simplefilter("error", StiffnessWarning)
        assert solve(strict, doubles(0.0), [0.0, 9.0], method="bosh3").states[-1].tolist() == true.tolist()
        slopes = torch.func.jacrev(lambda x: solve(decay, x, [0.0, 9.0], method="bosh3").states[-1])(doubles(1.0))
    assert slopes.item() == pytest.approx(math.exp(-9.0), rel=1e-2)


@pytest.mark.parametrize("span", [[0.0, 0.5, 1.0], 1.0, 1, (0.0, 1.0)])
def test_spans_of_a_layer(span):
    assert ODELayer(torch.nn.Identity(), span)(doubles(1.0)).item() == pytest.approx(math.e, rel=1e-6)


@pytest.mark.parametrize("span", ["long", None, (), ("a", "b"), torch.zeros(2, 2)])
def test_spans_that_a_layer_refuses(span):
    with pytest.raises(InputError, match="span"):
        ODELayer(torch.nn.Identity(), span)


def test_a_layer_without_a_module_has_no_adjoint():
    with pytest.raises(InputError, match="no module"):
        ODELayer(lambda x: -x, adjoint="backsolve")


@pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 10), reason="torch before 2.10 tells of vmap in other words"
)
def test_vmap_is_refused_and_jacrev_works():
    def end(x):
        return solve(decay, x, [0.0, 1.0]).states[-1]

    x = doubles(1.0, 2.0)
    with pytest.raises(InputError, match="vmap"):
        torch.func.vmap(end)(x.unsqueeze(-1))
    assert torch.func.jacrev(end)(x).diagonal().tolist() == pytest.approx([math.exp(-1.0)] * 2, abs=1e-6)


@pytest.mark.parametrize("name", ["scipy_solver", "implicit_adams", "explicit_adams", "trapezoid", "radauIIA5", "gl4"])
def test_methods_of_torchdiffeq_that_are_not_offered_name_a_counterpart(name):
    with pytest.raises(InputError, match=r"use (rodas5p|dopri8|ros34pw2)"):
        solve(decay, doubles(1.0), [0.0, 1.0], method=name)


@pytest.mark.parametrize(
    ("key", "words"), [("perturb", "jump_t"), ("grid_constructor", "step_t"), ("interp", "remove")]
)
def test_options_of_torchdiffeq_that_are_not_offered_name_a_counterpart(key, words):
    with pytest.raises(InputError, match=words):
        solve(decay, doubles(1.0), [0.0, 1.0], method="rk4", steps=1, options={key: True})


def test_a_grid_of_steps_by_step_t():
    """What a constructor of a grid would do: Euler steps that end at 0.1, 0.4 and 1.0."""
    found = solve(decay, doubles(1.0), [0.0, 1.0], method="euler", steps=1, options={"step_t": [0.1, 0.4]})
    assert found.states[-1].item() == pytest.approx(0.9 * 0.7 * 0.4, rel=1e-12)


def test_order_and_middle_of_tsit5():
    """Halved steps of order five err a 32nd at their ends, and a 16th or less between."""

    def spring(t, x):
        return torch.stack([x[..., 1], -x[..., 0]], -1)

    errors = []
    for length in (0.2, 0.1):
        options = {"first_step": length, "min_step": length, "max_step": length}
        found = solve(spring, doubles(0.0, 1.0), [0.0, 2.0], method="tsit5", options=options, dense=True)
        ends = abs(float(found.states[-1, 0]) - math.sin(2.0))
        places = torch.arange(0.03, 1.99, 0.0173, dtype=torch.float64)
        errors.append((ends, float((found.at(places)[:, 0] - places.sin()).abs().max())))
    assert errors[0][0] > 28.0 * errors[1][0]
    assert errors[0][1] > 14.0 * errors[1][1]
    assert errors[1][1] < 1e-8
