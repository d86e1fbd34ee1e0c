"""Learnt window starts and growing windows, on a plant of one state whose solution is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.descent_schedule import window_lengths
from asm_hybrid.training.fit import Fit, FitProblem, FitSettings
from asm_hybrid.training.shooting import DEFECT, PRIOR, Shooting
from asm_hybrid.training.windows import make_windows

CPU = torch.device("cpu")
RATE, INTERVAL = 0.8, 0.25


class Decay(nn.Module):
    """``dy/dt = u - exp(w) y``, of two members that start with other rates; states ``(member, window, 1, 1)``."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[0.5], [-1.0]], dtype=torch.float64))

    def simulate(self, x0, inputs, *, record_knots=False):
        rate = torch.exp(self.w).reshape(-1, 1, 1, 1)
        x, path = x0, [x0]
        for k in range(inputs.shape[-2] - 1):
            steady = inputs[:, k].reshape(1, -1, 1, 1) / rate
            x = steady + (x - steady) * torch.exp(-rate * INTERVAL)
            path.append(x)
        knots = torch.stack(path, dim=2)
        return Solution(outputs=knots[..., 0], knots=knots, final=x, ok=torch.ones(x0.shape[:2], dtype=torch.bool))


def problem(length):
    t = INTERVAL * np.arange(49)
    inputs = torch.as_tensor(1.0 + np.sin(t)).unsqueeze(1)
    truth = Decay()
    with torch.no_grad():
        truth.w[:] = np.log(RATE)
        y = truth.simulate(torch.full((2, 1, 1, 1), 3.0, dtype=torch.float64), inputs.unsqueeze(0)).outputs
    series = SimpleNamespace(
        times=t,
        values=y[0, 0, :, 0].numpy(),
        noise=0.1,
        label="y",
        period=0.0,
        flow=None,
        censored=np.zeros(49, np.int8),
    )
    data = SimpleNamespace(interval=INTERVAL, observations=[series])
    return inputs, y[0, 0], make_windows(data, (0.0, t[-1]), length, 1, CPU)


def test_without_corrections_a_window_starts_on_the_trajectory():
    trajectory = torch.rand(50, 3, 4, dtype=torch.float64) * torch.tensor([1e-3, 1.0, 30.0, 2000.0])
    shooting = Shooting(2, 5, trajectory, torch.ones(2, 4, dtype=torch.float64))
    carried = trajectory[:5].expand(2, -1, -1, -1)
    index = torch.tensor([1, 3])
    torch.testing.assert_close(shooting.starts(carried, index), carried[:, index], rtol=1e-12, atol=0)


def test_corrections_shift_states_by_their_spread_and_never_below_zero():
    trajectory = 100.0 + torch.randn(500, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shooting = Shooting(1, 2, trajectory, torch.ones(1, 1, dtype=torch.float64))
    carried = torch.tensor([100.0, 1e-3], dtype=torch.float64).reshape(1, 2, 1, 1)
    with torch.no_grad():
        shooting.corrections[:] = 0.1
    up = shooting.starts(carried, torch.tensor([0, 1])).flatten()
    assert 100.0 < up[0].item() < 100.0 + 0.1 * float(shooting.spread)
    with torch.no_grad():
        shooting.corrections[:] = -1e3
    assert (shooting.starts(carried, torch.tensor([0, 1])) >= 0).all()


def test_what_a_sensor_dictates_and_layers_behind_the_tanks_stay():
    trajectory = torch.rand(50, 3, 2, dtype=torch.float64)
    free = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    shooting = Shooting(1, 2, trajectory, free)
    with torch.no_grad():
        shooting.corrections[:] = 1.0
    carried = trajectory[:2].unsqueeze(0)
    moved = (shooting.starts(carried, torch.tensor([0, 1])) != carried)[0, 0]
    assert moved.tolist() == [[True, False], [True, True], [False, False]]


def test_the_cost_is_that_of_prior_and_defects():
    trajectory = 10.0 + torch.randn(400, 1, 1, dtype=torch.float64)
    shooting = Shooting(1, 3, trajectory, torch.ones(1, 1, dtype=torch.float64))
    carried = torch.full((1, 3, 1, 1), 10.0, dtype=torch.float64)
    index, final = torch.arange(3), carried - 2.0 * shooting.spread
    for progress, weight in ((0.0, DEFECT[0]), (1.0, DEFECT[1]), (0.5, np.sqrt(DEFECT[0] * DEFECT[1]))):
        assert shooting.cost(carried, index, final, progress, index).tolist() == pytest.approx([4.0 * weight])
    with torch.no_grad():
        shooting.corrections[0, 1] = 0.5
    begun = shooting.starts(carried, index)[0, 1].item()
    defect = (begun - float(final[0, 0])) ** 2 / float(shooting.spread) ** 2
    expected = (defect + 4.0) / 2 * DEFECT[0] + PRIOR * 0.25 / 3
    assert shooting.cost(carried, index, final, 0.0, index).tolist() == pytest.approx([expected])
    parts = [shooting.cost(carried, part, final[:, part], 0.0, index) for part in (index[:1], index[1:])]
    assert sum(parts).tolist() == pytest.approx([expected])


def test_defects_shrink_and_the_rate_is_found():
    inputs, truth, windows = problem(4)
    model = Decay()
    shooting = Shooting(2, len(windows), truth.unsqueeze(-1), torch.ones(1, 1, dtype=torch.float64))
    starts = torch.full((2, len(windows), 1, 1), 2.0, dtype=torch.float64)
    starts[:, 0] = 3.0
    sizes = []

    def validate():
        everything = torch.arange(len(windows))
        begun = shooting.starts(starts, everything)
        final = model.simulate(begun, windows.inputs(inputs, everything)).final
        sizes.append(float(shooting.defects(starts, everything, final).abs().max()))
        return (torch.exp(model.w.detach()[:, 0]) - RATE).abs(), starts

    settings = FitSettings(200, 64, 0.03, 20, 99, (1, 2))
    fitted = FitProblem(model, model, inputs, windows, starts, validate, shooting=shooting)
    result = Fit(fitted, settings).run()
    assert sizes[-1] < 0.05 * sizes[0]
    assert max(result.best) < 0.01


def test_windows_grow_to_the_full_length():
    assert window_lengths(48) == (6, 12, 24, 48)
    assert window_lengths(50)[-1] == 50
    assert window_lengths(3) == (1, 3)
    assert window_lengths(1) == (1,)
