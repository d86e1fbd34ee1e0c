"""Plants that switch by what is measured: courses as CVODES has them, and gradients through the times of switches."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plant_tools import defaults

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Parameter, load_table
from asm_hybrid.plant import PI, Controller, IdealSettler, Lag, Layout, OnOff, Plant, Sensor, Tank
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.cycle import Cycle, Phase, Until
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import PlantModel, start_state

MINUTE = 1.0 / 1440
INTERVAL = 5 * MINUTE
INFLUENT = {"S_I": 30.0, "S_S": 70.0, "X_I": 40.0, "X_S": 180.0, "X_BH": 25.0, "S_NH": 30.0, "S_ND": 6.0, "X_ND": 9.0}
CONSTANTS = {"T": 18.0, "return_sludge": 4000.0, "wastage": 60.0} | {f"influent.{n}": v for n, v in INFLUENT.items()}
AIR = OnOff(on=240.0, off=0.0, switch_on=5.1, switch_off=4.8)


def tank(*, law=None, cycles=(), tuned=()):
    """Return ASM1 in one tank before a settler, whose aeration is switched, or controlled, by its ammonium.

    Oxygen limits from 2 g/m3 on, so that steps of seconds resolve what it does behind a switch.
    """
    table = load_table("asm1")
    own = tuple(replace(p, default=2.0) if p.name in ("K_OH", "K_OA") else p for p in table.parameters)
    more = tuple(Parameter(n, v, "-", None, None, (v / 2, 2 * v), "the test") for n, v in tuned)
    loops = [Controller("air", "tank.S_NH", "g/m3", ("tank.kla",), law, Sensor(Lag(0.5 * MINUTE)))] if law else []
    layout = Layout(
        tanks=(Tank("tank", 3000.0, aerated=True),),
        influent_to={"tank": 1.0},
        return_to={"tank": 1.0},
        settler=IdealSettler(0.002),
        controllers=tuple(loops),
        cycles=cycles,
        constants=CONSTANTS,
    )
    return Plant(replace(table, parameters=(*own, *more)), layout)


def inputs_of(plant, count):
    """Return inputs at knots; the inflow rises."""
    values = plant.layout.constants | {"Q_in": 3000.0 * (1.0 + 0.02 * np.arange(count)), "air.setpoint": 4.98}
    return torch.as_tensor(np.stack([np.broadcast_to(values.get(s.name, 0.0), count) for s in plant.inputs], axis=-1))


def begin(plant):
    """Return a state with nitrifiers and ammonium near the switch points."""
    x = cold_start(plant, {"Q_in": 3000.0, "air.setpoint": 4.98})
    for name, value in {"X_BA": 150.0, "S_NH": 5.0, "S_O": 0.5}.items():
        x[0, plant.table.component_names.index(name)] = value
    return torch.as_tensor(x)


def reference(plant, start, inputs, linear):
    """Return the states at the knots as CasADi's integrator with events has them, ``(knot, row, component)``."""
    s = symbolic_system(plant, defaults(plant).numpy())
    problem = CompiledProblem(s.state, s.inputs, s.derivative, s.names, *s.events, tolerance=1e-9)
    active, u = plant.rows.active > 0, inputs.numpy()
    found = np.zeros((len(u), *plant.shape))
    found[:, active] = problem.run(
        start.numpy()[active], INTERVAL * np.arange(len(u)), u[:-1], u[1:] if linear else None
    )
    return found


PHASES = (
    Phase("aerate", 30 * MINUTE, {"tank.kla": 240.0}, Until("tank.S_NH", False, 4.93)),
    Phase("rest", 3 * MINUTE, {}),
)


@pytest.mark.parametrize(
    ("plant", "linear"),
    [(tank(law=AIR), False), (tank(law=AIR), True), (tank(cycles=(Cycle("air", PHASES),)), False)],
    ids=["on/off, held", "on/off, linear", "measured phases"],
)
def test_runs_are_those_of_an_integrator_with_events(plant, linear):
    start, inputs = begin(plant), inputs_of(plant, 6)
    model = PlantModel(PlantSystem(plant, defaults(plant), ("tank.S_NH",)), Grid(INTERVAL, 10, linear))
    with torch.no_grad():
        found = model.simulate(start, inputs, record_knots=True).knots.numpy()
    expected = reference(plant, start, inputs, linear)
    slow = [plant.table.component_names.index(n) for n in ("S_S", "S_NO", "S_NH", "X_BA")]
    assert found[:, 0, slow] == pytest.approx(expected[:, 0, slow], rel=1e-2)
    mode = expected[:, -1, plant.rows.extra.index("air.mode" if plant.controllers else "air.phase")]
    assert np.abs(np.diff(mode.round())).sum() >= 2


@pytest.mark.parametrize("law", ["on_off", "pi"])
def test_gradients_are_those_of_finite_differences(law):
    """With respect to a parameter of the table, those of the controller, and the first state; all in one batch."""
    laws = {"on_off": AIR, "pi": PI(-400.0, 0.02, 0.01, offset=60.0, high=200.0)}
    tuned = {
        "on_off": [("air.switch_on", 5.1), ("air.switch_off", 4.8)],
        "pi": [("air.setpoint", 4.97), ("air.gain", 400.0), ("air.integral_time", 0.02)],
    }
    plant = tank(law=laws[law], tuned=tuned[law])
    names = ["mu_A", *(name for name, _ in tuned[law])]
    start, inputs, values = begin(plant), inputs_of(plant, 4 if law == "on_off" else 3), defaults(plant)
    column = plant.table.component_names.index("X_BA")

    def losses(parameters, states):
        system = PlantSystem(plant, parameters, ("tank.S_NH", "tank.S_O", "tank.S_NO"))
        found = PlantModel(system, Grid(INTERVAL, 24 if law == "on_off" else 72, linear=False)).simulate(
            states, inputs, record_knots=True
        )
        return found.outputs.square().mean((-2, -1)), found.knots

    p, x = values.clone().requires_grad_(), start.clone().requires_grad_()
    loss, knots = losses(p, x)
    if law == "on_off":
        assert np.abs(np.diff(knots[:, -1, plant.rows.extra.index("air.mode")].detach().numpy())).sum() >= 2
    by_p, by_x = torch.autograd.grad(loss, [p, x])
    places = [plant.table.parameter_names.index(n) for n in names]
    mine = [float(by_p[k] * values[k]) for k in places]
    mine.append(float(by_x[0, column] * start[0, column]))
    step = 1e-6
    sets, states = values.repeat(2 * len(mine), 1), start.repeat(2 * len(mine), 1, 1)
    for k in range(len(mine)):
        for sign in (0, 1):
            factor = 1.0 + step * (1 - 2 * sign)
            if k < len(names):
                sets[2 * k + sign, places[k]] *= factor
            else:
                states[2 * k + sign, 0, column] *= factor
    with torch.no_grad():
        around, _ = losses(sets, states)
    expected = ((around[0::2] - around[1::2]) / (2.0 * step)).tolist()
    assert mine == pytest.approx(expected, rel=1e-5)


def test_a_plant_that_switches_starts_from_the_mean_of_its_switching():
    plant = tank(law=replace(AIR, switch_on=5.5, switch_off=4.5))
    found = start_state(PlantSystem(plant, defaults(plant), ("tank.S_NH",)), inputs_of(plant, 1)[0])[0]
    assert found[0, plant.table.component_names.index("S_NH")].item() == pytest.approx(5.0, abs=1e-3)
    assert found[-1, plant.rows.extra.index("air.mode")].item() in (0.0, 1.0)
