"""F first, n last: what the record itself may have wrong is looked for before anything is learnt."""

from __future__ import annotations

from asm_hybrid.config import Config, build_layout, corrected_config, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.diagnosis.explanation_words import proposal_lines
from asm_hybrid.errors import SimulationError
from asm_hybrid.explanations.explained import Explained, explain, too_few
from asm_hybrid.explanations.read import record_of
from asm_hybrid.plant import Plant
from asm_hybrid.training import Progress
from asm_hybrid.yamlfile import YamlSource

__all__ = ["first_look"]

TAKEN = 3
"""Corrections that are taken one after the other, at most."""


def first_look(source: YamlSource, accept: bool, progress: Progress) -> tuple[YamlSource | Config, Explained | None]:
    """Let explanations of what f misses compete, and propose corrections of the record.

    Parameters
    ----------
    source : str, Path or mapping
        The config.
    accept : bool
        Whether to take corrections that the data clearly call for, as ``diagnosis.accept`` in the config does. One is
        taken where a single explanation remains and it is a fault of the record; then all compete again.
    progress : Progress
        Receiver of progress, told what is proposed and what is taken.

    Returns
    -------
    config : str, Path, mapping or Config
        The config to train, with what was taken.
    explained : Explained or None
        What explains the misfit of f with that config; None where explanations do not compete.
    """
    config = load_config(source)
    if not config.diagnosis.explain:
        return source, None
    accept = accept or config.diagnosis.accept
    trained: YamlSource | Config = source
    for taken in range(TAKEN + 1):
        explained = _explained(config, progress)
        proposals = explained.proposals() if explained is not None else []
        clear = [p for p in proposals if p["clear"]]
        if not clear or not accept or taken == TAKEN:
            break
        config = trained = corrected_config(config, clear[:1])
        progress.say(f"taken: {clear[0]['text']}")
    if proposals:
        doubt = "" if clear else ", one of several explanations that cannot be told apart"
        progress.say(f"{proposals[0]['text']}{doubt}; to take it, put this into the config, or use --accept:")
        for line in proposal_lines(proposals[:1]):
            progress.say(f"  {line}")
    return trained, explained


def _explained(config: Config, progress: Progress) -> Explained | None:
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    progress.stage("reading data")
    record = record_of(config, plant, read_dataset(config, table, plant.layout))
    if too_few(record):
        return None
    progress.stage("looking for what f misses")
    try:
        return explain(record)
    except SimulationError as error:
        progress.say(f"explanations of the misfit of f could not compete: {error}")
        return None
