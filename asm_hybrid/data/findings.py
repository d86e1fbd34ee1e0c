"""What a quality check found, and how rows are named in messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.errors import InputError

__all__ = ["Place", "QualityFinding", "merged", "raise_errors", "row_summary"]

SHOWN_RUNS = 4
"""Runs of rows that a summary names."""


@dataclass(frozen=True)
class QualityFinding:
    """One thing that is wrong, or worth a look, in a series.

    Attributes
    ----------
    severity : {'error', 'warning'}
        Errors stop a run; warnings are listed, and the values are used as they are.
    file : str
        The file.
    column : str
        Header of the column; empty when the finding concerns the file, or several columns.
    rows : str
        Summary of the rows: ``"rows 5, 9-12 and 40 more"``; empty when it concerns all of them.
    kind : str
        What kind of finding: ``range``, ``frozen sensor``, ``duplicate stamps`` …
    message : str
        What was found, as one sentence.
    expected, fix : str
        What would have been accepted, and the likely remedy.
    """

    severity: Literal["error", "warning"]
    file: str
    column: str
    rows: str
    kind: str
    message: str
    expected: str = ""
    fix: str = ""

    @property
    def where(self) -> str:
        """File, column and rows."""
        column = f"column {self.column}" if self.column else ""
        return ", ".join(part for part in (self.file, column, self.rows) if part)

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message}"


@dataclass(frozen=True)
class Place:
    """Where values come from.

    Attributes
    ----------
    file, column : str
        File and header.
    unit : str
        Unit of the values, as the user wrote it.
    rows : int array, (row,)
        Row numbers as a spreadsheet counts them.
    """

    file: str
    column: str
    unit: str
    rows: NDArray[np.int64]

    def finding(
        self,
        severity: Literal["error", "warning"],
        kind: str,
        message: str,
        chosen: NDArray[np.bool_] | None = None,
        *,
        expected: str = "",
        fix: str = "",
    ) -> QualityFinding:
        """Return a finding at the rows that a mask chooses."""
        rows = "" if chosen is None else row_summary(self.rows[chosen])
        return QualityFinding(severity, self.file, self.column, rows, kind, message, expected, fix)


def row_summary(rows: Iterable[int] | NDArray[np.int64]) -> str:
    """Return row numbers in short.

    Parameters
    ----------
    rows : iterable of int
        Row numbers.

    Returns
    -------
    str
        ``"row 5"``, or ``"rows 5, 9-12 and 40 more"``.
    """
    numbers = np.sort(np.asarray(list(rows), dtype=np.int64))
    if numbers.size == 0:
        return ""
    if numbers.size == 1:
        return f"row {numbers[0]}"
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    shown = [str(run[0]) if run.size == 1 else f"{run[0]}-{run[-1]}" for run in runs[:SHOWN_RUNS]]
    rest = sum(run.size for run in runs[SHOWN_RUNS:])
    return "rows " + ", ".join(shown) + (f" and {rest} more" if rest else "")


def merged(findings: Iterable[QualityFinding]) -> list[QualityFinding]:
    """Return findings, with those that several columns share told once.

    Parameters
    ----------
    findings : iterable of QualityFinding
        Findings of one file.

    Returns
    -------
    list of QualityFinding
        In order of first appearance; `column` names every column concerned.
    """
    shared: dict[QualityFinding, list[str]] = {}
    for finding in findings:
        shared.setdefault(replace(finding, column=""), []).append(finding.column)
    return [replace(finding, column=", ".join(columns)) for finding, columns in shared.items()]


def raise_errors(findings: Iterable[QualityFinding]) -> None:
    """Raise the first error among findings, naming the others.

    Parameters
    ----------
    findings : iterable of QualityFinding
        What the checks found; warnings are passed over.

    Raises
    ------
    InputError
        If there is an error.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    first = errors[0]
    others = [f"also wrong: {other.where}: {other.message}" for other in errors[1:6]]
    if len(errors) > 6:
        others.append(f"and {len(errors) - 6} more; asm-hybrid check lists all of them")
    raise InputError(
        first.message,
        where=first.where,
        expected=first.expected or None,
        fix="\n  ".join([first.fix, *others] if first.fix else others) or None,
    )
