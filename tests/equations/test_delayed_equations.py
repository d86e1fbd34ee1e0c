"""Generic neural delay equations from their configs: the delay is learnt, shown, and what cannot be is refused."""

import json
from pathlib import Path

import pytest
import torch

import asm_hybrid as ah
from asm_hybrid.equations.config import load_ode_config
from asm_hybrid.equations.delayed import Before, lags_in_data
from asm_hybrid.equations.fit import _OdeRun, describe_ode, train_ode
from asm_hybrid.errors import InputError
from asm_hybrid.jobs import open_job
from asm_hybrid.solver.solve import solve
from asm_hybrid.training import Silent

TEXT = """
name: late
ode:
  network: {hidden: [4]}
  delays:
    tau: {start: 0.6, bounds: [0.2, 2.0]}
    fixed: 0.5
initial: {N: 0.5, M: 1.0}
history: {times: [-2.0, -1.0], values: {N: [0.2, 1.4], M: [0, 2]}}
span: [0, 3]
data:
  times: {count: 13}
  truth:
    slopes: {M: -M.tau / 2, N: 1.8 * N * (1 - N.tau)}
    delays: {tau: 1.0}
solver: {method: rk4, steps: 1}
training: {segment_iterations: 2, iterations: 1}
"""


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def written(folder, text):
    path = folder / "late.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("late")
    return open_job(written(folder, TEXT)).run(folder / "run", Silent())


def test_the_truth_is_what_its_slopes_say(tmp_path):
    run = _OdeRun(load_ode_config(written(tmp_path, TEXT)))
    assert run.config.states == ("N", "M")

    def f(t, x, lag):
        return torch.stack([1.8 * x[0] * (1 - lag[0]), -lag[1] / 2])

    def history(t):
        early = t < -1.0
        return torch.stack(
            [torch.where(early, 2.6 + 1.2 * t, 0.5 - 0.9 * t), torch.where(early, 4.0 + 2.0 * t, 1.0 - t)]
        )

    options = {"jump_t": [-1.0]}
    plain = solve(f, doubles(0.5, 1.0), run.problem.times, delays=1.0, history=history, options=options)
    assert torch.allclose(run.problem.values, plain.states, atol=1e-6)
    lines = describe_ode(written(tmp_path, TEXT))
    assert "delay tau learnt from 0.2 to 2, from 0.6, delay fixed of 0.5" in lines[1]


def test_states_a_delay_ago_between_data_and_before_them(tmp_path):
    config = load_ode_config(written(tmp_path, TEXT))
    times = torch.linspace(0.0, 3.0, 31, dtype=torch.float64)
    values = torch.stack([0.5 + torch.sin(times), torch.cos(times)], -1)
    tau = doubles(1.0)[0].requires_grad_()
    lags = lags_in_data([tau, 0.5], times, values, Before(config).of(doubles(0.5, 1.0)))
    found = lags(doubles(-0.5, 0.25, 2.33))
    assert found.shape == (2, 3, 2)
    assert torch.allclose(found[0, 0].detach(), doubles(0.8, 1.0))  # at -1.5, between the history's times
    assert torch.allclose(found[0, 1].detach(), doubles(0.5 + 0.9 * 0.75, 1.75))
    assert torch.allclose(found[0, 2].detach(), doubles(0.5, 0.0) + torch.stack([doubles(1.33).sin()[0],
                          doubles(1.33).cos()[0]]), atol=1e-4)  # fmt: skip
    slope = torch.autograd.grad(found[0, 2, 0], tau)[0]
    assert float(slope) == pytest.approx(-float(doubles(1.33).cos()), abs=1e-2)


def test_segments_and_whole_trajectory_have_the_gradient_of_the_delay(tmp_path):
    run = _OdeRun(load_ode_config(written(tmp_path, TEXT)))
    w = run.field.delays.learnt.w
    with torch.no_grad():
        for layer in run.field.network.parameters():
            layer.add_(0.3)
    for loss in (run.loss, run.segment_loss):
        (gradient,) = torch.autograd.grad(loss(), w)
        with torch.no_grad():
            w += 1e-4
            above = loss()
            w -= 2e-4
            below = loss()
            w += 1e-4
        assert abs(float(gradient)) > 1e-6
        assert float(gradient) == pytest.approx(float(above - below) / 2e-4, rel=1e-3)


def test_the_run_shows_its_delays(fitted):
    summary = json.loads((fitted.folder / "summary.json").read_text())
    delays = summary["delays"]
    assert delays["truth"] == {"tau": 1.0}
    assert delays["model"]["fixed"] == 0.5
    (row,) = json.loads((fitted.folder / "parameters.json").read_text())["parameters"]
    assert row["name"] == "tau"
    assert row["fitted"] == delays["model"]["tau"] != row["start"]
    assert "tau" in fitted.text
    assert (fitted.folder / "weights.safetensors").is_file()
    picture = (fitted.folder / "plot.svg").read_text()
    assert "Delays" in picture
    assert f"tau = {row['fitted']:.3g}" in picture
    records = [json.loads(line) for line in (fitted.folder / "metrics.jsonl").read_text().splitlines()]
    assert records[0]["parameters"]["tau"] == pytest.approx(0.6)
    result = ah.load_run(fitted.folder)
    assert result.parameters.loc["tau", "fitted"] == row["fitted"]


def test_a_delay_is_learnt_from_a_history_that_varies(tmp_path):
    """A hundred steps from datum to datum; without a history that varies, one trajectory hardly shows the delay."""
    text = (Path(__file__).parents[2] / "configs" / "delayed_logistic.yaml").read_text()
    text = text.replace("segment_iterations: 400", "segment_iterations: 100").replace(
        "  iterations: 60", "  iterations: 0"
    )
    text = text.replace("method: bosh3, rtol: 1.0e-4, atol: 1.0e-5", "method: heun2, steps: 1")
    found = train_ode(written(tmp_path, text), tmp_path / "run")
    assert found.summary["delays"]["model"]["tau"] == pytest.approx(1.0, abs=0.1)


def test_the_resolved_config_loads_again(tmp_path):
    config = load_ode_config(written(tmp_path, TEXT))
    again = load_ode_config(written(tmp_path, config.to_yaml()))
    assert again.model_dump() == config.model_dump()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fixed: 0.5", "fixed: -0.5", [":7", "the delay is -0.5", "+tau"]),
        ("fixed: 0.5", "fixed: 0", ["the delay is 0", "leave it out"]),
        ("fixed: 0.5", "fixed: 1 + N", ["'1 + N'", "depend on time or state", "start: …"]),
        ("fixed: 0.5", "fixed: true", ["True", "a number"]),
        ("fixed: 0.5", "fixed: [0.5]", ["0.5"]),
        ("fixed: 0.5", "a.b: 0.5", ["a.b"]),
        ("start: 0.6", "start: 0.1", ["starts at 0.1", "[0.2, 2]"]),
        ("[0.2, 2.0]", "[0, 2.0]", ["learnt from 0 on", "lower bound above zero"]),
        ("[0.2, 2.0]", "[0.2, 4.0]", [":6", "may become 4", "the data last 3"]),
        ("fixed: 0.5", "fixed: 3", ["'fixed' is 3", "shorter than the data"]),
        ("{tau: 1.0}", "{tau: 5.0}", ["'tau' is 5", "data.truth.delays"]),
        ("{tau: 1.0}", "{tau: -1.0}", ["the delay is -1"]),
        ("[-2.0, -1.0]", "[-1.5, -1.0]", [":9", "begins at -1.5", "delay of up to 2", "-2"]),
        ("[-2.0, -1.0]", "[-2.0, 0.0]", ["until 0", "before the span"]),
        ("[-2.0, -1.0]", "[-1.0, -2.0]", ["do not ascend"]),
        ("[-2.0, -1.0]", "[-2.0, -1.5, -1.0]", ["'N' has 2 values", "3 values"]),
        (", M: [0, 2]", "", ["does not name the states"]),
        ("solver:", "extrapolation: {count: 2, box: {N: [0, 1], M: [0, 1]}}\nsolver:",
         ["'history'", "'extrapolation'"]),
        ("{method: rk4, steps: 1}", "{method: dopri8}", ["dopri8", "solver.method", "dopri5 or tsit5"]),
        ("{method: rk4", "{adjoint: checkpointed, method: rk4", ["with delays", "solver.adjoint"]),
        ("  delays:\n", "  algebraic: [N]\n  delays:\n", ["'algebraic' and 'delays' are given", ":5"]),
        ("network: {hidden: [4]}", "table: lotka_volterra\n  fit: {alpha: {start: 2, bounds: [1, 3]}}",
         ["with a table", "present states alone", "chain"]),
        ("N.tau)", "N.tao)", ["'N.tao' is not known", "'N.tau'"]),
        ("N.tau)", "exp(N))", ["'exp' is not known"]),
        ("M: -M.tau / 2", "M: M / N.tau", ["may be zero", "division by numbers"]),
        ("M: -M.tau / 2, ", "", ["slopes do not name the states"]),
        ("    slopes:", "    matrix: [[1, 0], [0, 1]]\n    slopes:", ["both given"]),
        ("    slopes:", "    features: cubic\n    slopes:", ["'features' is given without 'matrix'"]),
    ],
)  # fmt: skip
def test_a_config_that_is_refused(tmp_path, old, new, words):
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        open_job(written(tmp_path, TEXT.replace(old, new, 1))).check()
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_history_without_delays_is_refused(tmp_path):
    none = TEXT[: TEXT.index("  delays:\n    tau")] + TEXT[TEXT.index("initial") :]
    none = none.replace("    delays: {tau: 1.0}\n", "").replace("M.tau", "M").replace("N.tau", "N")
    with pytest.raises(InputError, match="'history' is given, and there are no delays"):
        open_job(written(tmp_path, none)).check()
    open_job(written(tmp_path, "".join(line for line in none.splitlines(True) if "history" not in line))).check()
