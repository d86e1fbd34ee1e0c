"""The base of every section of a config: a strict model, refusals, and names."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

__all__ = ["PartName", "Section", "refuse", "written"]

MAX_NAME = 60
"""Longest name of a part of a plant."""


class Section(BaseModel):
    """Base of every section: nothing is coerced, nothing unknown is accepted, nothing changes later.

    Attributes
    ----------
    model_config : ConfigDict
        How pydantic checks every section.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        validate_default=True,
        protected_namespaces=(),
    )


def refuse(found: str, expected: str, fix: str = "") -> PydanticCustomError:
    """Return the error by which a validator refuses a value; `messages` turns it into an `InputError`.

    Parameters
    ----------
    found : str
        What was found.
    expected : str
        What would have been accepted.
    fix : str, optional
        The likely remedy.

    Returns
    -------
    PydanticCustomError
        To be raised.
    """
    return PydanticCustomError("refused", "{found}", {"found": found, "expected": expected, "fix": fix})


def _part_name(value: str) -> str:
    if not re.fullmatch(r"\w(?:[\w -]*\w)?", value) or len(value) > MAX_NAME:
        plain = re.sub(r"\W+", "_", value).strip("_")[:MAX_NAME]
        raise refuse(
            f"the name is {value!r}",
            f"at most {MAX_NAME} letters, digits, '_', '-', and spaces within: a point parts a name from what belongs "
            "to it, as in NAME.S_O",
            f"write {plain!r}"
            if (plain := re.sub(r"\W+", "_", value).strip("_"))
            else "write a name such as 'aerobic_1'",
        )
    return value


PartName = Annotated[str, AfterValidator(_part_name)]
"""The name of a tank, recycle, controller or cycle."""


def written(text: str) -> Any:
    """Return a default as the user would write it: it is validated, and so converted, like a given value.

    Parameters
    ----------
    text : str
        Such as ``"15 min"``.

    Returns
    -------
    str
        The same text; without a type, so that a field of any type can have it.
    """
    return text
