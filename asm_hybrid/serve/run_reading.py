"""What the page shows of a run, read in the process beside the server.

The server imports this module, but for its types alone; what needs torch is imported when a function is called.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from asm_hybrid.artefacts import UNFINISHED
from asm_hybrid.errors import InputError
from asm_hybrid.serve.run_view import Curve, PageSeries, RunView, Stretch

if TYPE_CHECKING:
    import pandas as pd

    from asm_hybrid.report.run_record import Summary

__all__ = ["FADED", "OUTSIDE", "SIMULATION", "check_config", "compared", "read_run"]

MOST = 40_000
"""Samples of a series that are sent; a longer one is drawn with fewer that keep every peak."""
BLOCKS = {"train": "train", "validate": "validate", "test": "test"}
"""Blocks that are marked, by their names in the files."""
OUTSIDE = "outside of what training saw"
FADED = "n fades: far outside of training"
SIMULATION = "simulation"
NO_MODELS = {"time", "horizon", "measured", "censored"}
LINES = {"-": "solid", "--": "dashed", ":": "dotted", "-.": "dashed"}
"""What the browser calls the lines that matplotlib draws."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EACH = "%Y-%m-%dT%H:%M:%S"
REPORT, PICTURE = "report.html", "plot.svg"


def read_run(source: str) -> RunView:
    """Read a run.

    Parameters
    ----------
    source : str
        A run folder, a bundle, or a zip of either.

    Returns
    -------
    RunView

    Raises
    ------
    InputError
        When it holds no finished run, or a file is missing or is not the one that was written.
    """
    from asm_hybrid.jobs import EquationRun, open_run

    job = open_run(source)
    return _equations(job.result()) if isinstance(job, EquationRun) else _plant(job.fitted())


def check_config(path: str) -> tuple[str, int]:
    """Check a config, as ``asm-hybrid check`` does.

    Parameters
    ----------
    path : str
        The config.

    Returns
    -------
    (str, int)
        All that is to be said, and the number of errors.

    Raises
    ------
    InputError
        When it cannot be read at all.
    """
    from asm_hybrid.jobs import open_job

    found = open_job(path).check()
    return found.text.strip(), found.errors


def compared(sources: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[str]]:
    """Lay runs side by side, as ``asm-hybrid compare`` does.

    Parameters
    ----------
    sources : sequence of str
        Run folders, two or more.

    Returns
    -------
    (tuple of str, list of tuple of str, list of str)
        Headings, rows, and what is said of the runs.

    Raises
    ------
    InputError
        When they cannot be compared.
    """
    from asm_hybrid.jobs import open_run
    from asm_hybrid.report.compare import COLUMNS, compare_runs, told_apart
    from asm_hybrid.report.model_style import model_title
    from asm_hybrid.report.style import number, unit_text

    folders = [open_run(source).fitted() for source in sources]
    table = compare_runs(folders)
    runs = [name for name in table.columns if name not in COLUMNS]

    def cell(value: Any) -> str:
        return "–" if value is None or value != value else value if isinstance(value, str) else number(float(value))

    rows = [
        (
            " ".join(filter(None, (row["what"], row["variable"]))),
            unit_text(row["unit"]),
            model_title(row["model"]) if row["model"] else "",
            *(cell(row[name]) for name in runs),
        )
        for row in table.to_dict("records")
    ]
    return ("What", "Unit", "Model", *runs), rows, told_apart(folders)


def _equations(result: Any) -> RunView:
    """Return the run of a generic ODE: its text and its picture."""
    picture = result.picture  # checked
    return RunView(
        folder=str(result.folder),
        name=result.name,
        kind="equations",
        text=result.text.strip(),
        files=(picture.name,),
        notes=("This is the run of a generic ODE: it has no plant, no verdict and no diagnosis.",),
    )


def _plant(folder: Path) -> RunView:
    """Return the run of a plant: the chapters of its report, and its series to be drawn."""
    from asm_hybrid.manifest import read_manifest
    from asm_hybrid.report.run_files import display_zone, read_config, read_summary
    from asm_hybrid.report.run_page import chapter_style, render_chapters
    from asm_hybrid.report.run_tables import read_forecasts, read_predictions
    from asm_hybrid.training.record_departures import record_departures
    from asm_hybrid.workflow import finished_run

    names = read_manifest(folder)
    if "predictions.csv" not in names and not (folder / UNFINISHED).is_dir():
        raise InputError(
            "this is a bundle, which holds the fitted model, and no results of its training",
            where=str(folder),
            expected="a run folder",
            fix="open the run that it was exported from; the page of the plant shows what the bundle holds",
        )
    finished_run(folder)
    chapters, summary = render_chapters(folder), read_summary(folder)
    predictions, forecasts = read_predictions(folder), read_forecasts(folder)
    clock = _clock(display_zone(read_config(folder)[0]), predictions["time"])
    left = record_departures(folder)
    spans: list[tuple[str, Any, Any]] = [
        (title, *summary.blocks[name]) for name, title in BLOCKS.items() if name in summary.blocks
    ]
    spans += [(OUTSIDE, *span) for span in left.outside] + [(FADED, *span) for span in left.faded]
    return RunView(
        folder=str(folder),
        name=summary.name,
        kind="plant",
        chapters=chapters,
        style=chapter_style(".ah-report"),
        clock=str(clock),
        series=(*_series(predictions, SIMULATION, summary, clock), *_forecast_series(forecasts, summary, clock)),
        stretches=tuple(Stretch(title, *_stamps([begin, end], clock)) for title, begin, end in spans),
        departures=left.texts,
        files=(REPORT,) if REPORT in names else (),
    )


def _clock(zone: ZoneInfo, times: pd.Series) -> tzinfo:
    """Return the clock of the plant; where it is put back within the record, that of its first day throughout."""
    local = times.sort_values().dt.tz_convert(zone)
    offsets = local.map(lambda stamp: stamp.utcoffset())
    if len(offsets) and (offsets.diff() < timedelta(0)).any():
        return timezone(offsets.iloc[0])
    return zone


def _stamps(times: Any, clock: tzinfo) -> list[str]:
    """Return times as that clock shows them."""
    import pandas as pd

    return list(pd.DatetimeIndex(pd.to_datetime(times, utc=True)).tz_convert(clock).strftime(EACH))


def _forecast_series(frame: pd.DataFrame | None, summary: Summary, clock: tzinfo) -> Iterator[PageSeries]:
    """Return the forecasts of the test block, one task a horizon."""
    if frame is None:
        return
    test = frame[frame["block"] == "test"]
    for horizon in sorted(test["horizon"].unique()):
        yield from _series(test[test["horizon"] == horizon], f"forecast {horizon:g} h ahead", summary, clock)


def _series(frame: pd.DataFrame, task: str, summary: Summary, clock: tzinfo) -> Iterator[PageSeries]:
    """Return every variable of ``predictions.csv``, or of one horizon of ``forecasts.csv``."""
    from asm_hybrid.report.figures import BANDS
    from asm_hybrid.report.model_style import in_order
    from asm_hybrid.report.run_page import drawn_models
    from asm_hybrid.report.style import unit_text
    from asm_hybrid.training.compared import own_model
    from asm_hybrid.training.compared.persistence import MODEL as PERSISTENCE

    own = summary.verdict.model if summary.verdict else own_model(summary.mode).name
    bands = [(title, low.format(own=own), high.format(own=own)) for low, high, title, _ in BANDS]
    limits = {name for _, *names in bands for name in names}
    for name, variable in summary.variables.items():
        part = frame[frame["variable"] == name].sort_values("time")
        found = [
            m for m in map(str, part.select_dtypes("number")) if m not in NO_MODELS | limits and part[m].notna().any()
        ]
        if not len(part) or not found:
            continue
        models = in_order(found)
        held = [band for band in bands if band[1] in part and part[band[1]].notna().any()]
        times, columns = _drawable(part, ["measured", *models, *(c for _, *names in held for c in names)], own, clock)
        begin = drawn_models(summary, name, part, own) if task == SIMULATION else [PERSISTENCE.name, own]
        yield PageSeries(
            task=task,
            variable=name,
            target=variable.target,
            unit=unit_text(variable.unit),
            times=times,
            measured=columns["measured"],
            curves=tuple(_curve(m, columns[m]) for m in models),
            drawn=tuple(m for m in begin if m in models),
            own=own,
            bands=tuple((title, columns[low], columns[high]) for title, low, high in held),
        )


def _drawable(
    part: pd.DataFrame, names: Sequence[str], own: str, clock: tzinfo
) -> tuple[tuple[str, ...], dict[str, array[float]]]:
    """Return times and columns with a row of nothing in every gap that no line shall bridge, and not too many rows."""
    import numpy as np
    import pandas as pd

    from asm_hybrid.report.run_tables import thin, with_gaps

    names = list(dict.fromkeys(names))
    days = np.asarray((part["time"] - EPOCH) / pd.Timedelta(days=1), dtype=float)
    days, *values = with_gaps(days, *(part[name].to_numpy(float) for name in names))
    columns = dict(zip(names, values, strict=True))
    lead = columns.get(own, values[-1])
    kept = np.union1d(thin(columns["measured"], MOST), thin(lead, MOST)) if len(days) > MOST else np.arange(len(days))
    stamps = pd.to_datetime(days[kept], unit="D", utc=True).round("s")
    return tuple(_stamps(stamps, clock)), {name: array("d", column[kept]) for name, column in columns.items()}


def _curve(name: str, values: array[float]) -> Curve:
    from asm_hybrid.report.model_style import model_colour, model_line, model_title

    return Curve(name, model_title(name), model_colour(name), LINES.get(model_line(name), "dashed"), values)
