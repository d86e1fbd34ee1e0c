"""Files of the repository that the documents link to, as pages of the site.

A document links to ``../configs/quickstart.yaml`` as it stands in the repository, and so the link works on a Git host.
For the site such a file becomes a page below ``files/``, and the link leads there: a document of Markdown as it is,
any other text as a listing. The site needs no repository beside it, and strict building finds links that lead nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_markdown"]

FOLDER = "files"
"""Where pages of files outside of the documents stand on the site."""

_LINK = re.compile(r"(\]\()([^)\s#]*)([^)\s]*\))")
_CODE = re.compile(r"^(```+).*?^\1\s*$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_LANGUAGES = {".py": "python", ".yaml": "yaml", ".csv": "text", ".toml": "toml", ".sh": "bash"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file outside of the documents that a document, or such a page, links to."""
    waiting = [(_home(file, config), file.content_string) for file in files.documentation_pages()]
    known: set[str] = set()
    while waiting:
        home, text = waiting.pop()
        for path in _outside(home, text, config):
            if path in known:
                continue
            known.add(path)
            content = (_root(config) / path).read_text(encoding="utf-8")
            listing = content if path.endswith(".md") else _listing(path, content)
            page = File.generated(config, _place(path), content=listing, inclusion=InclusionLevel.NOT_IN_NAV)
            files.append(page)
            if path.endswith(".md"):
                waiting.append((path, content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links within the repository into links within the site."""
    home = _home(page.file, config)

    def turned(found: re.Match[str]) -> str:
        path = _target(home, found[2], config)
        if path is None:
            return found[0]
        place = path.removeprefix("docs/") if path.startswith("docs/") else _place(path)
        return found[1] + posixpath.relpath(place, posixpath.dirname(page.file.src_uri)) + found[3]

    return _outside_code(markdown, lambda text: _LINK.sub(turned, text))


def _outside(home: str, text: str, config: MkDocsConfig) -> list[str]:
    """Return the files outside of the documents to which a text links."""
    found: list[str] = []

    def note(plain: str) -> str:
        found.extend(match[2] for match in _LINK.finditer(plain))
        return plain

    _outside_code(text, note)
    targets = {_target(home, link, config) for link in found}
    return sorted(path for path in targets if path and not path.startswith("docs/"))


def _target(home: str, link: str, config: MkDocsConfig) -> str | None:
    """Return the file of the repository to which a link leads; None for what leads elsewhere, or nowhere."""
    if not link or ":" in link or link.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(home), link))
    whole = _root(config) / path
    if not path.startswith("..") and whole.is_dir() and (whole / "README.md").is_file():
        path, whole = f"{path}/README.md", whole / "README.md"
    return path if not path.startswith("..") and whole.is_file() else None


def _home(file: File, config: MkDocsConfig) -> str:
    """Return where the source of a page stands in the repository."""
    if file.src_uri.startswith(f"{FOLDER}/"):
        return file.src_uri.removeprefix(f"{FOLDER}/")
    return f"{Path(config.docs_dir).name}/{file.src_uri}"


def _place(path: str) -> str:
    return f"{FOLDER}/{path}" if path.endswith(".md") else f"{FOLDER}/{path}.md"


def _root(config: MkDocsConfig) -> Path:
    return Path(config.docs_dir).parent


def _listing(path: str, content: str) -> str:
    fence = "`" * (3 + max((len(ticks) for ticks in re.findall(r"`{3,}", content)), default=0))
    language = _LANGUAGES.get(posixpath.splitext(path)[1], "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n{fence}{language}\n{content.rstrip()}\n{fence}\n"


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text whose parts outside of blocks and spans of code went through a function."""
    parts, last = [], 0
    for code in _CODE.finditer(text):
        parts += [change(text[last : code.start()]), code[0]]
        last = code.end()
    return "".join([*parts, change(text[last:])])
