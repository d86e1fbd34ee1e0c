"""The plant beside which data are proposed: its tanks, streams and constants, and what a name in the model means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asm_hybrid.config import Config, PlantFile, load_kinetics, load_plant, load_plant_or_config
from asm_hybrid.config.builders.influent_split import influent_sums
from asm_hybrid.data.words import plain_words
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.plant.families import SUMS
from asm_hybrid.plant.inputs import INFLUENT
from asm_hybrid.plant.layout import EFFLUENT
from asm_hybrid.yamlfile import YamlSource, load_yaml

__all__ = ["Change", "KnownPlant", "known_plant"]

FLOWS = ("Q_in", "return_sludge", "wastage")
Keys = tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What has to change in the plant, since a column gives it.

    Attributes
    ----------
    keys : tuple of str
        The key.
    value : object
        What has to stand there; None where the key has to go.
    """

    keys: Keys
    value: Any = None

    def __str__(self) -> str:
        key = ".".join(self.keys)
        return f"remove {key}" if self.value is None else f"set {key}: {self.value}"


@dataclass(frozen=True)
class KnownPlant:
    """A plant, or nothing but the default kinetics where none is given.

    Attributes
    ----------
    file : PlantFile or None
        The plant.
    table : Table
        Its kinetics.
    content : dict
        What its file says.
    tanks : mapping of str to str
        Its tanks, with their names in plain words.
    """

    file: PlantFile | None
    table: Table
    content: Mapping[str, Any] = field(default_factory=dict)
    tanks: Mapping[str, str] = field(default_factory=dict)

    @property
    def sums(self) -> Mapping[str, str]:
        """Measured sums of the influent that it takes, by name in the model."""
        return influent_sums(self.file, self.table) if self.file else {f"{INFLUENT}{s}": "g/m3" for s in SUMS}

    @property
    def recycles(self) -> tuple[str, ...]:
        """Names of its recycles."""
        return tuple(self.file.plant.recycles) if self.file else ()

    @property
    def volume(self) -> float:
        """Volume of all its tanks [m3]; zero where it is not known."""
        return sum(tank.volume for tank in self.file.plant.tanks.values()) if self.file else 0

    def aerated(self, tank: str) -> bool:
        """Return whether oxygen is computed in a tank, from kLa or an air flow."""
        if self.file is None:
            return False
        plant = self.file.plant
        moved = {target for loop in plant.control.values() for target in loop.move}
        moved |= {target for cycle in plant.cycles.values() for phase in cycle.phases for target in phase.set}
        section = plant.tanks[tank]
        return section.kla is not None or section.air is not None or f"{tank}.kla" in moved

    def component(self, *names: str) -> str:
        """Return the first of some names that the kinetics has as a component or composite; empty if none."""
        return next((name for name in names if name in self.table.units), "")

    def role(self, target: str) -> str:
        """Return the role of a column by the name it stands for."""
        place, _, name = target.partition(".")
        if target in (*FLOWS, "T") or f"{place}." == INFLUENT or place == "recycle" or name in ("kla", "air", "decant"):
            return "input"
        if name and name == self.table.oxygen and place in self.tanks and not self.aerated(place):
            return "imposed"
        return "observation"

    def unit(self, target: str) -> str:
        """Return the internal unit of a name in the model."""
        place, _, name = target.partition(".")
        if target in FLOWS or place == "recycle" or name in ("air", "decant"):
            return "m3/d"
        if target == "T":
            return "degC"
        return "1/d" if name == "kla" else self.table.units.get(name, "g/m3")

    def fault(self, target: str) -> str:
        """Return why a name cannot be used; empty where it can."""
        place, _, name = target.partition(".")
        if target in (*FLOWS, "T"):
            return ""
        if not (place and name):
            return (
                f"no name of the model: those are {', '.join(FLOWS)}, T, recycle.NAME, influent.COD, TANK.kla, and "
                f"TANK.X and effluent.X with X a variable of {self.table.name}"
            )
        if place == "recycle":
            known = not self.file or name in self.recycles
            return "" if known else f"the plant has no recycle {name!r}; {nearest(name, self.recycles)}"
        if self.file and place not in (*self.tanks, EFFLUENT, "influent", "offgas"):
            return f"the plant has no tank {place!r}; {nearest(place, [*self.tanks, EFFLUENT])}"
        if name in ("kla", "air", "decant"):
            return f"{name} belongs to a tank" if place in (EFFLUENT, "influent", "offgas") else ""
        if name not in self.table.units and not name.startswith("offgas"):
            return f"{name!r} is no variable of {self.table.name}; {nearest(name, self.table.units)}"
        components = {c.name for c in self.table.components}
        if place == "influent" and name not in components and target not in self.sums:
            if name in SUMS:
                return (
                    "a measured sum of the influent: the plant has no fractionation that splits it into components; "
                    "add fractionation: {type: raw} under plant.influent"
                )
            return f"the influent is given by components, or by {', '.join(SUMS)} with a fractionation"
        return ""

    def changes(self, target: str) -> list[Change]:
        """Return what has to change in the plant when a column gives an input."""
        if self.file is None or self.role(target) != "input":
            return []
        plant = self.file.plant
        place, _, name = target.partition(".")
        keys: Keys = ()
        if target == "T" and plant.temperature is not None:
            keys = ("plant", "temperature")
        elif target == "Q_in" and plant.influent.flow is not None:
            keys = ("plant", "influent", "flow")
        elif place == "influent" and name in plant.influent.composition:
            keys = ("plant", "influent", "composition", name)
        elif target == "return_sludge" and plant.return_sludge and plant.return_sludge.flow is not None:
            keys = ("plant", "return_sludge", "flow")
        elif target == "wastage" and plant.wastage and plant.wastage.flow is not None:
            keys = ("plant", "wastage", "flow")
        elif place == "recycle" and plant.recycles[name].flow is not None:
            keys = ("plant", "recycles", name, "flow")
        elif name == "kla" and plant.tanks[place].kla != "measured":
            return [Change(("plant", "tanks", place, "kla"), "measured")]
        elif name == "air" and (law := plant.tanks[place].air) and law.flow is not None:
            return [Change(("plant", "tanks", place, "air", "flow"), "measured")]
        return [Change(keys)] if keys else []


def known_plant(source: YamlSource | None) -> KnownPlant:
    """Read the plant beside which data are proposed.

    Parameters
    ----------
    source : str, Path, mapping or None
        A shipped layout, the file of a plant, a config, or a config that has no data yet; None for no plant.

    Returns
    -------
    KnownPlant

    Raises
    ------
    InputError
        If the file is neither of them.
    """
    if source is None:
        return KnownPlant(None, load_table("asm1"))
    file = _read(source)
    content = {key: value for key, value in _content(source, file).items() if key != "data"}
    table = load_kinetics(file)
    return KnownPlant(file, table, content, {name: plain_words(name) for name in file.plant.tanks})


def _read(source: YamlSource) -> PlantFile:
    shipped = not isinstance(source, Mapping) and not str(source).endswith((".yaml", ".yml"))
    if shipped:
        return load_plant(source)
    document = load_yaml(source)
    if "plant" not in document.data:
        raise InputError(
            "the file has no section 'plant'",
            where=str(document.path),
            expected="a shipped layout, the file of a plant, or a config",
        )
    beyond = set(document.data) - set(PlantFile.model_fields) - {"extends"}
    model = set(document.data.get("model") or {}) - {"kinetics", "parameters"}
    if "data" in document.data or not (beyond or model):
        return load_plant_or_config(source)
    file = Config.model_validate({**document.data, "data": _NO_DATA})
    file._document = document
    return file


_NO_DATA = {
    "sources": {"none": {"file": "none.csv", "time": {"column": "time"}, "columns": {"none": {"role": "ignored"}}}}
}
"""What stands for the data of a config that has none yet."""


def _content(source: YamlSource, file: PlantFile) -> dict[str, Any]:
    """Return what the file of a plant says, with what it extends."""
    if not isinstance(source, Mapping) and str(source).endswith((".yaml", ".yml")):
        written = load_yaml(source).data
        if "extends" not in written:
            return dict(written)
    elif isinstance(source, Mapping) and "extends" not in source:
        return dict(source)
    return dict(file.model_dump(mode="json", by_alias=True, exclude_unset=True))
