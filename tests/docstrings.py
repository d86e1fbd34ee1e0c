"""What NumPy docstrings say: their sections, and the entries of each."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import asm_hybrid

SECTIONS = ("Parameters", "Returns", "Yields", "Raises", "Attributes", "References", "Notes", "Warns", "Examples")
_ARRAY = re.compile(r"(?:\w+\.)*(?:Tensor|ndarray|NDArray(?:\[.*\])?)(?: \| None)?")
_SHAPE = re.compile(r"shape|\(…|\(\w+,|\b(?:As|See)\b.*`")


def sections(thing: Any) -> dict[str, str]:
    """Return the text of every section of a docstring; the summary has the name ''."""
    lines = (inspect.getdoc(thing) or "").splitlines()
    found, name = {"": ""}, ""
    for i, line in enumerate(lines):
        if line in SECTIONS and i + 1 < len(lines) and set(lines[i + 1]) == {"-"}:
            name = line
            found[name] = ""
        elif not (set(line) == {"-"} and lines[i - 1] in SECTIONS):
            found[name] += line + "\n"
    return found


def entries(text: str) -> dict[str, str]:
    """Return what a section says of each name: its type and all lines below."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        if line and not line[0].isspace():
            head, _, kind = line.partition(":")
            names = [name.strip(" *`") for name in head.split(",")]
            found |= dict.fromkeys(names, kind)
        else:
            for name in names:
                found[name] += "\n" + line
    return found


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """Return what a function takes, but for ``self``, ``cls`` and what begins with an underscore."""
    try:
        given = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: p for name, p in given.items() if name not in ("self", "cls") and not name.startswith("_")}


def public() -> Iterator[tuple[str, Any]]:
    """Yield the functions and classes in ``__all__`` of the modules that define them, with their full names.

    Commands are left out: a parameter of theirs is explained in its annotation, which the help prints.
    """
    for info in pkgutil.walk_packages(asm_hybrid.__path__, "asm_hybrid."):
        if info.name.endswith(("_command", "_commands")):
            continue
        module = import_module(info.name)
        for name in getattr(module, "__all__", ()):
            thing = inspect.getattr_static(module, name, None)
            if getattr(thing, "__module__", None) == info.name and (
                inspect.isfunction(thing) or inspect.isclass(thing)
            ):
                yield f"{info.name}.{name}", thing


def lacking(thing: Any) -> list[str]:
    """Return the sections that a function lacks, and the parameters that no section names."""
    said = sections(thing)
    given, missing = parameters(thing), []
    if given and "Parameters" not in said:
        missing.append("Parameters")
    elif given:
        named = entries(said["Parameters"])
        missing += [f"parameter {name}" for name in given if name not in named]
    returned = inspect.signature(thing).return_annotation
    if returned not in (None, "None", "NoReturn", inspect.Signature.empty) and not {"Returns", "Yields"} & set(said):
        missing.append("Returns")
    return missing


def shapeless(thing: Any) -> list[str]:
    """Return the parameters that are arrays by their annotation, and whose entry names no shape."""
    named = entries(sections(thing).get("Parameters", ""))
    return [
        name
        for name, p in parameters(thing).items()
        if _ARRAY.fullmatch(str(p.annotation)) and name in named and not _SHAPE.search(named[name])
    ]


def incomplete(thing: Any) -> list[str]:
    """Return what a function or class lacks; a class whose data are its own says what they are."""
    if inspect.isfunction(thing):
        return lacking(thing)
    owns = {
        key
        for kind in thing.__mro__
        if kind.__module__.startswith("asm_hybrid")
        for key in vars(kind).get("__annotations__", {})
    }
    described = {"Parameters", "Attributes"} & set(sections(thing))
    return ["Attributes"] if owns and not described and not issubclass(thing, Exception) else []
