"""What the catalogue says of a data set, as frozen and checked types."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from asm_hybrid.config.schema.section import Section, refuse

__all__ = ["Catalogue", "DataFile", "DataSet", "Licence", "MendeleyFile"]

MANY = 1_000_000
"""Bytes from which a size is told in MB."""


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"\w[\w.+ -]*", value) or value.endswith("."):
        raise refuse(f"the name is {value!r}", "the name of a file in a folder, without '/'")
    return value


def _address(value: str) -> str:
    if not re.match(r"https://|http://127\.0\.0\.1[:/]", value):
        raise refuse(f"the address is {value!r}", "an address that begins with https://")
    return value


Name = Annotated[str, AfterValidator(_plain_name)]
Address = Annotated[str, AfterValidator(_address)]
Names = Annotated[tuple[Name, ...], Field(strict=False)]
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class Licence(Section):
    """The terms of a set.

    Attributes
    ----------
    name : str
        Such as ``CC BY 4.0``; ``not verified`` where nobody could.
    redistribution : str
        ``"allowed"``, ``"restricted"`` (to some uses), ``"forbidden"``, or ``"unverified"``.
    link, note : str or None
        Where the terms stand, and what else is known of them.
    """

    name: str = Field(description="Name of the licence.")
    redistribution: Literal["allowed", "restricted", "forbidden", "unverified"] = Field(
        description="Whether the files may be passed on."
    )
    link: Address | None = Field(default=None, description="Where the terms stand.")
    note: str | None = Field(default=None, description="What else is known of the terms.")

    @property
    def asks(self) -> bool:
        """Whether the terms are to be accepted before a download."""
        return self.redistribution != "allowed"


class MendeleyFile(Section):
    """Where a file stands in Mendeley Data, whose own list says the address.

    Attributes
    ----------
    dataset : str
        The set, as in its DOI.
    version : int
        Its version.
    """

    dataset: Annotated[str, Field(pattern=r"^[a-z0-9]{10}$")] = Field(description="The set, as in its DOI.")
    version: int = Field(ge=1, description="Its version.")


class DataFile(Section):
    """One file of a set.

    Attributes
    ----------
    name : str
        Its name in the folder of the set.
    url : str or None
        Where it is published.
    mendeley : MendeleyFile or None
        In its place.
    size : int or None
        Its size [byte].
    sha256, git_blob : str or None
        Its checksum: of the content, or as git names it. None where nobody knows it.
    members : tuple of str
        Files of a zip archive that are unpacked beside it.
    """

    name: Name = Field(description="Name of the file in the folder of the set.")
    url: Address | None = Field(default=None, description="Where the file is published.")
    mendeley: MendeleyFile | None = Field(default=None, description="Where it stands in Mendeley Data.")
    size: int | None = Field(default=None, ge=1, description="Size [byte].")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of the file."
    )
    git_blob: Annotated[str, Field(pattern="^[0-9a-f]{40}$")] | None = Field(
        default=None, description="How git names the file."
    )
    members: Names = Field(default=(), description="Files of a zip archive that are unpacked.")

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.url is not None and self.mendeley is not None:
            raise refuse("the file has both 'url' and 'mendeley'", "one of the two")
        return self

    @property
    def downloadable(self) -> bool:
        """Whether a program can get it."""
        return self.url is not None or self.mendeley is not None

    @property
    def checksum(self) -> str:
        """Its checksum in words."""
        if self.sha256 is not None:
            return f"SHA-256 {self.sha256}"
        if self.git_blob is not None:
            return f"git blob {self.git_blob}"
        return "SHA-256 as Mendeley Data states it" if self.mendeley is not None else "checksum unknown"


class DataSet(Section):
    """One set of the catalogue.

    Attributes
    ----------
    name, title, kind : str
        What it is.
    period, step : str or None
        How long, and how often.
    variables : tuple of str
        What is measured.
    fit : str
        What it is good for here.
    licence : Licence
        Its terms.
    source, doi, link : str or None
        Citation, DOI of the data, page.
    files : tuple of DataFile
        What is published; none where it comes with the program.
    by_hand : str or None
        What to do where a program cannot get it; FOLDER is the folder of the set.
    templates : tuple of str
        Column maps or scenarios that are written beside the files.
    use : str
        What to do with it; FOLDER and FILE are those of the set.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]*$")] = Field(description="Name of the set.")
    title: str = Field(description="What it is.")
    kind: str = Field(description="What kind of plant, or how it was made.")
    period: str | None = Field(default=None, description="How long it is.")
    step: str | None = Field(default=None, description="How often it was measured.")
    variables: Texts = Field(min_length=1, description="What was measured.")
    fit: Literal["train", "scenario", "residuals", "other"] = Field(description="What it is good for here.")
    licence: Licence = Field(description="Its terms.")
    source: str | None = Field(default=None, description="How to cite it.")
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,}/\S+$")] | None = Field(default=None, description="DOI of the data.")
    link: Address | None = Field(default=None, description="Its page.")
    files: tuple[DataFile, ...] = Field(default=(), strict=False, description="Its files.")
    by_hand: str | None = Field(default=None, description="What to do where no program can get it.")
    templates: Names = Field(default=(), description="Column maps and scenarios that are written beside the files.")
    use: str = Field(description="What to do with it.")

    @model_validator(mode="after")
    def _can_be_got(self) -> Self:
        if self.by_hand is None and not (self.files and all(file.downloadable for file in self.files)):
            raise refuse("a file of the set has no address", "'url' or 'mendeley' for every file, or 'by_hand'")
        return self

    @property
    def size(self) -> int | None:
        """Size of all its files [byte]; None where one is unknown, or there is none."""
        sizes = [file.size for file in self.files]
        return sum(s for s in sizes if s is not None) if sizes and None not in sizes else None

    @property
    def way(self) -> str:
        """How it gets here, in a few words."""
        if not self.files:
            return "with the program"
        return "download" if all(file.downloadable for file in self.files) else "by hand"


class Catalogue(Section):
    """Every set.

    Attributes
    ----------
    sets : tuple of DataSet
        In the order in which they are listed.
    """

    sets: tuple[DataSet, ...] = Field(strict=False, description="The sets.")

    @model_validator(mode="after")
    def _names_apart(self) -> Self:
        names = [one.name for one in self.sets]
        for name in names:
            if names.count(name) > 1:
                raise refuse(f"two sets are named {name!r}", "a name for each")
        return self
