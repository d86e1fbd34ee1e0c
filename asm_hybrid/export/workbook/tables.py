"""Sheets of parameters, their correlations, sensors, scores and what f lacks; alone they are ``parameters.xlsx``."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from asm_hybrid.export.workbook.sheets import Sheets

__all__ = ["new_workbook", "parameter_sheets", "parameter_workbook", "result_sheets"]

_PARAMETERS = (
    ("name", "Parameter"),
    ("value", "Value"),
    ("default", "Default"),
    ("lower", "Lower bound"),
    ("upper", "Upper bound"),
    ("unit", "Unit"),
    ("source", "Source of default"),
    ("calibrated", "Calibrated"),
    ("at_bound", "At bound"),
    ("std_error", "Standard error"),
    ("profile_low", "Profile, low"),
    ("profile_high", "Profile, high"),
    ("profile_open", "Profile open at"),
)
_MISSING = (
    ("kind", "Kind"),
    ("name", "Name"),
    ("tank", "Tank"),
    ("share", "Share of n's effect on what is measured"),
    ("own", "Mean of f"),
    ("learnt", "Mean change by n"),
    ("unit", "Unit"),
)
_SCORES = ("rmse", "mae", "bias", "r2", "n")


def parameter_workbook(parameters: Mapping[str, Any], summary: Mapping[str, Any]) -> bytes:
    """Return an XLSX file; the same content gives the same bytes.

    Parameters
    ----------
    parameters : mapping
        ``parameters.json`` of a run.
    summary : mapping
        ``summary.json`` of the run.

    Returns
    -------
    bytes
        Workbook with the sheets Parameters, Correlations, Sensors (where one has a bias or a lag), Scores, Missing and
        Run. Text is stored as text: a name that begins with ``=`` does not become a formula.
    """
    stream = io.BytesIO()
    with new_workbook(stream, summary) as book:
        sheets = Sheets(book)
        parameter_sheets(sheets, parameters)
        result_sheets(sheets, summary)
    return stream.getvalue()


def new_workbook(stream: io.BytesIO, summary: Mapping[str, Any]) -> xlsxwriter.Workbook:
    """Return an empty workbook that takes no text for a formula or a link.

    Parameters
    ----------
    stream : BytesIO
        Where it is written when it is closed.
    summary : mapping
        ``summary.json`` of the run, which gives title and date.

    Returns
    -------
    Workbook
    """
    created = datetime.fromisoformat(summary["created"]).replace(tzinfo=None)
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(stream, options)
    book.set_properties({"title": summary["name"], "author": "asm-hybrid", "created": created})
    return book


def parameter_sheets(sheets: Sheets, parameters: Mapping[str, Any]) -> None:
    """Add what ``parameters.json`` holds: Parameters, Correlations, and Sensors where one has a bias or a lag.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    parameters : mapping
        ``parameters.json`` of a run.
    """
    rows = [[row.get(key) for key, _ in _PARAMETERS] for row in parameters["parameters"]]
    flagged = [i for i, row in enumerate(parameters["parameters"]) if row.get("at_bound")]
    sheets.add("Parameters", [title for _, title in _PARAMETERS], rows, flagged)
    _correlations(sheets, parameters.get("correlations") or {})
    _sensors(sheets, parameters.get("sensors") or {})


def result_sheets(sheets: Sheets, summary: Mapping[str, Any]) -> None:
    """Add what ``summary.json`` holds: Scores, Missing and Run.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    summary : mapping
        ``summary.json`` of a run.
    """
    header = ["Block", "Variable", "Unit", "Model", "RMSE", "MAE", "Bias", "R2", "Samples"]
    sheets.add("Scores", header, _scores(summary))
    _missing(sheets, summary.get("missing") or [])
    sheets.add("Run", ["Entry", "Value"], _facts(summary))


def _correlations(sheets: Sheets, correlations: Mapping[str, Mapping[str, Any]]) -> None:
    names = list(correlations)
    rows = [[a, *(correlations[a].get(b) for b in names)] for a in names]
    sheets.add("Correlations", ["Parameter", *names], rows)


def _sensors(sheets: Sheets, sensors: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    keys = ("value", "low", "high", "profile_low", "profile_high", "unit", "learnt")
    rows = [
        [column, trait, *(row.get(k) for k in keys)]
        for column, traits in sensors.items()
        for trait, row in traits.items()
    ]
    if rows:
        sheets.add(
            "Sensors",
            ["Column", "Trait", "Median", "Lowest", "Highest", "95 % from", "95 % to", "Unit", "Learnt"],
            rows,
        )


def _scores(summary: Mapping[str, Any]) -> list[list[Any]]:
    return [
        [block, variable, summary["variables"][variable]["unit"], model, *(_score(score, key) for key in _SCORES)]
        for block, variables in summary.get("scores", {}).items()
        for variable, models in variables.items()
        for model, score in models.items()
    ]


def _score(score: Mapping[str, Any], key: str) -> Any:
    """Return a score; a bias that is nothing but rounding is zero."""
    value = score.get(key)
    return 0.0 if key == "bias" and value is not None and abs(value) < 1e-9 * (score.get("rmse") or 0.0) else value


def _missing(sheets: Sheets, entries: Sequence[Mapping[str, Any]]) -> None:
    rows = [[entry.get(key) for key, _ in _MISSING] for entry in entries]
    sheets.add("Missing", [title for _, title in _MISSING], rows)


def _facts(summary: Mapping[str, Any]) -> list[list[Any]]:
    rows: list[list[Any]] = [
        [key, summary[key]] for key in ("name", "mode", "created", "version", "device") if key in summary
    ]
    rows.insert(2, ["placement", ", ".join(summary.get("placements") or ["none"])])
    rows += [[f"block {name}", " to ".join(span)] for name, span in summary.get("blocks", {}).items()]
    verdict = summary.get("verdict")
    rows += [["verdict", verdict["sentence"]]] if verdict else []
    return rows + [["warning", text] for text in summary.get("warnings", [])]
