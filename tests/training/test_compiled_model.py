"""Simulations without gradients through compiled functions: what torch gives, to rounding, over whole records."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet
from plant_tools import defaults, make_plant
from term_tools import KINETIC, shake
from term_tools import make_term as term_of

from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant, PrimaryClarifier
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import CompiledModel, PlantModel

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


@pytest.mark.parametrize(("placement", "form"), FORMS + [("forcing", "")])
def test_each_placement_runs_as_in_torch_over_a_day(placement, form):
    plant = make_plant()
    system = PlantSystem(plant, defaults(plant), targets_of(plant), make_term(plant, placement, form))
    x0, inputs = record_of(plant, DAY)
    found, expected = both(system, Grid(QUARTER, 2), x0.expand(2, -1, -1), inputs)
    assert distance(found, expected) < 1e-10
    bare, _ = both(PlantSystem(plant, defaults(plant), targets_of(plant)), Grid(QUARTER, 2), x0, inputs)
    assert float((found.outputs - bare.outputs).abs().max()) > 0.1
    assert float((found.outputs[0] - found.outputs[1]).abs().max()) > 0.1
