"""Classes that are found by the folder their module lies in."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

__all__ = ["registered"]

T = TypeVar("T")


def registered(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Return the classes with a name that the modules of a package define.

    Parameters
    ----------
    package : module
        The folder.
    base : type
        What the classes derive from; each has a ``name``, and an ``order`` among the others.

    Returns
    -------
    dict of str to type
        By name, in their order.

    Raises
    ------
    ValueError
        When two classes have one name.
    """
    found: dict[str, type[T]] = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, base) and item.__module__ == module.__name__:
                name = vars(item).get("name")
                if name is None:
                    continue
                if name in found:
                    raise ValueError(f"{found[name].__module__} and {item.__module__} both define {name!r}")
                found[name] = item
    return dict(sorted(found.items(), key=lambda pair: (getattr(pair[1], "order"), pair[0])))  # noqa: B009
