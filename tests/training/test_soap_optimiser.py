"""The optimiser: members apart, axes that do not matter, Adam where there are none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from asm_hybrid.training.soap_optimiser import BETAS, RAMP, Soap


def descend(start: Tensor, loss: Callable[[Tensor], Tensor], steps: int, lr: float = 0.01) -> Tensor:
    """Return the parameters after some steps on the sum of the members' losses."""
    p = nn.Parameter(start.clone())
    optimiser = Soap([p], lr=lr)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(p).sum().backward()
        optimiser.step()
    return p.detach()


def bent(p: Tensor) -> Tensor:
    """Return a loss by member that is neither quadratic nor the same in any two directions."""
    rows = torch.arange(1, p.shape[1] + 1, dtype=p.dtype)[:, None]
    columns = torch.arange(1, p.shape[2] + 1, dtype=p.dtype)
    return torch.log(torch.cosh(rows * p * columns - 1.0)).sum((1, 2))


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_a_member_goes_as_it_would_alone(generator: torch.Generator) -> None:
    start = torch.randn(3, 4, 5, dtype=torch.float64, generator=generator)
    together = descend(start, bent, 30)
    for i in range(3):
        assert torch.allclose(descend(start[i : i + 1], bent, 30)[0], together[i], rtol=0, atol=1e-5)


def test_turning_rows_and_columns_turns_the_path(generator: torch.Generator) -> None:
    start = torch.randn(2, 4, 4, dtype=torch.float64, generator=generator)
    left, right = (torch.linalg.qr(torch.randn(2, n, n, dtype=torch.float64, generator=generator))[0] for n in (4, 4))
    turned = descend(left @ start @ right, lambda p: bent(left.mT @ p @ right.mT), 20)
    assert torch.allclose(left.mT @ turned @ right.mT, descend(start, bent, 20), rtol=0, atol=1e-5)


def test_a_narrow_valley_across_the_weights_is_followed(generator: torch.Generator) -> None:
    left, right = (torch.linalg.qr(torch.randn(1, n, n, dtype=torch.float64, generator=generator))[0] for n in (8, 6))
    size = torch.logspace(0, -2, 8, dtype=torch.float64)[:, None] * torch.logspace(0, -1, 6, dtype=torch.float64)
    goal = torch.randn(1, 8, 6, dtype=torch.float64, generator=generator)

    def valley(p: Tensor) -> Tensor:
        return (size * (left @ (p - goal) @ right)).square().sum((1, 2))

    p = nn.Parameter(torch.zeros(1, 8, 6, dtype=torch.float64))
    adam = torch.optim.Adam([p], lr=0.05, betas=BETAS)
    for _ in range(150):
        adam.zero_grad()
        valley(p).sum().backward()
        adam.step()
    found = descend(torch.zeros(1, 8, 6, dtype=torch.float64), valley, 150, lr=0.05)
    assert float(valley(found)) < 0.1 * float(valley(p.detach()))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2, 2)])
def test_what_is_no_layer_is_scaled_as_in_adam_with_a_ramp(shape: tuple[int, ...], generator: torch.Generator) -> None:
    start = torch.randn(*shape, dtype=torch.float64, generator=generator)
    p = nn.Parameter(start.clone())
    adam = torch.optim.Adam([p], lr=0.01, betas=BETAS)
    for i in range(20):
        adam.param_groups[0]["lr"] = 0.01 * min(1.0, (i + 1) / RAMP)
        adam.zero_grad()
        (p - 1.0).pow(4).sum().backward()
        adam.step()
    found = descend(start, lambda q: (q - 1.0).pow(4).flatten(1).sum(1), 20)
    assert torch.allclose(found, p.detach(), rtol=0, atol=1e-12)


def test_no_gradient_moves_nothing() -> None:
    start = torch.ones(1, 3, 2, dtype=torch.float64)
    assert torch.equal(descend(start, lambda p: (0.0 * p).sum((1, 2)), 5), start)
