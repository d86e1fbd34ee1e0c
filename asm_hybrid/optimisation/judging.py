"""What a case is worth to a goal: what is minimised, and by how much it exceeds limits, with all members of n."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.optimisation.definition import PRESENT, Goal
from asm_hybrid.optimisation.search import Trial
from asm_hybrid.parallel import Outcome, Value
from asm_hybrid.scenario.cases import Case
from asm_hybrid.scenario.subject import Subject
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.evaluation import Bench, open_bench

__all__ = ["OUTSIDE", "Judge", "Limit", "OpenCases", "case_figures", "judge_of"]

OUTSIDE = "outside training"
"""The limit on the hours in which the optimum leaves what training saw."""
ROUNDING = 1e-9
"""Share of its size by which a limit may be exceeded."""
MEMBER = "|"
"""Between the number of a member and the name of its figure."""


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes
    ----------
    name : str
        The indicator.
    bounds : tuple of float
        Largest value by member of n.
    present : bool
        Whether it is the value at present, and not a number of the file.
    """

    name: str
    bounds: tuple[float, ...]
    present: bool

    @property
    def size(self) -> float:
        """By what an excess is divided."""
        return max(1.0, *(abs(bound) for bound in self.bounds))


@dataclass(frozen=True)
class Judge:
    """A goal, and the present operation by which cases are judged.

    Attributes
    ----------
    weights : mapping of str to float
        What is minimised.
    sizes : tuple of float
        Its size at present, by member.
    limits : tuple of Limit
        What is limited, by indicators.
    outside : mapping of str to float, or None
        Hours outside of what training saw at present: in all, as `OUTSIDE`, and by input that is decided. None where
        nothing was learnt, or it may be left.
    """

    weights: Mapping[str, float]
    sizes: tuple[float, ...]
    limits: tuple[Limit, ...]
    outside: Mapping[str, float] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Indicators that are looked at."""
        return tuple(dict.fromkeys((*self.weights, *(limit.name for limit in self.limits))))

    @property
    def count(self) -> int:
        """Number of limits."""
        return len(self.limits) + len(self.outside or ())

    def objectives(self, figures: Mapping[str, float]) -> list[float]:
        """Return what is minimised by member, in its unit."""
        return [
            sum(weight * figures[f"{m}{MEMBER}{name}"] for name, weight in self.weights.items())
            for m in range(len(self.sizes))
        ]

    def excess(self, limit: Limit, figures: Mapping[str, float]) -> float:
        """Return by how much a limit is exceeded by the member that does so most, in its unit; zero or less within."""
        found = max(figures[f"{m}{MEMBER}{limit.name}"] - bound for m, bound in enumerate(limit.bounds))
        return found if found > ROUNDING * limit.size else min(found, 0.0)

    def left(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Return the hours by which more is outside of what training saw than at present, by name."""
        if self.outside is None:
            return {}
        return {name: figures.get(f"{OUTSIDE}{MEMBER}{name}", 0.0) - hours for name, hours in self.outside.items()}

    def trial(self, place: np.ndarray, outcome: Outcome) -> Trial:
        """Return the trial of a place, from the outcome of its case."""
        if outcome.error:
            return Trial(place, float("inf"), np.full(self.count, np.inf), outcome.error)
        figures = outcome.figures
        ratios = [value / size for value, size in zip(self.objectives(figures), self.sizes, strict=True)]
        excess = [self.excess(limit, figures) / limit.size for limit in self.limits]
        excess += [
            hours / 24.0 if hours > ROUNDING else min(hours / 24.0, 0.0) for hours in self.left(figures).values()
        ]
        return Trial(place, float(np.mean(ratios)), np.array(excess))


def case_figures(case: Case, names: Sequence[str] | None = None) -> dict[str, float]:
    """Return the indicators of all members of a case, and the hours in which it leaves what training saw.

    Parameters
    ----------
    case : Case
        The case.
    names : sequence of str, optional
        The indicators; all without it.

    Returns
    -------
    dict of str to float
        By ``MEMBER|NAME`` and ``outside training|NAME`` [h].

    Raises
    ------
    InputError
        When an indicator cannot be told, with the reason.
    """
    found = {}
    for m, indicators in enumerate(case.members or (case.indicators,)):
        own = {i.name: i.value for i in indicators}
        for name in own if names is None else names:
            if name not in own:
                raise InputError(f"{name} cannot be told of a case: {'; '.join(case.left_out) or 'it is not given'}")
            found[f"{m}{MEMBER}{name}"] = float(own[name])
    if case.trust is not None:
        found[f"{OUTSIDE}{MEMBER}{OUTSIDE}"] = float(case.trust.hours)
        for departure in case.trust.departures:
            for name in (departure.quantity, f"{departure.place}.{departure.quantity}"):
                key = f"{OUTSIDE}{MEMBER}{name}"
                found[key] = max(found.get(key, 0.0), float(departure.hours))
    return found


def judge_of(goal: Goal, present: Case, decided: Sequence[str]) -> Judge:
    """Return what judges cases, from the present operation.

    Parameters
    ----------
    goal : Goal
        The goal.
    present : Case
        The plant as it is.
    decided : sequence of str
        Inputs that are decided.

    Returns
    -------
    Judge

    Raises
    ------
    InputError
        For an indicator that the plant does not have, with file and line.
    """
    figures, content = case_figures(present), goal.content
    members = len(present.members) or 1
    names = [i.name for i in present.indicators]
    for name in content.minimise:
        _check_known(goal, name, names, "minimise")
    weights = content.minimise
    sizes = tuple(
        sum(abs(weight * figures[f"{m}{MEMBER}{name}"]) for name, weight in weights.items()) or 1.0
        for m in range(members)
    )
    limits: dict[str, Limit] = {}
    for pattern, bound in content.limits.items():
        chosen = fnmatch.filter(names, pattern)
        if not chosen and "limits" in content.model_fields_set:
            _check_known(goal, pattern, names, "limits")
        for name in chosen:
            own = [figures[f"{m}{MEMBER}{name}"] if bound == PRESENT else float(bound) for m in range(members)]
            limits[name] = Limit(name, tuple(own), bound == PRESENT)
    outside = None
    if present.trust is not None and not content.beyond_training:
        outside = {name: figures.get(f"{OUTSIDE}{MEMBER}{name}", 0.0) for name in (OUTSIDE, *decided)}
    return Judge(weights, sizes, tuple(limits.values()), outside)


def _check_known(goal: Goal, name: str, names: Sequence[str], key: str) -> None:
    if name not in names:
        raise InputError(
            f"there is no indicator {name!r} of this plant",
            where=goal.document.where(key, name),
            expected="an indicator such as " + ", ".join([*names[:4], *fnmatch.filter(names, "effluent.* mean")[:2]]),
            fix=nearest(name, names),
        )


@dataclass
class OpenCases:
    """Opens what simulates the cases of a goal, in a process that keeps it; see `asm_hybrid.parallel`.

    Attributes
    ----------
    load : callable
        Reads the plant or the run.
    name : str
        What it is called in messages.
    study : Study
        Decisions, and what is uncertain.
    names : sequence of str
        Indicators of each case.
    bench : Bench or None
        What this process has opened before; no other process gets it.
    """

    load: Callable[[], Subject]
    name: str
    study: Study
    names: Sequence[str]
    bench: Bench | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "bench": None}

    def __call__(self) -> Callable[[int, Mapping[str, Value]], Outcome]:
        """Return what gives the outcome of a case, by its number and the values of its decisions."""
        return partial(_outcome, self.bench or open_bench(self.load, self.name, self.study), tuple(self.names))


def _outcome(bench: Bench, names: Sequence[str], number: int, values: Mapping[str, Value]) -> Outcome:
    began = time.process_time()
    case, _ = bench.case(values)
    return Outcome(number, case_figures(case, names), seconds=time.process_time() - began)
