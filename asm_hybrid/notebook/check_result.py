"""What a check found, as a notebook sees it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pandas as pd

from asm_hybrid.cards import card, folded, note, picture, preformatted, tabulated
from asm_hybrid.data import QualityFinding
from asm_hybrid.errors import InputError

__all__ = ["CheckResult", "as_finding"]


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Attributes
    ----------
    name : str
        What was checked.
    lines : tuple of str
        All that is to be said, as plain text.
    noted : tuple of QualityFinding
        What is wrong, or worth a look; errors first.
    flowsheet : str or None
        The plant as a drawing in SVG; None where there is none.
    """

    name: str
    lines: tuple[str, ...]
    noted: tuple[QualityFinding, ...] = ()
    flowsheet: str | None = None

    @property
    def errors(self) -> int:
        """Number of errors; a run or simulation would be refused if there are any."""
        return sum(finding.severity == "error" for finding in self.noted)

    @property
    def text(self) -> str:
        """All that is to be said, as one text."""
        return "\n".join(self.lines)

    @property
    def findings(self) -> pd.DataFrame:
        """What is wrong, or worth a look.

        Columns ``severity`` (``error`` or ``warning``), ``file``, ``column``, ``rows``, ``kind``, ``message``,
        ``expected`` and ``fix``, all text.
        """
        names = [field.name for field in fields(QualityFinding)]
        return pd.DataFrame([[getattr(finding, name) for name in names] for finding in self.noted], columns=names)

    @property
    def _counts(self) -> str:
        warnings = len(self.noted) - self.errors
        return f"{self.errors} error{'s' * (self.errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        rows = [f"  {finding}" for finding in self.noted]
        return "\n".join([f"CheckResult {self.name}: {self._counts}", *rows])

    def _repr_html_(self) -> str:
        rows = [[f.severity, f.where, f.message, f.fix] for f in self.noted]
        bold = frozenset((i, 0) for i, f in enumerate(self.noted) if f.severity == "error")
        return card(
            f"Check of {self.name}",
            note(self._counts),
            tabulated(["", "Where", "Found", "Fix"], rows, bold=bold, text=frozenset(range(4))),
            picture(self.flowsheet, "flow sheet") if self.flowsheet else "",
            folded("all that was understood", preformatted(self.text)),
        )


def as_finding(error: InputError, name: str) -> QualityFinding:
    """Return an error as a finding.

    Parameters
    ----------
    error : InputError
        What was refused.
    name : str
        What was checked, which is named where the error does not say where.

    Returns
    -------
    QualityFinding
        Of the kind ``input``, with everything that says where as its ``file``.
    """
    where, expected, fix = error.where or name, error.expected or "", error.fix or ""
    return QualityFinding("error", where, "", "", "input", error.found, expected, fix)
