"""The stiff solver of exported models, on small models whose solutions are known."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from c_toys import COMPILER, Library, Model, TimeTable, Toy
from scipy.linalg import expm

from asm_hybrid.export.c_solver import find_factors, find_pattern
from asm_hybrid.solver.tableaus import RODAS4, RODAS5P

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler here")

ROBERTSON = Toy(
    ["-0.04*x0 + 1e4*x1*x2", "0.04*x0 - 1e4*x1*x2 - 3e7*x1**2", "3e7*x1**2"], [1.0, 0.0, 0.0], nominal=[1.0, 1e-4, 1.0]
)
HIRES = Toy(
    [
        "-1.71*x0 + 0.43*x1 + 8.32*x2 + 0.0007",
        "1.71*x0 - 8.75*x1",
        "-10.03*x2 + 0.43*x3 + 0.035*x4",
        "8.32*x1 + 1.71*x2 - 1.12*x3",
        "-1.745*x4 + 0.43*x5 + 0.43*x6",
        "-280*x5*x7 + 0.69*x3 + 1.71*x4 - 0.43*x5 + 0.69*x6",
        "280*x5*x7 - 1.81*x6",
        "-280*x5*x7 + 1.81*x6",
    ],
    [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057],
    nominal=[1.0] * 7 + [0.0057],
)
VAN_DER_POL = Toy(["x1", "((1 - x0**2)*x1 - x0)/p0"], [2.0, 0.0], parameters=[1e-6])
OREGONATOR = Toy(
    ["77.27*(x1 + x0*(1 - 8.375e-6*x0 - x1))", "(x2 - (1 + x0)*x1)/77.27", "0.161*(x0 - x2)"], [1.0, 2.0, 3.0]
)
# References: https://archimede.uniba.it/~testset (HIRES, van der Pol), Hairer and Wanner 1996 (Robertson, Oregonator).
PUBLISHED = {
    "robertson": (ROBERTSON, 1e11, [0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050]),
    "hires": (
        HIRES,
        321.8122,
        [
            0.7371312573325668e-3,
            0.1442485726316185e-3,
            0.5888729740967575e-4,
            0.1175651343283149e-2,
            0.2386356198831331e-2,
            0.6238968252742796e-2,
            0.2849998395185769e-2,
            0.2850001604814231e-2,
        ],
    ),
    "van_der_pol": (VAN_DER_POL, 2.0, [0.1706167732170483e1, -0.8928097010247975]),
    "oregonator": (OREGONATOR, 360.0, [0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3]),
}
THERMOSTAT = Toy(  # x1 is the mode: x0 rises to 2 and falls to 1, in no time at all from outside
    ["p0*(3*x1 - x0)", "0*x1"],
    [0.0, 1.0],
    inputs=[2.0],
    parameters=[4.0],
    events=["x1*(u0 - x0) + (1 - x1)*(x0 - 1)"],
    after=[{1: "1 - x1"}],
)
FOLLOWER = Toy(["p0*(u0 - x0)", "u0"], [1.0, 0.0], inputs=[1.0], parameters=[50.0])
Compile = Callable[[Toy], Library]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    done: dict[int, Library] = {}

    def compiled(toy: Toy) -> Library:
        if id(toy) not in done:
            done[id(toy)] = toy.compiled(tmp_path_factory.mktemp("toy"), more=STEP)
        return done[id(toy)]

    return compiled


STEP = """
double test_step(const ah_model *m);
double test_step(const ah_model *m)
{
    return m->step;
}
"""


def carried(model: Model) -> float:
    call = model.calls.test_step
    call.restype = ctypes.c_double
    return float(call(model.handle))


@pytest.mark.parametrize("name", PUBLISHED)
def test_stiff_problems_come_out_as_published(compiled: Compile, name: str) -> None:
    toy, until, values = PUBLISHED[name]
    with Model.of(toy, compiled(toy)) as m:
        m.tolerance(1e-8)
        np.testing.assert_allclose(m.step(until), values, rtol=2e-5, atol=0.0)


@pytest.mark.parametrize("tableau", [RODAS4, RODAS5P], ids=lambda t: t.name)
def test_the_error_falls_with_the_tolerance(tmp_path: Path, tableau) -> None:
    toy, until, values = PUBLISHED["hires"]
    errors = []
    with Model.of(toy, toy.compiled(tmp_path, tableau)) as m:
        for tolerance in (1e-4, 1e-6, 1e-8):
            m.calls.ah_reset(m.handle)
            m.tolerance(tolerance)
            errors.append(float(np.abs(m.step(until) / values - 1.0).max()))
    assert errors[0] < 1e-2
    assert errors[1] < errors[0] / 10.0
    assert errors[2] < errors[1] / 10.0


def test_a_linear_system_comes_out_as_its_exponential(compiled: Compile) -> None:
    A = np.array([[-1.0, 0.5, 0.0], [1e4, -1e5, 0.0], [0.0, 3.0, -0.1]])
    toy = Toy([" + ".join(f"({v})*x{j}" for j, v in enumerate(row) if v) for row in A.tolist()], [1.0, 2.0, 3.0])
    with Model.of(toy, compiled(toy)) as m:
        np.testing.assert_allclose(m.step(0.7), expm(0.7 * A) @ [1.0, 2.0, 3.0], rtol=2e-6)


SOLVE = """
int test_solve(ah_model *m, const double *values, double shift, const double *right, double *found);
int test_solve(ah_model *m, const double *values, double shift, const double *right, double *found)
{
    memcpy(m->solver.jacobian, values, sizeof m->solver.jacobian);
    if (solver_factorise(&m->solver, shift))
        return 1;
    solver_divide(&m->solver, right, found);
    return 0;
}
"""


@pytest.mark.parametrize(("size", "density"), [(1, 0.0), (12, 0.3), (60, 0.05)])
def test_factors_divide_as_numpy_does(tmp_path: Path, size: int, density: float) -> None:
    rng = np.random.default_rng(size)
    pattern = find_pattern(*np.nonzero(rng.random((size, size)) < density), size)
    rows = [
        " + ".join(f"x{j}" for j in pattern.column[pattern.row[i] : pattern.row[i + 1]]) + f" + x{i}"
        for i in range(size)
    ]
    toy = Toy(rows, [0.0] * size)
    assert (toy.text().pattern.dense() == pattern.dense()).all()
    library = toy.compiled(tmp_path, more=SOLVE)
    solve, doubles = library.calls.test_solve, np.ctypeslib.ndpointer(np.float64)
    solve.argtypes = [ctypes.c_void_p, doubles, ctypes.c_double, doubles, doubles]
    with Model.of(toy, library) as m:
        for _ in range(5):
            J = np.zeros((size, size))
            values = rng.standard_normal(len(pattern.column))
            J[pattern.rows, pattern.column] = values
            right, found = rng.standard_normal(size), np.empty(size)
            assert solve(m.handle, values, 20.0, right, found) == 0
            np.testing.assert_allclose(found, np.linalg.solve(20.0 * np.eye(size) - J, right), rtol=1e-9, atol=1e-12)
        values[pattern.rows == pattern.column] = np.nan
        assert solve(m.handle, values, 20.0, right, found) == 1
        values[pattern.rows == pattern.column] = 20.0
        assert solve(m.handle, values, 20.0, right, found) == 1


def test_the_order_keeps_an_arrow_sparse() -> None:
    n = 30
    pattern = find_pattern([0] * n + list(range(n)), [*range(n), *[0] * n], n)
    factors = find_factors(pattern)
    assert len(factors.pattern.column) == len(pattern.column)
    assert set(factors.order[-2:]) >= {0}
    assert sorted(factors.order) == list(range(n))
    assert sorted(factors.source) == list(range(len(pattern.column)))


def test_inputs_move_linearly_within_a_step(compiled: Compile) -> None:
    a, k, t = 30.0, 50.0, 0.3
    with Model.of(FOLLOWER, compiled(FOLLOWER)) as m:
        m.slope[0] = a
        x = m.step(t)
        exact = 1.0 + a * t - a / k * (1.0 - math.exp(-k * t))
        np.testing.assert_allclose(x, [exact, t + a * t * t / 2.0], rtol=2e-6)
        assert m.u[0] == pytest.approx(1.0 + a * t, rel=1e-14)
        assert m.time == t


def test_rates_may_depend_on_time(compiled: Compile) -> None:
    toy = Toy(["-p0*(x0 - cos(t)) - sin(t)"], [1.0], parameters=[1e4])  # Prothero and Robinson: x = cos(t)
    with Model.of(toy, compiled(toy)) as m:
        for until in (0.1, 1.0, 7.0):
            assert m.step(until)[0] == pytest.approx(math.cos(until), rel=1e-6)


def test_a_controller_switches_at_the_exact_times(compiled: Compile) -> None:
    up, first = math.log(2.0) / 4.0, math.log(3.0) / 4.0  # 1 -> 2 towards 3, and 2 -> 1 towards 0; 0 -> 2 at first
    until = first + 5.5 * up
    with Model.of(THERMOSTAT, compiled(THERMOSTAT)) as m:
        m.tolerance(1e-10)
        x = m.step(until)
        np.testing.assert_allclose(x, [3.0 - 2.0 * math.exp(-2.0 * up), 1.0], rtol=1e-8)
        for k, mode in ((6, 0.0), (7, 1.0)):
            assert m.step(first + k * up - 1e-9)[1] == 1.0 - mode
            assert m.step(first + k * up + 1e-9)[1] == mode


def test_an_event_that_a_jump_makes_due_comes_at_once(compiled: Compile) -> None:
    with Model.of(THERMOSTAT, compiled(THERMOSTAT)) as m:
        assert m.step(0.17)[1] == 1.0
        m.u[0] = 1.2
        assert m.x[0] > 1.2
        assert m.step(0.17)[1] == 0.0


def test_events_are_told_and_happen_when_they_are_asked_to(compiled: Compile) -> None:
    changed, z = ctypes.c_int(), (ctypes.c_double * 1)()
    with Model.of(THERMOSTAT, compiled(THERMOSTAT)) as m:
        for level, due in ((1.5, 0), (2.5, 1)):
            m.x[:] = level, 1.0
            assert m.calls.ah_events(m.handle, z) == 0
            assert z[0] == 2.0 - level
            assert m.calls.ah_switch(m.handle, ctypes.byref(changed)) == 0
            assert (changed.value, m.x[1]) == (due, 1.0 - due)


def test_inputs_of_a_time_table_hold_from_its_times_on(compiled: Compile) -> None:
    toy = Toy(["u0"], [0.0], inputs=[0.0], table=TimeTable(ends=(0.25, 1.0), values=(4.0, 0.0)))
    with Model.of(toy, compiled(toy)) as m:
        for until, amount, u, following in ((0.2, 0.8, 4.0, 0.25), (0.25, 1.0, 0.0, 1.0), (1.5, 2.0, 0.0, 2.0)):
            assert m.step(until)[0] == pytest.approx(amount, rel=1e-12)
            assert (m.u[0], m.calls.ah_next_time(m.handle)) == (u, following)
        m.calls.ah_set_time(m.handle, ctypes.c_double(7.1))
        assert (m.u[0], m.calls.ah_next_time(m.handle)) == (4.0, 7.25)


def test_a_step_that_is_cut_does_not_shorten_later_ones(compiled: Compile) -> None:
    with Model.of(HIRES, compiled(HIRES)) as m:
        m.step(50.0)
        before = carried(m)
        for until in (50.0 + 1e-9, 50.0 + 1e-3, 50.0 + 2e-3, 50.0 + 2e-3 + 1e-15):
            m.step(until)
        assert carried(m) >= before > 0.1


def test_many_short_calls_and_a_long_one_end_alike(compiled: Compile) -> None:
    toy, until, values = PUBLISHED["hires"]
    with Model.of(toy, compiled(toy)) as m:
        for time in np.linspace(0.0, until, 1000)[1:]:
            x = m.step(time)
        np.testing.assert_allclose(x, values, rtol=1e-4)


def test_tanks_in_a_row_with_a_recycle_are_filled_in_by_a_column() -> None:
    n = 40
    rows = [*range(n), *range(1, n), 0]
    factors = find_factors(find_pattern(rows, [*range(n), *range(n - 1), n - 1], n))
    assert len(factors.pattern.column) <= 3 * n
