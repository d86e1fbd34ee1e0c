"""Calls of CasADi functions on arrays: nothing is copied, and other threads run meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asm_hybrid.solver.rosenbrock import CHUNK

__all__ = ["IntervalCalls", "call"]


def call(function: Any, arguments: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
    """Evaluate a function.

    Parameters
    ----------
    function : casadi.Function
        The function, all of whose arguments and results are dense.
    arguments : sequence of ndarray
        Its arguments, in float64 and contiguous; a matrix is transposed, since CasADi goes by columns.
    results : sequence of ndarray
        Filled with its results, laid out likewise.
    """
    buffer, evaluate = function.buffer()
    for place, arrays in ((buffer.set_arg, arguments), (buffer.set_res, results)):
        for k, array in enumerate(arrays):
            if array.size:
                place(k, array.data)
    evaluate()


class IntervalCalls:
    """A function of one knot interval, along a record.

    Parameters
    ----------
    interval : casadi.Function
        From the state ``(n,)``, inputs at both ends ``(input,)`` and values ``(value,)`` to the state at the end, and
        what is recorded on the way ``(output, point)``, or nothing.
    """

    def __init__(self, interval: Any) -> None:
        self._counts: dict[int, Any] = {1: interval}

    def run(self, states: np.ndarray, inputs: np.ndarray, values: np.ndarray, outputs: np.ndarray | None) -> None:
        """Go from knot to knot, some intervals a call.

        Parameters
        ----------
        states : ndarray, shape (knot, n)
            Filled from the second one on; the first one is given.
        inputs : ndarray, shape (knot, input)
            Inputs at the knots.
        values : ndarray, shape (value,)
            The same for all intervals.
        outputs : ndarray, shape (point, output), or None
            Filled with what is recorded, where the function gives it.
        """
        count = len(states) - 1
        self.write(count)
        values = np.tile(values, (min(count, CHUNK), 1))
        points = 0 if outputs is None else len(outputs) // max(1, count)
        for begin in range(0, count, CHUNK):
            end = min(begin + CHUNK, count)
            results = [states[begin + 1 : end + 1]]
            if outputs is not None:
                results.append(outputs[begin * points : end * points])
            arguments = [states[begin], inputs[begin:end], inputs[begin + 1 : end + 1], values[: end - begin]]
            call(self._counts[end - begin], arguments, results)

    def write(self, count: int) -> None:
        """Write the functions that so many intervals need; not while other threads run them.

        Parameters
        ----------
        count : int
            Intervals of a record.
        """
        for length in {min(count, CHUNK), count % CHUNK} - {0} - self._counts.keys():
            self._counts[length] = self._counts[1].mapaccum(length)
