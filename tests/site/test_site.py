"""The site builds strict, holds all that it should, has no link into nothing, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer
from built import BuiltPage, read_built
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from pages import ROOT, TEACHING, blocks
from pages import pages as teaching_pages
from pydantic import BaseModel

import asm_hybrid as ah
from asm_hybrid import cli
from asm_hybrid.config.schema.config import Config
from asm_hybrid.equations.config import OdeConfig
from asm_hybrid.scenario.definition import ScenarioFile

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def built(site: Path) -> dict[str, BuiltPage]:
    """Return every page of the site by its path."""
    return {path.relative_to(site).as_posix(): read_built(path) for path in site.rglob("*.html")}


def test_every_document_is_a_page_and_in_the_navigation(built: dict[str, BuiltPage]) -> None:
    """Of pages that the navigation lacks, and of entries without a page, the strict build complains."""
    for path in DOCS.rglob("*.md"):
        assert path.relative_to(DOCS).with_suffix(".html").as_posix() in built
    assert {f"reference/tables/{name}.html" for name in ah.available_tables()} <= set(built)


def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    from mkdocs.commands.build import build

    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# Page\n\n[there](other.md)\n[here](#nowhere)\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: x\nstrict: true\nvalidation: {links: {anchors: warn}}\ntheme: material\n"
    )
    with pytest.raises(Abort, match="2 warnings"):
        build(load_config(str(tmp_path / "mkdocs.yml"), site_dir=str(tmp_path / "site")))
    ours = load_config(str(ROOT / "mkdocs.yml"))
    assert ours.validation.links.anchors == ours.validation.links.not_found  # both of them warnings
    assert ours.validation.nav.omitted_files == ours.validation.links.not_found


def test_links_within_the_site_lead_to_pages_and_anchors(site: Path, built: dict[str, BuiltPage]) -> None:
    """Also those in HTML that is made, which MkDocs does not check."""
    broken = []
    for name, page in built.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc or name == "404.html":
                continue
            target = (site / name).parent / unquote(address.path) if address.path else site / name
            found = target.resolve()
            held = built.get(found.relative_to(site.resolve()).as_posix()) if found.suffix == ".html" else None
            if not found.is_file() or (held and address.fragment and unquote(address.fragment) not in held.anchors):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_no_page_has_an_anchor_twice_or_an_image_without_words(built: dict[str, BuiltPage]) -> None:
    for name, page in built.items():
        mine = [anchor for anchor in page.anchors if not anchor.startswith("__")]
        assert sorted(mine) == sorted(set(mine)), name
        assert page.images_without_text == [], name


def test_nothing_is_loaded_from_elsewhere(site: Path, built: dict[str, BuiltPage]) -> None:
    for name, page in built.items():
        assert [load for load in page.loads if urlsplit(load).netloc or urlsplit(load).scheme not in ("", "data")] == []
        assert "fonts.g" not in (site / name).read_text(encoding="utf-8")
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert re.findall(r"""(?:@import\s*|url\()\s*["']?(?:https?:)?//[^)]*""", text) == [], sheet.name


def test_the_search_index_holds_what_people_look_for(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"]: f"{entry['title']} {entry['text']}" for entry in index["docs"]}
    for words, place in {
        "Name of a shipped kinetics table": "reference/config-keys.html#model",
        "Replace exports that are there": "reference/cli.html#export",
        "heterotrophs grow on readily biodegradable substrate": "reference/tables/asm1.html#rates",
        "solids retention time": "reference/glossary.html#treatment-plants",
        "Do the whole job": "reference/python.html#asm_hybrid.run",
        "moving-block bootstrap": "method.html#the-verdict",
        "十分钟": "start/zh.html",
    }.items():
        assert words in found[place], place


@pytest.mark.parametrize("path", teaching_pages(), ids=lambda path: path.relative_to(DOCS).as_posix())
def test_every_block_that_a_reader_sees_is_one_that_the_tests_know(path: Path, built: dict[str, BuiltPage]) -> None:
    """Such as one set in from the left, which no test would run."""
    assert built[path.relative_to(DOCS).with_suffix(".html").as_posix()].blocks == len(blocks(path))


def sections(model: type[BaseModel]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every section of a file, also those that are written out where they stand."""

    def within(name: str, content: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(content, dict):
            if isinstance(content.get("properties"), dict):
                yield name, content
            for key, part in content.items():
                yield from within(key, part)
        elif isinstance(content, list):
            for part in content:
                yield from within(name, part)

    yield from within(model.__name__, model.model_json_schema(by_alias=True))


@pytest.mark.parametrize(
    ("model", "page"),
    [(Config, "config-keys"), (ScenarioFile, "scenario-keys"), (OdeConfig, "equation-keys")],
)
def test_every_key_is_described_and_on_its_page(model: type[BaseModel], page: str, built: dict[str, BuiltPage]) -> None:
    anchors = {anchor.rpartition(".")[2] for anchor in built[f"reference/{page}.html"].anchors}
    found = dict(sections(model))
    assert len(found) > 5
    for name, section in found.items():
        for key, content in section["properties"].items():
            assert content.get("description"), f"{name}.{key}"
            assert key in anchors, f"{name}.{key}"


@pytest.mark.parametrize("name", ["config.md", "plants.md", "scenarios.md"])
def test_keys_that_a_guide_tells_of_exist(name: str) -> None:
    known = {key for model in (Config, ScenarioFile) for _, section in sections(model) for key in section["properties"]}
    tables = re.findall(
        r"^\| key \|.*\n\|[-|]+\n((?:\|.*\n)+)", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    cells = [row.split("|")[1] for rows in tables for row in rows.splitlines()]
    told = [key for cell in cells for code in re.findall(r"`([^`]+)`", cell) for key in re.findall(r"\w+", code)]
    assert len(told) >= 4
    assert [key for key in told if key not in known | {"NAME"}] == []


def test_a_key_says_type_unit_default_and_meaning(built: dict[str, BuiltPage]) -> None:
    text = " ".join(built["reference/config-keys.html"].text.split())
    for entry in (
        "volume required number, or text with a unit such as 1000 m3 · unit: m3 Liquid volume [m3]",
        "alpha number, above 0 to 1.5 · unit: none · default: 0.6 Transfer in mixed liquor",
        "mode mechanistic, neural or hybrid · default: hybrid mechanistic: f alone;",
        "air section plant.tanks.NAME.air · optional Aeration by an air flow",
        "train pair, each: share of the record, or a time · default: [0.0, 0.5] Block on which",
        "composite required number, or text with a unit such as 15 min · unit: d Length of the period",
    ):
        assert entry in text


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command that has no further ones, with its name."""
    for word, one in getattr(command, "commands", {}).items():
        yield from commands(one, f"{name} {word}".strip())
    if not getattr(command, "commands", None):
        yield name, command


def test_every_command_and_option_is_on_the_page_of_the_command_line(built: dict[str, BuiltPage]) -> None:
    page = built["reference/cli.html"]
    for name, command in commands(typer.main.get_command(cli.app)):
        assert name.replace(" ", "-") in page.anchors
        assert [
            o for parameter in command.params for o in parameter.opts if o.startswith("-") and o not in page.text
        ] == []
    assert all(str(code) in page.text for code in cli.EXIT_CODES)


def test_every_public_name_is_on_the_page_of_python_once(built: dict[str, BuiltPage]) -> None:
    anchors = built["reference/python.html"].anchors
    assert [name for name in ah.__all__ if anchors.count(f"asm_hybrid.{name}") != 1] == ["__version__"]


def test_tables_and_glossary_hold_every_name(built: dict[str, BuiltPage]) -> None:
    glossary = built["reference/glossary.html"].text
    for name in ah.available_tables():
        table, page = ah.load_table(name), built[f"reference/tables/{name}.html"].text
        for entry in (*table.components, *table.parameters):
            assert entry.name in page
            assert entry.name in glossary
        assert all(name in glossary for name in table.composites)


def test_a_file_outside_of_the_documents_is_a_page(site: Path, built: dict[str, BuiltPage]) -> None:
    text = (ROOT / "configs" / "quickstart.yaml").read_text(encoding="utf-8")
    assert text.strip() in built["files/configs/quickstart.yaml.html"].text
    assert "files/benchmarks/index.html#" in "".join(built["config.html"].links + built["method.html"].links)
    assert "../../ode.html#adjoints" in built["files/benchmarks/index.html"].links


def test_documents_that_the_program_names_exist(built: dict[str, BuiltPage]) -> None:
    named = set()
    for path in (ROOT / "asm_hybrid").rglob("*.py"):
        named |= set(re.findall(r"docs/([\w/-]+)\.md(?:#([\w-]+))?", path.read_text(encoding="utf-8")))
    assert len(named) > 5
    for page, anchor in named:
        assert f"{page}.html" in built
        assert not anchor or anchor in built[f"{page}.html"].anchors


def test_a_list_stands_apart_from_the_paragraph_before_it() -> None:
    """Git hosts show a list without an empty line before it as a list; the site takes it for words."""
    item = re.compile(r" *(?:[-*+]|\d+\.) ")
    for path in [*DOCS.rglob("*.md"), ROOT / "benchmarks" / "README.md", *(ROOT / "data").rglob("*.md")]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^```.*?^```|\A---\n.*?^---\n", "", text, flags=re.DOTALL | re.MULTILINE)
        lines = ["", *text.splitlines()]
        glued = [
            line
            for before, line in pairwise(lines)
            if item.match(line) and before.strip() and not item.match(before) and not before.startswith(" ")
        ]
        assert glued == [], path.name


def test_a_page_in_another_language_says_so(built: dict[str, BuiltPage]) -> None:
    assert built["start/zh.html"].language == "zh"
    assert built["index.html"].language == "en"
    assert TEACHING == ("start", "tutorials")
