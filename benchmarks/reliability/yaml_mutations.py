"""Mutants of YAML: of its content, and of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, cast

import yaml
from grid_mutations import Expectation, Random

__all__ = ["TEXT_MUTANTS", "YAML_MUTANTS", "yaml_lost", "yaml_moved", "yaml_value"]


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every entry below a node."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _holder(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        data = data[key]
    return data


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "abc", "1e-3", [], {}, [[]], {"a": 1}, 0, -1, 1e300, -1e-300, 10**30, 0.5, "5 parsec", "nan"),
    *("\x07", "a" * 3000, "../../etc/passwd", "12:30", [1, 2, 3, 4, 5, 6], "1 h", "20 degC", "5 m3/d", [0.0, 0.0]),
)


def yaml_value(rng: Random, data: Any) -> None:
    """Put an odd value in the place of one."""
    paths = list(_paths(data))
    path = paths[int(rng.integers(len(paths)))]
    _holder(data, path)[path[-1]] = deepcopy(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])


def yaml_scaled(rng: Random, data: Any) -> None:
    """Change a number by a factor."""
    paths = [p for p in _paths(data) if isinstance(_holder(data, p)[p[-1]], int | float)]
    path = paths[int(rng.integers(len(paths)))]
    _holder(data, path)[path[-1]] *= float(rng.choice([-1, 0, 1e-6, 1e3, 1e9]))


def yaml_lost(rng: Random, data: Any) -> None:
    """Remove an entry."""
    paths = list(_paths(data))
    path = paths[int(rng.integers(len(paths)))]
    del _holder(data, path)[path[-1]]


def yaml_moved(rng: Random, data: Any) -> None:
    """Put the value of one entry in the place of another."""
    paths = list(_paths(data))
    one, other = (paths[int(k)] for k in rng.integers(len(paths), size=2))
    value = json.loads(json.dumps(_holder(data, one)[one[-1]]))
    _holder(data, other)[other[-1]] = value


def yaml_unknown_key(rng: Random, data: Any) -> None:
    """Add a key that nothing reads, to a section of fixed keys."""
    sections = [(), *(p for p in _paths(data) if p in FIXED_SECTIONS and isinstance(_holder(data, p)[p[-1]], dict))]
    path = sections[int(rng.integers(len(sections)))]
    node = data
    for key in path:
        node = node[key]
    node["volumme"] = 1


LOOKALIKES = str.maketrans("aeopcxi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0456")
"""Letters of Cyrillic that look like those of Latin."""
FIXED_SECTIONS = {
    *(("plant",), ("model",), ("data",), ("training",), ("network",), ("plant", "wastage"), ("plant", "settler")),
    *(("plant", "influent"), ("plant", "return_sludge")),
}


def yaml_number_as_text(rng: Random, data: Any) -> None:
    """Put a number between quotes, or write it as other programs do."""
    paths = [p for p in _paths(data) if type(_holder(data, p)[p[-1]]) in (int, float)]
    path = paths[int(rng.integers(len(paths)))]
    value = _holder(data, path)[path[-1]]
    forms = [
        f"{value}",
        f"{value:,}",
        f"{value:.3e}",
        f"0x{int(value):x}",
        f"{value}_0",
        f"+{value}",
        f"{value} ",
        "NaN",
    ]
    _holder(data, path)[path[-1]] = forms[int(rng.integers(len(forms)))]


def yaml_key_lookalike(rng: Random, data: Any) -> None:
    """Write a key of a section with a letter of another script, or another case."""
    sections = [(), *(p for p in _paths(data) if p in FIXED_SECTIONS and isinstance(_holder(data, p)[p[-1]], dict))]
    node = data
    for key in sections[int(rng.integers(len(sections)))]:
        node = node[key]
    key = list(node)[int(rng.integers(len(node)))]
    forms = [
        key.translate(LOOKALIKES),
        key.capitalize(),
        key + "\N{ZERO WIDTH SPACE}",
        key + " ",
        key.replace("_", "-"),
    ]
    node[next((form for form in forms if form != key and rng.random() < 0.5), key + "s")] = node.pop(key)


def yaml_nested(rng: Random, data: Any) -> None:
    """Put a value many levels deep in the place of one."""
    paths = list(_paths(data))
    path, value = paths[int(rng.integers(len(paths)))], cast(Any, 1)
    for _ in range(int(rng.choice([5, 30, 45, 200]))):
        value = [value] if rng.random() < 0.5 else {"a": value}
    _holder(data, path)[path[-1]] = value


def yaml_large(rng: Random, data: Any) -> None:
    """Put a list or mapping of very many entries, or a very long text, in the place of a value."""
    paths = list(_paths(data))
    path = paths[int(rng.integers(len(paths)))]
    larges = (list(range(50_000)), {f"k{i}": i for i in range(20_000)}, "x" * 500_000, [[1, 2]] * 20_000)
    _holder(data, path)[path[-1]] = deepcopy(larges[int(rng.integers(len(larges)))])


YAML_MUTANTS: tuple[tuple[Callable[[Random, Any], None], Expectation], ...] = (
    (yaml_value, "any"),
    (yaml_scaled, "any"),
    (yaml_lost, "any"),
    (yaml_moved, "any"),
    (yaml_number_as_text, "any"),
    (yaml_nested, "any"),
    (yaml_large, "any"),
    (yaml_key_lookalike, "seen"),
    (yaml_unknown_key, "seen"),
)
"""Mutants of the content."""


# ---- mutants of the text


def text_alias(rng: Random, text: str) -> str:
    """Make a value an anchor, and an alias of it further on; or aliases of aliases without end."""
    if rng.random() < 0.5:
        lines = ['a0: &a0 ["x", "x"]'] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)]
        return text + "\n".join(lines) + "\n"
    at = text.index("volume: 1000")
    return text[:at] + "volume: &v 1000" + text[at + len("volume: 1000") :].replace("volume: 2000", "volume: *v", 1)


def text_merge(rng: Random, text: str) -> str:
    """Add a merge key."""
    return text.replace("settler: {type: ideal", "settler: {<<: {type: ideal}", 1)


def text_tag(rng: Random, text: str) -> str:
    """Give a value a tag."""
    tags = ["!!python/object/apply:os.system", "!!binary", "!!set", "!!timestamp", "!!float", "!!str", "!!int", "!x"]
    return _at_value(rng, text, lambda value: f"{tags[int(rng.integers(len(tags)))]} {value}")


def text_tab(rng: Random, text: str) -> str:
    """Indent a line by a tab."""
    lines = text.split("\n")
    some = [k for k, line in enumerate(lines) if line.startswith("  ")]
    at = some[int(rng.integers(len(some)))]
    lines[at] = "\t" + lines[at].lstrip()
    return "\n".join(lines)


def text_indent(rng: Random, text: str) -> str:
    """Indent a line by one space more or less."""
    lines = text.split("\n")
    some = [k for k, line in enumerate(lines) if line.startswith("  ")]
    at = some[int(rng.integers(len(some)))]
    lines[at] = lines[at][1:] if rng.random() < 0.5 else " " + lines[at]
    return "\n".join(lines)


def text_key_twice(rng: Random, text: str) -> str:
    """Give a key a second time, with another value."""
    if rng.random() < 0.5:
        return text + str(rng.choice(["device: cpu\n", "network: {hidden: [8]}\n", "name: other\n"]))
    return text.replace("flow: 4000", "flow: 4000, flow: 400", 1)


def text_huge_number(rng: Random, text: str) -> str:
    """Put a number beyond what a computer holds in the place of a value."""
    huge = [
        "1e400",
        "-1e400",
        "9" * 60,
        "9" * 5000,
        "1e-400",
        ".inf",
        "-.INF",
        ".nan",
        "1" + "0" * 300,
        "0." + "0" * 400,
    ]
    return _at_value(rng, text, lambda value: huge[int(rng.integers(len(huge)))])


def text_word(rng: Random, text: str) -> str:
    """Put a word of YAML in the place of a value."""
    words = [
        "yes",
        "no",
        "on",
        "~",
        "null",
        "True",
        "12:30:45",
        "2024-01-01",
        "0o17",
        "0b1",
        "1_000",
        "=",
        "<<",
        "? a",
        "|",
    ]
    return _at_value(rng, text, lambda value: words[int(rng.integers(len(words)))])


def text_document(rng: Random, text: str) -> str:
    """Add a second document, or end the first early."""
    lines = text.split("\n")
    at = int(rng.integers(1, len(lines)))  # before the first line it begins the only document
    if lines[at].startswith(" "):
        return text + str(rng.choice(["---\nname: other\n", "...\nname: other\n", "--- {a: 1}\n"]))
    return "\n".join([*lines[:at], "---", *lines[at:]])


def text_deep(rng: Random, text: str) -> str:
    """Open very many brackets."""
    return _at_value(
        rng, text, lambda value: str(rng.choice(["[", "{a: ", "- "])) * int(rng.choice([100, 10_000, 200_000]))
    )


def text_same(rng: Random, text: str) -> str:
    """Write the same content in another way."""
    kind = int(rng.integers(6))
    if kind == 0:
        return text.replace("\n", "\r\n")
    if kind == 1:
        return "\ufeff" + text
    if kind == 2:
        return "# a comment: {with: [signs]}\n" + text.replace("\nplant:", "\n\n# - plant\nplant:", 1)
    if kind == 3:
        return yaml.safe_dump(yaml.safe_load(text), sort_keys=False, width=1000, default_flow_style=False)
    if kind == 4:
        return json.dumps(yaml.safe_load(text), indent=1)
    data = yaml.safe_load(text)
    for path in [(), *FIXED_SECTIONS]:
        node = data
        for key in path:
            node = node.get(key, {})
        items = list(node.items())
        node.clear()
        node.update(items[int(k)] for k in rng.permutation(len(items)))
    return yaml.safe_dump(data, sort_keys=False, width=1000)


def _at_value(rng: Random, text: str, change: Callable[[str], str]) -> str:
    """Change a plain value of a flow mapping or a line."""
    found = list(re.finditer(r"(?<=: )[A-Za-z0-9.]+(?=[,}\n])", text))
    at = found[int(rng.integers(len(found)))]
    return text[: at.start()] + change(at.group()) + text[at.end() :]


TEXT_MUTANTS: tuple[tuple[Callable[[Random, str], str], Expectation], ...] = (
    (text_alias, "seen"),
    (text_merge, "seen"),
    (text_tag, "seen"),
    (text_key_twice, "seen"),
    (text_deep, "seen"),
    (text_document, "seen"),
    (text_tab, "any"),
    (text_indent, "any"),
    (text_huge_number, "any"),
    (text_word, "any"),
    (text_same, "same"),
)
"""Mutants of the text of a config."""
