"""Windows, baselines, scores, and the descent itself, each against figures worked out by hand."""

import json
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from asm_hybrid.data import Observation
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.compared.diurnal import diurnal_mean
from asm_hybrid.training.compared.least_squares import features, least_squares_prediction
from asm_hybrid.training.fit import Fit, FitProblem, FitSettings
from asm_hybrid.training.progress import span
from asm_hybrid.training.run_folder import create_run_folder
from asm_hybrid.training.scores import score
from asm_hybrid.training.windows import interpolate_outputs, make_windows, recorded_points

CPU = torch.device("cpu")


def record(times, values, noise=0.5, interval=0.25):
    rows, below = np.arange(len(times)), np.zeros(len(times), dtype=bool)
    series = Observation("y", "tank.S_NH", np.array(times), np.array(values), noise, "g N/m3", rows, below)
    return SimpleNamespace(interval=interval, observations=[series])


def test_windows_follow_each_other_and_hold_their_samples():
    data = record([0.0, 0.3, 0.55, 1.0, 1.6], [1.0, 2.0, 3.0, 4.0, 5.0])
    windows = make_windows(data, (0.0, 2.0), 4, 3, CPU)
    assert windows.starts.tolist() == [0, 4]
    assert windows.counts(torch.tensor([0, 1])).tolist() == [3, 2]
    outputs = torch.arange(13, dtype=torch.float64).reshape(1, 13, 1).repeat(2, 1, 1)  # y = point, 1/12 d apart
    residual = windows.residuals(outputs, torch.tensor([0, 1]))
    expected = torch.tensor([[0.0 - 1, 3.6 - 2, 6.6 - 3], [0.0 - 4, 7.2 - 5, 0.0]], dtype=torch.float64) / 0.5
    torch.testing.assert_close(residual, expected, rtol=0, atol=1e-12)


def test_windows_take_their_piece_of_the_inputs():
    windows = make_windows(record([0.1], [1.0]), (0.5, 2.0), 3, 1, CPU)
    inputs = torch.arange(9, dtype=torch.float64).unsqueeze(1)
    assert windows.inputs(inputs, torch.tensor([1])).flatten().tolist() == [5, 6, 7, 8]


def test_samples_before_a_time_can_be_left_out():
    data = record([0.1, 0.6, 0.9], [1.0, 2.0, 3.0])
    windows = make_windows(data, (0.0, 1.0), 4, 1, CPU, samples_from=0.5)
    assert windows.value[0, windows.weight[0] > 0].tolist() == [2.0, 3.0]


def test_windows_without_samples_can_go_before_the_block():
    data = record([0.4, 0.9, 1.3, 2.4, 3.1], [1.0, 2.0, 3.0, 4.0, 5.0])
    windows = make_windows(data, (1.25, 3.25), 2, 1, CPU, lead=True)
    assert windows.starts.tolist() == [1, 3, 5, 7, 9, 11]  # the record begins half a window earlier
    assert windows.counts(torch.arange(6)).tolist() == [0, 0, 1, 0, 1, 1]
    shorter = make_windows(data, (1.25, 3.25), 100, 1, CPU, lead=True)
    assert (shorter.starts.tolist(), shorter.length) == ([5], 8)  # no room for another one of 2 d


def test_outputs_are_read_between_recorded_points():
    data = record([0.0, 0.3, 1.0], [0.0, 0.0, 0.0])
    knots = np.stack([np.arange(5.0), 10 * np.arange(5.0)])[..., None]
    (found,) = interpolate_outputs(knots, data.observations, 0.25, 1)
    np.testing.assert_allclose(found, [[0.0, 1.2, 4.0], [0.0, 12.0, 40.0]], atol=1e-12)
    points = np.arange(25.0)[:, None] / 24.0  # six an interval: two steps, in each of which a cubic is exact
    (found,) = interpolate_outputs(points**3 - points, data.observations, 0.25, 6)
    np.testing.assert_allclose(found, [0.0, 0.3**3 - 0.3, 0.0], atol=1e-12)


def test_points_within_a_step_are_recorded_where_samples_need_them():
    assert recorded_points(record([0.0, 0.25, 1.0], [0.0] * 3).observations, 0.25, 2) == 1
    assert recorded_points(record([0.0, 0.3], [0.0] * 2).observations, 0.25, 2) == 6


def test_diurnal_mean_by_hand():
    hours, values = np.array([0, 0, 5, 5, 5]), np.array([1.0, 3.0, 6.0, 6.0, 9.0])
    np.testing.assert_allclose(diurnal_mean(hours, values, np.array([0, 5, 9])), [2.0, 7.0, 5.0])


def test_least_squares_recovers_a_linear_response_and_bears_collinear_regressors():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))
    inputs[:, 2] = 4.0  # never varies
    at = 0.5 * np.arange(200)
    x = features(inputs, 0.5, at)
    y = 2.0 + 3.0 * inputs[:, 0] - inputs[:, 1]
    doubled = np.hstack([x, x[:, 1:]])
    for regressors in (x, doubled):
        np.testing.assert_allclose(least_squares_prediction(regressors[:100], y[:100], regressors[100:]), y[100:])


def test_features_hold_trailing_means():
    inputs = np.arange(8.0)[:, None]
    x = features(inputs, 0.125, np.array([0.875]))
    np.testing.assert_allclose(x, [[1.0, 7.0, 6.5, 3.5]])  # now, over two knots (6 h), over a day


def test_scores_by_hand():
    found = score(np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0, 4.0], [2.0, 3.0, 4.0], [1.0, 2.0, 3.0]]))
    assert found["rmse_seeds"] == pytest.approx([np.sqrt(1 / 3), 1.0, 0.0])
    assert found["rmse"] == pytest.approx(np.sqrt(1 / 3))
    assert found["mae"] == pytest.approx(1 / 3)
    assert found["bias"] == pytest.approx(1 / 3)
    assert found["r2"] == pytest.approx(0.5)


class Decay(nn.Module):
    """``dy/dt = -exp(w) y``, for two members."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[0.0], [1.0]], dtype=torch.float64))


class DecayModel:
    """Exact solutions on a grid; windows whose first input is above one diverge."""

    def __init__(self, module):
        self.module = module

    def simulate(self, x0, inputs, *, record_knots=False):
        knots = inputs.shape[-2]
        t = torch.arange(knots, dtype=torch.float64)
        rate = torch.exp(self.module.w).reshape(-1, *[1] * (x0.dim() - 1))
        path = x0 * torch.exp(-rate * 0.1 * t)
        path = path.unsqueeze(-1)
        broken = inputs[..., 0, 0] > 1.0
        path = torch.where(broken.unsqueeze(-1).unsqueeze(-1), torch.nan, path)
        return Solution(outputs=path, knots=None, final=path[..., -1, :], ok=~(broken.expand(path.shape[:-2])))


def descend(inputs, iterations=60, report=None, rate=0.1, validate=None):
    module = Decay()
    t = 0.1 * np.arange(9)
    data = record(0.25 * np.arange(9), np.exp(-2.0 * t))
    windows = make_windows(data, (0.0, 2.0), 4, 1, CPU)
    truth = torch.exp(torch.tensor(-2.0 * t[[0, 4]]))
    starts = truth.reshape(1, 2, 1).expand(2, -1, -1).clone()
    settings = FitSettings(iterations, 64, rate, 10, 3, (1, 2), carry_from=2.0)
    problem = FitProblem(
        module,
        DecayModel(module),
        inputs,
        windows,
        starts,
        lambda: (validate() if validate else (torch.exp(module.w.detach()[:, 0]) - 2.0).abs(), starts),
    )
    fit = Fit(problem, settings, lambda index, outputs: f"first y in {len(index)} windows")
    return module, fit.run(report=report)


def test_fit_finds_the_truth_from_every_seed():
    module, result = descend(torch.zeros(9, 1, dtype=torch.float64), iterations=150)
    assert torch.exp(module.w.detach()).flatten().tolist() == pytest.approx([2.0, 2.0], abs=0.02)
    assert result.skipped == 0
    assert max(result.best) < 0.02


@pytest.mark.parametrize(("carry_from", "moved"), [(0.0, True), (2.0, False)])
def test_windows_start_where_the_last_validation_passed(carry_from, moved):
    module, data = Decay(), record(0.25 * np.arange(9), np.ones(9))
    rate = np.exp(float(module.w.detach()[1, 0]))
    starts = torch.ones(2, 2, 1, dtype=torch.float64)
    along = torch.tensor([[[3.0], [4.0]], [[5.0], [np.inf]]], dtype=torch.float64)  # the second member diverges
    problem = FitProblem(
        module,
        DecayModel(module),
        torch.zeros(9, 1, dtype=torch.float64),
        make_windows(data, (0.0, 2.0), 4, 1, CPU),
        starts,
        lambda: (torch.zeros(2, dtype=torch.float64), along),
    )
    Fit(problem, FitSettings(1, 64, 0.1, 1, 3, (1, 2), carry_from)).run()
    expected = [3.0, 4.0, 5.0, 5.0 * np.exp(-0.4 * rate)] if moved else [1.0] * 4
    assert starts.flatten().tolist() == pytest.approx(expected, rel=1e-6)


class Passing:
    """Six windows, through each of which a state falls by a fifth and rises by a learnt w; four have no samples."""

    samples = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)

    def __init__(self):
        self.w = nn.Parameter(torch.tensor([[0.3], [0.5]], dtype=torch.float64))

    def simulate(self, x0, inputs, *, record_knots=False):
        final = 0.8 * x0 + self.w.view(2, *[1] * (x0.dim() - 1)) * inputs
        return Solution(final, None, final, torch.ones(final.shape[:-1], dtype=torch.bool))

    def along(self, inputs):
        """Return starts and ends of the windows, one after the other."""
        path = [torch.ones(2, 1, dtype=torch.float64)]
        for u in inputs:
            path.append(self.simulate(path[-1], u).final)
        return torch.stack(path, dim=1)

    def __len__(self):
        return 6

    def inputs(self, inputs, index):
        return inputs[index]

    def counts(self, index):
        return self.samples[index]

    def residuals(self, outputs, index):
        return 0.2 * (outputs - 1.0) * self.samples[index].unsqueeze(-1)


@pytest.mark.parametrize(("carries_adjoint", "batch"), [(True, 6), (False, 6), (True, 2)])
def test_the_gradient_of_the_windows_tends_to_that_of_one_simulation(carries_adjoint, batch):
    model, inputs = Passing(), torch.linspace(0.5, 1.5, 6, dtype=torch.float64).view(6, 1)
    loss = model.along(inputs)[:, 5:].sub(1.0).mul(0.2).square().mean((1, 2))
    whole = torch.autograd.grad(loss.sum(), model.w)[0]
    found = []

    def report(record):
        found.append(model.w.grad.clone())

    settings = FitSettings(800, batch, 0.0, 999, 9, (1, 2), carries_adjoint=carries_adjoint)
    module = nn.Module()
    module.w = model.w
    starts = torch.zeros(2, 6, 1, dtype=torch.float64)

    def validate():
        return torch.zeros(2, dtype=torch.float64), model.along(inputs)[:, :-1].detach()

    Fit(FitProblem(module, model, inputs, model, starts, validate), settings).run(report=report)
    if batch == 6:
        settled = found[5]  # the slopes have passed through all windows
        assert torch.equal(found[-1], settled)
        assert torch.allclose(settled, whole, rtol=1e-12, atol=0) == carries_adjoint
    else:
        mean = torch.stack(found[50:]).mean(0)
        assert torch.allclose(mean, whole, rtol=0.1)


def test_a_diverging_window_is_skipped_and_counted():
    inputs = torch.zeros(9, 1, dtype=torch.float64)
    inputs[4:] = 2.0
    _, result = descend(inputs, iterations=5)
    assert result.skipped == 5
    assert result.iterations == 5


def test_when_all_windows_diverge_the_fit_ends_and_keeps_the_last_good_weights():
    seen = []

    def break_later(record):
        seen.append(module_state())
        if record["iteration"] == 12:
            inputs.fill_(2.0)

    inputs = torch.zeros(9, 1, dtype=torch.float64)
    keep = {}

    def validate():
        keep["n"] = keep.get("n", 0) + 1
        return torch.full((2,), 1.0 / keep["n"], dtype=torch.float64)

    def module_state():
        return len(seen)

    with pytest.raises(SimulationError, match=r"every window diverges at iteration 13: first y in 2 windows"):
        descend(inputs, iterations=50, report=break_later, validate=validate)
    assert keep["n"] == 2


def test_ctrl_c_keeps_the_best_weights():
    values = []

    def stop(record):
        values.append(record["loss"])
        if record["iteration"] == 25:
            raise KeyboardInterrupt

    module, result = descend(torch.zeros(9, 1, dtype=torch.float64), iterations=50, report=stop)
    assert result.stopped == "interrupted"
    assert result.iterations == 25
    best = (torch.exp(module.w.detach()[:, 0]) - 2.0).abs().tolist()
    assert best == pytest.approx(result.best)


def test_a_record_holds_the_present_validation_beside_the_best():
    found = []
    losses = iter([[5.0, 6.0], [3.0, np.inf], [4.0, 7.0], [2.0, 1.0]])
    descend(
        torch.zeros(9, 1, dtype=torch.float64),
        iterations=30,
        validate=lambda: torch.tensor(next(losses), dtype=torch.float64),
        report=lambda record: found.append(record),
    )
    validated = [r for r in found if "validation" in r]
    assert [r["iteration"] for r in validated] == [10, 20, 30]
    assert [r["validation"] for r in validated] == [[3.0, None], [4.0, 7.0], [2.0, 1.0]]
    assert [r["best"] for r in validated] == [[3.0, 6.0], [3.0, 6.0], [2.0, 1.0]]
    assert all(("best" in r) == ("validation" in r) for r in found)
    for record in found:
        json.dumps(record, allow_nan=False)


def test_a_range_of_losses_says_how_many_seeds_diverge():
    assert span([1.5, 2.25]) == "1.5 to 2.25"
    assert span([1.5, None]) == "1.5 (1 diverge)"
    assert span([None, None]) == "none, all diverge"


def test_fit_stops_early_when_validation_no_longer_improves():
    worse = iter(range(1, 1000))
    _, result = descend(
        torch.zeros(9, 1, dtype=torch.float64),
        iterations=500,
        validate=lambda: torch.full((2,), float(next(worse)), dtype=torch.float64),
    )
    assert result.stopped == "early"
    assert result.iterations == 30


def test_a_run_folder_must_be_empty_and_writable(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    with ExitStack() as held:
        with pytest.raises(InputError, match="not empty"):
            create_run_folder(tmp_path / "old", "x", held)
        with pytest.raises(InputError, match="cannot be written") as caught:
            create_run_folder(tmp_path / "old" / "file" / "run", "x", held)
        assert "--out" in str(caught.value)
        assert create_run_folder(tmp_path / "new" / "deep", "x", held).is_dir()
