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

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.solver.steppers import Slopes

__all__ = ["STIFF_FROM", "fastest_decay", "products_for"]

STIFF_FROM = 1.5
"""Step of an explicit method, in units of the fastest time constant, from which the problem is called stiff for it. The
stability of the methods here ends between 2.0 (Euler) and 3.3 (dopri5) [1]_; where accuracy limits the step it is
smaller by far."""

SHARE = 12
"""Evaluations that a solution needs for every one that is spent on the estimate, at least."""

PRODUCTS = 4
"""Products with the Jacobian, at most."""


def products_for(evaluations: int) -> int:
    """Return how many products with the Jacobian a solution with so many evaluations pays for."""
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
    with torch.no_grad():
        base, scale = f(t, x), size.abs()
        scale = (scale + 1e-3 * scale.mean() + torch.finfo(x.dtype).tiny ** 0.5).flatten()
        near = (torch.finfo(x.dtype).eps * x.numel()) ** 0.5
        # numbers without a pattern, so that no symmetry of the problem hides its fastest direction
        v = torch.sin(12.9898 * torch.arange(1, x.numel() + 1, dtype=x.dtype, device=x.device) + 78.233)
        basis, columns = [v / v.norm()], []
        for _ in range(min(products, x.numel())):
            product = ((f(t, x + (near * scale * basis[-1]).view_as(x)) - base).flatten() / near) / scale
            known = torch.stack(basis)
            along = known @ product
            rest = product - along @ known
            again = known @ rest  # orthogonal within rounding
            along, rest = along + again, rest - again @ known
            length = rest.norm()
            length = torch.where(length > 1e-3 * product.norm(), length, 0.0)  # the space is closed
            columns.append(torch.cat([along, length.unsqueeze(0), along.new_zeros(products - len(along))]))
            basis.append(rest / length if float(length) > 0.0 else torch.zeros_like(rest))
        projected = torch.stack(columns, -1)[: len(columns)].double().cpu().numpy()
    if not np.isfinite(projected).all():
        return 0.0
    return max(0.0, -float(np.linalg.eigvals(projected).real.min()))
