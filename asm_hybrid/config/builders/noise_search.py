"""What a calibration by likelihood searches for beside parameters: the noises of the states, one by one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from asm_hybrid.config.builders.columns import column_key, used_columns
from asm_hybrid.config.builders.noise import build_process_noise
from asm_hybrid.config.schema.config import Config
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.layout import Layout
from asm_hybrid.plant.process_noise import ProcessNoise

__all__ = ["searched_noises"]


def searched_noises(config: Config, table: Table, layout: Layout) -> dict[str, ProcessNoise]:
    """Return the noises that a calibration by likelihood scales, one for each entry of ``process_noise``.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    dict of str to ProcessNoise
        By the name in the config, without what another entry gives; empty where calibration is not by likelihood.

    Raises
    ------
    InputError
        Where the config asks for such a calibration and lacks what it needs, or has what a Kalman filter does not bear.
    """
    if config.training.calibrate_by != "likelihood":
        return {}
    _check_asked(config)
    _check_plant(config, layout)
    _check_sensors(config)
    where, single = partial(config.where, "process_noise"), {}
    for name, value in config.process_noise.items():
        noise = build_process_noise({name: value}, table, layout, where)
        if noise is not None and noise.noisy.any():
            single[name] = noise
    if not single:
        raise InputError(
            "no state has noise",
            where=config.where("process_noise") if config.process_noise else config.where("training", "calibrate_by"),
            expected="for a calibration by likelihood, the states whose equations are uncertain, and about by how much",
            fix="add at the top level, for example: process_noise: {S_NH: 20 %, S_NO: 20 %}",
        )
    found = {}
    for name, noise in single.items():
        others = [n.noisy for other, n in single.items() if "." in other and other != name and "." not in name]
        free = ~sum(others, start=noise.noisy & False)
        found[name] = replace(noise, absolute=noise.absolute * free, relative=noise.relative * free)
    return found


def _check_asked(config: Config) -> None:
    """Refuse what does not go together with a calibration by likelihood."""
    where = config.where("training", "calibrate_by")
    if config.model.mode != "mechanistic":
        raise InputError(
            f"f is calibrated by likelihood in a run of mode {config.model.mode}",
            where=where,
            expected="mode: mechanistic, since a Kalman filter hides from n what f lacks",
            fix="calibrate f in a run of its own, and start the other from it with training.start_from",
        )
    if "calibration" not in config.training.stages or not config.model.calibrate:
        raise InputError(
            "f is to be calibrated by likelihood, and no parameter is",
            where=where,
            expected="parameters under model.calibrate, and calibration among training.stages",
            fix="name the parameters, or remove calibrate_by",
        )


def _check_plant(config: Config, layout: Layout) -> None:
    """Refuse a plant that switches, or whose volumes vary."""
    varying = [tank.name for tank in layout.tanks if tank.variable]
    steering = [c.name for c in layout.controllers] + [c.name for c in layout.cycles]
    if varying or steering:
        raise InputError(
            f"{', '.join(steering)} steers the plant" if steering else f"the volume of {varying[0]} varies",
            where=config.where("training", "calibrate_by"),
            expected="for a calibration by likelihood, a plant whose flows and aeration are given and volumes stay",
            fix="set training.calibrate_by: simulation",
        )


def _check_sensors(config: Config) -> None:
    """Refuse columns whose sensor or sampler a Kalman filter does not bear."""
    for source, header, column in used_columns(config):
        if column.role != "observation":
            continue
        found = {"bias": column.bias, "lag": column.lag, "delay": column.delay, "sample": column.sample}
        for key, value in found.items():
            if value is not None:
                raise InputError(
                    f"the column {header} has a {'composite' if key == 'sample' else key}",
                    where=column_key(config, source, header, key),
                    expected="for a calibration by likelihood, sensors that show a moment without bias, lag and delay",
                    fix=f"remove {key} where it is small, give the column the role 'ignored', or set training."
                    "calibrate_by: simulation",
                )
