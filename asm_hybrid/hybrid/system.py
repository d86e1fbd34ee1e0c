"""The hybrid model as a stiff system: f in its plant, with or without a learnt term."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.term import LearntTerm
from asm_hybrid.plant import Plant, torch_namespace

__all__ = ["PlantSystem", "participants"]


class PlantSystem:
    """``dX/dt = f(X; p) + n(X; w)`` for a batch of windows.

    Parameters
    ----------
    plant : Plant
        f.
    parameters : Tensor, shape (parameter,) or (…, parameter)
        Values of the table's parameters, one set for all windows or one a window.
    targets : sequence of str
        What is recorded: ``TANK.QUANTITY`` or ``effluent.QUANTITY``.
    term : LearntTerm, optional
        n. States then lead with the member axis of its network.
    """

    def __init__(
        self, plant: Plant, parameters: Tensor, targets: Sequence[str], term: LearntTerm | None = None
    ) -> None:
        self.plant, self.parameters, self.term = plant, parameters, term
        self.xp = torch_namespace()
        self.stoichiometry = plant.stoichiometry(parameters, self.xp)
        self._free = torch.as_tensor(plant.free, dtype=parameters.dtype, device=parameters.device)
        self._pairs: list[tuple[int, int]] | None = None
        self._set_targets(targets)

    def _set_targets(self, targets: Sequence[str]) -> None:
        plant, like = self.plant, self.parameters
        entries = self.xp.entries(like)
        tanks, components = plant.shape
        particulate = torch.as_tensor(plant.particulate, dtype=like.dtype, device=like.device)
        direct, thinned = [], []
        for target in targets:
            place, quantity = plant.observation(target)
            weights = self._weights(quantity, entries)
            tank = tanks - 1 if place == "effluent" else plant.layout.tank_index(place)
            full = torch.zeros(*weights.shape[:-1], tanks, components, dtype=like.dtype, device=like.device)
            full[..., tank, :] = weights * (1.0 - particulate) if place == "effluent" else weights
            direct.append(full.flatten(-2))
            thinned.append(weights * particulate * float(place == "effluent"))
        self._direct = torch.stack(torch.broadcast_tensors(*direct), dim=-1)
        self._thinned = torch.stack(torch.broadcast_tensors(*thinned), dim=-1)
        self._has_effluent = any(t.startswith("effluent.") for t in targets)

    def _weights(self, quantity: str, entries: Sequence[Tensor]) -> Tensor:
        names = self.plant.table.component_names
        zero = entries[0] * 0.0
        if quantity in names:
            values = [zero + float(n == quantity) for n in names]
        else:
            found = self.plant.kinetics.composite(quantity, list(entries), self.xp)
            values = [zero + v for v in found]
        return torch.cat(values, dim=-1)

    def effective(self, x: Tensor, u: Tensor) -> Tensor:
        """Put imposed concentrations in place, ``(…, tank, component)``."""
        return self.plant.effective_state(x, u, self.xp)

    def own_rates(self, X: Tensor, u: Tensor) -> Tensor:
        """Return f's rates at effective states, ``(…, tank, process)``."""
        return self.plant.rates(X, u, self.parameters, self.xp)

    def derivative(self, x: Tensor, u: Tensor) -> Tensor:
        """Return dX/dt [g/(m³ d)], ``(…, tank, component)``."""
        X = self.effective(x, u)
        rho = self.own_rates(X, u)
        if self.term is not None:
            rho = self.term.rates(rho, X, u)
        change = self.plant.transport(X, u, self.xp) + rho @ self.stoichiometry
        if self.term is not None and self.term.spec.placement == "state":
            change = change + self.term.additions(X, u)
        return change * self._free

    def _rate_slopes(self, X: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return the non-zero dρ/dX, ``(…, tank, entry)``, and the map from them to S^T dρ/dX."""
        p = self.plant.parameters_at(self.parameters, u, self.xp)
        rows = self.plant.kinetics.rate_jacobian(self.xp.columns(X), p, self.xp)
        pairs = [(i, j) for i, row in enumerate(rows) for j, v in enumerate(row) if v is not None]
        slopes = self.xp.stack([X[..., 0] * 0.0 + rows[i][j] for i, j in pairs])
        if self._pairs != pairs:
            self._pairs = pairs
            process = [i for i, _ in pairs]
            spread = torch.zeros(len(pairs), X.shape[-1], dtype=X.dtype, device=X.device)
            spread[range(len(pairs)), [j for _, j in pairs]] = 1.0
            with torch.no_grad():
                stoichiometry = self.stoichiometry[..., process, :]
                self._spread = (stoichiometry.unsqueeze(-1) * spread.unsqueeze(-2)).flatten(-2)
            self._process = process
        return slopes, self._spread

    def jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the blocks of df/dX of every tank [1/d], ``(…, tank, component, component)``.

        Transport between tanks and the slope of n are left out: the solver treats them explicitly.
        """
        X = self.effective(x, u)
        slopes, spread = self._rate_slopes(X, u)
        if self.term is not None and self.term.spec.placement == "rates":
            if self.term.spec.form == "multiplicative":
                slopes = slopes * self.term.factors(X, u)[..., self._process]
        blocks = (slopes @ spread).unflatten(-1, (X.shape[-1], X.shape[-1]))
        blocks = blocks + torch.diag_embed(self._own_transport(u, X))
        return blocks * (self._free.unsqueeze(-1) * self._free.unsqueeze(-2))

    def _own_transport(self, u: Tensor, X: Tensor) -> Tensor:
        flows, thickening = self.plant.flow_matrices(u, self.xp, X)
        particulate = self.xp.constant(self.plant.particulate, X)
        own = flows.diagonal(dim1=-2, dim2=-1).unsqueeze(-1)
        own = own + thickening.diagonal(dim1=-2, dim2=-1).unsqueeze(-1) * particulate
        return own + self.plant.aeration_slope(u, self.xp, X)

    def full_jacobian(self, x: Tensor, u: Tensor) -> Tensor:
        """Return df/dX of the whole plant [1/d], ``(…, tank·component, tank·component)``."""
        tanks, components = self.plant.shape
        blocks = self.jacobian(x, u)
        X = self.effective(x, u)
        flows, thickening = self.plant.flow_matrices(u, self.xp, X)
        eye = torch.eye(components, dtype=X.dtype, device=X.device)
        particulate = torch.diag(self.xp.constant(self.plant.particulate, X))
        full = flows[..., :, None, :, None] * eye[:, None, :]
        full = full + thickening[..., :, None, :, None] * particulate[:, None, :]
        full = full * (self._free[:, :, None, None] * self._free)
        full = full.expand(*blocks.shape[:-3], -1, -1, -1, -1).clone()
        index = range(tanks)
        full[..., index, :, index, :] = blocks.movedim(-3, 0)
        return full.reshape(*full.shape[:-4], tanks * components, tanks * components)

    def output(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the recorded quantities, ``(…, output)``."""
        X = self.effective(x, u)
        out = (X.flatten(-2).unsqueeze(-2) @ self._direct).squeeze(-2)
        if self._has_effluent:
            last = X[..., -1, :].unsqueeze(-2) @ self._thinned
            out = out + last.squeeze(-2) * self.plant.effluent_ratio(u, self.xp)
        return out


def participants(plant: Plant, stoichiometry: Tensor) -> np.ndarray:
    """Return which component takes part in which process, ``(process, component)`` of bool."""
    return np.asarray(stoichiometry.detach().reshape(-1, *stoichiometry.shape[-2:])[0].cpu().abs() > 1e-12)
