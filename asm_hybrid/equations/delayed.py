"""Delays of a generic ODE: how long they are, and what lies before the span and between the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asm_hybrid.equations.bounded import Bounded
from asm_hybrid.equations.config import OdeConfig
from asm_hybrid.equations.delay_sections import DelaySection
from asm_hybrid.errors import InputError
from asm_hybrid.solver.delays import check_bears_delays

__all__ = ["Before", "LearntDelays", "check_delays", "delays_told", "delays_written", "lags_in_data"]


class LearntDelays(nn.Module):
    """Delays by name, some of them learnt within their bounds.

    Parameters
    ----------
    sections : mapping of str to DelaySection
        What the config says of each.
    """

    def __init__(self, sections: Mapping[str, DelaySection]) -> None:
        super().__init__()
        self.starts = {name: section.start for name, section in sections.items()}
        bounds = {name: section.bounds for name, section in sections.items() if section.bounds is not None}
        self.learnt = Bounded([sections[name].start for name in bounds], list(bounds.values())) if bounds else None
        self.names = tuple(bounds)

    def learnt_values(self) -> dict[str, Tensor]:
        """Return the learnt delays as they are now, each of shape ``()``."""
        return {} if self.learnt is None else dict(zip(self.names, self.learnt(), strict=True))

    def forward(self) -> list[float | Tensor]:
        """Return all delays as they are now, in the order of the config."""
        return list((self.starts | self.learnt_values()).values())


class Before:
    """States before the span: those of the config, or the initial ones, held.

    Parameters
    ----------
    config : OdeConfig
        The config.
    """

    def __init__(self, config: OdeConfig) -> None:
        self.times = self.values = None
        self.kinks: tuple[float, ...] = ()
        given = config.history
        if given is not None:
            self.kinks = given.times
            self.times = torch.tensor([*given.times, config.span[0]], dtype=torch.float64)
            columns = [[*given.values[name], value] for name, value in config.initial.items()]
            self.values = torch.tensor(columns, dtype=torch.float64).T

    def of(self, x0: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the states at times ``(…)``, for an initial state ``(n,)``, or a batch ``(…, n)`` where it is held."""
        times, values = self.times, self.values
        if times is None or values is None:
            return lambda t: x0
        return lambda t: _linear(times, values, t)

    def arguments(self, delays: Sequence[float | Tensor], x0: Tensor) -> dict[str, Any]:
        """Return what `asm_hybrid.solver.solve.solve` is told of delays; nothing where there are none."""
        if not delays:
            return {}
        return {"delays": delays, "history": self.of(x0), "options": {"jump_t": self.kinks}}


def _linear(times: Tensor, values: Tensor, t: Tensor) -> Tensor:
    """Return values ``(k, n)`` at other times ``(…)``, linear between their own."""
    i = _piece(times, t)
    place = ((t - times[i]) / (times[i + 1] - times[i])).unsqueeze(-1)
    return values[i] + place * (values[i + 1] - values[i])


def _piece(times: Tensor, t: Tensor) -> Tensor:
    """Return the number of the interval in which times lie."""
    return (torch.searchsorted(times, t.detach().contiguous(), right=True) - 1).clamp(0, len(times) - 2)


def _cubic(times: Tensor, values: Tensor, t: Tensor) -> Tensor:
    """Return values at other times: Hermite's cubic, whose slopes are those of parabolas through three values."""
    h = (times[1:] - times[:-1]).unsqueeze(-1)
    rise = (values[1:] - values[:-1]) / h
    if len(times) > 2:
        inner = (h[1:] * rise[:-1] + h[:-1] * rise[1:]) / (h[1:] + h[:-1])
        slopes = torch.cat([2.0 * rise[:1] - inner[:1], inner, 2.0 * rise[-1:] - inner[-1:]])
    else:
        slopes = rise.expand(2, -1)
    i = _piece(times, t)
    place = ((t - times[i]).unsqueeze(-1)) / h[i]
    begin, end = slopes[i] - rise[i], slopes[i + 1] - rise[i]
    bend = place * (1.0 - place) * ((1.0 - place) * begin - place * end)
    return values[i] + h[i] * (place * rise[i] + bend)


def lags_in_data(
    delays: Sequence[float | Tensor], times: Tensor, values: Tensor, history: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """Return what was a delay before, as data and history have it.

    Parameters
    ----------
    delays : sequence of float or Tensor
        The delays.
    times : Tensor, shape (k,)
        Times of the data, the first at the begin of the span.
    values : Tensor, shape (k, n)
        States then.
    history : callable
        States before, see `Before.of`.

    Returns
    -------
    callable
        From times ``(m,)`` to states ``(d, m, n)``, cubic between the data.
    """

    def lags(t: Tensor) -> Tensor:
        at = torch.stack([t - tau for tau in delays])
        earlier = (at < times[0]).unsqueeze(-1)
        return torch.where(earlier, history(torch.minimum(at, times[0])), _cubic(times, values, at))

    return lags


def delays_written(config: OdeConfig, fitted: Mapping[str, float]) -> dict[str, Any]:
    """Return what a summary says of delays: their values, and those of the truth; nothing where there are none.

    Parameters
    ----------
    config : OdeConfig
        The config.
    fitted : mapping of str to float
        Those that were learnt [unit of the times].

    Returns
    -------
    dict
        For ``summary.json``.
    """
    if config.ode.delays is None:
        return {}
    truth = config.data.truth
    values = {name: fitted.get(name, section.start) for name, section in config.ode.delays.items()}
    return {"delays": {"model": values, "truth": dict((truth.delays if truth else None) or {})}}


def delays_told(config: OdeConfig) -> list[str]:
    """Return what is said of the delays of a right-hand side before it is trained.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Returns
    -------
    list of str
        Plain text, one entry a delay.
    """
    found = []
    for name, section in (config.ode.delays or {}).items():
        within = "" if section.bounds is None else " learnt from {:g} to {:g},".format(*section.bounds)
        found.append(f"delay {name}{within} {'from' if section.bounds else 'of'} {section.start:g}")
    return found


def check_delays(config: OdeConfig) -> None:
    """Refuse delays and histories that do not fit the span, the states, the method or what else the config asks for.

    Parameters
    ----------
    config : OdeConfig
        The config.

    Raises
    ------
    InputError
        With file and line.
    """
    own, truth = config.ode.delays or {}, config.data.truth
    theirs = {} if truth is None else truth.delays or {}
    begin, end = config.span
    longest: dict[tuple[str, ...], float] = {("ode", "delays", name): s.most for name, s in own.items()}
    longest |= {("data", "truth", "delays", name): length for name, length in theirs.items()}
    if not longest:
        if config.history is not None:
            raise InputError(
                "'history' is given, and there are no delays", where=config.where("history"), fix="remove it"
            )
        return
    if own:
        check_bears_delays(config.solver.method, config.where("solver", "method"))
        if config.ode.algebraic:
            raise InputError(
                "'algebraic' and 'delays' are given: algebraic equations are not solved with delays",
                where=config.where("ode", "algebraic"),
                expected="one of them",
                fix="write the delay as a chain of states",
            )
    for key, length in longest.items():
        if not length < end - begin:
            learnt = "may become " if key[0] == "ode" and own[key[-1]].bounds else "is "
            raise InputError(
                f"the delay {key[-1]!r} {learnt}{length:g}, and the data last {end - begin:g}",
                where=config.where(*key),
                expected="delays that are shorter than the data: a longer one has nothing to be found from",
                fix="take an upper bound below that, or a longer span",
            )
    if config.history is not None:
        _check_history(config, max(longest.values()))


def _check_history(config: OdeConfig, longest: float) -> None:
    """Refuse a history that does not fit."""
    history, begin = config.history, config.span[0]
    assert history is not None
    if set(history.values) != set(config.states):
        raise InputError(
            "the history does not name the states",
            where=config.where("history", "values"),
            expected="values for each of " + ", ".join(config.states),
        )
    if not history.times[-1] < begin:
        raise InputError(
            f"the history goes on until {history.times[-1]:g}, and the span begins at {begin:g}",
            where=config.where("history", "times"),
            expected="times before the span",
            fix=f"leave out times from {begin:g} on: the initial state stands there",
        )
    if history.times[0] > begin - longest:
        raise InputError(
            f"the history begins at {history.times[0]:g}, too late for a delay of up to {longest:g}",
            where=config.where("history", "times"),
            expected=f"times from {begin - longest:g} on, the longest delay before the span, or earlier",
            fix="add earlier values, or take shorter delays",
        )
    if config.extrapolation is not None:
        raise InputError(
            "'history' is given with 'extrapolation': other initial states have other histories",
            where=config.where("history"),
            expected="one of them",
            fix="remove 'history', so that every initial state is held before the span",
        )
