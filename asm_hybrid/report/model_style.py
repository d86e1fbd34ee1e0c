"""Names, colours and order of the models that are compared; those of a run of another version are shown as well."""

from __future__ import annotations

from collections.abc import Iterable

from asm_hybrid.report.style import MUTED, plain
from asm_hybrid.training.compared import compared_models

__all__ = ["in_order", "model_colour", "model_line", "model_title"]


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of models in the order of the tables.

    Parameters
    ----------
    names : iterable of str
        Names, in any order.

    Returns
    -------
    list of str
        Those that are not known are the last, by the alphabet.
    """
    order = list(compared_models())
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def model_title(name: str) -> str:
    """Return the name of a model for readers.

    Parameters
    ----------
    name : str
        Name of the model in the files of a run.

    Returns
    -------
    str
    """
    model = compared_models().get(name)
    return model.title if model else plain(name)


def model_colour(name: str) -> str:
    """Return the colour of a model's lines.

    Parameters
    ----------
    name : str
        Name of the model.

    Returns
    -------
    str
        In the form ``#rrggbb``; grey where the model is not known.
    """
    model = compared_models().get(name)
    return model.colour if model else MUTED


def model_line(name: str) -> str:
    """Return the style of a model's lines.

    Parameters
    ----------
    name : str
        Name of the model.

    Returns
    -------
    str
        As matplotlib names it; dashed where the model is not known.
    """
    model = compared_models().get(name)
    return model.line if model else "--"
