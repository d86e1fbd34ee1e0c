"""What comes out of one simulated case: indicators of all members, their medians, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asm_hybrid.plant import Plant
from asm_hybrid.scenario.case_findings import find
from asm_hybrid.scenario.case_inputs import Given
from asm_hybrid.scenario.cases import Alone, Case, spread
from asm_hybrid.scenario.changes import unusual_changes
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.draws import HELD, lowest_states
from asm_hybrid.scenario.kpi import Indicator
from asm_hybrid.scenario.kpi_factors import Factors
from asm_hybrid.scenario.scoring import measured_means, score
from asm_hybrid.scenario.subject import CaseModel
from asm_hybrid.scenario.trust import Trust

__all__ = ["Scoring"]


@dataclass(frozen=True)
class Scoring:
    """What cases are scored by.

    Attributes
    ----------
    parameters : mapping of str to float
        Values of the table's parameters.
    since : float
        Day from which on indicators count.
    limits : mapping of str to float
        Effluent limits [g/m3].
    factors : Factors or None
        Prices and emission factors.
    measured : tuple of str
        The measured quantities of a run.
    """

    parameters: Mapping[str, float]
    since: float
    limits: Mapping[str, float]
    factors: Factors | None
    measured: tuple[str, ...]

    def score(self, plant: Plant, record: PlantRecord) -> tuple[tuple[Indicator, ...], tuple[str, ...]]:
        """Return the indicators of one simulation, and what cannot be told.

        Parameters
        ----------
        plant : Plant
            The plant.
        record : PlantRecord
            Its simulation.

        Returns
        -------
        indicators : tuple of Indicator
            What can be told; the means of measured quantities first.
        left_out : tuple of str
            What cannot, and why.
        """
        found = score(plant, record, self.parameters, self.since, self.limits, self.factors)
        return (*measured_means(record, self.measured, self.since), *found.indicators), found.left_out

    def case(
        self,
        given: Given,
        model: CaseModel,
        records: Sequence[PlantRecord],
        drawn: Sequence[PlantRecord],
        trust: Trust | None,
        alone: PlantRecord | None,
    ) -> Case:
        """Return a case with all that is to be said of it; balances are those of a simulation without noise.

        Parameters
        ----------
        given : Given
            What it was given.
        model : CaseModel
            What simulated it.
        records, drawn : sequence of PlantRecord
            Its simulations, one a member of n, and those with process noise.
        trust : Trust or None
            Where it leaves what training saw.
        alone : PlantRecord or None
            Its simulation with f alone.

        Returns
        -------
        Case
        """
        plant, shown = model.plant, drawn or records
        held = HELD if drawn else 1.0
        scores = [self.score(plant, record) for record in shown]
        median, low, high = spread(shown, held)
        found = find(model.members[0], records[0], given.inputs, lowest_states(drawn) if drawn else low)
        warnings = (
            *unusual_changes(plant, given.unchanged, given.inputs),
            *(trust.warnings if trust else ()),
            *found.warnings,
        )
        members = tuple(indicators for indicators, _ in scores) if len(scores) > 1 else ()
        return Case(
            given.name,
            given.texts,
            median,
            _medians(members) if members else scores[0][0],
            tuple(dict.fromkeys(warnings)),
            tuple(dict.fromkeys(text for _, left in scores for text in left)),
            found.balance,
            low,
            high,
            members,
            None if alone is None else Alone(alone, self.score(plant, alone)[0]),
            trust,
            held,
        )


def _medians(members: Sequence[Sequence[Indicator]]) -> tuple[Indicator, ...]:
    """Return the median of every indicator that all members have."""
    values = [{i.name: i.value for i in indicators} for indicators in members]
    return tuple(
        replace(i, value=float(np.median([own[i.name] for own in values])))
        for i in members[0]
        if all(i.name in own for own in values)
    )
