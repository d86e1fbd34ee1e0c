"""A built page as a browser reads it: anchors, links, what it loads, and its blocks of code."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "manifest", "modulepreload"}


@dataclass
class BuiltPage:
    """What a page holds."""

    language: str = ""
    anchors: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    """Addresses that a browser asks for by itself."""
    images_without_text: list[str] = field(default_factory=list)
    blocks: int = 0
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page, self.silent, self.article = BuiltPage(), 0, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {key: value or "" for key, value in attrs}
        self.page.anchors += [has["id"]] if "id" in has else []
        if tag == "html":
            self.page.language = has.get("lang", "")
        elif tag == "a" and "href" in has:
            self.page.links.append(has["href"])
        elif tag == "link" and LOADED_LINKS & set(has.get("rel", "").split()):
            self.page.loads.append(has["href"])
        elif LOADING.get(tag) in has:
            self.page.loads.append(has[LOADING[tag]])
        if tag == "img" and not has.get("alt"):
            self.page.images_without_text.append(has.get("src", ""))
        if tag == "pre" and self.article:
            self.page.blocks += 1
        self.article = self.article or tag == "article"
        self.silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.article = self.article and tag != "article"
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.page.text += data


def read_built(path: Path) -> BuiltPage:
    """Read a page of the built site."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page
