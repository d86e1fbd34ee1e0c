"""F first, n last: what the record itself may have wrong is looked for before anything is learnt."""

from __future__ import annotations

from dataclasses import dataclass

from asm_hybrid.config import Config, build_layout, corrected_config
from asm_hybrid.data import Dataset, read_dataset
from asm_hybrid.diagnosis.explanation_words import proposal_lines
from asm_hybrid.errors import SimulationError
from asm_hybrid.explanations.explained import Explained, competing_candidates, explain, too_few
from asm_hybrid.explanations.read import record_of
from asm_hybrid.plant import Plant
from asm_hybrid.training import Progress

__all__ = ["FirstLook"]

TAKEN = 3
"""Corrections that are taken one after the other, at most."""


@dataclass
class FirstLook:
    """Lets explanations of what f misses compete, and proposes corrections of the record.

    Attributes
    ----------
    accept : bool
        Whether to take corrections that the data clearly call for, as ``diagnosis.accept`` in the config does. One is
        taken where a single explanation remains and it is a fault of the record; then all compete again.
    progress : Progress
        Receiver of progress, told what is proposed and what is taken.
    explained : Explained or None
        What explains the misfit of f, with what was taken; None where explanations have not competed.
    """

    accept: bool
    progress: Progress
    explained: Explained | None = None

    def __call__(self, config: Config, plant: Plant, dataset: Dataset) -> Config | None:
        """Look at a record before a run learns from it.

        Parameters
        ----------
        config : Config
            The config.
        plant : Plant
            f.
        dataset : Dataset
            Its data.

        Returns
        -------
        Config or None
            The config with what was taken; None where nothing was.
        """
        accept, changed = self.accept or config.diagnosis.accept, None
        if not config.diagnosis.explain or not (config.training.test or accept):  # a trial has no diagnosis
            return None
        proposals, clear = self._compete(config, plant, dataset)
        for _ in range(TAKEN if accept else 0):
            if not clear:
                break
            config = changed = corrected_config(config, clear[:1])
            self.progress.say(f"taken: {clear[0]['text']}")
            plant = Plant(plant.table, build_layout(config, plant.table))
            proposals, clear = self._compete(config, plant, read_dataset(config, plant.table, plant.layout))
        if proposals:
            words = {
                True: "the lines that take it, as --accept does:",
                False: "others do as well; the lines to try it:",
            }
            self.progress.say(f"{proposals[0]['text']}; {words[bool(clear)]}")
            for line in proposal_lines(proposals[:1]):
                self.progress.say(f"  {line}")
        return changed

    def _compete(self, config: Config, plant: Plant, dataset: Dataset) -> tuple[list[dict[str, object]], ...]:
        """Return what is proposed, and what of it stands alone."""
        record = record_of(config, plant, dataset)
        self.explained = None
        competing_candidates(record)
        if not too_few(record):
            self.progress.stage("looking for what f misses")
            try:
                self.explained = explain(record)
            except SimulationError as error:
                self.progress.say(f"explanations of the misfit of f could not compete: {error}")
        proposals = self.explained.proposals() if self.explained else []
        return proposals, [p for p in proposals if p["clear"]]
