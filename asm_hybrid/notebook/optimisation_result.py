"""An optimisation as a notebook sees it: what may be claimed, decisions, schedules and limits as data frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from asm_hybrid.cards import card, note, tabulated
from asm_hybrid.optimisation.result import Optimum
from asm_hybrid.parallel import Value
from asm_hybrid.report.optimisation_page import PAGE, schedule_table
from asm_hybrid.report.optimisation_words import said, verdict
from asm_hybrid.report.style import number, unit_text
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.summary import indicator_table

__all__ = ["Optimisation"]


@dataclass(frozen=True, repr=False, eq=False)
class Optimisation:
    """The best operation that was found for a goal.

    Attributes
    ----------
    found : Optimum
        All that came out.
    folder : Path
        Its folder.
    """

    found: Optimum
    folder: Path

    @property
    def claim(self) -> str:
        """What may be said: ``gain``, ``disputed``, ``none`` or ``infeasible``."""
        return self.found.claim

    @property
    def gain(self) -> tuple[float, float]:
        """Lowest and highest share by which what is minimised is less than at present, over the seeds of a run [-]."""
        return self.found.gain.low, self.found.gain.high

    @property
    def decisions(self) -> pd.DataFrame:
        """A row a decision: ``unit``, ``present`` and ``optimum``."""
        found = self.found
        rows = [
            {
                "decision": f.name,
                "unit": f.unit,
                "present": found.present.get(f.name),
                "optimum": found.decisions[f.name],
            }
            for f in found.factors
        ]
        return pd.DataFrame(rows, columns=["decision", "unit", "present", "optimum"]).set_index("decision")

    @property
    def schedules(self) -> pd.DataFrame:
        """A row an interval of a schedule; empty without schedules."""
        return schedule_table(self.found)

    @property
    def limits(self) -> pd.DataFrame:
        """A row a limit: ``unit``, ``limit``, ``present``, ``optimum`` and ``kept``."""
        rows = [(x.name, x.unit, x.bound, x.present, x.optimum, x.kept) for x in self.found.limits]
        heads = ["indicator", "unit", "limit", "present", "optimum", "kept"]
        return pd.DataFrame(rows, columns=heads).set_index("indicator")

    @property
    def indicators(self) -> pd.DataFrame:
        """All indicators of present operation, ``base``, and ``optimum``."""
        return indicator_table(self.found.simulation.cases)

    @property
    def simulation(self) -> PlantScenarios:
        """Present operation and optimum, simulated."""
        return self.found.simulation

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / PAGE

    def __repr__(self) -> str:
        _, title, text = verdict(self.found)
        lines = [f"Optimisation {self.found.goal.content.name}: {title}", f"  {text}"]
        return "\n".join([*lines, *(f"  {line}" for line in said(self.found)), f"  page: {self.report}"])

    def _repr_html_(self) -> str:
        _, title, text = verdict(self.found)
        rows = [
            [str(name), unit_text(str(row["unit"])), _shown(row["present"]), _shown(row["optimum"])]
            for name, row in self.decisions.iterrows()
        ]
        facts = note(f"{text} Page: {self.report}")
        table = tabulated(["decision", "unit", "present", "optimum"], rows, text=frozenset({0, 1}))
        return card(f"Optimisation {self.found.goal.content.name}: {title}", facts, table)


def _shown(value: Value | None) -> str:
    if isinstance(value, str):
        return value
    return "–" if value is None or pd.isna(value) else number(value)
