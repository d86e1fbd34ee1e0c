"""From pydantic's errors to one message in the user's terms: line, key, what was expected, the likely fix."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from asm_hybrid.config.schema.section import Section
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.extend import LayeredDocument
from asm_hybrid.yamlfile import YamlDocument

__all__ = ["input_error"]

SHOWN = 5
"""Further problems that are listed after the first."""

_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping, 'key: value'",
    "model_type": "a mapping, 'key: value'",
    "tuple_type": "a list, [a, b]",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or above",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of {le} or below",
    "literal_error": "one of {expected}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "string_pattern_mismatch": "text of letters, digits, '_', '-' and '.'",
}


def input_error(error: ValidationError, root: type[Section], document: YamlDocument | LayeredDocument) -> InputError:
    """Return the error to show for a config that does not fit the schema.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    root : type of Section
        The schema, in which the nearest keys are looked up.
    document : YamlDocument or LayeredDocument
        The file, for line numbers.

    Returns
    -------
    InputError
        The first problem in the order of the file; its `fix` lists the others by line.
    """
    details = error.errors(include_url=False)
    # pydantic calls a list too short when one of its entries is refused: only the entry is of interest.
    inner = [d["loc"][:k] for d in details for k in range(len(d["loc"]))]
    details = [d for d in details if d["type"] != "too_short" or d["loc"] not in inner]
    problems = [_problem(detail, root, document) for detail in details]
    problems.sort(key=lambda problem: problem[0])
    _, keys, found, expected, fix = problems[0]
    others = [f"{document.where(*keys)}: {found}" for _, keys, found, _, _ in problems[1:]]
    lines = [fix] if fix else []
    lines += [f"also wrong: {text}" for text in others[:SHOWN]]
    if len(others) > SHOWN:
        lines.append(f"and {len(others) - SHOWN} more")
    return InputError(found, where=document.where(*keys), expected=expected, fix="\n  ".join(lines) or None)


def _problem(
    detail: ErrorDetails, root: type[Section], document: YamlDocument | LayeredDocument
) -> tuple[int, tuple[str | int, ...], str, str | None, str | None]:
    """Return line, keys, what was found, what was expected, and the fix."""
    keys = tuple(key for key in detail["loc"] if key != "[key]")  # how pydantic says that a key is meant
    expected: str | None
    fix: str | None
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        found, expected, fix = _unknown_key(keys, root)
    elif kind == "missing":
        found, expected, fix = _missing_key(keys, root)
        keys = keys[:-1]
    elif kind == "refused":
        found, expected, fix = context["found"], context["expected"], context["fix"] or None
    else:
        found = f"the value is {_shown(detail['input'])}"
        expected = _EXPECTED[kind].format(**context) if kind in _EXPECTED else detail["msg"]
        fix = _type_fix(kind, detail["input"])
        if kind == "literal_error" and isinstance(detail["input"], str):
            options = [part.strip("'") for part in context["expected"].replace(" or ", ", ").split(", ")]
            fix = nearest(detail["input"], options)
    return document.line(*keys), keys, found, expected, fix


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        text = repr(list(value))
        return text if len(text) < 60 else "a list"
    text = repr(value)
    return text if len(text) < 80 else text[:76] + "…'"


def _type_fix(kind: str, value: Any) -> str | None:
    if kind in ("float_type", "int_type") and isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return None
        return f"write the number without quotes: {value.strip()}"
    if kind == "tuple_type" and not isinstance(value, Mapping):
        return f"write it between brackets: [{value}]"
    if kind == "string_type" and isinstance(value, int | float):
        return f"put it between quotes: '{value}'"
    return None


def _unknown_key(keys: tuple[str | int, ...], root: type[Section]) -> tuple[str, str, str]:
    key, section = str(keys[-1]), _section(keys[:-1], root)
    here = list(_fields(section)) if section else []
    expected = "one of the keys " + ", ".join(here)
    homes = [path for path in _homes(key, root) if path]
    near = nearest(key, here)
    if homes:
        belongs = f"{key!r} belongs under {' or '.join(homes)}"
        near = f"{near} {belongs}" if near.startswith("did you mean") else belongs
    return f"unknown key {key!r}", expected, near


def _missing_key(keys: tuple[str | int, ...], root: type[Section]) -> tuple[str, str, str]:
    key, section = keys[-1], _section(keys[:-1], root)
    if isinstance(key, int):
        return "the list is too short", f"at least {key + 1} entries", "add the missing entry"
    description = _fields(section).get(key, (None, "a value"))[1] if section else "a value"
    return f"the key {key!r} is missing", f"{key}: {description}", f"add {key!r}"


def _fields(section: type[Section]) -> dict[str, tuple[Any, str]]:
    """Return the keys of a section with their types and descriptions."""
    return {
        field.alias or name: (field.annotation, field.description or "") for name, field in section.model_fields.items()
    }


def _section(keys: tuple[str | int, ...], root: type[Section]) -> type[Section] | None:
    """Return the section that a path of keys leads to, if it leads to one."""
    kind: Any = root
    for key in keys:
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, Section):
            kind = _fields(kind).get(str(key), (None, ""))[0]
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) in (list, tuple) and isinstance(key, int):
            kind = get_args(kind)[0]
        else:
            return None
    kind = _plain(kind)
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _plain(kind: Any) -> Any:
    """Return a type without `Annotated` and without the alternative None."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, types.UnionType):
            options = [option for option in get_args(kind) if option is not type(None)]
            if len(options) != 1:
                return kind
            kind = options[0]
        else:
            return kind


def _homes(key: str, section: type[Section], path: str = "") -> Iterator[str]:
    """Yield the paths of those sections that do have a key of this name."""
    fields = _fields(section)
    if key in fields:
        yield path
    for name, (kind, _) in fields.items():
        inner, step = _plain(kind), f"{path}.{name}".lstrip(".")
        if get_origin(inner) is dict:
            inner, step = _plain(get_args(inner)[1]), f"{step}.NAME"
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from _homes(key, inner, step)
