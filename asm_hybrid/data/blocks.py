"""Blocks of the record: where they lie in time, and whether they can do their work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import Edge
from asm_hybrid.data.dataset import Observation
from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.data.stamps import read_stamp
from asm_hybrid.errors import InputError

__all__ = ["check_blocks", "check_inputs", "place_blocks", "zone_name"]

Blocks = dict[str, tuple[float, float]]


def place_blocks(config: Config, origin: pd.Timestamp, span: float) -> Blocks:
    """Return the blocks in time.

    Parameters
    ----------
    config : Config
        The config.
    origin : Timestamp
        Begin of the record, UTC.
    span : float
        Length of the record [d].

    Returns
    -------
    dict of str to (float, float)
        Begin and end [d] from `origin` of calibrate, train, validate, test.

    Raises
    ------
    InputError
        If a block is empty or lies outside the record, or the blocks overlap or are not in order of time.
    """
    section = config.data.blocks
    given = {
        "calibrate": section.calibrate,
        "train": section.train,
        "validate": section.validate_,
        "test": section.test,
    }
    blocks: Blocks = {}
    for name, period in given.items():
        if period is not None:
            begin, end = (_days(config, name, i, edge, origin, span) for i, edge in enumerate(period))
            if not begin < end:
                raise InputError(
                    f"the block {name!r} ends before it begins",
                    where=config.where("data", "blocks", name),
                    expected="[begin, end] with begin before end",
                )
            blocks[name] = begin, end
    blocks.setdefault("calibrate", blocks["train"])
    for first, second in (("train", "validate"), ("validate", "test"), ("calibrate", "test")):
        if blocks[first][1] > blocks[second][0]:
            raise InputError(
                f"the block {second!r} begins before the block {first!r} ends",
                where=config.where("data", "blocks", second),
                expected="train, validate and test in order of time, without overlap",
                fix="move the limits; leave a gap of a few days, so that the plant forgets",
            )
    return {name: blocks[name] for name in given}


def zone_name(config: Config) -> str:
    """Return the zone of times in the config.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    str
        That of the sources if they share one, UTC otherwise.
    """
    zones = {source.time.zone for source in config.data.sources.values()}
    shared = zones.pop() if len(zones) == 1 else None
    return shared or "UTC"


def _days(config: Config, name: str, i: int, edge: Edge, origin: pd.Timestamp, span: float) -> float:
    if isinstance(edge, float):
        return edge * span
    where = config.where("data", "blocks", name, i)
    days = float((read_stamp(edge, zone_name(config), where) - origin) / pd.Timedelta(days=1))
    if not -1.0 <= days <= span + 1.0:
        end = origin + pd.Timedelta(days=span)
        raise InputError(
            f"the block {name!r} reaches to {edge}, where the inputs have no values",
            where=where,
            expected=f"times within the record, {origin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC",
            fix="move the limit, or supply inputs for that time",
        )
    return min(max(days, 0.0), span)


def check_blocks(config: Config, blocks: Blocks, observations: Sequence[Observation]) -> list[QualityFinding]:
    """Check that every block has observations, and that the blocks are apart.

    Parameters
    ----------
    config : Config
        The config.
    blocks : dict of str to (float, float)
        Begin and end [d].
    observations : sequence of Observation
        The measured series.

    Returns
    -------
    list of QualityFinding
        Kinds ``block without observations`` (an error when no variable has any) and ``blocks touch``.
    """
    file = str(config.source_path or "config")
    found = []
    for name, (begin, end) in blocks.items():
        if name == "calibrate" and (begin, end) == blocks["train"]:
            continue
        first = max(begin, config.training.warmup)
        empty = [o.label for o in observations if not ((o.times >= first) & (o.times <= end)).any()]
        if empty:
            every = len(empty) == len(observations)
            found.append(
                QualityFinding(
                    "error" if every else "warning",
                    config.where("data", "blocks", name),
                    "",
                    "",
                    "block without observations",
                    f"the block {name!r} has no observation of {', '.join(empty)} after the warm-up",
                    "measured values in every block",
                    "move the limits of the block, or shorten training.warmup",
                )
            )
    for first_name, second in (("train", "validate"), ("validate", "test")):
        if second in blocks and blocks[first_name][1] == blocks[second][0]:
            found.append(
                QualityFinding(
                    "warning",
                    file,
                    "",
                    "",
                    "blocks touch",
                    f"{first_name} and {second} have no gap between them: the plant's memory leaks across",
                    "a gap of about one to three days",
                    "move a limit under data.blocks",
                )
            )
    return found


def check_inputs(
    config: Config, blocks: Blocks, times: NDArray[np.float64], filled: Mapping[str, NDArray[np.bool_]]
) -> list[QualityFinding]:
    """Check that every block has measured inputs.

    Parameters
    ----------
    config : Config
        The config.
    blocks : dict of str to (float, float)
        Begin and end [d].
    times : float array, (knot,)
        Times of the knots [d].
    filled : mapping of str to bool array, (knot,)
        For every input that a column gives: where a long gap was bridged.

    Returns
    -------
    list of QualityFinding
        Kinds ``block without inputs`` (error) and ``inputs bridged``.
    """
    found = []
    for name, (begin, end) in blocks.items():
        if name == "calibrate" and (begin, end) == blocks["train"]:
            continue
        inside = (times >= begin) & (times <= end)
        share = {label: float(mask[inside].mean()) if inside.any() else 1.0 for label, mask in filled.items()}
        absent = [label for label in share if share[label] == 1.0]
        sparse = [f"{label} ({100 * share[label]:.0f} %)" for label in share if 0.25 < share[label] < 1.0]
        where = config.where("data", "blocks", name)
        if absent:
            found.append(
                QualityFinding(
                    "error",
                    where,
                    "",
                    "",
                    "block without inputs",
                    f"the block {name!r} has no measured value of {', '.join(absent)}",
                    "measured inputs in every block",
                    "move the limits of the block, or supply the series",
                )
            )
        if sparse:
            found.append(
                QualityFinding(
                    "warning",
                    where,
                    "",
                    "",
                    "inputs bridged",
                    f"the block {name!r} bridges gaps above 4 sampling intervals in {', '.join(sparse)}",
                )
            )
    return found
