"""The scenario file that a page edits: what the page does not know of it is kept as it is."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import user_path
from asm_hybrid.errors import InputError
from asm_hybrid.yamlfile import YamlDocument, to_yaml

__all__ = ["MOST", "Draft", "amount"]

MOST = 5
"""Scenarios that are compared with the base case at most."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
OWN = ("changes", "control", "cycles")
"""Keys of one scenario; in a file with a single one they may stand at its top."""
BASE = "base"


@dataclass
class Draft:
    """A scenario file.

    Attributes
    ----------
    content : dict
        What stands in it; scenarios by name under ``scenarios``, each a mapping.
    version : int
        Counts its changes.
    saved : int
        The version that is in a file, or was loaded from one.
    file : Path or None
        Where it was loaded from or saved to.
    """

    content: dict[str, Any] = field(default_factory=lambda: {"scenarios": {}})
    version: int = 0
    saved: int = 0
    file: Path | None = None

    @classmethod
    def of(cls, document: YamlDocument, file: Path | None = None) -> Draft:
        """Return the draft of a scenario file; paths in it hold from its folder, and are made absolute.

        Parameters
        ----------
        document : YamlDocument
            The file, which was found valid.
        file : Path, optional
            Where it is.

        Returns
        -------
        Draft
        """
        content = copy.deepcopy(document.data)
        alone = {key: content.pop(key) for key in OWN if content.get(key)}
        cases = {name: _mapped(case) for name, case in (content.pop("scenarios", None) or {}).items()}
        if alone:
            cases = {content.get("name", "scenario"): alone}
        influent = content.get("influent")
        if file is not None and isinstance(influent, dict) and isinstance(influent.get("file"), str):
            given = user_path(influent["file"])
            influent["file"] = str(given if given.is_absolute() else file.resolve().parent / given)
        return cls({**content, "scenarios": cases}, file=file)

    @property
    def names(self) -> list[str]:
        """Names of the scenarios."""
        return list(self.content["scenarios"])

    @property
    def changed(self) -> bool:
        """Whether something is not in a file yet."""
        return self.version != self.saved

    @property
    def settings(self) -> dict[str, Any]:
        """What holds for all cases: everything but the scenarios."""
        return {key: value for key, value in self.content.items() if key != "scenarios"}

    def document(self) -> dict[str, Any]:
        """Return what is simulated and saved: the file without scenarios that change nothing, which it may not have."""
        cases = {name: case for name, case in self.content["scenarios"].items() if any(case.get(key) for key in OWN)}
        found = copy.deepcopy(self.settings)
        return {**found, "scenarios": copy.deepcopy(cases)} if cases else found

    def empty(self) -> list[str]:
        """Return the scenarios that change nothing."""
        return [name for name in self.names if name not in self.document().get("scenarios", {})]

    def text(self) -> str:
        """Return the file as YAML, as ``asm-hybrid simulate SUBJECT --scenario FILE`` takes it."""
        return to_yaml(self.document(), empty=True)

    # Scenarios

    def add(self, copied: str | None = None) -> str:
        """Add a scenario, a copy of another or one without changes, and return its name."""
        if len(self.names) >= MOST:
            raise InputError(f"there are {MOST} scenarios, which is what the page compares", fix="remove one of them")
        stem = f"{copied[:50]}-copy" if copied else "scenario"
        name = next(
            n for n in (stem if copied and not i else f"{stem}-{i + 1}" for i in range(99)) if n not in self.names
        )
        self.content["scenarios"][name] = copy.deepcopy(self.content["scenarios"][copied]) if copied else {}
        self.version += 1
        return name

    def rename(self, old: str, new: str) -> None:
        """Give a scenario another name."""
        if old == new:
            return
        if not NAME.fullmatch(new):
            raise InputError(
                f"{new!r} is no name of a scenario",
                expected="up to 64 letters, digits, '_', '-' and '.', a letter or a digit first",
            )
        if new == BASE or new in self.names:
            raise InputError(f"the name {new!r} is taken", expected="another name")
        self.content["scenarios"] = {new if n == old else n: case for n, case in self.content["scenarios"].items()}
        self.version += 1

    def remove(self, name: str) -> None:
        """Remove a scenario."""
        del self.content["scenarios"][name]
        self.version += 1

    # Changes

    def changes(self, name: str) -> list[dict[str, Any]]:
        """Return the changes of a scenario."""
        return list(self.content["scenarios"][name].get("changes") or [])

    def value(self, name: str, given: str, way: str) -> float | str | None:
        """Return what a scenario makes of an input by one way, over all the time; None where it leaves it."""
        found = [change[way] for change in self.changes(name) if _plain(change, given, way)]
        return found[-1] if found else None

    def put(self, name: str, given: str, way: str, value: float | None) -> bool:
        """Change an input in a scenario over all the time; None takes its change away. Return whether that is new."""
        if self.value(name, given, way) == value:
            return False
        changes = self.changes(name)
        places = [i for i, change in enumerate(changes) if _plain(change, given, way)]
        if value is None:
            changes = [change for i, change in enumerate(changes) if i not in places]
        elif places:
            changes[places[-1]] = {**changes[places[-1]], way: value}
        else:
            changes.append({"input": given, way: value})
        self._set_changes(name, changes)
        return True

    def others(self, name: str, known: Mapping[str, str]) -> list[tuple[int, dict[str, Any]]]:
        """Return the changes, with their places, that no control shows; `known` has the way of each control."""
        return [
            (i, change)
            for i, change in enumerate(self.changes(name))
            if not any(_plain(change, given, way) for given, way in known.items())
        ]

    def append(self, name: str, change: dict[str, Any]) -> None:
        """Add a change of any kind."""
        self._set_changes(name, [*self.changes(name), change])

    def drop(self, name: str, place: int) -> None:
        """Remove the change at a place."""
        self._set_changes(name, [change for i, change in enumerate(self.changes(name)) if i != place])

    def _set_changes(self, name: str, changes: list[dict[str, Any]]) -> None:
        case = self.content["scenarios"][name]
        if changes:
            case["changes"] = changes
        else:
            case.pop("changes", None)
        self.version += 1

    # What holds for all cases

    def set_key(self, keys: tuple[str, ...], value: Any) -> bool:
        """Set a key that holds for all cases, by its path; None takes it away. Return whether that is new."""
        inside = self.content
        for key in keys[:-1]:
            if value is None and not isinstance(inside.get(key), dict):
                return False
            inside = inside.setdefault(key, {})
        if inside.get(keys[-1]) == value:
            return False
        if value is None:
            del inside[keys[-1]]
        else:
            inside[keys[-1]] = value
        if len(keys) > 1 and not inside:
            self.content.pop(keys[0])
        self.version += 1
        return True


def amount(text: str) -> float | str:
    """Return what a field says as a scenario file has it: a number, or text such as ``2.5 mg/L`` or ``7 d``.

    Parameters
    ----------
    text : str
        What was written.

    Returns
    -------
    float or str
    """
    try:
        number = float(text)
    except ValueError:
        return text.strip()
    return number if math.isfinite(number) else text.strip()


def _mapped(case: Any) -> dict[str, Any]:
    return dict(case) if isinstance(case, Mapping) else {"changes": list(case)}


def _plain(change: Mapping[str, Any], given: str, way: str) -> bool:
    """Return whether a change is what a control makes: one input, one way, all the time."""
    return set(change) == {"input", way} and change["input"] == given
