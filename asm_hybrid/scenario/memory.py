"""Simulations of before: a case that has everything in common with one of them is not simulated again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np

from asm_hybrid.config import PlantFile
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.subject import Subject

__all__ = ["Memory", "key_of"]


class Memory:
    """What simulations gave, by everything that went into them; the one that was not asked for longest goes first.

    Parameters
    ----------
    most : int
        Simulations that are kept.
    """

    def __init__(self, most: int = 12) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, list[PlantRecord]] = OrderedDict()

    def of(self, key: bytes, work: Callable[[], list[PlantRecord]]) -> list[PlantRecord]:
        """Return what work gave before under a key, or what it gives.

        Parameters
        ----------
        key : bytes
            From `key_of`.
        work : callable
            The simulation.

        Returns
        -------
        list of PlantRecord
        """
        if key not in self._kept:
            self._kept[key] = work()
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]


def key_of(
    subject: Subject,
    file: PlantFile,
    starts: Sequence[np.ndarray],
    inputs: InputSeries,
    by_knots: bool,
    tolerance: float | None,
) -> bytes:
    """Return what tells one simulation from all others: a digest of all that goes into it.

    Parameters
    ----------
    subject : Subject
        What is simulated: its table, its parameters and, of a run, the files that hold what was learnt.
    file : PlantFile
        The plant of the case.
    starts : sequence of ndarray
        The states at its begin, one a member.
    inputs : InputSeries
        Its inputs.
    by_knots, tolerance
        How it is integrated; see `Subject.case_model`.

    Returns
    -------
    bytes
    """
    found = hashlib.sha256()

    def add(part: bytes) -> None:
        found.update(len(part).to_bytes(8, "big") + part)

    add(subject.plant.table.text.encode())
    add(file.model_dump_json().encode())
    add(repr((by_knots, tolerance, inputs.sample, inputs.end is None)).encode())
    ends = [] if inputs.end is None else [inputs.end]
    for array in (subject.parameters, *starts, inputs.times, inputs.begin, *ends):
        add(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    if isinstance(subject, FittedSubject):
        for path in sorted(subject.run.iterdir()):
            if path.is_file():
                add(f"{path.name} {path.stat().st_mtime_ns} {path.stat().st_size}".encode())
    return found.digest()
