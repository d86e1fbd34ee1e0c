"""Simulations without gradients through compiled functions: what torch gives, to rounding, over whole records."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet
from plant_tools import defaults, make_plant
from term_tools import make_term as term_of
from term_tools import shake

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import CompiledModel, PlantModel, start_state

QUARTER = 1.0 / 96
DAY = 97
FORMS = [("rates", "multiplicative"), ("rates", "additive"), ("state", ""), ("parameters", ""), ("output", "")]


def targets_of(plant):
    """Return a component, a composite, and both in the effluent."""
    first, last = plant.layout.tank_names[0], plant.layout.tank_names[-1]
    return (f"{last}.S_NH", f"{first}.S_NO", f"{last}.TSS", "effluent.TN", "effluent.TSS", "effluent.S_NH")


def make_term(plant, placement, form, scale=0.15):
    """Return a term of two members with random weights."""
    targets = {"output": targets_of(plant)[:4], "forcing": ("influent.S_NH", "influent.X_S")}.get(placement)
    inputs = ("T", "load.S_NH") if placement == "forcing" else ("S_S", "S_NH", "T")
    return shake(term_of(plant, placement, form, targets=targets, inputs=inputs), scale=scale)


def record_of(plant, knots, seed=1):
    """Return one state, and inputs that swing smoothly through a record with one jump."""
    rng = np.random.default_rng(seed)
    base, t = draw_inputs(plant, rng, 1), np.arange(knots)[:, None] * QUARTER
    swing = 1.0 + 0.3 * np.sin(2 * np.pi * (t + rng.random(base.shape[1])))
    swing[knots // 2 :] *= 1.1
    return torch.as_tensor(draw_states(plant, rng, 1)), torch.as_tensor(base * swing)


def both(system, grid, x0, inputs):
    """Return what torch and the compiled functions give."""
    with torch.no_grad():
        expected = PlantModel(system, grid).simulate(x0, inputs, record_knots=True)
    return CompiledModel(system, grid).simulate(x0, inputs, record_knots=True), expected


def distance(found, expected):
    """Return the largest difference of outputs and states, relative to the largest of each over the record."""
    assert bool(expected.ok.all())
    assert bool(found.ok.all())
    worst = 0.0
    for mine, theirs, axes in (
        (found.outputs, expected.outputs, (-2,)),
        (found.knots, expected.knots, (-3,)),
        (found.final, expected.final, ()),
    ):
        assert mine.shape == theirs.shape
        assert mine.dtype == theirs.dtype
        size = theirs.abs().amax(axes, keepdim=True) if axes else theirs.abs()
        worst = max(worst, float(((mine - theirs).abs() / size.clamp(min=1e-3)).max()))
    return worst


@pytest.mark.parametrize(("placement", "form"), [*FORMS, ("forcing", "")])
def test_each_placement_runs_as_in_torch_over_a_day(placement, form):
    plant = make_plant()
    system = PlantSystem(plant, defaults(plant), targets_of(plant), make_term(plant, placement, form))
    x0, inputs = record_of(plant, DAY)
    found, expected = both(system, Grid(QUARTER, 2), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10
    bare, _ = both(PlantSystem(plant, defaults(plant), targets_of(plant)), Grid(QUARTER, 2), x0, inputs)
    assert float((found.outputs - bare.outputs).abs().max()) > 0.1
    assert float((found.outputs[0] - found.outputs[1]).abs().max()) > 0.1


SHEETS = (
    "bsm1",
    "lanes",
    "bypass",
    "primary",
    "primary_bypass",
    "air",
    "waste_tank",
    "waste_tank_layers",
    "no_settler",
)


@pytest.mark.parametrize("name", SHEETS)
def test_each_flow_sheet_runs_as_in_torch(name):
    plant = flow_sheet(name)
    n = LearntTerms(
        [make_term(plant, placement, form, scale=0.05) for placement, form in (*FORMS[1:], ("forcing", ""))]
    )
    system = PlantSystem(plant, defaults(plant), targets_of(plant), n)
    x0, inputs = record_of(plant, 25)
    found, expected = both(system, Grid(QUARTER, 3), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10
    active = torch.as_tensor(plant.rows.active > 0)
    np.testing.assert_array_equal(found.final[:, ~active], x0[:, ~active].expand(2, -1))


@pytest.mark.parametrize("table", ["asm1", "asm2d", "asm3"])
@pytest.mark.parametrize(
    "grid",
    [Grid(QUARTER, 1), Grid(4 * QUARTER, 4, linear=False), Grid(QUARTER, 2, points=3)],
    ids=["one step", "held", "points within"],
)
def test_each_table_and_grid_runs_as_in_torch(table, grid):
    plant = flow_sheet("bypass", table)
    last, first = plant.layout.tank_names[-1], plant.table.component_names[0]
    system = PlantSystem(plant, defaults(plant), (f"{last}.{first}", f"effluent.{first}", f"{last}.TSS"))
    _, inputs = record_of(plant, 25)
    found, expected = both(system, grid, start_state(system, inputs.mean(0)), inputs)
    assert found.outputs.shape[-2] == 24 * grid.points + 1
    assert distance(found, expected) < 1e-10


def test_windows_cases_and_sets_of_parameters_run_side_by_side():
    plant = make_plant()
    x0, inputs = record_of(plant, 13)
    windows = torch.stack([inputs, 1.2 * inputs, 0.9 * inputs])
    system = PlantSystem(plant, defaults(plant), targets_of(plant), make_term(plant, "rates", "multiplicative"))
    found, expected = both(system, Grid(QUARTER, 1), x0.expand(2, 3, -1, -1), windows)
    assert found.outputs.shape == (2, 3, 13, len(system.targets))
    assert distance(found, expected) < 1e-10
    sets = torch.stack([defaults(plant), 1.1 * defaults(plant)])
    found, expected = both(PlantSystem(plant, sets, targets_of(plant)), Grid(QUARTER, 1), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10
    assert float((found.outputs[0] - found.outputs[1]).abs().max()) > 0.1


def test_a_mask_acts_and_a_window_without_an_interval_has_its_start():
    plant = make_plant()
    term = make_term(plant, "rates", "multiplicative")
    term.mask = torch.ones(2, plant.tanks, len(plant.table.processes), dtype=torch.float64)
    term.mask[1, 1:] = 0.0
    system = PlantSystem(plant, defaults(plant), targets_of(plant), term)
    x0, inputs = record_of(plant, 13)
    found, expected = both(system, Grid(QUARTER, 1), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10
    start = x0.expand(2, -1, -1)
    found = CompiledModel(system, Grid(QUARTER, 1)).simulate(start, inputs[:1])
    assert found.outputs.shape == (2, 1, len(system.targets))
    torch.testing.assert_close(found.final, start, rtol=0.0, atol=0.0)
    with torch.no_grad():
        expected = system.output(start, system.forcing(inputs[0]))
    torch.testing.assert_close(found.outputs[:, 0], expected, rtol=1e-12, atol=1e-12)


def test_a_monotone_network_runs_as_in_torch():
    plant = make_plant()
    like = make_term(plant, "rates", "multiplicative")
    spec = replace(like.spec, network="monotone", options={**like.spec.options, "rises_with": ("S_S",)})
    scaling = TermScaling(**{f.name: getattr(like, f.name) for f in fields(TermScaling)})
    term = shake(LearntTerm(spec, plant, scaling, like.participants.numpy() > 0), scale=0.15)
    system = PlantSystem(plant, defaults(plant), targets_of(plant), term)
    x0, inputs = record_of(plant, 13)
    found, expected = both(system, Grid(QUARTER, 1), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10


def test_a_window_that_leaves_the_numbers_is_reported_and_leaves_the_others_alone():
    plant = make_plant()
    system = PlantSystem(plant, defaults(plant), targets_of(plant))
    x0, inputs = record_of(plant, 13)
    broken = inputs.clone()
    broken[6, plant.input_index["Q_in"]] = float("inf")
    model = CompiledModel(system, Grid(QUARTER, 1))
    found = model.simulate(x0.expand(2, -1, -1), torch.stack([inputs, broken]), record_knots=True)
    alone = model.simulate(x0[0], inputs)
    assert found.ok.tolist() == [True, False]
    assert bool(torch.isfinite(found.outputs[1, :6]).all())
    assert bool(found.outputs[1, 7:].isnan().all())
    torch.testing.assert_close(found.outputs[0], alone.outputs, rtol=0.0, atol=0.0)
