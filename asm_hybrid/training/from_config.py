"""What a config says of a training: the settings of n, knots and steps."""

from __future__ import annotations

import numpy as np

from asm_hybrid.config import Config, observed_targets
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.hybrid.spec import TermSpec
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import CLOCK
from asm_hybrid.solver.grid import Grid

__all__ = ["checkpoint_knots", "make_grid", "term_specs"]


def term_specs(config: Config, table: Table) -> tuple[TermSpec, ...]:
    """Return the settings of n that a config names, defaults filled in.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.

    Returns
    -------
    tuple of TermSpec
        One a placement.
    """
    network, observed, specs = config.network, tuple(observed_targets(config).values()), []
    for placement in network.placement:
        acts = PLACEMENTS[placement]
        read = network.inputs_of(placement) or acts.default_inputs(table)
        specs.append(
            TermSpec(
                placement=placement,
                inputs=tuple(n for name in read for n in (CLOCK if name == "time_of_day" else (name,))),
                targets=acts.choose(network.targets_of(placement), table, observed),
                hidden=tuple(network.hidden),
                activation=network.activation,
                seeds=tuple(config.training.seeds),
                network=network.type,
                options=network.options_of(placement),
            )
        )
    return tuple(specs)


def make_grid(config: Config) -> Grid:
    """Return the knots and steps that a config asks for.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    Grid
        The step is shortened to divide the interval.
    """
    interval = config.data.interval
    substeps = max(1, int(np.ceil(interval / config.training.step - 1e-9)))
    return Grid(interval, substeps, config.data.interpolation == "linear")


def checkpoint_knots(config: Config) -> int | None:
    """Return the knot intervals that a config wants to be held in memory at once.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    int or None
        None for all.
    """
    asked = config.training.checkpoint
    return None if asked is None else max(1, round(asked / config.data.interval))
