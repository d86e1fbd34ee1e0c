"""A fitted model on new data, as a notebook sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from asm_hybrid.cards import Shown, card, listed, note, paragraph, tabulated
from asm_hybrid.newdata.forecast import Forecast as Found
from asm_hybrid.newdata.predict import Prediction as Predicted
from asm_hybrid.report.model_style import model_title
from asm_hybrid.report.new_data import days_table, forecast_facts, prediction_facts
from asm_hybrid.report.style import number, percent, unit_text

__all__ = ["Forecast", "Prediction"]


@dataclass(frozen=True, repr=False, eq=False)
class Prediction(Shown):
    """What a fitted model predicts of new data, open loop, and whether it still holds.

    Attributes
    ----------
    found : asm_hybrid.newdata.predict.Prediction
        The prediction.
    folder : Path or None
        Where files were written; None where nothing was.
    """

    found: Predicted
    folder: Path | None = None

    @property
    def alarm(self) -> bool:
        """Whether the model no longer holds for one of the variables."""
        return bool(self.found.alarms)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Whether it still holds, a sentence for each variable that is measured."""
        return self.found.verdicts

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        return self.found.warnings

    @property
    def series(self) -> pd.DataFrame:
        """All variables at the knots of the new data.

        Columns ``time`` (UTC), ``part`` (``training``, ``warm-up`` or ``new``), ``variable``, ``unit``, one a model
        (median of the seeds), ``hybrid_low`` and ``hybrid_high`` (range of the seeds), ``band_low`` and ``band_high``
        (where 90 % of the measurements should lie), and ``outside``, whether the trained range is left.
        """
        return self.found.series.copy()

    @property
    def measured(self) -> pd.DataFrame:
        """Every measurement beside the models; columns as those of `series`, with ``measured`` and ``censored``."""
        return self.found.measured.copy()

    @property
    def scores(self) -> pd.DataFrame:
        """Scores on what is new: index ``variable``, ``model``; ``rmse``, ``mae``, ``bias``, ``r2``, ``n``, ``unit``.

        ``validation`` is the RMSE on the validation block of the run.
        """
        facts = self.facts["variables"]
        rows = [
            {"variable": label, "model": model}
            | {key: score[key] for key in ("rmse", "mae", "bias", "r2", "n")}
            | {"validation": row["validation"][model], "unit": row["unit"]}
            for label, row in facts.items()
            for model, score in row["scores"].items()
        ]
        keys = ["variable", "model"]
        columns = [*keys, "rmse", "mae", "bias", "r2", "n", "validation", "unit"]
        return pd.DataFrame(rows, columns=columns).set_index(keys)

    @property
    def days(self) -> pd.DataFrame:
        """Errors by day: ``date``, ``variable``, ``unit``, ``model``, ``rmse``, ``bias``, ``n``, and ``large``."""
        return days_table(self.found)

    @property
    def facts(self) -> Mapping[str, Any]:
        """All figures, as in ``prediction.json``."""
        return prediction_facts(self.found)

    def _described(self) -> str:
        joined = self.found.joined
        head = f"Prediction of {joined.first:%Y-%m-%d %H:%M} to {joined.last:%Y-%m-%d %H:%M} UTC"
        return "\n".join([head, *(f"  {text}" for text in self.verdicts)])

    def _card(self) -> str:
        joined = self.found.joined
        rows = [
            [label, model_title(model), number(score["rmse"]), number(row["validation"][model]), unit_text(row["unit"])]
            for label, row in self.facts["variables"].items()
            for model, score in row["scores"].items()
        ]
        header = ["Variable", "Model", "RMSE", "On the validation block", "Unit"]
        return card(
            "Prediction of new data",
            note(f"{joined.first:%Y-%m-%d %H:%M} to {joined.last:%Y-%m-%d %H:%M} UTC · {self.found.record.folder}"),
            *(paragraph(text) for text in self.verdicts),
            tabulated(header, rows, "What is new, open loop", text=frozenset({0, 1, 4})) if rows else "",
            listed(self.warnings, "warning", "warnings"),
            note(str(self.folder)) if self.folder else "",
        )


@dataclass(frozen=True, repr=False, eq=False)
class Forecast(Shown):
    """A forecast with a fitted model, its states updated by what was measured until now.

    Attributes
    ----------
    found : asm_hybrid.newdata.forecast.Forecast
        The forecast.
    folder : Path or None
        Where files were written; None where nothing was.
    """

    found: Found
    folder: Path | None = None

    @property
    def now(self) -> pd.Timestamp:
        """From when, UTC."""
        return self.found.now

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        return self.found.warnings

    @property
    def series(self) -> pd.DataFrame:
        """The forecast at the knots.

        Columns ``time`` (UTC), ``lead`` [h], ``variable``, ``unit``, the model (median of the seeds), ``hybrid_low``
        and ``hybrid_high`` (range of the seeds), ``band_low`` and ``band_high``.
        """
        return self.found.series.copy()

    @property
    def inputs(self) -> pd.DataFrame:
        """The inputs that are foreseen: ``time`` (UTC), and a column an input."""
        return self.found.foreseen.copy()

    @property
    def errors(self) -> pd.DataFrame:
        """What such forecasts erred by until now: index ``variable``, ``lead`` [h].

        Columns ``on`` (``new data``, or ``validation block`` where the former are too few), ``n``, ``rmse``,
        ``persistence`` (RMSE of the last value kept), ``coverage`` [-] and mean ``width`` of the band.
        """
        rows = [{"variable": label, **row} for label, found in self.found.errors.items() for row in found]
        keys = ["variable", "lead"]
        columns = [*keys, "on", "n", "rmse", "persistence", "coverage", "width"]
        return pd.DataFrame(rows, columns=columns).set_index(keys)

    @property
    def facts(self) -> Mapping[str, Any]:
        """All figures, as in ``forecast.json``."""
        return forecast_facts(self.found)

    def _described(self) -> str:
        rows = [f"  {label}: highest {_highest(row)}" for label, row in self.facts["variables"].items()]
        return "\n".join([f"Forecast from {self.now:%Y-%m-%d %H:%M} UTC, {self.found.horizon:g} h", *rows])

    def _card(self) -> str:
        rows = [
            [label, f"{e['lead']:g} h", number(e["rmse"]), number(e["persistence"]), percent(e["coverage"])]
            for label, row in self.facts["variables"].items()
            for e in row["errors"]
        ]
        header = ["Variable", "Ahead", "RMSE", "Last value kept", "Band holds"]
        return card(
            f"Forecast from {self.now:%Y-%m-%d %H:%M} UTC, {self.found.horizon:g} h",
            note(f"what comes in: {self.found.ahead.text}"),
            *(paragraph(f"{k}: highest {_highest(row)}") for k, row in self.facts["variables"].items()),
            tabulated(header, rows, "What such forecasts erred by until now", text=frozenset({0})),
            listed(self.warnings, "warning", "warnings"),
            note(str(self.folder)) if self.folder else "",
        )


def _highest(row: Mapping[str, Any]) -> str:
    """Return the highest value that is foreseen, with its band and time."""
    h = row["highest"]
    values = f"{number(h['value'])} ({number(h['low'])} to {number(h['high'])}) {unit_text(row['unit'])}"
    return f"{values} at {h['time'][:16].replace('T', ' ')} UTC"
