"""What needs no gradients is compiled on a CPU: validations, predictions and forecasts are those of torch."""

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from plant_tools import defaults, make_plant
from small_plant import write_case
from term_tools import make_term, shake

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import FittedModel, Silent, simulation_models
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.compared_model import FittedRecord
from asm_hybrid.training.predictions import predict_all
from asm_hybrid.training.rolling_forecast import forecast
from asm_hybrid.training.run_context import run_context
from asm_hybrid.training.run_folder import MetricsLog
from asm_hybrid.training.simulation_models import (
    CompiledModel,
    CompiledNeural,
    NeuralModel,
    PlantModel,
    start_state,
    without_gradients,
)
from asm_hybrid.training.stages.learnt_n import n_windows
from asm_hybrid.training.window_fit import open_loop_validation

HOUR = 1.0 / 24
MEMBERS = 2
PLACED = [("rates", "multiplicative"), ("state", ""), ("parameters", ""), ("output", ""), ("forcing", "")]
USERS = ("window_fit", "state_forecast", "compared.hybrid", "compared.neural")


@dataclass(frozen=True)
class InTorch:
    """A model as torch simulates it, without gradients."""

    model: object

    def simulate(self, x0, inputs, *, record_knots=False):
        with torch.no_grad():
            return self.model.simulate(x0, inputs, record_knots=record_knots)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Give a run that has not begun."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("small")
    config = load_config(write_case(base))
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    log = MetricsLog(base / "metrics.jsonl")
    dataset, checkpoints = read_dataset(config, table, plant.layout), Checkpoints(base)
    yield run_context(config, plant, dataset, progress=Silent(), checkpoints=checkpoints, log=log)
    log.close()


def neural_of(context, seed=3):
    """Return a pure neural ODE with random weights that stays near what was measured."""
    inputs, mean = context.inputs, torch.tensor([o.values.mean() for o in context.dataset.observations])
    ode = NeuralODE(mean, 0.2 * mean, inputs.mean(0), inputs.std(0).clamp(min=1e-12), (4,), "tanh", (1, 2))
    return shake(ode, seed, 0.1), mean


def fitted(context, placement, form=""):
    """Return a model with a random n of two members."""
    targets = {"output": context.targets, "forcing": ("influent.S_NH", "influent.X_S")}.get(placement)
    inputs = ("T", "load.S_NH") if placement == "forcing" else ("S_S", "S_NH", "T")
    term = shake(make_term(context.plant, placement, form, targets=targets, inputs=inputs), scale=0.15)
    start = start_state(context.system(context.defaults), context.typical_inputs)
    neural, first = neural_of(context)
    return FittedModel(
        config=context.config,
        plant=context.plant,
        grid=context.grid,
        targets=context.targets,
        labels=context.labels,
        defaults=context.defaults,
        parameters=context.defaults,
        start=start.expand(2, -1, -1),
        sensors=context.new_sensors(),
        term=LearntTerms([term]),
        neural=neural,
        neural_start=first,
    )


def largest(found, expected):
    """Return the largest difference, relative to the largest value."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert np.isfinite(expected).all()
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(("placement", "form"), PLACED)
def test_validations_and_forecasts_of_each_placement_are_those_of_torch(context, placement, form, monkeypatch):
    model = fitted(context, placement, form)
    origin, windows = model.start[1].expand(MEMBERS, -1, -1), n_windows(context, model.sensors, 12)

    def all_of_it():
        loss, starts = open_loop_validation(context, model.hybrid(), origin, windows)()
        with torch.no_grad():
            own = InTorch(model.mechanistic()).simulate(model.start, context.inputs, record_knots=True)
        loops = predict_all(FittedRecord(model, context.dataset, context.inputs, context.blocks, own))
        return loss, starts, loops, forecast(loops.record, loops.loops).table

    loss, starts, loops, table = all_of_it()
    for user in USERS:
        monkeypatch.setattr(f"asm_hybrid.training.{user}.without_gradients", InTorch)
    expected_loss, expected_starts, expected_loops, expected_table = all_of_it()
    assert largest(loss, expected_loss) < 1e-10
    assert largest(starts, expected_starts) < 1e-10
    assert not np.allclose(loss[0], loss[1], rtol=1e-3)
    for name in ("hybrid", "neural"):
        mine, theirs = loops.loops[name], expected_loops.loops[name]
        for y, expected in zip(mine.values, theirs.values, strict=True):
            assert largest(y, expected) < 1e-10
        assert largest(mine.trajectory, theirs.trajectory) < 1e-10
    for name in ("mechanistic", "recalibrated", "neural", "hybrid"):
        assert largest(table[name], expected_table[name]) < 1e-9


@pytest.mark.parametrize("linear", [True, False])
def test_a_neural_ode_runs_as_in_torch_over_its_record(context, linear):
    ode, first = neural_of(context)
    grid, inputs = replace(context.grid, linear=linear), torch.stack([context.inputs, 1.1 * context.inputs])
    start = first.expand(MEMBERS, 2, -1)
    expected = InTorch(NeuralModel(ode, grid)).simulate(start, inputs, record_knots=True)
    model = without_gradients(NeuralModel(ode, grid))
    assert isinstance(model, CompiledNeural)
    found = model.simulate(start, inputs, record_knots=True)
    assert largest(found.outputs, expected.outputs) < 1e-10
    assert largest(found.final, expected.final) < 1e-10
    assert found.ok.all()
    assert largest(found.outputs[0], expected.outputs[1]) > 1e-3
    broken = inputs.clone()
    broken[1, 5] = torch.nan
    assert model.simulate(start, broken).ok.tolist() == [[True, False]] * 2


def test_weights_parameters_and_scaling_are_those_of_the_moment(monkeypatch):
    written = []
    monkeypatch.setattr(simulation_models, "CompiledSteps", lambda *a: written.append(a) or CompiledSteps(*a))
    plant, rng = make_plant(), np.random.default_rng(2)
    system = PlantSystem(plant, defaults(plant), ("last.S_NH",), shake(make_term(plant), scale=0.1))
    x0 = torch.as_tensor(rng.uniform(1, 20, (2, *plant.shape)))
    inputs = torch.as_tensor(rng.uniform(1000, 1100, (9, len(plant.inputs))))
    inputs[:, plant.input_index["T"]], inputs[:, plant.input_index["last.S_O"]] = 15.0, 2.0

    def check(system):
        model = PlantModel(system, Grid(HOUR / 4, 1))
        found, expected = (m.simulate(x0, inputs).outputs for m in (without_gradients(model), InTorch(model)))
        assert largest(found, expected) < 1e-10
        return found

    first = check(system)
    with torch.no_grad():
        for p in system.term.parameters():
            p.mul_(2.0)
    second = check(system)
    assert largest(second, first) > 1e-4
    check(PlantSystem(plant, 1.1 * defaults(plant), ("last.S_NH",), copy.deepcopy(system.term)))
    assert len(written) == 1
    system.term.mean.mul_(1.5)
    assert largest(check(system), second) > 1e-4
    assert len(written) == 2
    assert len(pickle.loads(pickle.dumps(plant)).kept) == 0
    assert len(copy.deepcopy(plant).kept) == 0


@pytest.mark.parametrize("placement", ["rates", "forcing"])
def test_n_is_switched_off_case_by_case_as_in_torch(context, placement):
    term = fitted(context, placement, "multiplicative").term.member(0)
    (part,) = term
    cases, spots, width = 3, len(part.placement.spots), part.placement.width
    mask = torch.ones(1, cases, 1, spots, width, dtype=torch.float64)
    mask[0, 1], mask[0, 2, 0, :, 0] = 0.0, 0.0
    part.mask = mask if part.placement.in_tanks else mask.unsqueeze(3)
    model = PlantModel(context.system(context.defaults, term), context.grid)
    start = start_state(context.system(context.defaults), context.typical_inputs)[0].expand(1, cases, 2, -1, -1)
    cut = torch.stack([context.inputs[:25], context.inputs[24:49]])
    found, expected = (m.simulate(start, cut).outputs[0] for m in (without_gradients(model), InTorch(model)))
    assert largest(found, expected) < 1e-10
    assert largest(found[0], expected[1]) > 1e-4


def test_results_do_not_depend_on_how_many_windows_run_at_a_time(context, monkeypatch):
    model = fitted(context, "rates", "multiplicative")
    inputs = torch.stack([(1 + 0.1 * k) * context.inputs[:49] for k in range(9)])
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(simulation_models, "available_cores", lambda cores=cores: cores)
        found.append(model.simulate(inputs, record_knots=True))
    for other in found[1:]:
        assert torch.equal(other.outputs, found[0].outputs)
        assert torch.equal(other.knots, found[0].knots)


def test_far_outside_of_training_the_guard_closes_as_in_torch():
    plant = make_plant()
    term = shake(make_term(plant, "rates", "multiplicative"), scale=0.3)
    term.high.mul_(0.4)
    system = PlantSystem(plant, defaults(plant), ("last.S_NH", "last.S_NO"), term)
    bare = PlantSystem(plant, defaults(plant), system.targets)
    rng = np.random.default_rng(0)
    inputs = torch.as_tensor(rng.uniform(10, 15, (97, len(plant.inputs))))
    for name, value in {"Q_in": 5000.0, "return_sludge": 5000.0, "wastage": 100.0, "recycle.internal": 9000.0}.items():
        inputs[:, plant.input_index[name]] = value
    inputs[:, plant.input_index["influent.S_NH"]] = torch.linspace(5.0, 80.0, 97, dtype=torch.float64)
    x0 = torch.full((2, *plant.shape), 10.0, dtype=torch.float64)
    model = PlantModel(system, Grid(HOUR / 4, 2))
    found, expected = (
        m.simulate(x0, inputs, record_knots=True) for m in (CompiledModel(system, model.grid), InTorch(model))
    )
    assert largest(found.outputs, expected.outputs) < 1e-10
    guard = term.guard(term.features(expected.knots, inputs))
    assert float(guard.min()) < 1e-3
    assert float(guard.max()) > 0.99
    assert bool(((guard > 0.01) & (guard < 0.99)).any())
    other = CompiledModel(bare, model.grid).simulate(x0[0], inputs).outputs
    assert largest(found.outputs[0], other) > 1e-3


def test_torch_simulates_what_is_not_in_double_precision():
    plant = make_plant()
    model = PlantModel(PlantSystem(plant, defaults(plant).float(), ("last.S_NH",)), Grid(HOUR, 1))
    assert not isinstance(without_gradients(model), CompiledModel)
    x0 = torch.full(plant.shape, 10.0)
    inputs = torch.full((3, len(plant.inputs)), 100.0)
    assert without_gradients(model).simulate(x0, inputs).outputs.dtype == torch.float32
    wrong = CompiledModel(PlantSystem(plant, defaults(plant), ("last.S_NH",), make_term(plant)), Grid(HOUR, 1))
    with pytest.raises(ValueError, match="for 2 members"):
        wrong.simulate(x0.double(), inputs.double())
