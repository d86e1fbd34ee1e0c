"""The verdict in plain words, and the tables of scores behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asm_hybrid.diagnosis.verdict import signed_percent
from asm_hybrid.report.model_style import in_order, model_title
from asm_hybrid.report.run_record import Score, Summary, VariableVerdict
from asm_hybrid.report.style import number, percent, unit_text

__all__ = ["Card", "ScoreCell", "ScoreRow", "ScoreTable", "best_model", "cards", "headline", "score_table"]

SHOWN = 5e-4
"""Least change of an RMSE that is shown in percent and coloured [-]."""


@dataclass(frozen=True)
class Card:
    """The run's own model beside the best baseline, for one variable on the test block.

    Attributes
    ----------
    variable, target, unit : str
        The variable, what it stands for, and its unit.
    better : bool or None
        Whether it is better than every baseline: False where it is worse than one or diverges, None where that is open.
    change : str
        How the RMSE compares with that of the best baseline.
    bars : tuple of (str, str, float, str)
        Label, RMSE [unit of the variable], width [%] and CSS class; the baseline first.
    notes : tuple of str
        Interval of the change, seeds, and noise of the sensor.
    """

    variable: str
    target: str
    unit: str
    better: bool | None
    change: str
    bars: tuple[tuple[str, str, float, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ScoreCell:
    """Scores of one model for one variable, as text.

    Attributes
    ----------
    rmse, mae, bias : str
        Scores [unit of the variable].
    spread : str
        Range of the RMSE over seeds; empty with fewer than two.
    r2 : str
        Coefficient of determination [-].
    best, best_baseline : bool
        Whether the RMSE is the lowest of all models, and of the baselines.
    """

    rmse: str
    spread: str
    mae: str
    bias: str
    r2: str
    best: bool
    best_baseline: bool


@dataclass(frozen=True)
class ScoreRow:
    """One model of a score table.

    Attributes
    ----------
    model, title : str
        Its name, and the one for readers.
    cells : tuple of ScoreCell or None
        One a variable; None where the model has no score.
    """

    model: str
    title: str
    cells: tuple[ScoreCell | None, ...]


@dataclass(frozen=True)
class ScoreTable:
    """Scores of all models for a few variables on one block.

    Attributes
    ----------
    variables : tuple of (str, str)
        Name and unit of each variable, in the order of the columns.
    samples : tuple of str
        Number of samples of each.
    rows : tuple of ScoreRow
        The models.
    """

    variables: tuple[tuple[str, str], ...]
    samples: tuple[str, ...]
    rows: tuple[ScoreRow, ...]


def headline(summary: Summary) -> tuple[str, str, str]:
    """Return the verdict as one sentence, what follows it, and its kind.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    (str, str, str)
        First sentence, the rest, and ``win``, ``mixed`` (not in every variable), ``loss`` or ``none`` (no score,
        nothing that could be told apart, or an n that found nothing).
    """
    if summary.verdict is None or not summary.verdict.variables:
        return "This run holds no scores on the test block, so nothing can be said.", "", "none"
    first, stop, rest = summary.verdict.sentence.partition(". ")
    better = [card.better for card in cards(summary)]
    kind = "win" if summary.verdict.wins else "mixed" if any(better) else "loss" if False in better else "none"
    kind = "none" if summary.n_found_nothing else kind
    return first + stop.strip(), rest, kind


def cards(summary: Summary) -> list[Card]:
    """Return one card for each variable on which the verdict rests.

    Parameters
    ----------
    summary : Summary
        The run.

    Returns
    -------
    list of Card
        Empty without a verdict.
    """
    if summary.verdict is None:
        return []
    own = summary.verdict.model
    out = []
    for name, result in summary.verdict.variables.items():
        ours, theirs = result.own_rmse, result.best_rmse
        variable = summary.variables[name]
        greatest = max(ours or 0.0, theirs or 0.0) or 1.0
        bars = (
            (model_title(result.best_baseline), number(theirs), 100 * (theirs or 0.0) / greatest, "baseline"),
            (model_title(own), number(ours), 100 * (ours or 0.0) / greatest, "own"),
        )
        notes = _notes(summary.scores.get("test", {}).get(name, {}).get(own), result, variable.noise)
        better = {"better": True, "worse": False, "diverges": False, "open": None}[result.outcome]
        if ours is None:
            better, change = False, "diverges, no score"
        elif not theirs:
            better, change = None, "not comparable"
        else:
            ratio = ours / theirs - 1
            change = _change_text(ratio) + ("; the data do not decide" if better is None else "")
            better = better if abs(ratio) >= SHOWN else None
        out.append(Card(name, variable.target, unit_text(variable.unit), better, change, bars, notes))
    return out


def _change_text(ratio: float) -> str:
    word = "lower" if ratio < 0 else "higher"
    if ratio == 0:
        return "RMSE the same"
    return f"RMSE {percent(abs(ratio))} {word}" if abs(ratio) >= SHOWN else f"RMSE {word} by less than {percent(SHOWN)}"


def score_table(
    scores: Mapping[str, Mapping[str, Score]], units: Mapping[str, str], names: Sequence[str], own: str
) -> ScoreTable:
    """Return the scores of one block as a table of text.

    Parameters
    ----------
    scores : mapping
        Variable to model to score.
    units : mapping of str to str
        Unit of each variable.
    names : sequence of str
        Variables of this table.
    own : str
        The model that the run is about; all others are baselines.

    Returns
    -------
    ScoreTable
        One row for each model, the simple baselines first, the hybrid last.
    """
    shown = [name for name in names if name in scores]
    models = {model for name in shown for model in scores[name]}
    best = {name: best_model(scores[name]) for name in shown}
    baseline = {name: best_model(scores[name], but=own) for name in shown}
    rows = []
    for model in in_order(models):
        cells: list[ScoreCell | None] = []
        for name in shown:
            score = scores[name].get(model)
            if score is None:
                cells.append(None)
                continue
            cells.append(
                ScoreCell(
                    rmse=number(score.rmse),
                    spread=_spread(score.rmse_seeds),
                    mae=number(score.mae),
                    bias=number(score.bias, 2),
                    r2="–" if score.r2 is None else f"{score.r2:.2f}".replace("-", "−"),
                    best=model == best[name],
                    best_baseline=model == baseline[name],
                )
            )
        rows.append(ScoreRow(model, model_title(model), tuple(cells)))
    samples = tuple(f"{max((s.n for s in scores[name].values()), default=0):,}" for name in shown)
    return ScoreTable(tuple((n, unit_text(units.get(n, ""))) for n in shown), samples, tuple(rows))


def best_model(scores: Mapping[str, Score], but: str | None = None) -> str | None:
    """Return the model with the least RMSE.

    Parameters
    ----------
    scores : mapping of str to Score
        Scores by model.
    but : str, optional
        A model that is left out.

    Returns
    -------
    str or None
        None when no model has a score.
    """
    known = {m: s.rmse for m, s in scores.items() if s.rmse is not None and m != but}
    return min(known, key=lambda m: known[m]) if known else None


def _notes(own: Score | None, result: VariableVerdict, noise: float | None) -> tuple[str, ...]:
    notes, theirs = [], result.best_rmse
    if result.interval is not None:
        low, high = (f"{signed_percent(v)} %".replace("-", "−") for v in result.interval)
        notes.append(f"90 % interval of the change, from a bootstrap over days: {low} to {high}")
    elif own is not None:
        notes.append("too few days for an interval of the change")
    known = [s for s in own.rmse_seeds if s is not None] if own else []
    if len(known) > 1 and theirs is not None:
        notes.append(f"{sum(s < theirs for s in known)} of {len(known)} seeds are better than this baseline")
    if noise and own and own.rmse is not None:
        notes.append(f"the error is {number(own.rmse / noise, 2)} × the sensor's noise")
    return tuple(notes)


def _spread(seeds: Sequence[float | None]) -> str:
    known = [s for s in seeds if s is not None]
    return f"{number(min(known))} to {number(max(known))}" if len(known) > 1 else ""
