"""Writing a config as YAML that the strict loader reads back to the same values."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["to_yaml"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


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


def to_yaml(content: dict[str, Any]) -> str:
    """Return nested plain data as YAML.

    Parameters
    ----------
    content : dict
        Mappings, lists, text, numbers; a key whose value is None is left out.

    Returns
    -------
    str
        YAML, keys in the order given, without aliases.
    """
    return yaml.dump(
        _without_none(content),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=110,
    )
