"""What the theme leaves out of a page: its language where that is not English, and the name of the search for readers.

The language stands in the front matter: ``lang: zh``.
"""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

__all__ = ["on_post_page"]


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Say which language the page is in, and what its dialog is."""
    changes = {
        '<html lang="en"': f'<html lang="{page.meta.get("lang", "en")}"',
        'data-md-component="search" role="dialog"': 'data-md-component="search" role="dialog" aria-label="Search"',
    }
    for old, new in changes.items():
        if old not in output:
            raise PluginError(f"{page.file.src_uri}: the theme no longer writes {old}")
        output = output.replace(old, new, 1)
    return output
