"""How f's own rates answer what n reads, and what n may therefore do: the signs that n keeps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.answers import MIXED, answer_sign, parameter_sign, switching_factors, temperature_slope

__all__ = ["Signs", "Weakening", "free_signs", "parameter_signs", "rate_signs", "sign_rows", "sign_texts"]


@dataclass(frozen=True)
class Weakening:
    """A part of f's own answer that n may take away, but not more than the whole of it.

    Attributes
    ----------
    name : str
        What n reads of it: the component of a switching function, or ``T``.
    parameter : str or None
        The half-saturation; None of ``T``.
    rises : bool
        Whether f's rate rises with it.
    """

    name: str
    parameter: str | None
    rises: bool


@dataclass(frozen=True, eq=False)
class Signs:
    """The signs in which f answers what n reads, target by target.

    Attributes
    ----------
    values : ndarray, shape (target, input)
        One where n only rises with an input, minus one where it only falls, zero elsewhere.
    free : ndarray, shape (target, input)
        One where n is free. Where both are zero n does not answer the input: the rate of f does not, and others do.
    mixed : ndarray of bool, shape (target, input)
        Where n is free since f's answer has no one sign.
    weakenings : tuple of Weakening
        What n may take away of f's own answer.
    shares : ndarray, shape (weakening, target)
        How much of the logarithm of f's rate each is.
    """

    values: np.ndarray
    free: np.ndarray
    mixed: np.ndarray
    weakenings: tuple[Weakening, ...]
    shares: np.ndarray

    def freed(self, inputs: Sequence[str], names: Collection[str]) -> Signs:
        """Return the same with n free in some inputs.

        Parameters
        ----------
        inputs : sequence of str
            What n reads.
        names : collection of str
            What it shall be free in.
        """
        keep = np.array([name not in names for name in inputs])
        chosen = [i for i, part in enumerate(self.weakenings) if part.name not in names]
        return Signs(
            self.values * keep,
            np.where(keep, self.free, 1.0),
            self.mixed & keep,
            tuple(self.weakenings[i] for i in chosen),
            self.shares[chosen],
        )


def free_signs(targets: Sequence[str], inputs: Sequence[str]) -> Signs:
    """Return what leaves n free.

    Parameters
    ----------
    targets, inputs : sequence of str
        What n changes, and what it reads.

    Returns
    -------
    Signs
    """
    shape = len(targets), len(inputs)
    return Signs(np.zeros(shape), np.ones(shape), np.zeros(shape, dtype=bool), (), np.zeros((0, shape[0])))


def rate_signs(table: Table, processes: Sequence[str], inputs: Sequence[str], *, factors: bool) -> Signs:
    """Return the signs of n on rates: those of the rates.

    Parameters
    ----------
    table : Table
        The kinetics table.
    processes, inputs : sequence of str
        What n changes, and what it reads.
    factors : bool
        Whether n multiplies the rates: it can then take away a switching function of f.

    Returns
    -------
    Signs
    """
    signs = np.array([[answer_sign(table, process, name) for name in inputs] for process in processes])
    found = _signs(signs.reshape(len(processes), len(inputs)), table, inputs)
    if not factors:
        return found
    shares: dict[Weakening, np.ndarray] = {}
    for j, process in enumerate(processes):
        parts: list[tuple[Weakening, float]] = []
        parts += [(Weakening(f.component, f.parameter, f.rises), f.power) for f in switching_factors(table, process)]
        slope = temperature_slope(table, process)
        parts += [(Weakening("T", None, slope > 0.0), abs(slope))] if slope else []
        for part, share in parts:
            if part.name in inputs and found.values[j, inputs.index(part.name)] == (1.0 if part.rises else -1.0):
                shares.setdefault(part, np.zeros(len(processes)))[j] += share
    stacked = np.array(list(shares.values())).reshape(len(shares), len(processes))
    return Signs(found.values, found.free, found.mixed, tuple(shares), stacked)


def parameter_signs(table: Table, parameters: Sequence[str], inputs: Sequence[str]) -> Signs:
    """Return the signs of n on parameters of rates: where all rates with the parameter ask for the same.

    Parameters
    ----------
    table : Table
        The kinetics table.
    parameters, inputs : sequence of str
        What n changes, and what it reads.

    Returns
    -------
    Signs
    """
    asked = np.zeros((len(parameters), len(inputs)), dtype=int)
    for i, parameter in enumerate(parameters):
        towards = {p: parameter_sign(table, p, parameter) for p in table.process_names}
        for k, name in enumerate(inputs):
            wanted = set()
            for process, sign in towards.items():
                answer = answer_sign(table, process, name) if sign else 0
                if answer:
                    wanted.add(MIXED if MIXED in (sign, answer) else sign * answer)
            asked[i, k] = 0 if not wanted else wanted.pop() if len(wanted) == 1 else MIXED
    return _signs(asked, table, inputs)


def _signs(signs: np.ndarray, table: Table, inputs: Sequence[str]) -> Signs:
    """Return the signs; n is free in what no rate of the table reads, and where there is no one sign."""
    mixed = signs == MIXED
    unknown = np.array([not any(answer_sign(table, p, name) for p in table.process_names) for name in inputs], bool)
    free = np.where(mixed | unknown, 1.0, 0.0)
    return Signs(np.where(mixed, 0, signs).astype(float), free, mixed, (), np.zeros((0, len(signs))))


def sign_rows(signs: Signs, targets: Sequence[str], inputs: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """Return which signs n keeps, and where f has none, in words.

    Parameters
    ----------
    signs : Signs
        The signs.
    targets, inputs : sequence of str
        What n changes, and what it reads.

    Returns
    -------
    list of tuple of str
        For every target what it rises with, what it falls with, and what it is free in; under a header.
    """
    rows = [("n changes", "rises with", "falls with", "free in")]
    for target, values, free in zip(targets, signs.values, signs.free, strict=True):
        up, down, open_ = (
            ", ".join(name for name, yes in zip(inputs, which, strict=True) if yes) or "-"
            for which in (values > 0, values < 0, free > 0)
        )
        rows.append((target, up, down, open_))
    return rows


def sign_texts(signs: Signs, targets: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Say which signs n keeps.

    Parameters
    ----------
    signs : Signs
        The signs.
    targets, inputs : sequence of str
        What n changes, and what it reads.

    Returns
    -------
    list of str
        A sentence each; none where n is free in everything.
    """
    if signs.free.all():
        return []
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in sign_rows(signs, targets, inputs)[1:]:
        alike.setdefault(row[1:], []).append(row[0])
    parts = []
    for kept, names in alike.items():
        verbs = ("rises with", "falls with", "is free in")
        what = [f"{verb} {of}" for verb, of in zip(verbs, kept, strict=True) if of != "-"]
        parts.append(f"{', '.join(names)} {' and '.join(what) or 'answers nothing that it reads'}")
    return [f"n does not turn the sign of an answer of f: {'; '.join(parts)}"]
