"""Discovery of parts that are a file each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from asm_hybrid.config.schema.network_section import _Network
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.registry import discover


@dataclass(frozen=True)
class Tool:
    """A part."""

    name: str
    order: int = 0


def _package(folder: Path, name: str, **modules: str) -> str:
    """Write a package of one module a word; return its name."""
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    for module, text in modules.items():
        (package / f"{module}.py").write_text(f"from test_registry import Tool\n{text}\n")
    return name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_every_module_gives_its_part_in_order(folder: Path) -> None:
    package = _package(
        folder, "tools_in_order", a="TOOL = Tool('saw', 2)", b="TOOL = Tool('axe', 2)", c="TOOL = Tool('file', 1)"
    )
    assert list(discover(package, "TOOL", Tool)) == ["file", "axe", "saw"]


def test_a_module_that_is_private_offers_nothing(folder: Path) -> None:
    package = _package(folder, "tools_private", a="TOOL = Tool('saw')", _helper="x = 1")
    assert list(discover(package, "TOOL", Tool)) == ["saw"]


def test_two_of_one_name_are_refused(folder: Path) -> None:
    package = _package(folder, "tools_twice", a="TOOL = Tool('saw')", b="TOOL = Tool('saw')")
    with pytest.raises(TypeError, match=r"tools_twice\.b offers a second TOOL of the name 'saw'"):
        discover(package, "TOOL", Tool)


@pytest.mark.parametrize("text", ["x = 1", "TOOL = 'saw'"])
def test_a_module_without_a_part_is_refused(folder: Path, text: str) -> None:
    package = _package(folder, f"tools_none_{len(text)}", a=text)
    with pytest.raises(TypeError, match="offers no TOOL that is a Tool"):
        discover(package, "TOOL", Tool)


def test_placements_and_networks_share_no_key_and_no_kind() -> None:
    keys = [key for part in (*PLACEMENTS.values(), *NETWORKS.values()) for key in part.keys]
    assert len({*keys, *_Network.model_fields}) == len(keys) + len(_Network.model_fields)
    assert len({placement.kind for placement in PLACEMENTS.values()}) == len(PLACEMENTS)
