"""From what a header says to a name in the model, or to the question that only a person can answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from asm_hybrid.data.words import vocabulary
from asm_hybrid.proposal.naming import TANK_KINDS, Meaning
from asm_hybrid.proposal.plants import KnownPlant

__all__ = ["Placed", "place"]

COMPONENTS = {
    "ammonium": ("S_NH", "S_NH4"),
    "nitrate": ("S_NO", "S_NO3", "S_NOX", "NOX"),
    "nitrite": ("S_NO2",),
    "phosphate": ("S_PO4",),
    "oxygen": ("S_O", "S_O2"),
    "alkalinity": ("S_ALK",),
}
SUMS = ("COD", "SCOD", "BOD5", "TKN", "TN", "TP", "TSS", "VSS")
"""Quantities that composites of a table are named by."""
STREAMS = {"influent": "Q_in", "return_sludge": "return_sludge", "wastage": "wastage"}
LIQUOR = ("mlss", "mlvss", "sslm", "sslmv", "污泥浓度")
"""Words for solids that stand for those of a tank."""


@dataclass(frozen=True)
class Placed:
    """What a column stands for, as far as it is clear.

    Attributes
    ----------
    target : str
        Name in the model; empty where it has none, or it is not clear.
    reason : str
        Why it cannot be used.
    question : str
        What has to be asked.
    answer : str
        The name with which it is answered, as an example.
    """

    target: str = ""
    reason: str = ""
    question: str = ""
    answer: str = ""


def place(said: Meaning, plant: KnownPlant) -> Placed | None:
    """Return what a header stands for.

    Parameters
    ----------
    said : Meaning
        What it says.
    plant : KnownPlant
        The plant.

    Returns
    -------
    Placed or None
        None where no quantity is named at all.
    """
    if not said.quantities:
        return None
    if len(said.quantities) > 1:
        named = " and ".join(said.quantities)
        return Placed(question=f"the header names {named}: what does it measure?", answer="NAME")
    what = said.quantity
    if what == "temperature":
        return Placed("T")
    if what == "flow":
        return _flow(said, plant)
    if what in ("air flow", "kla"):
        return _tank(said, plant, "air" if what == "air flow" else "kla")
    names = COMPONENTS.get(what, (what,) if what in SUMS else ())
    if not names:
        return Placed(reason=f"{what}: no name in the model stands for it")
    name = plant.component(*names)
    if not name:
        return Placed(reason=f"{what}: the kinetics {plant.table.name} has no such variable")
    return _concentration(said, plant, name)


def _flow(said: Meaning, plant: KnownPlant) -> Placed:
    streams = said.streams
    if streams == ("recycle",):
        named = [r for r in plant.recycles if re.sub(r"[\W_]+", " ", r.casefold()) in said.words]
        fitting = named or list(plant.recycles)
        if len(fitting) == 1:
            return Placed(f"recycle.{fitting[0]}")
        return Placed(question="which recycle is it?", answer=f"recycle.{(*plant.recycles, 'NAME')[0]}")
    if len(streams) == 1 and streams[0] in STREAMS:
        return Placed(STREAMS[streams[0]])
    if streams == ("effluent",):
        return Placed(
            reason="the flow of the effluent follows from the others; where it stands for the influent's, Q_in"
        )
    options = ["Q_in", "return_sludge", "wastage", *(f"recycle.{name}" for name in plant.recycles)]
    return Placed(question=f"which flow is it ({', '.join(options)})?", answer="Q_in")


def _concentration(said: Meaning, plant: KnownPlant, name: str) -> Placed:
    streams = said.streams
    if len(streams) == 1 and streams[0] in ("influent", "effluent") and not said.kinds:
        return Placed(f"{streams[0]}.{name}")
    if len(streams) == 1 and streams[0] in ("return_sludge", "wastage", "recycle"):
        return Placed(
            reason=f"{said.quantity} of the {streams[0].replace('_', ' ')}: no name in the model stands for it"
        )
    if streams:
        places = " and ".join(s.replace("_", " ") for s in (*streams, *said.kinds))
        return Placed(question=f"the header names {places}: where does the sensor stand?", answer=f"influent.{name}")
    return _tank(said, plant, name)


def _tank(said: Meaning, plant: KnownPlant, name: str) -> Placed:
    found = _tanks(said, plant)
    if len(found) == 1:
        return Placed(f"{found[0]}.{name}")
    in_tank = name in ("air", "kla", plant.table.oxygen) or any(word in said.words.split() for word in LIQUOR)
    if not found and in_tank and len(plant.tanks) == 1:
        return Placed(f"{next(iter(plant.tanks))}.{name}")
    options = [*(found or plant.tanks)] or ["TANK"]
    if not in_tank and not found:
        options += ["influent", "effluent"]
    which = "which tank is it" if found or in_tank else "where does the sensor stand"
    listed = ", ".join(f"{tank}.{name}" for tank in options)
    return Placed(question=f"{which} ({listed})?", answer=f"{options[0]}.{name}")


def _tanks(said: Meaning, plant: KnownPlant) -> list[str]:
    """Return the tanks that a header may mean: one where it is clear."""
    named = [tank for tank, words in plant.tanks.items() if _stands_in(words, said.words)]
    if named:
        longest = max(len(plant.tanks[tank]) for tank in named)
        return [tank for tank in named if len(plant.tanks[tank]) == longest]
    if len(said.kinds) != 1:
        return []
    alike = [tank for tank, words in plant.tanks.items() if _kinds(words) == list(said.kinds)]
    numbers = re.findall(r"\d+", said.rest)
    if len(numbers) != 1:
        return alike
    numbered = [tank for tank in alike if re.findall(r"\d+", tank) == numbers]
    plain = [tank for tank in alike if not re.search(r"\d", tank)]
    return numbered or (plain if len(alike) == 1 else alike)


def _kinds(words: str) -> list[str]:
    return list(dict.fromkeys(f.name for f in vocabulary("places").find(words) if f.name in TANK_KINDS))


def _stands_in(tank: str, words: str) -> bool:
    """Return whether the name of a tank stands in a header, whatever parts its words and numbers."""
    parts: Sequence[str] = re.findall(r"\d+|[^\d\s]+", tank)
    pattern = r"\s?".join(map(re.escape, parts))
    if not tank.isascii():
        return re.search(pattern, words) is not None
    return re.search(rf"(?<![a-z0-9]){pattern}(?![a-z0-9])", words.casefold()) is not None
