"""What did not vary in training: n does not answer to it, and it does not close the guard."""

import casadi
import numpy as np
import pytest
import torch
from plant_tools import component, defaults, make_plant
from term_tools import make_term, operating_point, shake, system_of

from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.scaling import term_scaling
from asm_hybrid.training.simulation_models import CompiledModel, PlantModel

READ = ("S_S", "S_NH", "T")
FORMS = [("rates", "multiplicative"), ("rates", "additive"), ("state", ""), ("parameters", ""), ("output", "")]


def blind_term(plant, placement="rates", form="multiplicative", unvaried=("T",)):
    """Return a term with random weights that has not seen some inputs vary."""
    term = shake(make_term(plant, placement, form, inputs=READ), scale=0.3)
    for name in unvaried:
        k = READ.index(name)
        term.varied[k], term.low[k], term.high[k] = 0.0, term.mean[k], term.mean[k]
    return term


@pytest.mark.parametrize(("placement", "form"), FORMS)
def test_n_answers_to_no_temperature_and_does_not_fade(placement, form):
    plant = make_plant()
    seeing, blind = shake(make_term(plant, placement, form, inputs=READ), scale=0.3), blind_term(plant, placement, form)
    assert (seeing.unvaried, blind.unvaried) == ((), ("T",))
    x, u = operating_point(plant)
    found = {}
    for name, term in (("seeing", seeing), ("blind", blind)):
        with torch.no_grad():
            found[name] = [
                (term.outputs(x, driven), term.guard(term.features(x, driven)), term.outside(x, driven))
                for T in (5.0, 14.5, 90.0)
                for driven in [u.index_fill(0, torch.tensor(plant.input_index["T"]), T)]
            ]
    (z, g, _), *others = found["blind"]
    assert z.abs().max() > 0
    for other in others:
        assert torch.equal(z, other[0])
        assert torch.equal(g, other[1])
        assert not other[2][..., READ.index("T")].any()
    assert not torch.equal(found["seeing"][0][0], found["seeing"][1][0])
    assert found["seeing"][2][1].max() == 0.0  # 90 degC closes the guard of a term that has seen it vary
    assert found["seeing"][2][2][..., READ.index("T")].any()


@pytest.mark.parametrize("unvaried", [("T",), ("S_S", "T"), READ])
def test_it_is_the_same_in_casadi(unvaried):
    plant = make_plant()
    term = blind_term(plant, unvaried=unvaried)
    symbols = symbolic_system(plant, defaults(plant).numpy(), symbolic_term(term, 1))
    function = casadi.Function("f", [symbols.state, symbols.inputs], [symbols.derivative])
    system, bare = (system_of(plant, t) for t in (term.member(1), None))
    for seed in range(10):
        x, u = operating_point(plant, seed, members=1)
        with torch.no_grad():
            expected, f = (s.derivative(x, s.forcing(u))[0].numpy().ravel() for s in (system, bare))
        found = np.array(function(x.flatten().numpy(), u.numpy())).ravel()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
        assert np.abs(expected - f).max() > 0.1


def test_it_runs_compiled_as_in_torch():
    plant = make_plant()
    system, grid = system_of(plant, blind_term(plant)), Grid(1.0 / 96, 1)
    x, u = operating_point(plant)
    inputs = u.expand(13, -1).clone()
    inputs[6:, plant.input_index["T"]] -= 4.0
    with torch.no_grad():
        expected = PlantModel(system, grid).simulate(x, inputs)
    found = CompiledModel(system, grid).simulate(x, inputs)
    np.testing.assert_allclose(found.outputs, expected.outputs, rtol=1e-10, atol=1e-10)


def scaling_of(plant, temperature, ammonium=lambda t: 10.0 + 5.0 * np.sin(t)):
    """Return what training keeps of a record in which ammonium and the temperature run as given."""
    t = np.arange(400) / 30
    x, u = operating_point(plant, members=1)
    X, inputs = x[0].repeat(len(t), 1, 1), u.repeat(len(t), 1)
    X[..., component(plant, "S_NH")] = torch.as_tensor(ammonium(t)).unsqueeze(-1)
    inputs[:, plant.input_index["T"]] = torch.as_tensor(temperature(t))
    spec = TermSpec("rates", ("S_NH", "T", "Q_in", "load.S_NH"), (plant.table.process_names[0],), (4,), "tanh", (1,))
    return term_scaling(spec, system_of(plant), X, inputs, {})


@pytest.mark.parametrize(
    ("temperature", "varied", "width"),
    [
        (lambda t: 15.0 + 0.0 * t, 0.0, 2.0),
        (lambda t: 15.0 + 0.02 * np.sin(t), 0.0, 2.0),
        (lambda t: 15.0 + 0.3 * np.sin(t), 0.0, 2.0),
        (lambda t: 15.0 + 0.5 * np.sin(t), 1.0, 2.0),
        (lambda t: 15.0 + 3.0 * np.sin(t), 1.0, 6.0),
    ],
    ids=["constant", "rounding", "a sensor's drift", "half a degree", "a season"],
)
def test_a_temperature_has_varied_by_a_quarter_of_a_degree_or_it_has_not(temperature, varied, width):
    found = scaling_of(make_plant(), temperature)
    assert found.varied.tolist() == [1.0, varied, 0.0, 0.0]  # flow and load stood still
    assert float(found.width[1]) == pytest.approx(width, rel=1e-3)
    assert bool((found.width > 0).all())
    assert bool((found.std > 0).all())


@pytest.mark.parametrize(
    ("level", "swing", "varied"), [(10.0, 0.1, 0.0), (10.0, 0.2, 1.0), (0.003, 0.001, 0.0), (0.01, 0.002, 1.0)]
)
def test_a_concentration_has_varied_by_a_share_of_itself_and_by_what_sensors_resolve(level, swing, varied):
    found = scaling_of(make_plant(), lambda t: 15.0 + 0.0 * t, lambda t: level + swing * np.sin(t))
    assert float(found.varied[0]) == varied
