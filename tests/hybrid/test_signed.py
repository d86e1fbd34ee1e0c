"""The network that keeps the signs of the table: they hold whatever its weights, also where n is held or fades."""

from dataclasses import replace

import casadi
import numpy as np
import pytest
import torch
from plant_tools import component, defaults, make_plant
from small_plant import CONFIG
from term_tools import make_term, operating_point, shake

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.open_term import OpenTerm, flat_weights
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.symbolic import member_weights, symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.training.scaling import half_saturations

INPUTS = ("S_S", "S_O", "S_NO", "S_NH", "S_ALK", "T")
PLANT = make_plant()
PROCESSES = PLANT.table.process_names
GROWTH = PROCESSES.index("aerobic_growth_autotrophs")


def signed(placement="rates", form="multiplicative", targets=None, inputs=INPUTS, **options):
    """Return a term that keeps signs, at its start."""
    like = make_term(PLANT, placement, form, targets=targets, inputs=inputs)
    spec = replace(like.spec, network="signed", options={**like.spec.options, **options})
    scaling = {n: getattr(like, n) for n in TermScaling.__dataclass_fields__}
    scaling["halves"] = half_saturations(spec, PLANT, defaults(PLANT))
    takes_part = participants(PLANT, PLANT.stoichiometry(defaults(PLANT), torch_namespace()))
    return LearntTerm(spec, PLANT, TermScaling(**scaling), takes_part)


def moved_rates(term, name, low, high, seed):
    """Return the learnt rates where one input rises in 60 steps, and those of f, ``(step, tank, process)``."""
    x, u = operating_point(PLANT, seed, members=1)
    x, u = x.expand(60, -1, -1).clone(), u.expand(60, -1).clone()
    values = torch.linspace(low, high, 60, dtype=torch.float64)
    if name == "T":
        u[:, PLANT.input_index["T"]] = values
    else:
        x[..., component(PLANT, name)] = values[:, None]
    p = defaults(PLANT)
    with torch.no_grad():
        f = PlantSystem(PLANT, p, ("last.S_NH",))
        forcing = f.forcing(u)
        own = PLANT.rates(x, forcing, f.xp)
        system = PlantSystem(PLANT, p, ("last.S_NH",), term)
        hybrid = system.term.adjusted(f.xp.entries(forcing.parameters), x[None], u)
        rho = PLANT.kinetics.rates(x[None], hybrid, f.xp) if term.spec.placement == "parameters" else own
        rho = torch.stack([r.expand(1, 60, PLANT.tanks) for r in rho], -1) if isinstance(rho, list | tuple) else rho
        return term.rates(rho, x[None], u)[0] if term.spec.placement == "rates" else rho[0], own


@pytest.mark.parametrize("placement", ["rates", "parameters"])
def test_no_rate_signs_against_f_inside_and_outside_of_training(placement):
    targets = None if placement == "rates" else ("mu_A", "K_OA", "b_H")
    turned = 0.0
    for seed in range(6):
        term = shake(signed(placement, targets=targets), seed, scale=1.5).member(0)
        free = shake(make_term(PLANT, placement, targets=targets, inputs=INPUTS), seed, scale=1.5).member(0)
        for name, low, high in (("S_S", 0, 60), ("S_O", 0, 60), ("S_NO", 0, 60), ("S_NH", 0, 60), ("T", 5, 30)):
            rho, own = moved_rates(term, name, low, high, seed)
            other, _ = moved_rates(free, name, low, high, seed)
            steps, mine = rho.diff(dim=0), own.diff(dim=0)
            known = torch.arange(len(PROCESSES)) < (6 if name == "T" else len(PROCESSES))  # hydrolysis has no sign in T
            answers = (mine.abs() > 1e-9 * own.abs().amax(0)) & known
            size = rho.abs().amax(0).expand_as(steps)[answers]
            if placement == "rates":  # and where f does not answer, n does not
                assert bool((steps[..., known][mine[..., known] == 0.0].abs() <= 1e-9 * rho.abs().max()).all()), name
            assert bool((torch.sign(mine[answers]) * steps[answers] >= -1e-9 * size).all()), name
            turned = min(turned, float((torch.sign(mine[answers]) * other.diff(dim=0)[answers] / size).min()))
    assert turned < -0.02  # a free network turns some


def test_it_is_zero_at_the_start_and_can_leave_it():
    term = signed()
    x, u = operating_point(PLANT)
    z = term.outputs(x, u)
    assert torch.equal(z, torch.zeros_like(z))
    z.sum().backward()
    assert {name for name, p in term.network.named_parameters() if bool(p.grad.abs().max() > 0)} == {
        "weights.2",
        "biases.2",
        "taken.0",
    }


def fitted(term, wanted, steps=300):
    """Fit the factor on the growth of nitrifiers along random states; return what is left of the variance."""
    generator = torch.Generator().manual_seed(0)
    states = torch.rand(2, 200, PLANT.tanks, PLANT.shape[1], dtype=torch.float64, generator=generator)
    _, u = operating_point(PLANT)
    aim = wanted(states[..., component(PLANT, "S_NH")].mul(20.0), states[..., component(PLANT, "S_ALK")].mul(20.0))
    states = states * 20.0
    optimiser = torch.optim.Adam(term.network.parameters(), lr=0.02)
    for _ in range(steps):
        loss = (term.outputs(states, u)[..., GROWTH] - aim).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(loss.detach() / aim.var())


def test_it_can_weaken_what_f_has_but_not_turn_it():
    K = dict(zip(PLANT.table.parameter_names, defaults(PLANT).tolist(), strict=True))["K_NH"]
    assert fitted(signed(), lambda nh, alk: torch.log((K + nh) / (0.1 + nh))) < 0.1  # a smaller K_NH: n falls with S_NH
    assert fitted(signed(), lambda nh, alk: torch.log(alk / (3.0 + alk))) < 0.1  # a limit that f does not know
    assert fitted(signed(), lambda nh, alk: 2.0 - 0.2 * nh) > 0.5  # ammonium that stops nitrification
    assert fitted(signed(free_in=("S_NH",)), lambda nh, alk: 2.0 - 0.2 * nh) < 0.1


def test_additions_have_the_signs_and_other_placements_are_free():
    assert signed(form="additive").signs.weakenings == ()
    assert signed(form="additive").signs.values[GROWTH].tolist() == [0, 1, 0, 1, 0, 1]
    assert not signed("state").signs.values.any()
    assert signed("state").signs.free.all()
    rates = signed().signs
    assert rates.free.all(0).tolist() == [False, False, False, False, True, False]  # no rate reads S_ALK
    assert rates.free[:6].any(0).tolist() == [False, False, False, False, True, False]
    assert signed(free_in=("S_NH",)).signs.free.all(0).tolist() == [False, False, False, True, True, False]
    parameters = signed("parameters", targets=("mu_A", "K_OA", "K_OH")).signs
    assert parameters.values.tolist() == [[0, 1, 0, 1, 0, 1], [0, -1, 0, -1, 0, -1], [0, -1, 0, 0, 0, 0]]
    assert parameters.mixed[2].tolist() == [True, False, True, False, False, True]


def test_it_is_held_with_a_sign_and_fades_without_one():
    term = shake(signed(), scale=0.5)
    features = torch.tensor([10.0, 10.0, 10.0, 10.0, 10.0, 15.0], dtype=torch.float64).repeat(2, 1, 1)
    beyond = features.clone()
    beyond[..., INPUTS.index("S_NH")] = 1e3
    assert torch.equal(term.guard(beyond), torch.ones(2, 1, len(PROCESSES), dtype=torch.float64))
    lost = features.clone()
    lost[..., INPUTS.index("S_ALK")] = 1e3
    assert torch.equal(term.guard(lost), torch.zeros(2, 1, len(PROCESSES), dtype=torch.float64))
    far = beyond.clone()
    far[..., INPUTS.index("S_NH")] = 2e3
    assert torch.equal(term.evaluate(term.scaled(far)), term.evaluate(term.scaled(beyond)))


def test_it_is_the_same_in_casadi():
    term = shake(signed(), scale=0.3)
    symbols = symbolic_system(PLANT, defaults(PLANT).numpy(), symbolic_term(term, 1))
    function = casadi.Function("f", [symbols.state, symbols.inputs], [symbols.derivative])
    open_term = OpenTerm(term)
    system, bare = (PlantSystem(PLANT, defaults(PLANT), ("last.S_NH",), t) for t in (term.member(1), None))
    for seed in range(10):
        x, u = operating_point(PLANT, seed, members=1)
        x[..., 0, component(PLANT, "S_NH")] = 70.0  # out of the trained range
        with torch.no_grad():
            expected, f = (s.derivative(x, s.forcing(u))[0].numpy().ravel() for s in (system, bare))
            X = system.effective(x, system.forcing(u))
            z = term.member(1).evaluate(term.member(1).scaled(term.features(X, u)))[0].numpy()
        found = np.array(function(x.flatten().numpy(), u.numpy())).ravel()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())
        assert np.abs(expected - f).max() > 0.1
        read = casadi.evalf(open_term.read(casadi.DM(X[0].numpy()), casadi.DM(u.numpy())))
        given = np.array(open_term.network(read, flat_weights(member_weights(term.network, 1)))).reshape(
            z.shape, order="F"
        )
        np.testing.assert_allclose(given, z, rtol=1e-10, atol=1e-12)


def checked(path):
    config = load_config(path)
    build_layout(config, load_kinetics(config))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("activation: silu", "'silu' is given with the type 'signed'.*set activation: tanh, or type: mlp"),
        ("free_in: [S_NO]", "n does not read 'S_NO'"),
        ("type: mlp, free_in: [S_O]", "'free_in' is given with the type 'mlp'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_line(tmp_path, keys, message):
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.replace("hidden: [4], inputs", f"{keys}, hidden: [4], inputs"), encoding="utf-8")
    with pytest.raises(InputError, match=f"(?s){message}") as caught:
        checked(path)
    assert "config.yaml:" in str(caught.value)
