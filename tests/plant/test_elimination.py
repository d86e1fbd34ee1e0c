"""Division by small sparse matrices against NumPy."""

import casadi
import numpy as np
import pytest

from asm_hybrid.plant.elimination import Elimination


@pytest.mark.parametrize("n", [1, 5, 14])
def test_it_divides_as_numpy_does_and_makes_no_work_for_zeros(n):
    rng = np.random.default_rng(n)
    values = np.where(rng.random((n, n)) < 0.3, rng.normal(size=(n, n)), 0.0) + 4.0 * np.eye(n)
    right = rng.normal(size=(n, 3))
    symbols = casadi.SX.sym("a", casadi.sparsify(casadi.DM(values)).sparsity())
    elimination = Elimination.of(symbols)
    found = casadi.vertcat(*elimination.solve(elimination.factors, [casadi.DM(row).T for row in right]))
    function = casadi.Function("f", [symbols], [found])
    np.testing.assert_allclose(np.array(function(casadi.DM(values))), np.linalg.solve(values, right), rtol=1e-12)


def test_an_arrow_is_divided_without_fill():
    n = 10
    arrow = casadi.SX.eye(n)
    arrow[0, :], arrow[:, 0] = casadi.SX.sym("r", 1, n), casadi.SX.sym("c", n)
    assert Elimination.of(arrow).factors.numel() == 3 * n - 2
