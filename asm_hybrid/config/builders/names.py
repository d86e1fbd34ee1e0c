"""Checks of the names in a config against the kinetics table, each with the line that holds the name."""

from __future__ import annotations

from functools import partial

from asm_hybrid.config.builders.located import known
from asm_hybrid.config.builders.parameter_values import calibration_bounds, parameter_values
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.inputs import INFLUENT

__all__ = ["check_names"]


def check_names(config: PlantFile, table: Table) -> None:
    """Check the names of parameters, and in the config of a run all that calibration and network refer to.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.

    Raises
    ------
    InputError
        If a name is unknown, or a value or bound cannot be; with file and line.
    """
    parameter_values(config, table)
    if isinstance(config, Config):
        calibration_bounds(config, table)
        _check_network(config, table)


def _check_network(config: Config, table: Table) -> None:
    """Check all that the network section names."""
    network = config.network
    _check_reads(config, table)
    for placement in network.placement:
        acts = PLACEMENTS[placement]
        if acts.target_key:
            acts.check(network.targets_of(placement) or (), table, partial(config.where, "network", acts.target_key))
    learns = NETWORKS[network.type]
    reads = {p: network.inputs_of(p) or PLACEMENTS[p].default_inputs(table) for p in network.placement}
    learns.check({key: getattr(network, key) for key in learns.keys}, reads, partial(config.where, "network"))


def _check_reads(config: Config, table: Table) -> None:
    """Check what n reads, placement by placement."""
    network, components = config.network, list(table.component_names)
    loads = [f"load.{name}" for name in (*components, *table.composites)]
    columns = [column for source in config.sources.values() for column in source.columns.values()]
    given = [str(c.target) for c in columns if c.role in ("input", "imposed")]
    series = [n for n in given if not n.startswith(INFLUENT) or n.removeprefix(INFLUENT) in components]
    tanks = config.plant.tanks.values()
    blown = any(n.endswith(".air") for n in given) or any(tank.air is not None for tank in tanks)
    aerated = blown or any(tank.kla is not None for tank in tanks)
    for placement in network.placement:
        inside = PLACEMENTS[placement].in_tanks
        air = ["air"] if (aerated if inside else blown) else []
        options = [*(components if inside else ()), "T", "Q_in", *air, *loads, *series, "time_of_day"]
        what = ", ".join(["T", "Q_in", *air, "load.X, time_of_day or what a column gives, such as influent.S_NH"])
        if not inside:
            what += ", since the influent is no tank; a mapping gives each placement its list"
        else:
            what = f"a component of {table.name}, {what}" + ("" if air else " (no tank has kla or air)")
        for i, name in enumerate(network.inputs_of(placement) or ()):
            keys = (placement, i) if isinstance(network.inputs, dict) else (i,)
            known(name, options, what, config.where("network", "inputs", *keys))
