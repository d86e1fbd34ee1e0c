"""The hybrid model as a stiff system: f in its plant, with or without a learnt term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.switches import PlantSwitches
from asm_hybrid.hybrid.trajectory import Trajectory
from asm_hybrid.plant import (
    Forcing,
    OffGas,
    Plant,
    TakacsSettler,
    effluent,
    emission,
    layer_slopes,
    offgas_of,
    other_slopes,
    rate_arguments,
    switch_names,
    torch_namespace,
)

__all__ = ["PlantSystem", "check_learnable", "participants"]


class Inverse(NamedTuple):
    """What :meth:`PlantSystem.solve` divides by; every array is an inverse.

    Attributes
    ----------
    blocks : Tensor, shape (…, tank, component, component)
        Within the tanks.
    water : Tensor, shape (…, tank, tank)
        Between the tanks, for soluble components.
    solids : Tensor or None, shape (…, tank, tank)
        The same for particulate components; None where they flow as the soluble ones do.
    layers : tuple of Tensor or None, shape (…, layer, layer)
        Between the layers of a settler, for solubles and for solids.
    primary : Tensor or None
        Of a primary clarifier.
    extra : Tensor or None
        Of states that are no concentrations, each by itself, ``(…, row, component)`` or one for all.
    """

    blocks: Tensor
    water: Tensor
    solids: Tensor | None
    layers: tuple[Tensor, Tensor] | None
    primary: Tensor | None
    extra: Tensor | None


class PlantSystem:
    """``dX/dt = f(X; p) + n(X; w)``, or ``y = h(X) + n(X; w)``, for a batch of windows.

    Parameters
    ----------
    plant : Plant
        f.
    parameters : Tensor, shape (parameter,) or (…, parameter)
        Values of the table's parameters, one set for all windows or one a window.
    targets : sequence of str
        What is recorded: ``TANK.QUANTITY``, ``effluent.QUANTITY``, and of gases ``TANK.offgas_COMPONENT`` or
        ``offgas.COMPONENT``.
    term : LearntTerm or LearntTerms, optional
        n. States then lead with the member axis of its network.

    Attributes
    ----------
    floor : Tensor, shape (component,) or (row, component)
        Zero for components that some rate depends on: these cannot fall below, but by the error of a step. Minus
        infinity for the others, and for volumes and states of controllers.
    """

    def __init__(
        self,
        plant: Plant,
        parameters: Tensor,
        targets: Sequence[str],
        term: LearntTerm | LearntTerms | None = None,
    ) -> None:
        check_learnable(plant)
        self.plant, self.parameters, self.term, self.targets = plant, parameters, term, tuple(targets)
        self.xp = torch_namespace()
        self.stoichiometry = plant.stoichiometry(parameters, self.xp)
        self._free = torch.as_tensor(plant.free, dtype=parameters.dtype, device=parameters.device)
        self._free_pairs = self._free.unsqueeze(-1) * self._free.unsqueeze(-2)
        limited = torch.as_tensor(plant.limiting, dtype=parameters.dtype, device=parameters.device) > 0
        self.floor = torch.where(limited, 0.0, -torch.inf).to(parameters.dtype)
        if plant.steered:
            rows = torch.arange(plant.rows.count, device=parameters.device) < plant.rows.layers[1]
            self.floor = torch.where(rows.unsqueeze(-1), self.floor, -torch.inf)
        self._transposed = self.stoichiometry.transpose(-2, -1).unsqueeze(-3)
        self._slots: Tensor | None = None
        self._switches = PlantSwitches(plant) if switch_names(plant) else None
        self._set_targets()

    @property
    def switches(self) -> PlantSwitches | None:
        """What switches by what is measured; None where nothing does."""
        return self._switches

    def _set_targets(self) -> None:
        plant, like = self.plant, self.parameters
        entries = self.xp.entries(like)
        self._of_pH = [t for t in self.targets if t.partition(".")[2] in plant.table.quantity_names]
        tanks, components = plant.tanks, plant.shape[1]
        direct, effluent = [], []
        gases = [offgas_of(plant.table, plant.layout, target) for target in self.targets]
        for target, gas in zip(self.targets, gases, strict=True):
            place, quantity = ("", "") if gas else plant.quantities.observation(target)
            weights = self._weights(quantity, entries)
            full = torch.zeros(*weights.shape[:-1], tanks, components, dtype=like.dtype, device=like.device)
            if place not in ("", "effluent"):
                full[..., plant.layout.tank_index(place), :] = weights
            direct.append(full.flatten(-2))
            effluent.append(weights * float(place == "effluent"))
        self._direct, self._of_effluent = torch.stack(direct, dim=-1), torch.stack(effluent, dim=-1)
        self._has_effluent = any(t.startswith("effluent.") for t in self.targets)
        self._of_offgas = self._picked(gases) if any(gases) else None

    def _picked(self, gases: Sequence[OffGas | None]) -> Tensor:
        """Return which entries of the emissions are recorded, ``(tank · component, target)``."""
        names, picks = self.plant.table.component_names, np.zeros((*self.plant.free.shape, len(gases)))
        for k, gas in enumerate(gases):
            if gas is not None:
                picks[list(gas.tanks), names.index(gas.component), k] = 1.0
        return torch.as_tensor(picks, dtype=self.parameters.dtype, device=self.parameters.device).flatten(0, 1)

    def _weights(self, quantity: str, entries: Sequence[Tensor]) -> Tensor:
        names = self.plant.table.component_names
        zero = entries[0] * 0.0
        if quantity in names or quantity in self.plant.table.quantity_names or not quantity:
            values = [zero + float(n == quantity) for n in names]
        else:
            found = self.plant.kinetics.composite(quantity, list(entries), self.xp)
            values = [zero + v for v in found]
        return torch.cat(values, dim=-1)

    def forcing(self, u: Tensor) -> Forcing[Tensor]:
        """Return what inputs ``(…, input)`` make of the plant; leading axes are those of the states."""
        return self._forcing(u, self.parameters)

    def _forcing(self, u: Tensor, p: Tensor) -> Forcing[Tensor]:
        return self.plant.forcing(u, p, self.xp, self.term)

    def recording(self, targets: Sequence[str]) -> PlantSystem:
        """Return the same model with other recorded quantities."""
        return PlantSystem(self.plant, self.parameters, targets, self.term)

    def along(self, x: Tensor, u: Tensor) -> Trajectory:
        """Return what f, without n, does along states ``(time, row, component)`` and inputs ``(time, input)``."""
        f = self if self.term is None else PlantSystem(self.plant, self.parameters, self.targets)
        forcing = f.steered(x, f.forcing(u))
        X = f.effective(x, forcing)
        return Trajectory(
            X,
            u,
            forcing.parameters,
            f.own_rates(X, forcing),
            f.stoichiometry,
            lambda t: f.recording(t).output(x, forcing),
        )

    def prepare(self, inputs: Tensor) -> list[Forcing[Tensor]]:
        """Return the forcings along a series of inputs ``(…, time, input)``, worked out at once."""
        p = self.parameters if self.parameters.dim() == 1 else self.parameters.unsqueeze(-2)
        whole = self._forcing(inputs, p)
        nothing = [None] * inputs.shape[-2]
        names = [(f.name, -1 - int(f.metadata["axes"])) for f in fields(Forcing)]
        parts = [(getattr(whole, name), axis) for name, axis in names]
        series = [nothing if a is None else a.movedim(axis, 0).contiguous().unbind(0) for a, axis in parts]
        return [Forcing(*row) for row in zip(*series, strict=True)]

    def steered(self, x: Tensor, forcing: Forcing[Tensor]) -> Forcing[Tensor]:
        """Return the forcing as controllers and volumes make it at a state; as it is where there are none."""
        return self.plant.steer(x, forcing, self.xp)[0] if self.plant.steered else forcing

    def effective(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Put imposed concentrations in place, ``(…, tank, component)``."""
        return self.plant.effective_state(x, forcing, self.xp)

    def own_rates(self, X: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return f's rates at effective states, ``(…, tank, process)``."""
        return self.plant.rates(X, forcing, self.xp)

    def derivative(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return dX/dt [g/(m³ d)], ``(…, row, component)``."""
        return self.plant.derivative(x, forcing, self.stoichiometry, self.xp, self.term)

    def rate_slopes(self, X: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return dρ/dX of f's own rates at the parameters in use, n held, ``(…, tank, process, component)``."""
        p = rate_arguments(self.plant.constants, X, forcing, self.xp, self.term)
        rows = self.plant.kinetics.rate_jacobian(X, p, self.xp)
        found = {(i, j): v for i, row in enumerate(rows) for j, v in enumerate(row) if v is not None}
        processes, components = len(rows), X.shape[-1]
        if self._slots is None:
            self._slots = torch.tensor([i * components + j for i, j in found], device=X.device)
        out = X.new_zeros(*X.shape[:-1], processes * components)
        out[..., self._slots] = torch.stack([v.expand(X.shape[:-1]) for v in found.values()], dim=-1)
        return out.reshape(*X.shape[:-1], processes, components)

    def jacobian(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return what reactions and aeration add to df/dX [1/d], one block a tank, ``(…, tank, component, component)``.

        The slope of n is left out: the solver treats it explicitly.
        """
        forcing = self.steered(x, forcing)
        return self._blocks(self.effective(x, forcing), forcing)

    def _blocks(self, X: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return `jacobian` at effective states, with the forcing as it is steered."""
        slopes = self.rate_slopes(X, forcing)
        if self.term is not None:
            slopes = self.term.sloped(slopes, X, forcing.seen)
        blocks: Tensor = self._transposed @ slopes
        if forcing.loss is not None:
            blocks = blocks - forcing.loss.unsqueeze(-1) * _identity(blocks)
        return blocks * self._free_pairs if self.plant.layout.imposed else blocks

    def inverse(self, x: Tensor, forcing: Forcing[Tensor], shift: float | Tensor) -> Inverse:
        """Return what `solve` needs to divide by ``shift I - J``.

        In the tanks the division is by ``(shift I - T) (shift I - B) / shift``, with T the flows between tanks and out
        of them, and B one block a tank of what happens within (approximate factorisation [1]_). Its cost is linear in
        the tanks; J then errs by ``T B / shift``, which a W-method bears. Behind the tanks J holds one block for the
        solubles and one for the solids of a settler's layers, and the slopes of a primary clarifier, of volumes and of
        controllers' states with themselves. The slope of n is left out, and that of the flows with volumes and
        controllers.

        Parameters
        ----------
        x : Tensor, shape (…, row, component)
            The state.
        forcing : Forcing
            At the same time.
        shift : float or Tensor, shape () or (…, 1, 1)
            ``1 / (h γ)`` [1/d]; one number for all, or one a window.

        References
        ----------
        .. [1] R. M. Beam, R. F. Warming (1976), "An implicit finite-difference algorithm for hyperbolic systems in
           conservation-law form", J. Comput. Phys. 22, 87-110, https://doi.org/10.1016/0021-9991(76)90110-8.
        """
        forcing = self.steered(x, forcing)
        X = self.effective(x, forcing)
        water = _inverted(forcing.flows, shift) * shift
        solids = None
        if forcing.thickening is not None:
            solids = _inverted(forcing.flows + forcing.thickening, shift) * shift
        layers = primary = extra = None
        settler = self.plant.layout.settler
        if isinstance(settler, TakacsSettler):
            slopes = layer_slopes(self.plant, settler, x, X, forcing, self.xp)
            layers = (_inverted(slopes[0], shift), _inverted(slopes[1], shift))
        if self.plant.rows.extra:
            own, others = other_slopes(self.plant, x, X, forcing, self.xp)
            primary = None if own is None else 1.0 / (shift - own)
            extra = x.new_ones(1) / (shift - others)
        inner = shift.unsqueeze(-1) if isinstance(shift, Tensor) and shift.dim() else shift
        return Inverse(_inverted(self._blocks(X, forcing), inner), water, solids, layers, primary, extra)

    def solve(self, inverse: Inverse, right: Tensor) -> Tensor:
        """Divide ``(…, row, component)`` by what `inverse` holds."""
        rows = self.plant.rows
        tanks = right if rows.count == rows.tanks else right[..., : rows.tanks, :]
        mixed = self._mixed(inverse, tanks)
        parts: list[Tensor] = [self.xp.matmul(inverse.blocks, mixed.unsqueeze(-1)).squeeze(-1)]
        if rows.count == rows.tanks:
            return parts[0]
        first, last = rows.layers
        if inverse.primary is not None:
            parts.append(right[..., rows.tanks : rows.tanks + 1, :] * inverse.primary)
        if inverse.layers is not None:
            water, solids = inverse.layers
            layers = right[..., first:last, :]
            mark = self.xp.constant(self.plant.constants.solids_mark, right)
            parts.append(self.xp.matmul(solids, layers * mark) + self.xp.matmul(water, layers * (1.0 - mark)))
        if inverse.extra is not None:
            parts.append(right[..., last:, :] * inverse.extra)
        return self.xp.rows(parts)

    def _mixed(self, inverse: Inverse, right: Tensor) -> Tensor:
        """Divide by the flows between tanks."""
        solid = self.xp.constant(self.plant.constants.solids, right)
        if inverse.solids is None:
            mixed = self.xp.matmul(inverse.water, right)
        else:
            mixed = self.xp.matmul(inverse.water, right * (1.0 - solid)) + self.xp.matmul(inverse.solids, right * solid)
        return mixed * self._free if self.plant.layout.imposed else mixed

    def full_jacobian(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return df/dX of a plant of tanks alone [1/d], ``(…, tank·component, tank·component)``."""
        tanks, components = self.plant.shape
        if self.plant.rows.count > self.plant.tanks:
            raise InputError(
                "the whole Jacobian of this plant is asked for, whose state holds more than tanks",
                expected="a plant of tanks alone, whose volumes stay as they are",
                fix="take a W-method, such as ROS34PW2, which works with parts of it",
            )
        blocks = self.jacobian(x, forcing)
        eye = torch.eye(components, dtype=blocks.dtype, device=blocks.device)
        full = forcing.flows[..., :, None, :, None] * eye[:, None, :]
        if forcing.thickening is not None:
            particulate = torch.diag(self.xp.constant(self.plant.particulate, blocks))
            full = full + forcing.thickening[..., :, None, :, None] * particulate[:, None, :]
        full = full * (self._free[:, :, None, None] * self._free)
        full = full.expand(*blocks.shape[:-3], -1, -1, -1, -1).clone()
        index = range(tanks)
        full[..., index, :, index, :] += blocks.movedim(-3, 0)
        return full.reshape(*full.shape[:-4], tanks * components, tanks * components)

    def output(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return the recorded quantities, ``(…, output)``."""
        X = self.effective(x, forcing)
        out = (X.flatten(-2).unsqueeze(-2) @ self._direct).squeeze(-2)
        if self._has_effluent:
            _, outflow = effluent(self.plant, x, self.steered(x, forcing), self.xp)
            out = out + (outflow @ self._of_effluent).squeeze(-2)
        if self._of_pH:
            out = self._with_pH(out, x, X, forcing)
        if self._of_offgas is not None:
            leaves = emission(self.plant, x, X, self.steered(x, forcing), self.xp)
            out = out + (leaves.flatten(-2).unsqueeze(-2) @ self._of_offgas).squeeze(-2)
        return out if self.term is None else self.term.recorded(out, self.targets, X, forcing.seen)

    def _with_pH(self, out: Tensor, x: Tensor, X: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Put in what no sum of components is: quantities of the equilibrium, whose columns are zero so far."""
        plant, xp = self.plant, self.xp
        parameters, found = xp.entries(forcing.parameters), list(xp.columns(out))
        waters = {target.partition(".")[0] == "effluent" for target in self._of_pH}
        outflow = effluent(plant, x, self.steered(x, forcing), xp)[1] if True in waters else X
        own = {
            end: plant.quantities.of_equilibrium(xp.columns(outflow if end else X), parameters, xp) for end in waters
        }
        for k, target in enumerate(self.targets):
            if target in self._of_pH:
                place, _, quantity = target.partition(".")
                end = place == "effluent"
                found[k] = own[end][quantity][..., 0 if end else plant.layout.tank_index(place)]
        return xp.stack(found)


def check_learnable(plant: Plant) -> None:
    """Refuse a plant that cannot be learnt through.

    Parameters
    ----------
    plant : Plant
        The plant.

    Raises
    ------
    InputError
        For streams that arrive late.
    """
    if plant.late:
        raise InputError(
            f"in this plant {', '.join(s.name for s in plant.late)} arrives late",
            expected="for training, a plant whose streams arrive at once",
            fix="leave out 'delay' of recycles, return sludge and sensors of controllers under plant; "
            "'asm-hybrid simulate' bears it",
        )


def _inverted(blocks: Tensor, shift: float | Tensor) -> Tensor:
    """Return ``(shift I - blocks)⁻¹``."""
    return cast(Tensor, torch.linalg.inv_ex(shift * _identity(blocks) - blocks).inverse)


def _identity(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)


def participants(plant: Plant, stoichiometry: Tensor) -> np.ndarray:
    """Return which component takes part in which process.

    Parameters
    ----------
    plant : Plant
        The plant.
    stoichiometry : Tensor, shape (…, process, component)
        Its stoichiometry; of a batch the first is looked at.

    Returns
    -------
    ndarray of bool, shape (process, component)
    """
    return np.asarray(stoichiometry.detach().reshape(-1, *stoichiometry.shape[-2:])[0].cpu().abs() > 1e-12)
