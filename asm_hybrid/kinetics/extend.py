"""Tables that extend another: the changes of one file laid over another, with the line of every entry kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.yamlfile import YamlDocument, load_yaml, to_yaml

__all__ = ["PER_TABLE", "QUOTES", "LayeredDocument", "lay", "read_layers"]

QUOTES = "put the expression between quotes, since a comma ends it within braces"
"""The remedy where a key holds a bracket: ``{rate: monod(S, K) * X}`` has the keys ``rate`` and ``K) * X``."""

MAX_LAYERS = 8
"""Most tables in a chain of ``extends``."""

PER_TABLE = ("name", "title", "description", "source")
"""Keys that a table does not inherit; its title and source are not those of the table that it changes."""


@dataclass(frozen=True)
class LayeredDocument:
    """One table as several files give it.

    Attributes
    ----------
    layers : tuple of YamlDocument
        The files, the last changes first.
    data : dict
        Their content, laid over each other.
    """

    layers: tuple[YamlDocument, ...]
    data: dict[str, Any]

    @property
    def path(self) -> Path:
        """The file that was asked for."""
        return self.layers[0].path

    @property
    def text(self) -> str:
        """The table in one text that needs no other file: the file itself where it extends none."""
        if len(self.layers) == 1:
            return self.layers[0].text
        origin = " and ".join(layer.path.name for layer in self.layers[1:])
        return f"# {self.path.name}, laid over {origin}.\n{to_yaml(self.data)}"

    def line(self, *keypath: str | int) -> int:
        """Return the line of an entry in the file that gives it, or comes nearest to it."""
        return max(self.layers, key=lambda layer: layer.depth(*keypath)).line(*keypath)

    def where(self, *keypath: str | int) -> str:
        """Return ``file:line (key.path)`` in the file that gives an entry, or comes nearest to it."""
        return max(self.layers, key=lambda layer: layer.depth(*keypath)).where(*keypath)


def read_layers(document: YamlDocument, locate: Callable[[str, Path], Path]) -> list[YamlDocument]:
    """Read the tables that a table extends.

    Parameters
    ----------
    document : YamlDocument
        The table.
    locate : callable
        ``locate(name, folder)``: the file of a table that a table in a folder extends.

    Returns
    -------
    list of YamlDocument
        The table, the one that it extends, and so on.

    Raises
    ------
    InputError
        For a table that is not there, or extends itself.
    """
    layers = [document]
    while "extends" in layers[-1].data:
        last = layers[-1]
        name, where = last.data["extends"], last.where("extends")
        if not isinstance(name, str):
            raise InputError(f"{name!r:.60} stands here", where=where, expected="a shipped table, or a .yaml file")
        try:
            path = locate(name, last.path.parent)
            base = load_yaml(path)
        except InputError as error:
            raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None
        chain = [layer.path.resolve() for layer in layers]
        if path.resolve() in chain:
            names = " -> ".join(p.name for p in (*chain, path))
            raise InputError(
                f"the table extends itself: {names}",
                where=where,
                expected="a chain of tables that ends",
                fix="extend a table that does not extend this one",
            )
        if len(layers) == MAX_LAYERS:
            raise InputError(f"more than {MAX_LAYERS} tables extend each other", where=where, expected="fewer")
        layers.append(base)
    return layers


def lay(layers: Sequence[YamlDocument]) -> LayeredDocument:
    """Lay every table over the next, which it extends.

    A mapping changes the entries that it names; ``null`` removes one; anything else takes the place of what was
    there (JSON merge patch, RFC 7396).

    Parameters
    ----------
    layers : sequence of YamlDocument
        The tables, the last changes first.

    Returns
    -------
    LayeredDocument
        The table, complete.

    Raises
    ------
    InputError
        Where an entry is removed that is not there.
    """
    data = layers[-1].data
    for document in reversed(layers[:-1]):
        changes = {key: value for key, value in document.data.items() if key != "extends"}
        inherited = {key: value for key, value in data.items() if key not in PER_TABLE}
        merged = _merge(inherited, changes, (), document)
        data = {key: merged[key] for key in PER_TABLE if key in merged} | merged
    return LayeredDocument(tuple(layers), data)


def _merge(below: dict[str, Any], changes: dict[str, Any], keys: tuple[str, ...], document: YamlDocument) -> Any:
    merged = dict(below)
    for key, change in changes.items():
        if change is None:
            if key not in below:
                raise InputError(
                    f"{key!r} is to be removed, and is not there",
                    where=document.where(*keys, key),
                    expected="an entry of the table that this one extends",
                    fix=QUOTES if ")" in key else nearest(key, below) if below else "give it a value",
                )
            del merged[key]
        elif isinstance(change, dict):
            old = below.get(key)
            merged[key] = _merge(old if isinstance(old, dict) else {}, change, (*keys, key), document)
        else:
            merged[key] = change
    return merged
