"""YAML that a person wrote, read strictly: YAML 1.2 scalars, line numbers, nothing that can surprise; and written.

PyYAML's own loader follows YAML 1.1, where ``1e-3`` is text, ``12:30`` is 750, ``010`` is 8, ``NO`` is false,
the last of two equal keys wins, and a few hundred bytes of aliases expand without end. Here plain scalars
follow the YAML 1.2 core schema without its octal and hexadecimal forms, keys are text, and the rest is
refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.paths import as_path
from asm_hybrid.text import unusable_character

__all__ = ["MAX_BYTES", "YamlDocument", "YamlSource", "load_yaml", "parse_yaml", "source_name", "to_yaml"]

YamlSource: TypeAlias = str | Path | Mapping[str, Any]
"""A YAML file, or what would stand in it, written in Python; paths in the latter hold from the current folder."""

WRITTEN = "config"
"""What a config or a plant is called in messages where Python gives its content."""
MAX_BYTES = 1_000_000
"""Largest file that is read [byte]."""

MAX_DEPTH = 40
"""Deepest nesting that is read."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NON_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Node:
    """Where a value stands, and the values inside it."""

    line: int
    children: dict[str | int, _Node] = field(default_factory=dict)


@dataclass(frozen=True)
class YamlDocument:
    """One YAML file.

    Attributes
    ----------
    data : dict
        Its content, as dictionaries with text keys, lists, text, numbers, booleans and None.
    text : str
        The file as it was read.
    path : Path
        The file; a mere name for what was written in Python.
    written : bool
        Whether a person wrote the text, so that its lines mean something.
    """

    data: dict[str, Any]
    text: str
    path: Path
    _root: _Node = field(repr=False)
    written: bool = True
    _above: tuple[str | int, ...] = ()

    def below(self, *keypath: str | int) -> YamlDocument:
        """Return what stands at a key as a document of its own, whose places are named as in the whole file.

        Parameters
        ----------
        *keypath : str or int
            Path of a mapping that the file has.

        Returns
        -------
        YamlDocument
        """
        node, data = self._root, self.data
        for step in keypath:
            node, data = node.children[step], data[step]  # type: ignore[index]
        return replace(self, data=data, _root=node, _above=(*self._above, *keypath))

    def line(self, *keypath: str | int) -> int:
        """Return the line of a key, or of the nearest thing that encloses it.

        Parameters
        ----------
        *keypath : str or int
            Keys of mappings and positions in lists, from the top. Steps that the file does not have are
            passed over, so that a missing key has the line of the mapping that lacks it.

        Returns
        -------
        int
            Line number, from 1.
        """
        node = self._root
        for step in keypath:
            node = node.children.get(step, node)
        return node.line

    def depth(self, *keypath: str | int) -> int:
        """Return how many steps of a key path the file has."""
        node, found = self._root, 0
        for step in keypath:
            if step not in node.children:
                break
            node, found = node.children[step], found + 1
        return found

    def where(self, *keypath: str | int) -> str:
        """Return ``file:line (key.path)``, the way an error says where it found something."""
        place = f"{self.path}:{self.line(*keypath)}" if self.written else str(self.path)
        return _keyed(place, (*self._above, *keypath))


def source_name(source: YamlSource) -> str:
    """Return what a source is called in messages.

    Parameters
    ----------
    source : str, Path or mapping
        The file, or its content.

    Returns
    -------
    str
        The path, or ``config`` for content that was written in Python.
    """
    return WRITTEN if isinstance(source, Mapping) else str(source)


def load_yaml(source: YamlSource, name: str = WRITTEN) -> YamlDocument:
    """Read a YAML file whose top level is a mapping.

    Parameters
    ----------
    source : str, Path or mapping
        The file, in UTF-8, of at most `MAX_BYTES`; or its content.
    name : str
        What content without a file is called in messages.

    Returns
    -------
    YamlDocument
        Content and line numbers.

    Raises
    ------
    InputError
        If the file is missing, too large, not YAML, or uses anchors, aliases, tags, equal keys or numbers
        that are not finite. The message names file and line.
    """
    if isinstance(source, Mapping):
        return _from_python(source, name)
    path = as_path(source, "the path of a YAML file, or a dict with what would stand in it")
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        raise InputError(
            "the file does not exist",
            where=str(path),
            expected="a YAML file",
            fix=nearest(path.name, near) if near else "check the path",
        ) from None
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror or error}", where=str(path), expected="a YAML file"
        ) from None
    if len(raw) > MAX_BYTES:
        raise InputError(
            "the file is too large",
            where=str(path),
            expected=f"a YAML file of at most {MAX_BYTES // 1000} kB",
            fix="check that this is the file you meant; series belong in CSV, Parquet or Excel files",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"byte {error.start} is not UTF-8",
            where=f"{path}:{line}",
            expected="a text file in UTF-8",
            fix="save the file again with the encoding UTF-8",
        ) from None
    return parse_yaml(text, path)


def parse_yaml(text: str, path: str | Path, *, written: bool = True) -> YamlDocument:
    """Parse YAML text; see `load_yaml` for what it may hold.

    Parameters
    ----------
    text : str
        The text, of at most `MAX_BYTES` characters.
    path : str or Path
        Name of the document in messages; nothing is read from it.
    written : bool
        See `YamlDocument`.

    Returns
    -------
    YamlDocument
        Content and line numbers.

    Raises
    ------
    InputError
        If the text is too large, not YAML, or breaks a rule of `load_yaml`; with the line.
    """
    if len(text) > MAX_BYTES:
        raise InputError("the text is too large", where=str(path), expected=f"at most {MAX_BYTES // 1000} kB")
    builder = _Builder(str(path), written)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        raise InputError(
            f"not valid YAML: {problem}",
            where=f"{path}:{mark.line + 1}" if mark else str(path),
            expected="YAML",
            fix="indent with spaces, not tabs; put text with ': ' or '#' in it between quotes",
        ) from None
    if not isinstance(builder.data, dict):
        found = "nothing" if builder.data is None else f"a {type(builder.data).__name__}"
        raise InputError(f"the top level holds {found}", where=f"{path}:1", expected="a mapping, 'key: value'")
    return YamlDocument(builder.data, text, Path(path), builder.root, written)


def _from_python(content: Mapping[str, Any], name: str) -> YamlDocument:
    """Return the document of which Python gives the content; it is read as if a person had written it."""
    text = to_yaml(_plain(content, (), name), empty=True)
    return parse_yaml(text, name, written=False)


def _plain(value: Any, keys: tuple[str | int, ...], name: str) -> Any:
    """Return mappings, lists, text, numbers, booleans and None; refuse everything else by its key."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # a number of numpy
    if isinstance(value, Path):
        return str(value)
    if len(keys) > MAX_DEPTH:
        raise _no_yaml("the nesting is too deep", keys, name, f"at most {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _no_yaml(f"the key {key!r} is no text", (*keys, str(key)), name, "text as a key")
        return {key: _plain(item, (*keys, key), name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*keys, i), name) for i, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise _no_yaml(f"the value is {value}", keys, name, "a finite number")
    if not (value is None or isinstance(value, str | bool | int | float)):
        expected = "text, a number, True, False, None, a list or a mapping"
        fix = "write .tolist() behind it, or give a file" if hasattr(value, "shape") else "write it as text"
        raise _no_yaml(f"the value is a {type(value).__name__}", keys, name, expected, fix)
    return value


def _no_yaml(found: str, keys: tuple[str | int, ...], name: str, expected: str, fix: str | None = None) -> InputError:
    return InputError(found, where=_keyed(name, keys), expected=expected, fix=fix)


def _keyed(place: str, keys: Sequence[str | int]) -> str:
    return f"{place} ({'.'.join(map(str, keys))})" if keys else place


class _Builder:
    """Builds plain data from parser events, one container on the stack for each level that is open."""

    def __init__(self, path: str, written: bool) -> None:
        self.path = path
        self.written = written
        self.data: Any = None
        self.root = _Node(1)
        self.documents = 0
        self.stack: list[tuple[dict[str, Any] | list[Any], _Node]] = []
        self.key: list[tuple[str, int] | None] = []  # the key that waits for its value, per open level

    def take(self, event: yaml.Event) -> None:
        """Add one event."""
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.refuse("a second document begins here", line, "one document", "remove the '---'")
        elif isinstance(event, yaml.AliasEvent):
            self.refuse("an alias (*name) is not allowed", line, "the value itself", "write the value out")
        elif isinstance(event, yaml.NodeEvent):
            if event.anchor is not None:
                self.refuse("an anchor (&name) is not allowed", line, "the value", "write each value out")
            tag = getattr(event, "tag", None)
            if tag not in (None, "!") and not (isinstance(event, yaml.ScalarEvent) and event.implicit[0]):
                self.refuse(f"a tag ({tag}) is not allowed", line, "a plain value", "remove the tag")
            if isinstance(event, yaml.ScalarEvent):
                self.scalar(event, line)
            else:
                self.open({} if isinstance(event, yaml.MappingStartEvent) else [], line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
            self.key.pop()

    def scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        """Add a key or a scalar value."""
        is_key = bool(self.stack) and isinstance(self.stack[-1][0], dict) and self.key[-1] is None
        unusable = unusable_character(event.value, one_line=is_key)
        if unusable:
            self.refuse(
                f"the {'key' if is_key else 'text'} {event.value[:40]!r} holds the character {unusable}",
                line,
                "characters that can be seen",
                "remove it; where a header in a file holds such a character, write the header without it, and a space "
                "for a line break",
            )
        if is_key:
            if event.value in self.stack[-1][0]:
                first = self.stack[-1][1].children[event.value].line
                self.refuse(
                    f"the key {event.value!r} is given twice (first on line {first})",
                    line,
                    "each key once",
                    "remove one of the two",
                )
            self.key[-1] = (event.value, line)
            return
        plain = not event.style
        self.put(self.resolve(event.value, line) if plain else event.value, line)

    def open(self, container: dict[str, Any] | list[Any], line: int) -> None:
        """Begin a mapping or a list."""
        if len(self.stack) >= MAX_DEPTH:
            self.refuse("the nesting is too deep", line, f"at most {MAX_DEPTH} levels", None)
        if self.stack and isinstance(self.stack[-1][0], dict) and self.key[-1] is None:
            self.refuse("a key is a mapping or a list", line, "text as a key", "put the key between quotes")
        node = self.put(container, line)
        self.stack.append((container, node))
        self.key.append(None)

    @property
    def open_keys(self) -> list[str | int]:
        """Where the next value will stand: keys of mappings and positions in lists, from the top."""
        above: list[str | int] = [next(reversed(c)) if isinstance(c, dict) else len(c) - 1 for c, _ in self.stack[:-1]]
        if self.stack and isinstance(self.stack[-1][0], list):
            return [*above, len(self.stack[-1][0])]
        return [*above, self.key[-1][0]] if self.key and self.key[-1] else above

    def put(self, value: Any, line: int) -> _Node:
        """Store a value where it belongs and return its node."""
        if not self.stack:
            self.data = value
            self.root.line = line
            return self.root
        container, parent = self.stack[-1]
        if isinstance(container, list):
            place: str | int = len(container)
            container.append(value)
        else:
            waiting = self.key[-1]
            assert waiting is not None
            place, line = waiting
            container[str(place)] = value
            self.key[-1] = None
        return parent.children.setdefault(place, _Node(line))

    def resolve(self, text: str, line: int) -> Any:
        """Return the value of a plain scalar under the YAML 1.2 core schema."""
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _NON_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            self.refuse(f"the number {text[:40]} is not finite", line, "a finite number", None)
        if _INT.fullmatch(text):
            if len(text) > 19:
                self.refuse(f"the integer {text[:20]}… has {len(text)} digits", line, "at most 18 digits", None)
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def refuse(self, found: str, line: int, expected: str, fix: str | None) -> None:
        """Raise the error for something this reader does not accept."""
        place = f"{self.path}:{line}" if self.written else _keyed(self.path, self.open_keys)
        raise InputError(found, where=place, expected=expected, fix=fix)


class _Dumper(yaml.SafeDumper):
    """Writes text between quotes unless no reader could take it for anything else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values out, since the loader refuses aliases."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    style = None if plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def to_yaml(content: dict[str, Any], *, empty: bool = False) -> str:
    """Return nested plain data as YAML.

    Parameters
    ----------
    content : dict
        Mappings, lists, text, numbers.
    empty : bool
        Whether a key whose value is None is written; it is left out otherwise.

    Returns
    -------
    str
        YAML, keys in the order given, without aliases.
    """
    return yaml.dump(
        content if empty else _without_none(content),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=110,
    )
