"""The local page: a plant or a run in the browser."""

from __future__ import annotations

__all__ = ["serve_page"]


def serve_page(subject: str | None, *, port: int | None = None, browser: bool = True) -> None:
    """Serve the page until it is stopped."""
    raise NotImplementedError
