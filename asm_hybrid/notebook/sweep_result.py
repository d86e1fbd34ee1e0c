"""A study as a notebook sees it: its cases, series and sensitivities as data frames, and its page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from asm_hybrid.cards import card, note, tabulated
from asm_hybrid.report.study_page import PAGE
from asm_hybrid.report.study_tables import study_tables
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.studies import StudyResult

__all__ = ["Sweep"]

SHOWN = 20
"""Rows of a table that are shown."""


@dataclass(frozen=True, repr=False, eq=False)
class Sweep:
    """Many cases of a plant, a fitted model or a training.

    Attributes
    ----------
    found : StudyResult
        The study.
    folder : Path
        Its folder.
    """

    found: StudyResult
    folder: Path

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return study_tables(self.found)

    def _table(self, name: str) -> pd.DataFrame:
        return self._tables.get(name, pd.DataFrame())

    @property
    def cases(self) -> pd.DataFrame:
        """A row a case: its number, factors and figures with their units in the headers, why it failed, and notes."""
        return self._table("results")

    @property
    def series(self) -> pd.DataFrame:
        """A row a case and time, a column a series; ``-1`` is the base case. Empty where the study keeps none."""
        return self._table("series")

    @property
    def quantiles(self) -> pd.DataFrame:
        """How each figure is spread over the cases."""
        return self._table("quantiles")

    @property
    def sensitivity(self) -> pd.DataFrame:
        """What each factor does to each figure, with intervals."""
        return self._table("sensitivity")

    @property
    def exceedance(self) -> pd.DataFrame:
        """How often series are above their limits."""
        return self._table("exceedance")

    @property
    def pareto(self) -> pd.DataFrame:
        """The cases that none is better than in all indicators that compete."""
        return self._table("pareto")

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / PAGE

    @property
    def _facts(self) -> dict[str, str]:
        found = self.found
        failed = f", {len(found.failed)} of them failed" if found.failed else ""
        return {
            "of": found.subject,
            "design": found.method.replace("_", " "),
            "cases": f"{len(found.outcomes)}{failed}",
            "factors": ", ".join(factor.name for factor in found.factors),
            "page": str(self.report),
        }

    def __repr__(self) -> str:
        return "\n".join([f"Sweep {self.found.name}", *(f"  {key}: {value}" for key, value in self._facts.items())])

    def _repr_html_(self) -> str:
        base = self.found.base.figures if self.found.base else {}
        rows = []
        for figure in self.found.figures[:SHOWN]:
            values = pd.Series(self.found.values(figure.name)).dropna()
            spread = [number(float(v)) for v in values.quantile([0.05, 0.5, 0.95])] if len(values) else ["–"] * 3
            own = number(base[figure.name]) if figure.name in base else "–"
            rows.append([figure.name, unit_text(figure.unit), own, *spread])
        facts = note("; ".join(f"{key}: {value}" for key, value in self._facts.items()))
        heads = ["figure", "unit", "base", "5 %", "median", "95 %"]
        return card(f"Sweep {self.found.name}", facts, tabulated(heads, rows, text=frozenset({0, 1})))
