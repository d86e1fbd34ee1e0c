"""Parts of one kind, a file each: a new one is a new file in the folder, and nothing else is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

__all__ = ["Part", "discover", "discover_classes"]


class Part(Protocol):
    """What a registered object says of itself.

    Attributes
    ----------
    name : str
        What users and files call it.
    order : int
        Where it stands in lists.
    """

    @property
    def name(self) -> str:
        """What users and files call it; no two of a kind share it."""

    @property
    def order(self) -> int:
        """Where it stands in lists; by name among equals."""


P = TypeVar("P", bound=Part)


def discover(package: str, offer: str, kind: type[P]) -> Mapping[str, P]:
    """Import the modules of a package, and collect the one object that each offers.

    Parameters
    ----------
    package : str
        Full name of the package, whose ``__init__`` must not need what is collected. Modules whose names begin with
        ``_`` are left out, and so are packages below it.
    offer : str
        Name under which each module offers its object, such as ``FORMAT``.
    kind : type
        What the objects are instances of.

    Returns
    -------
    mapping of str to object
        By name, in order; read-only.

    Raises
    ------
    TypeError
        When a module does not offer such an object, or two offer one of the same name: a fault of the program.
    """
    return _collected(package, offer, f"that is a {kind.__name__}", lambda part: isinstance(part, kind))


def discover_classes(package: str, offer: str, base: type[P]) -> Mapping[str, type[P]]:
    """Collect classes instead of objects, see `discover`; each has ``name`` and ``order`` as class attributes.

    Parameters
    ----------
    package, offer : str
        As for `discover`.
    base : type
        What the classes derive from.

    Returns
    -------
    mapping of str to type
        By name, in order; read-only.

    Raises
    ------
    TypeError
        As `discover` does.
    """

    def fits(part: Any) -> bool:
        return isinstance(part, type) and issubclass(part, base)

    return _collected(package, offer, f"that derives from {base.__name__}", fits)


def _collected(package: str, offer: str, what: str, fits: Callable[[Any], bool]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for module in sorted(m.name for m in iter_modules(import_module(package).__path__) if not m.ispkg):
        if module.startswith("_"):
            continue
        part: Any = getattr(import_module(f"{package}.{module}"), offer, None)
        if not fits(part):
            raise TypeError(f"{package}.{module} offers no {offer} {what}")
        if part.name in found:
            raise TypeError(f"{package}.{module} offers a second {offer} of the name {part.name!r}")
        found[part.name] = part
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: (item[1].order, item[0]))))
