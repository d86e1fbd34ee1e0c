"""Water and mass over 14 days in every shipped layout: what came in is stored or has left.

The balances are integrated beside the states. In a layered settler solids have the composition of the feed of the
moment, as BSM1 has it; particulate components then have no balance of their own, but inert solutes and the suspended
solids of the settler have one.
"""

import casadi
import numpy as np
import pytest
from layout_tools import compiled_layout

import asm_hybrid as ah
from asm_hybrid.config import available_layouts
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import TakacsSettler, casadi_namespace, oxygen_saturation
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.solver.cvodes import CompiledProblem

XP = casadi_namespace()
ASM1 = load_table("asm1").component_names


def contents(table, material):
    """Return what a unit of every component holds of a conserved material, at default parameters."""
    values = {p.name: p.default for p in table.parameters}
    found = []
    for component in table.components:
        held = component.composition.get(material)
        found.append(float(held.value.subs({s: values[s.name] for s in held.value.free_symbols})) if held else 0.0)
    return found


def weights(plant):
    """Return the materials that a layout conserves, as weights of its components."""
    names = plant.table.component_names
    found = {"S_I": [float(n == "S_I") for n in names]}
    if not isinstance(plant.layout.settler, TakacsSettler):
        found |= {m: contents(plant.table, m) for m in plant.table.materials if m != "charge"}
    return found


def balances(system):
    """Return what is stored and what flows in, by material, as expressions."""
    plant, u = system.plant, system.moved
    index, table, settler = plant.input_index, plant.table, plant.layout.settler
    volumes = [
        plant.extra(system.X, f"{t.name}.volume", XP) if t.variable else casadi.SX(t.volume) for t in plant.layout.tanks
    ]
    flow, outflow = system.effluent
    stored, gained = {}, {}
    for name, held in weights(plant).items():
        w = casadi.DM(held)
        first, last = plant.rows.layers
        stored[name] = sum(v * casadi.mtimes(system.X[i, :], w) for i, v in enumerate(volumes))
        for row in range(first, last):
            stored[name] += settler.volume / settler.layers * casadi.mtimes(system.X[row, :], w)
        gained[name] = u[index["Q_in"]] * casadi.mtimes(plant.influent(u, XP), w)
        gained[name] -= flow * casadi.dot(outflow, w) + u[index["wastage"]] * casadi.dot(system.waste, w)
        if name == "COD":
            o = table.component_names.index(table.oxygen)
            deficit = oxygen_saturation(u[index["T"]], XP) - system.X[: len(volumes), o]
            gained[name] -= sum(v * system.kla[i] * deficit[i] for i, v in enumerate(volumes))
    if any(t.variable for t in plant.layout.tanks):
        stored["water"], gained["water"] = sum(volumes), u[index["Q_in"]] - flow - u[index["wastage"]]
    if isinstance(settler, TakacsSettler):
        feed = plant.quantities.amount(XP.matmul(system.forcing.feed, system.tanks), system.forcing, "TSS", XP)
        layers = system.settler_solids
        under = system.forcing.feed_flow - system.forcing.overflow
        stored["TSS of the settler"] = settler.volume / settler.layers * casadi.sum1(layers)
        gained["TSS of the settler"] = (
            system.forcing.feed_flow * feed - system.forcing.overflow * layers[0] - under * layers[-1]
        )
    return stored, gained


@pytest.mark.parametrize("name", available_layouts())
def test_what_comes_in_is_stored_or_leaves(name):
    compiled = compiled_layout(name)
    plant, system, inputs = compiled.plant, compiled.system, assemble_inputs(compiled.plant, 14.0)
    stored, gained = balances(system)
    events, after = system.events
    total = casadi.SX.sym("total", len(gained))
    problem = CompiledProblem(
        casadi.vertcat(system.state, total),
        system.inputs,
        casadi.vertcat(system.derivative, *gained.values()),
        [*system.names, *gained],
        events,
        [casadi.vertcat(a, total) for a in after],
    )
    begin = inputs.begin.copy()
    if not plant.layout.cycles:
        begin[:, plant.input_index["Q_in"]] *= 1 + 0.4 * np.sin(2 * np.pi * inputs.times[:-1])
    start = np.concatenate([compiled.start(inputs.mean), np.zeros(len(gained))])
    path = problem.run(start, inputs.times, begin)
    held = casadi.Function("held", [system.state, system.inputs], [casadi.vertcat(*stored.values())])
    n = system.state.numel()
    first, last = (np.array(held(path[k, :n], begin[k])).ravel() for k in (0, -1))
    error = np.abs(last - first - path[-1, n:]) / np.maximum(np.abs(first), np.abs(last))
    assert dict(zip(gained, error, strict=True)) == pytest.approx(dict.fromkeys(gained, 0.0), abs=1e-8)


def test_what_only_rests_in_a_plant_has_no_turnover_to_be_missed():
    plant = {
        "name": "batch",
        "model": {"kinetics": "asm1"},
        "plant": {
            "temperature": 15,
            "tanks": {"reactor": {"volume": 90000, "decant": {"solids": 0.0}}},
            "influent": {
                "to": "reactor",
                "composition": dict.fromkeys(ASM1, 0.0) | {"S_S": 99, "X_S": 166, "X_BH": 13, "S_NH": 40, "S_ALK": 8},
            },
            "settler": {"type": "none"},
            "cycles": {
                "batch": {
                    "phases": [
                        {"duration": "2 h", "set": {"Q_in": 200000}},
                        {"duration": "2 h"},
                        {"duration": "2 h", "set": {"reactor.decant": 200000}},
                    ]
                }
            },
        },
    }
    warnings = ah.simulate(plant, {"days": 2}).warnings
    assert not [w for w in warnings if "X_I" in w and "misses" in w]


def test_a_table_without_solids_may_have_a_settler():
    plant = {
        "name": "prey",
        "model": {"kinetics": "lotka_volterra"},
        "plant": {
            "temperature": 15,
            "tanks": {"pond": {"volume": 20}},
            "influent": {"to": "pond", "flow": 1, "composition": {"prey": 1, "predator": 1}},
            "settler": {"type": "ideal", "non_settleable": 0.002},
            "return_sludge": {"to": "pond", "flow": 1},
            "wastage": {"flow": 0.1},
        },
    }
    assert np.isfinite(ah.simulate(plant, {"days": 1}).series).all(axis=None)
