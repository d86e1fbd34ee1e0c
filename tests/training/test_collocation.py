"""Collocation: smoothing against known curves, and the factor on a rate that f has wrong."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_plant import CONFIG

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.collocation import collocate, prepare_collocation, smooth
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.scaling import term_scaling

GROWTH = "aerobic_growth_autotrophs"
FACTOR = 0.6
BLOCK = (0.0, 3.0)
MEASURED = ("anoxic.S_NH", "aerobic.S_NH", "aerobic.S_NO", "aerobic.TSS", "effluent.S_NH")


def test_smoothing_finds_value_and_slope_and_keeps_out_of_gaps():
    rng = np.random.default_rng(0)
    times = np.arange(0, 2, 1 / 96)
    times = times[(times < 0.8) | (times > 1.3)]
    values = 5 + 2 * np.sin(2 * np.pi * times) + 0.1 * rng.normal(size=len(times))
    at = np.arange(0, 2, 1 / 48)
    found = smooth(times, values, 0.1, at)
    assert not found.known[(at > 0.79) & (at < 1.31)].any()
    assert found.known[(at > 0.05) & (at < 0.75)].all()
    k = found.known
    assert np.abs(found.value[k] - 5 - 2 * np.sin(2 * np.pi * at[k])).max() < 0.15
    error = found.slope[k] - 4 * np.pi * np.cos(2 * np.pi * at[k])
    assert np.sqrt((error**2).mean()) < 0.1 * 4 * np.pi


def test_a_series_of_few_samples_has_no_slope():
    assert not smooth(np.arange(20.0), np.ones(20), 0.1, np.arange(0, 19, 0.1)).known.any()
    assert not smooth(np.arange(5) / 48, np.ones(5), 0.1, np.arange(0, 0.1, 0.01)).known.any()
    assert not smooth(np.array([]), np.array([]), 0.1, np.array([0.0, 1.0])).known.any()


def measured(target, times, values, noise, period=0.0):
    censored = np.zeros(len(times), dtype=np.int8)
    return SimpleNamespace(target=target, times=times, values=values, noise=noise, period=period, censored=censored)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """Measure a plant whose nitrifiers grow at a fraction of the rate that f takes them to have."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("collocation") / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    grid = make_grid(config)
    t = np.arange(round(BLOCK[1] / grid.interval) + 1) * grid.interval
    inputs = torch.zeros(len(t), len(plant.inputs), dtype=torch.float64)
    wave = 1 - 0.4 * np.cos(2 * np.pi * t)
    driven = {
        "Q_in": 5000 * wave,
        "influent.S_NH": 30 * wave,
        "aerobic.S_O": 1.5 + 0.01 * t,
    }  # so no two knots are alike
    for i, spec in enumerate(plant.inputs):
        inputs[:, i] = torch.as_tensor(driven.get(spec.name, np.full(len(t), plant.layout.constants.get(spec.name))))
    own = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
    true = own.clone()
    true[table.parameter_names.index("mu_A")] *= FACTOR
    with torch.no_grad():
        start = start_state(PlantSystem(plant, own, MEASURED), inputs.mean(0))[0]
        path_of = {
            name: PlantModel(PlantSystem(plant, p, MEASURED), grid).simulate(start, inputs, record_knots=True)
            for name, p in (("f", own), ("truth", true))
        }
    rng = np.random.default_rng(4)
    observations = []
    for i, target in enumerate(MEASURED):
        noise = 5.0 if "TSS" in target else 0.1
        y = path_of["truth"].outputs[:, i].numpy()
        observations.append(measured(target, t, y + noise * rng.normal(size=len(t)), noise))
    return SimpleNamespace(
        plant=plant, own=own, times=t, inputs=inputs, states=path_of["f"].knots, observations=observations, true=path_of
    )


def make_term(case, placement, targets, system):
    read = ("Q_in", "load.TN") if placement == "forcing" else ("S_NH", "S_O")
    spec = TermSpec(placement, read, targets, (4,), "tanh", (1, 2))
    spread = {o.target: float(o.values.std()) for o in case.observations}
    takes_part = participants(case.plant, case.plant.stoichiometry(case.own, torch_namespace()))
    return LearntTerm(spec, case.plant, term_scaling(spec, system, case.states, case.inputs, spread), takes_part)


def prepared(case, observations):
    system = PlantSystem(case.plant, case.own, [o.target for o in observations])
    return system, prepare_collocation(system, observations, case.times, case.states, case.inputs, BLOCK)


def test_states_are_measured_where_they_are_measured(case):
    _, data = prepared(case, case.observations)
    names = case.plant.table.component_names
    truth = case.true["truth"].knots
    assert len(data.states) > 100
    nh = names.index("S_NH")
    knot = torch.as_tensor([int((case.inputs == row).all(1).nonzero()[0]) for row in data.inputs])
    assert (data.states[:, :, nh] - truth[knot][:, :, nh]).abs().max() < 0.3
    own = case.states[knot]
    assert (own[:, 1, nh] - truth[knot][:, 1, nh]).abs().max() > 1.0
    solids = [i for i, c in enumerate(case.plant.table.components) if c.phase == "particulate"]
    ratio = (data.states / own)[:, 1, solids]
    composed = [s for s, i in zip(range(len(solids)), solids, strict=True) if names[i].startswith("X_B")]
    assert (ratio[:, composed[0]] - ratio[:, composed[1]]).abs().max() < 1e-9  # parts of TSS are scaled alike


@pytest.mark.parametrize(("placement", "target"), [("rates", GROWTH), ("parameters", "mu_A")])
def test_the_learnt_factor_is_that_by_which_f_is_wrong(case, placement, target):
    system, data = prepared(case, case.observations)
    term = make_term(case, placement, (target,), system)
    misfit = collocate(PlantSystem(case.plant, case.own, system.targets, LearntTerms([term])), data)
    assert max(misfit) < 0.2
    with torch.no_grad():
        factors = term.factors(data.states.expand(2, *data.states.shape), data.inputs)
    (position,) = term.placement.columns
    aerobic = factors[:, :, 1, position]
    np.testing.assert_allclose(aerobic.mean(1), [FACTOR, FACTOR], atol=0.05)
    np.testing.assert_allclose(aerobic.std(1), 0.0, atol=0.1)


def test_a_free_term_takes_over_what_f_has_wrong(case):
    few = [o for o in case.observations if "TSS" not in o.target]
    system, data = prepared(case, few)
    term = make_term(case, "state", ("S_NH", "S_NO"), system)
    hybrid = PlantSystem(case.plant, case.own, system.targets, LearntTerms([term]))
    forcing = system.forcing(data.inputs)
    own = torch.einsum("kvrc,krc->kv", data.seen, system.derivative(data.states, forcing))
    before = ((own - data.slope) * data.weight).square().mean()
    assert max(collocate(hybrid, data)) < 0.3 * float(before)


def test_a_wrong_influent_is_found_from_slopes(case):
    """The rates are right, and the influent holds more ammonium than it is said to."""
    few = [o for o in case.observations if "TSS" not in o.target]
    own = case.own.clone()
    own[case.plant.table.parameter_names.index("mu_A")] *= FACTOR
    said = case.inputs.clone()
    said[:, case.plant.input_index["influent.S_NH"]] *= 0.7
    system = PlantSystem(case.plant, own, [o.target for o in few])
    data = prepare_collocation(system, few, case.times, case.true["truth"].knots, said, BLOCK)
    term = make_term(case, "forcing", ("influent.S_NH",), system)
    collocate(PlantSystem(case.plant, own, system.targets, LearntTerms([term])), data)
    with torch.no_grad():
        np.testing.assert_allclose(term.factors(None, data.inputs).mean((1, 2, 3)), [1 / 0.7] * 2, atol=0.1)


def test_without_close_samples_there_is_nothing_to_fit(case):
    few = [measured("aerobic.S_NH", np.array([0.5, 1.5]), np.ones(2), 0.1)]
    assert prepared(case, few)[1] is None
    solids = [measured("effluent.TSS", case.times, 5 + np.sin(case.times), 0.1)]
    assert prepared(case, solids)[1] is None
    composites = [measured("aerobic.S_NH", case.times, 5 + np.sin(case.times), 0.1, period=1.0)]
    assert prepared(case, composites)[1] is None
