"""How an explicit method notices that a problem is stiff for it, at the cost of a few evaluations of f.

The fastest decay at the last state, the largest ``-Re λ`` of the Jacobian, is estimated by Arnoldi's method [2]_ from a
few products with the Jacobian, each a difference of two evaluations. States are scaled by their size. A batch is one
large system, whose Jacobian has those of its elements on the diagonal.

References
----------
.. [1] E. Hairer, G. Wanner (1996), "Solving Ordinary Differential Equations II", second edition, Springer,
   section IV.2.
.. [2] Y. Saad (2011), "Numerical Methods for Large Eigenvalue Problems", second edition, SIAM, section 6.2.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.solver.path import Path
from asm_hybrid.solver.steppers import Slopes

__all__ = ["PRODUCTS", "STIFF_FROM", "StiffnessWarning", "fastest_decay", "products_for", "warn_if_stiff"]

STIFF_FROM = 1.5
"""Step of an explicit method, in units of the fastest time constant, from which the problem is called stiff for it. The
stability of the methods here ends between 2.0 (Euler) and 3.3 (dopri5) [1]_; where accuracy limits the step it is
smaller by far."""

SHARE = 40
"""Evaluations that a solution needs for every one that is spent on the estimate, at least: what goes with one costs as
much again and more for a small f."""

PRODUCTS = 4
"""Products with the Jacobian, at most."""


class StiffnessWarning(UserWarning):
    """An explicit method was given a stiff problem.

    Attributes
    ----------
    args : tuple of str
        The message: the fastest time constant, the length of the steps, and what to take instead.
    """


def products_for(evaluations: int) -> int:
    """Return how many products with the Jacobian a solution pays for.

    Parameters
    ----------
    evaluations : int
        Evaluations of f that it took.

    Returns
    -------
    int
        At most `PRODUCTS`; below one where it pays for none.
    """
    return min(PRODUCTS, evaluations // SHARE - 1)


def fastest_decay(f: Slopes, t: float, x: Tensor, size: Tensor, products: int) -> float:
    """Estimate the fastest decay at a state.

    Parameters
    ----------
    f : callable
        f; evaluated once more than there are products.
    t : float
        The time.
    x : Tensor, shape (…, n)
        The state.
    size : Tensor, shape (…, n)
        How large the states are along the solution.
    products : int
        Products with the Jacobian.

    Returns
    -------
    float
        The decay, the largest of the batch [1/time]; zero where nothing decays, or it cannot be told.
    """
    count, eps = min(products, x.numel()), torch.finfo(x.dtype).eps
    scale = size.abs().flatten().double().cpu().numpy()
    scale = scale + 1e-3 * scale.mean() + torch.finfo(x.dtype).tiny ** 0.5
    near = (eps * len(scale)) ** 0.5
    # numbers without a pattern, so that no symmetry of the problem hides its fastest direction
    v = np.sin(12.9898 * np.arange(1, len(scale) + 1) + 78.233)
    basis, projected = [v / np.linalg.norm(v)], np.zeros((count + 1, count))
    with torch.no_grad(), np.errstate(all="ignore"):
        base = f(t, x)
        for j in range(count):
            moved = torch.from_numpy(near * scale * basis[j]).to(x).view_as(x)
            rest = (f(t, x + moved) - base).flatten().double().cpu().numpy() / (near * scale)
            least = 1e-3 * np.linalg.norm(rest)
            for _ in range(2):  # orthogonal within rounding
                along = np.stack(basis) @ rest
                rest = rest - along @ np.stack(basis)
                projected[: j + 1, j] += along
            length = np.linalg.norm(rest)
            if not length > least:  # the space is closed, or no number came
                count = j + 1
                break
            projected[j + 1, j] = length
            basis.append(rest / length)
    projected = projected[:count, :count]
    if not np.isfinite(projected).all():
        return 0.0
    return max(0.0, -float(np.linalg.eigvals(projected).real.min()))


def warn_if_stiff(
    f: Slopes, path: Path, states: Tensor, method: str, evaluations: int, instead: str, level: int = 3
) -> None:
    """Compare the mean step of a solution with the fastest decay at its end, and warn.

    Parameters
    ----------
    f : callable
        f.
    path : Path
        The solution.
    states : Tensor, shape (k, …, n)
        Its states.
    method : str
        Name of the method.
    evaluations : int
        Evaluations of f that the solution took.
    instead : str
        What to take instead.
    level : int
        How many calls lie between the user and here, see `warnings.warn`.

    Warns
    -----
    StiffnessWarning
        See `STIFF_FROM`.
    """
    products, last = products_for(evaluations), path.values[-1]
    if products < 1 or states.dtype not in (torch.float32, torch.float64) or not math.isfinite(last):
        return
    step = abs(last - path.values[0]) / path.steps
    try:
        decay = fastest_decay(f, last, states[-1], states.abs().amax(0), products)
    except Exception:  # f may fail beside its solution, and hides its numbers within torch.func
        return
    if decay * step > STIFF_FROM:
        warnings.warn(
            f"the problem is stiff for {method}: its fastest time constant is {1 / decay:.2g}, and steps of {step:.2g} "
            f"are at the limit of stability, not of accuracy; take {instead}",
            StiffnessWarning,
            stacklevel=level,
        )
