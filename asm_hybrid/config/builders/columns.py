"""The columns of a config: what each of them gives, and the place of its keys."""

from __future__ import annotations

from collections.abc import Iterator

from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.config.schema.sensor import LEARN
from asm_hybrid.errors import InputError

__all__ = ["check_delays", "column_key", "observed_targets", "series_targets", "used_columns"]


def used_columns(config: PlantFile) -> Iterator[tuple[str, str, ColumnSection]]:
    """Yield every column that is not ignored.

    Parameters
    ----------
    config : PlantFile
        A plant, which has no columns, or a config.

    Yields
    ------
    source, header : str
        Name of the source, and header of the column.
    column : ColumnSection
        What it means.
    """
    for source, section in config.sources.items():
        for header, column in section.columns.items():
            if column.role != "ignored":
                yield source, header, column


def column_key(config: PlantFile, source: str, header: str, key: str) -> str:
    """Return where a key of a column stands, for messages.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    source, header : str
        The column.
    key : str
        A key of its section, such as ``unit``.

    Returns
    -------
    str
        File, line and key.
    """
    return config.where("data", "sources", source, "columns", header, key)


def series_targets(config: PlantFile) -> dict[str, tuple[str, str]]:
    """Return the inputs and imposed states that columns give.

    Parameters
    ----------
    config : PlantFile
        A plant, which has no columns, or a config.

    Returns
    -------
    dict of str to (str, str)
        Model name, with source and header of its column.
    """
    found: dict[str, tuple[str, str]] = {}
    for source, header, column in used_columns(config):
        if column.role == "observation":
            continue
        target = str(column.target)
        if target in found:
            first = found[target]
            raise InputError(
                f"{target} is given twice: by {first[1]!r} of {first[0]!r} and {header!r} of {source!r}",
                where=column_key(config, source, header, "as"),
                expected="one column for each input",
                fix="give one of the two the role 'ignored'",
            )
        found[target] = (source, header)
    return found


def check_delays(config: Config) -> None:
    """Check that the dead times that are to be learnt can be.

    Parameters
    ----------
    config : Config
        A config.

    Raises
    ------
    InputError
        If a dead time is to be found beside the parameters of f, and none of these is calibrated.
    """
    calibrates = bool(config.model.calibrate) and "calibration" in config.training.stages
    if calibrates or config.training.start_from is not None:
        return
    for source, header, column in used_columns(config):
        if column.delay == LEARN:
            raise InputError(
                f"the dead time of {header!r} is to be learnt, and f is not calibrated",
                where=column_key(config, source, header, "delay"),
                expected="parameters of f beside which it is found",
                fix="name parameters under model.calibrate, with calibration among training.stages; or give the dead "
                "time, such as delay: 20 min",
            )


def observed_targets(config: PlantFile) -> dict[str, str]:
    """Return the observed columns with what they measure.

    Parameters
    ----------
    config : PlantFile
        A plant, which has no columns, or a config.

    Returns
    -------
    dict of str to str
        Header to ``TANK.NAME`` or ``effluent.NAME``, in the order of the config.
    """
    return {header: str(c.target) for _, header, c in used_columns(config) if c.role == "observation"}
