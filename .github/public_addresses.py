"""Put the public address of the repository into README.md and pyproject.toml before a wheel is built for others.

Run ``python .github/public_addresses.py ADDRESS REVISION`` in the root of the repository, in a copy of it that is
thrown away: ``ADDRESS`` is such as ``https://HOST/OWNER/NAME``, ``REVISION`` a tag or commit. A package index shows
README.md alone, so that its links to files need whole addresses. No address stands in the sources, where it would be
wrong in every fork.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

LINK = re.compile(r"(?<=\]\()(?!https?://|#)(?P<path>[^)\s]+)|(?<=src=\")(?!https?://)(?P<source>[^\"]+)")
"""The target of a link or picture in Markdown, or the source of a picture in HTML, that is a path."""
PICTURES = (".png", ".svg")


def absolute(text: str, address: str, revision: str) -> str:
    """Return Markdown whose links to files of the repository are whole addresses."""

    def whole(match: re.Match[str]) -> str:
        path = match["path"] or match["source"]
        kind = "raw" if path.endswith(PICTURES) else "blob"
        return f"{address}/{kind}/{revision}/{path}"

    return LINK.sub(whole, text)


def with_urls(text: str, address: str, revision: str) -> str:
    """Return a pyproject.toml whose ``project.urls`` name the repository as well."""
    urls = {
        "Homepage": address,
        "Documentation": f"{address}/blob/{revision}/docs/index.md",
        "Source": address,
        "Issues": f"{address}/issues",
        "Changelog": f"{address}/blob/{revision}/CHANGELOG.md",
    }
    heading, count = re.compile(r"^\[project\.urls\].*\n", re.MULTILINE), 0
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    text, count = heading.subn(lambda match: match[0] + lines, text)
    if count != 1:
        raise SystemExit(f"pyproject.toml has {count} headings [project.urls]; one is expected")
    return text


def main(address: str, revision: str, root: Path) -> None:
    """Change both files in ``root``."""
    if not re.fullmatch(r"https://[^\s\"]+[^\s\"/]", address):
        raise SystemExit(f"{address!r} is no address such as https://HOST/OWNER/NAME")
    for name, change in (("README.md", absolute), ("pyproject.toml", with_urls)):
        path = root / name
        path.write_text(change(path.read_text(encoding="utf-8"), address, revision), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2], Path.cwd())
