"""Plants whose volumes vary, with phases and PI controllers: f + n in torch and compiled, and its gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from plant_tools import defaults
from term_tools import make_term, shake

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.compiled_system import CompiledSystem
from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import PI, Controller, IdealSettler, Lag, Layout, OnOff, Plant, Sensor, TakacsSettler, Tank
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.cycle import Cycle, Phase, Until
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import CompiledModel, PlantModel

MINUTE = 1.0 / 1440
INTERVAL = 10 * MINUTE
PHASES = (
    Phase("fill", 20 * MINUTE, {"Q_in": 4000.0}),
    Phase("aerate", 40 * MINUTE, {"reactor.kla": 150.0}),
    Phase("waste", 10 * MINUTE, {"wastage": 600.0}),
    Phase("draw", 20 * MINUTE, {"reactor.decant": 3500.0}),
)
CYCLE = Cycle("batch", PHASES)
INFLUENT = {"S_I": 30.0, "S_S": 70.0, "X_I": 40.0, "X_S": 180.0, "X_BH": 25.0, "S_NH": 30.0, "S_ND": 6.0, "X_ND": 9.0}
CONSTANTS = {"T": 18.0, "return_sludge": 0.0} | {f"influent.{n}": v for n, v in INFLUENT.items()}
TARGETS = ("reactor.S_NH", "reactor.S_O", "effluent.S_NO")


def batch_reactor(*, until=None, controllers=()):
    """Return ASM1 in one tank that is filled, aerated and drawn."""
    phases = tuple(replace(p, until=until) if p.name == "aerate" else p for p in PHASES)
    layout = Layout(
        tanks=(Tank("reactor", 400.0, aerated=True, to={"effluent": 1.0}, variable=True, decanted_solids=0.01),),
        influent_to={"reactor": 1.0},
        return_to={"reactor": 1.0},
        settler=None,
        waste_from="reactor",
        controllers=controllers,
        cycles=(Cycle("batch", phases),),
        constants=CONSTANTS,
    )
    return Plant(load_table("asm1"), layout)


def controlled(law=None, *, layers=True):
    """Return a varying tank before a constant one, whose oxygen is controlled; a primary and a settler in layers."""
    law = law or PI(gain=25.0, integral_time=0.02, tracking_time=0.01, offset=100.0, high=240.0)
    loop = Controller(
        "DO", "last.S_O", "g/m3", ("last.kla",), law, Sensor(Lag(1 * MINUTE, 2), 0.0, 10.0), Lag(4 * MINUTE, 2)
    )
    layout = Layout(
        tanks=(Tank("first", 500.0, variable=True), Tank("last", 700.0, aerated=True)),
        influent_to={"first": 1.0},
        return_to={"first": 1.0},
        settler=TakacsSettler(area=300.0, height=4.0) if layers else IdealSettler(0.01),
        primary=PrimaryClarifier(volume=200.0, sludge=0.01, smoothing=0.02) if layers else None,
        controllers=(loop,),
        constants=CONSTANTS,
    )
    return Plant(load_table("asm1"), layout)


def inputs_of(plant, times, values):
    """Return inputs at times, by name or constant."""
    out = np.zeros((len(times), len(plant.inputs)))
    for i, spec in enumerate(plant.inputs):
        out[:, i] = values.get(spec.name, plant.layout.constants.get(spec.name, 0.0))
    for cycle in plant.layout.cycles:
        for name in cycle.inputs:
            out[:, plant.input_index[name]] = cycle.values(name, times)
    return torch.as_tensor(out)


@pytest.fixture(scope="module")
def batch():
    """Return a batch reactor, its state at the begin of a cycle, and inputs over one cycle and a bit."""
    plant = batch_reactor()
    inputs = inputs_of(plant, INTERVAL * np.arange(10), {})
    return plant, torch.as_tensor(cold_start(plant, {"Q_in": 4000.0})), inputs


@pytest.fixture(scope="module")
def loop():
    """Return a controlled plant, a state away from rest, and inputs that move."""
    return moving(controlled())


def moving(plant):
    """Return a controlled plant, a state away from rest, and inputs that move."""
    flow = 6000.0 * (1.0 + 0.3 * np.sin(np.arange(5)))
    values = {"Q_in": flow, "first.decant": 6000.0, "return_sludge": 4000.0, "wastage": 100.0, "DO.setpoint": 2.0}
    inputs = inputs_of(plant, INTERVAL * np.arange(5), values)
    start = cold_start(plant, {"Q_in": 6000.0, "DO.setpoint": 2.0})
    start.reshape(-1)[-plant.shape[1] + plant.rows.extra.index("DO.integral")] = -30.0
    return plant, torch.as_tensor(start), inputs


def hybrid(plant, targets, seed=5):
    """Return f with a random n of two members."""
    term = shake(make_term(plant, "rates", "multiplicative", inputs=("S_S", "S_NH", "T")), seed, scale=0.15)
    return PlantSystem(plant, defaults(plant), targets, LearntTerms([term]))


def reference(plant, start, inputs, linear):
    """Return the states at the knots as CVODES has them, ``(knot, row, component)``."""
    s = symbolic_system(plant, defaults(plant).numpy())
    problem = CompiledProblem(s.state, s.inputs, s.derivative, s.names, tolerance=1e-8)
    active, u = plant.rows.active > 0, inputs.numpy()
    found = np.zeros((len(u), *plant.shape))
    found[:, active] = problem.run(
        start.numpy()[active], INTERVAL * np.arange(len(u)), u[:-1], u[1:] if linear else None
    )
    return found


@pytest.mark.parametrize(("case", "linear", "within"), [("batch", False, 1e-4), ("loop", True, 1e-3)])
def test_runs_are_those_of_cvodes(case, linear, within, request):
    plant, start, inputs = request.getfixturevalue(case)
    target = f"{plant.layout.tank_names[-1]}.S_NH"
    model = PlantModel(PlantSystem(plant, defaults(plant), (target,)), Grid(INTERVAL, 40, linear))
    with torch.no_grad():
        found = model.simulate(start, inputs, record_knots=True).knots.numpy()
    expected = reference(plant, start, inputs, linear)
    scale = np.abs(expected).max(axis=0) + 1e-3
    assert np.abs((found - expected) / scale)[1:].max() < within
    volumes = [n for n in plant.rows.extra if n.endswith(".volume")]
    assert len(volumes) == 1
    course = expected[:, plant.rows.layers[1], plant.rows.extra.index(volumes[0])]
    assert np.ptp(course) > 10.0


@pytest.mark.parametrize(("case", "linear"), [("batch", False), ("loop", True)])
def test_the_compiled_system_is_that_of_torch(case, linear, request):
    plant, start, inputs = request.getfixturevalue(case)
    targets = TARGETS if case == "batch" else ("last.S_O", "effluent.S_NO")
    system, grid = hybrid(plant, targets), Grid(INTERVAL, 2, linear)
    start, inputs = start.expand(2, -1, -1), inputs[:6]
    with torch.no_grad():
        expected = PlantModel(system, grid).simulate(start, inputs, record_knots=True)
    found = CompiledModel(system, grid).simulate(start, inputs, record_knots=True)
    for mine, theirs in ((found.outputs, expected.outputs), (found.knots, expected.knots)):
        scale = theirs.abs().amax(dim=tuple(range(theirs.dim() - 1)), keepdim=True) + 1e-9
        assert float(((mine - theirs).abs() / scale).max()) < 1e-10
    assert float((expected.outputs[0] - expected.outputs[1]).abs().max()) > 1e-6


@pytest.mark.parametrize(("case", "linear"), [("batch", False), ("loop", True)])
def test_gradients_are_those_of_finite_differences(case, linear, request):
    if case == "batch":
        plant, start, inputs = request.getfixturevalue(case)
        inputs, targets = inputs[[0, 2, 6, 7, 8]], TARGETS  # one interval of each phase
    else:
        plant, start, inputs = moving(controlled(layers=False))
        inputs, targets = inputs[:2], ("last.S_O", "first.S_NH")
    system = hybrid(plant, targets)
    weights = list(system.term.parameters())
    grid, first = Grid(MINUTE, 12, linear), plant.rows.layers[1]
    rng = np.random.default_rng(1)
    shifts = [torch.as_tensor(rng.normal(size=w.shape)) for w in weights]
    flows = [plant.input_index[n] for n in ("Q_in", "reactor.decant", "reactor.kla") if n in plant.input_index]

    def loss(p, state, driven):
        with_p = PlantSystem(plant, p, targets, system.term)
        outputs = PlantModel(with_p, grid).simulate(state, driven).outputs
        return (outputs * torch.tensor([1.0, 10.0, 0.1][: len(targets)], dtype=outputs.dtype)).square().mean()

    def moved(kind, by):
        """Return the loss after a shift along one direction."""
        p, state, driven = defaults(plant), start.clone(), inputs.clone()
        if kind == "parameters":
            p = p * (1.0 + by)
        if kind == "volume":
            state[first, 0] += by * state[first, 0]
        if kind == "phases":
            driven[:, flows] *= 1.0 + by
        with torch.no_grad():
            for w, shift in zip(weights, shifts, strict=True):
                w.add_(shift * by) if kind == "weights" else None
            found = float(loss(p, state.expand(2, -1, -1), driven))
            for w, shift in zip(weights, shifts, strict=True):
                w.sub_(shift * by) if kind == "weights" else None
        return found

    p = defaults(plant).requires_grad_()
    state, driven = start.clone().requires_grad_(), inputs.clone().requires_grad_()
    slopes = torch.autograd.grad(loss(p, state.expand(2, -1, -1), driven), [p, state, driven, *weights])
    found = {
        "parameters": float((slopes[0] * defaults(plant)).sum()),
        "volume": float(slopes[1][first, 0] * start[first, 0]),
        "phases": float((slopes[2] * inputs)[:, flows].sum()),
        "weights": float(sum((g * s).sum() for g, s in zip(slopes[3:], shifts, strict=True))),
    }
    for kind, mine in found.items():
        expected = (moved(kind, 3e-5) - moved(kind, -3e-5)) / 6e-5
        assert mine == pytest.approx(expected, rel=1e-5), kind


def test_compiled_steps_refuse_by_name_what_switches_by_measurement():
    ends = Until("reactor.S_NH", False, 1.0)
    with pytest.raises(InputError, match="'batch' switches by what is measured"):
        CompiledSystem(PlantSystem(plant := batch_reactor(until=ends), defaults(plant), TARGETS))
    with pytest.raises(InputError, match="'DO' switches by what is measured"):
        CompiledSystem(PlantSystem(plant := controlled(OnOff(240.0, 0.0, 1.0, 2.0)), defaults(plant), ("last.S_O",)))
