"""Keys of a plant file or config as factors: what stands at a key, and the file with other values at some."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from asm_hybrid.config import PlantFile, input_error
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.parallel import Value
from asm_hybrid.studies.sections import DistributionSection
from asm_hybrid.yamlfile import parse_yaml

__all__ = ["Amount", "amount_at", "unit_of_texts", "with_keys", "written"]

File = TypeVar("File", bound=PlantFile)
_NUMBER = re.compile(r"\s*([-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)\s+(\S.*)")


@dataclass(frozen=True)
class Amount:
    """What stands at a key.

    Attributes
    ----------
    number : float or None
        The number; None where there is none.
    unit : str
        Its unit, where the file writes it with one; empty otherwise.
    whole : bool
        Whether it is a whole number, such as a count.
    """

    number: float | None
    unit: str = ""
    whole: bool = False


@dataclass(frozen=True)
class _Keyed:
    """Where a key of a changed file stands: in the study, or in the file."""

    below: Any
    places: Mapping[tuple[str, ...], str]

    @property
    def path(self) -> Any:
        return self.below.path

    @property
    def text(self) -> str:
        return str(self.below.text)

    def line(self, *keys: str | int) -> int:
        return int(self.below.line(*keys))

    def where(self, *keys: str | int) -> str:
        found = [where for path, where in self.places.items() if keys[: len(path)] == path]
        return found[0] if found else str(self.below.where(*keys))


def _content(file: PlantFile) -> dict[str, Any]:
    return file.model_dump(mode="json", by_alias=True)


def _path(content: Any, key: str, where: str) -> tuple[str | int, ...]:
    """Return the steps to a key; names of tanks and the like hold no points, those of others may."""
    steps: list[str | int] = []
    here, left = content, key
    while left:
        options = _options(here)
        fitting = [name for name in options if left == name or left.startswith(f"{name}.")]
        if not fitting:
            before = ".".join(map(str, steps))
            raise InputError(
                f"there is no key {key!r}",
                where=where,
                expected=f"{before}., and behind it one of {', '.join(options)}" if before else "a key of the file",
                fix=nearest(left.partition(".")[0], options),
            )
        name = max(fitting, key=len)
        step: str | int = int(name) if isinstance(here, list) else name
        steps.append(step)
        here, left = here[step], left[len(name) + 1 :]
    return tuple(steps)


def _options(here: Any) -> list[str]:
    if isinstance(here, dict):
        return list(here)
    return [str(i) for i in range(len(here))] if isinstance(here, list) else []


def amount_at(file: PlantFile, key: str, where: str) -> Amount:
    """Return what stands at a key of a file.

    Parameters
    ----------
    file : PlantFile
        The file, or config, with every default.
    key : str
        Its path, such as ``plant.tanks.aerobic_1.volume``.
    where : str
        Place in the study file, for messages.

    Returns
    -------
    Amount

    Raises
    ------
    InputError
        When there is no such key, or it holds a section.
    """
    here: Any = _content(file)
    for step in _path(here, key, where):
        here = here[step]
    if isinstance(here, dict):
        options = [f"{key}.{name}" for name in _options(here)]
        raise InputError(
            f"{key!r} holds no value but a section",
            where=where,
            expected="a key with a value, such as one of " + ", ".join(options) if options else "a key with a value",
        )
    return _amount(here)


def _amount(value: Any) -> Amount:
    """Return a value of a file as a number with its unit."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        return Amount(float(match[1]), match[2]) if match else Amount(None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Amount(None)
    return Amount(float(value), whole=isinstance(value, int))


def unit_of_texts(section: DistributionSection) -> str:
    """Return the unit in which a distribution is written; nothing where it is plain numbers.

    Parameters
    ----------
    section : DistributionSection
        What the study file says.

    Returns
    -------
    str
        That of its first value with one.
    """
    for value in section.given:
        match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            return match[2]
    return ""


def with_keys(file: File, changes: Mapping[str, tuple[str, Value, str]], places: Mapping[str, str]) -> File:
    """Return a file with other values at some keys, checked like one that a person wrote.

    Parameters
    ----------
    file : PlantFile
        The file, or config.
    changes : mapping of str to tuple
        By key, the way (``scale``, ``shift`` or ``set``), the value, and its unit.
    places : mapping of str to str
        By key, the place in the study file, for messages.

    Returns
    -------
    PlantFile
        Of the type of `file`.

    Raises
    ------
    InputError
        When a value cannot be, with its place in the study file.
    """
    content = copy.deepcopy(_content(file))
    located: dict[tuple[str, ...], str] = {}
    for key, (way, value, unit) in changes.items():
        path = _path(content, key, places[key])
        here: Any = content
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = written(here[path[-1]], way, value, unit, places[key])
        located[tuple(str(step) for step in path)] = places[key]
    document: Any = _Keyed(file._document, located) if file._document is not None else None
    kind = type(file)
    try:
        found = kind.model_validate(content)
    except ValidationError as error:
        said = input_error(error, kind, document)
        found_at = f"{' and '.join(changes)}: {said.found}"
        raise InputError(found_at, where=said.where, expected=said.expected, fix=said.fix) from None
    found._document = document
    return found


def written(before: Any, way: str, value: Value, unit: str, where: str | None) -> Any:
    """Return what is written at a key in the place of a value.

    Parameters
    ----------
    before : object
        The value.
    way : str
        ``scale``, ``shift`` or ``set``.
    value : float or str
        Factor, difference or new value; a text is read as YAML.
    unit : str
        Unit of a new value; ``-`` or nothing without one.
    where : str or None
        Place in the study file, for messages.

    Returns
    -------
    object
        A whole number where the value was one.

    Raises
    ------
    InputError
        When a scale or a shift finds no number.
    """
    if isinstance(value, str):
        return parse_yaml(f"value: {value}", where or "study").data["value"]
    present, number = _amount(before), value
    if way != "set":
        if present.number is None:
            raise InputError(
                f"the key holds {before!r:.60}, which {way} cannot change",
                where=where,
                expected="a key that holds a number",
                fix="use set, with the values themselves",
            )
        number = present.number * value if way == "scale" else present.number + value
        unit = present.unit
    if present.whole:
        return round(number)
    return f"{number!r} {unit}" if unit not in ("", "-") else number
