"""The local page: a plant or a run in the browser, for this machine alone."""

from __future__ import annotations

__all__ = ["serve_page"]


def serve_page(subject: str | None, *, port: int | None = None, browser: bool = True) -> None:
    """Serve the page until it is stopped by Ctrl-C; see `asm_hybrid.serve.app.serve_page`.

    Parameters
    ----------
    subject : str or None
        A shipped layout, the YAML file of a plant, a config, or a run folder or bundle; None for the list of what
        there is.
    port : int, optional
        The port; a free one without it.
    browser : bool
        Whether the page is opened in the browser.

    Raises
    ------
    InputError
        When there is no such subject, or the port cannot be used.
    """
    from asm_hybrid.serve.app import serve_page as served

    served(subject, port=port, browser=browser)
