"""What all pages have: header, navigation, the place for messages, and tables."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from nicegui import Client, ui

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.serve.theme import CSS, PRIMARY

__all__ = ["PAGES", "Over", "note", "section", "shell", "table", "tell"]

PAGES = (("/", "Home"), ("/plant", "Plant"), ("/run", "Run"), ("/trainings", "Trainings"))
"""Paths and names of the pages, in the order of the navigation."""

_messages: WeakKeyDictionary[Client, ui.element] = WeakKeyDictionary()


class Over(str):
    """A cell of a table that stands out, such as a value above its limit."""


@contextmanager
def shell(title: str, path: str) -> Iterator[None]:
    """Draw what all pages have, and its content within.

    Parameters
    ----------
    title : str
        Heading of the page.
    path : str
        Its path, one of `PAGES`.

    Yields
    ------
    None
    """
    ui.page_title(f"{title} – asm-hybrid")
    ui.add_css(CSS)
    ui.colors(primary=PRIMARY)
    with ui.header(fixed=False):
        ui.link("asm-hybrid", "/").classes("ah-brand")
        with ui.element("nav").classes("ah-nav").props('aria-label="Pages"'):
            for target, name in PAGES:
                link = ui.link(name, target)
                if target == path:
                    link.props("aria-current=page")
    content = ui.element("div").classes("nicegui-content").style("padding: 0")
    ui.skip_link("Skip to the content", target=content)
    with content:
        ui.html(html.escape(title), tag="h1", sanitize=False)
        region = ui.element("div").classes("ah-messages").props('role=alert aria-label="Messages"')
        _messages[region.client] = region
        yield


@contextmanager
def section(title: str) -> Iterator[ui.element]:
    """Draw a part of a page with a heading, and its content within.

    Parameters
    ----------
    title : str
        The heading.

    Yields
    ------
    element
        The part.
    """
    with ui.element("section").classes("ah-panel").props(f'aria-label="{html.escape(title)}"') as box:
        ui.html(html.escape(title), tag="h2", sanitize=False)
        yield box


def tell(error: Exception, within: ui.element | None = None) -> None:
    """Show an error where the user looks; it takes the place of what was said there before.

    Parameters
    ----------
    error : Exception
        What was raised. What is no error of the user's input or of a simulation is a fault of the program: its
        traceback goes to a file, which is named.
    within : element, optional
        Where; below the heading of the page without it.
    """
    text = str(error) if isinstance(error, AsmHybridError) else _fault(error)
    note(text, "error", within)


def note(text: str, kind: str = "note", within: ui.element | None = None) -> None:
    """Show a message in the place of what was said there before.

    Parameters
    ----------
    text : str
        The message; an empty one takes away what stands there.
    kind : str
        ``note``, ``warning`` or ``error``.
    within : element, optional
        Where; below the heading of the page without it.
    """
    place = within or _messages[ui.context.client]
    if place.is_deleted:  # the page was closed, or drawn anew
        return
    place.clear()
    if not text:
        return
    with place:
        ui.label(text).classes(f"ah-message {kind}")
    place.client.run_javascript(f"getHtmlElement({place.id})?.scrollIntoView({{block: 'nearest'}})")


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> ui.element:
    """Draw a table whose first column names its rows.

    Parameters
    ----------
    caption : str
        What it shows.
    headings : sequence of str
        Of its columns.
    rows : sequence of sequence of str
        Its cells; an `Over` stands out.

    Returns
    -------
    element
        The table, which scrolls by itself where it is wider than the page.
    """
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in headings)
    lines = []
    for first, *cells in rows:
        marks = (' class="over"' if isinstance(cell, Over) else "" for cell in cells)
        inner = "".join(f"<td{mark}>{html.escape(cell)}</td>" for cell, mark in zip(cells, marks, strict=True))
        lines.append(f'<tr><th scope="row">{html.escape(first)}</th>{inner}</tr>')
    text = f"<caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    with (
        ui.element("div")
        .classes("ah-table")
        .props(f'role=region tabindex=0 aria-label="{html.escape(caption)}"') as box
    ):
        ui.html(text, tag="table", sanitize=False)
    return box


def _fault(error: Exception) -> str:
    """Write the traceback of a fault to a file, and say so."""
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="asm-hybrid-fault-", suffix=".txt", delete=False) as file:
        file.write("".join(traceback.format_exception(error)))
    last = str(error).strip().splitlines()[-1:] or [type(error).__name__]
    return f"a fault of asm-hybrid, not of your input: {last[0]}\n  fix: report it, with the file {file.name}"
