"""What ``asm-hybrid init`` writes: a commented config, or the example with its data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["template_text", "write_example", "write_template"]

FILE_NAME = "config.yaml"
EXAMPLE_DATA = "plant.csv"


def template_text() -> str:
    """Return the commented config.

    Returns
    -------
    str
        YAML.
    """
    return (files("asm_hybrid.config") / "templates" / FILE_NAME).read_text(encoding="utf-8")


def write_template(directory: str | Path) -> Path:
    """Write the commented config into a folder.

    Parameters
    ----------
    directory : path
        The folder; made when it does not exist.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    InputError
        If the folder has such a file already, or cannot be written.
    """
    return _write(Path(directory), {FILE_NAME: template_text().encode()})


def write_example(directory: str | Path) -> Path:
    """Write the config of the quickstart and its data into a folder.

    Parameters
    ----------
    directory : path
        The folder; made when it does not exist.

    Returns
    -------
    Path
        The config that was written; its data stand beside it.

    Raises
    ------
    InputError
        If the folder has such files already, or cannot be written.
    """
    config, data = _example()
    text = config.read_text(encoding="utf-8").replace(f"../data/quickstart/{EXAMPLE_DATA}", EXAMPLE_DATA)
    return _write(Path(directory), {EXAMPLE_DATA: data.read_bytes(), FILE_NAME: text.encode()})


def _example() -> tuple[Traversable, Traversable]:
    """Return config and data of the quickstart: in the package, or in the repository of an editable installation."""
    packed = files("asm_hybrid.config") / "templates" / "example"
    if packed.is_dir():
        return packed / "quickstart.yaml", packed / EXAMPLE_DATA
    root = Path(__file__).parents[2]
    return root / "configs" / "quickstart.yaml", root / "data" / "quickstart" / EXAMPLE_DATA


def _write(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write files into a folder that has none of them, and return the last."""
    targets = [folder / name for name in contents]
    for target in targets:
        if target.exists():
            raise InputError(
                "the file exists already",
                where=str(target),
                expected=f"a folder without a {target.name}",
                fix="choose another folder, or move the file away",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, content in zip(targets, contents.values(), strict=True):
            with target.open("xb") as stream:
                stream.write(content)
    except FileExistsError:
        raise InputError(
            "the path is a file, not a folder",
            where=str(folder),
            expected=f"a folder without a {FILE_NAME}",
            fix="choose another folder, or move the file away",
        ) from None
    except OSError as error:
        raise InputError(
            f"the folder cannot be written: {error.strerror or error}",
            where=str(folder),
            expected="a folder in which you may write",
        ) from None
    return targets[-1]
