"""Typed access to the entries of a table's YAML document; every error names file, line and key."""

from __future__ import annotations

import keyword
import re
from typing import Any

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.extend import QUOTES, LayeredDocument
from asm_hybrid.kinetics.functions import FUNCTIONS
from asm_hybrid.kinetics.rate_inputs import COMMON
from asm_hybrid.units import Unit, parse_unit

__all__ = ["Fields", "Keys"]

Keys = tuple[str, ...]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_RESERVED = {"monod", "inhibition", "ratio", "X", "p", "xp", "T"}


class Fields:
    """The entries of a document.

    Parameters
    ----------
    document : LayeredDocument
        The document.
    """

    def __init__(self, document: LayeredDocument) -> None:
        self.document = document

    def error(self, found: str, keys: Keys, expected: str, fix: str | None = None) -> InputError:
        """Return the error for what was found under a key path."""
        return InputError(found, where=self.document.where(*keys), expected=expected, fix=fix)

    def get(self, keys: Keys) -> Any:
        """Return what stands under a key path, or None."""
        value: Any = self.document.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def mapping(self, keys: Keys) -> dict[str, Any]:
        """Return a mapping, empty where the key is missing."""
        value = self.get(keys)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(f"{value!r:.60} stands here", keys, "a mapping, 'name: …' or {name: …}")
        return value

    def check_keys(self, keys: Keys, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
        """Check that a mapping has all it needs and nothing that is not known."""
        value, known = self.mapping(keys), (*required, *optional)
        for key in value:
            if key not in known:
                fix = QUOTES if ")" in key else nearest(key, known)
                raise self.error(f"the key {key!r} is not known", (*keys, key), ", ".join(known), fix)
        for key in required:
            if value.get(key) is None:
                raise self.error(f"the key {key!r} is missing", keys, ", ".join(required), f"add '{key}: …'")

    def text(self, keys: Keys, default: str = "") -> str:
        """Return a text."""
        value = self.get(keys)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(f"{value!r:.60} is not a text", keys, "text", "put it between quotes")
        return value

    def number(self, keys: Keys) -> float:
        """Return a number."""
        return self.as_number(self.get(keys), keys)

    def as_number(self, value: Any, keys: Keys) -> float:
        """Check that a value is a number."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{value!r:.60} is not a number", keys, "a number")
        return float(value)

    def unit(self, keys: Keys, *, temperature: bool = False) -> Unit:
        """Return a unit that is one of the internal units, so that no number needs converting.

        With `temperature` it may be degC too.
        """
        text = self.get(keys)
        if not isinstance(text, str):
            raise self.error(f"{text!r:.60} is not a unit", keys, "a unit such as g COD/m3, 1/d or '-'")
        try:
            unit = parse_unit(text)
        except InputError as error:
            raise self.error(error.found, keys, error.expected or "a unit", error.fix) from None
        if not unit.coherent and not (temperature and text.strip() == "degC"):
            raise self.error(
                f"the unit {text!r} is not made of g, m3, mol and d alone",
                keys,
                "a unit such as g COD/m3, mol/m3, 1/d, m3/(g COD d)"
                + (", K for a difference of temperatures, degC for a temperature" if temperature else ""),
                "convert the values of this row",
            )
        return unit

    def check_free(self, name: str, keys: Keys) -> None:
        """Check that a name of a component or parameter stands for nothing else in an expression."""
        if name in COMMON or name in FUNCTIONS:
            what = "an input of every plant" if name in COMMON else "a function"
            raise self.error(f"the name {name!r} is taken: it is {what}", keys, "another name")

    def check_name(self, name: str, keys: Keys) -> None:
        """Check that a name can stand in an expression."""
        if not _NAME.fullmatch(name) or keyword.iskeyword(name) or name in _RESERVED:
            raise self.error(
                f"{name[:60]!r} cannot be a name",
                keys,
                "a letter, then letters, digits and '_' (at most 40), and none of "
                + ", ".join(sorted(_RESERVED))
                + " or Python's keywords",
            )
