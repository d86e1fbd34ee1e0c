"""Plants of tanks under the stiff methods, against Radau of SciPy, with inputs that move and that jump."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states
from plant_tools import defaults, make_plant, random_inputs
from scipy.integrate import solve_ivp

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import IdealSettler, Layout, Plant, Recycle, Tank
from asm_hybrid.solver.adaptive import integrate_adaptive
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate
from asm_hybrid.solver.tableaus import RODAS4, ROS34PW2
from asm_hybrid.training.simulation_models import PlantModel, start_state

INTERVAL, KNOTS = 1.0 / 96, 4


@pytest.fixture(scope="module", params=["asm1", "asm2d"])
def case(request):
    """Return a system, its state at the start, inputs at the knots, and the end of Radau's solution."""
    layout = Layout(
        tanks=(Tank("anoxic", 1000.0), Tank("aerobic", 1500.0, aerated=True), Tank("last", 1500.0, aerated=True)),
        influent_to={"anoxic": 1.0},
        return_to={"anoxic": 1.0},
        recycles=(Recycle("internal", "last", "anoxic"),),
        settler=IdealSettler(0.002),
    )
    plant = Plant(load_table(request.param), layout)
    rng = np.random.default_rng(3)
    inputs = draw_inputs(plant, rng, 1).repeat(KNOTS, 0)
    inputs[:, plant.input_index["Q_in"]] *= [1.0, 1.2, 0.8, 1.5]
    names = plant.table.parameter_names
    values = torch.tensor([plant.table.parameters[names.index(n)].default for n in names], dtype=torch.float64)
    observed = ("last.S_O2" if request.param == "asm2d" else "last.S_O", "anoxic.X_S")
    system = PlantSystem(plant, values, observed)
    start = draw_states(plant, rng, 1)[0]
    y, ends = start.ravel(), []
    for left, right in pairwise(inputs):
        y = solve_ivp(
            lambda t, y, a, b: _slope(system, plant, y, a + (b - a) * t / INTERVAL),
            (0, INTERVAL), y, "Radau", args=(left, right), rtol=1e-8, atol=1e-9,
        ).y[:, -1]  # fmt: skip
        ends.append(y)
    return system, torch.as_tensor(start)[None], torch.as_tensor(inputs), np.array(ends)


def _slope(system, plant, y, u):
    with torch.no_grad():
        state = torch.as_tensor(y).reshape(plant.shape)
        return system.derivative(state, system.forcing(torch.as_tensor(u))).flatten().numpy()


def errors(found, expected):
    """Return the largest difference of any state at any knot, relative to the largest value of the state."""
    path = found.knots[0, 1:].detach().numpy().reshape(len(expected), -1)
    return (np.abs(path - expected) / np.abs(expected).max(0).clip(1.0)).max()


@pytest.mark.parametrize("tableau", [ROS34PW2, RODAS4], ids=lambda t: t.name)
def test_tolerances_are_met(case, tableau):
    system, x0, inputs, expected = case
    with torch.no_grad():
        loose, _ = integrate_adaptive(system, x0, inputs, INTERVAL, rtol=1e-4, atol=1e-5, tableau=tableau)
        tight, _ = integrate_adaptive(system, x0, inputs, INTERVAL, rtol=1e-6, atol=1e-7, tableau=tableau)
    assert errors(loose, expected) < 1e-3
    assert errors(tight, expected) < 1e-5


def test_fixed_steps_converge_at_order_three_once_they_resolve_the_start(case):
    system, x0, inputs, expected = case
    with torch.no_grad():
        found = [
            errors(integrate(system, x0, inputs, Grid(INTERVAL, n, settling=4), record_knots=True), expected)
            for n in (32, 64, 128)
        ]
    rates = np.log2(np.array(found[:-1]) / np.array(found[1:]))
    assert rates[-1] > 2.8 or found[-1] < 1e-8, (found, rates)


def test_what_runs_out_within_a_step_ends_at_zero_and_nearer_to_the_fine_solution():
    """Oxygen and nitrate run out when the air stops, with steps of 30 min and of 30 s."""
    plant = make_plant()
    u = torch.as_tensor(random_inputs(plant, np.random.default_rng(3)))
    for name, value in {"influent.S_S": 70.0, "influent.X_S": 200.0, "influent.S_NH": 30.0, "Q_in": 4000.0}.items():
        u[plant.input_index[name]] = value
    inputs = u.repeat(25, 1)
    inputs[4:, [i for name, i in plant.input_index.items() if name.endswith((".kla", ".S_O"))]] = 0.0
    limiting, found = torch.as_tensor(plant.limiting > 0), {}
    for case, steps, held in (("fine", 60, True), ("coarse", 1, True), ("free", 1, False)):
        system = PlantSystem(plant, defaults(plant), ("last.S_NH",))
        if not held:
            system.floor = torch.full_like(system.floor, -torch.inf)
        x = start_state(system, u)
        model = PlantModel(system, Grid(1.0 / 48, steps, False))
        found[case] = model.simulate(x, inputs, record_knots=True).knots[0]
        assert (float(found[case][..., limiting].min()) == 0.0) == held
    errors = {c: (found[c] - found["fine"]).abs().sum() for c in ("coarse", "free")}
    assert errors["coarse"] < errors["free"]
