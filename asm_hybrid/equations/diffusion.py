"""Noise of a generic ODE that is learnt from paths: ``dx = f(x) dt + g(x) dW``, after Itô.

The parameters of f and g are those under which the data are most likely, each given the one before it on its path. The
law of a datum given that before is taken as normal; its mean and covariance follow the moment equations of the process,
linearised along the mean [1]_.

References
----------
.. [1] S. Särkkä, A. Solin (2019), "Applied Stochastic Differential Equations", Cambridge University Press, section 9.1,
   https://doi.org/10.1017/9781108186735.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from asm_hybrid.equations.bounded import Bounded
from asm_hybrid.equations.noise_sections import DiffusionSection
from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.ensemble import EnsembleMLP

__all__ = ["LearntDiffusion", "unlikeliness"]

Rate = Callable[[Tensor], Tensor]
"""From states ``(…, n)`` to their drift or diffusion, ``(…, n)``."""


class LearntDiffusion(nn.Module):
    """The diffusion of every state: fitted constants, or ``g = s exp N(x / r; w)``, a network of the states.

    The scales s and r come from the data: the root mean square of what the states move by the root of the time, and of
    the states themselves.

    Parameters
    ----------
    section : DiffusionSection
        What the config says.
    states : sequence of str
        Names of the states.
    seed : int
        Of the network's start; its last layer starts at zero, and so g is s.
    """

    seen: Tensor
    size: Tensor

    def __init__(self, section: DiffusionSection, states: tuple[str, ...], seed: int) -> None:
        super().__init__()
        self.states, n = states, len(states)
        self.bounded = self.network = None
        if section.network is None:
            own = [(section.constants or {})[name] for name in states]
            self.bounded = Bounded([s.start for s in own], [s.bounds for s in own])
        else:
            self.network = EnsembleMLP([n, *section.network.hidden, n], section.network.activation, [seed])
        self.register_buffer("seen", torch.ones(n, dtype=torch.float64))
        self.register_buffer("size", torch.ones(n, dtype=torch.float64))

    def scale(self, times: Tensor, values: Tensor) -> None:
        """Take the scales from data ``(k, path, n)``."""
        length = (times[1:] - times[:-1])[:, None, None]
        seen = values.square().mean((0, 1)).sqrt()
        size = ((values[1:] - values[:-1]).square() / length).mean((0, 1)).sqrt()
        self.seen = torch.where(seen > 0, seen, 1.0)
        self.size = torch.where(size > 0, size, 1.0)

    def learnt_values(self) -> dict[str, Tensor]:
        """Return the fitted constants by the name of their state, each of shape ``()``; none of a network."""
        return {} if self.bounded is None else dict(zip(self.states, self.bounded(), strict=True))

    def now(self) -> Rate:
        """Return g as it is now."""
        if self.bounded is not None:
            level = torch.stack(self.bounded())
            return lambda x: level.expand_as(x)

        def g(x: Tensor) -> Tensor:
            assert self.network is not None
            return self.size * torch.exp(cast(Tensor, self.network((x / self.seen).unsqueeze(0))).squeeze(0))

        return g


def unlikeliness(f: Rate, g: Rate, times: Tensor, values: Tensor, steps: int) -> Tensor:
    """Return the negative logarithm of the likelihood of paths, on average over their data.

    Parameters
    ----------
    f, g : callable
        Drift and diffusion.
    times : Tensor, shape (k,)
        Times of the data.
    values : Tensor, shape (k, path, n)
        The data.
    steps : int
        Steps of Heun's method from datum to datum, for the moment equations.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    SimulationError
        When the moments leave the finite numbers.
    """
    paths, n = values.shape[1:]
    mean = values[:-1].reshape(-1, n)
    h = ((times[1:] - times[:-1]) / steps).repeat_interleave(paths)[:, None]
    covariance = torch.zeros(len(mean), n, n, dtype=values.dtype)
    for _ in range(steps):
        slope, spread = _moments(f, g, mean, covariance)
        ahead = _moments(f, g, mean + h * slope, covariance + h[..., None] * spread)
        mean = mean + 0.5 * h * (slope + ahead[0])
        covariance = covariance + 0.5 * h[..., None] * (spread + ahead[1])
    root, failed = torch.linalg.cholesky_ex(covariance)
    if bool(failed.any()) or not bool(torch.isfinite(mean).all()):
        raise SimulationError("the law of a datum given that before cannot be worked out; take more steps in 'solver'")
    rest = torch.linalg.solve_triangular(root, (values[1:].reshape(-1, n) - mean)[..., None], upper=False)
    logarithm = root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return cast(Tensor, (0.5 * rest.square().sum((-2, -1)) + logarithm).mean() + 0.5 * n * math.log(2 * math.pi))


def _moments(f: Rate, g: Rate, mean: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slopes of mean and covariance."""
    jacobian = cast(Tensor, torch.func.jacrev(lambda at: f(at).sum(0))(mean)).movedim(0, -2)
    turned = jacobian @ covariance
    return f(mean), turned + turned.mT + torch.diag_embed(g(mean).square())
