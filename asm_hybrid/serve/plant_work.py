"""What pages ask of the process that simulates: functions that load what they need there, and not in the server."""

from __future__ import annotations

from typing import Any

from asm_hybrid.serve.exchanged import Description, Result, Series
from asm_hybrid.serve.worker import Tell

__all__ = ["csv_files", "describe", "draw", "opened_file", "page", "series", "simulate"]


def describe(subject: str, document: dict[str, Any]) -> Description:
    """Return what can be played with, as a scenario file has settings and the plant has the rest.

    Parameters
    ----------
    subject : str
        What the user named.
    document : dict
        The scenario file.

    Returns
    -------
    Description
    """
    from asm_hybrid.serve.plant_facts import described

    return described(subject, document)


def draw(subject: str, document: dict[str, Any], case: str) -> str:
    """Return the flow sheet of a case as SVG whose parts can be chosen, with its mean flows.

    Parameters
    ----------
    subject, document
        As in `describe`.
    case : str
        Name of the case, ``base`` or one of the scenarios.

    Returns
    -------
    str
        Empty for a model without a plant.
    """
    from asm_hybrid.serve.plant_facts import drawn

    return drawn(subject, document, case)


def simulate(subject: str, document: dict[str, Any], tell: Tell) -> Result:
    """Simulate the base case and all scenarios.

    Parameters
    ----------
    subject, document
        As in `describe`.
    tell : callable
        Called with what is done and the share of it.

    Returns
    -------
    Result
    """
    from asm_hybrid.serve.plant_results import simulated

    return simulated(subject, document, tell)


def series(subject: str, document: dict[str, Any], names: tuple[str, ...]) -> Series:
    """Return series of all cases; what was simulated is not simulated again.

    Parameters
    ----------
    subject, document
        As in `describe`.
    names : tuple of str
        Which, by `Quantity.name`.

    Returns
    -------
    Series
        A case has only those that it has.
    """
    from asm_hybrid.serve.plant_results import series_of

    return series_of(subject, document, names)


def csv_files(subject: str, document: dict[str, Any]) -> dict[str, str]:
    """Return the tables that the command line writes, by the name of their file.

    Parameters
    ----------
    subject, document
        As in `describe`.

    Returns
    -------
    dict of str to str
        ``indicators.csv``, and ``CASE/series.csv`` of each case.
    """
    from asm_hybrid.serve.plant_results import tables

    return tables(subject, document)


def page(subject: str, document: dict[str, Any]) -> bytes:
    """Return the page that the command line writes.

    Parameters
    ----------
    subject, document
        As in `describe`.

    Returns
    -------
    bytes
        HTML in one file.
    """
    from asm_hybrid.serve.plant_results import whole_page

    return whole_page(subject, document)


def opened_file(text: str, name: str) -> dict[str, Any]:
    """Check a scenario file, and return what stands in it.

    Parameters
    ----------
    text : str
        The file.
    name : str
        Its name, for messages.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        With line and key.
    """
    from asm_hybrid.scenario.definition import read_scenario
    from asm_hybrid.yamlfile import parse_yaml

    return read_scenario(parse_yaml(text, name)).document.data
