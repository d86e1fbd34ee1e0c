"""The templates of the pages, and what they may call."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from asm_hybrid.diagnosis.plain_words import quantity_words
from asm_hybrid.report import style
from asm_hybrid.report.model_style import model_title

__all__ = ["get_template", "template_text"]

_FOLDER = Path(__file__).parent / "templates"


def template_text(name: str) -> str:
    """Return a file of the folder ``templates`` as it is, such as a script.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    str
    """
    return (_FOLDER / name).read_text(encoding="utf-8")


def get_template(name: str) -> Template:
    """Return a template, in which everything is escaped and nothing may be missing.

    Parameters
    ----------
    name : str
        Name of its file in the folder ``templates``.

    Returns
    -------
    Template
        With the filters for numbers, names and units.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=style.number,
        percent=style.percent,
        plain=style.plain,
        model=lambda name: model_title(name).lower(),
        unit=style.unit_text,
        sentence=style.sentence,
        quantity=quantity_words,
        duration=style.duration,
    )
    return environment.get_template(name)
