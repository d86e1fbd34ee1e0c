"""The published figures of BSM1 that come with the package, and how near ours are to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asm_hybrid.yamlfile import load_yaml

__all__ = ["Check", "Figure", "published_averages", "published_steady_state"]

FILE = Path(__file__).parent / "reference" / "bsm1.yaml"

SETTLED = 1e-8
"""How far, relative to its size, a published steady state may be from steady: it is the end of a long simulation."""


@dataclass(frozen=True)
class Figure:
    """One published figure.

    Attributes
    ----------
    printed : str
        As it is printed.
    note : str
        What is known about it.
    """

    printed: str
    note: str = ""

    @property
    def value(self) -> float:
        """Its value."""
        return float(self.printed)

    @property
    def decimals(self) -> int:
        """Digits behind the decimal point."""
        return len(self.printed.partition(".")[2])


@dataclass(frozen=True)
class Check:
    """A published figure beside ours.

    Attributes
    ----------
    name, unit : str
        What it is.
    figure : Figure
        What is published.
    ours : float
        What this program gives.
    tolerance : float or None
        Largest relative deviation; None where ours has to agree to every printed digit.
    """

    name: str
    unit: str
    figure: Figure
    ours: float
    tolerance: float | None = None

    @property
    def deviation(self) -> float:
        """Ours less the published figure, relative to it where the tolerance is."""
        difference = self.ours - self.figure.value
        return difference if self.tolerance is None else difference / self.figure.value

    @property
    def allowed(self) -> float:
        """Largest deviation: the tolerance, or half a unit of the last printed digit and `SETTLED`."""
        if self.tolerance is not None:
            return self.tolerance
        return 0.5 * 10.0**-self.figure.decimals + SETTLED * abs(self.figure.value)

    @property
    def passed(self) -> bool:
        """Whether ours is near enough."""
        return abs(self.deviation) <= self.allowed


@cache
def _content() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return load_yaml(FILE).data


def published_steady_state(loop: str) -> dict[str, Figure]:
    """Return the steady state at the constant influent, by names as in `PlantRecord.columns`.

    Parameters
    ----------
    loop : {'open', 'closed'}
        Without or with control.

    Returns
    -------
    dict of str to Figure
        With what is known about misprints.
    """
    content = _content()
    columns = str(content["steady_states"]["columns"]).split()
    found: dict[str, str] = {}
    for place, text in content["steady_states"][loop].items():
        cells = text.split()
        if place == "settler":
            names = [f"settler_{i + 1}.TSS" for i in range(len(cells))]
        else:
            names = [f"{place}.{name}" for name in columns] if len(cells) > 1 else [place]
        found |= dict(zip(names, cells, strict=True))
    notes = content["misprints"]
    return {name: Figure(cell, str(notes.get(f"{loop} {name}", ""))) for name, cell in found.items()}


def published_averages(loop: str, weather: str) -> dict[str, Figure]:
    """Return the averages of days 7 to 14, by names as those of indicators.

    Parameters
    ----------
    loop : {'open', 'closed'}
        Without or with control.
    weather : {'dry', 'rain', 'storm'}
        The influent.

    Returns
    -------
    dict of str to Figure
    """
    averages = _content()["averages"]
    column = str(averages["columns"]).split().index(weather)
    return {name: Figure(cells.split()[column]) for name, cells in averages[loop].items()}
