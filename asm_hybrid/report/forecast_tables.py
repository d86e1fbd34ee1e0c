"""The tables of forecasts, with their bands, and of the bands in simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asm_hybrid.report.model_style import in_order, model_title
from asm_hybrid.report.run_record import Bands, ForecastRecord, Score, Variable
from asm_hybrid.report.style import number, percent, unit_text
from asm_hybrid.report.verdict_text import best_model

__all__ = ["BandRow", "ForecastCell", "ForecastHorizon", "ForecastRow", "ForecastTable", "band_rows", "forecast_table"]


@dataclass(frozen=True)
class ForecastCell:
    """RMSE of one model for one variable at one horizon, as text.

    Attributes
    ----------
    rmse, spread : str
        Median over seeds, and their range, which is empty with fewer than two [unit of the variable].
    best : bool
        Whether no model has a lower RMSE.
    """

    rmse: str
    spread: str
    best: bool


@dataclass(frozen=True)
class ForecastRow:
    """One model at one horizon.

    Attributes
    ----------
    model, title : str
        Its name, and the one for readers.
    cells : tuple of ForecastCell or None
        One a variable; None where the model has no score.
    """

    model: str
    title: str
    cells: tuple[ForecastCell | None, ...]


@dataclass(frozen=True)
class ForecastHorizon:
    """One horizon, with a row for each model.

    Attributes
    ----------
    name : str
        Such as ``6 h``.
    samples : tuple of str
        Number of samples of each variable.
    rows : tuple of ForecastRow
        The models, in the order of all tables.
    held : tuple of (str, str) or None
        Of each variable what the band held [%], and its mean width [unit of the variable]; None without a band.
    """

    name: str
    samples: tuple[str, ...]
    rows: tuple[ForecastRow, ...]
    held: tuple[tuple[str, str] | None, ...]


@dataclass(frozen=True)
class ForecastTable:
    """Forecasts of one block.

    Attributes
    ----------
    variables : tuple of (str, str)
        Name and unit of each variable, in the order of the columns.
    horizons : tuple of ForecastHorizon
        The horizons that have scores.
    """

    variables: tuple[tuple[str, str], ...]
    horizons: tuple[ForecastHorizon, ...]


@dataclass(frozen=True)
class BandRow:
    """The band of one variable, as text.

    Attributes
    ----------
    variable, unit : str
        The variable, and its unit.
    residual : str
        Standard deviation that the spread of the seeds does not explain [unit of the variable].
    blocks : tuple of (str, str, str)
        Of the blocks validate and test: number of samples, mean width [unit of the variable], coverage [%].
    """

    variable: str
    unit: str
    residual: str
    blocks: tuple[tuple[str, str, str], ...]


def forecast_table(record: ForecastRecord, block: str, variables: Mapping[str, Variable]) -> ForecastTable | None:
    """Return the forecasts of one block as text.

    Parameters
    ----------
    record : ForecastRecord
        Forecasts of the run.
    block : str
        ``test`` or ``validate``.
    variables : mapping of str to Variable
        The measured variables, in the order of the columns.

    Returns
    -------
    ForecastTable or None
        None where no sample of the block was forecast.
    """
    scores = {horizon: found for horizon, found in record.scores.get(block, {}).items() if found}
    if not scores:
        return None
    groups = []
    for horizon, found in scores.items():
        models = in_order({m for v in variables for m in found.get(v, {})})
        rows = tuple(ForecastRow(m, model_title(m), _cells(m, found, tuple(variables))) for m in models)
        samples = tuple(f"{max((s.n for s in found.get(v, {}).values()), default=0):,}" for v in variables)
        bands = record.bands.get(block, {}).get(horizon, {})
        held = tuple((percent(bands[v].coverage), number(bands[v].width)) if v in bands else None for v in variables)
        groups.append(ForecastHorizon(horizon, samples, rows, held))
    return ForecastTable(tuple((n, unit_text(v.unit)) for n, v in variables.items()), tuple(groups))


def band_rows(bands: Bands, variables: Mapping[str, Variable]) -> list[BandRow]:
    """Return the bands in simulation as text.

    Parameters
    ----------
    bands : Bands
        Bands of the run.
    variables : mapping of str to Variable
        The measured variables, with their units.

    Returns
    -------
    list of BandRow
        One for each variable with a band.
    """
    rows = []
    for name, band in bands.variables.items():
        blocks = tuple(
            (f"{found.n:,}", number(found.width), percent(found.coverage)) if found else ("0", "–", "–")
            for found in (band.validate_, band.test)
        )
        rows.append(BandRow(name, unit_text(variables[name].unit), number(band.residual), blocks))
    return rows


def _cells(
    model: str, found: Mapping[str, Mapping[str, Score]], names: Sequence[str]
) -> tuple[ForecastCell | None, ...]:
    cells: list[ForecastCell | None] = []
    for name in names:
        score = found.get(name, {}).get(model)
        if score is None:
            cells.append(None)
            continue
        seeds = [s for s in score.rmse_seeds if s is not None]
        spread = f"{number(min(seeds))} to {number(max(seeds))}" if len(seeds) > 1 else ""
        cells.append(ForecastCell(number(score.rmse), spread, model == best_model(found[name])))
    return tuple(cells)
