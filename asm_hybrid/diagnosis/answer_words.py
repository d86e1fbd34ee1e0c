"""The answers of a run to standard changes in words: warnings, and what a reader of the figures must know."""

from __future__ import annotations

import numpy as np

from asm_hybrid.diagnosis.answers import DISAGREE, REVERSED, Answered, StandardAnswers
from asm_hybrid.diagnosis.standard_changes import StandardChange
from asm_hybrid.training.compared import compared_models
from asm_hybrid.training.compared.neural import MODEL as NEURAL

__all__ = ["answer_notes", "answer_warnings"]

NAMED = 3
"""Quantities that a sentence names."""


def answer_warnings(answers: StandardAnswers) -> list[str]:
    """Return a sentence for every change to which the model answers with the wrong sign, or its seeds disagree.

    Parameters
    ----------
    answers : StandardAnswers
        The answers.

    Returns
    -------
    list of str
    """
    found = []
    for change in dict.fromkeys(row.change for row in answers.rows):
        steps = [row for row in answers.rows if row.change == change]
        for finding, sentence in ((REVERSED, _reversed), (DISAGREE, _disagreeing)):
            where = [(row, _found(answers, row, finding)) for row in steps]
            row, quantities = max(where, key=lambda pair: len(pair[1]))  # the step down where both are alike
            if quantities:
                found.append(sentence(answers, row, quantities))
    return found


def answer_notes(answers: StandardAnswers) -> list[str]:
    """Return what a reader of the answers must know of their period, and of those that are no answers.

    Parameters
    ----------
    answers : StandardAnswers
        The answers.

    Returns
    -------
    list of str
        A sentence each.
    """
    found = [
        f"these are means over {answers.days:.3g} d from {answers.period[0]:%Y-%m-%d %H:%M} UTC, where every change "
        "begins: what is slow, such as the answer of the sludge to the wastage, is not complete by then"
    ]
    faded = [row for row in answers.rows if answers.fades(row)]
    if faded:
        listed = ", ".join(f"{row.change.words(row.step)} ({100 * row.faded:.0f} % of the hours)" for row in faded)
        found.append(
            f"there is no answer of f + n to {listed}: what n reads lies so far outside of what it was trained on that "
            "n fades, and f without n would stand beside f + n"
        )
    return found + list(answers.left_out)


def _found(answers: StandardAnswers, row: Answered, finding: str) -> list[int]:
    """Return the quantities with a finding, without those that answer as one before does."""
    kept: list[int] = []
    for i in range(len(answers.quantities)):
        same = (k for k in kept if np.isclose(row.f[i], row.f[k]) and np.allclose(row.own[:, i], row.own[:, k]))
        if answers.finding(row, i) == finding and not any(same):
            kept.append(i)
    return kept


def _reversed(answers: StandardAnswers, row: Answered, quantities: list[int]) -> str:
    phrase = compared_models()[answers.model].phrase
    parts = []
    for i in quantities[:NAMED]:
        quantity, own, f = answers.quantities[i], float(np.nanmedian(row.own[:, i])), float(row.f[i])
        size = f"{abs(own):.2g} {quantity.unit}"
        parts.append(f"{_verb(own)} {quantity.words} by {size} with {phrase}, and {_verb(f)} it by {abs(f):.2g} with f")
    more = len(quantities) - NAMED
    said = "; it ".join(parts) + (f"; and so for {more} more" if more > 0 else "")
    learner = "it" if answers.model == NEURAL.name else "n"
    cause = (
        "how the plant was operated rather than how it answers"
        if row.change.operated
        else "what goes along with it in the record rather than what it does"
    )
    return f"{row.change.words(row.step)} {said}: {learner} has probably learnt {cause}. {_remedy(row.change, phrase)}"


def _disagreeing(answers: StandardAnswers, row: Answered, quantities: list[int]) -> str:
    phrase = compared_models()[answers.model].phrase
    parts = []
    for i in quantities[:NAMED]:
        quantity, own = answers.quantities[i], row.own[:, i]
        span = f"by {np.nanmin(own):+.2g} to {np.nanmax(own):+.2g} {quantity.unit}"
        parts.append(f"changes {quantity.words} {span}, and by {row.f[i]:+.2g} with f")
    more = len(quantities) - NAMED
    said = "; it ".join(parts) + (f"; and so for {more} more" if more > 0 else "")
    return (
        f"the seeds of {phrase} answer with different signs: {row.change.words(row.step)} {said}. "
        f"{_remedy(row.change, phrase)}"
    )


def _verb(answer: float) -> str:
    return "raises" if answer > 0 else "lowers"


def _remedy(change: StandardChange, phrase: str) -> str:
    moved = "was moved on purpose" if change.operated else "varied by itself"
    return f"Do not use {phrase} for changes of {change.name} until it has learnt from a record in which that {moved}"
