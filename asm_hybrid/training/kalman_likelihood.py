"""The likelihood of a record under a plant with noise in its states: parameters of f, and diffusions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.compiled_system import open_values
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.training.calibration import AT_BOUND
from asm_hybrid.training.first_state import FIRST_SPREAD, steady_states
from asm_hybrid.training.kalman import Belief, Filtered, KalmanFilter
from asm_hybrid.training.kalman_search import Likely, Scores, most_likely
from asm_hybrid.training.profile_likelihood import LEVEL, quantile
from asm_hybrid.training.unknowns import Unknowns

__all__ = ["DIFFUSION_SPREAD", "WITHOUT", "Likelihood", "NoiseFound", "first_belief", "lost_without"]

DIFFUSION_SPREAD = float(np.log(10.0))
"""Standard deviation of the prior of the logarithm of a diffusion, around what is stated."""
DIFFUSION_BOUND = 2.0
"""Largest distance from what is stated, in standard deviations of the prior: a factor of 100."""
WITHOUT = 12
"""Batches of filters that a search without one of the noises takes at most."""


@dataclass(frozen=True)
class NoiseFound:
    """A noise of states that was estimated.

    Attributes
    ----------
    name : str
        ``COMPONENT``, in all tanks, or ``TANK.COMPONENT``.
    unit : str
        Unit of the values: of the component, or nothing for a share of the state, for the square root of a day.
    stated, value : float
        What the config says, and the estimate.
    low, high : float
        Ends of its 95 % interval.
    at_bound : bool
        Whether the search stopped at a bound: a hundredth, or a hundred times, of what is stated.
    lost : float or None
        By how much the log-likelihood falls without it; see `lost_without`.
    """

    name: str
    unit: str
    stated: float
    value: float
    low: float
    high: float
    at_bound: bool
    lost: float | None = None


def first_belief(plant: Plant, x: np.ndarray) -> Belief:
    """Return what is known of a state that is supposed to be a steady one.

    Of every particulate component there may be more or less, in all tanks alike, and so in the layers of a settler: by
    `FIRST_SPREAD` of what there is. A soluble component may be off by as much as there is, in each tank by itself: it
    is what the last hours have made it, and no steady state tells how it differs from tank to tank.

    Parameters
    ----------
    plant : Plant
        The plant.
    x : ndarray, shape (row, component)
        The state.

    Returns
    -------
    Belief
    """
    active, (first, _) = plant.rows.active > 0, plant.rows.layers
    free = np.zeros(active.shape)
    free[:first] = np.vstack([plant.free, np.ones((first - plant.rows.tanks, active.shape[1]))])
    free[first : plant.rows.layers[1]] = 1.0
    solid, known = plant.particulate > 0, x * free
    groups = []
    for rows in (slice(0, first), slice(first, plant.rows.layers[1])):
        for column in np.flatnonzero(solid):
            own = np.zeros(active.shape)
            own[rows, column] = FIRST_SPREAD * known[rows, column]
            groups.append(own[active])
    groups += list(np.diag((known * ~solid)[active]))
    moves = np.stack(groups)
    return Belief(x[active], moves.T @ moves)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """A record under f with noise in its states, as a function of some parameters and diffusions.

    Attributes
    ----------
    system : PlantSystem
        f with all parameters ``(parameter,)`` as they are where they are not searched for.
    filter : KalmanFilter
        Over the record.
    unknowns : Unknowns
        Parameters first, then a factor on each of the noises.
    noises : mapping of str to ProcessNoise
        What is scaled, by name.
    typical : Tensor, shape (input,)
        Inputs under which the record begins in a steady state.
    guess : Tensor, shape (1, row, component)
        Where the search for that state begins.
    """

    system: PlantSystem
    filter: KalmanFilter
    unknowns: Unknowns
    noises: Mapping[str, ProcessNoise]
    typical: Tensor
    guess: Tensor

    @staticmethod
    def unknowns_of(
        names: Sequence[str], defaults: np.ndarray, bounds: np.ndarray, noises: Mapping[str, ProcessNoise]
    ) -> Unknowns:
        """Return parameters with their bounds ``(parameter, 2)``, and factors on noises, all in their logarithms."""
        own = Unknowns.of_parameters(names, defaults, bounds)
        return own.with_more(list(noises), DIFFUSION_SPREAD, DIFFUSION_BOUND * DIFFUSION_SPREAD, profiled=True)

    @cached_property
    def _index(self) -> list[int]:
        names = self.system.plant.table.parameter_names
        return [names.index(n) for n in self.unknowns.names[: self.unknowns.parameters]]

    @property
    def _active(self) -> np.ndarray:
        return self.system.plant.rows.active > 0

    def parameters(self, places: np.ndarray) -> Tensor:
        """Return all parameters at places ``(set, unknown)``, ``(set, parameter)``."""
        full = self.system.parameters.repeat(len(places), 1)
        if self._index:
            full[:, self._index] = torch.as_tensor(np.exp(places[:, : len(self._index)]))
        return full

    def noise(self, place: np.ndarray) -> ProcessNoise:
        """Return the noise of the states at a place, ``(state,)``."""
        factors = np.exp(place[self.unknowns.parameters :])
        absolute, relative = (
            sum(
                (f * getattr(n, kind)[self._active] for f, n in zip(factors, self.noises.values(), strict=True)),
                np.zeros(int(self._active.sum())),
            )
            for kind in ("absolute", "relative")
        )
        return ProcessNoise(absolute, relative)

    def filtered(self, places: np.ndarray) -> list[Filtered | None]:
        """Filter the record at some places.

        Parameters
        ----------
        places : ndarray, shape (set, unknown)
            In the coordinates of the unknowns.

        Returns
        -------
        list of Filtered or None
            None where there is no steady state to begin from.
        """
        parameters, plant = self.parameters(places), self.system.plant
        first, values = self.first(parameters).numpy(), self._values(parameters)
        return [
            self.filter.run(first_belief(plant, x), self.noise(place), values((k,))) if np.isfinite(x).all() else None
            for k, (place, x) in enumerate(zip(places, first, strict=True))
        ]

    def first(self, parameters: Tensor) -> Tensor:
        """Return the steady states that belong to parameters ``(set, parameter)``, NaN where there is none."""
        system = PlantSystem(self.system.plant, parameters, self.system.targets)
        return steady_states(system, self.typical, self.guess)

    def _values(self, parameters: Tensor) -> Callable[[tuple[int, ...]], np.ndarray]:
        system = PlantSystem(self.system.plant, parameters, self.system.targets)
        return open_values(system, (len(parameters),))

    def misfit(self, place: np.ndarray, filtered: Filtered) -> float:
        """Return the mean squared error of a simulation at a place, in units of the sensors' noise.

        Parameters
        ----------
        place : ndarray, shape (unknown,)
            In the coordinates of the unknowns.
        filtered : Filtered
            What the filter has found there; the simulation begins where all samples make it likely.

        Returns
        -------
        float
        """
        parameters, x = self.parameters(place[None]), filtered.first
        sure, still = Belief(x, np.zeros((len(x), len(x)))), ProcessNoise(*np.zeros((2, len(x))))
        found = self.filter.run(sure, still, self._values(parameters)((0,)))  # which then is a simulation
        errors = censored_error(-found.errors, self.filter.beyond)
        return float(np.mean(errors**2 / found.variances))

    def without(self, name: str) -> Likelihood:
        """Return the same with one of the noises left out."""
        index = self.unknowns.parameters + list(self.noises).index(name)
        others = {other: noise for other, noise in self.noises.items() if other != name}
        return replace(self, unknowns=self.unknowns.without(index), noises=others)

    def start(self, filtered: Filtered) -> np.ndarray:
        """Return the state at the first knot that all samples make likely, ``(row, component)``."""
        x = self.guess[0].numpy().copy()
        x[self._active] = filtered.first
        return x

    def noises_found(self, found: Likely, lost: Mapping[str, float | None]) -> tuple[NoiseFound, ...]:
        """Return the noises at the place where a search has arrived, with what is lost without each by name."""
        unknowns, table = self.unknowns, self.system.plant.table
        units = dict(zip(table.component_names, (c.unit for c in table.components), strict=True))
        wide = np.sqrt(quantile(LEVEL) * np.diag(found.covariance))
        edge = AT_BOUND * (unknowns.high - unknowns.low)
        out = []
        for k, (name, noise) in enumerate(self.noises.items(), start=unknowns.parameters):
            share, x = bool(noise.relative.any()), found.x[k]
            ends = np.clip([x - wide[k], x + wide[k]], unknowns.low[k], unknowns.high[k])
            stated = float((noise.relative if share else noise.absolute).max())
            value, low, high = (stated * float(np.exp(v)) for v in (x, *ends))
            at_bound = bool(min(x - unknowns.low[k], unknowns.high[k] - x) < edge[k])
            unit = "-" if share else units[name.rpartition(".")[2]]
            out.append(NoiseFound(name, unit, stated, value, low, high, at_bound, lost.get(name)))
        return tuple(out)

    def scores(self, places: np.ndarray) -> Scores:
        """Return what the filter finds at some places ``(set, unknown)``; infinite costs where it diverges."""
        count = len(self.filter.beyond)
        lost = [np.full(count, v) for v in (np.nan, np.nan, np.inf)]
        found = [[f.errors, f.variances, f.costs] if f is not None else lost for f in self.filtered(places)]
        errors, variances, costs = np.asarray(found).transpose(1, 0, 2)
        return Scores(errors, variances, costs, self.filter.beyond == 0)


def lost_without(
    likelihood: Likelihood, found: Likely, scored: Callable[[int, Likelihood], Callable[[np.ndarray], Scores]]
) -> dict[str, float | None]:
    """Return by how much the log-likelihood falls without each noise, with all else searched for again.

    This is half the statistic of a likelihood-ratio test. It does not depend on how large a noise is, nor on how fast
    its state turns over, and counts only what no other noise can take over.

    Parameters
    ----------
    likelihood : Likelihood
        With all noises.
    found : Likely
        Where the search with all of them has arrived, and those without one begin.
    scored : callable
        From the place of a noise among the noises, and the likelihood without it, to its scores; see
        `Likelihood.scores`.

    Returns
    -------
    dict of str to float or None
        By name; empty where there is one noise alone. It is negative, by little, where prior or search keep a noise
        from zero that had better be zero. None where the filter diverges without the noise.
    """
    lost: dict[str, float | None] = {}
    for k, name in enumerate(likelihood.noises if len(likelihood.noises) > 1 else ()):
        less = likelihood.without(name)
        start = np.delete(found.x, likelihood.unknowns.parameters + k)
        try:
            lost[name] = most_likely(less.unknowns, start, scored(k, less), max_evaluations=WITHOUT).cost - found.cost
        except SimulationError:
            lost[name] = None
    return lost
