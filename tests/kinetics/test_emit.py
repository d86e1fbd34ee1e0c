"""Generated functions: finite everywhere, slopes equal to autodiff, the same in NumPy, torch and CasADi."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from types import SimpleNamespace

import casadi
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kinetics_tools import NUMPY, RANGES, defaults, random_parameters

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import compile_table, load_table
from asm_hybrid.plant.namespace import casadi_namespace, torch_namespace

TORCH = torch_namespace()
EXTREME = [0.0, -0.0, 1e-300, 1e-15, 1e-12, 1e-9, -1e-15, -1e-9, -1e-3, -50.0, 1.0, 1e3, 1e9, 1e12]


def torch_states(values):
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]


def autodiff(kinetics, values, p):
    """Return rates and their slopes by torch, ``(process, component, …)``."""
    X = torch_states(values)
    rates = kinetics.rates(X, [torch.as_tensor(v, dtype=torch.float64) for v in p], TORCH)
    rows = []
    for rate in rates:
        grads = torch.autograd.grad(rate.sum(), X, allow_unused=True, retain_graph=True)
        rows.append([torch.zeros_like(x) if g is None else g for g, x in zip(grads, X, strict=True)])
    return rates, torch.stack([torch.stack(row) for row in rows])


def dense(kinetics, values, p, xp=NUMPY):
    """Return the generated slopes as one array, None as zero."""
    rows = kinetics.rate_jacobian(values, p, xp)
    shape = np.shape(values[0])
    return np.array([[np.broadcast_to(0.0 if v is None else v, shape) for v in row] for row in rows])


def test_slopes_equal_autodiff(table, kinetics):
    rng = np.random.default_rng(0)
    values = list(10.0 ** rng.uniform(-4, 4, (len(table.components), 500)))
    p = random_parameters(table, rng, (500,))
    _, expected = autodiff(kinetics, values, [torch.tensor(v) for v in p])
    expected = expected.numpy()
    # Autodiff rounds where the two terms of the slope of a ratio cancel; the generated code does not.
    rounding = 1e-14 * np.abs(expected).max(axis=1, keepdims=True)
    error = np.abs(dense(kinetics, values, p) - expected)
    if table.equilibrium:  # a pH is known to rounding of the charges, and has slopes from 2 to 12 alone
        pH = np.array(dict(zip(table.quantity_names, kinetics.quantities(values, p, NUMPY), strict=True))["pH"])
        inside = (pH > 2.0) & (pH < 12.0)
        assert inside.sum() > 200
        error, expected, rounding = error[..., inside], expected[..., inside], 1e3 * rounding[..., inside]
    assert (error <= 1e-10 * np.abs(expected) + rounding).all()


def test_slopes_equal_differences_in_high_precision(table, kinetics):
    if table.equilibrium:
        pytest.skip("a pH is solved in double precision")
    rng = np.random.default_rng(3)
    xp = SimpleNamespace(
        maximum=max, minimum=min, exp=mpmath.exp, nonnegative=lambda X: [max(x, mpmath.mpf(0)) for x in X]
    )
    with mpmath.workdps(60):
        for _ in range(10):
            values = 10.0 ** rng.uniform(-4, 4, len(table.components))
            p = random_parameters(table, rng)
            found = dense(kinetics, [np.array(v) for v in values], p)
            exact, exact_p = [mpmath.mpf(v) for v in values], [mpmath.mpf(v) for v in p]
            for j, x in enumerate(exact):
                step = x * mpmath.mpf(10) ** -20
                up, down = (kinetics.rates([*exact[:j], x + h, *exact[j + 1 :]], exact_p, xp) for h in (step, -step))
                slopes = [float((a - b) / (2 * step)) for a, b in zip(up, down, strict=True)]
                np.testing.assert_allclose(found[:, j], slopes, rtol=1e-12, atol=1e-300)


def test_slopes_at_zero_equal_autodiff(table, kinetics):
    values = [np.zeros(1) for _ in table.components]
    p = defaults(table)
    _, expected = autodiff(kinetics, values, p)
    np.testing.assert_allclose(dense(kinetics, values, p), expected.numpy(), rtol=1e-10)


def test_slopes_below_zero_are_those_at_zero(asm1):
    kinetics, rng = compile_table(asm1), np.random.default_rng(0)
    values = rng.normal(size=(14, 100))
    clipped = list(np.maximum(values, 0.0))
    np.testing.assert_array_equal(
        dense(kinetics, list(values), defaults(asm1)), dense(kinetics, clipped, defaults(asm1))
    )


def test_none_stands_for_always_zero(asm1):
    kinetics = compile_table(asm1)
    rows = kinetics.rate_jacobian([np.ones(1)] * 14, defaults(asm1), NUMPY)
    names = asm1.component_names
    found = [[names[j] for j, v in enumerate(row) if v is not None] for row in rows]
    assert found[0] == ["S_S", "X_BH", "S_O"]
    assert found[3] == ["X_BH"]
    assert found[7] == ["X_S", "X_BH", "S_O", "S_NO", "X_ND"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_finite_at_zero_below_zero_and_far_out(tables, data):
    table = tables[data.draw(st.sampled_from(sorted(tables)))]
    kinetics = compile_table(table)
    number = st.sampled_from(EXTREME) | st.floats(-1e6, 1e9)
    values = [np.array([data.draw(number)]) for _ in table.components]
    p = defaults(table)
    rates, slopes = autodiff(kinetics, values, p)
    assert all(torch.isfinite(r).all() for r in rates)
    assert torch.isfinite(slopes).all()
    assert np.isfinite(dense(kinetics, values, p)).all()


def test_finite_where_all_are_zero_and_parameters_at_their_bounds(table, kinetics):
    values = [np.zeros(2) for _ in table.components]
    for bound in (0, 1):
        p = [q.bounds[bound] for q in table.parameters] + [RANGES[i][bound] for i in table.input_names]
        rates, slopes = autodiff(kinetics, values, p)
        assert all(torch.isfinite(r).all() for r in rates)
        assert torch.isfinite(slopes).all()


def test_numpy_torch_and_casadi_agree(table, kinetics):
    rng, xp, n = np.random.default_rng(2), casadi_namespace(), 1000
    values = 10.0 ** rng.uniform(-6, 5, (len(table.components), n))
    values[rng.random(values.shape) < 0.05] = 0.0
    p = random_parameters(table, rng)
    mine = np.array(kinetics.rates(list(values), p, NUMPY))
    torches = torch.stack(autodiff(kinetics, values, p)[0]).detach().numpy()
    slopes = dense(kinetics, list(values), p)
    symbols = casadi.SX.sym("X", len(values))
    columns = [symbols[i] for i in range(len(values))]
    rows = kinetics.rate_jacobian(columns, p, xp)
    flat = [casadi.SX(0) if v is None else casadi.SX(v) for row in rows for v in row]
    function = casadi.Function("f", [symbols], [casadi.vertcat(*kinetics.rates(columns, p, xp)), casadi.vertcat(*flat)])
    found, found_slopes = (np.array(v) for v in function(values))
    np.testing.assert_allclose(torches, mine, rtol=1e-13)
    np.testing.assert_allclose(found, mine, rtol=1e-9 if table.equilibrium else 1e-12)
    # By way of a pH two large terms cancel in some slopes, which then count against the largest of the process.
    size = 1e-9 * np.abs(slopes).max(axis=1, keepdims=True) if table.equilibrium else 1e-12 * np.abs(slopes)
    assert (np.abs(found_slopes.reshape(slopes.shape) - slopes) <= size + 1e-300).all()


def test_any_leading_axes_and_dtype(asm1):
    kinetics = compile_table(asm1)
    X = torch.rand(2, 3, 5, 14, dtype=torch.float32)
    p = [torch.tensor([[q.default]], dtype=torch.float32) for q in asm1.parameters]
    rates = kinetics.rates(X.unbind(-1), p, TORCH)
    assert all(r.shape == (2, 3, 5) and r.dtype == torch.float32 for r in rates)
    slopes = [v for row in kinetics.rate_jacobian(X.unbind(-1), p, TORCH) for v in row if v is not None]
    assert all(v.dtype == torch.float32 for v in slopes)


def test_a_rate_without_states_has_their_shape(switches):
    rates = compile_table(switches).rates([np.ones(4)] * 3, defaults(switches), NUMPY)
    np.testing.assert_array_equal(rates[1], np.full(4, 3.0))


def test_gradients_with_respect_to_parameters(asm1):
    kinetics = compile_table(asm1)
    p = [torch.tensor(q.default, dtype=torch.float64, requires_grad=True) for q in asm1.parameters]
    X = [torch.tensor(v, dtype=torch.float64) for v in np.linspace(0.5, 3, 14)]
    names = {"mu_A", "K_NH", "K_OA"}
    growth = kinetics.rates(X, p, TORCH)[2]
    grads = torch.autograd.grad(growth, p, allow_unused=True)
    assert {q.name for q, g in zip(asm1.parameters, grads, strict=True) if g is not None} == names
    mu_A = asm1.parameter_names.index("mu_A")
    assert grads[mu_A] == pytest.approx(float(growth.detach()) / asm1.parameters[mu_A].default)


def test_tracebacks_show_the_generated_line(asm1):
    kinetics = compile_table(asm1)
    try:
        kinetics.rates([1.0] * 14, ["text"] * 22, NUMPY)
    except TypeError:
        shown = traceback.format_exc()
    assert "<kinetics asm1" in shown
    assert "_sum" in shown
    assert "def rates(X, p, xp):" in kinetics.source


def test_unknown_composite(asm1):
    with pytest.raises(InputError, match="no composite") as caught:
        compile_table(asm1).composite("TS", [], NUMPY)
    assert "TSS" in (caught.value.fix or "")


def test_source_is_the_same_in_every_process():
    code = "from asm_hybrid.kinetics import *; print(compile_table(load_table('asm1')).source)"
    expected = compile_table(load_table("asm1")).source + "\n"
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
        )
        assert found.stdout == expected
