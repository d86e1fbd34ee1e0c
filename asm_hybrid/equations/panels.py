"""What the panels of all pictures of generic ODEs share."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from asm_hybrid.report.style import INK

__all__ = ["STATES", "TRUTH", "legend", "title"]

STATES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#7a5195")
"""Colours of the states, from Okabe and Ito's palette."""
TRUTH = "#9aa5b1"
"""Colour of what made the data."""


def title(ax: Axes, text: str) -> None:
    """Write the title of a panel.

    Parameters
    ----------
    ax : Axes
        The panel.
    text : str
        The title.
    """
    ax.set_title(text, loc="left", fontsize=9, fontweight="bold", color=INK)


def legend(ax: Axes, handles: Sequence[Artist], columns: int) -> None:
    """Put a legend above the curves, and make room for it.

    Parameters
    ----------
    ax : Axes
        The panel.
    handles : list of Line2D or Patch
        The entries.
    columns : int
        How many stand side by side.
    """
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.1 * (1 + (len(handles) - 1) // columns) * (high - low))
    ax.legend(handles=handles, ncols=columns, loc="upper left", borderaxespad=0.1, handlelength=1.6,
              columnspacing=0.9, handletextpad=0.5, fontsize=7.5)  # fmt: skip
