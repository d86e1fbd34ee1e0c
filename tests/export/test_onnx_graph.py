"""ONNX models through onnxruntime: n and the right-hand side as torch has them, in double precision."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from flowsheets import LAYOUTS, draw_inputs, draw_states, flow_sheet

from asm_hybrid.errors import InputError
from asm_hybrid.export.onnx_graph.models import Ingredients, learnt_model, rhs_model
from asm_hybrid.export.onnx_graph.written import Seeds
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import participants
from asm_hybrid.kinetics import check_factored
from asm_hybrid.plant import Plant, effluent, emission, offgas_targets, torch_namespace
from asm_hybrid.training.scaling import half_saturations

XP = torch_namespace()
STATES, SEEDS, BEST = 1000, (4, 5, 6), 1
KINDS = {"double": onnx.TensorProto.DOUBLE, "int64": onnx.TensorProto.INT64}


@dataclass(frozen=True)
class Case:
    """A plant with n, states and inputs of it, and the models."""

    plant: Plant
    n: LearntTerms | None
    p: torch.Tensor
    targets: tuple[str, ...]
    x: torch.Tensor
    u: torch.Tensor

    @property
    def ingredients(self) -> Ingredients:
        start, first = (v[0] for v in self.feed.values())
        return Ingredients("case", self.plant, self.p.numpy(), self.targets, self.n, Seeds(SEEDS, BEST), start, first)

    @property
    def feed(self) -> dict[str, np.ndarray]:
        return {"x": self.x.numpy()[:, self.plant.rows.active > 0], "u": self.u.numpy()}

    def torch_rhs(self, p: torch.Tensor, n: LearntTerms | None) -> tuple[np.ndarray, np.ndarray]:
        """Return dx/dt and what is measured, of every member, ``(member, state of a plant, …)``."""
        plant, members = self.plant, len(SEEDS) if n is not None else 1
        x = self.x.expand(members, *self.x.shape)
        with torch.no_grad():
            forcing = plant.forcing(self.u, p, XP, n)
            dxdt = plant.derivative(x, forcing, plant.stoichiometry(p, XP), XP, n).numpy()
            if plant.steered:
                forcing, _ = plant.steer(x, forcing, XP)
            tanks = plant.effective_state(x, forcing, XP)
            found = []
            for target in self.targets:
                if target.startswith("offgas."):
                    name = plant.table.component_names.index(target.removeprefix("offgas."))
                    found.append(emission(plant, x, tanks, forcing, XP)[..., name].sum(-1, keepdim=True))
                    continue
                place, quantity = plant.quantities.observation(target)
                i = None if place == "effluent" else plant.layout.tank_index(place)
                water = effluent(plant, x, forcing, XP)[1] if i is None else tanks[..., i : i + 1, :]
                found.append(plant.quantities.mixed(quantity, XP.columns(water), XP.entries(p), XP))
            y = torch.cat([v.expand(members, STATES, 1) for v in found], dim=-1)
            y = y if n is None else n.recorded(y, self.targets, tanks, forcing.seen)
        return dxdt[..., plant.rows.active > 0], y.numpy()


def random_terms(plant: Plant, places, network="mlp", activation="tanh", scale=0.4) -> LearntTerms:
    """Return n with random weights, of which some states leave the trained range."""
    table, rng, found = plant.table, np.random.default_rng(3), []
    last = plant.layout.tank_names[-1]
    soluble = [c.name for c in table.components if c.phase == "soluble"]
    for place in places:
        name, _, form = place.partition(" ")
        kind = PLACEMENTS[name]
        inputs = (*soluble[1:4], "T") if kind.in_tanks else ("T", "Q_in", "load.COD")
        named = None
        if name == "parameters":
            named = [q for q in table.parameter_names if factored(plant, q)][1:5]
        elif name == "forcing":
            named = soluble[:2]
        elif name == "rates":
            named = table.process_names[1:]
        targets = kind.choose(named, table, (f"{last}.{soluble[2]}", "effluent.TSS"))
        options = ({"form": form} if form else {}) | ({"rises_with": inputs[1:2]} if network == "monotone" else {})
        spec = TermSpec(name, inputs, targets, (6, 5), activation, SEEDS, network, options)
        middle = torch.tensor([{"T": 16.0, "Q_in": 2e4, "load.COD": 7e6}.get(i, 10.0) for i in inputs]).double()
        signs = spec.architecture(plant).signs
        scaling = TermScaling(
            mean=middle,
            std=middle / 4,
            low=0.9 * middle,
            high=1.1 * middle,
            width=0.2 * middle,
            varied=torch.tensor([*[1.0] * (len(inputs) - 1), 0.0]).double(),
            typical=torch.as_tensor(rng.uniform(1.0, 50.0, len(targets))),
            level=torch.as_tensor(rng.uniform(1.0, 50.0, plant.shape[1])),
            halves=None if signs is None else half_saturations(spec, plant, values(plant)),
        )
        term = LearntTerm(spec, plant, scaling, participants(plant, plant.stoichiometry(values(plant), XP)))
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for w in term.network.parameters():
                w.copy_(scale * torch.randn(w.shape, dtype=w.dtype, generator=generator))
        found.append(term)
    return LearntTerms(found)


def factored(plant: Plant, name: str) -> bool:
    try:
        check_factored(plant.table, name)
    except InputError:
        return False
    return True


def values(plant: Plant) -> torch.Tensor:
    return torch.tensor([q.default for q in plant.table.parameters], dtype=torch.float64)


def make_case(layout: str, table="asm1_bsm", places=("rates",), **options) -> Case:
    plant, rng = flow_sheet(layout, table), np.random.default_rng(8)
    n = random_terms(plant, places, **options) if places else None
    last = plant.layout.tank_names[-1]
    soluble = [c.name for c in plant.table.components if c.phase == "soluble"]
    targets = (f"{last}.{soluble[2]}", "effluent.TSS", f"{last}.COD")
    targets += tuple(t for t in offgas_targets(plant.table, plant.layout) if t.startswith("offgas."))
    states = draw_states(plant, rng, STATES)
    low = rng.random(states.shape) < 0.02
    tanks = np.arange(plant.shape[0])[:, None] < plant.tanks
    states = np.where(low & tanks, rng.choice([0.0, -0.1], states.shape), states)
    x, u = torch.as_tensor(states), torch.as_tensor(draw_inputs(plant, rng, STATES))
    return Case(plant, n, values(plant), targets, x, u)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """Return a checked model, ready to run."""
    onnx.checker.check_model(model, full_check=True)
    kinds = {t.data_type for t in model.graph.initializer}
    kinds |= {v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)}
    assert kinds <= set(KINDS.values())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error over the size: of the value, or of the middle one of its entry's, whichever is larger.

    Values of zero, as where n has faded, do not count for the latter.
    """
    assert found.shape == expected.shape
    entries = np.abs(expected.reshape(len(expected), -1)).T
    middle = np.array([np.median(row[row > 0.0]) if row.any() else 1e-9 for row in entries])
    size = np.maximum(np.abs(expected), middle.reshape(expected.shape[1:]))
    return float((np.abs(found - expected) / size).max())


TABLES = {
    "lanes": "asm2d",
    "primary": "asm3",
    "no_settler": "asm2d",
    "buffer": "asm3",
    "bypass": "asm1_2n",
    "air": "asm1_2n",
}
PLACES = cycle([("rates",), ("state",), ("parameters",), ("rates additive",), ("forcing",), ("output",)])
CASES = [(name, TABLES.get(name, "asm1_bsm"), places) for name, places in zip(LAYOUTS, PLACES, strict=False)]
EVERYTHING = ("rates", "state", "parameters", "forcing", "output")


@pytest.mark.parametrize(
    ("layout", "table", "places", "options"),
    [
        *((*case, {}) for case in CASES),
        ("everything", "asm1_bsm", EVERYTHING, {"scale": 0.1}),
        ("bsm1", "asm2d", EVERYTHING, {"scale": 0.1, "activation": "softplus"}),
        ("bypass", "asm1", ("rates",), {"network": "signed"}),
        ("waste_tank", "asm3", ("parameters",), {"network": "signed"}),
        ("bypass", "asm1_bsm", ("rates additive",), {"network": "monotone", "activation": "silu"}),
        ("cascade", "asm1_bsm", ("state",), {"activation": "relu"}),
    ],
)
def test_both_models_are_what_torch_has(layout, table, places, options):
    case = make_case(layout, table, places, **options)
    rng = np.random.default_rng(9)
    p = case.p * torch.as_tensor(rng.uniform(0.8, 1.2, (STATES, len(case.p))))
    member, row = rng.integers(0, len(SEEDS) + 1, STATES), np.arange(STATES)
    dxdt, y = session(rhs_model(case.ingredients)).run(["dxdt", "y"], case.feed | {"p": p.numpy(), "member": member})
    bare, learnt = case.torch_rhs(p, None), case.torch_rhs(p, case.n)
    for found, f, hybrid in zip((dxdt, y), bare, learnt, strict=True):
        assert difference(found, np.concatenate([f, hybrid])[member, row]) < 1e-12
    changed = [float(np.abs(hybrid - f).max()) > 1e-3 for f, hybrid in zip(bare, learnt, strict=True)]
    assert changed == [places != ("output",), "output" in places]

    model = learnt_model(case.ingredients)
    found = dict(zip((o.name for o in model.graph.output), session(model).run(None, case.feed), strict=True))
    X = case.plant.effective_state(case.x, case.plant.forcing(case.u, case.p, XP), XP)
    for term in case.n:
        given = expected_of(term, X, case.u)
        assert given.keys() == {key.partition("_")[2] for key in found if key.startswith(f"{term.spec.placement}_")}
        for key, value in given.items():
            assert difference(found[f"{term.spec.placement}_{key}"], value) < 1e-12, key
        if options.get("network") != "signed":  # with signs kept, n is held at the end of the range, and seldom fades
            assert set(np.unique(given["guard"])[[0, -1]]) == {0.0, 1.0}


def expected_of(term: LearntTerm, X: torch.Tensor, u: torch.Tensor) -> dict[str, np.ndarray]:
    """Return what torch has of n, with the axis of the states first."""
    placement, shape = term.placement, (STATES, len(term.placement.spots), len(term.placement.targets))
    with torch.no_grad():
        X = X.expand(len(SEEDS), *X.shape)
        features = term.features(X, u)
        network = term.evaluate(term.scaled(features))
        given = placement.given(term, X, u)[..., list(placement.columns)]
        guard = term.guard(features)
        if placement.in_tanks:
            features, guard = features[0], guard[0]
    effect = "factor" if placement.multiplies else "addition"
    found = {"reads": features, "guard": guard.expand(shape), "network": network.movedim(0, 1)}
    return {key: v.numpy() for key, v in (found | {effect: given.movedim(0, 1)}).items()}


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case("bsm1_closed", places=("rates", "output"))


def test_without_parameters_and_member_it_is_the_best_of_the_run(case):
    runner = session(rhs_model(case.ingredients))
    found = runner.run(["dxdt", "y"], case.feed)
    for value, expected in zip(found, case.torch_rhs(case.p, case.n), strict=True):
        assert difference(value, expected[BEST]) < 1e-12
    alone = {key: v[5:6] for key, v in case.feed.items()}
    for whole, single in zip(found, runner.run(["dxdt", "y"], alone), strict=True):
        assert difference(single, whole[5:6]) < 1e-13


def test_what_is_no_member_or_no_number_is_no_result(case):
    runner = session(rhs_model(case.ingredients))
    for member in (-1, len(SEEDS) + 1):
        with pytest.raises(Exception, match="indices element out of data bounds"):
            runner.run(["dxdt"], case.feed | {"member": np.array([member])})
    x = case.feed["x"].copy()
    x[3, 0] = np.nan
    x[4, case.plant.rows.names.index("tank_2.S_NH")] = np.nan
    (dxdt,) = runner.run(["dxdt"], case.feed | {"x": x})
    assert np.isnan(dxdt[3:5]).any(axis=1).all()
    assert np.isfinite(np.delete(dxdt, [3, 4], axis=0)).all()
    with pytest.raises(Exception, match="broadcast an axis"):
        runner.run(["dxdt"], case.feed | {"u": case.feed["u"][:7]})


def test_a_plant_without_n_has_a_right_hand_side(case):
    bare = Case(case.plant, None, case.p, case.targets, case.x, case.u)
    runner = session(rhs_model(bare.ingredients))
    assert [i.name for i in runner.get_inputs()] == ["x", "u"]
    assert [i.name for i in runner.get_overridable_initializers()] == ["p"]
    assert difference(runner.run(["dxdt"], bare.feed)[0], bare.torch_rhs(case.p, None)[0][0]) < 1e-12


def test_the_metadata_name_what_stands_where(case):
    runner = session(rhs_model(case.ingredients))
    facts = {
        k: v if k in ("run", "kinetics", "time") else json.loads(v)
        for k, v in runner.get_modelmeta().custom_metadata_map.items()
    }
    sizes = {i.name: i.shape[-1] for i in (*runner.get_inputs(), *runner.get_outputs())}
    assert {key: len(facts[key]) for key in ("states", "inputs", "measured")} == {
        "states": sizes["x"],
        "inputs": sizes["u"],
        "measured": sizes["y"],
    }
    units = {row["name"]: row["unit"] for key in ("states", "inputs") for row in facts[key]}
    assert units["tank_2.S_NH"] == "g N/m3"
    assert units["settler_10.TSS"] == "g TSS/m3"
    assert units["nitrate.integral"] == "m3/d"
    assert units["oxygen.actuator_2"] == "1/d"
    assert [row["value"] for row in facts["parameters"]] == case.p.tolist()
    assert (facts["seeds"], facts["best"], facts["time"]) == (list(SEEDS), SEEDS[BEST], "d")
    assert [row["placement"] for row in facts["n"]] == ["rates", "output"]
    assert len(facts["n"][0]["targets"]) == len(case.plant.table.process_names) - 1
    assert all(
        v.doc_string for v in (*rhs_model(case.ingredients).graph.input, *learnt_model(case.ingredients).graph.output)
    )


def test_the_same_run_gives_the_same_bytes(case):
    for model in (rhs_model, learnt_model):
        assert model(case.ingredients).SerializeToString() == model(case.ingredients).SerializeToString()
