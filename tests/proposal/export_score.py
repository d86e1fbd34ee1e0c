"""Whether the section that is proposed for an export is right, and whether ``asm-hybrid check`` takes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from export_record import Export

import asm_hybrid as ah
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.series import read_sources
from asm_hybrid.yamlfile import parse_yaml

WARMUP = {"warmup": "1 h"}


@dataclass(frozen=True)
class Score:
    """What came out for an export.

    Attributes
    ----------
    passed : bool
        Whether nothing but the zone was asked, and the section was right and taken by the check.
    asked : tuple of str
        The other questions.
    wrong : str
        What is wrong with the section after all answers; empty when it is right, and the check takes it.
    silent : bool
        Whether a wrong value or name got through without a question.
    """

    passed: bool
    asked: tuple[str, ...]
    wrong: str
    silent: bool


def score(export: Export, folder: Path) -> Score:
    """Propose with the zone alone, then with all answers, and hold the result against the record."""
    files, truth = export.make(folder, export.data), export.truth
    zone = {} if export.zone is None else {"zone": export.zone}
    try:
        first = ah.propose_data(files, export.plant, **zone)
    except ah.InputError as error:
        return Score(False, (), f"refused: {error}", False)
    asked = tuple(str(q) for q in first.questions)
    silent = bool(_differs(first, export, truth, whole=False))
    proposal = first
    if asked and export.answers:
        proposal = ah.propose_data(files, export.plant, **zone, **export.answers)
    wrong = "; ".join(map(str, proposal.questions)) or _differs(proposal, export, truth) or _refused(proposal, folder)
    return Score(not asked and not wrong, asked, wrong, silent)


def _differs(proposal, export: Export, truth, *, whole: bool = True) -> str:
    """Return how the series of a section differ from the record; of a part of them where not all have to be there."""
    if any(q.kind == "zone" for q in proposal.questions) or (proposal.questions and whole):
        return "not complete"
    found = {c.target for table in proposal.tables for c in table.columns if c.target}
    wanted = set(export.gives)
    if found - wanted or (whole and wanted - found):
        return f"stands for {sorted(found - wanted)} too much, and {sorted(wanted - found)} too little"
    if proposal.questions:
        return ""
    content = proposal.config()
    config = load_config(content)
    table = load_kinetics(config)
    sources, _ = read_sources(config, table, build_layout(config, table))
    for source in sources:
        for series in source.series:
            name = export.gives[series.target]
            column, _, factor = name.partition("*")
            meant = truth[column] * float(factor or 1)
            at = source.times.tz_convert(None)
            expected = meant.reindex(at, method="nearest", tolerance="2s")
            values = series.values
            whole = np.isfinite(values) & (series.censored == 0)
            both = whole & expected.notna().to_numpy()
            if both.sum() < 0.9 * whole.sum() or both.sum() < 10:
                return f"{series.target}: {both.sum()} of {len(at)} stamps are those of the record"
            error = np.abs(values[both] - expected.to_numpy()[both])
            if not (error <= 0.02 * np.abs(expected.to_numpy()[both]) + 0.051).all():
                return f"{series.target}: off by up to {error.max():.3g}"
    return ""


def _refused(proposal, folder: Path) -> str:
    if parse_yaml(proposal.yaml, Path("proposal.yaml")).data != {"data": proposal.config()["data"]}:
        return "the text is not the section"
    content = proposal.config() | {"training": WARMUP}
    try:
        found = ah.check(content)
    except ah.InputError as error:
        return f"refused: {error}"
    errors = [str(finding) for finding in found.noted if finding.severity == "error"]
    return "; ".join(errors)
