"""What explains the misfit of f over one record: the competition, its ranking, and what helps beside the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from asm_hybrid.config import corrected_config
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.explanations.arena import Arena
from asm_hybrid.explanations.competition import Competition, Rival, compete, second
from asm_hybrid.explanations.knobs import Knob
from asm_hybrid.explanations.rate_factors import Shape, shape_values
from asm_hybrid.explanations.record import Record
from asm_hybrid.explanations.scores import NEAR, Ranking, beats, rank
from asm_hybrid.explanations.suspects import FAMILIES, known_names
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics.candidates import Candidate, candidates_for
from asm_hybrid.text import figure
from asm_hybrid.training.simulation_models import returns

__all__ = ["Explained", "Trajectories", "competing_candidates", "explain", "too_few"]

SAMPLES, DAYS = 20, 6
"""Fewest samples and days with which explanations can compete."""
ENOUGH = f"at least {SAMPLES} samples on {DAYS} days, of which some are left out in turn"
ENDS = 1.645
"""Half of a 90 % interval, in standard deviations."""
SECOND_CHANCE = 0.05
"""Chance below which a second explanation is no chance find [-]."""
POINTS = 41
"""Points at which a factor is drawn."""


@dataclass(frozen=True)
class Explained:
    """What explains the misfit of f.

    Attributes
    ----------
    competition : Competition
        The competition.
    ranking : Ranking
        How sure its order is.
    beside : Rival or None
        What helps beside the best explanation, beyond chance and by more than near ties differ.
    chance : float or None
        Chance of the best one beside it; None where the first was not looked beyond.
    """

    competition: Competition
    ranking: Ranking
    beside: Rival | None
    chance: float | None

    @property
    def first(self) -> Rival | None:
        """The best plausible explanation, where it is better than f beyond chance."""
        ranking = self.ranking
        return self.competition.rivals[ranking.first] if ranking.found and ranking.first is not None else None

    @property
    def named(self) -> tuple[Rival, ...]:
        """The explanations that cannot be told from the best, that one first; none where nothing is found."""
        if self.first is None:
            return ()
        rivals = [r for r, inside in zip(self.competition.rivals, self.ranking.in_set, strict=True) if inside]
        return tuple(sorted(rivals, key=lambda r: r is not self.first))

    def rows(self) -> list[dict[str, Any]]:
        """Return ``explanations`` of ``diagnosis.json``, the best first, with everything and nothing."""
        ranking, found = self.ranking, []
        for i, r in enumerate(self.competition.rivals):
            found.append(
                {
                    "name": r.explanation.name,
                    "title": r.explanation.title,
                    "family": r.explanation.family,
                    "gain": float(ranking.gain[i]),
                    "low": float(ranking.low[i]),
                    "high": float(ranking.high[i]),
                    "removed": float(ranking.removed[i]),
                    "removed_low": float(ranking.removed_low[i]),
                    "removed_high": float(ranking.removed_high[i]),
                    "best_share": float(ranking.best_share[i]),
                    "in_set": bool(ranking.in_set[i]) and ranking.found,
                    "plausible": r.plausible,
                    "fitted": "full" if r.fitted else "linear",
                    "driver": r.driver or None,
                    "size": [_size(r, k) for k in r.own],
                }
            )
        blank: dict[str, Any] = {"family": None, "in_set": False, "plausible": True, "fitted": "linear", "size": []}
        blank |= dict.fromkeys(("low", "high", "best_share", "driver"))
        found.append({"name": "everything", "title": "everything at once", "gain": ranking.everything} | blank)
        found.append({"name": "nothing", "title": "nothing: f as it is", "gain": 0.0} | blank)
        return found

    def proposals(self) -> list[dict[str, Any]]:
        """Return the corrections of the record that the named explanations stand for, the best first."""
        ranking, found = self.ranking, []
        names = [r.explanation.name for r in self.competition.rivals]
        for r in self.named:
            knob = r.knobs[r.own[0]]
            if knob.correction is None:
                continue
            size = _size(r, r.own[0])
            turned = knob.seen is not None  # what a sensor shows too much is taken away
            low, high = (-size["high"], -size["low"]) if turned else (size["low"], size["high"])
            value = -size["value"] if turned else size["value"]
            section, key = knob.correction
            share = float(ranking.removed[names.index(r.explanation.name)])
            found.append(
                {"name": r.explanation.name, "section": section, "key": key, "value": value, "unit": size["unit"]}
                | {"low": low, "high": high, "share": share, "clear": len(self.named) == 1}
                | {"text": self._proposed(r, section, value, size["unit"], share)}
            )
            found[-1]["stated"] = self._stated(found[-1])
        return found

    def _stated(self, proposal: dict[str, Any]) -> str | None:
        """Return what the config states with a proposal where it corrects the same already; None where it does not."""
        config, section, key = self.competition.arena.record.config, proposal["section"], proposal["key"]
        if key not in getattr(config.corrections, section):
            return None
        whole = getattr(corrected_config(config, [proposal]).corrections, section)[key]
        if section == "factors":
            return f"{whole:.3g}"
        number, unit = (24.0 * whole, "h") if section == "shifts" else str(whole).split(" ", 1)
        return f"{float(number):.3g} {unit}"

    def _proposed(self, r: Rival, section: str, value: float, unit: str, share: float) -> str:
        title = r.explanation.title
        if section == "factors":
            words = f"{title} {value:.3g} times as large as recorded"
            record, place = self.competition.arena.record, r.explanation.name.removeprefix("flow.")
            names = [spec.name.removeprefix("recycle.") for spec in record.plant.inputs]
            if r.explanation.family == "flows":
                mean = float(record.inputs[:, names.index(place)].mean())
                words = f"{title} {figure(value * mean)} instead of {figure(mean)} m3/d"
        elif section == "shifts":
            words = f"{title}: {abs(value):.2g} h {'later' if value > 0 else 'earlier'} than recorded"
        else:
            words = f"{title}: {value:+.3g} {unit} on what is recorded"
        return f"{words} takes away {100 * share:.0f} % of the squared error of f"

    def curve(self) -> dict[str, Any] | None:
        """Return the factor on the rate of the winning process over its driver; None where there is none.

        It is told about one; ``level`` is what it has to be multiplied by beside the parameters found with it.
        """
        r = self.first
        if r is None or not r.driver or r.explanation.family != "kinetics" or r.fitted is None:
            return None
        own = [(i, r.knobs[i].entry) for i in r.own]
        sides = [s for _, s in own if isinstance(s, Shape) and s.side]
        low, high = min(s.end for s in sides), max(s.end for s in sides)
        offset = sides[0].offset
        x = np.exp(np.linspace(np.log(low + offset), np.log(high + offset), POINTS)) - offset
        basis = np.stack([shape_values(s, x) for _, s in own if isinstance(s, Shape)], axis=1)
        at = np.array([r.at[i] for i, _ in own])
        places = [i for i, _ in own]
        level = basis.mean(0)  # the level of the factor is that of the rate's own parameters
        log = (basis - level) @ at
        spread = np.sqrt(
            np.einsum("xi,ij,xj->x", basis - level, r.fitted.covariance[np.ix_(places, places)], basis - level)
        )
        return {
            "level": float(np.exp(level @ at)),
            "x": x.tolist(),
            "factor": np.exp(log).tolist(),
            "low": np.exp(log - ENDS * spread).tolist(),
            "high": np.exp(log + ENDS * spread).tolist(),
        }

    def parameters(self) -> dict[str, float]:
        """Return the calibrated parameters as they are beside the winning explanation."""
        r = self.first
        if r is None:
            return {}
        beside = range(len(r.knobs) - len(r.own))
        return {r.knobs[i].name: float(r.knobs[i].shown(r.at[i])) for i in beside if isinstance(r.knobs[i].entry, str)}


@dataclass(frozen=True)
class Trajectories:
    """What explanations predict of everything that could be measured.

    Attributes
    ----------
    targets : tuple of str
        What it is.
    values : dict of str to ndarray, shape (knot, target)
        By name of the explanation.
    """

    targets: tuple[str, ...]
    values: dict[str, np.ndarray]

    @staticmethod
    def of(explained: Explained, targets: Sequence[str], every: int) -> Trajectories:
        """Return those of the named explanations, at every so many knots."""
        arena = explained.competition.arena
        values = {}
        for r in explained.named:
            if r.fitted is None:
                continue
            run, candidate = r.fitted.run, r.explanation.candidate
            plant = arena.problem([candidate] if candidate else [], r.shapes).plant.plant
            parameters = torch.as_tensor(run.values[: len(plant.table.parameters)])
            system = PlantSystem(plant, parameters, arena.record.targets)
            with torch.no_grad():
                states, inputs = (torch.as_tensor(a[::every].copy()) for a in (arena.states(run.states), run.inputs))
                values[r.explanation.name] = system.along(states, inputs).recorded(tuple(targets)).numpy()
        return Trajectories(tuple(targets), values)


def competing_candidates(record: Record) -> tuple[Candidate, ...]:
    """Return the processes that f may lack, once the config's choice of explanations has been looked at.

    Parameters
    ----------
    record : Record
        The record.

    Returns
    -------
    tuple of Candidate

    Raises
    ------
    InputError
        If the config leaves out what there is not, or everything; or names a candidate that does not fit; or if the
        plant never comes to rest.
    """
    config = record.config
    if returns(record.plant):
        raise InputError(
            "explanations compete by how they move a steady state, and this plant, with time tables or volumes that "
            "vary, never comes to rest",
            where=config.where("diagnosis", "explain"),
            expected="a diagnosis by n alone",
            fix="set diagnosis: {explain: false}",
        )
    candidates = candidates_for(record.plant.table, [config.resolve(path) for path in config.diagnosis.candidates])
    known, left_out = known_names(record, candidates), config.diagnosis.leave_out
    for i, name in enumerate(left_out):
        if name not in (*known, *FAMILIES):
            raise InputError(
                f"there is no explanation {name!r} in this plant",
                where=config.where("diagnosis", "leave_out", i),
                expected=f"an explanation, such as {', '.join(list(known)[:3])}, or one of {', '.join(FAMILIES)}",
                fix=nearest(name, (*known, *FAMILIES)),
            )
    if all({name, family} & set(left_out) for name, family in known.items()):
        raise InputError(
            "every explanation is left out, so that none can compete",
            where=config.where("diagnosis", "leave_out"),
            expected="some that compete",
            fix="leave out less, or set diagnosis.explain: false",
        )
    return tuple(candidates)


def explain(record: Record) -> Explained:
    """Let explanations of what f misses compete.

    Parameters
    ----------
    record : Record
        The record.

    Returns
    -------
    Explained

    Raises
    ------
    InputError
        See `competing_candidates`; or if `too_few`.
    SimulationError
        When f diverges.
    """
    config = record.config
    candidates = competing_candidates(record)
    few = too_few(record)
    if few:
        fix = "measure longer, or make the blocks longer"
        raise InputError(few, where=config.where("data", "blocks"), expected=ENOUGH, fix=fix)
    competition = compete(Arena(record), candidates)
    ranking = rank(competition)
    beside, chance = None, None
    if ranking.found and ranking.first is not None:
        best = competition.rivals[ranking.first]
        others = tuple(r for r in second(competition, best) if r.plausible) if best.fitted is not None else ()
        if others:
            chance = beats(competition, best, others)
            helps = NEAR * others[0].loss.sum() < best.loss.sum()
            beside = others[0] if helps and chance < SECOND_CHANCE else None
    return Explained(competition, ranking, beside, chance)


def too_few(record: Record) -> str | None:
    """Say how few measurements there are for explanations to compete; None where there are enough.

    Parameters
    ----------
    record : Record
        The record.

    Returns
    -------
    str or None
    """
    samples, days = len(record.times), len(record.day_of)
    if samples >= SAMPLES and days >= DAYS:
        return None
    return f"{samples} samples on {days} days in the blocks train and validate"


def _size(r: Rival, i: int) -> dict[str, Any]:
    knob: Knob = r.knobs[i]
    spread = float(np.sqrt(r.fitted.covariance[i, i])) if r.fitted else None
    row = {"name": knob.name, "value": float(knob.shown(r.at[i])), "low": None, "high": None, "unit": knob.unit}
    if spread is not None:
        ends = [float(knob.shown(np.clip(r.at[i] + s * ENDS * spread, knob.low, knob.high))) for s in (-1, 1)]
        row |= {"low": min(ends), "high": max(ends)}
    return row
