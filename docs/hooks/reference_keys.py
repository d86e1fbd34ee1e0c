"""The keys of YAML files, from the schemas that check these files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup
from pydantic import BaseModel

__all__ = ["keys_text"]

NAME = "NAME"
"""What stands for a name of the user's choice in a path of keys."""

Schema = Mapping[str, Any]

_UNIT = re.compile(r"\[([^\]]+)\]")
_ENTRY = Markup(
    '<div{anchor}>\n<dt><a href="#{place}"><code>{key}</code></a>{needed}</dt>\n'
    '<dd class="kind">{kind}</dd>\n<dd>{text}</dd>\n</div>\n'
)


def keys_text(model: type[BaseModel]) -> str:
    """Return every key of a file as Markdown: a heading a section, an entry a key, both with anchors by their path.

    Parameters
    ----------
    model : type of BaseModel
        What checks the file.

    Returns
    -------
    str
    """
    schema = model.model_json_schema(by_alias=True)
    for section in (schema, *list(schema["$defs"].values())):
        section["properties"] = _by_reference(section["properties"], schema["$defs"])
    parts, places = [], dict[str, str]()
    for path, section in list(_sections(schema, schema, "", places)):
        heading = f"## `{path}` {{#{path}}}" if path else "## Top level"
        entries = Markup("").join(_entry(path, key, schema, section, places) for key in section["properties"])
        parts += [heading, _plain(section.get("description", "").partition("\n\nAttributes\n")[0])]
        parts += [f'<dl class="keys">\n{entries}</dl>']
    return "\n\n".join(parts)


def _sections(whole: Schema, section: Schema, path: str, places: dict[str, str]) -> Iterator[tuple[str, Schema]]:
    """Yield every section of a file with its path; one that stands in several places is told at the first."""
    yield path, section
    for key, content in section["properties"].items():
        for kind, ending in _references(content):
            if kind not in places:
                places[kind] = f"{path}.{key}{ending}".lstrip(".")
                yield from _sections(whole, whole["$defs"][kind], places[kind], places)


def _by_reference(content: Any, sections: dict[str, Any]) -> Any:
    """Return a part of a schema whose sections that are written out are among all others, and are referred to."""
    if isinstance(content, list):
        return [_by_reference(part, sections) for part in content]
    if not isinstance(content, dict):
        return content
    changed = {key: _by_reference(part, sections) for key, part in content.items()}
    if isinstance(changed.get("properties"), dict) and changed.get("type") == "object":
        sections[changed["title"]] = changed
        return {"$ref": f"#/$defs/{changed['title']}"}
    return changed


def _references(content: Schema) -> Iterator[tuple[str, str]]:
    """Yield the sections that a key holds, each with what its path adds to that of the key."""
    if "$ref" in content:
        yield content["$ref"].removeprefix("#/$defs/"), ""
    for alternative in content.get("anyOf", ()):
        yield from _references(alternative)
    for inner in (content.get("additionalProperties"), *content.get("patternProperties", {}).values()):
        if isinstance(inner, Mapping):
            yield from ((kind, f".{NAME}{ending}") for kind, ending in _references(inner))
    if isinstance(content.get("items"), Mapping):
        yield from ((kind, f"[]{ending}") for kind, ending in _references(content["items"]))


def _entry(path: str, key: str, whole: Schema, section: Schema, places: Mapping[str, str]) -> Markup:
    content = section["properties"][key]
    required = key in section.get("required", ())
    text = content["description"]
    units = [unit for unit in _UNIT.findall(text) if ", " not in unit and " for " not in unit]
    facts = [_kind({name: part for name, part in content.items() if name != "description"}, places)]
    if units:
        facts.append(Markup("unit: {}").format("none" if units[-1] == "-" else units[-1]))
    if not required:
        facts.append(_default(content))
    place = f"{path}.{key}".lstrip(".")
    needed = Markup(' <strong class="needed">required</strong>') if required else ""
    kind = Markup(" · ").join(fact for fact in facts if fact)
    anchor = (
        "" if place in places.values() else Markup(' id="{}"').format(place)
    )  # else the heading of the section has it
    return _ENTRY.format(anchor=anchor, place=place, key=key, needed=needed, kind=kind, text=_linked(text))


def _default(content: Schema) -> Markup:
    if next(_references(content), None) and not content.get("default"):
        return Markup("optional")
    default = content.get("default")
    if default in (None, "", []) or (default is None and content.get("type") == "object"):
        return Markup("default: none")
    return Markup("default: <code>{}</code>").format(default if isinstance(default, str) else json.dumps(default))


def _kind(content: Schema, places: Mapping[str, str]) -> Markup:
    """Return in words what a value may be."""
    if "$ref" in content:
        place = places[content["$ref"].removeprefix("#/$defs/")]
        return Markup('section <a href="#{0}">{0}</a>').format(place)
    if "anyOf" in content:
        kinds = [_kind(part, places) for part in content["anyOf"] if part.get("type") != "null"]
        return Markup(" or ").join(dict.fromkeys(kinds))
    values = [content["const"]] if "const" in content else content.get("enum", ())
    if values:
        names = [Markup("<code>{}</code>").format(_shown(value)) for value in values if value is not None]
        return Markup(", ").join(names[:-2]) + Markup(", " if names[:-2] else "") + Markup(" or ").join(names[-2:])
    types = [kind for kind in _listed(content.get("type", "anything")) if kind != "null"]
    if types == ["array"]:
        return _list_kind(content, places)
    if types == ["object"]:
        return _mapping_kind(content, places)
    if types == ["number", "string"]:
        return _quantity_kind(content)
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
    return Markup(" or ").join(words.get(kind, kind) for kind in types) + _limits(content)


def _quantity_kind(content: Schema) -> Markup:
    """Return the words for a number or a text; examples are of quantities with a unit."""
    if (said := content.get("description", "")) and not said.startswith("[") and "unit" not in said:
        return Markup("{}").format(said)
    if examples := content.get("examples"):
        return Markup("number, or text with a unit such as <code>{}</code>").format(examples[0])
    return Markup("number or text")


def _list_kind(content: Schema, places: Mapping[str, str]) -> Markup:
    if pair := content.get("prefixItems"):
        return Markup("pair, each: {}").format(_kind(pair[0], places))
    return Markup("list, each: {}").format(_kind(content.get("items", {}), places))


def _mapping_kind(content: Schema, places: Mapping[str, str]) -> Markup:
    inner = content.get("additionalProperties") or next(iter(content.get("patternProperties", {}).values()), None)
    if not isinstance(inner, Mapping):
        return Markup("mapping")
    return Markup("mapping by name, each: {}").format(_kind(inner, places))


def _limits(content: Schema) -> Markup:
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    said = [text.format(f"{content[key]:g}") for key, text in words.items() if key in content]
    return Markup(", {}").format(" ".join(said)) if said else Markup("")


def _linked(text: str) -> Markup:
    """Return text whose names of documents are links."""
    parts, last = list[Markup](), 0
    for found in re.finditer(r"docs/([\w/-]+)\.md(#[\w-]+)?", text):
        link = Markup('<a href="../{}.html{}">{}</a>').format(found[1], found[2] or "", found[0])
        parts += [_coded(text[last : found.start()]), link]
        last = found.end()
    return Markup("").join([*parts, _coded(text[last:])])


def _coded(text: str) -> Markup:
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else Markup("{}").format(part) for i, part in enumerate(parts)
    )


def _plain(text: str) -> str:
    return str(Markup("{}").format(text))


def _shown(value: object) -> str:
    return {"\t": r"\t"}.get(value, value) if isinstance(value, str) else json.dumps(value)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
