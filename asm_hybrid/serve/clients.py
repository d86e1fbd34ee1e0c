"""Whether somebody still looks at a page for which something was read meanwhile."""

from __future__ import annotations

from nicegui import Client

__all__ = ["is_open"]


def is_open(client: Client) -> bool:
    """Return whether a page is still open, so that something can be drawn into it.

    Parameters
    ----------
    client : Client
        The page in one tab.

    Returns
    -------
    bool
    """
    return client.id in Client.instances
