"""The shipped catalogue of public data sets, and what it says in words."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asm_hybrid.config.messages import input_error
from asm_hybrid.datasets.entries import MANY, Catalogue, DataSet
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.yamlfile import YamlSource, load_yaml

__all__ = ["find_set", "licence_lines", "load_catalogue", "set_lines", "set_rows", "size_text", "template_text"]

HERE = Path(str(files("asm_hybrid.datasets")))


def load_catalogue(path: YamlSource = HERE / "catalogue.yaml") -> Catalogue:
    """Read and check the catalogue.

    Parameters
    ----------
    path : str, Path or mapping
        Another file than the shipped one, or its content.

    Returns
    -------
    Catalogue

    Raises
    ------
    InputError
        If it is not as `Catalogue` says; with line and key.
    """
    document = load_yaml(path, "catalogue")
    try:
        return Catalogue.model_validate(document.data)
    except ValidationError as error:
        raise input_error(error, Catalogue, document) from None


def find_set(name: str, catalogue: Catalogue) -> DataSet:
    """Return a set of the catalogue.

    Parameters
    ----------
    name : str
        Its name.
    catalogue : Catalogue
        The catalogue.

    Returns
    -------
    DataSet

    Raises
    ------
    InputError
        If there is none of this name.
    """
    for one in catalogue.sets:
        if one.name == name:
            return one
    names = [one.name for one in catalogue.sets]
    raise InputError(
        f"there is no data set {name!r}",
        expected="a name that `asm-hybrid data list` shows",
        fix=nearest(name, names),
    )


def template_text(one: DataSet, name: str) -> str:
    """Return a column map or a scenario that is written beside the files of a set.

    Parameters
    ----------
    one : DataSet
        The set.
    name : str
        One of its templates.

    Returns
    -------
    str
        YAML.
    """
    return (HERE / "templates" / one.name / name).read_text(encoding="utf-8")


def size_text(size: int | None) -> str:
    """Return a size in words.

    Parameters
    ----------
    size : int or None
        Size [byte].

    Returns
    -------
    str
    """
    if size is None:
        return "unknown"
    return f"{size / MANY:.3g} MB" if size >= MANY else f"{size / 1000:.3g} kB"


def set_rows(catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the sets as rows of a table.

    Parameters
    ----------
    catalogue : Catalogue
        The catalogue.

    Returns
    -------
    list of dict
        ``name``, ``title``, ``fit``, ``period``, ``step``, ``size`` [byte], ``licence``, ``redistribution``, ``doi``,
        ``link`` and ``way``.
    """
    return [
        {
            "name": one.name,
            "title": one.title,
            "fit": one.fit,
            "period": one.period,
            "step": one.step,
            "size": one.size,
            "licence": one.licence.name,
            "redistribution": one.licence.redistribution,
            "doi": one.doi,
            "link": one.link,
            "way": one.way,
        }
        for one in catalogue.sets
    ]


def licence_lines(one: DataSet) -> list[str]:
    """Return the terms of a set.

    Parameters
    ----------
    one : DataSet
        The set.

    Returns
    -------
    list of str
    """
    meaning = {
        "allowed": "the files may be passed on",
        "restricted": "to some uses only",
        "forbidden": "the files may not be passed on",
        "unverified": "whether the files may be passed on is not verified",
    }[one.licence.redistribution]
    more = [text for text in (one.licence.note, one.licence.link) if text]
    return [f"licence: {one.licence.name}; {meaning}", *(f"  {text}" for text in more)]


def set_lines(one: DataSet, folder: str = "FOLDER") -> list[str]:
    """Return all that the catalogue says of a set.

    Parameters
    ----------
    one : DataSet
        The set.
    folder : str
        Its folder, for what to do with it.

    Returns
    -------
    list of str
    """
    lines = [f"{one.name}: {one.title}", f"{one.kind}"]
    lines += [f"{key}: {value}" for key, value in (("period", one.period), ("step", one.step)) if value]
    lines += [f"variables: {', '.join(one.variables)}", f"good for: {one.fit}", *licence_lines(one)]
    lines += [f"cite: {one.source}"] if one.source else []
    lines += [f"DOI: https://doi.org/{one.doi}"] if one.doi else []
    lines += [f"page: {one.link}"] if one.link else []
    for file in one.files:
        lines.append(f"file: {file.name}, {size_text(file.size)}, {file.checksum}")
        lines += [f"  {file.url}"] if file.url else []
    lines += [f"by hand: {one.by_hand.replace('FOLDER', folder)}"] if one.by_hand else []
    lines += [f"comes with: {', '.join(one.templates)}"] if one.templates else []
    return [*lines, f"use: {one.use.replace('FOLDER', folder)}"]
