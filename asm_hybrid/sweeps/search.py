"""Searching the keys of a config by trials: what validates best, found by Optuna.

Trials are asked for in batches whose size does not depend on the number of processes, and told in their order, so that
the same seed gives the same trials on any number of them. A search that goes on asks the same way again, and takes
what is known from the journal.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Evaluate, Outcome, Pool, Progress, Value, run_cases
from asm_hybrid.studies.distributions import Distribution
from asm_hybrid.sweeps.trainings import Trainings

__all__ = ["BEST", "Searched", "batch_size", "best_note", "search", "write_best"]

BEST = "best.yaml"
"""In the folder of a study: the config that validates best."""
SCORE = "validation"
"""The figure that a search lowers."""
FEWEST, SHARE = 4, 0.1
"""Trials of a batch at least, and their share of all: what comes out of a batch guides the next."""
CORNERS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""Places of each factor whose configs are checked before anything is trained."""


@dataclass(frozen=True)
class Searched:
    """What a search has tried.

    Attributes
    ----------
    base : Outcome
        Of the config as it is.
    cases : tuple of dict of str to float or str, (case,)
        Values by factor, in the order in which they were asked for.
    outcomes : tuple of Outcome, (case,)
        What they gave.
    """

    base: Outcome
    cases: tuple[dict[str, Value], ...]
    outcomes: tuple[Outcome, ...]

    @property
    def best(self) -> int | None:
        """The case that validates best; None where the config as it is does, or nothing has a score."""
        scores = [_score(outcome) for outcome in self.outcomes]
        if not scores or not min(scores) < _score(self.base):
            return None
        return scores.index(min(scores))


def best_note(searched: Searched) -> str:
    """Say what ``best.yaml`` is.

    Parameters
    ----------
    searched : Searched
        What came of the search; its cases are not looked at.

    Returns
    -------
    str
    """
    if searched.best is None:
        return f"No trial validates better than the config as it was, so that {BEST} is the same."
    return (
        f"{BEST} is the config that validates best, that of case {searched.best}; train it to have it tested, once. "
        "Its validation score flatters it, as the best of many does."
    )


def batch_size(cases: int) -> int:
    """Return how many trials are asked for at a time.

    Parameters
    ----------
    cases : int
        All trials.

    Returns
    -------
    int
    """
    return min(cases, max(FEWEST, math.ceil(SHARE * cases)))


def search(
    trainings: Trainings,
    factors: Mapping[str, Distribution],
    *,
    cases: int,
    seed: int,
    journal: Path | None = None,
    pool: Pool | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Searched:
    """Train the config as it is, and as many trials as are wanted, each where those before promise most.

    Trials are drawn by the tree-structured Parzen estimator [1]_ in the places of the distributions, by the validation
    block alone.

    Parameters
    ----------
    trainings : Trainings
        What is trained.
    factors : mapping of str to Distribution
        Of each factor.
    cases : int
        Trials, beside the config as it is.
    seed : int
        Fixes what is random.
    journal : Path, optional
        Of the study; see `run_cases`. Every batch has its own, with the number of its first trial behind the name.
    pool : Pool, optional
        The processes; those of this machine without it.
    progress : callable, optional
        Gets the progress.

    Returns
    -------
    Searched

    Raises
    ------
    InputError
        When Optuna is not there, or a factor can make a config that is refused.

    References
    ----------
    .. [1] J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl (2011), "Algorithms for hyper-parameter optimization", Advances
       in Neural Information Processing Systems 24.
    """
    optuna = _optuna()
    trainings.check([{name: found} for name, d in factors.items() for found in dict.fromkeys(d.values(CORNERS))])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True))
    asked: list[dict[str, Value]] = [{}]
    outcomes: list[Outcome] = []
    told = None if progress is None else _OfAll(progress, cases + 1)
    while len(outcomes) <= cases:
        trials = [study.ask() for _ in range(min(batch_size(cases), cases + 1 - len(asked)))]
        asked += [_values(trial, factors) for trial in trials]
        first = len(outcomes)
        outcomes += run_cases(
            _Batch(trainings, first),
            asked[first:],
            journal and journal.with_name(f"{journal.name}-{first}"),
            fingerprint=trainings.fingerprint,
            pool=pool or Pool(),
            progress=told.batch(outcomes) if told is not None else None,
        )
        for trial, outcome in zip(trials, outcomes[-len(trials) :], strict=True):
            score = _score(outcome)
            if math.isfinite(score):
                study.tell(trial, score)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
    base, *found = outcomes
    return Searched(base, tuple(asked[1:]), tuple(replace(outcome, case=i) for i, outcome in enumerate(found)))


@dataclass(frozen=True)
class _Batch:
    """Trials whose first one has another number than zero."""

    trainings: Trainings
    first: int

    def __call__(self) -> Evaluate:
        evaluate = self.trainings()
        return lambda case, values: evaluate(self.first + case, values)


@dataclass(frozen=True)
class _OfAll:
    """Tells of the progress of all trials, batch by batch."""

    receiver: Callable[[Progress], None]
    total: int

    def batch(self, before: Sequence[Outcome]) -> Callable[[Progress], None]:
        """Return what is told of a batch that begins after so many outcomes."""
        done, failed = len(before), sum(bool(outcome.error) for outcome in before)

        def told(now: Progress) -> None:
            rest = self.total - done - now.done
            left = rest / now.rate if now.rate else math.inf if rest else 0.0
            self.receiver(Progress(done + now.done, failed + now.failed, self.total, now.rate, left))

        return told


def write_best(trainings: Trainings, searched: Searched, name: str) -> Path:
    """Write ``best.yaml`` into the folder of a study: the config that validates best, to be trained and tested once.

    Parameters
    ----------
    trainings : Trainings
        What was trained.
    searched : Searched
        What came of it.
    name : str
        Of the study.

    Returns
    -------
    Path
    """
    best = searched.best
    values = {} if best is None else searched.cases[best]
    outcome = searched.base if best is None else searched.outcomes[best]
    which = "the config as it was" if best is None else f"case {best} of {len(searched.cases)} trials"
    before = "" if best is None else f"; {_score(searched.base):.4g} with the config as it was"
    lines = [
        f"The config that validates best in the study {name}: {which}.",
        f"Root mean square error on the validation block, in noises of the sensors: {_score(outcome):.4g}{before}.",
        *(f"Changed: {trainings.changes[factor].key}: {value}" for factor, value in values.items()),
        "It was chosen by the validation block alone: the test block was not read. This reads it, once:",
        "  asm-hybrid train best.yaml",
    ]
    text = trainings.config(values).to_yaml(trainings.folder)
    return write_text_atomic(trainings.folder / BEST, "".join(f"# {line}\n" for line in lines) + text)


def _score(outcome: Outcome) -> float:
    """Return what the search lowers; infinite for a trial that failed."""
    score = outcome.figures.get(SCORE, math.nan)
    return math.inf if outcome.error or math.isnan(score) else score


def _values(trial: Any, factors: Mapping[str, Distribution]) -> dict[str, Value]:
    """Return the values of a trial, which Optuna places in each distribution."""
    found: dict[str, Value] = {}
    for name, distribution in factors.items():
        if distribution.choices:
            found[name] = distribution.choices[trial.suggest_categorical(name, range(len(distribution.choices)))]
        else:
            found[name] = distribution.values(np.array([trial.suggest_float(name, 0.0, 1.0)]))[0]
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise InputError(
            "a search needs Optuna, which is not installed",
            expected="the extra study",
            fix='pip install "asm-hybrid[study]"',
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
