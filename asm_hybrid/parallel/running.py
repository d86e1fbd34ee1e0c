"""Cases that are evaluated side by side, in any order, to the same outcomes as one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from asm_hybrid.errors import InputError
from asm_hybrid.parallel.evaluation import Evaluated, evaluated
from asm_hybrid.parallel.journal import open_journal
from asm_hybrid.parallel.local_cluster import Scheduler, begun_early, local_scheduler, modules_of
from asm_hybrid.parallel.outcome import Outcome, Value
from asm_hybrid.parallel.pool import LOCAL, Evaluate, Jobs, Meter, OpenEvaluate, Pool, Progress
from asm_hybrid.parallel.rows import decode

__all__ = ["OpenPool", "early_pool", "open_pool", "run_cases"]

Crew = Callable[[Jobs], Iterator[Evaluated]]
"""Evaluates cases, and gives them as they are done."""


def run_cases(
    open_evaluate: OpenEvaluate,
    cases: Sequence[Mapping[str, Value]],
    journal: Path | None,
    *,
    fingerprint: str,
    pool: Pool = LOCAL,
    progress: Callable[[Progress], None] | None = None,
) -> list[Outcome]:
    """Evaluate cases, those apart that a journal has already.

    Parameters
    ----------
    open_evaluate : callable
        Called once in each process; gives what evaluates a case by its number and its values, which that process then
        keeps. It must be possible to pickle it.
    cases : sequence of mapping of str to float or str, shape (case,)
        The values of each case by the names of factors.
    journal : Path or None
        File that takes every outcome as it comes in. Where it exists, the cases in it are not evaluated again.
    fingerprint : str
        Of all that decides outcomes, apart from the values of the cases; a journal of another one is refused.
    pool : Pool, optional
        The processes.
    progress : callable, optional
        Gets the progress, at once and after each case.

    Returns
    -------
    list of Outcome, shape (case,)
        In the order of the cases. One that failed says why. They are the same, to the bit, whatever the pool, whether
        a journal is kept, and however often the call was interrupted and made again; their `seconds` apart.

    Raises
    ------
    InputError
        When the journal belongs to something else, is damaged, is held by another process or cannot be written; when
        the processes cannot be had or are lost; or when `open_evaluate` raises it.
    AsmHybridError
        When `open_evaluate` raises it.
    """
    with open_journal(journal, fingerprint, cases) as kept:
        outcomes = dict(kept.outcomes)
        left = [(number, case) for number, case in enumerate(cases) if number not in outcomes]
        with _crew(open_evaluate, pool, len(left)) as crew:
            meter = Meter(len(cases), progress, outcomes)
            for found in crew(left):
                kept.take(found)
                outcomes[found.case] = decode(found.case, found.row)
                meter.count(outcomes[found.case])
    return [outcomes[number] for number in range(len(cases))]


class OpenPool:
    """Processes that evaluate one set of cases after another; see `open_pool`.

    Parameters
    ----------
    crew : callable
        Evaluates cases.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    def map(self, cases: Sequence[Mapping[str, Value]]) -> list[Outcome]:
        """Evaluate cases.

        Parameters
        ----------
        cases : sequence of mapping of str to float or str, shape (case,)
            The values of each case by the names of factors. They are numbered from zero in each call.

        Returns
        -------
        list of Outcome, shape (case,)
            In the order of the cases; see `run_cases`.

        Raises
        ------
        InputError
            When the processes are lost, or `open_evaluate` raises it.
        """
        found = {each.case: decode(each.case, each.row) for each in self._crew(list(enumerate(cases)))}
        return [found[number] for number in range(len(cases))]


@contextmanager
def open_pool(open_evaluate: OpenEvaluate, pool: Pool = LOCAL) -> Iterator[OpenPool]:
    """Hold processes that evaluate one set of cases after another, such as the generations of a search.

    Parameters
    ----------
    open_evaluate, pool
        As for `run_cases`.

    Yields
    ------
    OpenPool

    Raises
    ------
    InputError
        When the processes cannot be had.
    """
    with _crew(open_evaluate, pool, pool.processes) as crew:
        yield OpenPool(crew)


@contextmanager
def early_pool(pool: Pool, modules: Sequence[str]) -> Iterator[None]:
    """Begin processes of this machine before the cases are known, where there will be several.

    They import what they need while this process does the same; the next `run_cases` or `open_pool` takes them.

    Parameters
    ----------
    pool : Pool
        The processes.
    modules : sequence of str
        Modules that they will need.

    Yields
    ------
    None
        They end with it.
    """
    elsewhere = pool.cluster is not None or pool.slurm is not None
    if elsewhere or pool.processes < 2 or find_spec("distributed") is None:
        yield
        return
    with begun_early(pool.processes, modules):
        yield


@contextmanager
def _crew(open_evaluate: OpenEvaluate, pool: Pool, most: int) -> Iterator[Crew]:
    """Hold as many processes as are wanted and can be used."""
    count = min(pool.processes, most)
    if pool.cluster is None and pool.slurm is None and count < 2:
        yield _here(open_evaluate)
        return
    _needs_dask()
    with ExitStack() as held:
        if pool.cluster is not None:
            scheduler = Scheduler(pool.cluster)
        elif pool.slurm is not None:
            from asm_hybrid.parallel.slurm import slurm_scheduler

            scheduler = held.enter_context(slurm_scheduler(pool.slurm))
        else:
            scheduler = held.enter_context(local_scheduler(count, modules_of(open_evaluate)))
        from asm_hybrid.parallel.crew import crew_of

        yield held.enter_context(crew_of(scheduler, open_evaluate))


def _needs_dask() -> None:
    if find_spec("distributed") is None:
        raise InputError(
            "distributed is not installed, which several processes need",
            fix='pip install "asm-hybrid[study]", or --workers 1',
        )


def _here(open_evaluate: OpenEvaluate) -> Crew:
    """Return what evaluates cases in this process."""
    opened: list[Evaluate] = []

    def work(jobs: Jobs) -> Iterator[Evaluated]:
        for number, case in jobs:
            if not opened:
                opened.append(open_evaluate())
            yield evaluated(opened[0], number, case)

    return work
