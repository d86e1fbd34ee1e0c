"""n on the influent and n in several placements at once; what n can read."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
import torch
from plant_tools import defaults, make_plant
from term_tools import make_term, operating_point, shake, system_of

from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.hybrid.network_inputs import Reading
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel

XP = torch_namespace()
TARGETS = ("influent.S_NH", "influent.X_S")
READ = ("Q_in", "T", "load.S_NH")


def forcing_term(plant, scale=0.05):
    return shake(make_term(plant, "forcing", targets=TARGETS, inputs=READ), scale=scale)


def columns(plant, names):
    return [plant.input_index[n] for n in names]


def test_the_influent_is_multiplied_and_nothing_else():
    plant = make_plant()
    term = forcing_term(plant)
    _, u = operating_point(plant)
    driven = term.driven(u).detach()
    k = columns(plant, TARGETS)
    factors = driven[:, k] / u[k]
    z = term.outputs(None, u).detach().squeeze(-2)
    torch.testing.assert_close(factors, torch.exp(np.log(10) * torch.tanh(z / np.log(10))))
    assert float((factors - 1.0).abs().min()) > 1e-3
    others = [i for i in range(len(u)) if i not in k]
    assert torch.equal(driven[:, others], u[others].expand(2, -1))


def test_f_runs_on_the_corrected_influent():
    """The hybrid's derivative is that of f with each member's own influent; n reads the influent as measured."""
    plant = make_plant()
    n = LearntTerms([shake(make_term(plant, inputs=("S_NH", "load.S_NH", "T")), scale=0.05), forcing_term(plant)])
    x, u = operating_point(plant)
    system = system_of(plant, n)
    found = system.derivative(x, system.forcing(u)).detach()
    rates, forcing = n
    for member in range(2):
        other = system_of(plant, rates.member(member))
        given = other.forcing(forcing.driven(u).detach()[member])
        given = type(given)(**{**vars(given), "measured": u})
        expected = other.derivative(x[:1], given).detach()
        torch.testing.assert_close(found[member], expected[0], rtol=1e-12, atol=1e-9)


def test_a_window_starts_as_f_and_learns_through_the_influent():
    plant = make_plant()
    x, u = operating_point(plant)
    grid = Grid(1.0 / 96, 2, True)
    inputs = u.expand(5, 9, -1)
    start = x[:, None].expand(-1, 5, -1, -1)
    fresh = make_term(plant, "forcing", targets=TARGETS, inputs=READ)
    hybrid, f = (PlantModel(system_of(plant, t), grid).simulate(start, inputs) for t in (fresh, None))
    torch.testing.assert_close(hybrid.outputs, f.outputs, rtol=1e-12, atol=1e-12)
    hybrid.outputs[..., 0].sum().backward()
    last = fresh.network.weights[-1].grad
    assert bool((last[..., 0].abs().amax(1) > 0.0).all())


def test_members_and_windows_keep_to_themselves():
    plant = make_plant()
    n = LearntTerms([forcing_term(plant), shake(make_term(plant, "parameters"), scale=0.05)])
    x, u = operating_point(plant)
    inputs = torch.stack([u, 1.1 * u, 0.9 * u]).unsqueeze(1).expand(-1, 7, -1)
    grid = Grid(1.0 / 96, 2, True)
    start = x[:, None].expand(-1, 3, -1, -1)
    whole = PlantModel(system_of(plant, n), grid).simulate(start, inputs).outputs
    for member in range(2):
        alone = PlantModel(system_of(plant, n.member(member)), grid)
        found = alone.simulate(start[member : member + 1, 1:2], inputs[1:2]).outputs
        torch.testing.assert_close(whole[member, 1], found[0, 0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("placements", [("forcing",), ("rates", "state", "parameters", "forcing", "output")])
def test_it_is_the_same_in_casadi(placements):
    plant = make_plant()
    chosen = {"forcing": TARGETS, "output": ("last.S_NH", "effluent.TN")}
    read = {"forcing": READ, "rates": ("S_S", "air", "load.TN")}
    parts = [make_term(plant, p, targets=chosen.get(p), inputs=read.get(p, ("S_S", "S_NH", "T"))) for p in placements]
    n = LearntTerms([shake(part, i, scale=0.03) for i, part in enumerate(parts)])
    symbols = symbolic_system(plant, defaults(plant).numpy(), symbolic_term(n, 1))
    recorded = ("last.S_NH", "effluent.TN", "middle.S_NH")
    values = [symbols.derivative, symbols.recorded(recorded), symbols.moved]
    function = casadi.Function("y", [symbols.state, symbols.inputs], values)
    system = PlantSystem(plant, defaults(plant), recorded, n.member(1))
    bare = PlantSystem(plant, defaults(plant), recorded)
    for seed in range(20):
        x, u = operating_point(plant, seed, members=1)
        with torch.no_grad():
            forcing = system.forcing(u)
            slope, outputs = system.derivative(x, forcing)[0], system.output(x, forcing)[0]
            moved = (slope - bare.derivative(x, bare.forcing(u))[0]).abs().max()
        found = [np.array(v).ravel() for v in function(x.flatten().numpy(), u.numpy())]
        np.testing.assert_allclose(found[0], slope.numpy().ravel(), rtol=1e-12, atol=1e-12 * float(slope.abs().max()))
        np.testing.assert_allclose(found[1], outputs.numpy(), rtol=1e-12)
        np.testing.assert_allclose(found[2], forcing.u[0].numpy(), rtol=1e-12)
        assert float(moved) > 0.1


def test_what_n_reads():
    plant = make_plant()
    x, u = operating_point(plant)
    names = ("S_NH", "Q_in", "air", "load.S_NH", "load.TKN", "T")
    found = Reading(plant, names, plant.layout.tank_names)(x, u, XP)
    at, components = plant.input_index, plant.table.component_names
    torch.testing.assert_close(found[..., 0], x[..., components.index("S_NH")])
    for k, name in ((1, "Q_in"), (5, "T")):
        assert torch.equal(found[..., k], u[at[name]].expand(2, plant.tanks))
    kla = [float(u[at[f"{t.name}.kla"]]) if t.aerated else 0.0 for t in plant.layout.tanks]
    assert found[0, :, 2].tolist() == kla
    assert any(kla)
    flow, p = float(u[at["Q_in"]]), {q.name: q.default for q in plant.table.parameters}
    concentration = {c: float(u[at[f"influent.{c}"]]) for c in components}
    assert float(found[0, 0, 3]) == pytest.approx(flow * concentration["S_NH"])
    tkn = sum(concentration[c] for c in ("S_NH", "S_ND", "X_ND"))
    tkn += p["i_XB"] * (concentration["X_BH"] + concentration["X_BA"])
    tkn += p["i_XP"] * (concentration["X_P"] + concentration["X_I"])
    assert float(found[1, 2, 4]) == pytest.approx(flow * tkn)


def test_the_influent_has_the_air_of_all_tanks_and_f_none_of_a_tank_with_imposed_oxygen():
    oxygen = tuple((tank, "S_O") for tank in ("middle", "last"))
    plant = make_plant(aerated=False, imposed=False)
    plant = Plant(plant.table, replace(plant.layout, imposed=oxygen, metered=("middle", "last")))
    x, u = operating_point(plant)
    at = plant.input_index
    u[at["middle.air"]], u[at["last.air"]] = 2000.0, 500.0
    assert Reading(plant, ("Q_in", "air"), ("influent",))(None, u, XP)[0, 1] == 2500.0
    assert Reading(plant, ("air",), plant.layout.tank_names)(x, u, XP)[0, :, 0].tolist() == [0.0, 2000.0, 500.0]
    assert Reading(plant, ("last.air",), plant.layout.tank_names)(x, u, XP)[0, :, 0].tolist() == [500.0] * 3
    system, more = system_of(plant), u.clone()
    more[at["middle.air"]] *= 2.0
    assert torch.equal(system.derivative(x, system.forcing(u)), system.derivative(x, system.forcing(more)))


def test_members_keep_to_themselves_where_n_reads_inputs_alone():
    plant = make_plant()
    term = shake(make_term(plant, inputs=("T", "Q_in")), scale=0.1)
    x, u = operating_point(plant)
    X, inputs = x[:, None].expand(2, 4, -1, -1), torch.stack([u, 1.1 * u, 0.9 * u, 1.2 * u])
    whole = term.outputs(X, inputs)
    for member in range(2):
        torch.testing.assert_close(whole[member], term.member(member).outputs(X[member : member + 1], inputs)[0])
    assert float((whole[0] - whole[1]).detach().abs().max()) > 0.01


def test_n_fades_where_an_input_leaves_the_trained_range():
    plant = make_plant()
    term = forcing_term(plant)
    _, u = operating_point(plant)
    assert not term.outside(torch.empty(0), u).any()
    u[plant.input_index["Q_in"]] *= 1e3
    assert term.outside(torch.empty(0), u).any()
    assert torch.equal(term.driven(u), u.expand(2, -1))
