"""What a generic neural ODE is made of: right-hand sides, data, and the baselines it is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from asm_hybrid.equations.bounded import Bounded
from asm_hybrid.equations.config import FittedSection, OdeConfig
from asm_hybrid.equations.delayed import LearntDelays
from asm_hybrid.equations.slopes import written_slopes
from asm_hybrid.hybrid.ensemble import EnsembleMLP
from asm_hybrid.kinetics import Table, compile_table
from asm_hybrid.plant import torch_namespace
from asm_hybrid.solver.adjoint import check_adjoint
from asm_hybrid.solver.algebra import check_bears_mass
from asm_hybrid.solver.solve import Field, check_method

__all__ = [
    "FEATURES",
    "NetworkField",
    "Problem",
    "TableField",
    "data_times",
    "linear_fit",
    "make_field",
    "make_problem",
    "truth_of",
]

FEATURES: dict[str, Callable[[Tensor], Tensor]] = {"identity": lambda u: u, "cubic": lambda u: u**3}


class TableField(nn.Module):
    """``dx/dt = ρ(x; p) ν(p)`` of a kinetics table, some of whose parameters are fitted.

    Fitted parameters cannot leave their bounds, see `asm_hybrid.equations.bounded.Bounded`.

    Parameters
    ----------
    table : Table
        The reactions.
    fit : dict of str to FittedSection
        Start and bounds of the parameters to fit.
    order : sequence of str
        Components in the order of the states.
    """

    def __init__(self, table: Table, fit: dict[str, FittedSection], order: tuple[str, ...]) -> None:
        super().__init__()
        self.kinetics, self.names, self.fitted = compile_table(table), table.parameter_names, tuple(fit)
        self.xp = torch_namespace()
        self.order = [order.index(c) for c in table.component_names]
        self.back = [table.component_names.index(c) for c in order]
        values = [p.default for p in table.parameters]
        self.defaults = torch.tensor(values, dtype=torch.float64)
        self.bounded = Bounded([s.start for s in fit.values()], [s.bounds for s in fit.values()])

    def learnt_values(self) -> dict[str, Tensor]:
        """Return the fitted parameters [unit of the table]."""
        return dict(zip(self.fitted, self.bounded(), strict=True))

    def delays_now(self) -> list[float | Tensor]:
        """Return no delays: rates know the present states alone."""
        return []

    def right_side(self) -> Field:
        """Return f(t, x) on states ``(…, n)``, all that depends on the parameters alone worked out once."""
        values = self.learnt_values()
        p = [values.get(name, default) for name, default in zip(self.names, self.defaults, strict=True)]
        zero = torch.zeros((), dtype=torch.float64)
        rows = [[zero if nu is None else zero + nu for nu in row] for row in self.kinetics.stoichiometry(p, self.xp)]
        stoichiometry = torch.stack([torch.stack([row[i] for i in self.back]) for row in rows])

        def f(t: Tensor, x: Tensor) -> Tensor:
            rates = self.kinetics.rates(x[..., self.order].clamp(min=0.0).unbind(-1), p, self.xp)
            return torch.stack(rates, dim=-1) @ stoichiometry

        return f


class NetworkField(nn.Module):
    """``du/dt = v N(φ(u) / s; w)``, a network of features of the states; with delays, also of states that long ago.

    The scales s and v come from the data: root mean square of the features, and way of each state by time.

    Parameters
    ----------
    states : int
        Number of states.
    hidden : sequence of int
        Widths of the hidden layers.
    activation, features : str
        A key of `ACTIVATIONS` and of `FEATURES`.
    seed : int
        Of the start; the last layer starts at zero, and so does du/dt.
    delays : LearntDelays, optional
        How long ago are the states that it sees beside the present ones.
    """

    seen: Tensor
    speed: Tensor

    def __init__(
        self,
        states: int,
        hidden: tuple[int, ...],
        activation: str,
        features: str,
        seed: int,
        delays: LearntDelays | None = None,
    ) -> None:
        super().__init__()
        self.delays = delays
        seen = states * (1 if delays is None else 1 + len(delays.starts))
        self.network = EnsembleMLP([seen, *hidden, states], activation, [seed])
        self.features = FEATURES[features]
        self.register_buffer("seen", torch.ones(states, dtype=torch.float64))
        self.register_buffer("speed", torch.ones(states, dtype=torch.float64))

    def scale(self, times: Tensor, values: Tensor) -> None:
        """Take the scales from data ``(k, n)``; a state that is not measured, or does not move, keeps one."""
        seen = self.features(values).square().mean(0).sqrt()
        speed = (values[1:] - values[:-1]).abs().sum(0) / (times[-1] - times[0])
        self.seen = torch.where(seen > 0, seen, 1.0)
        self.speed = torch.where(speed > 0, speed, 1.0)

    def learnt_values(self) -> dict[str, Tensor]:
        """Return the learnt delays, each of shape ``()``."""
        return {} if self.delays is None else self.delays.learnt_values()

    def delays_now(self) -> list[float | Tensor]:
        """Return the delays as they are now."""
        return [] if self.delays is None else self.delays()

    def right_side(self) -> Field:
        """Return f(t, x) on states ``(…, n)``, or f(t, x, lags) with lags ``(d, …, n)`` where there are delays."""

        def f(t: Tensor, x: Tensor, lags: Tensor | None = None) -> Tensor:
            z = self.features(x) / self.seen
            if lags is not None:
                z = torch.cat([z, *(self.features(lags) / self.seen).unbind()], -1)
            return self.speed * cast(Tensor, self.network(z.unsqueeze(0))).squeeze(0)

        return f


@dataclass(frozen=True)
class Problem:
    """A right-hand side and what it is fitted to.

    Attributes
    ----------
    field : TableField or NetworkField
        The right-hand side.
    x0 : Tensor, shape (n,)
        Initial state.
    times : Tensor, shape (k,)
        Times of the data, from the begin of the span on.
    values : Tensor, shape (k, n)
        Data; nan for states without.
    others : Tensor, shape (m, n)
        Initial states for extrapolation.
    """

    field: TableField | NetworkField
    x0: Tensor
    times: Tensor
    values: Tensor
    others: Tensor


def truth_of(config: OdeConfig) -> Field | None:
    """Return the known equation of a config, ``du/dt = φ(u) A`` or what it writes out.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Returns
    -------
    callable or None
        From a time and states ``(…, n)``, and with delays from those that long ago ``(d, …, n)``, to derivatives
        ``(…, n)``; None where the config has no truth.
    """
    truth = config.data.truth
    if truth is None:
        return None
    if truth.slopes is not None:
        place = partial(config.where, "data", "truth", "slopes")
        return written_slopes(truth.slopes, config.states, tuple(truth.delays or ()), place)
    assert truth.matrix is not None
    matrix = torch.tensor(truth.matrix, dtype=torch.float64)
    features = FEATURES[truth.features]
    return lambda t, u: features(u) @ matrix


def make_field(config: OdeConfig) -> TableField | NetworkField:
    """Build the right-hand side.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Returns
    -------
    TableField or NetworkField

    Raises
    ------
    InputError
        If names do not fit the table.
    """
    net, names = config.ode.network, config.states
    if net is None:
        assert config.ode.fit is not None
        return TableField(config.table(), config.ode.fit, names)
    delays = None if config.ode.delays is None else LearntDelays(config.ode.delays)
    return NetworkField(len(names), net.hidden, net.activation, net.features, config.training.seed, delays)


def data_times(config: OdeConfig, draw: torch.Generator) -> Tensor:
    """Return the times of the data.

    Parameters
    ----------
    config : OdeConfig
        The config.
    draw : Generator
        Draws them where they are random.

    Returns
    -------
    Tensor, shape (k,)
        The first is the begin of the span.
    """
    begin, end = config.span
    count = config.data.times.count
    if config.data.times.spacing == "even":
        return torch.linspace(begin, end, count, dtype=torch.float64)
    inner = torch.rand(count - 1, generator=draw, dtype=torch.float64).sort().values
    return torch.cat([torch.tensor([begin], dtype=torch.float64), begin + (end - begin) * inner])


def make_problem(config: OdeConfig, exact: Callable[[Tensor, Tensor], Tensor]) -> Problem:
    """Draw data and initial states, and build the right-hand side.

    Parameters
    ----------
    config : OdeConfig
        The config.
    exact : callable
        From initial states and times to the states of the truth, ``(k, …, n)``.

    Returns
    -------
    Problem

    Raises
    ------
    InputError
        If names do not fit the table, or the solver's method is not known.
    """
    check_method(config.solver.method, config.solver.steps, config.where("solver", "method"))
    if config.mass is not None:
        check_bears_mass(config.solver.method, config.where("solver", "method"))
    beside = {"mass": config.mass, "delays": config.ode.delays}
    asked = [name for name, given in beside.items() if given is not None]
    check_adjoint(config.solver.adjoint, config.solver.method, asked, config.where("solver", "adjoint"))
    names, n = config.states, len(config.states)
    field = make_field(config)
    draw = torch.Generator().manual_seed(config.training.seed)
    times, count = data_times(config, draw), config.data.times.count
    x0 = torch.tensor(list(config.initial.values()), dtype=torch.float64)
    values = torch.full((count, n), math.nan, dtype=torch.float64)
    for name, target in (config.data.target or {}).items():
        values[:, names.index(name)] = torch.tensor(target, dtype=torch.float64)
    if config.data.truth is not None:
        noise = config.data.truth.noise * torch.randn(count, n, generator=draw, dtype=torch.float64)
        values = exact(x0, times) + noise
    if isinstance(field, NetworkField):
        field.scale(times, values)
    others = torch.empty(0, n, dtype=torch.float64)
    if config.extrapolation is not None:
        box = torch.tensor([config.extrapolation.box[name] for name in names], dtype=torch.float64)
        share = torch.rand(config.extrapolation.count, n, generator=draw, dtype=torch.float64)
        others = box[:, 0] + (box[:, 1] - box[:, 0]) * share
    return Problem(field, x0, times, values, others)


def linear_fit(times: Tensor, values: Tensor) -> Tensor:
    """Return B of ``du/dt = u B`` by least squares on data.

    Both sides are integrated from time to time, the right one by the trapezoidal rule, so that no data are divided by
    small differences of times.

    Parameters
    ----------
    times : Tensor, shape (k,)
        Times.
    values : Tensor, shape (k, n)
        States.

    Returns
    -------
    Tensor, shape (n, n)
    """
    area = (times[1:] - times[:-1]).unsqueeze(-1) * (values[1:] + values[:-1]) / 2.0
    return cast(Tensor, torch.linalg.lstsq(area, values[1:] - values[:-1]).solution)
