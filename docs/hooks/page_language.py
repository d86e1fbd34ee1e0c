"""The language of a page that is not English, which its front matter names: ``lang: zh``."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

__all__ = ["on_post_page"]


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Say in the page which language it is in, for screen readers and hyphenation."""
    if "lang" not in page.meta:
        return output
    changed = output.replace('<html lang="en"', f'<html lang="{page.meta["lang"]}"', 1)
    if changed == output:
        raise PluginError(f"{page.file.src_uri}: the theme has no lang to change")
    return changed
